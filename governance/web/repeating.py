"""Idempotency keys: a request that is sent again is answered again, and not carried out again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, delete
from starlette.requests import Request

from governance.artifacts import digest
from governance.audit import Actor
from governance.tables import RepeatedRequest
from governance.web.problems import Refusal, RequestRefused

KEPT: Final = timedelta(days=7)
"""How long an answer is kept to be given again."""

_GOING_ON: Final = 0
"""Status of a request that is being carried out; nobody else ever sees it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was first given.

    Args:
        status: Of HTTP.
        document: The body.
        headers: Those that belong to the document.
    """

    status: int
    document: Any
    headers: dict[str, str]


def take_up(session: Session, key: str, request: Request, actor: Actor, *, at: datetime) -> Recorded | RepeatedRequest:
    """Claim a key for a request, or find what was answered to it before.

    Whoever claims the same key at the same time waits here until the first has ended.

    Args:
        session: Of the act.
        key: As the client chose it.
        request: What is asked.
        actor: A key belongs to one user.
        at: When.

    Returns:
        The recorded answer, or the row to be completed by :func:`keep`.

    Raises:
        RequestRefused: the key was used for another request.
    """
    asked = digest_of(request, actor)
    row = RepeatedRequest(
        user_name=actor.name, key=key, request_digest=asked, status=_GOING_ON, answer={}, created_at=at
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        known = session.get_one(RepeatedRequest, (actor.name, key), populate_existing=True)
        if known.request_digest != asked:
            detail = "This Idempotency-Key was used for another request; choose a new one for a new request."
            raise RequestRefused(Refusal.KEY_REUSED, detail) from None
        return Recorded(known.status, known.answer["document"], known.answer["headers"])
    return row


def keep(session: Session, row: RepeatedRequest, answer: Recorded) -> None:
    """Complete a claimed key with what was answered, in the transaction of the act."""
    row.status, row.answer = answer.status, {"document": answer.document, "headers": answer.headers}
    session.add(row)
    session.flush()


def forget(session: Session, *, at: datetime) -> None:
    """Remove the answers that nobody will ask for again."""
    session.exec(delete(RepeatedRequest).where(col(RepeatedRequest.created_at) < at - KEPT))


def digest_of(request: Request, actor: Actor) -> str:
    """What makes two requests the same: method, address, body, precondition, and how far the token reaches."""
    scope = None if actor.scope is None else sorted(actor.scope)
    said = [request.method, request.url.path, request.url.query, request.headers.get("if-match"), scope]
    body = getattr(request.state, "body_digest", hashlib.sha256(b"").hexdigest())
    return digest([*said, body])
