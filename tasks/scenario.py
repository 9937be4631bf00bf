"""Begin and end a run of a scenario in the record, and say in Prefect how it ended."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from governance import scenario_runs
from governance.project_file import AnyStep, load_project
from governance.registry import register_project
from governance.vocabulary import ScenarioOutcome
from tasks import edge
from tasks.scenarios.progress import Progress


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that goes on: what its steps need to know.

    Args:
        id: Of the run in the record.
        project: Folder of the project.
        data: What to judge and train on instead of what the steps say; ``None``: as they say.
        actor: Who started it; ``None``: the user of the process.
        steps: In their order.
    """

    id: int
    project: str
    data: str | None
    actor: str | None
    steps: tuple[AnyStep, ...]


STATES: Final[Mapping[ScenarioOutcome, Callable[[str, dict[str, Any]], State[dict[str, Any]]]]] = {
    ScenarioOutcome.SUCCESS: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.WARNING: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.FAILED: lambda message, data: Failed(message=message, data=data),
}
"""How each outcome looks in Prefect. Standard names, since its pages filter flow runs by them."""


@task(cache_policy=NO_CACHE)
def open_run(project: str, scenario: str | None, data: str | None, trigger: str, actor: str | None) -> OpenRun:
    """Write down that a run begins. An earlier run that died on this machine is closed as aborted."""
    declared = load_project(project)
    name, settings = declared.scenario(scenario)
    with edge.transaction() as session:
        who = edge.acting(actor)
        row = register_project(session, declared, actor=who, at=edge.now())
        run = scenario_runs.open_run(
            session,
            row,
            scenario=name,
            trigger=trigger,
            parameters={"data": data} if data else {},
            flow_run_id=flow_run.id,
            host=platform.node(),
            process_id=os.getpid(),
            actor=who,
            at=edge.now(),
        )
        return OpenRun(run.id, str(declared.folder), data, actor, tuple(settings.steps))


@task(cache_policy=NO_CACHE)
def close_run(run: OpenRun, progress: Progress) -> dict[str, Any]:
    """Write down how the run ended; gives the run with its steps."""
    with edge.transaction() as session:
        return scenario_runs.close_run(session, run.id, outcome=progress.outcome, at=edge.now())


def final_state(progress: Progress, closed: dict[str, Any]) -> State[dict[str, Any]]:
    """A fresh state for the flow run, with the outcome in its message and in its tags."""
    failed = [step["name"] for step in closed["steps"] if step["outcome"] == "FAILED"]
    note = ""
    if failed:
        note = f" after a failure of {', '.join(failed)} was reset" if progress.recovered else f": {', '.join(failed)}"
    _tag(f"outcome:{progress.outcome.lower()}", *(["outcome:recovered"] if progress.recovered else []))
    return STATES[progress.outcome](f"{progress.outcome}{note}", closed)


def _tag(*tags: str) -> None:
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, tags=sorted({*flow_run.tags, *tags}))


def mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook for a run that was cancelled or crashed: close it in the record, keeping what was done."""
    with edge.transaction() as session:
        scenario_runs.abort_run(session, flow_run_id=str(flow_run.id), reason=state.message or state.name, at=edge.now())
