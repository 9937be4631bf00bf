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

from governance import registry, scenario_runs
from governance.audit import SYSTEM
from governance.processes import is_alive
from governance.project_file import AnyStep, load_project
from governance.tables import ScenarioRun
from governance.vocabulary import ScenarioOutcome, StepOutcome
from tasks import edge
from tasks.scenarios.progress import Progress
from tasks.scenarios.reading import steps_reading


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that goes on: what its steps need to know.

    Args:
        id: Of the run in the record.
        project: Its ``project.yaml``.
        actor: Who started it; ``None``: the user of the process.
        steps: In their order; each that reads data says which.
    """

    id: int | None
    project: str
    actor: str | None
    steps: tuple[AnyStep, ...]


STATES: Final[Mapping[ScenarioOutcome, Callable[[str, dict[str, Any]], State[dict[str, Any]]]]] = {
    ScenarioOutcome.SUCCESS: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.WARNING: lambda message, data: Completed(message=message, data=data),
    ScenarioOutcome.FAILED: lambda message, data: Failed(message=message, data=data),
}
"""How each outcome looks in Prefect. Standard names, since its pages filter flow runs by them."""


@task(task_run_name="Open run", cache_policy=NO_CACHE)
def open_run(project: str, scenario: str | None, data: str | None, trigger: str, actor: str | None) -> OpenRun:
    """Write down that a run begins. An earlier run that died on this machine is closed as aborted."""
    declared = load_project(project)
    name, settings = declared.scenario(scenario)
    steps = steps_reading(declared, settings.steps, data)
    who = edge.acting(actor)
    with edge.known(declared, who) as session:
        run = scenario_runs.open_run(
            session,
            registry.find_project(session, declared.project),
            name,
            trigger=trigger,
            parameters={"data": data} if data else {},
            flow_run_id=flow_run.id,
            host=platform.node(),
            process_id=os.getpid(),
            is_alive=is_alive,
            actor=who,
            at=edge.now(),
        )
        return OpenRun(run.id, str(declared.file), actor, steps)


@task(task_run_name="Close run", cache_policy=NO_CACHE)
def close_run(run: OpenRun, progress: Progress) -> dict[str, Any]:
    """Write down how the run ended; gives the run with its steps."""
    who = edge.acting(run.actor)
    with edge.transaction() as session:
        row = scenario_runs.close_run(
            session, session.get_one(ScenarioRun, run.id), progress.outcome, actor=who, at=edge.now()
        )
        steps = [
            {"name": step.name, "outcome": step.outcome, "message": step.message}
            for step in scenario_runs.steps_of(session, row)
        ]
        return {"run": row.id, "scenario": row.scenario, "outcome": row.outcome, "steps": steps}


def final_state(progress: Progress, closed: dict[str, Any]) -> State[dict[str, Any]]:
    """A fresh state for the flow run, with the outcome in its message and in its tags."""
    failed = ", ".join(step["name"] for step in closed["steps"] if step["outcome"] is StepOutcome.FAILED)
    recovered = progress.recovered and progress.outcome is not ScenarioOutcome.FAILED
    note = f" after a failure of {failed} was reset" if recovered else f": {failed}" if failed else ""
    _tag(f"outcome:{progress.outcome.lower()}", *(["outcome:recovered"] if recovered else []))
    return STATES[progress.outcome](f"{progress.outcome}{note}", closed)


def _tag(*tags: str) -> None:
    with get_client(sync_client=True) as client:
        client.update_flow_run(flow_run.id, tags=sorted({*flow_run.tags, *tags}))


def mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook for a run that was cancelled or crashed: close it in the record, keeping what was done."""
    reason = f"{flow.name} {str(state.name).lower()}: {state.message or 'no reason given'}"
    with edge.transaction() as session:
        run = scenario_runs.find_open_run(session, str(flow_run.id))
        if run is not None:
            scenario_runs.abort_run(session, run, reason=reason, actor=SYSTEM, at=edge.now())
