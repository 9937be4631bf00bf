"""``driftgate watch``: what starts scenarios, for who has a Prefect server and a worker of their own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deployments.cli import display, record
from deployments.cli.answer import Answer, console
from deployments.cli.command import Projects, command

if TYPE_CHECKING:
    import typer
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "watch", example="driftgate watch --project loans")(watch)


def watch(project: Projects = None) -> Answer:
    """Deploy scenarios to your own Prefect server and watch what starts them, until Ctrl-C; 'serve' does so by itself."""
    from deployments.server import watch as watch_until_stopped
    from governance.project_file import FILE_NAME
    from governance.settings import settings

    declared = [record.find_project(one) for one in project or [str(Path(FILE_NAME))]]
    out = console()
    watch_until_stopped(
        settings(), projects=[one.file for one in declared], say=lambda sentence: display.say(out, sentence)
    )

    def view(console: Console) -> None:
        display.say(console, "Stopped.")

    return Answer({"projects": [one.project for one in declared]}, view)
