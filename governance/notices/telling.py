"""Writing down what somebody has to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, select

from governance.tables import Notice


def tell(session: Session, recipients: Iterable[str], *, subject: str, body: str, at: datetime) -> list[Notice]:
    """Keep a message to everybody named, once each, in the transaction of the act; it is sent afterwards.

    Args:
        session: Of the act.
        recipients: Names of users.
        subject: One line; what is more than one becomes one.
        body: Text.
        at: When.
    """
    line = " ".join(subject.split())
    notices = [
        Notice(recipient=name, subject=line, body=body, created_at=at, next_attempt_at=at)
        for name in dict.fromkeys(recipients)
    ]
    session.add_all(notices)
    session.flush()
    return notices


def is_told(session: Session, recipient: str, subject: str) -> bool:
    """Whether there is a message of that subject to somebody already."""
    told = select(Notice.id).where(Notice.recipient == recipient, Notice.subject == subject).limit(1)
    return session.exec(told).first() is not None
