"""Run a scenario: its steps in their order, each if its condition holds."""

from __future__ import annotations

from typing import Annotated, Any, Final

from prefect import flow
from prefect.client.schemas.objects import State

from flows.parameters import ActorName, DataName, ProjectFolder, ScenarioName, described, named
from flows.steps import stories
from tasks.scenario import NotBegun, close_run, final_state, mark_aborted, open_run
from tasks.scenarios.progress import Progress
from tasks.step import perform
from tasks.survival import showing_life

Trigger = Annotated[str, described("Trigger", "What started the run: manual, schedule, …")]
Parameters = Annotated[
    dict[str, str | int | float | bool | None] | None,
    described("Parameters", "Values by name, which its steps use instead of the scenario's variables of these names."),
]
ContinueRun = Annotated[
    int | None,
    described("Continue run", "Number of an interrupted run, whose steps are not done again; empty: begin anew."),
]


@flow(
    name="run-scenario",
    flow_run_name=named("{project} {scenario} {data}"),
    on_cancellation=[mark_aborted],
    on_crashed=[mark_aborted],
    on_failure=[mark_aborted],
)
def run_scenario(
    project: ProjectFolder,
    scenario: ScenarioName = None,
    data: DataName = None,
    trigger: Trigger = "manual",
    actor: ActorName = None,
    parameters: Parameters = None,
    continue_run: ContinueRun = None,
) -> State[dict[str, Any]]:
    """Open a run, perform its steps, close it; it ends as the worst step since the last reset."""
    run = open_run(project, scenario, data, trigger, actor, parameters, continue_run)
    if isinstance(run, NotBegun):
        return run.state
    progress = Progress()
    with showing_life(run.id):
        for position, step in enumerate(run.steps):
            progress = perform(run, position, step, STORIES[step.kind], progress)
    return final_state(run, progress, close_run(run, progress))


STORIES: Final = stories(run_scenario)
"""What each kind of step does."""
