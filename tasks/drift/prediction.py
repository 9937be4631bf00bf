"""Drift of the predictions: needs no labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from governance.errors import SchemaMismatch
from governance.vocabulary import CheckOutcome, Handling, Measurement, PredictionType
from tasks.drift import statistics
from tasks.drift.columns import ColumnDrift, correct, measure_column, statistics_of
from tasks.drift.ordered import Positions, counts_by_edges, current_positions
from tasks.drift.profile import PREDICTION, PROBABILITY, LevelProfile, OrderedProfile, ReferenceProfile
from tasks.drift.statistics import Counts
from tasks.drift.tallies import CurrentColumns, LevelTally, OrderedTally
from tasks.metrics.catalogue import FUGACITY, names_under

if TYPE_CHECKING:
    from tasks.data.schema import Schema

DENSITY_BINS = 40


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


def compare_predictions(profile: ReferenceProfile, current: CurrentColumns, schema: Schema) -> PredictionDrift:
    """Compare the predictions of both sides.

    Fugacity is the share of rows per predicted class, in %, and its relative change 100 (current - reference) /
    reference; the classes are those of the column ``prediction``, which follows the active threshold. For regression
    the classes are the deciles of the reference predictions, ``decile_1`` the lowest; predictions that tie make
    fewer. A row without a prediction belongs to no class but counts among the rows.

    Args:
        profile: Of the reference, with its predictions.
        current: The current rows with their predictions, counted for that profile.
        schema: Of the model.

    Returns:
        Measurements; without value and with the reason where one is not defined.

    Raises:
        SchemaMismatch: a side has no column ``prediction``.
    """
    tally = _tally_of_predictions(profile, current)
    column = correct([measure_column(tally)])[0]
    column = replace(column, verdict=CheckOutcome.EMPTY)  # the false-alarm rate is one of input drift
    probability = _of_probability(profile, current, schema)
    measurements = [
        _renamed(name, probability if _SHORT in name else column.measurements)
        for name in names_under("prediction_drift.", schema.prediction_type)
    ]
    densities: dict[str, dict[str, list[float]]] = {}
    groups: Groups = [], (np.empty(0, np.int64), np.empty(0, np.int64)), []
    if isinstance(tally, OrderedTally):
        groups = _deciles(tally.profile, tally)
        densities[PREDICTION] = _density(tally.profile, tally, None)
    elif isinstance(tally, LevelTally):
        groups = _classes(tally.profile, tally, schema.classes)
        for label in groups[0]:
            of_label = current.predictions.get(f"{PROBABILITY}{label}")
            if isinstance(of_label, OrderedTally) and of_label.rows and not of_label.problem:
                densities[label] = _density(of_label.profile, of_label, (0.0, 1.0))
    fugacity: dict[str, dict[str, Any]] = {}
    for label, here, there, bound in zip(groups[0], *groups[1], groups[2], strict=True):
        found = _fugacity(label, int(here), int(there), (tally.profile.rows, tally.rows))
        measurements += found
        fugacity[label] = {m.name.rpartition(".")[2]: m.value for m in found} | bound
    return PredictionDrift(tuple(measurements), fugacity, densities, column)


_SHORT = "probability_"


def _tally_of_predictions(profile: ReferenceProfile, current: CurrentColumns) -> OrderedTally | LevelTally:
    tally = current.predictions.get(PREDICTION)
    counted = tally is not None and tally.rows >= current.rows
    for side, there in (("reference", PREDICTION in profile.predictions), ("current data", counted)):
        if not there:
            raise SchemaMismatch(f"the {side}", PREDICTION, "the predictions are missing", "score the rows first")
    if not isinstance(tally, OrderedTally | LevelTally):
        reason = "it can't be compared" if tally is None else tally.problem
        raise SchemaMismatch("the reference", PREDICTION, reason, "score the rows again")
    return tally


def _of_probability(profile: ReferenceProfile, current: CurrentColumns, schema: Schema) -> Sequence[Measurement]:
    """Binary: drift of the probability of the positive class, which moves long before a class changes."""
    if schema.prediction_type is not PredictionType.BINARY:
        return ()
    name = f"{PROBABILITY}{schema.classes[1]}"
    tally = current.predictions.get(name)
    if tally is None or tally.rows < current.rows:
        reason, rows = f"a side has no column {name!r}", profile.rows + current.rows
        return [
            Measurement(statistic, None, rows=rows, reason=reason) for statistic in statistics_of(Handling.NUMERICAL)
        ]
    return measure_column(tally).measurements


def _renamed(name: str, of_column: Sequence[Measurement]) -> Measurement:
    """A metric of the predictions: what a column's statistic of that name says."""
    statistic = name.rpartition(".")[2].removeprefix(_SHORT)
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


def _classes(profile: LevelProfile, tally: LevelTally, classes: tuple[str, ...]) -> Groups:
    """The model's classes in its order, then any other label that a side brings."""
    before = dict(zip(profile.levels, profile.counts.tolist(), strict=True))
    after = dict(zip(profile.levels, tally.known.tolist(), strict=True)) | tally.new_levels()
    labels = list(dict.fromkeys([*classes, *sorted({*before, *after})]))
    counts = tuple(np.array([side.get(label, 0) for label in labels], dtype=np.int64) for side in (before, after))
    return labels, (counts[0], counts[1]), [{} for _ in labels]


def _deciles(profile: OrderedProfile, tally: OrderedTally) -> Groups:
    if not profile.values.size:
        return [], (np.empty(0, np.int64), np.empty(0, np.int64)), []
    # The bins of PSI are the deciles of the reference.
    edges = profile.edges
    ends: list[float | None] = [None, *(float(edge) for edge in edges), None]
    labels = [f"decile_{number}" for number in range(1, edges.size + 2)]
    bounds = [{"above": low, "up_to": high} for low, high in pairwise(ends)]
    return labels, counts_by_edges(profile, tally), bounds


def _density(profile: OrderedProfile, tally: OrderedTally, span: tuple[float, float] | None) -> dict[str, list[float]]:
    """Probability density of both sides over bins of equal width; empty where there is nothing finite."""
    here = Positions(profile.values, np.ones(profile.values.size, dtype=np.int64))
    sides = [_finite(side) for side in (here, current_positions(profile, tally))]
    together = np.concatenate([side.points for side in sides])
    if not together.size:
        return {"edges": [], "reference": [], "current": []}
    low, high = span or (float(together.min()), float(together.max()))
    # A power of two changes no digit, and keeps differences of huge values in range.
    exponent = -statistics.scale_of(low, high)
    low, high = np.ldexp(low, -exponent), np.ldexp(high, -exponent)
    # Too close together for bins of their own: one bin around both.
    width = max(1.0, abs(high)) / 2
    edges = np.linspace(low, high, DENSITY_BINS + 1)
    if not np.all(np.diff(edges) > 0):
        edges = np.array([low - width, high + width])
    counts = [np.histogram(np.ldexp(side.points, -exponent), edges, weights=side.rows)[0] for side in sides]
    widths = np.diff(edges)
    with np.errstate(over="ignore"):
        densities = [np.ldexp(count / max(1, count.sum()) / widths, -exponent) for count in counts]
        return {
            "edges": np.ldexp(edges, exponent).tolist(),
            "reference": np.nan_to_num(densities[0]).tolist(),
            "current": np.nan_to_num(densities[1]).tolist(),
        }


def _finite(side: Positions) -> Positions:
    finite = np.isfinite(side.points)
    return Positions(side.points[finite], side.rows[finite])
