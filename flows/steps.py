"""What each kind of step does: one story per kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from prefect.client.schemas.objects import State

from flows.activate import activate
from flows.evaluate import evaluate
from flows.score import score
from flows.train import train
from governance.project_file import (
    Activate,
    BuildEvaluation,
    ExportDocument,
    Notify,
    PythonStep,
    RequestSignOff,
    RunChecks,
    RunScenario,
    Score,
    SqlStep,
    Train,
)
from governance.vocabulary import ScenarioOutcome, StepKind, StepOutcome
from tasks import edge
from tasks.backfill import evaluation_to_check, labels_of_run, parameters_inside
from tasks.check import run_checks
from tasks.document import export_document, place_of_output
from tasks.improvement import settle_activation
from tasks.notify import send_message
from tasks.python_step import call_function
from tasks.scenario import OpenRun
from tasks.sign_off import request_sign_off
from tasks.sql_step import execute_statement
from tasks.step import Ended, Story

RunsScenario = Callable[..., State[dict[str, Any]]]
"""The flow that runs a scenario. It is handed in, since it is made of these stories."""

LEFT_AS_IT_IS: Final = "a backfill leaves what is active as it is"

OUTCOMES: Final[Mapping[ScenarioOutcome, StepOutcome]] = MappingProxyType(
    {
        ScenarioOutcome.SUCCESS: StepOutcome.SUCCESS,
        ScenarioOutcome.WARNING: StepOutcome.WARNING,
        ScenarioOutcome.FAILED: StepOutcome.FAILED,
        ScenarioOutcome.ABORTED: StepOutcome.FAILED,
    }
)
"""What the outcome of another scenario is for the step that runs it."""


def stories(run_scenario: RunsScenario) -> Mapping[StepKind, Story]:
    """What each kind of step does: the one table."""
    return MappingProxyType(
        {
            StepKind.BUILD_EVALUATION: _build_evaluation,
            StepKind.RUN_CHECKS: _run_checks,
            StepKind.TRAIN: _train,
            StepKind.ACTIVATE: _activate,
            StepKind.REQUEST_SIGN_OFF: _request_sign_off,
            StepKind.SCORE: _score,
            StepKind.NOTIFY: _notify,
            StepKind.RUN_SCENARIO: lambda run, step: _run_scenario(run_scenario, run, step),
            StepKind.EXPORT_DOCUMENT: _export_document,
            StepKind.PYTHON: _call_function,
            StepKind.SQL: _execute_statement,
        }
    )


def _build_evaluation(run: OpenRun, step: BuildEvaluation) -> Ended:
    labels = labels_of_run(run.names)
    made = edge.once(lambda: evaluate.fn(run.project, step.store, step.data, step.version, run.actor, labels=labels))
    warnings = made["warnings"]
    outcome = StepOutcome.WARNING if warnings else StepOutcome.SUCCESS
    return Ended(outcome, "; ".join([f"evaluation {made['id']} of {made['data']}", *warnings]), made)


def _run_checks(run: OpenRun, step: RunChecks) -> Ended:
    judged = evaluation_to_check(run.project, step.store, run.names)
    checked = edge.once(lambda: run_checks(run.project, step.store, run.actor, judged))
    return Ended(StepOutcome(checked["outcome"]), checked["message"], checked)


def _train(run: OpenRun, step: Train) -> Ended:
    made = edge.once(lambda: train.fn(run.project, step.model, step.data, run.actor, None))
    if run.backfilling:
        return Ended(StepOutcome.SUCCESS, f"version {made['version']} is trained; {LEFT_AS_IT_IS}", made)
    settled = settle_activation(run.project, made, run.actor)
    message = f"version {made['version']} {settled['message']}"
    return Ended(StepOutcome(settled["outcome"]), message, made | {"activation": settled})


def _activate(run: OpenRun, step: Activate) -> Ended:
    if run.backfilling:
        return Ended(StepOutcome.SKIPPED, LEFT_AS_IT_IS)
    made = edge.once(lambda: activate.fn(run.project, step.version, step.environment, step.model, False, run.actor))
    return Ended(StepOutcome.SUCCESS, f"version {made['version']} is active in {made['environment']}", made)


def _request_sign_off(run: OpenRun, step: RequestSignOff) -> Ended:
    if run.backfilling:
        return Ended(StepOutcome.SKIPPED, "a backfill asks nobody for a review")
    made = edge.once(lambda: request_sign_off(run.project, step.model, step.version, step.notify, run.actor))
    return Ended(StepOutcome.SUCCESS, f"version {made['version']} is {made['status']}", made)


def _score(run: OpenRun, step: Score) -> Ended:
    output = place_of_output(run.project, step.output)
    made = edge.once(lambda: score.fn(run.project, step.data, output, step.model, step.version, run.actor))
    return Ended(StepOutcome.SUCCESS, f"{made['rows']:,} rows scored by version {made['version']}", made)


def _notify(run: OpenRun, step: Notify) -> Ended:
    if run.backfilling:
        return Ended(StepOutcome.SKIPPED, "a backfill tells nobody")
    sent = send_message(run.project, step.channel, step.subject, step.message, run.id, run.actor)
    return Ended(StepOutcome(sent["outcome"]), sent["message"], sent)


def _run_scenario(run_scenario: RunsScenario, run: OpenRun, step: RunScenario) -> Ended:
    """Run it as a run of its own, in the record and in Prefect, and take its outcome."""
    with edge.over_the_past(run.backfilling):
        state = run_scenario(
            run.project,
            step.scenario,
            data=step.data,
            trigger=run.trigger if run.backfilling else f"run_scenario {run.name}",
            actor=run.actor,
            parameters=parameters_inside(run.names, step.parameters),
            return_state=True,
        )
    ended: Any = state.result(raise_on_failure=False)
    if isinstance(ended, BaseException):  # it could not even be opened, or recorded
        raise ended
    if ended["run"] is None:  # another run of it goes on, and it is told not to wait
        return Ended(StepOutcome.WARNING, f"{ended['scenario']} did not run: {ended['reason']}", ended)
    return Ended(OUTCOMES[ended["outcome"]], f"run {ended['run']} of {ended['scenario']}: {state.message}", ended)


def _export_document(run: OpenRun, step: ExportDocument) -> Ended:
    made = export_document(run.project, step.model, step.version, place_of_output(run.project, step.output))
    return Ended(StepOutcome.SUCCESS, f"the document of version {made['version']} is in {made['output']}", made)


def _call_function(run: OpenRun, step: PythonStep) -> Ended:
    given = call_function(run.project, step.function, step.arguments)
    return Ended(StepOutcome.SUCCESS, f"{step.function} was called", given)


def _execute_statement(run: OpenRun, step: SqlStep) -> Ended:
    done = execute_statement(step.name, step.statement, step.parameters, step.url_variable)
    return Ended(StepOutcome.SUCCESS, done["message"], done)
