"""A message is sent by one sender at a time: who raises its number of attempts has it, until its lease is over."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlmodel import Session, col, update

from governance.tables import Notice, Report
from governance.tables.columns import key_of

Waiting = TypeVar("Waiting", Notice, Report)


def change(session: Session, message: Waiting, seen: int, **values: Any) -> bool:
    """Change a message that waits and has seen so many attempts; false when there was one more meanwhile."""
    kind = type(message)
    changed = session.exec(
        update(kind)
        .where(
            col(kind.id) == key_of(message),
            col(kind.attempts) == seen,
            col(kind.next_attempt_at).is_not(None),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return changed.rowcount == 1
