"""Begin and end a run of a scenario in the record, and say in Prefect how it ended."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from sqlmodel import Session

from governance import registry, scenario_runs
from governance.audit import SYSTEM, Actor
from governance.errors import ChangedMeanwhile, UnusableValue
from governance.processes import is_alive, this_machine
from governance.project_file import AnyStep, Project, Scenario, load_project
from governance.scenario_runs import Planned
from governance.tables import ScenarioRun
from governance.tables.columns import key_of
from governance.vocabulary import BACKFILL, SCHEDULE, Collision, ReportAt, ScenarioOutcome, StepOutcome
from tasks import edge
from tasks.report import report_run
from tasks.scenarios.lateness import is_late, why_skipped
from tasks.scenarios.progress import Progress
from tasks.scenarios.reading import asked_of, steps_reading
from tasks.survival import SignsOfLife, abort_dead_runs, later_is_due, tell_prefect_of_last

Value = str | int | float | bool | None
"""What a parameter of a run can be."""

DATA: Final = "data"
"""Among the parameters of a run on record: the data that it was told to read."""

LOOK_EVERY_SECONDS: Final = 1.0
"""While another run of the scenario goes on."""

_WELL: Final = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})

_LOG: Final = logging.getLogger("driftgate.scenarios")


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that goes on: what its steps need to know.

    Args:
        id: Of the run in the record.
        root: Number of the run that it goes on with, or its own.
        project: Its ``project.yaml``.
        project_name: As the file says.
        name: Of the scenario, as a key of the file.
        actor: Who started it; ``None``: the user of the process.
        trigger: What started it.
        steps: In their order; each that reads data says which.
        names: What expressions may name, but for ``outcome`` and ``steps``.
        missed: Times of the schedule for which it stands.
    """

    id: int
    root: int
    project: str
    project_name: str
    name: str
    actor: str | None
    trigger: str
    steps: tuple[AnyStep, ...]
    names: Mapping[str, Any]
    missed: int = 0

    @property
    def backfilling(self) -> bool:
        """Whether it goes over the past, and leaves what is active as it is."""
        return self.trigger == BACKFILL


@dataclass(frozen=True, slots=True)
class NotBegun:
    """A run that did not begin.

    Args:
        state: How it ends in Prefect: cancelled, with the reason; or as the run ended that has done all of it already.
    """

    state: State[dict[str, Any]]


class _AnotherGoesOn(Exception):
    """Another run of the scenario. Not one of ours: it is waited for, or the reason of a run that does not begin."""


STATES: Final[Mapping[ScenarioOutcome, Callable[[str, dict[str, Any]], State[dict[str, Any]]]]] = {
    ScenarioOutcome.SUCCESS: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.WARNING: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.FAILED: lambda message, data: Failed(message=message, data=data),
    ScenarioOutcome.ABORTED: lambda message, data: Cancelled(message=message, data=data),
}
"""How each outcome looks in Prefect. Standard names, since its pages filter flow runs by them."""


@task(task_run_name="Open run", cache_policy=NO_CACHE)
def open_run(
    project: str,
    scenario: str | None,
    data: str | None,
    trigger: str,
    actor: str | None,
    parameters: Mapping[str, Value] | None = None,
    continue_run: int | None = None,
) -> OpenRun | NotBegun:
    """Write down that a run begins. An earlier run that died is closed as aborted; one that goes on is waited for.

    Raises:
        UnusableValue: a parameter has a name that is taken; or it is said to be of a backfill, and is not.
        ActRefused, NotFound: there is nothing to continue under this number.
        ChangedMeanwhile: the run has ended whose step it is to be.
    """
    declared = load_project(project)
    name, settings = declared.scenario(scenario)
    if trigger == BACKFILL and not edge.is_over_the_past():
        remedy = "start a backfill with 'driftgate scenario backfill'"
        raise UnusableValue(f"trigger {trigger!r}", "only a backfill runs over past periods", remedy)
    with edge.patiently():
        who = edge.acting(actor)
        parameters = _parameters(declared, who, data, parameters, continue_run)
        said = parameters.get(DATA)
        steps = steps_reading(declared, settings.steps, None if said is None else str(said), os.environ)
        plan = [planned(step) for step in steps]
        if (finished := _finished(declared, name, plan, parameters, who)) is not None:
            return finished
        skipped, missed, late_since = _missed(declared, name, settings, trigger, who)
        if skipped:
            return _not_begun(name, skipped)
        watcher, told = SignsOfLife(), False
        abort_dead_runs(watcher, project=declared.project, scenario=name)
        tell_prefect_of_last(declared.project, name)
        while True:
            try:
                run = _open(declared, name, plan, trigger, parameters, who, continue_run, missed)
                break
            except _AnotherGoesOn as other:
                if settings.collision is Collision.SKIP:
                    return _skip(declared, name, trigger, who, str(other), late_since)
                if not told:
                    _tell(f"it waits for the other run of {name!r} to end: {other}")
                    told = True
            others = _wait_for_the_other(watcher, declared, name)
            if trigger == BACKFILL and (done := _done_by_one_of(others, parameters)) is not None:
                return done
    report_run(run.id or 0, ReportAt.START)
    return _opened(run, declared, name, settings, actor, steps, parameters)


def _open(
    project: Project,
    name: str,
    plan: list[Planned],
    trigger: str,
    parameters: Mapping[str, Value],
    who: Actor,
    continue_run: int | None,
    missed: int,
) -> ScenarioRun:
    """One try. Inside a step of another scenario, the step keeps which run it has begun, and goes on with that."""
    inside = edge.kept_before() or {}
    with edge.known(project, who) as session:
        try:
            run = scenario_runs.open_run(
                session,
                registry.find_project(session, project.project),
                name,
                trigger=trigger,
                parameters=parameters,
                flow_run_id=flow_run.id,
                host=this_machine(),
                process_id=os.getpid(),
                is_alive=is_alive,
                actor=who,
                at=edge.now(),
                plan=plan,
                continue_run=continue_run,
                tried_before=inside.get("run"),
                missed=missed,
            )
        except ChangedMeanwhile as other:
            raise _AnotherGoesOn(other) from other
        edge.keep(session, {"run": run.id})
        return run


def _opened(
    run: ScenarioRun,
    project: Project,
    name: str,
    settings: Scenario,
    actor: str | None,
    steps: tuple[AnyStep, ...],
    parameters: Mapping[str, Value],
) -> OpenRun:
    given = {key: value for key, value in parameters.items() if key != DATA}
    names = {
        "variables": {**settings.variables, **{key: given[key] for key in settings.variables if key in given}},
        "parameters": given,
        "trigger": run.trigger,
        "data": parameters.get(DATA),
        "project": project.project,
        "scenario": name,
        "run": run.id,
    }
    number = run.id or 0
    return OpenRun(
        number,
        run.root_id or number,
        str(project.file),
        project.project,
        name,
        actor,
        run.trigger,
        steps,
        names,
        run.missed,
    )


def planned(step: AnyStep) -> Planned:
    """A step as it is kept beside what it does, so that only the same one goes on with that."""
    return Planned(step.name, step.kind, asked_of(step))


def require_going_on(session: Session, run: int | None = None) -> None:
    """Refuse to do anything more for a run that has ended, or for a step of a run that has. Raises: ChangedMeanwhile."""
    for number in ([] if run is None else [run]) + edge.enclosing_runs():
        scenario_runs.require_going_on(session, number, hold=False)


def _parameters(
    project: Project, who: Actor, data: str | None, parameters: Mapping[str, Value] | None, continue_run: int | None
) -> dict[str, Value]:
    """What the run is given, as it is recorded. One that goes on with another needs not be told what that was given."""
    if DATA in (parameters or {}):
        raise UnusableValue("parameter 'data'", "that is the name of what the run reads", "say it as the run's data")
    before: dict[str, Value] = {}
    if continue_run is not None:
        with edge.looking_at(project, who) as session:
            before = dict(scenario_runs.find_run(session, project.project, continue_run).parameters)
    return {**before, **(parameters or {}), **({} if data is None else {DATA: data})}


def _finished(
    project: Project, name: str, plan: list[Planned], parameters: Mapping[str, Value], who: Actor
) -> NotBegun | None:
    """What is tried again though all of it was done: whoever tries had died before the end was heard of."""
    inside = edge.kept_before() or {}
    with edge.looking_at(project, who) as session:
        run = scenario_runs.find_finished(
            session, name, plan=plan, parameters=parameters, flow_run_id=flow_run.id, tried_before=inside.get("run")
        )
        told = None if run is None else _told(session, run)
    return None if told is None else _as_it_ended(told, "had ended before this was tried again")


def _done_by_one_of(others: set[int], parameters: Mapping[str, Value]) -> NotBegun | None:
    """Of two backfills, the one that waited for the other to do a period has that done."""
    with edge.reading() as session:
        runs = [session.get_one(ScenarioRun, number) for number in sorted(others)]
        same = [run for run in runs if run.trigger == BACKFILL and run.parameters == dict(parameters)]
        told = next((_told(session, run) for run in same if run.outcome in _WELL), None)
    return None if told is None else _as_it_ended(told, "of another backfill has done it meanwhile")


def _as_it_ended(told: dict[str, Any], how: str) -> NotBegun:
    """The outcome of a run that has done all that was asked for, instead of a second one."""
    outcome: ScenarioOutcome = told["outcome"]
    message = f"{outcome}: run {told['run']} {how}"
    _tell(message)
    _tag(f"outcome:{outcome.lower()}")
    return NotBegun(STATES[outcome](message, told))


def _told(session: Session, run: ScenarioRun) -> dict[str, Any]:
    """A run with its steps, as whoever asked for it is told."""
    steps = [
        {"name": step.name, "outcome": step.outcome, "message": step.message}
        for step in scenario_runs.steps_of(session, run)
    ]
    return {"run": run.id, "scenario": run.scenario, "outcome": run.outcome, "reason": run.reason, "steps": steps}


def _missed(
    project: Project, name: str, settings: Scenario, trigger: str, who: Actor
) -> tuple[str, int, datetime | None]:
    """Why a run of the schedule does not begin; else for how many times of the schedule it stands, and its own if late."""
    if trigger != SCHEDULE or settings.schedule is None:
        return "", 0, None
    due, now = flow_run.scheduled_start_time, edge.now()
    with edge.reading() as session:
        if scenario_runs.was_begun(session, str(flow_run.id)):  # it is tried again, which takes its time
            return "", 0, None
    late = is_late(due, now)
    reason = why_skipped(due, now, settings.schedule.catch_up, later_is_due=late and later_is_due(due, now))
    with edge.known(project, who) as session:
        row = registry.find_project(session, project.project)
        if not reason:
            return "", scenario_runs.missed_times(session, row, name) + late, due if late else None
        scenario_runs.skip_run(session, row, name, trigger=trigger, reason=reason, missed=due, actor=who, at=edge.now())
    return reason, 0, None


def _skip(project: Project, name: str, trigger: str, who: Actor, other: str, late_since: datetime | None) -> NotBegun:
    reason, now = f"another run goes on: {other}", edge.now()
    with edge.known(project, who) as session:
        row = registry.find_project(session, project.project)
        scenario_runs.skip_run(session, row, name, trigger=trigger, reason=reason, missed=late_since, actor=who, at=now)
    return _not_begun(name, reason)


def _not_begun(name: str, reason: str) -> NotBegun:
    _tell(f"the run of {name!r} does not begin: {reason}")
    data: dict[str, Any] = {
        "run": None,
        "scenario": name,
        "outcome": ScenarioOutcome.ABORTED,
        "reason": reason,
        "steps": [],
    }
    return NotBegun(Cancelled(message=reason, data=data))


def _wait_for_the_other(watcher: SignsOfLife, project: Project, name: str) -> set[int]:
    """Until no run of the scenario goes on; one that shows no sign of life is ended. Gives the numbers of those seen."""
    seen: set[int] = set()
    while True:
        with edge.reading() as session:
            require_going_on(session)
            going_on = scenario_runs.runs_going_on(session, project.project, name)
        if not going_on:
            return seen
        seen |= {key_of(run) for run in going_on}
        if not abort_dead_runs(watcher, project=project.project, scenario=name):
            time.sleep(LOOK_EVERY_SECONDS)


def _tell(sentence: str) -> None:
    edge.PROGRESS.info("%s", sentence)
    get_run_logger().info("%s", sentence)


@task(task_run_name="Close run", cache_policy=NO_CACHE)
def close_run(run: OpenRun, progress: Progress) -> dict[str, Any]:
    """Write down how the run ended; gives the run with its steps. One that was ended from outside stays as it is."""
    with edge.patiently():
        who = edge.acting(run.actor)
    ended_here = False

    def write(session: Session) -> dict[str, Any]:
        nonlocal ended_here
        row = scenario_runs.hold_run(session, run.id)
        if row.outcome is None:
            ended_here = True
            if progress.outcome is ScenarioOutcome.ABORTED:
                why = _why_stopped(session)
                row = scenario_runs.abort_run(session, row, reason=why, actor=SYSTEM, at=edge.now())
            else:
                row = scenario_runs.close_run(session, row, progress.outcome, actor=who, at=edge.now())
        return _told(session, row)

    told = edge.persistently("the end of the run", write)
    if ended_here:  # otherwise it was told by whoever ended it
        report_run(run.id, ReportAt.END)
    return told


def _why_stopped(session: Session) -> str:
    """Why a run does nothing more that nobody has ended: one whose step it is has ended."""
    for number in edge.enclosing_runs():
        outer = session.get_one(ScenarioRun, number)
        if outer.outcome is not None:
            because = f" because {outer.reason}" if outer.reason else ""
            return f"run {number} of {outer.scenario}, which had started it, ended {outer.outcome}{because}"
    return "a step found that it can't go on"


def final_state(run: OpenRun, progress: Progress, closed: dict[str, Any]) -> State[dict[str, Any]]:
    """A fresh state for the flow run, with the outcome in its message and in its tags."""
    outcome: ScenarioOutcome = closed["outcome"]
    failed = ", ".join(step["name"] for step in closed["steps"] if step["outcome"] is StepOutcome.FAILED)
    recovered = progress.recovered and outcome not in {ScenarioOutcome.FAILED, ScenarioOutcome.ABORTED}
    note = f" after a failure of {failed} was reset" if recovered else f": {failed}" if failed else ""
    note = f": {closed['reason']}" if closed["reason"] else note
    stands = f"; it stands for {run.missed} missed" if run.missed else ""
    _tag(f"outcome:{outcome.lower()}", *(["outcome:recovered"] if recovered else []))
    return STATES[outcome](f"{outcome}{note}{stands}", closed)


def _tag(*tags: str) -> None:
    """Let people find the run by its outcome. Its end is on record by now, and nothing that Prefect answers changes that."""
    try:
        with get_client(sync_client=True) as client:
            others = {tag for tag in flow_run.tags if not tag.startswith("outcome:")}  # of a run that was tried before
            client.update_flow_run(flow_run.id, tags=sorted({*others, *tags}))
    except edge.TookTooLong:
        raise
    except Exception as problem:
        _LOG.warning("flow run %s could not be given its tags in Prefect: %s", flow_run.id, problem)


def mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook for a run that was cancelled, crashed, or could not be recorded: close it, keeping what was done.

    Of one that ended by itself nothing is changed. Where this can't be written either, whoever looks next finds the
    run dead.
    """
    reason = f"{flow.name} {str(state.name).lower()}: {state.message or 'no reason given'}"
    ended = None
    with edge.transaction() as session:
        run = scenario_runs.find_open_run(session, str(flow_run.id))
        if run is not None:
            with suppress(ChangedMeanwhile):
                ended = scenario_runs.abort_run(session, run, reason=reason, actor=SYSTEM, at=edge.now())
    if ended is not None and ended.id is not None:
        report_run(ended.id, ReportAt.END)
