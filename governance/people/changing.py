"""Changing a row of which others may hold an older state: one conditional update decides."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlmodel import Session, col, update

from governance.errors import ChangedMeanwhile
from governance.tables import User, UserGroup

Changed = TypeVar("Changed", User, UserGroup)


def look_again(session: Session, row: Changed, expected_revision: int | None, subject: str) -> Changed:
    """A row as it is now.

    Raises:
        ChangedMeanwhile: the actor has looked at another revision.
    """
    found = session.get_one(type(row), row.id, populate_existing=True)
    if expected_revision not in {None, found.revision}:
        raise ChangedMeanwhile(subject, f"revision {expected_revision}", f"revision {found.revision}")
    return found


def change(session: Session, row: Changed, subject: str, /, **values: Any) -> Changed:
    """A row with other values, and one revision on.

    Raises:
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    kind, seen = type(row), row.revision
    changed = session.exec(
        update(kind)
        .where(col(kind.id) == row.id, col(kind.revision) == seen)
        .values(revision=seen + 1, **values)
        .execution_options(synchronize_session=False)
    )
    found = session.get_one(kind, row.id, populate_existing=True)
    if changed.rowcount != 1:
        raise ChangedMeanwhile(subject, f"revision {seen}", f"revision {found.revision}")
    return found
