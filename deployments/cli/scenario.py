"""``driftgate scenario``: run one, and see how its last runs went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Data, Project, command, group
from deployments.cli.exit_codes import FAILED, OK
from governance.vocabulary import ScenarioOutcome
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from governance.tables import ScenarioRun, StepRun

Scenario = Annotated[str | None, typer.Argument(metavar="SCENARIO", help="Default: the only one.", show_default=False)]

_WENT_WELL = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    scenario = group("scenario", "Run a scenario; see its last runs.")
    command(scenario, "run", example="driftgate scenario run retrain-model --data monthly:06")(run)
    command(scenario, "last-runs", example="driftgate scenario last-runs retrain-model --limit 5")(last_runs)
    app.add_typer(scenario)


def run(scenario: Scenario = None, project: Project = None, data: Data = None, acting_as: ActingAs = None) -> Answer:
    """Run a scenario: its steps in their order, each if its condition holds. Fails when the scenario fails."""
    declared = record.find_project(project)
    name, settings = declared.scenario(scenario)
    actor = record.acting(acting_as)
    with running.flows(f"Running {settings.name}"):
        from flows.scenario import run_scenario

        ended = run_scenario(record.reference_to(declared), name, data=data, actor=actor.name, return_state=True)
        number = running.result_of(ended)["run"]
    from governance import scenario_runs
    from governance.tables import ScenarioRun

    with edge.looking_at(declared, actor) as session:
        row = session.get_one(ScenarioRun, number)
        made = describe(row, scenario_runs.steps_of(session, row))

    def view(console: Console) -> None:
        show_run(console, made)
        display.next_commands(console, f"driftgate scenario last-runs {name}", "driftgate version list")

    return Answer(made, view, OK if made["outcome"] in _WENT_WELL else FAILED)


def last_runs(
    scenario: Scenario = None,
    project: Project = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many.")] = 10,
) -> Answer:
    """Show the last runs, the newest first, with their steps."""
    from governance import scenario_runs

    declared = record.find_project(project)
    name = declared.scenario(scenario)[0] if scenario else None
    with edge.looking_at(declared) as session:
        runs = [
            describe(run, scenario_runs.steps_of(session, run))
            for run in scenario_runs.last_runs(session, declared.project, scenario=name, limit=limit)
        ]

    def view(console: Console) -> None:
        for one in runs:
            show_run(console, one)
        if not runs:
            display.say(console, "No run yet.")
            display.next_commands(console, "driftgate scenario run")

    return Answer({"project": declared.project, "runs": runs}, view)


def show_run(console: Console, made: dict[str, Any]) -> None:
    """Print one run with its steps."""
    outcome = made["outcome"] or "still running"
    rows = [(step["outcome"], step["name"], step["message"]) for step in made["steps"]]
    title = f"{made['scenario']}, {made['started_at']:.19}: {outcome}"
    console.print(display.table(("outcome", "step", "message"), rows, title=title))
    if made.get("reason"):
        display.say(console, made["reason"])


def describe(run: ScenarioRun, steps: Sequence[StepRun]) -> dict[str, Any]:
    """A run as it is told; without outcome while it goes on."""
    kept = run.model_dump(mode="json", exclude={"id", "project_id", "flow_run_id", "host", "process_id"})
    told = [step.model_dump(mode="json", exclude={"id", "run_id"}) for step in steps]
    return {"run": run.id, **kept, "steps": told}
