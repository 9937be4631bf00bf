"""Who can be told."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from governance.authorisation import has_users, holders, may, may_hold
from governance.vocabulary import Actor, Right, Role


def told_of(session: Session, names: Iterable[str], project_id: int | None) -> list[str]:
    """Those of many names who can be told of a project; see :func:`can_be_told`."""
    if not has_users(session):
        return list(names)
    readers = {name for role in Role for name in holders(session, role, project_id)}
    return [name for name in names if name in readers]


def can_be_told(session: Session, name: str, project_id: int | None) -> bool:
    """Whether a name is that of an active user who may read a project, so that they may be told of it.

    In an installation without users every name is.
    """
    somebody = Actor(name)
    return may_hold(session, somebody, Role.READER) and may(session, somebody, Right.READ, project_id)
