"""Runs that did not begin: they are a line of the audit trail, and nothing else."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, func, select

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.tables import AuditEvent, ProjectRow
from governance.vocabulary import SCHEDULE, Right


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
    of_it = AuditEvent.subject == f"{project.name}/{scenario}"
    said = col(AuditEvent.after)
    begun = select(func.max(AuditEvent.id)).where(
        of_it, AuditEvent.tag == Tag.SCENARIO_STARTED, said["trigger"].as_string() == SCHEDULE
    )
    missed = select(func.count()).where(
        of_it,
        AuditEvent.tag == Tag.SCENARIO_SKIPPED,
        col(AuditEvent.id) > (session.exec(begun).one() or 0),
        said["missed"].as_string().is_not(None),
    )
    return session.exec(missed).one()
