"""``driftgate evaluate``: judge one batch of rows and add the verdict to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Data, Project, Version, command
from governance.errors import NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from governance.project_file import Project as Declared

Store = Annotated[
    str | None, typer.Argument(metavar="STORE", help="Evaluation store. Default: the only one.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "evaluate", example="driftgate evaluate mes_for_input_drift --data monthly:latest")(evaluate)


def evaluate(
    store: Store = None,
    project: Project = None,
    data: Data = None,
    version: Version = "active",
    acting_as: ActingAs = None,
) -> Answer:
    """Judge data with a model version: input drift, prediction drift and, with labels, performance."""
    declared = record.find_project(project)
    name = store_named(declared, store)
    with running.flows(f"Evaluating into {name}"):
        from flows.evaluate import evaluate as run

        made = run(record.reference_to(declared), name, data=data, version=version, actor=record.acting(acting_as).name)

    def view(console: Console) -> None:
        show_evaluation(console, made)
        display.next_commands(console, f"driftgate check {name}", "driftgate serve")

    return Answer(made, view)


def store_named(project: Declared, name: str | None) -> str:
    """The store of that name, or the only one. Raises: NotFound with the known names."""
    if name is None and len(project.stores) == 1:
        return next(iter(project.stores))
    if name is None:
        raise NotFound("default", "store", sorted(project.stores), "name one of them")
    project.store(name)
    return name


def show_evaluation(console: Console, made: dict[str, Any]) -> None:
    """Print an evaluation that was just made."""
    unlabelled = made["sampled_rows"] - made["labelled_rows"] if made["labelled_rows"] is not None else 0
    left_out = f", {unlabelled:,} of them without a label" if unlabelled else ""
    display.say(
        console,
        f"{made['data']} judged with version {made['version']}: "
        f"{made['sampled_rows']:,} of {made['rows']:,} rows{left_out} "
        f"(evaluation {made['id']} in {made['store']}).",
        good=True,
    )
    console.print(display.table(("metric", "value"), display.main_metrics(made["metrics"])))
    for warning in made["warnings"]:
        display.say(console, f"! {warning}")
