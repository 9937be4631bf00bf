"""Every metric there is: name, title, which end is good, unit, where it applies. The only such list."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
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

SEGMENTS: Final[Mapping[str, MetricInfo]] = MappingProxyType(
    {
        row.name: row
        for row in (
            MetricInfo("share", "share of the current rows", None, "share", ALL, needs_labels=False),
            MetricInfo("reference_share", "share of the reference rows", None, "share", ALL, needs_labels=False),
        )
    }
)
"""What is measured of a segment besides metrics, their ``_drift``, their ``_difference`` to the other rows and the
``_p_value`` of either: ``segment.<column>.<value>.<one of them>``."""

_BINARY_RATES: Final = (
    ("selection_rate", "selection rate", False),
    ("true_positive_rate", "true positive rate", True),
    ("false_positive_rate", "false positive rate", True),
)

FAIRNESS_RATES: Final[Mapping[str, MetricInfo]] = MappingProxyType(
    {
        "share": MetricInfo("share", "share of the rows", None, "share", CLASSES, needs_labels=False),
        **{name: MetricInfo(name, title, None, "share", CLASSES, labels) for name, title, labels in _BINARY_RATES},
    }
)
"""What is measured per group, as ``fairness.<attribute>.<group>.<rate>``."""

FAIRNESS_MEASURES: Final[Mapping[str, MetricInfo]] = MappingProxyType(
    {
        f"{name}_{way}": MetricInfo(f"{name}_{way}", f"{title}, {words}", way == "ratio", unit, CLASSES, labels)
        for name, title, labels in (
            ("demographic_parity", "demographic parity", False),
            ("equalized_odds", "equalized odds", True),
            *_BINARY_RATES[1:],
        )
        for way, words, unit in (
            ("difference", "largest difference of two groups", "share"),
            ("ratio", "smallest ratio of two groups", ""),
        )
    }
)
"""What is measured of all groups together, as ``fairness.<attribute>.<measure>``; the selection rate's difference and
ratio are those of demographic parity."""

_OF_PARTS: Final = ("column_drift.", "fugacity.", "segment.")


def is_of_part(name: str) -> bool:
    """Whether a metric is of one column, class, segment or group only, and not of the whole.

    >>> is_of_part("column_drift.age.psi"), is_of_part("data_drift")
    (True, False)
    >>> is_of_part("fairness.sex.f.selection_rate"), is_of_part("fairness.sex.demographic_parity_ratio")
    (True, False)
    """
    return name.startswith(_OF_PARTS) or (
        name.startswith("fairness.") and name.rpartition(".")[2] not in FAIRNESS_MEASURES
    )


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
    """What there is to know about a metric, also about those whose names hold a column, a class, a segment or ``_drift``.

    Args:
        name: E.g. ``roc_auc``, ``roc_auc_drift``, ``column_drift.age.psi``, ``column_drift.age.evidently_ks``,
            ``fugacity.late.current``, ``segment.region.north.accuracy``, ``fairness.sex.f.selection_rate``,
            ``custom.profit``.

    Raises:
        NotFound: no metric has that name; names the nearest ones.

    >>> info("log_loss_drift").title, info("log_loss_drift").higher_is_better
    ('Log loss, change', False)
    >>> info("column_drift.passenger.count.psi").title
    'passenger.count: population stability index'
    >>> info("segment.region.north.roc_auc_difference").title
    'region.north: ROC AUC, difference to the other rows'
    """
    found = _of_the_whole(name)
    if found is None:
        kind, _, rest = name.partition(".")
        found = _PARTS[kind](rest) if kind in _PARTS else None
    if found is not None:
        return replace(found, name=name)
    known = [*METRICS, *(f"{m.name}_drift" for m in METRICS.values() if m.needs_labels)]
    raise NotFound(
        "metric",
        name,
        get_close_matches(name, known, n=5) or list(METRICS),
        "columns are column_drift.<column>.<statistic>, classes fugacity.<class>.<side>, "
        "segments segment.<column>.<value>.<metric>, groups fairness.<attribute>.<group>.<rate>",
    )


def _of_the_whole(name: str) -> MetricInfo | None:
    """Of all rows, whose name is fixed but for ``_drift``."""
    if name in METRICS:
        return METRICS[name]
    before = METRICS.get(name.removesuffix("_drift"))
    if not name.endswith("_drift") or before is None or not before.needs_labels:
        return None
    return replace(before, title=f"{before.title}, change")


# A column, a class or a value may have dots in its name: what is fixed is before the first and after the last.


def _of_column(rest: str) -> MetricInfo | None:
    column, _, statistic = rest.rpartition(".")
    if not column:
        return None
    if re.fullmatch(r"evidently_[a-z0-9_-]+", statistic):
        # Whether it is a p-value or a distance only Evidently knows.
        title = f"{column}: Evidently's {statistic.removeprefix('evidently_')}"
        return MetricInfo(rest, title, None, "", ALL, needs_labels=False)
    if (row := COLUMN_STATISTICS.get(statistic)) is None:
        return None
    return MetricInfo(rest, f"{column}: {row.title}", row.higher_is_better, row.unit, ALL, needs_labels=False)


def _of_class(rest: str) -> MetricInfo | None:
    label, _, side = rest.rpartition(".")
    if not label or side not in FUGACITY:
        return None
    title, unit = FUGACITY[side]
    return MetricInfo(rest, f"{label}: {title}", None, unit, ALL, needs_labels=False)


def _of_segment(rest: str) -> MetricInfo | None:
    parts = rest.split(".")
    for length in (1, 2):  # a metric's own name has a dot at most
        segment, metric = parts[:-length], ".".join(parts[-length:])
        found = SEGMENTS.get(metric) or _of_the_whole(metric) or _compared(metric)
        if found is not None and len(segment) >= 2 and segment[0]:
            return replace(found, title=f"{'.'.join(segment)}: {found.title}")
    return None


def _compared(name: str) -> MetricInfo | None:
    """The difference of a segment to the other rows, and the p-value of that or of its change."""
    for ending, words in (("_difference", "difference to the other rows"), ("_drift", "change")):
        compared, p_value = name.removesuffix("_p_value"), name.endswith("_p_value")
        metric = METRICS.get(compared.removesuffix(ending))
        if metric is None or not compared.endswith(ending) or (ending == "_drift" and not metric.needs_labels):
            continue
        title = f"{metric.title}, {words}"
        if p_value:
            return replace(metric, title=f"{title}, p-value", higher_is_better=True, unit="p-value")
        return replace(metric, title=title)
    return None


def _of_fairness(rest: str) -> MetricInfo | None:
    subject, _, measured = rest.rpartition(".")
    attribute, _, group = subject.partition(".")
    found = FAIRNESS_MEASURES.get(measured) if subject else None
    if found is None and attribute and "." in subject:
        found = FAIRNESS_RATES.get(measured)
        subject = f"{attribute} = {group}"
    return None if found is None else replace(found, title=f"{subject}: {found.title}")


def _of_custom(rest: str) -> MetricInfo | None:
    changed = rest.endswith("_drift") and rest != "_drift"
    title = f"{rest.removesuffix('_drift')}, change" if changed else rest
    # Which end is good only its author knows.
    return MetricInfo(rest, title, None, "", ALL, needs_labels=True) if rest else None


_PARTS: Final[Mapping[str, Callable[[str], MetricInfo | None]]] = MappingProxyType(
    {
        "column_drift": _of_column,
        "fugacity": _of_class,
        "segment": _of_segment,
        "fairness": _of_fairness,
        "custom": _of_custom,
    }
)
"""Metrics whose names hold a name of the user's: what they begin with, and who knows the rest."""
