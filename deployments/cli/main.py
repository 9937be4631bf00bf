"""The console script: build the command line, run one command, and say how it ended."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from typing import Annotated, Final

import typer

from deployments.cli import (
    audit,
    bundle,
    channel,
    check,
    compare,
    demo,
    drift,
    environment,
    evaluate,
    evidently,
    group,
    init,
    item,
    log_in,
    metrics,
    notices,
    override,
    project,
    refusals,
    role,
    scenario,
    score,
    serve,
    sign_off,
    template,
    token,
    train,
    user,
    version,
    watch,
)
from deployments.cli.answer import Answer, console, print_document
from deployments.cli.command import JSON_FLAG
from deployments.cli.exit_codes import FAILED, INTERRUPTED, OK, TERMINATED, exit_code
from governance.errors import DriftgateError

NEW_OBJECTS: Final = 50_000
"""How many make the garbage collector look, instead of 700: thousands of modules are imported, which is no garbage."""

app = typer.Typer(
    name="driftgate",
    help="Watch models in production, retrain them when they drift, and let no version go live that nobody signed.",
    epilog="Begin with: driftgate demo. Or with your own data: driftgate init data.csv --target COLUMN",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for noun in (
    demo,
    init,
    drift,
    project,
    train,
    score,
    evaluate,
    check,
    compare,
    scenario,
    channel,
    version,
    sign_off,
    override,
    environment,
    notices,
    bundle,
    item,
    template,
    metrics,
    evidently,
    log_in,
    user,
    group,
    role,
    token,
    audit,
    serve,
    watch,
):
    noun.add_to(app)


def _say_which(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version as version_of

        typer.echo(f"driftgate {version_of('driftgate')}")
        raise typer.Exit


@app.callback()
def _which(
    show: Annotated[
        bool, typer.Option("--version", help="Say which driftgate this is.", callback=_say_which, is_eager=True)
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line; whatever happens is said in one sentence or one document.

    Args:
        arguments: Without the name of the program.

    Returns:
        The exit code: 0 done, 1 refused or failed, 2 wrong usage.
    """
    as_json = JSON_FLAG in arguments and "--help" not in arguments
    try:
        # What a library prints must not end up beside the document.
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            answer = app(list(arguments), prog_name="driftgate", standalone_mode=False)
        if answer == INTERRUPTED:  # what Typer makes of Ctrl-C
            raise typer.Abort  # noqa: TRY301
        if not isinstance(answer, Answer):
            return int(answer or OK)
        if as_json:
            print_document(answer.document, sys.stdout)
        else:
            answer.view(console())
            sys.stdout.flush()
    except DriftgateError as error:
        refusals.say(refusals.refusal(error), as_json=as_json)
        return exit_code(error)
    except typer.TyperException as error:
        refusals.say_usage(error, as_json=as_json)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        refusals.say(refusals.STOPPED, as_json=as_json)
        return INTERRUPTED
    except SystemExit as left:
        if left.code != TERMINATED:
            raise
        refusals.say(refusals.STOPPED, as_json=as_json)
        return TERMINATED
    except BrokenPipeError:
        return FAILED  # the reader has gone; nobody is left to tell
    except Exception as error:
        refusals.say(refusals.of_the_machine(error) or refusals.unexpected(error), as_json=as_json)
        return FAILED
    return answer.exit_code


def _hold_closed_streams() -> None:
    """Give a stream that the shell has closed a place, or the next file that is opened would be taken for it.

    What is read there ends at once, the answer can't be written there, and what is said beside it is lost.
    """
    for name, flags, mode in (
        ("stdin", os.O_RDONLY, "r"),
        ("stdout", os.O_RDONLY, "w"),
        ("stderr", os.O_WRONLY, "w"),
    ):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode, encoding="utf-8"))


def _everything_is_written() -> bool:
    """Whether nothing is left to write; what can't be written is dropped, or the interpreter would complain of it."""
    written = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            written = False
    return written


def main() -> None:
    """The console script ``driftgate``."""
    _hold_closed_streams()
    # Only here: signals and the garbage collector are for a process of its own, not for who calls run().
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    gc.set_threshold(NEW_OBJECTS)
    try:
        code = run(sys.argv[1:])
    finally:
        gc.freeze()  # at its end the interpreter would search all of them for garbage, for a second
        written = _everything_is_written()
    sys.exit(code if written else code or FAILED)


if __name__ == "__main__":
    main()
