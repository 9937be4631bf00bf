"""Drift of the predictions: needs no labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.vocabulary import Handling, Measurement, PredictionType
from tasks.drift import statistics
from tasks.drift.columns import ColumnDrift, measure_columns, statistics_of
from tasks.drift.pairs import ColumnPair, encode_pair
from tasks.drift.statistics import Counts
from tasks.metrics.catalogue import FUGACITY, names_under
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema

DENSITY_BINS = 40
DECILES = 10


@dataclass(frozen=True, slots=True, eq=False)
class PredictionDrift:
    """What there is to say about the predictions.

    Args:
        measurements: ``fugacity.*`` and ``prediction_drift.*``.
        fugacity: Per class or decile: shares in %, relative change in %, and the bounds of a decile.
        densities: Per class, or ``prediction``: ``edges`` (bins + 1), ``reference`` and ``current`` (bins).
        column: The prediction as a column.
    """

    measurements: tuple[Measurement, ...]
    fugacity: dict[str, dict[str, Any]]
    densities: dict[str, dict[str, list[float]]]
    column: ColumnDrift


def compare_predictions(reference: pd.DataFrame, current: pd.DataFrame, schema: Schema) -> PredictionDrift:
    """Compare the predictions of both sides.

    Fugacity is the share of rows per predicted class, in %, and its relative change 100 (current - reference) /
    reference; the classes are those of the column ``prediction``, which follows the active threshold. For regression
    the classes are the deciles of the reference predictions, ``decile_1`` the lowest; predictions that tie make
    fewer. A row without a prediction belongs to no class but counts among the rows.

    Args:
        reference: Shape (rows, ...): ``prediction``, and ``proba_<class>`` where there are any.
        current: Likewise.
        schema: Of the model.

    Returns:
        Measurements; without value and with the reason where one is not defined.

    Raises:
        SchemaMismatch: a side has no column ``prediction``.
    """
    from governance.errors import SchemaMismatch

    for side, frame in (("reference", reference), ("current data", current)):
        if "prediction" not in frame:
            raise SchemaMismatch(f"the {side}", "prediction", "the predictions are missing", "score the rows first")
    regression = schema.prediction_type is PredictionType.REGRESSION
    handling = Handling.NUMERICAL if regression else Handling.CATEGORICAL
    pair = encode_pair("prediction", handling, reference["prediction"], current["prediction"], schema.classes)
    column = measure_columns([pair])[0]
    probability = _of_probability(reference, current, schema)
    measurements = [
        _renamed(name, probability if _PROBABILITY in name else column.measurements)
        for name in names_under("prediction_drift.", schema.prediction_type)
    ]
    densities: dict[str, dict[str, list[float]]] = {}
    if regression:
        labels, counts, bounds = _deciles(pair)
        densities["prediction"] = _density(pair, None)
    else:
        labels, counts, bounds = _classes(pair, schema.classes)
        for label in labels:
            if f"proba_{label}" in reference and f"proba_{label}" in current:
                name = f"proba_{label}"
                encoded = encode_pair(name, Handling.NUMERICAL, reference[name], current[name])
                densities[label] = _density(encoded, (0.0, 1.0))
    rows = pair.reference.size, pair.current.size
    fugacity: dict[str, dict[str, Any]] = {}
    for label, here, there, bound in zip(labels, *counts, bounds, strict=True):
        found = _fugacity(label, int(here), int(there), rows)
        measurements += found
        fugacity[label] = {m.name.rpartition(".")[2]: m.value for m in found} | bound
    return PredictionDrift(tuple(measurements), fugacity, densities, column)


_PROBABILITY = "probability_"


def _of_probability(reference: pd.DataFrame, current: pd.DataFrame, schema: Schema) -> Sequence[Measurement]:
    """Binary: drift of the probability of the positive class, which moves long before a class changes."""
    if schema.prediction_type is not PredictionType.BINARY:
        return ()
    column, rows = f"proba_{schema.classes[1]}", len(reference) + len(current)
    if column not in reference or column not in current:
        reason = f"a side has no column {column!r}"
        return [
            Measurement(statistic, None, rows=rows, reason=reason) for statistic in statistics_of(Handling.NUMERICAL)
        ]
    pair = encode_pair(column, Handling.NUMERICAL, reference[column], current[column])
    return measure_columns([pair])[0].measurements


def _renamed(name: str, of_column: Sequence[Measurement]) -> Measurement:
    """A metric of the predictions: what a column's statistic of that name says."""
    statistic = name.rpartition(".")[2].removeprefix(_PROBABILITY)
    return replace(next(m for m in of_column if m.name.rpartition(".")[2] == statistic), name=name)


def _fugacity(label: str, here: int, there: int, rows: tuple[int, int]) -> list[Measurement]:
    def share(count: int, of: int) -> float:
        if not of:
            raise ValueError("a side has no rows")
        return 100 * count / of

    def relative_change() -> float:
        before, after = share(here, rows[0]), share(there, rows[1])
        if not before:
            raise ValueError(f"no reference row is predicted {label!r}, of which a change could be a share")
        return 100 * (after - before) / before

    def measure(side: str, compute: Callable[[], float], of: int) -> Measurement:
        try:
            return Measurement(f"fugacity.{label}.{side}", compute(), rows=of)
        except ValueError as undefined:
            return Measurement(f"fugacity.{label}.{side}", None, rows=of, reason=str(undefined))

    computations = {
        "reference": (lambda: share(here, rows[0]), rows[0]),
        "current": (lambda: share(there, rows[1]), rows[1]),
        "relative_change": (relative_change, sum(rows)),
    }
    return [measure(side, *computations[side]) for side in FUGACITY]


Groups = tuple[list[str], tuple[Counts, Counts], list[dict[str, Any]]]


def _classes(pair: ColumnPair, classes: tuple[str, ...]) -> Groups:
    """The model's classes in its order, then any other label that a side brings."""
    labels = list(dict.fromkeys([*classes, *pair.levels]))
    code_of = {level: code for code, level in enumerate(pair.levels)}

    def count(values: Floats) -> Counts:
        per_level = np.bincount(values[~np.isnan(values)].astype(np.int64), minlength=len(pair.levels))
        return np.array([per_level[code_of[label]] if label in code_of else 0 for label in labels], dtype=np.int64)

    return labels, (count(pair.reference), count(pair.current)), [{} for _ in labels]


def _deciles(pair: ColumnPair) -> Groups:
    here, there = (np.sort(side[~np.isnan(side)]) for side in (pair.reference, pair.current))
    if not here.size:
        return [], (np.empty(0, np.int64), np.empty(0, np.int64)), []
    edges = statistics.quantile_edges(here, DECILES)
    ends: list[float | None] = [None, *(float(edge) for edge in edges), None]
    labels = [f"decile_{number}" for number in range(1, edges.size + 2)]
    bounds = [{"above": low, "up_to": high} for low, high in pairwise(ends)]
    return labels, (statistics.counts_between(here, edges), statistics.counts_between(there, edges)), bounds


def _density(pair: ColumnPair, span: tuple[float, float] | None) -> dict[str, list[float]]:
    """Probability density of both sides over bins of equal width; empty where there is nothing finite."""
    sides = [side[np.isfinite(side)] for side in (pair.reference, pair.current)]
    together = np.concatenate(sides)
    if not together.size:
        return {"edges": [], "reference": [], "current": []}
    low, high = span or (float(together.min()), float(together.max()))
    # A power of two changes no digit, and keeps differences of huge values in range.
    exponent = int(np.frexp(max(abs(low), abs(high), np.finfo(np.float64).tiny))[1])
    low, high = np.ldexp(low, -exponent), np.ldexp(high, -exponent)
    edges = np.linspace(low, high, DENSITY_BINS + 1) if low < high else np.array([low - 0.5, high + 0.5])
    counts = [np.histogram(np.ldexp(side, -exponent), edges)[0] for side in sides]
    widths = np.diff(edges)
    with np.errstate(over="ignore"):
        densities = [np.ldexp(count / max(1, count.sum()) / widths, -exponent) for count in counts]
        return {
            "edges": np.ldexp(edges, exponent).tolist(),
            "reference": np.nan_to_num(densities[0]).tolist(),
            "current": np.nan_to_num(densities[1]).tolist(),
        }
