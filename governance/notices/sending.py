"""Sending what people have to be told: each notice by itself, never in the transaction of an act, until it arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from governance.database import reading, transaction
from governance.notices.claiming import DELAYS, GIVEN_UP_AFTER, change
from governance.notices.mailing import send_mail
from governance.tables import Notice, User

LEASE: Final = timedelta(hours=1)
"""How long a notice that somebody is sending is left alone; then its sender has died. Longer than a batch takes."""

BATCH: Final = 50
"""Notices of one call, at most."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one look at the notices.

    Args:
        sent: Taken by the mail server.
        failed: Not taken; tried again later.
        kept: On record only: given up, too old, or for somebody without an address.
    """

    sent: int = 0
    failed: int = 0
    kept: int = 0


def send_due(
    engine: Engine, mail_url: str | None, *, now: datetime, enough: Callable[[], bool] = lambda: False
) -> Sent:
    """Send the notices whose time has come, in transactions of their own. Several may do so at once.

    Args:
        engine: Of the database.
        mail_url: As Apprise writes it, password included; none: nothing is sent, and nothing is lost.
        now: This moment.
        enough: Asked before each; what is left then is sent the next time.

    Returns:
        How many were sent, will be tried again, and are only kept.
    """
    if not mail_url:
        return Sent()
    with reading(engine) as session:
        due = session.exec(
            select(Notice)
            .where(col(Notice.next_attempt_at) <= now)
            .order_by(col(Notice.next_attempt_at), col(Notice.id))
            .limit(BATCH)
        ).all()
    ends = [_send_one(engine, mail_url, notice, now) for notice in takewhile(lambda _: not enough(), due)]
    return Sent(ends.count("sent"), ends.count("failed"), ends.count("kept"))


def _send_one(engine: Engine, mail_url: str, notice: Notice, now: datetime) -> str:
    """Claim one notice, send it, and write down what came of it; nothing when somebody else has claimed it."""
    attempt = notice.attempts + 1
    with transaction(engine) as session:
        if not change(session, notice, notice.attempts, attempts=attempt, next_attempt_at=now + LEASE):
            return ""
        address, obstacle = _address(session, notice, now)
    if obstacle:
        end: dict[str, Any] = {"next_attempt_at": None, "problem": obstacle}
    else:
        problem = send_mail(mail_url, address, notice.subject, notice.body)
        again = now + DELAYS[attempt - 1] if problem and attempt <= len(DELAYS) else None
        end = {"next_attempt_at": again, "sent_at": None if problem else now, "problem": problem}
    with transaction(engine) as session:
        change(session, notice, attempt, **end)
    return "sent" if end.get("sent_at") else "kept" if end["next_attempt_at"] is None else "failed"


def _address(session: Session, notice: Notice, now: datetime) -> tuple[str, str]:
    """Where a notice goes, or why it goes nowhere."""
    user = session.exec(select(User).where(User.name == notice.recipient)).first()
    if user is None or not user.email:
        return "", f"no e-mail address of {notice.recipient} is known"
    if not user.active:
        return "", f"{notice.recipient} is no active user any more"
    if now - notice.created_at > GIVEN_UP_AFTER:
        return "", f"it could not be sent for {GIVEN_UP_AFTER.days} days"
    return user.email, ""
