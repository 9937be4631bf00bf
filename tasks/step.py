"""One step of a scenario: decide whether it runs, run it, and keep how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed, Failed

from governance import scenario_runs
from governance.errors import DriftgateError
from governance.project_file import AnyStep
from governance.tables import ScenarioRun
from governance.vocabulary import StepOutcome
from tasks import edge
from tasks.scenario import OpenRun
from tasks.scenarios.conditions import in_words, should_run
from tasks.scenarios.progress import Progress, as_declared


@dataclass(frozen=True, slots=True)
class Ended:
    """How the work of a step ended: outcome, one clause for people, and what it made (JSON-able)."""

    outcome: StepOutcome
    message: str
    result: dict[str, Any] = field(default_factory=dict)


Story = Callable[[OpenRun, Any], Ended]
"""What a kind of step does, given the run and the step's own settings."""

STATES: Final[Mapping[StepOutcome, Callable[[str], State[str]]]] = {
    StepOutcome.SUCCESS: lambda message: Completed(message=message, data=StepOutcome.SUCCESS),
    StepOutcome.WARNING: lambda message: Completed(name="Warning", message=message, data=StepOutcome.WARNING),
    StepOutcome.FAILED: lambda message: Failed(message=message, data=StepOutcome.FAILED),
    StepOutcome.SKIPPED: lambda message: Completed(name="Skipped", message=message, data=StepOutcome.SKIPPED),
}
"""How each outcome looks in Prefect: the name of the state, with the reason as its message."""


TO_BE_TRIED_AGAIN: Final = "TriedAgain"
"""Name of the state of an attempt that failed and is not the last one."""


def perform(run: OpenRun, position: int, step: AnyStep, story: Story, progress: Progress) -> Progress:
    """Run one step as a task run of its own, and move the outcome of the scenario on."""
    state = run_step.with_options(
        task_run_name=step.name, retries=step.retries, retry_delay_seconds=step.retry_delay_seconds
    )(run, position, step, story, progress, return_state=True)
    outcome: Any = state.result(raise_on_failure=False)
    if isinstance(outcome, BaseException):  # the step could not even be recorded: the run can't go on
        raise outcome
    return progress.after(outcome, reset_failure=step.reset_failure)


def _says_so(_task: object, _run: object, state: State[Any]) -> bool:
    """Only what the story of a step failed at is tried again; when the record can't be written the work is done already."""
    return state.name == TO_BE_TRIED_AGAIN


@task(cache_policy=NO_CACHE, retry_condition_fn=_says_so)
def run_step(run: OpenRun, position: int, step: AnyStep, story: Story, progress: Progress) -> State[str]:
    """Run the story of a step if its condition holds; a failure is a result here, not an exception.

    Raises: ChangedMeanwhile when the run was ended meanwhile, e.g. taken for dead; then it does nothing more.
    """
    started_at = edge.now()
    with edge.transaction() as session:
        scenario_runs.require_going_on(session, session.get_one(ScenarioRun, run.id))
    if should_run(step.run_if, progress.outcome):
        ended = _attempt(story, run, step)
    else:
        ended = Ended(
            StepOutcome.SKIPPED, f"runs if {in_words(step.run_if)}; the outcome so far was {progress.outcome}"
        )
    if ended.outcome is StepOutcome.FAILED and task_run.run_count <= step.retries:
        return Failed(
            name=TO_BE_TRIED_AGAIN, message=f"attempt {task_run.run_count} of {step.retries + 1}: {ended.message}"
        )
    outcome = as_declared(ended.outcome, step.on_failure)
    with edge.transaction() as session:
        scenario_runs.record_step(
            session,
            session.get_one(ScenarioRun, run.id),
            position=position,
            name=step.name,
            kind=step.kind,
            outcome=outcome,
            message=ended.message,
            result=ended.result,
            started_at=started_at,
            ended_at=edge.now(),
        )
    return STATES[outcome](ended.message)


def _attempt(story: Story, run: OpenRun, step: AnyStep) -> Ended:
    try:
        return story(run, step)
    except DriftgateError as refusal:
        return Ended(StepOutcome.FAILED, str(refusal), {"error": type(refusal).__name__})
    except Exception as error:
        get_run_logger().exception("step %r failed", step.name)
        return Ended(StepOutcome.FAILED, f"{type(error).__name__}: {error}", {"error": type(error).__name__})
