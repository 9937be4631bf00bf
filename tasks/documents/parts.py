"""A document before it is written in any language: sections of sentences, lists and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

_SMALLEST_PLAIN = 1e-4
_GREATEST_PLAIN = 1e9


@dataclass(frozen=True, slots=True)
class Sentence:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list of sentences."""

    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header.

    Args:
        header: Names of the columns; empty ones for a list of facts.
        rows: Cells as values; how they are shown, :func:`shown` says.
        share_column: Column of shares from 0 to 1 that are drawn as bars beside the number; ``None``: no such.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    share_column: int | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """A number over time, as a line.

    Args:
        title: What it is.
        values: Oldest first; at least two.
        ends: What the first and the last of them are of.
    """

    title: str
    values: Sequence[float]
    ends: tuple[str, str]


Part = Sentence | Points | Table | Course


@dataclass(frozen=True, slots=True)
class Chapter:
    """A heading and what is under it."""

    title: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document."""

    title: str
    lead: str
    chapters: Sequence[Chapter]


def shown(value: Any) -> str:
    """A value as people read it, in one line.

    Example:
        >>> shown(0.98765), shown(0.00001234), shown(12345), shown(None), shown([1, "b"]), shown(True)
        ('0.9877', '1.23e-05', '12,345', '–', '1, b', 'yes')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        plain = value == 0 or _SMALLEST_PLAIN <= abs(value) < _GREATEST_PLAIN
        return f"{value:,.4f}" if plain else f"{value:.3g}"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if isinstance(value, list | tuple):
        return ", ".join(shown(each) for each in value) or "–"
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(str(value).split()))
