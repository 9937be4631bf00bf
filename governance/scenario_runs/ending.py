"""How a run ends: by itself, or from outside. It ends once."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, update

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ChangedMeanwhile
from governance.tables import ProjectRow, ScenarioRun
from governance.vocabulary import Right, ScenarioOutcome


def require_going_on(session: Session, run: int, *, hold: bool = True) -> None:
    """Refuse to do anything more for a run that has ended.

    Args:
        session: Of the act.
        run: Number of the run.
        hold: Let nobody end it before this transaction does; false where nothing is to be written.

    Raises:
        ChangedMeanwhile: it has ended, for example because it was taken for dead.
    """
    found = session.get_one(ScenarioRun, run, populate_existing=True, with_for_update={"read": True} if hold else None)
    if found.outcome is not None:
        raise ended_already(found)


def hold_run(session: Session, number: int) -> ScenarioRun:
    """A run as it is now; nobody else changes it until this transaction ends."""
    return session.get_one(ScenarioRun, number, populate_existing=True, with_for_update=True)


def close_run(
    session: Session, run: ScenarioRun, outcome: ScenarioOutcome, *, actor: Actor, at: datetime
) -> ScenarioRun:
    """End a run.

    Raises:
        NotAllowed: the actor may not write there, or not any more.
        ChangedMeanwhile: it has ended already, for example because it was taken for dead.
    """
    require(session, actor, Right.WRITE, run.project_id)
    project = session.get_one(ProjectRow, run.project_id)
    run = _end(session, run, outcome, "", at)
    note(
        session,
        Tag.SCENARIO_ENDED,
        f"{project.name}/{run.scenario}",
        actor=actor,
        at=at,
        after={"run": run.id, "outcome": outcome},
    )
    return run


def abort_run(session: Session, run: ScenarioRun, *, reason: str, actor: Actor, at: datetime) -> ScenarioRun:
    """End a run as ``ABORTED``; what its steps did stays.

    Its process does nothing more: the next thing that it wants to record is refused.

    Args:
        session: Of the act.
        run: Which.
        reason: Why, in a clause.
        actor: Who ends it: a person, or the system for one that is dead.
        at: When.

    Raises:
        NotAllowed: the actor may not write there.
        ChangedMeanwhile: it has ended already.
    """
    require(session, actor, Right.WRITE, run.project_id)
    run = _end(session, run, ScenarioOutcome.ABORTED, reason, at)
    subject = f"{session.get_one(ProjectRow, run.project_id).name}/{run.scenario}"
    note(session, Tag.SCENARIO_ABORTED, subject, actor=actor, at=at, after={"run": run.id, "reason": reason})
    return run


def ended_already(run: ScenarioRun) -> ChangedMeanwhile:
    """The error of whoever comes too late."""
    because = f" because {run.reason}" if run.reason else ""
    found = f"one that ended {run.outcome}{because}"
    return ChangedMeanwhile(f"run {run.id} of {run.scenario}", "a run going on", found)


def _end(session: Session, run: ScenarioRun, outcome: ScenarioOutcome, reason: str, at: datetime) -> ScenarioRun:
    ended = session.exec(
        update(ScenarioRun)
        .where(col(ScenarioRun.id) == run.id, col(ScenarioRun.outcome).is_(None))
        .values(outcome=outcome, reason=reason, ended_at=at)
    )
    found = session.get_one(ScenarioRun, run.id, populate_existing=True)
    if ended.rowcount != 1:
        raise ended_already(found)
    return found
