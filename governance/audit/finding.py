"""Looking into the trail: its lines in pages, filtered, and only those that somebody may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func
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

BUSY: Final = 5_000
"""Lines on one subject from which on it is quicker to go through those of its project in their order than to sort these."""


def _through_the_project(text: str) -> ColumnElement[bool]:
    """The same lines as :func:`_on` finds, without the index of subjects, whose lines would have to be sorted."""
    without_index = below("subject", col(AuditEvent.subject).concat(""))
    return and_(col(AuditEvent.project) == text.partition("/")[0], without_index(text))


def _is_busy(session: Session, text: str) -> bool:
    lines = select(AuditEvent.number).where(_BELOW(text)).limit(BUSY).subquery()
    return "/" in text.rstrip("/") and session.exec(select(func.count()).select_from(lines)).one() == BUSY


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

_OF_A_BUSY_SUBJECT: Final = replace(EVENTS, filters={**EVENTS.filters, "subject": _through_the_project})


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
    subject = (filters or {}).get("subject")
    listing = _OF_A_BUSY_SUBJECT if subject and _is_busy(session, subject) else EVENTS
    return page_of(session, query, listing, sort=sort, filters=filters, limit=limit, after=after)
