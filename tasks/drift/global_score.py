"""Drift of all columns together: how well a drift model tells current rows from reference rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np
from numpy.typing import NDArray

from governance.project_file import Drift
from governance.vocabulary import Measurement
from tasks.drift.classifiers import RECIPES, Classifier
from tasks.drift.pairs import ColumnPair
from tasks.drift.statistics import Floats
from tasks.learning.threads import one_thread
from tasks.metrics.classification import roc_auc
from tasks.metrics.intervals import wilson

FEWEST_ROWS = 10
"""Rows that each side must have."""

SIGNIFICANCE = 0.05
"""Importances are computed when the p-value of data_drift is below."""

IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 3

NAMES = (
    "data_drift",
    "data_drift_lower",
    "data_drift_upper",
    "data_drift_p_value",
    "data_drift_auc",
    "data_drift_score",
)


@dataclass(frozen=True, slots=True)
class GlobalDrift:
    """What the drift model found.

    Args:
        measurements: ``data_drift`` and its companions.
        importances: Share of each column in the drift model, in %, summing to 100; empty when nothing drifted.
        rows_per_side: Rows of each side after balancing.
        unusable: Columns that could not be given to the drift model, and why.
    """

    measurements: tuple[Measurement, ...]
    importances: dict[str, float] = field(default_factory=dict)
    rows_per_side: int = 0
    unusable: dict[str, str] = field(default_factory=dict)


def measure_global_drift(pairs: Sequence[ColumnPair], settings: Drift, *, seed: int) -> GlobalDrift:
    """Fit the drift model and measure it on rows it has not seen.

    The larger side is sampled down to the smaller one. ``data_drift`` is the accuracy: 0.5 when the sides can't be
    told apart, 1 when they always can; its interval is Wilson's, two-sided at ``settings.confidence``, and
    ``data_drift_p_value`` the one-sided exact binomial test of accuracy <= 0.5. ``data_drift_auc`` is the mean ROC
    AUC over the folds.

    Args:
        pairs: The model's input features.
        settings: Which drift model, and the confidence.
        seed: Of the sampling, the folds and the model: the same input gives the same numbers.

    Returns:
        The measurements; without values and with the reason where there is nothing to learn from.

    >>> from governance.vocabulary import Handling
    >>> shifted = ColumnPair("age", Handling.NUMERICAL, np.arange(300.0), np.arange(300.0) + 1000)
    >>> measure_global_drift([shifted], Drift(), seed=1).measurements[0].value > 0.99
    True
    """
    unusable = {pair.name: pair.problem for pair in pairs if pair.problem}
    usable = [pair for pair in pairs if not pair.problem]
    informative = [pair for pair in usable if not (np.isnan(pair.reference).all() and np.isnan(pair.current).all())]
    if not usable:
        return _nothing("no input feature can be used by the drift model", unusable)
    sizes = usable[0].reference.size, usable[0].current.size
    if min(sizes) < FEWEST_ROWS:
        return _nothing(
            f"the drift model needs {FEWEST_ROWS} rows on each side; the reference has {sizes[0]:,}, "
            f"the current data {sizes[1]:,}",
            unusable,
        )
    if not informative:
        return _nothing("every value of every input feature is missing", unusable)
    with one_thread():
        return _told_apart(informative, settings, seed, unusable)


def _told_apart(pairs: Sequence[ColumnPair], settings: Drift, seed: int, unusable: dict[str, str]) -> GlobalDrift:
    rows, is_current = _balanced(pairs, seed)
    recipe = RECIPES[settings.model]
    right: list[NDArray[np.bool_]] = []
    areas: list[float] = []
    fitted: list[tuple[Classifier, NDArray[np.int64]]] = []
    for fitted_on, measured_on in recipe.split(is_current, seed):
        model = recipe.build(seed, pairs)
        model.fit(rows[fitted_on], is_current[fitted_on])
        probability = model.probability(rows[measured_on])
        right.append((probability > 0.5) == is_current[measured_on])
        areas.append(roc_auc(is_current[measured_on], probability).value)
        fitted.append((model, measured_on))
    correct = np.concatenate(right)
    p_value = _p_value(int(correct.sum()), correct.size)
    measurements = _measurements(int(correct.sum()), correct.size, p_value, float(np.mean(areas)), settings.confidence)
    importances: dict[str, float] = {}
    if p_value < SIGNIFICANCE:
        model, held_out = fitted[0]
        importances = _importances(model, rows[held_out], is_current[held_out], pairs, seed)
    return GlobalDrift(measurements, importances, is_current.size // 2, unusable)


def transformed_score(accuracy: float) -> float:
    """The plugin's scale: exp(1 - 1 / accuracy^2.5), 0.01 at chance, 1 when the sides are always told apart.

    >>> round(transformed_score(0.5), 3), transformed_score(1.0)
    (0.009, 1.0)
    """
    # Below a tenth the exponent would leave floating point; the score is 0 to fifty digits there.
    return exp(1 - 1 / accuracy**2.5) if accuracy > 0.1 else 0.0


def _nothing(reason: str, unusable: dict[str, str]) -> GlobalDrift:
    return GlobalDrift(tuple(Measurement(name, None, reason=reason) for name in NAMES), unusable=unusable)


def _balanced(pairs: Sequence[ColumnPair], seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Equally many rows of both sides, shape (2 * rows, columns), reference first; and which are current."""
    random = np.random.default_rng(seed)
    here, there = (np.column_stack([getattr(p, side) for p in pairs]) for side in ("reference", "current"))
    size = min(len(here), len(there))
    sides = (
        side if len(side) == size else side[np.sort(random.choice(len(side), size, replace=False))]
        for side in (here, there)
    )
    rows: Floats = np.concatenate(list(sides))
    rows[np.isinf(rows)] = np.nan
    # A power of two changes no digit, and keeps columns of scale 1e300 in the range of sums and squares.
    largest = np.nanmax(np.abs(np.where(np.isnan(rows), 0.0, rows)), axis=0)
    return np.ldexp(rows, -np.frexp(largest)[1]), np.arange(2 * size) >= size


def _p_value(correct: int, rows: int) -> float:
    """Of the one-sided exact binomial test of accuracy <= 0.5."""
    from scipy.stats import binom

    return float(binom.sf(correct - 1, rows, 0.5))


def _measurements(correct: int, rows: int, p_value: float, area: float, confidence: float) -> tuple[Measurement, ...]:
    accuracy, lower, upper = wilson(correct, rows, confidence)
    return (
        Measurement("data_drift", accuracy, lower, upper, rows),
        Measurement("data_drift_lower", lower, rows=rows),
        Measurement("data_drift_upper", upper, rows=rows),
        Measurement("data_drift_p_value", p_value, rows=rows),
        Measurement("data_drift_auc", area, rows=rows),
        Measurement("data_drift_score", transformed_score(accuracy), rows=rows),
    )


def _importances(
    model: Classifier, rows: Floats, is_current: NDArray[np.bool_], pairs: Sequence[ColumnPair], seed: int
) -> dict[str, float]:
    """Permutation importance on rows the model has not seen: the loss of ROC AUC, in % of all losses."""
    random = np.random.default_rng(seed)
    if len(rows) > IMPORTANCE_ROWS:
        chosen = np.sort(random.choice(len(rows), IMPORTANCE_ROWS, replace=False))
        rows, is_current = rows[chosen], is_current[chosen]
    whole = roc_auc(is_current, model.probability(rows)).value
    losses = np.zeros(len(pairs))
    for position in range(len(pairs)):
        # All repeats in one call: a call costs more than its rows.
        shuffled = np.tile(rows, (IMPORTANCE_REPEATS, 1))
        orders = [random.permutation(len(rows)) for _ in range(IMPORTANCE_REPEATS)]
        shuffled[:, position] = rows[np.concatenate(orders), position]
        parts = np.split(model.probability(shuffled), IMPORTANCE_REPEATS)
        losses[position] = max(0.0, whole - float(np.mean([roc_auc(is_current, part).value for part in parts])))
    total = losses.sum()
    shares = 100 * losses / total if total > 0 else losses
    return {pair.name: float(share) for pair, share in zip(pairs, shares, strict=True)}
