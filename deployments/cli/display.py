"""How answers look to people: short tables, plain sentences, and what to do next."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from governance.vocabulary import (
    CheckOutcome,
    FeedbackVerdict,
    GateDecision,
    ScenarioOutcome,
    SignOffStatus,
    StepOutcome,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

COLOURS: Final[Mapping[str, str]] = {
    CheckOutcome.OK: "green",
    StepOutcome.SUCCESS: "green",
    SignOffStatus.APPROVED: "green",
    GateDecision.ALLOWED: "green",
    CheckOutcome.WARNING: "yellow",
    CheckOutcome.EMPTY: "yellow",
    FeedbackVerdict.MINOR_ISSUE: "yellow",
    GateDecision.CONFIRMATION_NEEDED: "yellow",
    GateDecision.OVERRIDDEN: "yellow",
    CheckOutcome.ERROR: "red",
    StepOutcome.FAILED: "red",
    SignOffStatus.REJECTED: "red",
    GateDecision.REFUSED: "red",
    FeedbackVerdict.MAJOR_ISSUE: "red",
    ScenarioOutcome.ABORTED: "red",
    StepOutcome.SKIPPED: "dim",
    SignOffStatus.ABANDONED: "dim",
}
"""A word stands for itself wherever it occurs: the WARNING of a check is that of a step."""

SMALLEST_SHOWN: Final = 0.00005
"""Smaller numbers would read 0.0000, which they are not."""


def words(text: str, style: str = "") -> Text:
    r"""Text as the terminal may have it: nothing in it is taken as markup, and no control character arrives there.

    What people have written (comments, names of columns and files) could otherwise move the cursor or rename the window.

    Example:
        >>> words("fine[bold]\x1b[2J\u202e").plain
        'fine[bold][2J'
    """
    from rich.text import Text

    kept = (letter for letter in text if letter in "\n\t" or unicodedata.category(letter)[0] != "C")
    return Text("".join(kept), style=style)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """A table; outcomes in their colours, missing values as a dash."""
    from rich import box
    from rich.table import Table

    drawn = Table(title=words(title, "bold") if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        # Folded, not cut: what was cut can't be copied into the next command.
        drawn.add_column(words(column), overflow="fold")
    for row in rows:
        drawn.add_row(*(words(shown(cell), COLOURS.get(shown(cell), "")) for cell in row))
    return drawn


def shown(value: Any) -> str:
    """A value as people read it.

    Example:
        >>> shown(0.51234567), shown(2e-9), shown(None), shown(12000), shown(["a", "b"])
        ('0.5123', '2.0e-09', '–', '12,000', 'a, b')
    """
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if 0 < abs(value) < SMALLEST_SHOWN:
            return f"{value:.1e}"
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
    console.print(Text.assemble(mark, words(sentence)))


def next_commands(console: Console, *commands: str) -> None:
    """Print what to do next."""
    from rich.text import Text

    for position, line in enumerate(commands):
        console.print(Text.assemble(("Next: " if position == 0 else "      ", "dim"), words(line, "cyan")))


def main_metrics(metrics: Mapping[str, float | None]) -> list[tuple[str, float | None]]:
    """The metrics that fit on a screen: all but those of parts; in the catalogue's order, others after those it lists."""
    from tasks.metrics.catalogue import METRICS, is_of_part

    ordered = [*(name for name in METRICS if name in metrics), *(name for name in metrics if name not in METRICS)]
    return [(name, metrics[name]) for name in ordered if not is_of_part(name)]
