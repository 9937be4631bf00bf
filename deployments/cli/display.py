"""How answers look to people: short tables, plain sentences, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = {
    "OK": "green", "SUCCESS": "green", "APPROVED": "green", "ALLOWED": "green",
    "WARNING": "yellow", "EMPTY": "yellow", "MINOR_ISSUE": "yellow", "CONFIRMATION_NEEDED": "yellow",
    "ERROR": "red", "FAILED": "red", "REJECTED": "red", "REFUSED": "red", "MAJOR_ISSUE": "red", "ABORTED": "red",
    "SKIPPED": "dim", "ABANDONED": "dim",
}  # fmt: skip


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """A table; outcomes in their colours, missing values as a dash."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*columns, title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for row in rows:
        drawn.add_row(*(Text(shown(cell), style=_COLOURS.get(shown(cell), "")) for cell in row))
    return drawn


def shown(value: Any) -> str:
    """A value as people read it.

    Example:
        >>> shown(0.51234567), shown(None), shown(12000), shown(["a", "b"])
        ('0.5123', '–', '12,000', 'a, b')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) >= 1 else f"{value:.4f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "–"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items()) or "–"
    return str(value)


def say(console: Console, sentence: str, *, good: bool | None = None) -> None:
    """Print one sentence, marked when it is good or bad news."""
    from rich.text import Text

    mark = {True: ("✓ ", "bold green"), False: ("✗ ", "bold red"), None: ("", "")}[good]
    console.print(Text.assemble(mark, sentence))


def next_commands(console: Console, *commands: str) -> None:
    """Print what to do next."""
    from rich.text import Text

    for position, line in enumerate(commands):
        console.print(Text.assemble(("Next: " if position == 0 else "      ", "dim"), (line, "cyan")))


def main_metrics(metrics: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
    """The metrics that fit on a screen: all but those of single columns and classes."""
    from tasks.metrics.catalogue import is_of_part

    return [(name, value) for name, value in metrics.items() if not is_of_part(name)]
