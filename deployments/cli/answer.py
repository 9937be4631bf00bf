"""What a command answers: one document for machines, one view for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TextIO

from deployments.cli.exit_codes import OK

if TYPE_CHECKING:
    from rich.console import Console

View = Callable[["Console"], None]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a command.

    Args:
        document: JSON-able; printed with ``--json``.
        view: Prints the same for people.
        exit_code: 0, unless what was asked for was done and found bad (a check that errs, a scenario that failed).
    """

    document: Mapping[str, Any]
    view: View = field(repr=False)
    exit_code: int = OK


def print_document(document: Mapping[str, Any], stream: TextIO) -> None:
    """Print one JSON document and nothing else. A number that JSON lacks (NaN, infinity) becomes null."""
    json.dump(plain(document), stream, indent=2, ensure_ascii=False, allow_nan=False)
    stream.write("\n")
    stream.flush()


def plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return value if value - value == 0 else None
    return value


def console(stream: TextIO | None = None) -> Console:
    """A console that leaves lines whole when nobody looks: into a file or a pipe."""
    from rich.console import Console

    out = stream or sys.stdout
    return Console(file=out, highlight=False, soft_wrap=not out.isatty())
