"""How a run begins: anew, or going on with one that was interrupted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from governance.audit import SYSTEM, Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActRefused, ChangedMeanwhile
from governance.scenario_runs.ending import abort_run
from governance.scenario_runs.finding import find_run, newest_of, runs_going_on
from governance.scenario_runs.life import IsAlive, why_gone
from governance.scenario_runs.steps import Planned, steps_since, take_over, why_not_of
from governance.tables import ProjectRow, ScenarioRun, StepRun
from governance.tables.columns import key_of
from governance.vocabulary import BACKFILL, Right, ScenarioOutcome

_INTERRUPTED: Final = frozenset({None, ScenarioOutcome.ABORTED})
"""Outcomes of a run that can be gone on with, once nobody performs it any more."""

_TRIED_AGAIN: Final = frozenset({ScenarioOutcome.ABORTED, ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})
"""Outcomes after which whatever tried it again goes on: it was interrupted, or died before its end was heard of.

After a failure it begins anew, since what has failed is to be done again.
"""

_WELL: Final = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})


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
    plan: Sequence[Planned] = (),
    continue_run: int | None = None,
    tried_before: int | None = None,
    missed: int = 0,
) -> ScenarioRun:
    """Begin a run.

    An earlier run that never ended becomes ``ABORTED``, with the reason, when its process on this host is dead, or
    when it is the same Prefect run that is tried again. Such a Prefect run goes on with what it had done, if it was
    given the same and is asked to do the same. A run that goes on with one of a backfill is one of the backfill.

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
        plan: Each step, in order. Steps that were done are taken over while the plan is the same.
        continue_run: Number of the interrupted run to go on with, because somebody says so.
        tried_before: Number of a run that the same step of another scenario has begun before.
        missed: Times of the schedule at which nothing ran, and for which this run stands.

    Raises:
        NotAllowed: the actor may not write there.
        NotFound: the run to go on with is none of this project.
        ActRefused: it can't be gone on with; the reasons say why.
        ChangedMeanwhile: another run of this scenario goes on; nothing was written.
    """
    require(session, actor, Right.WRITE, project.id)
    subject = f"{project.name}/{scenario}"
    for earlier in runs_going_on(session, project.name, scenario):
        reason = _why_over(earlier, host, flow_run_id, is_alive, at)
        if not reason:
            raise ChangedMeanwhile(subject, "no run going on", in_words(earlier))
        with suppress(ChangedMeanwhile):  # it has ended by itself at this moment
            abort_run(session, earlier, reason=reason, actor=SYSTEM, at=at)
    before, done = _gone_on_with(session, project, scenario, plan, parameters, flow_run_id, continue_run, tried_before)
    if before is not None and before.trigger == BACKFILL:
        trigger = BACKFILL
    run = ScenarioRun(
        project_id=key_of(project),
        scenario=scenario,
        trigger=trigger,
        parameters=dict(parameters),
        root_id=None if before is None else root_of(before),
        missed=missed,
        flow_run_id=flow_run_id,
        host=host,
        process_id=process_id,
        beat_at=at,
        started_by=actor.name,
        started_at=at,
    )
    try:
        with session.begin_nested():
            session.add(run)
    except IntegrityError as error:
        raise ChangedMeanwhile(subject, "no run going on", "one that began at the same time") from error
    take_over(session, run, done)
    after: dict[str, Any] = {"run": run.id, "trigger": trigger}
    after |= {} if before is None else {"goes_on_with": before.id}
    after |= {"missed": missed} if missed else {}
    note(session, Tag.SCENARIO_STARTED, subject, actor=actor, at=at, after=after)
    return run


def find_finished(
    session: Session,
    scenario: str,
    *,
    plan: Sequence[Planned],
    parameters: Mapping[str, Any],
    flow_run_id: str | None,
    tried_before: int | None,
) -> ScenarioRun | None:
    """The run that is not to begin once more: whoever tries it again had not heard that it has ended well.

    Args:
        session: That looks.
        scenario: Of which a run is to begin.
        plan: Each step, in order.
        parameters: It is given.
        flow_run_id: Of the Prefect run that is tried again.
        tried_before: Number of a run that the same step of another scenario has begun before.

    Returns:
        The run, if all steps of the plan are on record in it, and it was given the same; none: it is to begin.
    """
    before = _tried_before(session, flow_run_id, tried_before)
    if before is None or before.outcome not in _WELL:
        return None
    done = steps_since(session, root_of(before))
    if len(done) != len(plan) or _why_another(session, before, scenario, done, plan, parameters):
        return None
    return before


def root_of(run: ScenarioRun) -> int:
    """Number of the first of the runs that go on with one another."""
    return run.root_id or key_of(run)


def in_words(run: ScenarioRun) -> str:
    """A run as those know it who look for it."""
    return f"run {run.id}, begun {run.started_at:%Y-%m-%d %H:%M} by process {run.process_id} on {run.host}"


def _why_over(run: ScenarioRun, host: str, flow_run_id: str | None, is_alive: IsAlive, at: datetime) -> str:
    """Why an unfinished run can't go on; empty when it may still."""
    if flow_run_id is not None and run.flow_run_id == flow_run_id:
        return "its Prefect run was started again"
    return why_gone(run, host, is_alive, at=at)


def _gone_on_with(
    session: Session,
    project: ProjectRow,
    scenario: str,
    plan: Sequence[Planned],
    parameters: Mapping[str, Any],
    flow_run_id: str | None,
    continue_run: int | None,
    tried_before: int | None,
) -> tuple[ScenarioRun | None, list[StepRun]]:
    """The run before this one, and the steps that were done; none, when it begins anew."""
    before = _tried_before(session, flow_run_id, tried_before)
    if before is not None:
        done = steps_since(session, root_of(before))
        return (None, []) if _why_another(session, before, scenario, done, plan, parameters) else (before, done)
    if continue_run is None:
        return None, []
    before = newest_of(session, root_of(find_run(session, project.name, continue_run)))
    done = steps_since(session, root_of(before))
    reasons = []
    if before.outcome not in _INTERRUPTED:
        later = f"run {before.id}, which went on with it," if before.id != continue_run else "it"
        reasons.append(f"{later} ended {before.outcome}")
    reasons += _why_another(session, before, scenario, done, plan, parameters)
    if reasons:
        raise ActRefused(f"Run {continue_run}", "continue", reasons)
    return before, done


def _tried_before(session: Session, flow_run_id: str | None, tried_before: int | None) -> ScenarioRun | None:
    """The run that the same Prefect run, or the same step, had begun, if it is to be gone on with."""
    query = select(ScenarioRun).order_by(col(ScenarioRun.id).desc())
    if tried_before is not None:
        found: ScenarioRun | None = newest_of(session, root_of(session.get_one(ScenarioRun, tried_before)))
    elif flow_run_id is not None:
        found = session.exec(query.where(ScenarioRun.flow_run_id == flow_run_id)).first()
    else:
        return None
    return found if found is not None and found.outcome in _TRIED_AGAIN else None


def _why_another(
    session: Session,
    before: ScenarioRun,
    scenario: str,
    done: Sequence[StepRun],
    plan: Sequence[Planned],
    parameters: Mapping[str, Any],
) -> list[str]:
    """Why a run that is to begin is not the same once more as one before it, in clauses; none when it is."""
    if before.scenario != scenario:
        return [f"it is a run of {before.scenario!r}, not of {scenario!r}"]
    other_steps = why_not_of(session, root_of(before), done, plan)
    if before.parameters == dict(parameters):
        return [other_steps] if other_steps else []
    given = f"it was given {_in_words(before.parameters)}, and now {_in_words(parameters)}; give it the same, or run it anew"
    return [given, other_steps] if other_steps else [given]


def _in_words(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in sorted(parameters.items())) or "nothing"
