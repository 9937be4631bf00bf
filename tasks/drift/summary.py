"""What was found about columns, counted and told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from governance.vocabulary import Measurement
from tasks.drift.columns import ColumnDrift
from tasks.metrics.catalogue import names_under


def count_drifted(columns: Sequence[ColumnDrift]) -> list[Measurement]:
    """``drifted_columns`` and ``drifted_columns_share``, of the columns that could be tested."""
    tested = [column for column in columns if column.p_value is not None]
    if not tested:
        reason = "no column could be tested"
        return [Measurement(name, None, reason=reason) for name in names_under("drifted_columns")]
    drifted = sum(column.drifted for column in tested)
    values = {"drifted_columns": float(drifted), "drifted_columns_share": drifted / len(tested)}
    return [Measurement(name, values[name]) for name in names_under("drifted_columns")]


def table_of(column: ColumnDrift) -> dict[str, Any]:
    """A column as pages draw it: JSON-able, its statistics by their short names."""
    table = asdict(column)
    measurements = table.pop("measurements")
    statistics = {m["name"].rpartition(".")[2]: m["value"] for m in measurements}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in table.items()}
    return listed | {"handling": column.handling.value, "statistics": statistics}


def warnings_about(column: ColumnDrift) -> list[str]:
    """Sentences on what people should know of a column besides its numbers."""
    warnings = []
    if column.p_value is None:
        reason = next((m.reason for m in column.measurements if m.reason), "nothing could be computed")
        warnings.append(f"column {column.name!r} could not be tested: {reason}")
    if column.unseen:
        warnings.append(f"column {column.name!r} has levels that were never seen before: {', '.join(column.unseen)}")
    return warnings
