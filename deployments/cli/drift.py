"""``driftgate drift``: two files, compared column by column; nothing is recorded."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deployments.cli import display
from deployments.cli.answer import Answer, console
from deployments.cli.command import command

if TYPE_CHECKING:
    from rich.console import Console

    from tasks.drift.columns import ColumnDrift
    from tasks.drift.files import ComparedFiles

_EFFECTS: Final = ("psi", "wasserstein", "cramers_v", "missing_share_change")

_SMALLEST_TOLD: Final = 1e-15
"""p-value below which nobody wants to know more."""


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "drift", example="driftgate drift may.csv june.csv --exclude customer")(drift)


def drift(
    reference: Annotated[
        Path,
        typer.Argument(metavar="REFERENCE", help="Rows from when all was well: .csv or .parquet.", show_default=False),
    ],
    current: Annotated[
        Path, typer.Argument(metavar="CURRENT", help="The rows in question: .csv or .parquet.", show_default=False)
    ],
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="COLUMN", help="Leave it out; repeat it.", show_default=False),
    ] = None,
) -> Answer:
    """Compare two files column by column, and say which columns have drifted. Nothing is recorded."""
    from governance.project_file.watched import FalseAlarmRate
    from tasks.drift.files import compare_files

    with (
        redirect_stdout(sys.stderr),
        console(sys.stderr).status(display.words(f"Comparing {current} with {reference} …")) as status,
    ):
        found = compare_files(
            reference,
            current,
            FalseAlarmRate(),
            exclude=exclude or [],
            progress=lambda what, share=None: status.update(
                display.words(f"{what} …" if share is None else f"{what}: {share:.0%} …")
            ),
        )

    def view(console: Console) -> None:
        _show(console, found)

    return Answer(_document(found), view)


def _by_p_value(found: ComparedFiles) -> list[ColumnDrift]:
    """The most surprising column first; those that could not be tested last."""
    return sorted(found.columns, key=lambda column: (2.0 if column.p_value is None else column.p_value, column.name))


def _statistics(column: ColumnDrift) -> dict[str, float | None]:
    return {measured.name.rpartition(".")[2]: measured.value for measured in column.measurements}


def _document(found: ComparedFiles) -> dict[str, Any]:
    return {
        "columns_p_value": found.whole.value,
        "reason": found.whole.reason,
        "drifted_columns": [column.name for column in _by_p_value(found) if column.drifted],
        "false_alarm_rate": dict(found.rate),
        "rows": {
            "reference": found.reference_rows,
            "reference_total": found.reference_total,
            "current": found.current_rows,
        },
        "columns": [
            {
                "column": column.name,
                "handling": column.handling,
                "p_value": column.p_value,
                "verdict": column.verdict,
                "drifted": column.drifted,
                "calibrated": column.calibrated,
                "statistics": _statistics(column),
                "unseen": column.unseen,
            }
            for column in _by_p_value(found)
        ],
        "left_out": dict(found.left_out),
        "notes": found.notes,
    }


def _show(console: Console, found: ComparedFiles) -> None:
    display.say(console, _sentence(found), good=not any(column.drifted for column in found.columns))
    display.say(console, _promise(found))
    rows = []
    for column in _by_p_value(found):
        psi, wasserstein, cramers_v, missing = (_statistics(column).get(name) for name in _EFFECTS)
        distance = _named("Wasserstein", wasserstein) or _named("Cramér's V", cramers_v)
        p_value = _p_value(column.p_value)
        rows.append((column.name, column.handling, p_value, column.verdict, psi, distance, _signed(missing)))
    header = ("column", "handling", "p-value", "verdict", "PSI", "distance", "missing")
    console.print(display.table(header, rows))
    for name, why in found.left_out.items():
        display.say(console, f"left out: {name} ({why})")
    for note in found.notes:
        display.say(console, f"! {note}")


def _sentence(found: ComparedFiles) -> str:
    """What is true of all columns together."""
    if found.whole.value is None:
        return f"Nothing could be tested: {found.whole.reason}."
    drifted = sum(column.drifted for column in found.columns)
    of_reference = f"{found.reference_rows:,} rows"
    if found.reference_rows < found.reference_total:
        of_reference += f" of the reference's {found.reference_total:,}"
    return (
        f"{drifted} of {len(found.columns)} columns drifted "
        f"(p-value of all together {_p_value(found.whole.value)}; {found.current_rows:,} rows against {of_reference})."
    )


def _promise(found: ComparedFiles) -> str:
    """How far the verdicts can be trusted."""
    rate = found.rate
    if not rate["promised"]:
        return "How often a quiet column alarms can't be promised here; the reason stands below."
    return (
        f"Of a hundred columns in which nothing has changed, about {100 * rate['error']:g} get the verdict ERROR and "
        f"{100 * rate['warning']:g} at least WARNING; drifted is said after correcting for their number."
    )


def _p_value(value: float | None) -> str | None:
    if value is None:
        return None
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.0e}" if value >= _SMALLEST_TOLD else f"<{_SMALLEST_TOLD:g}"


def _named(what: str, value: float | None) -> str | None:
    return None if value is None else f"{what} {display.shown(value)}"


def _signed(share: float | None) -> str | None:
    """A change of a share, in points of per cent."""
    return None if share is None else "0" if share == 0 else f"{100 * share:+.2g} points"
