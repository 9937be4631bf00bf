"""What was found about columns, counted and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from governance.vocabulary import CheckOutcome, Measurement
from tasks.drift.columns import ColumnDrift
from tasks.metrics.catalogue import names_under

if TYPE_CHECKING:
    from governance.project_file.watched import FalseAlarmRate
    from tasks.drift.profile import ReferenceProfile

UNTESTED = "no column could be tested"

NAMED_COLUMNS = 10
"""Drifted columns that are named in a sentence."""


def count_drifted(columns: Sequence[ColumnDrift]) -> list[Measurement]:
    """``drifted_columns`` and ``drifted_columns_share``, of the columns that could be tested."""
    tested = [column for column in columns if column.p_value is not None]
    if not tested:
        return [Measurement(name, None, reason=UNTESTED) for name in names_under("drifted_columns")]
    drifted = sum(column.drifted for column in tested)
    values = {"drifted_columns": float(drifted), "drifted_columns_share": drifted / len(tested)}
    return [Measurement(name, values[name]) for name in names_under("drifted_columns")]


def drifted_by_name(columns: Sequence[ColumnDrift]) -> list[str]:
    """A sentence that names the columns that have drifted, those that moved most first; none where none has."""
    psi = {column.name: _psi(column) for column in columns if column.drifted}
    if not psi:
        return []
    first = sorted(psi, key=lambda name: -psi[name])
    named = ", ".join(f"{name} (PSI {psi[name]:.2g})" for name in first[:NAMED_COLUMNS])
    rest = f" and {len(first) - NAMED_COLUMNS} more" if len(first) > NAMED_COLUMNS else ""
    return [f"{len(first)} of {len(columns)} columns drifted: {named}{rest}"]


def _psi(column: ColumnDrift) -> float:
    found = next((m.value for m in column.measurements if m.name.endswith(".psi")), None)
    return found or 0.0


def columns_p_value(columns: Sequence[ColumnDrift], profile: ReferenceProfile, rows: int) -> Measurement:
    """``columns_p_value``: how surprising the most surprising column is, given how many were looked at.

    From the null distribution, which knows how columns hang together; columns that it does not know are corrected after
    Bonferroni.

    Args:
        columns: As :func:`tasks.drift.columns.measure_columns` found them.
        profile: Of the reference.
        rows: Current rows.

    Returns:
        0 to 1; small when something has drifted.
    """
    name = "columns_p_value"
    tested = {column.name: column.p_value for column in columns if column.p_value is not None}
    if not tested:
        return Measurement(name, None, reason=UNTESTED)
    calibrated = {c.name: c.p_value for c in columns if c.calibrated and c.p_value is not None}
    others = [p_value for other, p_value in tested.items() if other not in calibrated]
    found = [len(others) * min(others)] if others else []
    if calibrated and profile.null is not None:
        found.append(profile.null.largest_p_value(calibrated, rows))
    return Measurement(name, min(1.0, len(found) * min(found)), rows=profile.rows + rows)


def promise(profile: ReferenceProfile, rate: FalseAlarmRate, rows: int) -> dict[str, Any]:
    """Whether the false-alarm rate holds for so many rows, and from how many on it can; JSON-able."""
    null = profile.null
    return {
        "error": rate.error,
        "warning": rate.warning,
        "promised": null is not None and null.promised(rate.error, rows) and null.promised(rate.warning, rows),
        "smallest_batch": None if null is None else null.smallest_batch,
        "uncalibrated": sorted(profile.uncalibrated),
    }


def table_of(column: ColumnDrift) -> dict[str, Any]:
    """A column as pages draw it: JSON-able, its statistics by their short names."""
    table = asdict(column)
    measurements = table.pop("measurements")
    statistics = {m["name"].rpartition(".")[2]: m["value"] for m in measurements}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}
    return listed | {
        "handling": column.handling.value, "verdict": column.verdict.value, "statistics": statistics
    }  # fmt: skip


def warnings_about(column: ColumnDrift) -> list[str]:
    """Sentences on what people should know of a column besides its numbers."""
    warnings = []
    if column.p_value is None:
        reason = next((m.reason for m in column.measurements if m.reason), "nothing could be computed")
        warnings.append(f"column {column.name!r} could not be tested: {reason}")
    if column.unseen:
        warnings.append(f"column {column.name!r} has levels that were never seen before: {', '.join(column.unseen)}")
    return warnings


def doubt_about_rate(told: dict[str, Any], columns: Sequence[ColumnDrift], rows: int) -> list[str]:
    """A sentence when the stated false-alarm rate can't be promised for this batch.

    Args:
        told: As :func:`promise` tells it.
        columns: What was found.
        rows: Current rows.
    """
    if told["promised"] or all(column.verdict is CheckOutcome.EMPTY for column in columns):
        return []
    smallest = told["smallest_batch"]
    if smallest is None:
        why = "the reference has no null distribution; p-values are corrected after Bonferroni instead"
    elif rows < smallest:
        why = f"the batch has {rows:,} rows, and the smallest that it can be promised for has {smallest:,}"
    else:
        why = "the reference has too few rows"
    return [f"the false-alarm rate can't be promised: {why}"]
