"""``driftgate serve``: the Prefect server, its worker and every schedule, until it is told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer, console
from deployments.cli.command import Projects, command

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "serve", example="driftgate serve --port 4200")(serve)


def serve(
    project: Projects = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Of Prefect's pages and API.")] = 4200,
    api_port: Annotated[
        int, typer.Option("--api-port", min=1, max=65535, help="Of the API of driftgate, on the same address.")
    ] = 4300,
    trusting: Annotated[
        bool, typer.Option("--trusting", help="Make no administrator: everybody is taken at their word, as before.")
    ] = False,
) -> Answer:
    """Serve until Ctrl-C: other commands of this home then use this server, and schedules run.

    The first time it makes an administrator, prints the password once, and logs you in: then people are known.
    """
    from deployments.server import serve as serve_until_stopped
    from governance.project_file import FILE_NAME
    from governance.settings import settings

    declared = [record.find_project(one) for one in project or ([FILE_NAME] if Path(FILE_NAME).is_file() else [])]
    out = console()
    serve_until_stopped(
        settings(),
        projects=[one.file for one in declared],
        host=host,
        port=port,
        api_port=api_port,
        trusting=trusting,
        say=lambda sentence: display.say(out, sentence),
    )

    def view(console: Console) -> None:
        display.say(console, "Stopped.")

    return Answer(
        {"host": host, "port": port, "api_port": api_port, "projects": [one.project for one in declared]}, view
    )
