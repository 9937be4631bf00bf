"""What was found, as a snapshot of Evidently: its tests and its pages then show our statistics. The one door to it.

Importing this module imports Evidently, which takes seconds: import it where a snapshot is taken. Nothing that is
imported here reports usage; only Evidently's own server does, unless ``DO_NOT_TRACK`` is set.
"""

from __future__ import annotations

import threading
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd
from evidently import DataDefinition, Report
from evidently.core.datasets import DatasetStats, PandasDataset
from evidently.core.metric_types import CountCalculation, MetricTestResult, SingleValueCalculation
from evidently.legacy.model.widget import BaseWidgetInfo
from evidently.legacy.tests.base_test import TestStatus
from evidently.metrics.column_statistics import DriftedColumnsCount, ValueDrift, ValueDriftBoundTest, ValueDriftTest

from governance.vocabulary import Handling, Measurement
from tasks.drift.columns import ColumnDrift
from tasks.metrics.catalogue import is_of_part
from tasks.metrics.intervals import SIGNIFICANCE

METHODS = {
    Handling.NUMERICAL: "Kolmogorov–Smirnov and missing values, Benjamini–Hochberg corrected",
    Handling.DATE: "Kolmogorov–Smirnov and missing values, Benjamini–Hochberg corrected",
    Handling.TEXT: "Kolmogorov–Smirnov on lengths and missing values, Benjamini–Hochberg corrected",
    Handling.CATEGORICAL: "chi² of two samples, Benjamini–Hochberg corrected",
}


def take_snapshot(name: str, columns: Sequence[ColumnDrift], measurements: Sequence[Measurement], at: datetime) -> str:
    """Run a report over what was found.

    Args:
        name: Of the snapshot.
        columns: One without a p-value has no place in the report: Evidently knows no empty value.
        measurements: Those of the whole become the metadata of the snapshot.
        at: Moment that the snapshot bears.

    Returns:
        The snapshot as Evidently's JSON; ``Snapshot.loads`` reads it.
    """
    tested = {column.name: column for column in columns if column.p_value is not None}
    summary = {m.name: m.value for m in measurements if m.value is not None and not is_of_part(m.name)}
    report = Report([*(ValueDrift(column=column) for column in tested), DriftedColumnsCount(columns=list(tested))])
    with _our_calculations():
        return str(report.run(_Found(tested), timestamp=at, name=name, metadata=summary).dumps())


class _Found(PandasDataset):  # type: ignore[misc]
    """Carries what was found instead of rows: nothing is copied, nothing computed again."""

    def __init__(self, columns: Mapping[str, ColumnDrift]) -> None:
        self.columns = columns
        categorical = [name for name, column in columns.items() if column.handling is Handling.CATEGORICAL]
        self._data = pd.DataFrame(columns=list(columns))
        # All six lists: what is left out would be inferred from values.
        self._data_definition = DataDefinition(
            numerical_columns=[name for name in columns if name not in categorical],
            categorical_columns=categorical,
            text_columns=[],
            datetime_columns=[],
            unknown_columns=[],
            list_columns=[],
        )
        self._dataset_stats = DatasetStats(0, len(columns), {})
        self._metadata: dict[str, Any] = {}
        self._tags: list[str] = []


# ABC keeps Evidently from binding a calculation for good where it is defined.
class _OurDrift(SingleValueCalculation[ValueDrift], ABC):  # type: ignore[misc]
    """The corrected p-value of one column; its test fails when the column has drifted."""

    def calculate(self, _context: Any, current_data: _Found, _reference_data: Any) -> Any:
        column = current_data.columns[self.metric.column]
        method = METHODS[column.handling]
        self.resolve_parameter("method", method)
        self.resolve_parameter("threshold", SIGNIFICANCE)
        result = self.result(column.corrected_p_value)
        result.widget = [_bars(column)]
        test = MetricTestResult(
            id="drift",
            name=self.display_name(),
            description=f"Drift score is {column.corrected_p_value:.3g}. The drift detection method is {method}. "
            f"The drift threshold is {SIGNIFICANCE}.",
            status=TestStatus.FAIL if column.drifted else TestStatus.SUCCESS,
            metric_config=self.to_metric_config(),
            test_config={},
            bound_test=ValueDriftBoundTest(test=ValueDriftTest(), metric_fingerprint=self.to_metric().metric_id),
        )
        result.set_tests([test])
        return result

    def display_name(self) -> str:
        return f"Value drift for {self.metric.column}"


class _OurDriftedColumns(CountCalculation[DriftedColumnsCount], ABC):  # type: ignore[misc]
    """How many columns have drifted, and which share of them."""

    def calculate(self, _context: Any, current_data: _Found, _reference_data: Any) -> Any:
        drifted = sum(column.drifted for column in current_data.columns.values())
        return self.result(drifted, drifted / max(1, len(current_data.columns)))

    def display_name(self) -> str:
        return "Drifted columns"

    def count_display_name(self) -> str:
        return "Number of drifted columns"

    def share_display_name(self) -> str:
        return "Share of drifted columns"


_CALCULATIONS = {ValueDrift: _OurDrift, DriftedColumnsCount: _OurDriftedColumns}
_bound = threading.Lock()
"""Evidently binds calculations to metrics for the whole process: one report at a time."""


@contextmanager
def _our_calculations() -> Iterator[None]:
    """Ours in the place of the stock calculations, which are back afterwards."""
    with _bound:
        stock = {metric: metric.__calculation_type__ for metric in _CALCULATIONS}
        try:
            for metric, calculation in _CALCULATIONS.items():
                metric.__calculation_type__ = calculation
            yield
        finally:
            for metric, calculation in stock.items():
                metric.__calculation_type__ = calculation


def _bars(column: ColumnDrift) -> Any:
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
    return BaseWidgetInfo(type="big_graph", title=title, size=2, params={"data": bars, "layout": layout})
