"""Approvals that expire: told some time before, begun again when the time is over."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlmodel import Session, col, select

from governance import gate
from governance.audit import SYSTEM
from governance.authorisation import holders
from governance.notices import is_told, tell
from governance.signoff.signing import Request, sign
from governance.signoff.subscribing import subscribers_of
from governance.tables import Item, SignOff
from governance.vocabulary import Role, SignOffAction, SignOffStatus

WARNED_BEFORE: Final = timedelta(days=14)
"""How long before an approval expires people are told; at most half of the time for which it holds."""


def recur_due(session: Session, *, artifacts: Path, at: datetime) -> list[Item]:
    """Begin every sign-off again whose approval has expired, and tell once of those that soon will.

    Until it has run the gate takes no expired approval either. Several may run it at once: each takes what no other
    has taken.

    Args:
        session: Of the act; one audit line for each sign-off that begins again.
        artifacts: Folder of the artifact store.
        at: When.

    Returns:
        The items whose sign-off began again, by path.
    """
    due = [session.get_one(Item, row.item_id) for row in _approved_until(session, at)]
    for item in due:
        approvers = tuple(holders(session, Role.APPROVER, item.project_id))
        request = Request(item, SignOffAction.RECUR, SYSTEM, comment="the approval has expired", notify=approvers)
        sign(session, request, artifacts=artifacts, at=at)
    for row in _approved_until(session, at + WARNED_BEFORE):
        _warn(session, row, at)
    return sorted(due, key=lambda item: item.path)


def _warn(session: Session, sign_off: SignOff, at: datetime) -> None:
    """Write notices to subscribers and approvers, unless it is too early or they were told."""
    approval = gate.current_approval(session, sign_off)
    until = sign_off.approved_until
    if until is None or approval is None:
        return
    given = approval.created_at
    if at < until - min(WARNED_BEFORE, (until - given) / 2):
        return
    item = session.get_one(Item, sign_off.item_id)
    line = f"{item.path}: the approval expires on {until:%Y-%m-%d %H:%M} UTC"
    body = f"{line}\n\nThen the sign-off begins again, and the gate takes the approval of {approval.author} no more."
    recipients = [*subscribers_of(session, item), *holders(session, Role.APPROVER, item.project_id)]
    tell(session, [name for name in recipients if not is_told(session, name, line)], subject=line, body=body, at=at)


def _approved_until(session: Session, at: datetime) -> list[SignOff]:
    """Approved sign-offs that expire by then, and that nobody else has in hand."""
    query = select(SignOff).where(SignOff.status == SignOffStatus.APPROVED, col(SignOff.approved_until) <= at)
    locking = query.order_by(col(SignOff.item_id)).with_for_update(skip_locked=True)
    return list(session.exec(locking.execution_options(populate_existing=True)))
