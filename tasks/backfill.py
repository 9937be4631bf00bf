"""What a backfill is made of, what of it is on record already, and how far it has come."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed
from sqlmodel import col, func, select

from governance import evaluations, registry
from governance.errors import NotFound, UnusableName
from governance.project_file import Project, load_project
from governance.tables import Evaluation, ProjectRow, ScenarioRun
from governance.vocabulary import BACKFILL, STEP_OUTCOMES, WORST_LAST, EmptyPolicy, Every, ScenarioOutcome, StepOutcome
from tasks import edge
from tasks.data.joining import PLUS
from tasks.data.periods import Period, periods_of
from tasks.publish import publish_backfill
from tasks.scenarios.backfilling import Done, Piece, Plan, Tally, counted, summary
from tasks.scenarios.reading import read_by, steps_reading

if TYPE_CHECKING:
    from sqlmodel import Session

_WELL: Final = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})

LISTENED_TO: Final = edge.PROGRESS.getChild(BACKFILL)
"""Whoever shows how far a backfill has come finds the :class:`Tally` in the field ``backfill`` of what is told here."""


@task(task_run_name="Plan backfill", cache_policy=NO_CACHE)
def plan_backfill(
    project: str,
    scenario: str | None,
    store: str | None,
    data: str | None,
    first: str | None,
    last: str | None,
    every: Every | None,
    *,
    version: str,
    checks: bool,
    again: bool,
    retry_failed: bool,
    actor: str | None,
) -> Plan:
    """Find the periods, and what the record says of each.

    Raises:
        NotFound, UnusableName: no such scenario, store, version, data or period; or one that can't be meant.
    """
    declared = load_project(project)
    if store is not None:
        return _plan_of_store(
            declared, project, store, data, (first, last, every), version, checks, again, retry_failed, actor
        )
    if checks or version != "active":
        option = "--checks" if checks else "--version"
        raise UnusableName(
            "option", option, "a scenario says that itself", "leave it out, or name a store with --store"
        )
    name, settings = declared.scenario(scenario)
    chosen = data or _read_most(declared, name)
    periods = periods_of(declared, chosen, first, last, every, os.environ)
    for period in periods[:1]:  # that a step reads such data is found out before anything runs
        steps_reading(declared, settings.steps, period.data, os.environ)
    with edge.writing(declared, edge.acting(actor)) as session:
        row = registry.find_project(session, declared.project)
        pieces = [
            Piece(period) if again else _run_on_record(session, row, name, period, retry_failed) for period in periods
        ]
        last_run = session.exec(select(func.max(ScenarioRun.id))).one() or 0
    return Plan(project, declared.project, name, None, None, False, actor, tuple(pieces), last_run)


def _plan_of_store(
    declared: Project,
    project: str,
    store: str,
    data: str | None,
    stretch: tuple[str | None, str | None, Every | None],
    version: str,
    checks: bool,
    again: bool,
    retry_failed: bool,
    actor: str | None,
) -> Plan:
    settings = declared.store(store)
    periods = periods_of(declared, data or settings.data, *stretch, os.environ)
    judged_by = {check.name: check.empty for check in settings.checks} if checks else {}
    with edge.writing(declared, edge.acting(actor)) as session:
        judge = None
        if settings.standalone is None:
            judge = edge.find_version(session, declared, declared.model(settings.model)[0], version).number
        identities = [evaluations.id_of_period(declared.project, store, each.data, judge) for each in periods]
        pieces = [
            Piece(period, evaluation=identity)
            if again
            else _evaluation_on_record(session, period, identity, judged_by, retry_failed)
            for period, identity in zip(periods, identities, strict=True)
        ]
    return Plan(project, declared.project, None, store, judge, checks, actor, tuple(pieces))


def _read_most(project: Project, scenario: str) -> str:
    """The series of which the steps of a scenario read the latest part. Raises: NotFound when it is not one."""
    said = [read_by(step) for step in steps_reading(project, project.scenario(scenario)[1].steps, None)]
    parts = {part.removesuffix(":latest") for reference in said if reference for part in reference.split(PLUS)}
    series = sorted(name for name in parts if name in project.data and "*" in (project.data[name].path or ""))
    if len(series) != 1:
        raise NotFound("default", "data source", series or sorted(project.data), "name it with --data")
    return series[0]


def _run_on_record(session: Session, project: ProjectRow, scenario: str, period: Period, retry_failed: bool) -> Piece:
    """What the latest run of a period says: done, interrupted, or to be done."""
    run = _latest_run(session, project, scenario, period)
    if run is None or (run.outcome is ScenarioOutcome.FAILED and retry_failed):
        return Piece(period)
    if run.outcome in {None, ScenarioOutcome.ABORTED}:
        return Piece(period, number=run.id)
    return Piece(period, StepOutcome(run.outcome), run.id)


def done_meanwhile(plan: Plan, piece: Piece) -> Done | None:
    """How the run of a period ended that another backfill has done since this one was planned; none: it is to be done."""
    with edge.reading() as session:
        project = registry.find_project(session, plan.name)
        run = _latest_run(session, project, plan.scenario or "", piece.period)
        if run is None or run.outcome not in _WELL:
            return None
        if (run.id or 0) <= plan.last_run and run.id != piece.number:
            return None
        message = f"run {run.id} of another backfill has done it meanwhile"
        return Done(piece.period.name, piece.period.data, StepOutcome(run.outcome), message, run=run.id)


def _latest_run(session: Session, project: ProjectRow, scenario: str, period: Period) -> ScenarioRun | None:
    ran = session.exec(
        select(ScenarioRun)
        .where(ScenarioRun.project_id == project.id, ScenarioRun.scenario == scenario, ScenarioRun.trigger == BACKFILL)
        .order_by(col(ScenarioRun.id).desc())
    )
    return next((run for run in ran if run.parameters.get("data") == period.data), None)


def _evaluation_on_record(
    session: Session, period: Period, identity: str, checks: Mapping[str, EmptyPolicy], retry_failed: bool
) -> Piece:
    """What the evaluation of a period says: done, done but for the checks, or to be done.

    Args:
        session: To read with.
        period: Which.
        identity: Of its evaluation.
        checks: Those it is to be held against, and what each makes of an absent value.
        retry_failed: Whether one that failed is to be done again.
    """
    found = session.get(Evaluation, identity)
    if found is None:
        return Piece(period, evaluation=identity)
    results = evaluations.check_results_of(session, found) if checks else []
    if checks and not results:
        return Piece(period, evaluation=identity, evaluated=True)
    ended = [StepOutcome.WARNING if found.warnings else StepOutcome.SUCCESS]
    # A check that is declared no more has left nothing of what it made of an absent value but the default.
    ended += [STEP_OUTCOMES[one.outcome, checks.get(one.name, EmptyPolicy.WARNING)] for one in results]
    outcome = max(ended, key=WORST_LAST.index)
    if outcome is StepOutcome.FAILED and retry_failed:
        return Piece(period, evaluation=identity)
    return Piece(period, outcome, evaluation=identity)


def labels_of_run(names: Mapping[str, Any]) -> dict[str, str]:
    """What a run of a scenario puts on its evaluations; nothing outside of a backfill.

    Args:
        names: What the run knows: its ``trigger``, and its ``parameters``.

    Example:
        >>> labels_of_run({"trigger": "schedule", "parameters": {}})
        {}
    """
    if names["trigger"] != BACKFILL:
        return {}
    return evaluations.labels_of_period(_period_of(names))


def parameters_inside(names: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a scenario is given that is run by a step of another one: in a backfill, which period it is besides.

    Example:
        >>> parameters_inside({"trigger": "backfill", "parameters": {"period": "04"}}, {"limit": 3})
        {'period': '04', 'limit': 3}
    """
    if names["trigger"] != BACKFILL:
        return dict(given)
    return {evaluations.PERIOD: _period_of(names), **given}


def evaluation_to_check(project: str, store: str, names: Mapping[str, Any]) -> str | None:
    """Which evaluation the checks of a run are held against: in a backfill that of its period, else the latest (none).

    Raises:
        NotFound: no evaluation of the period was made.
    """
    if names["trigger"] != BACKFILL:
        return None
    declared = load_project(project)
    with edge.reading() as session:
        row = evaluations.find_store(session, declared.project, store)
        return evaluations.evaluation_of_period(session, row, _period_of(names)).id


def _period_of(names: Mapping[str, Any]) -> str:
    return str(names["parameters"].get(evaluations.PERIOD) or names.get("data") or "all")


def labels_of(period: Period) -> dict[str, str]:
    """What the evaluation of a period is labelled with."""
    return evaluations.labels_of_period(period.name)


def parameters_of(period: Period) -> dict[str, str | int | float | bool | None]:
    """What the run of a period is given, and keeps."""
    return {evaluations.PERIOD: period.name}


def outcome_of(piece: Piece, state: State[Any]) -> Done:
    """How the run of a period ended, whatever became of it."""
    ended: Any = state.result(raise_on_failure=False)
    done = Done(
        piece.period.name, piece.period.data, StepOutcome.FAILED, _told(state, ended), evaluation=piece.evaluation
    )
    if not isinstance(ended, Mapping):
        return done
    if "run" in ended:  # one that was aborted, or did not even begin, is no more done than one that failed
        aborted = ended["outcome"] is ScenarioOutcome.ABORTED
        outcome = StepOutcome.FAILED if aborted else StepOutcome(ended["outcome"])
        return replace(done, outcome=outcome, message=state.message or "", run=ended["run"])
    if "checks" in ended:
        return replace(done, outcome=StepOutcome(ended["outcome"]), message=ended["message"])
    outcome = StepOutcome.WARNING if ended["warnings"] else StepOutcome.SUCCESS
    return replace(done, outcome=outcome, message="; ".join(ended["warnings"]) or f"{ended['sampled_rows']:,} rows")


def _told(state: State[Any], ended: object) -> str:
    return str(ended) if isinstance(ended, Exception) else state.message or state.name or "it did not end"


def timed(do: Callable[[], Done]) -> Done:
    """The same, with the time that it took."""
    began = time.monotonic()
    done = do()
    return replace(done, seconds=round(time.monotonic() - began, 3))


def tell(tally: Tally) -> None:
    """Say how far it has come, to whoever listens and to the log of the run."""
    from prefect import get_run_logger

    LISTENED_TO.info("%s", tally.in_words(), extra={BACKFILL: tally})
    get_run_logger().info("%s", tally.in_words())


def final_state(tally: Tally) -> State[dict[str, Any]]:
    """A fresh state for the flow run, with the count of outcomes in its message, and the periods as a table beside it."""
    made = summary(tally)
    publish_backfill(made, counted(tally))
    return Failed(message=counted(tally), data=made) if made["failed"] else Completed(message=counted(tally), data=made)
