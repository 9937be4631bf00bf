"""How a function becomes a route: one transaction, one person who acts, one answer that is sent when all is kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Response
from pydantic import BaseModel, TypeAdapter
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import JSONResponse

from governance import database, people
from governance.artifacts import digest
from governance.audit import Actor
from governance.errors import DriftgateError
from governance.listing import Listing, Page
from governance.vocabulary import Origin
from governance.web.credentials import (
    SAFE_METHODS,
    Credentials,
    address_of,
    credentials_of,
    not_logged_in,
    note_use,
)
from governance.web.installation import Installation, installation_of
from governance.web.parameters import (
    CSRF_TOKEN,
    FILTER,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    Listed,
    Wanted,
    list_parameters,
)
from governance.web.problems import MEDIA_TYPE, Refusal, RequestRefused, busy
from governance.web.repeating import Recorded, keep, take_up
from governance.web.storable import require_storable

Function = TypeVar("Function", bound=Callable[..., Any])
AfterRefusal = Callable[[Session, DriftgateError, Actor, datetime, Mapping[str, Any]], None]
"""Writes down that an act was refused, in a transaction of its own."""

READS: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND,
                HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE,
                HTTPStatus.INSUFFICIENT_STORAGE)  # fmt: skip
"""Statuses in which any request may be refused. Of one that reads a conflict: what is in the store was altered."""

CONDITIONAL: Final = (HTTPStatus.PRECONDITION_FAILED,)
"""Statuses besides, of what heeds ``If-Match``."""

LOCKED: Final = (*CONDITIONAL, HTTPStatus.PRECONDITION_REQUIRED)
"""Statuses besides, of what is changed only by whoever has seen how it is."""

BINARY: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@dataclass(frozen=True)
class Act:
    """What a route is given.

    Args:
        session: Its transaction; of a reading route it can't write.
        actor: Who is logged in.
        at: When.
        house: Where the artifacts are.
        shown: By what the actor is known.
        address: Where the request comes from.
        expected_revision: From ``If-Match``; none: whatever is there.
    """

    session: Session
    actor: Actor
    at: datetime
    house: Installation
    shown: Credentials
    address: str
    expected_revision: int | None = None


@dataclass(frozen=True)
class Routes:
    """The routes of one noun.

    Args:
        noun: In the description of the API.
        description: What it is about, in a sentence.
    """

    noun: str
    description: str
    router: APIRouter = field(default_factory=APIRouter)

    def reads(self, path: str, shown: Any) -> Callable[[Function], Function]:
        """Make a function that reads answer to GET with what it returns, as the model ``shown`` shows it."""
        return self._adds("GET", path, shown)

    def downloads(self, path: str, *, method: str = "GET") -> Callable[[Function], Function]:
        """Make a function that returns bytes answer to GET, or to POST when that is an act.

        It only reads, so that nobody waits for it however much there is; the line of an act it writes in a transaction
        of its own, once the bytes are ready.
        """
        return self._adds(method, path, None, binary=True)

    def lists(self, path: str, listing: Listing, shown: type[BaseModel]) -> Callable[[Function], Function]:
        """Make a function that returns a page of rows answer to GET; it is handed what is wanted of the list."""
        return self._adds("GET", path, Listed[shown], listing=listing)  # type: ignore[valid-type]

    def makes(
        self,
        path: str,
        shown: Any,
        *,
        status: HTTPStatus = HTTPStatus.CREATED,
        conditional: bool = False,
        secret: str | None = None,
        after_refusal: AfterRefusal | None = None,
    ) -> Callable[[Function], Function]:
        """Make a function that writes answer to POST, with idempotency keys.

        Args:
            path: Below ``/api/v1``.
            shown: Model of the answer.
            status: Of success.
            conditional: Whether it heeds ``If-Match``, if it is sent.
            secret: Field of the answer that is given once and kept nowhere.
            after_refusal: Writes down that it was refused.
        """
        return self._adds(
            "POST", path, shown, status=status, conditional=conditional, secret=secret, after_refusal=after_refusal
        )

    def changes(self, method: str, path: str, shown: Any, *, locked: bool = True) -> Callable[[Function], Function]:
        """Make a function that changes something answer to PUT, PATCH or DELETE.

        Args:
            method: Which.
            path: Below ``/api/v1``.
            shown: Model of the answer; none: there is nothing left to show.
            locked: Whether ``If-Match`` is needed; not for what never changes and is only there or not.
        """
        status = HTTPStatus.NO_CONTENT if shown is None else HTTPStatus.OK
        return self._adds(method, path, shown, status=status, locked=locked)

    def _adds(self, method: str, path: str, shown: Any, **options: Any) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            way = _Way(function, method, shown, **options)
            refused = (*READS, *(LOCKED if way.locked else CONDITIONAL if way.conditional else ()))
            self.router.add_api_route(
                path,
                way.endpoint(),
                methods=[method],
                status_code=way.status,
                tags=[self.noun],
                summary=function.__name__.replace("_", " ").capitalize(),
                operation_id=function.__name__,
                response_model=shown,
                response_class=Response if way.binary else JSONResponse,
                responses=documented(*refused) | (BINARY if way.binary else {}),
            )
            return function

        return add


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Refusals as OpenAPI has them."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status.value: {"description": status.phrase.title(), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


@dataclass(frozen=True)
class _Way:
    """From a request to an answer through one function."""

    function: Callable[..., Any]
    method: str
    shown: Any
    status: HTTPStatus = HTTPStatus.OK
    locked: bool = False
    conditional: bool = False
    listing: Listing | None = None
    secret: str | None = None
    after_refusal: AfterRefusal | None = None
    binary: bool = False

    def endpoint(self) -> Callable[..., Response]:
        """The function as FastAPI calls it, with the headers and the filters that it takes besides."""
        own = list(inspect.signature(self.function, eval_str=True).parameters.values())[1:]  # without the act
        of_list = {} if self.listing is None else list_parameters(self.listing)
        headers = self._headers()
        returned = TypeAdapter(self.shown)

        @wraps(self.function)
        def endpoint(*, request: Request, **given: Any) -> Response:
            conditions = {name: given.pop(name) for name in headers}
            if self.listing is not None:
                asked = {name.removeprefix(FILTER): given.pop(name) for name in of_list}
                given["wanted"] = Wanted.of(asked)
            return self._go(request, given, returned, conditions.get("if_match"), conditions.get("key"))

        named = inspect.Parameter.KEYWORD_ONLY
        taken = [inspect.Parameter("request", named, annotation=Request)]
        taken += [parameter.replace(kind=named) for parameter in own if parameter.name != "wanted"]
        taken += [
            inspect.Parameter(name, named, default=None, annotation=kind)
            for name, kind in {**of_list, **headers}.items()
        ]
        endpoint.__signature__ = inspect.Signature(taken)  # type: ignore[attr-defined]
        return endpoint

    def _headers(self) -> dict[str, Any]:
        """The headers that the method takes, by what they are called here."""
        if self.method in SAFE_METHODS:
            return {}
        conditions = {"if_match": IF_MATCH} if self.locked or self.conditional else {}
        keys = {"key": IDEMPOTENCY_KEY} if self.method == "POST" and not self.binary else {}
        return {**conditions, **keys, "csrf": CSRF_TOKEN}

    def _go(
        self,
        request: Request,
        given: Mapping[str, Any],
        returned: TypeAdapter[Any],
        if_match: str | None,
        key: str | None,
    ) -> Response:
        house = installation_of(request)
        at = house.clock()
        for name, value in given.items():
            require_storable(value, name)
        shown = credentials_of(request)
        if self.locked and if_match is None:
            detail = "Say which revision you have seen: send its ETag as If-Match."
            raise RequestRefused(Refusal.PRECONDITION_MISSING, detail)
        revision = None if if_match in {None, "*"} else int(str(if_match).strip('"'))
        actor: Actor | None = None
        reads = self.binary or self.method in SAFE_METHODS
        try:
            with database.reading(house.engine) if reads else _writing(house) as session:
                if shown is None:
                    raise not_logged_in(session)
                actor = people.identify(session, shown.secret, origin=Origin.API, at=at)
                act = Act(session, actor, at, house, shown, address_of(request), revision)
                claimed = None if key is None else take_up(session, key, request, actor, at=at)
                if isinstance(claimed, Recorded):
                    return _sent(claimed, repeated=True)
                found = self.function(act, **given)
                kept = isinstance(found, Response | people.Refusal)
                answer = found if kept else self._answer(found, returned)
                if claimed is not None and isinstance(answer, Recorded):
                    keep(session, claimed, self._without_secret(answer))
        except DriftgateError as refused:
            if self.after_refusal is not None and actor is not None:
                with database.transaction(house.engine) as session:
                    self.after_refusal(session, refused, actor, at, given)
            raise
        note_use(house, shown, at)
        if isinstance(answer, people.Refusal):
            raise answer.error()
        return answer if isinstance(answer, Response) else _sent(answer)

    def _answer(self, found: Any, returned: TypeAdapter[Any]) -> Recorded:
        """What is said, built while the transaction is open and sent only after it has been kept."""
        if self.status is HTTPStatus.NO_CONTENT:
            return Recorded(self.status, None, {})
        if isinstance(found, Page):
            found = {"items": found.rows, "next": found.next}
        document = returned.dump_python(returned.validate_python(found, from_attributes=True), mode="json")
        headers = {}
        if isinstance(document, dict) and self.listing is None:
            headers["ETag"] = f'"{document["revision"] if "revision" in document else digest(document)[:16]}"'
        return Recorded(self.status, document, headers)

    def _without_secret(self, answer: Recorded) -> Recorded:
        if self.secret is None:
            return answer
        return Recorded(answer.status, {**answer.document, self.secret: None}, answer.headers)


@contextmanager
def _writing(house: Installation) -> Iterator[Session]:
    """The transaction of an act, if there is a place left. Raises: RequestRefused when too many wait to write."""
    if not house.writers.acquire(blocking=False):
        raise busy()
    try:
        with database.transaction(house.engine) as session:
            yield session
    finally:
        house.writers.release()


def _sent(answer: Recorded, *, repeated: bool = False) -> Response:
    headers = answer.headers | ({"Idempotency-Replayed": "true"} if repeated else {})
    if answer.document is None:
        return Response(status_code=answer.status, headers=headers)
    content = TypeAdapter(Any).dump_json(answer.document)
    return Response(content, answer.status, headers, media_type="application/json")
