"""Every metric there is: name, title, which end is good, unit, where it applies. The only such list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from governance.errors import NotFound
from governance.vocabulary import Handling, PredictionType

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION
CLASSES = frozenset({BINARY, MULTICLASS})
ALL = frozenset(PredictionType)


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What there is to know about a metric before it is measured.

    Args:
        name: As in a measurement, a check and the metrics table.
        title: As people read it.
        higher_is_better: ``None`` when neither end is good.
        unit: ``share`` (0 to 1), ``%``, ``p-value``, ``target``, ``target²``, ``nats``, ``bits``, ``columns``, …;
            empty when it has none.
        prediction_types: For which models it is measured.
        needs_labels: Whether it can only be measured on rows whose outcome is known.
    """

    name: str
    title: str
    higher_is_better: bool | None
    unit: str
    prediction_types: frozenset[PredictionType]
    needs_labels: bool


def _rows() -> Iterator[MetricInfo]:
    for name, title, higher_is_better, unit, types in (
        ("accuracy", "Accuracy", True, "share", CLASSES),
        ("precision", "Precision", True, "share", CLASSES),
        ("recall", "Recall", True, "share", CLASSES),
        ("f1", "F1 score", True, "", CLASSES),
        ("roc_auc", "ROC AUC", True, "", CLASSES),
        ("average_precision", "Average precision", True, "", CLASSES),
        ("log_loss", "Log loss", False, "nats", CLASSES),
        ("mcc", "Matthews correlation", True, "", CLASSES),
        ("hamming_loss", "Hamming loss", False, "share", CLASSES),
        ("calibration_loss", "Calibration loss", False, "share", CLASSES),
        ("lift", "Lift in the top 40 %", True, "", frozenset({BINARY})),
        ("cost_gain", "Gain per row after the cost matrix", True, "cost", frozenset({BINARY})),
        ("explained_variance", "Explained variance", True, "", frozenset({REGRESSION})),
        ("mape", "Mean absolute percentage error", False, "share", frozenset({REGRESSION})),
        ("mae", "Mean absolute error", False, "target", frozenset({REGRESSION})),
        ("mse", "Mean squared error", False, "target²", frozenset({REGRESSION})),
        ("rmse", "Root mean squared error", False, "target", frozenset({REGRESSION})),
        ("rmsle", "Root mean squared logarithmic error", False, "", frozenset({REGRESSION})),
        ("r2", "R²", True, "", frozenset({REGRESSION})),
        ("pearson", "Pearson correlation", True, "", frozenset({REGRESSION})),
    ):
        yield MetricInfo(name, title, higher_is_better, unit, types, needs_labels=True)
    for name, title, higher_is_better, unit, types in (
        ("data_drift", "Data drift", False, "share", ALL),
        ("data_drift_lower", "Data drift, lower end", False, "share", ALL),
        ("data_drift_upper", "Data drift, upper end", False, "share", ALL),
        ("data_drift_p_value", "Data drift, p-value", True, "p-value", ALL),
        ("data_drift_auc", "Data drift, ROC AUC", False, "", ALL),
        ("data_drift_score", "Data drift score", False, "", ALL),
        ("columns_p_value", "Largest column drift, p-value", True, "p-value", ALL),
        ("drifted_columns", "Drifted columns", False, "columns", ALL),
        ("drifted_columns_share", "Share of drifted columns", False, "share", ALL),
        (
            "prediction_drift.ks_p_value",
            "Prediction drift, Kolmogorov–Smirnov",
            True,
            "p-value",
            frozenset({REGRESSION}),
        ),
        ("prediction_drift.chi2_p_value", "Prediction drift, chi²", True, "p-value", CLASSES),
        ("prediction_drift.psi", "Prediction drift, PSI", False, "", ALL),
        (
            "prediction_drift.probability_ks_p_value",
            "Probability drift, Kolmogorov–Smirnov",
            True,
            "p-value",
            frozenset({BINARY}),
        ),
        ("prediction_drift.probability_psi", "Probability drift, PSI", False, "", frozenset({BINARY})),
    ):
        yield MetricInfo(name, title, higher_is_better, unit, types, needs_labels=False)


METRICS: Final[Mapping[str, MetricInfo]] = MappingProxyType({row.name: row for row in _rows()})
"""Every metric whose name is fixed, by name, in the order in which people read them."""


@dataclass(frozen=True, slots=True)
class ColumnStatistic:
    """What there is to know about a statistic of single columns, named ``column_drift.<column>.<statistic>``."""

    name: str
    title: str
    higher_is_better: bool | None
    unit: str
    handlings: frozenset[Handling]


_MEASURED = frozenset(Handling) - {Handling.IGNORED}
_ORDERED = _MEASURED - {Handling.CATEGORICAL}

COLUMN_STATISTICS: Final[Mapping[str, ColumnStatistic]] = MappingProxyType(
    {
        row.name: row
        for row in (
            ColumnStatistic("p_value", "p-value of the whole column, calibrated", True, "p-value", _MEASURED),
            ColumnStatistic("ks_statistic", "Kolmogorov–Smirnov distance", False, "share", _ORDERED),
            ColumnStatistic("ks_p_value", "Kolmogorov–Smirnov", True, "p-value", _ORDERED),
            ColumnStatistic("chi2_p_value", "chi²", True, "p-value", frozenset({Handling.CATEGORICAL})),
            ColumnStatistic("cramers_v", "Cramér's V", False, "", frozenset({Handling.CATEGORICAL})),
            ColumnStatistic("psi", "population stability index", False, "", _MEASURED),
            ColumnStatistic("wasserstein", "Wasserstein distance in standard deviations", False, "sd", _ORDERED),
            ColumnStatistic("jensen_shannon", "Jensen–Shannon distance", False, "", _MEASURED),
            ColumnStatistic("missing_share_change", "change of the missing share", None, "share", _MEASURED),
            ColumnStatistic("missing_p_value", "missing values, Fisher", True, "p-value", _MEASURED),
            ColumnStatistic("out_of_range_share", "share outside the reference's range", False, "share", _ORDERED),
            ColumnStatistic(
                "new_category_share", "share of new categories", False, "share", frozenset({Handling.CATEGORICAL})
            ),
        )
    }
)
"""What is measured per column, by name, in the order in which people read it."""

FUGACITY: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "reference": ("share of the reference rows", "%"),
        "current": ("share of the current rows", "%"),
        "relative_change": ("relative change of the share", "%"),
    }
)
"""What is measured per predicted class, as ``fugacity.<class>.<side>``: title and unit."""

_OF_PARTS: Final = ("column_drift.", "fugacity.")


def is_of_part(name: str) -> bool:
    """Whether a metric is of one column or of one class only, and not of the whole.

    >>> is_of_part("column_drift.age.psi"), is_of_part("data_drift")
    (True, False)
    """
    return name.startswith(_OF_PARTS)


def performance_metrics(prediction_type: PredictionType) -> list[MetricInfo]:
    """The metrics that labels make possible for such models, in the catalogue's order.

    >>> performance_metrics(PredictionType.BINARY)[0].name
    'accuracy'
    """
    return [m for m in METRICS.values() if m.needs_labels and prediction_type in m.prediction_types]


def names_under(prefix: str, prediction_type: PredictionType | None = None) -> list[str]:
    """Names of the catalogue that begin so, in its order; those measured for such models, if one is given.

    >>> names_under("drifted_columns")
    ['drifted_columns', 'drifted_columns_share']
    """
    return [
        m.name
        for m in METRICS.values()
        if m.name.startswith(prefix) and (prediction_type is None or prediction_type in m.prediction_types)
    ]


def info(name: str) -> MetricInfo:
    """What there is to know about a metric, also about those whose names hold a column, a class or ``_drift``.

    Args:
        name: E.g. ``roc_auc``, ``roc_auc_drift``, ``column_drift.age.psi``, ``fugacity.late.current``.

    Raises:
        NotFound: no metric has that name; names the nearest ones.

    >>> info("log_loss_drift").title, info("log_loss_drift").higher_is_better
    ('Log loss, change', False)
    >>> info("column_drift.passenger.count.psi").title
    'passenger.count: population stability index'
    """
    if name in METRICS:
        return METRICS[name]
    of_reference = METRICS.get(name.removesuffix("_drift"))
    if name.endswith("_drift") and of_reference is not None and of_reference.needs_labels:
        title = f"{of_reference.title}, change"
        return MetricInfo(
            name, title, of_reference.higher_is_better, of_reference.unit, of_reference.prediction_types, True
        )
    # A column or a class may have dots in its name: what is fixed is before the first and after the last.
    if match := re.fullmatch(r"column_drift\.(.+)\.([^.]+)", name, re.DOTALL):
        column, statistic = match.groups()
        if statistic in COLUMN_STATISTICS:
            row = COLUMN_STATISTICS[statistic]
            return MetricInfo(name, f"{column}: {row.title}", row.higher_is_better, row.unit, ALL, False)
    if match := re.fullmatch(r"fugacity\.(.+)\.([^.]+)", name, re.DOTALL):
        label, side = match.groups()
        if side in FUGACITY:
            title, unit = FUGACITY[side]
            return MetricInfo(name, f"{label}: {title}", None, unit, ALL, False)
    known = [*METRICS, *(f"{m.name}_drift" for m in METRICS.values() if m.needs_labels)]
    raise NotFound(
        "metric",
        name,
        get_close_matches(name, known, n=5) or list(METRICS),
        "columns are column_drift.<column>.<statistic>, classes fugacity.<class>.<side>",
    )
