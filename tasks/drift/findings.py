"""Drift as one comparison finds it: every number, what pages draw, the snapshot, and what people should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, Measurement
from tasks.drift.columns import measure_columns
from tasks.drift.global_score import measure_global_drift
from tasks.drift.pairs import pair_columns
from tasks.drift.prediction import compare_predictions
from tasks.drift.profile import ReferenceProfile, wanted_handling
from tasks.drift.summary import (
    columns_p_value,
    count_drifted,
    doubt_about_rate,
    drifted_by_name,
    promise,
    table_of,
    told_of_twins,
    warnings_about,
)

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file import Drift
    from tasks.data.schema import Schema
    from tasks.drift.tallies import CurrentColumns


@dataclass(frozen=True, slots=True)
class DriftFindings:
    """What one comparison found.

    Args:
        measurements: Every number, by the names of the catalogue.
        details: What pages draw, JSON-able. Input: ``columns`` (one table per column), ``importances`` (share of
            each column in the drift model, 0 to 1), ``rows`` (of both sides, of the drift model, and the ``twins`` that
            it leaves out), ``ignored``, ``false_alarm_rate``. Predictions: ``fugacity``, ``densities``, ``column``.
        snapshot: The snapshot as Evidently's JSON; ``Snapshot.loads`` reads it.
        warnings: Sentences on what is not as it should be.
        notes: Sentences on what was found.
    """

    measurements: list[Measurement]
    details: dict[str, Any]
    snapshot: str
    warnings: list[str]
    notes: tuple[str, ...] = ()


def measure_input_drift(
    reference: pd.DataFrame,
    current: CurrentColumns,
    sample: pd.DataFrame,
    profile: ReferenceProfile,
    schema: Schema,
    settings: Drift,
    *,
    seed: int,
    at: datetime,
) -> DriftFindings:
    """Compare the model's input features: all together with a drift model, and each by itself.

    Args:
        reference: Shape (rows, ...), as ``tasks/data/reading.py`` types it: for the drift model, and for Evidently's
            tests where they are asked for.
        current: All judged rows, counted for ``profile``.
        sample: Shape (rows, ...), those of them that are kept, typed likewise.
        profile: Of the reference, fitted with ``settings.handling``
            (:func:`tasks.drift.profile.with_handling` makes it so).
        schema: Of the model; only its features are looked at.
        settings: The ``drift`` section of the store.
        seed: Of everything random.
        at: Moment that the snapshot bears: nothing here looks at a clock.

    Returns:
        ``data_drift`` and companions, ``columns_p_value``, ``drifted_columns``, ``drifted_columns_share``,
        ``column_drift.*``.

    Raises:
        SchemaMismatch: a feature is missing from a side; ``drift.handling`` or ``drift.methods`` names no feature.
        ValueError: the profile was fitted for another handling.
    """
    from tasks.drift.engine import take_snapshot

    _require_same_handling(profile, schema, settings.handling)
    columns = measure_columns(profile, current, settings.false_alarm_rate)
    asked = list(_ask_evidently(reference, sample, schema, settings))
    together = measure_global_drift(pair_columns(reference, sample, schema, settings.handling), settings, seed=seed)
    rate = promise(profile, settings.false_alarm_rate, current.rows)
    measurements = [
        *together.measurements,
        columns_p_value(columns, profile, current.rows),
        *count_drifted(columns),
        *(m for column in columns for m in column.measurements),
        *asked,
    ]
    details = {
        "columns": [table_of(column) for column in columns],
        "importances": together.importances,
        "rows": {
            "reference": profile.rows,
            "current": current.rows,
            "drift_model_per_side": together.rows_per_side,
            "twins": together.twins,
        },
        "ignored": list(profile.ignored),
        "false_alarm_rate": rate,
    }
    warnings = [
        *(f"column {name!r} is left out of the drift model: {why}" for name, why in together.unusable.items()),
        *(w for column in columns for w in warnings_about(column)),
    ]
    notes = (*drifted_by_name(columns), *told_of_twins(together.twins), *doubt_about_rate(rate, columns))
    snapshot = take_snapshot("input drift", columns, measurements, at)
    return DriftFindings(measurements, details, snapshot, warnings, notes)


def measure_prediction_drift(
    profile: ReferenceProfile, current: CurrentColumns, schema: Schema, *, at: datetime
) -> DriftFindings:
    """Compare the predictions of both sides; see :func:`tasks.drift.prediction.compare_predictions`.

    Args:
        profile: Of the reference, with its predictions.
        current: All judged rows with their predictions, counted for ``profile``.
        schema: Of the model.
        at: Moment that the snapshot bears: nothing here looks at a clock.

    Returns:
        ``prediction_drift.*`` and ``fugacity.*``.

    Raises:
        SchemaMismatch: a side has no column ``prediction``.
    """
    from tasks.drift.engine import take_snapshot

    found = compare_predictions(profile, current, schema)
    measurements = list(found.measurements)
    details = {"fugacity": found.fugacity, "densities": found.densities, "column": table_of(found.column)}
    warnings = warnings_about(found.column)
    return DriftFindings(
        measurements, details, take_snapshot("prediction drift", [found.column], measurements, at), warnings
    )


def _require_same_handling(profile: ReferenceProfile, schema: Schema, forced: Mapping[str, Handling]) -> None:
    wanted = {n: how for n, how in wanted_handling(schema, forced).items() if how is not Handling.IGNORED}
    fitted = {name: column.handling for name, column in profile.columns.items()}
    for name in {*wanted, *fitted}:
        if wanted.get(name) is not fitted.get(name):
            raise ValueError(f"column {name!r} was profiled as {fitted.get(name)}, and {wanted.get(name)} is wanted")


def _ask_evidently(
    reference: pd.DataFrame, sample: pd.DataFrame, schema: Schema, settings: Drift
) -> Iterator[Measurement]:
    """Evidently's tests, where the store asks for one by name."""
    if not settings.methods:
        return
    from tasks.drift.engine import evidently_score

    wanted = wanted_handling(schema, settings.handling)
    for column, method in settings.methods.items():
        if column not in wanted:
            raise SchemaMismatch(
                "project.yaml", column, "drift.methods names a column that is no feature", "remove it there"
            )
        test = method.partition(":")[2]
        name, rows = f"column_drift.{column}.evidently_{test}", len(reference) + len(sample)
        try:
            score = evidently_score(test, reference[column], sample[column], wanted[column]).score
            yield Measurement(name, score, rows=rows)
        except (ValueError, TypeError, ArithmeticError) as undefined:
            yield Measurement(name, None, rows=rows, reason=f"Evidently's test failed: {undefined}")
