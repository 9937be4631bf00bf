"""A message is sent by one sender at a time: who raises its number of attempts has it, until its lease is over.

One that was not taken is tried again, after longer and longer waits, until it is no news any more.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final, TypeVar

from sqlmodel import Session, col, update

from governance.tables import Notice, Report
from governance.tables.columns import key_of

Waiting = TypeVar("Waiting", Notice, Report)

DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""How long to wait after each attempt that failed."""

GIVEN_UP_AFTER: Final = timedelta(days=3)
"""What could not be sent for so long is no news any more: who sets up a server or a channel late is not flooded."""


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
