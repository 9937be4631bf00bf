"""The runs of scenarios: one at a time of each, every step kept, and a run that died said to be dead."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from governance.audit import SYSTEM, Actor, Tag, note
from governance.authorisation import require
from governance.errors import ChangedMeanwhile
from governance.tables import ProjectRow, ScenarioRun, StepRun
from governance.tables.columns import key_of
from governance.vocabulary import Right, ScenarioOutcome, StepKind, StepOutcome


class IsAlive(Protocol):
    """Tells whether a process of this machine still runs; see :func:`governance.processes.is_alive`."""

    def __call__(self, process_id: int, *, since: datetime) -> bool:
        """Whether the process of that number, which ran at ``since``, still does."""


def open_run(
    session: Session,
    project: ProjectRow,
    scenario: str,
    *,
    trigger: str,
    parameters: Mapping[str, Any],
    host: str,
    process_id: int,
    is_alive: IsAlive,
    actor: Actor,
    at: datetime,
    flow_run_id: str | None = None,
) -> ScenarioRun:
    """Begin a run.

    An earlier run that never ended becomes ``ABORTED``, with the reason, when its process on this host is dead, or
    when it is the same Prefect run that is tried again.

    Args:
        session: Of the act.
        project: Whose scenario.
        scenario: Its name.
        trigger: ``manual``, ``schedule``, or the name of what started it.
        parameters: Of the trigger; must fit into JSON.
        host: Name of this machine.
        process_id: Number of the process that runs it.
        is_alive: Asked about the process of an earlier run that did not end.
        actor: Who started it.
        at: When.
        flow_run_id: Of the Prefect run, when there is one.

    Raises:
        ChangedMeanwhile: another run of this scenario goes on; nothing was written.
    """
    require(session, actor, Right.WRITE, project.id)
    subject = f"{project.name}/{scenario}"
    for earlier in _going_on(session, project, scenario):
        reason = _why_dead(earlier, host, flow_run_id, is_alive)
        if not reason:
            raise ChangedMeanwhile(subject, "no run going on", _in_words(earlier))
        abort_run(session, earlier, reason=reason, actor=SYSTEM, at=at)
    run = ScenarioRun(
        project_id=key_of(project),
        scenario=scenario,
        trigger=trigger,
        parameters=dict(parameters),
        flow_run_id=flow_run_id,
        host=host,
        process_id=process_id,
        started_by=actor.name,
        started_at=at,
    )
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError as error:
        raise ChangedMeanwhile(subject, "no run going on", "one that began at the same time") from error
    note(session, Tag.SCENARIO_STARTED, subject, actor=actor, at=at, after={"run": run.id, "trigger": trigger})
    return run


def find_open_run(session: Session, flow_run_id: str) -> ScenarioRun | None:
    """The run of a Prefect run that goes on; none when it has ended. One that was tried again has ended ones besides."""
    return session.exec(
        select(ScenarioRun).where(ScenarioRun.flow_run_id == flow_run_id, col(ScenarioRun.outcome).is_(None))
    ).first()


def require_going_on(session: Session, run: ScenarioRun) -> None:
    """Refuse to do anything more for a run that has ended, and let nobody end it before this transaction does.

    Raises:
        ChangedMeanwhile: it has ended, for example because it was taken for dead.
    """
    found = session.get_one(ScenarioRun, run.id, populate_existing=True, with_for_update={"read": True})
    if found.outcome is not None:
        raise _ended_already(found)


def record_step(
    session: Session,
    run: ScenarioRun,
    *,
    position: int,
    name: str,
    kind: StepKind,
    outcome: StepOutcome,
    message: str,
    result: Mapping[str, Any],
    started_at: datetime,
    ended_at: datetime,
) -> StepRun:
    """Keep how one step went, also when it was skipped. What the step did has its own line in the audit trail.

    Raises:
        ChangedMeanwhile: the run has ended, for example because it was taken for dead; nothing was written.
    """
    require_going_on(session, run)
    step = StepRun(
        run_id=key_of(run),
        position=position,
        name=name,
        kind=kind,
        outcome=outcome,
        message=message,
        result=dict(result),
        started_at=started_at,
        ended_at=ended_at,
    )
    session.add(step)
    session.flush()
    return step


def close_run(
    session: Session, run: ScenarioRun, outcome: ScenarioOutcome, *, actor: Actor, at: datetime
) -> ScenarioRun:
    """End a run.

    Raises:
        ChangedMeanwhile: it has ended already, for example because it was taken for dead.
    """
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

    Args:
        session: Of the act.
        run: Which.
        reason: Why, in a clause.
        actor: Who ends it: a person, or the system for one that is dead.
        at: When.

    Raises:
        ChangedMeanwhile: it has ended already.
    """
    run = _end(session, run, ScenarioOutcome.ABORTED, reason, at)
    subject = f"{session.get_one(ProjectRow, run.project_id).name}/{run.scenario}"
    note(session, Tag.SCENARIO_ABORTED, subject, actor=actor, at=at, after={"run": run.id, "reason": reason})
    return run


def last_runs(session: Session, project: str, scenario: str | None = None, limit: int = 20) -> list[ScenarioRun]:
    """The latest runs of a project's scenarios, or of one of them, latest first."""
    query = select(ScenarioRun).join(ProjectRow).where(ProjectRow.name == project)
    if scenario is not None:
        query = query.where(ScenarioRun.scenario == scenario)
    return list(session.exec(query.order_by(col(ScenarioRun.id).desc()).limit(limit)))


def steps_of(session: Session, run: ScenarioRun) -> list[StepRun]:
    """The steps of a run that were recorded so far, in order."""
    return list(session.exec(select(StepRun).where(StepRun.run_id == run.id).order_by(col(StepRun.position))))


def _going_on(session: Session, project: ProjectRow, scenario: str) -> list[ScenarioRun]:
    query = select(ScenarioRun).where(
        ScenarioRun.project_id == project.id, ScenarioRun.scenario == scenario, col(ScenarioRun.outcome).is_(None)
    )
    return list(session.exec(query))


def _why_dead(run: ScenarioRun, host: str, flow_run_id: str | None, is_alive: IsAlive) -> str:
    """Why an unfinished run can't go on; empty when it may still."""
    if flow_run_id is not None and run.flow_run_id == flow_run_id:
        return "its Prefect run was started again"
    if run.host == host and not is_alive(run.process_id, since=run.started_at):
        return f"process {run.process_id} on {run.host} ended without ending the run"
    return ""


def _end(session: Session, run: ScenarioRun, outcome: ScenarioOutcome, reason: str, at: datetime) -> ScenarioRun:
    ended = session.exec(
        update(ScenarioRun)
        .where(col(ScenarioRun.id) == run.id, col(ScenarioRun.outcome).is_(None))
        .values(outcome=outcome, reason=reason, ended_at=at)
    )
    found = session.get_one(ScenarioRun, run.id, populate_existing=True)
    if ended.rowcount != 1:
        raise _ended_already(found)
    return found


def _ended_already(run: ScenarioRun) -> ChangedMeanwhile:
    because = f" because {run.reason}" if run.reason else ""
    found = f"one that ended {run.outcome}{because}"
    return ChangedMeanwhile(f"run {run.id} of {run.scenario}", "a run going on", found)


def _in_words(run: ScenarioRun) -> str:
    return f"run {run.id}, begun {run.started_at:%Y-%m-%d %H:%M} by process {run.process_id} on {run.host}"
