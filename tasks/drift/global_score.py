"""Drift of all columns together: how well a drift model tells current rows from reference rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np
from numpy.typing import NDArray

from governance.project_file import Drift
from governance.vocabulary import Measurement
from tasks.drift.canonical import canonical_order
from tasks.drift.classifiers import RECIPES, Classifier
from tasks.drift.pairs import ColumnPair
from tasks.drift.twins import find_twins
from tasks.learning.threads import one_thread
from tasks.metrics.catalogue import names_under
from tasks.metrics.intervals import SIGNIFICANCE, Floats, wilson
from tasks.metrics.ranking import roc_auc
from tasks.metrics.row_keys import row_keys

FEWEST_ROWS = 10
"""Rows that each side must have."""

IMPORTANCE_ROWS = 2_000
IMPORTANCE_REPEATS = 3


@dataclass(frozen=True, slots=True)
class GlobalDrift:
    """What the drift model found.

    Args:
        measurements: ``data_drift`` and its companions.
        importances: Share of each column in the drift model, 0 to 1, summing to 1; empty when nothing drifted
            (p-value of ``data_drift`` of 0.05 or more) and nobody asked for them.
        rows_per_side: Rows of each side after balancing.
        unusable: Columns that could not be given to the drift model, and why.
        twins: Current rows that were left out, because they are rows of the reference; see ``tasks/drift/twins.py``.
    """

    measurements: tuple[Measurement, ...]
    importances: dict[str, float] = field(default_factory=dict)
    rows_per_side: int = 0
    unusable: dict[str, str] = field(default_factory=dict)
    twins: int = 0


def measure_global_drift(pairs: Sequence[ColumnPair], settings: Drift, *, seed: int) -> GlobalDrift:
    """Fit the drift model and measure it on rows it has not seen.

    Both sides are first put into an order that only their contents decide, so that the order in which rows arrive
    changes no digit. That order is one of hashes, and the sampling and the folds follow it: a value that differs in its
    last bit puts rows elsewhere, and ``data_drift`` becomes another one within its interval. Where the current data
    contain rows of the reference itself, these are left out on both sides.
    The larger side is sampled down to the smaller one. ``data_drift`` is the accuracy: 0.5 when the sides can't be
    told apart, 1 when they always can; its interval is Wilson's, two-sided at ``settings.confidence``, and
    ``data_drift_p_value`` the one-sided exact binomial test of accuracy <= 0.5. ``data_drift_auc`` is the mean ROC
    AUC over the folds.

    Boosting is measured on three quarters of the rows, in three folds, each by a model that learned from all folds
    before it; the forest on the fifth of the rows that it did not learn from. So no two rows judge each other, as
    they do in cross-validation, whose hits vary about 1 + 2/pi times as much as coins do at worst, and alarm in 10 %
    of cases instead of 5 %.

    The binomial test is nearly exact. Where nothing drifted, hits are fair coins but for the balance of the sides in
    each fold of m rows: drawn without replacement, they vary at most m/(m - 1) times as much, and where a fold is split
    evenly they come in steps of two. The true level of a nominal 0.05 lies between 0.037 and 0.055 from 12 rows per
    side and fold on. Wilson's interval is approximate, as always; what it holds is the mean accuracy of the drift
    models that were fitted, and more rows would fit better ones. Both ask for rows that are independent of each other.

    Measured where nothing drifted, at confidence 0.95, in 300 to 1,000 runs each (standard errors of 0.7 to 1.3
    points; boosting on 200 rows, all together: p < 0.05 in 5.0 % of 3,200 runs):

    ======== ============= ========================= ======== ========= ==========
    model    rows per side columns                   p < 0.05 p < 0.01  0.5 inside
    ======== ============= ========================= ======== ========= ==========
    boosting            10 6 of noise                   1.2 %     0.3 %     97.5 %
    boosting            50 6 of noise                   2.5 %     0.7 %     93.9 %
    boosting           200 6 of noise                   6.3 %     1.1 %     94.1 %
    boosting           200 1 of two levels              3.6 %     0.4 %     95.8 %
    boosting           200 8 dependent, some missing    3.8 %     1.2 %     94.5 %
    boosting           200 6, every row twice           6.5 %     0.5 %     92.7 %
    boosting         1,000 3 of 30 levels               5.0 %     2.0 %     93.0 %
    boosting         2,000 6 of noise                   5.0 %     1.0 %     93.5 %
    forest             200 6 of noise                   6.3 %     1.3 %     94.0 %
    ======== ============= ========================= ======== ========= ==========

    Args:
        pairs: The model's input features.
        settings: Which drift model, the confidence, and whether importances are asked for without drift.
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
    here, there, twins = _in_order_without_twins(informative)
    if min(len(here), len(there)) < FEWEST_ROWS:
        return _nothing(
            f"the drift model needs {FEWEST_ROWS} rows on each side; without the rows that are in the reference and in "
            f"the current data, {len(here):,} of the reference are left and {len(there):,} of the current data",
            unusable,
            twins,
        )
    with one_thread():
        return _told_apart(informative, (here, there), settings, seed, unusable, twins)


def _in_order_without_twins(pairs: Sequence[ColumnPair]) -> tuple[Floats, Floats, int]:
    """Rows of the reference and current rows, shape (rows, columns), in canonical order; and how many are left out."""
    here, there = [pair.reference for pair in pairs], [pair.current for pair in pairs]
    keys = row_keys(here), row_keys(there)
    left_out = find_twins(*keys)
    kept = (canonical_order(side)[~twins[canonical_order(side)]] for side, twins in zip(keys, left_out, strict=True))
    of_reference, of_current = (
        np.column_stack([column[rows] for column in side]) for side, rows in zip((here, there), kept, strict=True)
    )
    return of_reference, of_current, int(left_out[1].sum())


def _told_apart(
    pairs: Sequence[ColumnPair],
    sides: tuple[Floats, Floats],
    settings: Drift,
    seed: int,
    unusable: dict[str, str],
    twins: int,
) -> GlobalDrift:
    rows, is_current = _balanced(sides, seed)
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
    accuracy, lower, upper = wilson(int(correct.sum()), correct.size, settings.confidence)
    values = {
        "data_drift": accuracy,
        "data_drift_lower": lower,
        "data_drift_upper": upper,
        "data_drift_p_value": p_value,
        "data_drift_auc": float(np.mean(areas)),
        "data_drift_score": transformed_score(accuracy),
    }
    interval = {"data_drift": (lower, upper)}
    measurements = tuple(
        Measurement(name, values[name], *interval.get(name, (None, None)), correct.size)
        for name in names_under("data_drift")
    )
    importances: dict[str, float] = {}
    if settings.importances or p_value < SIGNIFICANCE:
        model, held_out = fitted[-1]
        importances = _importances(model, rows[held_out], is_current[held_out], pairs, seed)
    return GlobalDrift(measurements, importances, is_current.size // 2, unusable, twins)


def transformed_score(accuracy: float) -> float:
    """The plugin's scale: exp(1 - 1 / accuracy^2.5), 0.01 at chance, 1 when the sides are always told apart.

    >>> round(transformed_score(0.5), 3), transformed_score(1.0)
    (0.009, 1.0)
    """
    # Below a tenth the exponent would leave floating point; the score is 0 to fifty digits there.
    return exp(1 - 1 / accuracy**2.5) if accuracy > 0.1 else 0.0


def _nothing(reason: str, unusable: dict[str, str], twins: int = 0) -> GlobalDrift:
    names = names_under("data_drift")
    return GlobalDrift(tuple(Measurement(name, None, reason=reason) for name in names), unusable=unusable, twins=twins)


def _balanced(sides: tuple[Floats, Floats], seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Equally many rows of both sides, shape (2 * rows, columns), reference first; and which are current."""
    random = np.random.default_rng(seed)
    size = min(map(len, sides))
    chosen = [
        side if len(side) == size else side[np.sort(random.choice(len(side), size, replace=False))] for side in sides
    ]
    rows: Floats = np.concatenate(chosen)
    rows[np.isinf(rows)] = np.nan
    # A power of two changes no digit, and keeps columns of scale 1e300 in the range of sums and squares.
    largest = np.nanmax(np.abs(np.where(np.isnan(rows), 0.0, rows)), axis=0)
    return np.ldexp(rows, -np.frexp(largest)[1]), np.arange(2 * size) >= size


def _p_value(correct: int, rows: int) -> float:
    """Of the one-sided exact binomial test of accuracy <= 0.5."""
    from scipy.special import bdtrc

    return float(bdtrc(correct - 1, rows, 0.5)) if correct > 0 else 1.0


def _importances(
    model: Classifier, rows: Floats, is_current: NDArray[np.bool_], pairs: Sequence[ColumnPair], seed: int
) -> dict[str, float]:
    """Permutation importance on rows the model has not seen: the loss of ROC AUC, as a share of all losses."""
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
    shares = losses / total if total > 0 else losses
    return {pair.name: float(share) for pair, share in zip(pairs, shares, strict=True)}
