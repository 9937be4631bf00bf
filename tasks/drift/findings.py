"""Drift as one comparison finds it: every number, what pages draw, the snapshot, and what people should know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.project_file import Drift
from governance.vocabulary import Measurement
from tasks.drift.columns import measure_columns
from tasks.drift.global_score import measure_global_drift
from tasks.drift.pairs import pair_columns
from tasks.drift.prediction import compare_predictions
from tasks.drift.summary import count_drifted, table_of, warnings_about

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema


@dataclass(frozen=True, slots=True)
class DriftFindings:
    """What one comparison found.

    Args:
        measurements: Every number, by the names of the catalogue.
        details: What pages draw, JSON-able. Input: ``columns`` (one table per column), ``importances`` (share of
            each column in the drift model, 0 to 1), ``rows``, ``ignored``. Predictions: ``fugacity``, ``densities``, ``column``.
        snapshot: The snapshot as Evidently's JSON; ``Snapshot.loads`` reads it.
        warnings: Sentences for whoever reads the evaluation.
    """

    measurements: list[Measurement]
    details: dict[str, Any]
    snapshot: str
    warnings: list[str]


def measure_input_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
    settings: Drift,
    *,
    seed: int,
    at: datetime,
) -> DriftFindings:
    """Compare the model's input features: all together with a drift model, and each by itself.

    Args:
        reference: Shape (rows, ...), as ``tasks/data/reading.py`` types it.
        current: Likewise.
        schema: Of the model; only its features are looked at.
        settings: The ``drift`` section of the store.
        seed: Of everything random.
        at: Moment that the snapshot bears: nothing here looks at a clock.

    Returns:
        ``data_drift`` and companions, ``drifted_columns``, ``drifted_columns_share``, ``column_drift.*``.

    Raises:
        SchemaMismatch: a feature is missing from a side, or ``drift.handling`` names no feature.
    """
    from tasks.drift.engine import take_snapshot

    pairs = pair_columns(reference, current, schema, settings.handling)
    columns = measure_columns(pairs)
    together = measure_global_drift(pairs, settings, seed=seed)
    measurements = [
        *together.measurements,
        *count_drifted(columns),
        *(m for column in columns for m in column.measurements),
    ]
    rows = {"reference": len(reference), "current": len(current), "drift_model_per_side": together.rows_per_side}
    details = {
        "columns": [table_of(column) for column in columns],
        "importances": together.importances,
        "rows": rows,
        "ignored": [c.name for c in schema.features if c.name not in {pair.name for pair in pairs}],
    }
    warnings = [
        *(f"column {name!r} is left out of the drift model: {why}" for name, why in together.unusable.items()),
        *(w for column in columns for w in warnings_about(column)),
    ]
    return DriftFindings(measurements, details, take_snapshot("input drift", columns, measurements, at), warnings)


def measure_prediction_drift(
    reference: pd.DataFrame, current: pd.DataFrame, schema: Schema, *, at: datetime
) -> DriftFindings:
    """Compare the predictions of both sides; see :func:`tasks.drift.prediction.compare_predictions`.

    Args:
        reference: Shape (rows, ...): ``prediction``, and ``proba_<class>`` where there are any.
        current: Likewise.
        schema: Of the model.
        at: Moment that the snapshot bears: nothing here looks at a clock.

    Returns:
        ``prediction_drift.*`` and ``fugacity.*``.

    Raises:
        SchemaMismatch: a side has no column ``prediction``.
    """
    from tasks.drift.engine import take_snapshot

    found = compare_predictions(reference, current, schema)
    measurements = list(found.measurements)
    details = {"fugacity": found.fugacity, "densities": found.densities, "column": table_of(found.column)}
    warnings = warnings_about(found.column)
    return DriftFindings(
        measurements, details, take_snapshot("prediction drift", [found.column], measurements, at), warnings
    )
