"""Drift as the product measures it, with Evidently as the frame. The one door to Evidently.

Our statistics are bound to Evidently's own metrics as calculations for as long as one report runs, so that its
snapshots, its tests and its pages show them; the stock calculations are back afterwards.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from governance.project_file import Drift
from governance.vocabulary import Handling, Measurement
from tasks.drift.columns import SIGNIFICANCE, ColumnDrift, measure_columns
from tasks.drift.global_score import measure_global_drift
from tasks.drift.pairs import pair_columns
from tasks.drift.prediction import compare_predictions
from tasks.drift.summary import count_drifted, table_of, warnings_about

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema

METHODS = {
    Handling.NUMERICAL: "Kolmogorov–Smirnov and missing values, Benjamini–Hochberg corrected",
    Handling.DATE: "Kolmogorov–Smirnov and missing values, Benjamini–Hochberg corrected",
    Handling.TEXT: "Kolmogorov–Smirnov on lengths and missing values, Benjamini–Hochberg corrected",
    Handling.CATEGORICAL: "chi² of two samples, Benjamini–Hochberg corrected",
}

UNDATED = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands in a snapshot when the caller names no moment: nothing here looks at a clock."""


@dataclass(frozen=True, slots=True)
class DriftFindings:
    """What one comparison found.

    Args:
        measurements: Every number, by the names of the catalogue.
        details: What pages draw, JSON-able. Input: ``columns`` (one table per column), ``importances`` (% per
            column), ``rows``. Predictions: ``fugacity``, ``densities``, ``column``.
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
    at: datetime = UNDATED,
) -> DriftFindings:
    """Compare the model's input features: all together with a drift model, and each by itself.

    Args:
        reference: Shape (rows, ...), as ``tasks/data/reading.py`` types it.
        current: Likewise.
        schema: Of the model; only its features are looked at.
        settings: The ``drift`` section of the store.
        seed: Of everything random.
        at: Moment that the snapshot bears.

    Returns:
        ``data_drift`` and companions, ``drifted_columns``, ``drifted_columns_share``, ``column_drift.*``.

    Raises:
        SchemaMismatch: a feature is missing from a side, or ``drift.handling`` names no feature.
    """
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
        *(f"column {c!r} is new and not looked at" for c in current.columns if c not in reference.columns),
        *(f"column {name!r} is left out of the drift model: {why}" for name, why in together.unusable.items()),
        *(w for column in columns for w in warnings_about(column)),
    ]
    return DriftFindings(measurements, details, _snapshot("input drift", columns, measurements, at), warnings)


def measure_prediction_drift(
    reference: pd.DataFrame, current: pd.DataFrame, schema: Schema, *, at: datetime = UNDATED
) -> DriftFindings:
    """Compare the predictions of both sides; see :func:`tasks.drift.prediction.compare_predictions`.

    Args:
        reference: Shape (rows, ...): ``prediction``, and ``proba_<class>`` where there are any.
        current: Likewise.
        schema: Of the model.
        at: Moment that the snapshot bears.

    Returns:
        ``prediction_drift.*`` and ``fugacity.*``.

    Raises:
        SchemaMismatch: a side has no column ``prediction``.
    """
    found = compare_predictions(reference, current, schema)
    measurements = list(found.measurements)
    details = {"fugacity": found.fugacity, "densities": found.densities, "column": table_of(found.column)}
    warnings = warnings_about(found.column)
    return DriftFindings(
        measurements, details, _snapshot("prediction drift", [found.column], measurements, at), warnings
    )


_bound = threading.Lock()
"""Evidently binds calculations to metrics for the whole process: one report at a time."""


def _snapshot(name: str, columns: Sequence[ColumnDrift], measurements: Sequence[Measurement], at: datetime) -> str:
    """Run a report over what was found. A column without a p-value has no place in it: Evidently knows no empty value."""
    parts = _parts()
    tested = {column.name: column for column in columns if column.p_value is not None}
    summary = {m.name: m.value for m in measurements if m.value is not None and not m.name.startswith("column_drift.")}
    with _calculations_bound(parts):
        report = parts.report(
            [parts.value_drift(column=column) for column in tested] + [parts.drifted_columns(columns=list(tested))]
        )
        run = report.run(parts.dataset(tested), timestamp=at, name=name, metadata=summary)
        return str(run.dumps())


@contextmanager
def _calculations_bound(parts: Parts) -> Iterator[None]:
    with _bound:
        stock = [(metric, metric.__calculation_type__) for metric in parts.calculations]
        try:
            for metric, calculation in parts.calculations.items():
                metric.__calculation_type__ = calculation
            yield
        finally:
            for metric, calculation in stock:
                metric.__calculation_type__ = calculation


@dataclass(frozen=True, slots=True)
class Parts:
    """What we use of Evidently, and what we put into it."""

    report: Any
    value_drift: Any
    drifted_columns: Any
    dataset: Any
    calculations: dict[Any, Any]


@cache
def _parts() -> Parts:
    os.environ["DO_NOT_TRACK"] = "1"  # read while it is imported
    collecting = gc.isenabled()
    gc.disable()  # three thousand modules: collecting in between costs two seconds and finds nothing
    try:
        from evidently import DataDefinition, Report
        from evidently.core.datasets import DatasetStats, PandasDataset
        from evidently.core.metric_types import CountCalculation, MetricTestResult, SingleValueCalculation
        from evidently.legacy.model.widget import BaseWidgetInfo
        from evidently.legacy.tests.base_test import TestStatus
        from evidently.metrics.column_statistics import (
            DriftedColumnsCount,
            ValueDrift,
            ValueDriftBoundTest,
            ValueDriftTest,
        )
    finally:
        if collecting:
            gc.enable()
    gc.freeze()

    with _bound:
        stock = [(metric, metric.__calculation_type__) for metric in (ValueDrift, DriftedColumnsCount)]

        class LightDataset(PandasDataset):  # type: ignore[misc]
            """Carries what was found instead of rows: nothing is copied, nothing computed again."""

            def __init__(self, found: dict[str, ColumnDrift]) -> None:
                import pandas as pd

                categorical = [name for name, column in found.items() if column.handling is Handling.CATEGORICAL]
                self.found = found
                self._data = pd.DataFrame(columns=list(found))
                # All six lists: what is left out would be inferred from values.
                self._data_definition = DataDefinition(
                    numerical_columns=[name for name in found if name not in categorical],
                    categorical_columns=categorical,
                    text_columns=[],
                    datetime_columns=[],
                    unknown_columns=[],
                    list_columns=[],
                )
                self._dataset_stats = DatasetStats(0, len(found), {})
                self._metadata: dict[str, Any] = {}
                self._tags: list[str] = []

        class EngineDrift(SingleValueCalculation[ValueDrift]):  # type: ignore[misc]
            """The corrected p-value of one column; its test fails when the column has drifted."""

            def calculate(self, _context: Any, current_data: Any, _reference_data: Any) -> Any:
                column: ColumnDrift = current_data.found[self.metric.column]
                method = METHODS[column.handling]
                self.resolve_parameter("method", method)
                self.resolve_parameter("threshold", SIGNIFICANCE)
                result = self.result(column.corrected_p_value)
                result.widget = [_bars(BaseWidgetInfo, column)]
                result.set_tests(
                    [
                        MetricTestResult(
                            id="drift",
                            name=self.display_name(),
                            description=f"Drift score is {column.corrected_p_value:.3g}. The drift detection method is "
                            f"{method}. The drift threshold is {SIGNIFICANCE}.",
                            status=TestStatus.FAIL if column.drifted else TestStatus.SUCCESS,
                            metric_config=self.to_metric_config(),
                            test_config={},
                            bound_test=ValueDriftBoundTest(
                                test=ValueDriftTest(), metric_fingerprint=self.to_metric().metric_id
                            ),
                        )
                    ]
                )
                return result

            def display_name(self) -> str:
                return f"Value drift for {self.metric.column}"

        class EngineDriftedColumns(CountCalculation[DriftedColumnsCount]):  # type: ignore[misc]
            """How many columns have drifted, and which share of them."""

            def calculate(self, _context: Any, current_data: Any, _reference_data: Any) -> Any:
                drifted = sum(column.drifted for column in current_data.found.values())
                return self.result(drifted, drifted / max(1, len(current_data.found)))

            def display_name(self) -> str:
                return "Drifted columns"

            def count_display_name(self) -> str:
                return "Number of drifted columns"

            def share_display_name(self) -> str:
                return "Share of drifted columns"

        # To define a calculation is to bind it; ours are bound only while a report of ours runs.
        for metric, calculation in stock:
            metric.__calculation_type__ = calculation
    return Parts(
        Report,
        ValueDrift,
        DriftedColumnsCount,
        LightDataset,
        {ValueDrift: EngineDrift, DriftedColumnsCount: EngineDriftedColumns},
    )


def _bars(widget: Any, column: ColumnDrift) -> Any:
    """Both distributions as a plot that Evidently's pages draw; made by hand, since plotly takes its time."""
    bins = list(column.bins)
    bars = [
        {"type": "bar", "name": side, "x": bins, "y": list(shares), "marker": {"color": colour}}
        for side, shares, colour in (
            ("reference", column.reference_shares, "#8c9aa8"),
            ("current", column.current_shares, "#d6453d"),
        )
    ]
    layout = {"barmode": "group", "yaxis": {"title": {"text": "share of rows"}}, "xaxis": {"type": "category"}}
    verdict = "detected" if column.drifted else "not detected"
    title = f"{column.name}: drift {verdict} (corrected p-value {column.corrected_p_value:.3g})"
    return widget(type="big_graph", title=title, size=2, params={"data": bars, "layout": layout})
