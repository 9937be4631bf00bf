"""What was found about columns, counted and told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from governance.vocabulary import Measurement
from tasks.drift.columns import ColumnDrift
from tasks.drift.histogram import MISSING
from tasks.metrics.catalogue import names_under

if TYPE_CHECKING:
    from governance.project_file.watched import FalseAlarmRate
    from tasks.drift.profile import ReferenceProfile

UNTESTED = "no column could be tested"
WITHOUT_NULL = "the reference has no null distribution; p-values are corrected after Bonferroni instead"

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
    """Whether the false-alarm rate holds for so many rows, and why not, and from how many on it can; JSON-able."""
    null, objection = profile.null, WITHOUT_NULL
    if null is not None:
        doubted = {asked: null.objection(asked, rows) for asked in (rate.error, rate.warning)}
        objection = next((f"{100 * asked:g} %: {why}" for asked, why in doubted.items() if why), "")
    return {
        "error": rate.error,
        "warning": rate.warning,
        "promised": not objection,
        "reason": objection,
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
    sides = {"the reference": column.reference_shares, "these rows": column.current_shares}
    if empty := [side for side, shares in sides.items() if column.bins[-1:] == (MISSING,) and shares[-1:] == (1.0,)]:
        warnings.append(f"column {column.name!r} has no value in {' and in '.join(empty)}")
    if column.unseen:
        warnings.append(f"column {column.name!r} has levels that were never seen before: {', '.join(column.unseen)}")
    return warnings


def doubt_about_rate(told: Mapping[str, Any], columns: Sequence[ColumnDrift]) -> list[str]:
    """Sentences where the stated false-alarm rate can't be promised: for the batch, or for single columns.

    Args:
        told: As :func:`promise` tells it.
        columns: What was found.
    """
    tested = [column for column in columns if column.p_value is not None]
    if not tested:
        return []
    if not told["promised"]:
        return [f"the false-alarm rate can't be promised: {told['reason']}"]
    if others := [column.name for column in tested if not column.calibrated]:
        named = ", ".join(others[:NAMED_COLUMNS])
        rest = f" and {len(others) - NAMED_COLUMNS} more" if len(others) > NAMED_COLUMNS else ""
        why = "the null distribution was drawn for another handling; they alarm more rarely than stated"
        return [f"the false-alarm rate can't be promised for {named}{rest}: {why}"]
    return []


def told_of_twins(twins: int) -> list[str]:
    """A sentence on rows that are on both sides; none where there are none.

    >>> told_of_twins(1)
    ['1 row of the batch is also in the reference; the drift model leaves it out']
    """
    if not twins:
        return []
    are, them = ("row of the batch is", "it") if twins == 1 else ("rows of the batch are", "them")
    return [f"{twins:,} {are} also in the reference; the drift model leaves {them} out"]
