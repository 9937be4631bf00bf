"""``driftgate score``: put predictions beside the rows of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Model, Project, Version, command

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "score", example="driftgate score monthly:latest --output scored.parquet")(score)


def score(
    data: Annotated[str, typer.Argument(metavar="SOURCE[:PART]|PATH", help="What to score.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .csv or .parquet.", dir_okay=False)],
    project: Project = None,
    model: Model = None,
    version: Version = "active",
    acting_as: ActingAs = None,
) -> Answer:
    """Score a file of any size: its columns, the prediction, and one probability per class."""
    if output.suffix not in {".csv", ".parquet"}:
        raise typer.BadParameter(f"{str(output)!r} must end in .csv or .parquet", param_hint="--output")
    declared = record.find_project(project)
    name, _ = declared.model(model)
    with running.flows(f"Scoring {data}"):
        from flows.score import score as run

        made = run(
            record.reference_to(declared),
            data,
            str(output.resolve()),
            model=name,
            version=version,
            actor=record.acting(acting_as).name,
        )

    def view(console: Console) -> None:
        display.say(console, f"{made['rows']:,} rows scored with version {made['version']} into {output}.", good=True)

    return Answer(made, view)
