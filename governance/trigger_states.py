"""What triggers saw when they last looked, and what there is to see for them in the record itself.

It is the system that looks, and nobody is asked for a right: what a trigger starts is a run like any other, and that
run asks for the rights of whoever it runs as.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from governance.audit import Tag
from governance.errors import ChangedMeanwhile
from governance.tables import AuditEvent, AuditHead, ScenarioRun, TriggerState
from governance.vocabulary import BACKFILL

_APPROVALS: Final = (Tag.SIGN_OFF_APPROVE, Tag.SIGN_OFF_EDIT_TO_APPROVED)
_BECAME_ACTIVE: Final = (Tag.VERSION_ACTIVATED, Tag.VERSION_ROLLED_BACK, Tag.OVERRIDE_CONFIRMED)


@dataclass(frozen=True, slots=True)
class Approval:
    """A version that was approved.

    Args:
        number: Of the line in the audit trail.
        model: Whose version.
        version: Its number.
        by: Who approved it.
    """

    number: int
    model: str
    version: int
    by: str


def find_state(session: Session, project_id: int, scenario: str, trigger: str) -> TriggerState | None:
    """What a trigger saw when it last looked; none: it never did.

    Args:
        session: To read with.
        project_id: Whose trigger.
        scenario: What it starts; empty for what is watched for a whole project.
        trigger: Kind, and what it looks at.
    """
    return session.exec(_of(project_id, scenario, trigger).execution_options(populate_existing=True)).first()


def remember(
    session: Session,
    project_id: int,
    scenario: str,
    trigger: str,
    seen: Mapping[str, Any],
    *,
    before: TriggerState | None,
    at: datetime,
) -> TriggerState:
    """Keep what a trigger has seen, once everything has been started that it means.

    Args:
        session: Of the act.
        project_id: Whose trigger.
        scenario: What it starts.
        trigger: Kind, and what it looks at.
        seen: JSON-able.
        before: What it was compared with; none: nothing was known.
        at: When it looked.

    Raises:
        ChangedMeanwhile: another watcher has kept something since; nothing was written.
    """
    if before is None:
        if find_state(session, project_id, scenario, trigger) is not None:
            raise ChangedMeanwhile(f"what {trigger} saw", "nothing", "what another watcher keeps")
        made = TriggerState(project_id=project_id, scenario=scenario, trigger=trigger, seen=dict(seen), looked_at=at)
        session.add(made)
        session.flush()
        return made
    kept = session.exec(
        update(TriggerState)
        .where(col(TriggerState.id) == before.id, col(TriggerState.looked_at) == before.looked_at)
        .values(seen=dict(seen), looked_at=at)
        .execution_options(synchronize_session=False)
    )
    if kept.rowcount != 1:
        raise ChangedMeanwhile(f"what {trigger} saw", f"that of {before.looked_at}", "what another watcher keeps")
    return session.get_one(TriggerState, before.id, populate_existing=True)


def forget_others(session: Session, project_id: int, kept: Collection[tuple[str, str]]) -> int:
    """Forget what triggers saw that are no more: one that comes back begins anew, instead of starting a run for old news.

    Args:
        session: Of the act.
        project_id: Whose triggers.
        kept: Scenario and trigger of those that there are.

    Returns:
        How many were forgotten.
    """
    gone = [
        state
        for state in session.exec(select(TriggerState).where(TriggerState.project_id == project_id))
        if (state.scenario, state.trigger) not in kept
    ]
    for state in gone:
        session.delete(state)
    return len(gone)


def runs_ended_after(session: Session, project_id: int, scenario: str, number: int) -> list[ScenarioRun]:
    """The runs of a scenario that have ended, in order, after the run of that number; those of a backfill are left out.

    A scenario runs once at a time, so a run that ends later has a higher number.
    """
    query = _ended(project_id, scenario).where(col(ScenarioRun.id) > number, col(ScenarioRun.trigger) != BACKFILL)
    return list(session.exec(query.order_by(col(ScenarioRun.id))))


def last_ended_run(session: Session, project_id: int, scenario: str) -> int:
    """The number of the last run of a scenario that has ended; 0: none has."""
    found = session.exec(_ended(project_id, scenario).order_by(col(ScenarioRun.id).desc()).limit(1)).first()
    return 0 if found is None or found.id is None else found.id


def end_of_trail(session: Session) -> int:
    """The number of the last line of the audit trail; 0: it is empty."""
    return session.exec(select(func.max(AuditHead.number))).one() or 0


def approvals_after(session: Session, project: str, number: int) -> list[Approval]:
    """The approvals of versions of a project, in order, after that line of the audit trail. Bundles go their own way."""
    query = (
        select(AuditEvent)
        .where(AuditEvent.project == project, col(AuditEvent.tag).in_(_APPROVALS), col(AuditEvent.number) > number)
        .order_by(col(AuditEvent.number))
    )
    found = [(event, re.fullmatch(r"[^/]+/([^/]+)/(\d+)", event.subject)) for event in session.exec(query)]
    return [
        Approval(event.number, path[1], int(path[2]), event.actor)
        for event, path in found
        if path is not None and event.number is not None
    ]


def is_settled(session: Session, project: str, approval: Approval, environment: str) -> bool:
    """Whether an approval has had its effect in an environment.

    It has when the version was refused there since, or when any version of its model became active there since: the
    approved one, or another one that somebody wanted more.
    """
    since = select(AuditEvent).where(
        AuditEvent.project == project,
        col(AuditEvent.tag).in_((*_BECAME_ACTIVE, Tag.VERSION_ACTIVATION_REFUSED)),
        col(AuditEvent.number) > approval.number,
    )
    model, version = f"{project}/{approval.model}/", f"{project}/{approval.model}/{approval.version}"
    return any(
        event.subject == version or (event.tag in _BECAME_ACTIVE and event.subject.startswith(model))
        for event in session.exec(since)
        if (event.after or {}).get("environment") == environment
    )


def _of(project_id: int, scenario: str, trigger: str) -> SelectOfScalar[TriggerState]:
    return select(TriggerState).where(
        TriggerState.project_id == project_id, TriggerState.scenario == scenario, TriggerState.trigger == trigger
    )


def _ended(project_id: int, scenario: str) -> SelectOfScalar[ScenarioRun]:
    return select(ScenarioRun).where(
        ScenarioRun.project_id == project_id,
        ScenarioRun.scenario == scenario,
        col(ScenarioRun.outcome).is_not(None),
    )
