"""Looking into the trail: its lines in pages, filtered, and only those that somebody may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, not_, or_, select

from governance.authorisation import may, visible_projects
from governance.listing import DEFAULT_PAGE, Listing, Page, at_least, below, equals, less_than, page_of
from governance.tables import AuditEvent, ProjectRow
from governance.vocabulary import Actor, Right

ABOUT_PEOPLE: Final = ("user:", "group:", "token:")
"""How the subjects of acts on people begin. No project is called so."""


def _on(text: str) -> ColumnElement[bool]:
    """A subject and all that is in it; a project has an index of its own."""
    whole = "/" not in text.rstrip("/")
    return equals("subject", AuditEvent.project)(text.rstrip("/")) if whole else _BELOW(text)


_BELOW: Final = below("subject", AuditEvent.subject)

EVENTS: Final = Listing(
    {"at": AuditEvent.at},
    key=AuditEvent.number,
    default_sort="-at",
    filters={
        "number": equals("number", AuditEvent.number),
        "actor": equals("actor", AuditEvent.actor),
        "origin": equals("origin", AuditEvent.origin),
        "tag": equals("tag", AuditEvent.tag),
        "subject": _on,
        "from": at_least("from", AuditEvent.at),
        "to": less_than("to", AuditEvent.at),
    },
)
"""What the trail can be filtered by; it is in the order of time, latest first unless asked otherwise."""


def list_events(
    session: Session,
    *,
    actor: Actor,
    filters: Mapping[str, str] | None = None,
    sort: str | None = None,
    limit: int = DEFAULT_PAGE,
    after: str | None = None,
) -> Page[AuditEvent]:
    """One page of the trail: lines on projects that somebody may read; the rest for who may read everywhere.

    Lines on people, their groups and their tokens are for administrators of everything; those on oneself are for
    everybody besides.

    Args:
        session: To read with.
        actor: Who looks.
        filters: Of :data:`EVENTS`: ``actor``, ``origin``, ``tag``, ``number``, ``subject`` (with everything in it),
            ``from`` and ``to`` (a time; ``to`` itself is left out).
        sort: ``at`` or ``-at``.
        limit: Most lines of the page.
        after: ``next`` of the page before.
    """
    query: Any = select(AuditEvent).where(col(AuditEvent.number).is_not(None))
    visible = visible_projects(session, actor)
    about, oneself = col(AuditEvent.project), f"user:{actor.name}"
    if visible is not None:
        names = session.exec(select(ProjectRow.name).where(col(ProjectRow.id).in_(visible))).all()
        query = query.where(about.in_([*names, oneself]))
    elif not may(session, actor, Right.ADMINISTER, None):
        query = query.where(not_(or_(*(about.startswith(kind) for kind in ABOUT_PEOPLE))) | (about == oneself))
    return page_of(session, query, EVENTS, sort=sort, filters=filters, limit=limit, after=after)
