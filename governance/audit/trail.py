"""The audit trail: every act of every person and of the system, one line each, never changed, never removed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Session, func, select

from governance.authorisation import require_act
from governance.database import NOTED
from governance.tables import AuditEvent
from governance.vocabulary import Actor


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
    SCENARIO_SKIPPED = "scenario:skipped"
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
    DELEGATION_MADE = "delegation:made"
    DELEGATION_ENDED = "delegation:ended"
    SUBSCRIPTION_BEGUN = "subscription:begun"
    SUBSCRIPTION_ENDED = "subscription:ended"
    ITEM_GOVERNED = "item:governed"
    ITEM_HIDDEN = "item:hidden"
    ITEM_UNHIDDEN = "item:unhidden"
    ITEM_MOVED = "item:moved"
    STEP_CHANGED = "step:changed"
    FIELD_CHANGED = "field:changed"
    FILE_ATTACHED = "file:attached"
    FILE_REMOVED = "file:removed"
    TEMPLATE_DRAFTED = "template:drafted"
    TEMPLATE_CHANGED = "template:changed"
    TEMPLATE_ACTIVATED = "template:activated"
    TEMPLATE_ARCHIVED = "template:archived"
    BUNDLE_MADE = "bundle:made"
    BUNDLE_EXPORTED = "bundle:exported"
    BUNDLE_IMPORTED = "bundle:imported"
    BUNDLE_ACTIVATED = "bundle:activated"
    BUNDLE_ACTIVATION_REFUSED = "bundle:activation_refused"
    USER_CREATED = "user:created"
    USER_CHANGED = "user:changed"
    USER_DEACTIVATED = "user:deactivated"
    USER_REACTIVATED = "user:reactivated"
    USER_PASSWORD_SET = "user:password_set"  # noqa: S105
    USER_LOGGED_IN = "user:logged_in"
    USER_LOGGED_OUT = "user:logged_out"
    USER_LOG_IN_FAILED = "user:log_in_failed"
    TOKEN_CREATED = "token:created"  # noqa: S105  a tag
    TOKEN_REVOKED = "token:revoked"  # noqa: S105
    GROUP_CREATED = "group:created"
    GROUP_CHANGED = "group:changed"
    ROLE_ASSIGNED = "role:assigned"
    ROLE_TAKEN_AWAY = "role:taken_away"
    POLICY_CHANGED = "policy:changed"
    OVERRIDE_REQUESTED = "override:requested"
    OVERRIDE_CONFIRMED = "override:confirmed"
    OVERRIDE_REVIEWED = "override:reviewed"
    AUDIT_EXPORTED = "audit:exported"


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

    Its place in the chain it gets when the transaction ends; see :mod:`governance.chain`.

    Args:
        session: Of the act.
        tag: What was done.
        subject: On what, as a path of names, e.g. ``credit_card_fraud/authorization/2``.
        actor: Who did it.
        at: When, with time zone.
        before: What changed, as it was; must fit into JSON.
        after: What changed, as it is now; must fit into JSON.

    Raises:
        NotAllowed: the actor has a token to read only.
    """
    require_act(actor, subject)
    event = AuditEvent(
        at=at,
        actor=actor.name,
        origin=actor.origin,
        tag=tag,
        subject=subject,
        project=project_of(subject),
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
    )
    session.add(event)
    session.flush()
    session.info.setdefault(NOTED, []).append(event.id)
    return event


def project_of(subject: str) -> str:
    """The first name of a subject.

    Example:
        >>> project_of("credit/fraud/2"), project_of("user:ada")
        ('credit', 'user:ada')
    """
    return subject.partition("/")[0]


def count_events(session: Session, project: str) -> int:
    """How many lines the trail has on a project and on everything in it."""
    return session.exec(select(func.count()).select_from(AuditEvent).where(AuditEvent.project == project)).one()
