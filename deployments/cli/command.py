"""How a command is declared: with an example in its help, and with ``--json``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import typer

from deployments.cli.answer import Answer

Command = TypeVar("Command", bound=Callable[..., Answer])

JSON_FLAG: Final = "--json"

Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        metavar="FOLDER|FILE|NAME",
        help="Folder or file of the project, or the name of one that is known. Default: project.yaml in this folder.",
        show_default=False,
    ),
]
Projects = Annotated[
    list[str] | None,
    typer.Option(
        "--project",
        "-p",
        metavar="FOLDER|FILE|NAME",
        help="Whose scenarios are started; may be repeated. Default: project.yaml in this folder.",
        show_default=False,
    ),
]
ActingAs = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="NAME", help="Who acts. Default: who is logged in, else DRIFTGATE_USER.", show_default=False
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", "-m", metavar="NAME", help="Default: the only one.", show_default=False)
]
Environment = Annotated[
    str | None,
    typer.Option("--environment", "-e", metavar="NAME", help="Default: the monitored one.", show_default=False),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="SOURCE[:PART]|PATH",
        help="A data source, one part of it (source:part, source:latest), or the path of a file.",
        show_default=False,
    ),
]
Version = Annotated[str, typer.Option("--version", metavar="NUMBER|active|latest", help="Which version.")]


def group(name: str, about: str) -> typer.Typer:
    """A noun with its verbs."""
    return typer.Typer(name=name, help=about, no_args_is_help=True, add_completion=False)


def command(app: typer.Typer, name: str, *, example: str) -> Callable[[Command], Command]:
    """Declare a command: its options are the function's arguments, its answer is what the function returns.

    Args:
        app: Where it belongs.
        name: As people type it.
        example: One line that works, shown at the end of the help.
    """

    def declare(function: Command) -> Command:
        @functools.wraps(function)
        def run(*args: Any, json: bool, **kwargs: Any) -> Answer:
            # The outermost edge looks for the flag itself, since it must also hold when the rest can't be parsed.
            return function(*args, **kwargs)

        signature = inspect.signature(function, eval_str=True)
        flag = inspect.Parameter(
            "json",
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option(JSON_FLAG, help="Answer with one JSON document.")],
        )
        parameters = [*signature.parameters.values(), flag]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, epilog=f"Example: {example}")(run)
        return function

    return declare
