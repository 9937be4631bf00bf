"""Notices in pages, and how far each one has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, true
from sqlmodel import Session, col, select

from governance.errors import UnusableValue
from governance.listing import DEFAULT_PAGE, Listing, Page, page_of
from governance.tables import Notice

STATES: Final[Mapping[str, ColumnElement[bool]]] = {
    "sent": col(Notice.sent_at).is_not(None),
    "waiting": col(Notice.next_attempt_at).is_not(None),
    "kept": and_(col(Notice.sent_at).is_(None), col(Notice.next_attempt_at).is_(None)),
}
"""Sent; still to be sent; or on record only, since it was given up or its recipient has no address."""


def _in_state(state: str) -> ColumnElement[bool]:
    if state not in STATES:
        raise UnusableValue("state", f"there is no {state!r}", f"name one of {', '.join(STATES)}")
    return STATES[state]


NOTICES: Final = Listing(
    columns={"id": col(Notice.id), "recipient": col(Notice.recipient), "created_at": col(Notice.created_at)},
    key=col(Notice.id),
    default_sort="-id",
    filters={"state": _in_state},
)
"""What the list of notices can be sorted and filtered by."""


def list_notices(
    session: Session,
    *,
    recipient: str | None = None,
    sort: str | None = None,
    filters: Mapping[str, str] | None = None,
    limit: int = DEFAULT_PAGE,
    after: str | None = None,
) -> Page[Any]:
    """One page of the notices, the latest first.

    Args:
        session: To read with.
        recipient: Only theirs; none: everybody's, which is for administrators.
        sort: As :func:`governance.listing.page_of` takes it.
        filters: ``recipient``, ``state`` (sent, waiting or kept).
        limit: As for ``sort``, as is ``after``.
        after: ``next`` of the page before.
    """
    theirs = true() if recipient is None else col(Notice.recipient) == recipient
    query = select(Notice).where(theirs)
    return page_of(session, query, NOTICES, sort=sort, filters=filters, limit=limit, after=after)


def state_of(notice: Notice) -> str:
    """How far a notice has come: one of :data:`STATES`.

    Example:
        >>> state_of(Notice(recipient="ada", subject="hello", body=""))
        'kept'
    """
    if notice.sent_at is not None:
        return "sent"
    return "kept" if notice.next_attempt_at is None else "waiting"
