"""``driftgate scenario``: run one, go on with it, end it, and see how its last runs went."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import backfill, display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Data, Project, command, group
from deployments.cli.exit_codes import FAILED, OK
from governance.errors import ActRefused, NotFound, UnusableValue
from governance.vocabulary import ScenarioOutcome
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from governance.project_file import Project as Declared
    from governance.project_file import Value
    from governance.tables import ScenarioRun, StepRun
    from governance.vocabulary import Actor

Scenario = Annotated[str | None, typer.Argument(metavar="SCENARIO", help="Default: the only one.", show_default=False)]

Continue = Annotated[
    bool,
    typer.Option("--continue", help="Go on with the interrupted latest run; its finished steps are not done again."),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", metavar="NAME=VALUE", help="Instead of a variable of the scenario; repeatable."),
]

_WENT_WELL = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    scenario = group("scenario", "Run a scenario, go on with it, end it; see its last runs.")
    command(scenario, "run", example="driftgate scenario run retrain-model --data monthly:06")(run)
    command(scenario, "last-runs", example="driftgate scenario last-runs retrain-model --limit 5")(last_runs)
    command(scenario, "abort", example='driftgate scenario abort retrain-model --reason "wrong month"')(abort)
    backfill.add_to(scenario)
    app.add_typer(scenario)


def run(
    scenario: Scenario = None,
    project: Project = None,
    data: Data = None,
    parameter: Parameters = None,
    going_on: Continue = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Run a scenario: its steps in their order, each if its condition holds. Fails when the scenario fails."""
    declared = record.find_project(project)
    name, settings = declared.scenario(scenario)
    actor = record.acting(acting_as)
    given = _given(parameter or [], settings.variables)
    continued = _interrupted(declared, name, actor) if going_on else None
    with running.flows(f"Running {settings.name}"):
        from flows.scenario import run_scenario

        ended = run_scenario(
            record.reference_to(declared),
            name,
            data=data,
            actor=actor.name,
            parameters=given or None,
            continue_run=continued,
            return_state=True,
        )
        made = running.result_of(ended)
    if made["run"] is None:
        raise ActRefused(f"Scenario {name!r}", "run", [made["reason"]])
    from governance import scenario_runs
    from governance.tables import ScenarioRun

    with edge.looking_at(declared, actor) as session:
        row = session.get_one(ScenarioRun, made["run"])
        told = describe(row, scenario_runs.steps_of(session, row))

    def view(console: Console) -> None:
        show_run(console, told)
        display.next_commands(console, f"driftgate scenario last-runs {name}", "driftgate version list")

    return Answer(told, view, OK if told["outcome"] in _WENT_WELL else FAILED)


def abort(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN|SCENARIO",
            help="Number of the run, or its scenario; default: the only one.",
            show_default=False,
        ),
    ] = None,
    project: Project = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the run.")] = "",
    acting_as: ActingAs = None,
) -> Answer:
    """End a run that goes on; what it has done stays. Its process stops at its next step at the latest."""
    from governance import scenario_runs
    from tasks.survival import abort_by_hand

    declared = record.find_project(project)
    actor = record.acting(acting_as)
    with edge.looking_at(declared, actor) as session:
        if which is not None and which.isdecimal():
            found = scenario_runs.find_run(session, declared.project, int(which))
        else:
            name = declared.scenario(which)[0]
            going_on = scenario_runs.runs_going_on(session, declared.project, name)
            if not going_on:
                raise NotFound("run going on of", name, remedy="'driftgate scenario last-runs' shows how they ended")
            found = going_on[0]
    with _reaching_prefect():
        abort_by_hand(found, reason, actor)
    with edge.looking_at(declared, actor) as session:
        row = scenario_runs.find_run(session, declared.project, found.id or 0)
        told = describe(row, scenario_runs.steps_of(session, row))

    def view(console: Console) -> None:
        show_run(console, told)
        display.next_commands(console, f"driftgate scenario run {row.scenario} --continue")

    return Answer(told, view)


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
    rows = [(step["outcome"], step["name"], step["message"]) for step in made["steps"]]
    title = f"run {made['run']} of {made['scenario']}, {made['started_at']:.19}: {made['outcome'] or _life(made)}"
    console.print(display.table(("outcome", "step", "message"), rows, title=title))
    if made["root"] is not None:
        display.say(console, f"It went on with run {made['root']}.")
    if made["missed"]:
        display.say(console, f"It stands for {made['missed']} missed times of its schedule.")
    if made.get("reason"):
        display.say(console, made["reason"])


def describe(run: ScenarioRun, steps: Sequence[StepRun]) -> dict[str, Any]:
    """A run as it is told; without outcome while it goes on, and with its last sign of life."""
    kept = run.model_dump(mode="json", exclude={"id", "project_id", "flow_run_id", "host", "process_id", "root_id"})
    told = [step.model_dump(mode="json", exclude={"id", "run_id"}) for step in steps]
    return {"run": run.id, "root": run.root_id, **kept, "steps": told}


def _life(made: dict[str, Any]) -> str:
    beat = made["beat_at"]
    return "still running" + (f", last sign of life at {beat:.19}" if beat else "")


@contextmanager
def _reaching_prefect() -> Iterator[None]:
    """Inside, a Prefect server that runs already is found. None is started: it would know nothing of the run."""
    from deployments.servers.address import find_running, served_url
    from deployments.servers.environment import applied, client_environment
    from deployments.servers.password import credentials
    from governance.settings import settings

    url = find_running(settings())
    if url is None:
        yield
        return
    wanted = credentials(settings()) if url == served_url(settings()) else {}
    with applied(client_environment(settings(), url) | wanted):
        yield


def _interrupted(declared: Declared, scenario: str, actor: Actor) -> int:
    """Number of the run to go on with."""
    from governance import scenario_runs

    with edge.looking_at(declared, actor) as session:
        return scenario_runs.newest_aborted(session, declared.project, scenario).id or 0


def _given(parameters: Sequence[str], variables: Mapping[str, Value]) -> dict[str, Any]:
    """Parameters as the command line has them, values as YAML reads them: numbers are numbers, true is true.

    Raises:
        UnusableValue: one has no name or no value.
        NotFound: the scenario has no variable of that name: it would change nothing.
    """
    import yaml

    given: dict[str, Any] = {}
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        try:
            read = yaml.safe_load(value)
        except yaml.YAMLError:
            read = value
        if not equals or not name:
            raise UnusableValue(f"parameter {parameter!r}", "it has no name and value", "write NAME=VALUE")
        if name not in variables:
            raise NotFound("variable", name, sorted(variables), "name one of the scenario's variables, or declare it")
        given[name] = read if isinstance(read, str | int | float | bool | None) else value
    return given
