"""Run a scenario: its steps in their order, each if its condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from prefect import flow
from prefect.client.schemas.objects import State

from flows.activate import activate
from flows.evaluate import evaluate
from flows.parameters import ActorName, DataName, ProjectFolder, ScenarioName, described, named
from flows.train import train
from governance.project_file import Activate, BuildEvaluation, RequestSignOff, RunChecks, Train
from governance.vocabulary import StepKind, StepOutcome
from tasks.check import run_checks
from tasks.scenario import OpenRun, close_run, final_state, mark_aborted, open_run
from tasks.scenarios.progress import Progress
from tasks.sign_off import request_sign_off
from tasks.step import Ended, Story, perform

Trigger = Annotated[str, described("Trigger", "What started the run: manual, schedule, …")]


@flow(
    name="run-scenario",
    flow_run_name=named("{project} {scenario} {data}"),
    on_cancellation=[mark_aborted],
    on_crashed=[mark_aborted],
)
def run_scenario(
    project: ProjectFolder,
    scenario: ScenarioName = None,
    data: DataName = None,
    trigger: Trigger = "manual",
    actor: ActorName = None,
) -> State[dict[str, Any]]:
    """Open a run, perform its steps, close it; it ends as the worst step since the last reset."""
    run = open_run(project, scenario, data, trigger, actor)
    progress = Progress()
    for position, step in enumerate(run.steps):
        progress = perform(run, position, step, STORIES[step.kind], progress)
    return final_state(progress, close_run(run, progress))


def _build_evaluation(run: OpenRun, step: BuildEvaluation) -> Ended:
    made = evaluate.fn(run.project, step.store, step.data, step.version, run.actor)
    warnings = made["warnings"]
    outcome = StepOutcome.WARNING if warnings else StepOutcome.SUCCESS
    return Ended(outcome, "; ".join([f"evaluation {made['id']} of {made['data']}", *warnings]), made)


def _run_checks(run: OpenRun, step: RunChecks) -> Ended:
    checked = run_checks(run.project, step.store, run.actor)
    return Ended(StepOutcome(checked["outcome"]), checked["message"], checked)


def _train(run: OpenRun, step: Train) -> Ended:
    made = train.fn(run.project, step.model, step.data, run.actor)
    return Ended(StepOutcome.SUCCESS, f"version {made['version']} waits for its sign-off", made)


def _activate(run: OpenRun, step: Activate) -> Ended:
    made = activate.fn(run.project, step.version, step.environment, step.model, False, run.actor)
    return Ended(StepOutcome.SUCCESS, f"version {made['version']} is active in {made['environment']}", made)


def _request_sign_off(run: OpenRun, step: RequestSignOff) -> Ended:
    made = request_sign_off(run.project, step.model, step.version, step.notify, run.actor)
    return Ended(StepOutcome.SUCCESS, f"version {made['version']} is {made['status']}", made)


STORIES: Final[Mapping[StepKind, Story]] = {
    StepKind.BUILD_EVALUATION: _build_evaluation,
    StepKind.RUN_CHECKS: _run_checks,
    StepKind.TRAIN: _train,
    StepKind.ACTIVATE: _activate,
    StepKind.REQUEST_SIGN_OFF: _request_sign_off,
}
"""What each kind of step does."""
