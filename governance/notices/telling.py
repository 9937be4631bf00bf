"""Writing down what somebody has to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from governance.tables import Notice


def tell(session: Session, recipients: Iterable[str], *, subject: str, body: str, at: datetime) -> list[Notice]:
    """Keep a message to everybody named, once each, in the transaction of the act; it is sent afterwards.

    Args:
        session: Of the act.
        recipients: Names of users.
        subject: One line.
        body: Text.
        at: When.
    """
    notices = [
        Notice(recipient=name, subject=subject, body=body, created_at=at, next_attempt_at=at)
        for name in dict.fromkeys(recipients)
    ]
    session.add_all(notices)
    session.flush()
    return notices
