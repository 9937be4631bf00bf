"""One step of a scenario: decide whether it runs, run it, and keep how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import task_run
from prefect.states import Completed, Failed
from prefect.utilities.timeout import timeout
from sqlmodel import Session

from governance import scenario_runs
from governance.errors import ChangedMeanwhile, DriftgateError, ExpressionError
from governance.project_file import AnyStep
from governance.tables import ScenarioRun, StepRun
from governance.vocabulary import ScenarioOutcome, StepOutcome
from tasks import edge
from tasks.scenario import OpenRun, planned, require_going_on
from tasks.scenarios.conditions import in_words, should_run
from tasks.scenarios.expressions import fill_step
from tasks.scenarios.progress import Progress, as_declared
from tasks.scenarios.results import as_kept


@dataclass(frozen=True, slots=True)
class Ended:
    """How the work of a step ended: outcome, one clause for people, and what it made (JSON-able)."""

    outcome: StepOutcome
    message: str
    result: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """What code of others says, and gives, may not fit into the record."""
        object.__setattr__(self, "message", as_kept(self.message))
        object.__setattr__(self, "result", as_kept(self.result))

    def __repr__(self) -> str:
        """The outcome alone: Prefect's logs show it beside the message, and a result may be long."""
        return str(self.outcome)


Story = Callable[[OpenRun, Any], Ended]
"""What a kind of step does, given the run and the step's own settings."""

STATES: Final[Mapping[StepOutcome, Callable[[Ended], State[Ended]]]] = {
    StepOutcome.SUCCESS: lambda ended: Completed(message=ended.message, data=ended),
    StepOutcome.WARNING: lambda ended: Completed(name="Warning", message=ended.message, data=ended),
    StepOutcome.FAILED: lambda ended: Failed(message=ended.message, data=ended),
    StepOutcome.SKIPPED: lambda ended: Completed(name="Skipped", message=ended.message, data=ended),
}
"""How each outcome looks in Prefect: the name of the state, with the reason as its message."""


TO_BE_TRIED_AGAIN: Final = "TriedAgain"
"""Name of the state of an attempt that failed and is not the last one."""


class Turn:
    """What one step is run with, in one piece.

    Prefect looks through every dataclass, model and list that a task is given, several times, for the results of other
    tasks: with what all steps before it have made, that would take longer from step to step.
    """

    def __init__(self, run: OpenRun, position: int, step: AnyStep, story: Story, progress: Progress) -> None:
        self.run, self.position, self.step, self.story, self.progress = run, position, step, story, progress


def perform(run: OpenRun, position: int, step: AnyStep, story: Story, progress: Progress) -> Progress:
    """Run one step as a task run of its own, and move the outcome of the scenario on.

    Of a run that was ended from outside nothing more is run, and its outcome is ``ABORTED``.
    """
    if progress.outcome is ScenarioOutcome.ABORTED:
        return progress
    state = run_step.with_options(
        task_run_name=step.name, retries=step.retries, retry_delay_seconds=step.retry_delay_seconds
    )(Turn(run, position, step, story, progress), return_state=True)
    ended: Any = state.result(raise_on_failure=False)
    if isinstance(ended, ChangedMeanwhile):  # somebody has ended the run
        return replace(progress, outcome=ScenarioOutcome.ABORTED)
    if isinstance(ended, BaseException):  # the step could not even be recorded: the run can't go on
        raise ended
    return progress.after(
        ended.outcome, reset_failure=step.reset_failure, name=step.name, message=ended.message, result=ended.result
    )


def _says_so(_task: object, _run: object, state: State[Any]) -> bool:
    """Only what the story of a step failed at is tried again; when the record can't be written the work is done already."""
    return state.name == TO_BE_TRIED_AGAIN


@task(cache_policy=NO_CACHE, retry_condition_fn=_says_so)
def run_step(turn: Turn) -> State[Ended]:
    """Run the story of a step if its condition holds; a failure is a result here, not an exception.

    What a run before this one has recorded is taken over, and what the step has done before it was interrupted is not
    done again.

    Raises: ChangedMeanwhile when the run was ended meanwhile, e.g. taken for dead, or one whose step this is done for;
    then it does nothing more.
    UnreadableFile when the database takes nothing for long.
    """
    run, position, step, progress = turn.run, turn.position, turn.step, turn.progress
    started_at = edge.now()
    with edge.patiently(), edge.reading() as session:
        require_going_on(session, run.id)
        recorded = scenario_runs.step_at(session, run.id, position)
        effect = scenario_runs.effect_of(session, run.root, position)
    if recorded is not None:
        return STATES[recorded.outcome](_taken_over(recorded))
    names = {**run.names, "outcome": str(progress.outcome), "steps": progress.steps}
    try:
        runs = should_run(step.run_if, progress.outcome, names)
        filled = fill_step(step, names) if runs else step
    except ExpressionError as wrong:  # it would be as wrong the next time
        ended, tried_again = Ended(StepOutcome.FAILED, str(wrong), {"error": type(wrong).__name__}), False
    else:
        with edge.patiently(), edge.in_step(run.id, run.root, position, planned(step), effect):
            ended = _attempt(turn.story, run, filled) if runs else _not_run(step, progress)
        tried_again = ended.outcome is StepOutcome.FAILED and task_run.run_count <= step.retries
    if tried_again:
        return Failed(
            name=TO_BE_TRIED_AGAIN, message=f"attempt {task_run.run_count} of {step.retries + 1}: {ended.message}"
        )
    ended = replace(ended, outcome=as_declared(ended.outcome, step.on_failure))
    _record(run, position, step, ended, started_at)
    return STATES[ended.outcome](ended)


def _taken_over(recorded: StepRun) -> Ended:
    return Ended(recorded.outcome, f"done before the run was interrupted: {recorded.message}", dict(recorded.result))


def _not_run(step: AnyStep, progress: Progress) -> Ended:
    return Ended(StepOutcome.SKIPPED, f"runs if {in_words(step.run_if)}; the outcome so far was {progress.outcome}")


def _attempt(story: Story, run: OpenRun, step: AnyStep) -> Ended:
    """Run the story once, for as long as the step lets it.

    It is stopped between two instructions of Python: one call into a library ends first, except where it waits for the
    system, as for a disk, a database or another process.
    """
    try:
        with timeout(step.timeout_seconds, edge.TookTooLong):
            return story(run, step)
    except edge.TookTooLong:
        return Ended(StepOutcome.FAILED, f"took longer than {step.timeout_seconds:g} s", {"error": "TimeoutError"})
    except DriftgateError as refusal:
        return Ended(StepOutcome.FAILED, str(refusal), {"error": type(refusal).__name__})
    except Exception as error:
        get_run_logger().exception("step %r failed", step.name)
        return Ended(StepOutcome.FAILED, f"{type(error).__name__}: {error}", {"error": type(error).__name__})


def _record(run: OpenRun, position: int, step: AnyStep, ended: Ended, started_at: datetime) -> None:
    def write(session: Session) -> None:
        scenario_runs.record_step(
            session,
            session.get_one(ScenarioRun, run.id),
            position=position,
            name=step.name,
            kind=step.kind,
            outcome=ended.outcome,
            message=ended.message,
            result=ended.result,
            started_at=started_at,
            ended_at=edge.now(),
        )

    edge.persistently(f"the end of step {step.name!r}", write)
