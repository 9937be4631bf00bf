"""How a command line that was not carried out is answered: one sentence, or one document."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import typer

from deployments.cli import display
from deployments.cli.answer import console, print_document
from governance.errors import ConfirmationNeeded, DriftgateError, ProjectFileError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command was not carried out.

    Args:
        type: Name of the error's class.
        message: One sentence.
        more: What else a machine may want to know.
    """

    type: str
    message: str
    more: Mapping[str, Any] = field(default_factory=dict)


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_SHUT: Final = frozenset({errno.EBADF, errno.EIO})

STOPPED: Final = Refusal("Interrupted", "Stopped; what was finished is kept.")

HINTS: Final[Mapping[type[DriftgateError], tuple[str, ...]]] = {
    ConfirmationNeeded: ("Say yes with --confirm.",),
}
"""How a remedy is typed, behind sentences that know no command line."""


def refusal(error: DriftgateError) -> Refusal:
    """What an error of driftgate says, with its parts where they help."""
    match error:
        case ProjectFileError():
            more = {"file": error.file, "line": error.line, "field": error.field, "remedy": error.remedy}
        case _ if hasattr(error, "reasons"):
            more = {"reasons": error.reasons}
        case _:
            more = {}
    return Refusal(type(error).__name__, " ".join([str(error), *HINTS.get(type(error), ())]), more)


def of_the_machine(error: Exception) -> Refusal | None:
    """One sentence on what its operator can mend: a folder, its permissions, a disk; ``None`` on anything else."""
    if isinstance(error, OSError) and error.errno in _FULL:  # which of its files did not fit, the system need not say
        place = error.filename or "A file can't be written"
        remedy = "make room on its disk, or set DRIFTGATE_HOME"
        return Refusal(type(error).__name__, f"{place}: {os.strerror(error.errno).lower()}; {remedy}.")
    if isinstance(error, OSError) and error.errno in _SHUT and error.filename is None:  # files of ours have names
        problem = os.strerror(error.errno).lower()
        return Refusal(type(error).__name__, f"The answer can't be written: {problem}; see to standard output.")
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        remedy = "see to its permissions, or set DRIFTGATE_HOME"
        return Refusal(type(error).__name__, f"{error.filename}: {error.strerror.lower()}; {remedy}.")
    # Whatever raised it has imported it: asking for the module here would make every command slower.
    exceptions = sys.modules.get("sqlalchemy.exc")
    if exceptions is not None and isinstance(error, exceptions.OperationalError):
        problem = " ".join(str(error.orig).split())
        remedy = "see to its disk, its permissions and its server, or set DRIFTGATE_HOME or DRIFTGATE_DATABASE_URL"
        return Refusal(type(error).__name__, f"The database can't be written ({problem}); {remedy}.")
    return None


def unexpected(error: Exception) -> Refusal:
    """One sentence on an error nobody foresaw; its traceback goes into a file."""
    clause = " ".join(str(error).split())[:300]
    what = f"{type(error).__name__}: {clause}" if clause else type(error).__name__
    return Refusal(
        type(error).__name__, f"This is an error that driftgate did not foresee ({what}); {_keep_traceback()}."
    )


def _keep_traceback() -> str:
    """Write the traceback of the current exception where somebody finds it, and say where."""
    try:
        from governance.settings import make_for_owner, settings

        folder = settings().home.resolve() / "tracebacks"
        make_for_owner(folder)
        file = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}.txt"
        file.write_text(f"driftgate {' '.join(sys.argv[1:])}\n\n{traceback.format_exc()}", encoding="utf-8")
    except Exception:  # the home folder itself may be what is wrong
        traceback.print_exc(file=sys.stderr)
        return "the traceback is on standard error"
    return f"the traceback is in {file}"


def say(refused: Refusal, *, as_json: bool) -> None:
    """Print it: a document on standard output, or a sentence on standard error, also where the document can't go."""
    if as_json:
        error = {"type": refused.type, "message": refused.message, **refused.more}
        with suppress(OSError):
            print_document({"error": error}, sys.stdout)
            return
    with suppress(OSError):  # nobody is left to tell
        display.say(console(sys.stderr), refused.message, good=False)


def say_usage(error: typer.TyperException, *, as_json: bool) -> None:
    """Print what is wrong with the command line itself, and how it is used."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":  # Typer's way to show the help of a noun without a verb
        message = f"'{context.command_path if context else 'driftgate'}' needs a command; see --help."
        if not as_json:
            return
    else:
        message = " ".join(error.format_message().split())
    if not as_json and context is not None:
        print(f"{context.get_usage()}\nHelp: {context.command_path} --help", file=sys.stderr)  # noqa: T201
    say(Refusal("UsageError", message), as_json=as_json)
