"""Every refusal as problem details (RFC 9457): one table says which error is which status."""

from __future__ import annotations

import errno
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from governance import errors

MEDIA_TYPE: Final = "application/problem+json"

_LOG: Final = logging.getLogger("driftgate.web")

_ONCE_MORE_SECONDS: Final = 5
"""After which a client that found the database busy may ask again."""

STATUSES: Final[Mapping[type[errors.DriftgateError], HTTPStatus]] = MappingProxyType(
    {
        errors.UnreadableFile: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.SchemaMismatch: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NoUsableTarget: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.TrainingImpossible: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.UnusableName: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.UnusableValue: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ExpressionError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.ProjectFileError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.TemplateError: HTTPStatus.UNPROCESSABLE_ENTITY,
        errors.NotFound: HTTPStatus.NOT_FOUND,
        errors.NotLoggedIn: HTTPStatus.UNAUTHORIZED,
        errors.TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
        errors.NotAllowed: HTTPStatus.FORBIDDEN,
        errors.TransitionNotAllowed: HTTPStatus.CONFLICT,
        errors.SignOffRefused: HTTPStatus.CONFLICT,
        errors.ActivationRefused: HTTPStatus.CONFLICT,
        errors.ConfirmationNeeded: HTTPStatus.CONFLICT,
        errors.ActRefused: HTTPStatus.CONFLICT,
        errors.ClockMovedBack: HTTPStatus.CONFLICT,
        errors.ClockAhead: HTTPStatus.CONFLICT,
        errors.ChangedMeanwhile: HTTPStatus.CONFLICT,
        errors.ContentAltered: HTTPStatus.CONFLICT,
        errors.ServerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
"""Every error that can be raised, and its status."""

CARRIED: Final = (
    "reasons", "field", "line", "problem", "remedy", "subject", "action", "allowed", "environment", "expected", "found",
    "known",
)  # fmt: skip
"""What of an error a machine is told besides the sentence."""


class Refusal(StrEnum):
    """Refusals that are about HTTP and not about driftgate."""

    MALFORMED = "The request is malformed"
    CROSS_SITE = "The request did not come from these pages"
    TOO_LARGE = "The request is too large"
    TOO_SLOW = "The request takes too long to arrive"
    PRECONDITION_MISSING = "A precondition is missing"
    KEY_REUSED = "The idempotency key was used for another request"
    PROVIDER_SILENT = "The OpenID Connect provider does not answer"
    DATABASE_BUSY = "The database does not answer"
    STORE_SILENT = "The artifact store does not answer"
    NO_ROOM = "There is no room left on the disk"


REFUSALS: Final[Mapping[Refusal, HTTPStatus]] = MappingProxyType(
    {
        Refusal.MALFORMED: HTTPStatus.BAD_REQUEST,
        Refusal.CROSS_SITE: HTTPStatus.FORBIDDEN,
        Refusal.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        Refusal.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
        Refusal.PRECONDITION_MISSING: HTTPStatus.PRECONDITION_REQUIRED,
        Refusal.KEY_REUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
        Refusal.PROVIDER_SILENT: HTTPStatus.SERVICE_UNAVAILABLE,
        Refusal.DATABASE_BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
        Refusal.STORE_SILENT: HTTPStatus.SERVICE_UNAVAILABLE,
        Refusal.NO_ROOM: HTTPStatus.INSUFFICIENT_STORAGE,
    }
)


class RequestRefused(Exception):
    """A request that no service was asked about.

    Args:
        refusal: Which kind.
        detail: One sentence: what was wrong, and what to do.
    """

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(refusal, detail)
        self.refusal, self.detail = refusal, detail


class WrongField(BaseModel):
    """One part of a request that can't be used."""

    field: str = Field(description="Where it stands, e.g. body.name.")
    problem: str


class Problem(BaseModel):
    """Why a request was refused (RFC 9457). ``detail`` is a sentence for people."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["urn:driftgate:problem:SignOffRefused"])
    title: str = Field(examples=["A role or a guard says no"])
    status: int = Field(examples=[409])
    detail: str = Field(examples=["credit/fraud/1: 'approve' is refused: will is not a final approver."])
    instance: str = Field(examples=["/api/v1/items/3/sign-off/approve"])
    reasons: list[str] | None = None
    errors: list[WrongField] | None = None


def status_of(error: errors.DriftgateError) -> HTTPStatus:
    """The status of an error.

    Example:
        >>> status_of(errors.NotFound("store", "drfit")).value
        404
    """
    return STATUSES[type(error)]


def problem_of(request: Request, error: errors.DriftgateError) -> JSONResponse:
    """The answer to a request that a service refused."""
    status = status_of(error)
    if isinstance(error, errors.ChangedMeanwhile) and "if-match" in request.headers:
        status = HTTPStatus.PRECONDITION_FAILED
    headers = {}
    if isinstance(error, errors.TooManyAttempts):
        headers["Retry-After"] = str(max(1, round(error.wait_seconds)))
    elif status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="driftgate"'
    more = {name: getattr(error, name) for name in CARRIED if getattr(error, name, None) not in (None, "", ())}
    title = (type(error).__doc__ or "").partition(";")[0].strip().rstrip(".")
    return answer(request, status, type(error).__name__, title, str(error), headers=headers, **more)


def answer(
    request: Request,
    status: HTTPStatus,
    kind: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """Problem details as they are sent."""
    document = {
        "type": f"urn:driftgate:problem:{kind}",
        "title": title,
        "status": status.value,
        "detail": detail,
        "instance": request.url.path,
        **{name: value if isinstance(value, list | tuple) else str(value) for name, value in more.items()},
    }
    return JSONResponse(document, status.value, headers=headers, media_type=MEDIA_TYPE)


def answer_errors(app: FastAPI) -> None:
    """Have every error that leaves a route answered with problem details."""
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)


async def answer_to(request: Request, error: Exception) -> JSONResponse:
    """The answer to a request that did not come as far as a route because of an error."""
    handler = next(HANDLERS[kind] for kind in type(error).__mro__ if kind in HANDLERS)
    return await handler(request, error)


def refusal_of(request: Request, error: RequestRefused, **more: Any) -> JSONResponse:
    """The answer to a request that no service was asked about."""
    refusal = error.refusal
    headers = {"Retry-After": str(_ONCE_MORE_SECONDS)} if refusal is Refusal.DATABASE_BUSY else None
    kind = refusal.name.title().replace("_", "")
    return answer(request, REFUSALS[refusal], kind, refusal.value, error.detail, headers=headers, **more)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.DriftgateError)  # noqa: S101  registered for these only
    return problem_of(request, error)


async def _not_asked(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestRefused)  # noqa: S101
    return refusal_of(request, error)


async def _unusable(request: Request, error: Exception) -> JSONResponse:
    """What does not fit the description of the API: 400 when it is no JSON at all, else 422 with every wrong field."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = [
        {"field": ".".join(map(str, one["loc"])).encode(errors="replace").decode(), "problem": one["msg"]}
        for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return refusal_of(request, RequestRefused(Refusal.MALFORMED, "The body is not JSON; send a JSON document."))
    detail = f"{found[0]['field']}: {found[0]['problem']}." if found else "The request can't be used."
    title = "The request does not fit the description of the API"
    return answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, "RequestNotUsable", title, detail, errors=found)


async def _no_such_route(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    return answer(
        request, status, status.phrase.title().replace(" ", ""), status.phrase, error.detail, headers=error.headers
    )


def busy() -> RequestRefused:
    """The refusal of a request for which the database has no time."""
    detail = "The database is busy or can't be reached; nothing was written; try again."
    return RequestRefused(Refusal.DATABASE_BUSY, detail)


async def _of_the_database(request: Request, error: Exception) -> JSONResponse:
    """503 when it is busy or gone, 507 when it has no room left; else an error nobody foresaw."""
    if _is_full(error):
        return _told_with_number(request, error, Refusal.NO_ROOM, "Nothing was written.")
    unreachable = isinstance(error, OperationalError | InterfaceError | NoConnection)
    if unreachable or (isinstance(error, DBAPIError) and error.connection_invalidated):
        _LOG.error("the database did not answer", exc_info=error)
        return refusal_of(request, busy())
    return await _unexpected(request, error)


def _is_full(error: Exception) -> bool:
    """Whether a database says that its disk is full, in SQLite's words or in PostgreSQL's."""
    said = getattr(error, "orig", None)
    return getattr(said, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(said, "sqlstate", "") == "53100"


async def _of_the_disk(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OSError)  # noqa: S101
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _told_with_number(request, error, Refusal.NO_ROOM, "Nothing was written.")
    return _told_with_number(
        request, error, Refusal.STORE_SILENT, "A file can't be read or written; nothing was written."
    )


def _told_with_number(request: Request, error: Exception, refusal: Refusal, detail: str) -> JSONResponse:
    """What an administrator has to see to: what and where is in the log under a number, and not in the answer."""
    number = secrets.token_hex(8)
    _LOG.error("error %s at %s %s", number, request.method, request.url.path, exc_info=error)
    told = RequestRefused(refusal, f"{detail} What happened is in the log under {number}.")
    return refusal_of(request, told, id=number)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """An error nobody foresaw: its traceback goes into the log under a number, and nothing of it into the answer."""
    number = secrets.token_hex(8)
    _LOG.error("unexpected error %s at %s %s", number, request.method, request.url.path, exc_info=error)
    detail = f"This is an error that driftgate did not foresee; its traceback is in the log under {number}."
    title = "An error that driftgate did not foresee"
    return answer(request, HTTPStatus.INTERNAL_SERVER_ERROR, "Unexpected", title, detail, id=number)


HANDLERS: Final[Mapping[type[Exception], Callable[[Request, Exception], Awaitable[JSONResponse]]]] = MappingProxyType(
    {
        errors.DriftgateError: _refused,
        RequestRefused: _not_asked,
        RequestValidationError: _unusable,
        HTTPException: _no_such_route,
        SQLAlchemyError: _of_the_database,
        OSError: _of_the_disk,
        Exception: _unexpected,
    }
)
"""Who answers to which error; to others, who answers to what they are a kind of."""
