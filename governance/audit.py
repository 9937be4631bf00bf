"""The audit trail: every act of every person and of the system, one line each, never changed, never removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlmodel import Session, col, func, or_, select

from governance.tables import AuditEvent
from governance.vocabulary import Origin


class Tag(StrEnum):
    """What can happen, as ``subject:action``. A closed list; the database refuses no tag, the type checker does."""

    PROJECT_REGISTERED = "project:registered"
    PROJECT_CHANGED = "project:changed"
    VERSION_RECORDED = "version:recorded"
    VERSION_ACTIVATED = "version:activated"
    VERSION_ROLLED_BACK = "version:rolled_back"
    VERSION_ACTIVATION_REFUSED = "version:activation_refused"
    EVALUATION_RECORDED = "evaluation:recorded"
    EVALUATION_REPLACED = "evaluation:replaced"
    DATA_SCORED = "data:scored"
    CHECKS_RUN = "checks:run"
    SCENARIO_STARTED = "scenario:started"
    SCENARIO_ENDED = "scenario:ended"
    SCENARIO_ABORTED = "scenario:aborted"
    SIGN_OFF_REQUEST_FEEDBACK = "sign_off:request_feedback"
    SIGN_OFF_ADD_FEEDBACK = "sign_off:add_feedback"
    SIGN_OFF_EDIT_FEEDBACK = "sign_off:edit_feedback"
    SIGN_OFF_DELETE_FEEDBACK = "sign_off:delete_feedback"
    SIGN_OFF_REQUEST_APPROVAL = "sign_off:request_approval"
    SIGN_OFF_BACK_TO_FEEDBACK = "sign_off:back_to_feedback"
    SIGN_OFF_APPROVE = "sign_off:approve"
    SIGN_OFF_REJECT = "sign_off:reject"
    SIGN_OFF_EDIT_TO_APPROVED = "sign_off:edit_to_approved"
    SIGN_OFF_EDIT_TO_REJECTED = "sign_off:edit_to_rejected"
    SIGN_OFF_DELETE_APPROVAL = "sign_off:delete_approval"
    SIGN_OFF_ABANDON = "sign_off:abandon"
    SIGN_OFF_CANCEL_ABANDON = "sign_off:cancel_abandon"
    SIGN_OFF_RESET = "sign_off:reset"
    SIGN_OFF_RECUR = "sign_off:recur"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where.

    Args:
        name: Name of the person, as ``project.yaml`` writes it.
        origin: From where.
    """

    name: str
    origin: Origin = Origin.COMMAND


SYSTEM: Final = Actor("driftgate", Origin.SYSTEM)
"""Who does what nobody did: a recurrence falls due, a run is found dead."""


def note(
    session: Session,
    tag: Tag,
    subject: str,
    *,
    actor: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Add one line to the trail, in the transaction of the act itself: both are there, or neither.

    Args:
        session: Of the act.
        tag: What was done.
        subject: On what, as a path of names, e.g. ``credit_card_fraud/authorization/2``.
        actor: Who did it.
        at: When, with time zone.
        before: What changed, as it was; must fit into JSON.
        after: What changed, as it is now; must fit into JSON.
    """
    event = AuditEvent(
        at=at,
        actor=actor.name,
        origin=actor.origin,
        tag=tag,
        subject=subject,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
    )
    session.add(event)
    session.flush()
    return event


def count_events(session: Session, project: str) -> int:
    """How many lines the trail has on a project and on everything in it."""
    subject = col(AuditEvent.subject)
    ours = or_(subject == project, subject.startswith(f"{project}/", autoescape=True))
    return session.exec(select(func.count()).select_from(AuditEvent).where(ours)).one()
