"""``driftgate init``: from one file of rows to a project that works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command
from deployments.cli.files import replacing
from governance.errors import ProjectFileError

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "init", example="driftgate init data/loans.csv --target repaid --project-folder loans")(init)


def init(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Training data: .csv or .parquet.", show_default=False)],
    target: Annotated[str, typer.Option("--target", "-t", metavar="COLUMN", help="What is to be predicted.")],
    project_folder: Annotated[Path, typer.Option("--project-folder", help="Where project.yaml goes.")] = Path(),
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the project. Default: after the file.", show_default=False)
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            "--time-column", metavar="COLUMN", help="When a row happened. Default: the only date.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a project.yaml that exists.")] = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Look at a file of rows and write a project.yaml for it: readable, commented, ready to train."""
    if name is not None and re.fullmatch(r"[a-z][a-z0-9_-]{0,79}", name) is None:
        raise typer.BadParameter(
            f"{name!r} is not a name: use lower-case letters, digits, - and _, beginning with a letter",
            param_hint="--name",
        )
    if "*" in str(data):
        raise typer.BadParameter("name one file; a * makes it a series", param_hint="DATA")
    from governance.project_file import FILE_NAME, load_project

    file = project_folder / FILE_NAME
    if file.exists() and not force:
        raise ProjectFileError(file, None, "", "it exists already", "add --force to replace it, or name another folder")
    from deployments.cli.drafting import write_down
    from tasks.learning.drafting import draft_project

    person = record.acting(acting_as).name
    draft = draft_project(data.absolute(), target, name=name, time_column=time_column, person=person)
    with replacing(file) as temporary:
        temporary.write_text(write_down(draft, project_folder), encoding="utf-8")
    declared = load_project(file)
    here = "" if project_folder.resolve() == Path.cwd() else f" --project {project_folder}"
    commands = [
        f"driftgate train{here}",
        f"driftgate sign-off request-approval 1{here}",
        f"driftgate project show{here}",
    ]
    document = {
        "project": declared.project,
        "file": declared.file,
        "model": draft.model,
        "target": draft.target,
        "prediction_type": draft.prediction_type,
        "time_column": draft.time_column,
        "data": {name: source.path for name, source in declared.data.items()},
        "columns": [
            {"name": c.column, "role": c.role, "handling": c.handling, "reason": c.reason} for c in draft.columns
        ],
        "next": commands,
    }

    def view(console: Console) -> None:
        display.say(console, f"{declared.file} written: {draft.prediction_type} model {draft.model!r}.", good=True)
        rows = [(c.column, c.role, c.handling, c.reason) for c in draft.columns]
        console.print(display.table(("column", "role", "handling", "why"), rows))
        for source, path in declared.data.items():
            display.say(console, f"  {source}: {path.path}")
        display.next_commands(console, *commands)

    return Answer(document, view)
