"""What was found, as a snapshot of Evidently: its tests, its pages and its charts then show our numbers."""

from __future__ import annotations

import threading
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd

from governance.vocabulary import CheckOutcome, Handling, Measurement
from tasks.drift.columns import ColumnDrift
from tasks.drift.engine.deferring import deferred
from tasks.metrics.catalogue import info, is_of_part
from tasks.metrics.intervals import SIGNIFICANCE

with deferred("evidently"):
    from evidently.core.datasets import DataDefinition, DatasetStats, PandasDataset
    from evidently.core.metric_types import (
        CountCalculation,
        MetricTestResult,
        SingleValueCalculation,
        SingleValueMetric,
    )
    from evidently.core.report import Report
    from evidently.legacy.model.widget import BaseWidgetInfo
    from evidently.legacy.renderers.html_widgets import CounterData, counter
    from evidently.legacy.tests.base_test import TestStatus
    from evidently.metrics.column_statistics import DriftedColumnsCount, ValueDrift, ValueDriftBoundTest, ValueDriftTest

METHODS = {
    Handling.NUMERICAL: "Kolmogorov–Smirnov, missing values and values out of range",
    Handling.DATE: "Kolmogorov–Smirnov, missing values and values out of range",
    Handling.TEXT: "Kolmogorov–Smirnov on lengths, missing values and lengths out of range",
    Handling.CATEGORICAL: "chi² of two samples, missing values and new categories",
}
"""What the p-value of a column is made of, for people."""


def take_snapshot(name: str, columns: Sequence[ColumnDrift], measurements: Sequence[Measurement], at: datetime) -> str:
    """Run a report over what was found.

    Args:
        name: Of the snapshot.
        columns: One without a p-value has no test in the report, as Evidently knows no empty value; the metadata say
            why.
        measurements: Those of the whole are metrics of the report, which the interface can chart, with their
            intervals, and metadata; one without a value is in the metadata with its reason.
        at: Moment that the snapshot bears.

    Returns:
        The snapshot as Evidently's JSON; ``Snapshot.loads`` reads it.
    """
    tested = {column.name: column for column in columns if column.p_value is not None}
    of_the_whole = [m for m in measurements if not is_of_part(m.name)]
    valued = {m.name: m for m in of_the_whole if m.value is not None}
    metadata = {m.name: f"no value: {m.reason}" if m.value is None else m.value for m in of_the_whole}
    metadata |= {f"column {c.name}": f"not tested: {_why(c)}" for c in columns if c.p_value is None}
    metrics = [
        *([DriftedColumnsCount(columns=list(tested))] if columns else []),
        *(Measured(name=metric) for metric in valued),
        *(ValueDrift(column=column) for column in tested),
    ]
    with _our_calculations():
        return str(Report(metrics).run(_Found(tested, valued), timestamp=at, name=name, metadata=metadata).dumps())


def _why(column: ColumnDrift) -> str:
    return next((m.reason for m in column.measurements if m.reason), "nothing could be computed")


class Measured(SingleValueMetric):  # type: ignore[misc]
    """Any metric of ours, by its name; Evidently's interface charts it as it does its own."""

    name: str

    def get_bound_tests(self, _context: Any) -> list[Any]:
        """None: checks are ours, and are run on the evaluation."""
        return []


class _Found(PandasDataset):  # type: ignore[misc]
    """Carries what was found instead of rows: nothing is copied, nothing computed again."""

    def __init__(self, columns: Mapping[str, ColumnDrift], measurements: Mapping[str, Measurement]) -> None:
        self.columns = columns
        self.measurements = measurements
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


class _MeasuredValue(SingleValueCalculation[Measured]):  # type: ignore[misc]
    """The value as it was measured, with its interval and the rows behind it."""

    def calculate(self, _context: Any, current_data: _Found, _reference_data: Any) -> Any:
        measured = current_data.measurements[self.metric.name]
        shown = f"{measured.value:.4g}"
        if measured.lower is not None and measured.upper is not None:
            shown += f" ({measured.lower:.4g} to {measured.upper:.4g})"
        rows = "" if measured.rows is None else f", {measured.rows:,} rows"
        result = self.result(measured.value)
        result.widget = [counter(counters=[CounterData(f"{self.display_name()}{rows}", shown)])]
        return result

    def display_name(self) -> str:
        return info(self.metric.name).title


# ABC keeps Evidently from binding a calculation for good where it is defined.
class _OurDrift(SingleValueCalculation[ValueDrift], ABC):  # type: ignore[misc]
    """The corrected p-value of one column; its test fails when the column has drifted."""

    def calculate(self, _context: Any, current_data: _Found, _reference_data: Any) -> Any:
        column = current_data.columns[self.metric.column]
        method = f"{METHODS[column.handling]}; Benjamini–Hochberg corrected"
        self.resolve_parameter("method", method)
        self.resolve_parameter("threshold", SIGNIFICANCE)
        result = self.result(column.corrected_p_value)
        result.widget = [_bars(column)]
        test = MetricTestResult(
            id="drift",
            name=self.display_name(),
            description=f"Drift score is {column.corrected_p_value:.3g} (p-value of the column by itself: "
            f"{column.p_value:.3g}). The drift detection method is {method}. The drift threshold is {SIGNIFICANCE}.",
            status=_status(column),
            metric_config=self.to_metric_config(),
            test_config={},
            bound_test=ValueDriftBoundTest(test=ValueDriftTest(), metric_fingerprint=self.to_metric().metric_id),
        )
        result.set_tests([test])
        return result

    def display_name(self) -> str:
        return f"Value drift for {self.metric.column}"


def _status(column: ColumnDrift) -> Any:
    """Fails when the column has drifted; warns when it would have, were it the only one."""
    if column.drifted:
        return TestStatus.FAIL
    suspicious = column.verdict in {CheckOutcome.WARNING, CheckOutcome.ERROR}
    return TestStatus.WARNING if suspicious else TestStatus.SUCCESS


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
