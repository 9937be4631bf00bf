"""``driftgate train``: make a new version of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Data, Model, Project, command

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "train", example="driftgate train --project my_project --data training")(train)


def train(project: Project = None, model: Model = None, data: Data = None, acting_as: ActingAs = None) -> Answer:
    """Train a new version of a model. It waits at the gate until somebody has signed it."""
    declared = record.find_project(project)
    name, _ = declared.model(model)
    with running.flows(f"Training {name}"):
        from flows.train import train as run

        made = run(record.reference_to(declared), model=name, data=data, actor=record.acting(acting_as).name)

    def view(console: Console) -> None:
        show_version(console, made)
        display.next_commands(
            console,
            f"driftgate sign-off request-feedback {made['version']}",
            f"driftgate version activate {made['version']}",
        )

    return Answer(made, view)


def show_version(console: Console, made: dict[str, Any]) -> None:
    """Print a version that was just trained."""
    rows = made["rows"]
    left_out = f", {rows['dropped']:,} without a label left out" if rows["dropped"] else ""
    display.say(
        console,
        f"Version {made['version']} of {made['model']}, trained on {made['data']}: "
        f"{rows['train']:,} rows fitted, {rows['test']:,} rows measured{left_out}.",
        good=True,
    )
    console.print(display.table(("metric", "value"), display.main_metrics(made["metrics"])))
    for diagnostic in made["diagnostics"]:
        display.say(console, f"! {diagnostic['message']}")
    if made["trained_before"] is not None:
        display.say(console, f"! The training data are, byte for byte, those of version {made['trained_before']}.")
    if made["improvement"] is not None:
        display.say(console, made["improvement"]["message"])
