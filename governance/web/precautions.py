"""What is done to every request before anything looks at it, and to every answer before it leaves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from tempfile import SpooledTemporaryFile
from typing import IO, Final, TypeGuard

from anyio import move_on_after
from fastapi import params
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from governance import people
from governance.database import reading
from governance.vocabulary import Origin
from governance.web.credentials import credentials_of, not_logged_in
from governance.web.installation import installation_of
from governance.web.problems import Refusal, RequestRefused, answer_to

FILES_BYTES: Final = 26 * 1024 * 1024
"""Largest body that is sent to a route that takes files."""

DOCUMENT_BYTES: Final = 1024 * 1024
"""Largest body of anything else."""

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Of every answer, unless a route says something else."""

DOCUMENT_SECONDS: Final = 30
FILES_SECONDS: Final = 300
"""How long a body may take to arrive."""

_PIECE_BYTES: Final = 256 * 1024

_BOUNDARY: Final = re.compile(rb'boundary="?([^";,]{1,70})')


class Precautions:
    """Takes a body up to a limit and keeps its digest, refuses what no text can hold, and adds :data:`HEADERS`.

    Args:
        app: What comes next.
        files: Where files are sent to: a large body is taken there only, and of nobody who is not known.
    """

    def __init__(self, app: ASGIApp, files: Collection[re.Pattern[str]]) -> None:
        self.app = app
        self.files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        unread = True

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                wanted = HEADERS | ({"connection": "close"} if unread else {})  # the rest of the body is not waited for
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in wanted.items() if name.encode() not in given),
                ]
            await send(message)

        with SpooledTemporaryFile(max_size=DOCUMENT_BYTES) as body:
            try:
                _require_no_nul(scope)
                receive = await self._taken(scope, receive, body)
                unread = False
            except Exception as error:  # no handler of the application is as far out as this
                await (await answer_to(Request(scope), error))(scope, receive, guarded)
                return
            await self.app(scope, receive, guarded)

    async def _taken(self, scope: Scope, receive: Receive, body: IO[bytes]) -> Receive:
        """Read the whole body; what comes after it (the client left) is passed on."""
        limit, seconds = DOCUMENT_BYTES, DOCUMENT_SECONDS
        if scope["method"] == "POST" and any(place.match(scope["path"]) for place in self.files):
            await run_in_threadpool(_require_known, Request(scope))
            limit, seconds = FILES_BYTES, FILES_SECONDS
        kind = dict(scope["headers"]).get(b"content-type", b"")
        # The boundary of a form is chosen anew each time it is sent.
        boundary = _BOUNDARY.search(kind) if kind.lower().startswith(b"multipart/form-data") else None
        said = _Said(boundary[1] if boundary else b"")
        more = True
        with move_on_after(seconds) as time:
            while more and (message := await receive())["type"] == "http.request":
                piece = message.get("body", b"")
                more = message.get("more_body", False)
                said.take(piece)
                body.write(piece)
                if body.tell() > limit:
                    raise RequestRefused(Refusal.TOO_LARGE, f"The body is larger than {limit:,} bytes; send less.")
        if time.cancelled_caught:
            raise RequestRefused(Refusal.TOO_SLOW, f"The body was not here after {seconds} seconds; send it again.")
        scope.setdefault("state", {})["body_digest"] = said.hexdigest()
        size = body.tell()
        body.seek(0)
        given = False

        async def once_more() -> Message:
            nonlocal given
            if given:
                return await receive()
            piece = body.read(_PIECE_BYTES)
            given = body.tell() == size
            return {"type": "http.request", "body": piece, "more_body": not given}

        return once_more


class _Said:
    """The digest of a body without the boundary of its form, of which only a piece at a time is in memory."""

    def __init__(self, boundary: bytes) -> None:
        self._boundary, self._digest, self._left = boundary, hashlib.sha256(), b""

    def take(self, piece: bytes) -> None:
        """What comes next."""
        if not self._boundary:
            self._digest.update(piece)
            return
        *before, rest = (self._left + piece).split(self._boundary)
        for part in before:
            self._digest.update(part)
        # The boundary may have begun in what is left, and goes on in the next piece.
        sure = max(0, len(rest) - len(self._boundary) + 1)
        self._digest.update(rest[:sure])
        self._left = rest[sure:]

    def hexdigest(self) -> str:
        """Of all of it."""
        self._digest.update(self._left)
        self._left = b""
        return self._digest.hexdigest()


def takes_files(route: BaseRoute) -> TypeGuard[APIRoute]:
    """Whether a form with files is sent to a route."""
    return isinstance(route, APIRoute) and any(
        isinstance(part.field_info, params.File) for part in route.dependant.body_params
    )


def _require_known(request: Request) -> None:
    """Go on only with the body of somebody who is known. Raises: NotLoggedIn, RequestRefused."""
    house = installation_of(request)
    shown = credentials_of(request)
    with reading(house.engine) as session:
        if shown is None:
            raise not_logged_in(session)
        people.identify(session, shown.secret, origin=Origin.API, at=house.clock())


def _require_no_nul(scope: Scope) -> None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise RequestRefused(Refusal.MALFORMED, "The address has a NUL in it; leave it out.")
