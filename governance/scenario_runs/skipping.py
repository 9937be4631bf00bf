"""Runs that did not begin: they are a line of the audit trail, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.tables import AuditEvent, ProjectRow
from governance.vocabulary import Right

SCHEDULE = "schedule"
"""The trigger of runs that the calendar starts."""


def skip_run(
    session: Session,
    project: ProjectRow,
    scenario: str,
    *,
    trigger: str,
    reason: str,
    actor: Actor,
    at: datetime,
    missed: datetime | None = None,
) -> None:
    """Write down that a run did not begin, and why.

    Args:
        session: Of the act.
        project: Whose scenario.
        scenario: Its name.
        trigger: What would have started it.
        reason: Why it did not begin, in a clause.
        actor: Who would have run it.
        at: When.
        missed: The time of the schedule that it let pass; none: it was not late.

    Raises:
        NotAllowed: the actor may not write there.
    """
    require(session, actor, Right.WRITE, project.id)
    after = {"trigger": trigger, "reason": reason, "missed": None if missed is None else missed.isoformat()}
    note(session, Tag.SCENARIO_SKIPPED, f"{project.name}/{scenario}", actor=actor, at=at, after=after)


def missed_times(session: Session, project: ProjectRow, scenario: str) -> int:
    """Times of its schedule that a scenario let pass since it last began by its schedule."""
    query = (
        select(AuditEvent)
        .where(
            AuditEvent.subject == f"{project.name}/{scenario}",
            col(AuditEvent.tag).in_([Tag.SCENARIO_STARTED, Tag.SCENARIO_SKIPPED]),
        )
        .order_by(col(AuditEvent.id).desc())
    )
    missed = 0
    for event in session.exec(query):
        after = event.after or {}
        if event.tag == Tag.SCENARIO_STARTED and after.get("trigger") == SCHEDULE:
            break
        missed += after.get("missed") is not None and event.tag == Tag.SCENARIO_SKIPPED
    return missed
