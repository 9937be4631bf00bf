"""Run a scenario, or the evaluation of a store, over past periods."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.evaluate import evaluate
from flows.parameters import ActorName, DataName, ProjectFolder, ScenarioName, VersionName, described, named
from flows.scenario import run_scenario
from governance.vocabulary import BACKFILL, Every
from tasks.backfill import (
    done_meanwhile,
    final_state,
    labels_of,
    outcome_of,
    parameters_of,
    plan_backfill,
    tell,
    timed,
)
from tasks.check import run_checks
from tasks.edge import over_the_past
from tasks.scenarios.backfilling import Done, Piece, Plan, Tally, worst

FirstPeriod = Annotated[str | None, described("From", "First part, or first day; empty: the first part.", "04")]
LastPeriod = Annotated[
    str | None, described("To", "Last part, or the day before which it ends; empty: the last.", "09")
]
Lengths = Annotated[Every | None, described("Every", "Length of a period, for one file or a query.")]


@flow(name="backfill", flow_run_name=named("{project} {scenario} {store} {data} backfill"))
def backfill(
    project: ProjectFolder,
    scenario: ScenarioName = None,
    store: Annotated[str | None, described("Store", "To evaluate into, instead of running a scenario.")] = None,
    data: DataName = None,
    first: FirstPeriod = None,
    last: LastPeriod = None,
    every: Lengths = None,
    version: VersionName = "active",
    checks: Annotated[bool, described("Checks", "Of a store: run them on every period.")] = False,
    again: Annotated[bool, described("Again", "Do all periods anew, also those on record.")] = False,
    retry_failed: Annotated[bool, described("Retry", "Do those on record that failed once more.")] = False,
    actor: ActorName = None,
) -> State[dict[str, Any]]:
    """Find what remains, do it period by period, oldest first; one that fails does not stop the rest."""
    plan = plan_backfill(
        project,
        scenario,
        store,
        data,
        first,
        last,
        every,
        version=version,
        checks=checks,
        again=again,
        retry_failed=retry_failed,
        actor=actor,
    )
    tally = Tally(plan)
    for piece in plan.remaining:
        tell(tally)
        tally = tally.after(timed(partial(_perform, plan, piece)))
    tell(tally)
    return final_state(tally)


def _perform(plan: Plan, piece: Piece) -> Done:
    """One period: the run of the scenario, or the evaluation and its checks."""
    if plan.scenario is not None:
        return _run(plan, piece)
    if piece.evaluated:
        return _check(plan, piece)
    judged = _evaluate(plan, piece)
    return worst(judged, _check(plan, piece)) if plan.checks and judged.went_well else judged


def _run(plan: Plan, piece: Piece) -> Done:
    if (done := done_meanwhile(plan, piece)) is not None:
        return done
    with over_the_past():
        state = run_scenario(
            plan.project,
            plan.scenario,
            data=piece.period.data,
            trigger=BACKFILL,
            actor=plan.actor,
            parameters=parameters_of(piece.period),
            continue_run=piece.number,
            return_state=True,
        )
    made = outcome_of(piece, state)
    # What went on when this began may have ended while it was waited for.
    return made if made.went_well else done_meanwhile(plan, piece) or made


def _evaluate(plan: Plan, piece: Piece) -> Done:
    state = evaluate(
        plan.project,
        plan.store,
        piece.period.data,
        version=str(plan.version or "active"),
        actor=plan.actor,
        labels=labels_of(piece.period),
        name=piece.period.name,
        id=piece.evaluation,
        return_state=True,
    )
    return outcome_of(piece, state)


def _check(plan: Plan, piece: Piece) -> Done:
    checked = run_checks.with_options(task_run_name=f"Check {piece.period.name}")
    return outcome_of(piece, checked(plan.project, plan.store, plan.actor, piece.evaluation, return_state=True))
