"""What is done to every request before anything looks at it, and to every answer before it leaves."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from governance.web.problems import Refusal, RequestRefused, refusal_of

FILES_BYTES: Final = 26 * 1024 * 1024
"""Largest body of a form with files."""

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

_BOUNDARY: Final = re.compile(rb'boundary="?([^";,]{1,70})')


class Precautions:
    """Takes a body up to a limit and keeps its digest, refuses what no text can hold, and adds :data:`HEADERS`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in given),
                ]
            await send(message)

        try:
            _require_no_nul(scope)
            receive = await _taken(scope, receive)
        except RequestRefused as error:
            await refusal_of(Request(scope), error)(scope, receive, guarded)
            return
        await self.app(scope, receive, guarded)


def _require_no_nul(scope: Scope) -> None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise RequestRefused(Refusal.MALFORMED, "The address has a NUL in it; leave it out.")


async def _taken(scope: Scope, receive: Receive) -> Receive:
    """Read the whole body; what comes after it (the client left) is passed on."""
    kind = dict(scope["headers"]).get(b"content-type", b"")
    is_form = kind.lower().startswith(b"multipart/form-data")
    limit = FILES_BYTES if is_form else DOCUMENT_BYTES
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise RequestRefused(Refusal.TOO_LARGE, f"The body is larger than {limit:,} bytes; send less.")
    whole = bytes(body)
    # The boundary of a form is chosen anew each time it is sent.
    boundary = _BOUNDARY.search(kind) if is_form else None
    said = whole.replace(boundary[1], b"") if boundary else whole
    scope.setdefault("state", {})["body_digest"] = hashlib.sha256(said).hexdigest()
    given = False

    async def once_more() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": whole, "more_body": False}

    return once_more
