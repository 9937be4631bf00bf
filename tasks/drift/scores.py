"""How surprising a column is, as one number: the same for a real comparison and for the resampled ones of the null.

A column is tested in several ways, because drift has several faces: the distribution of its values, the share that is
missing, values beyond everything the reference has, levels that nobody knew. Each way gives a p-value that holds by
itself; the score is -log10 of the smallest one after each was divided by its weight. The weights sum to 1, so that
10**-score is already a valid, if conservative, p-value of the whole column (Bonferroni). ``tasks/drift/null.py`` makes
it exact. The tests of few, coarse values have small weights, because such a test jumps: what it could say at one
number of rows it can't say at the next, and a calibration between two sizes would be off by as much as it weighs.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from tasks.metrics.intervals import Floats

Counts = NDArray[np.int64]

OF_VALUES, OF_MISSING, OF_EACH_END, OF_NEW_LEVELS = 0.70, 0.20, 0.05, 0.10
"""Weights of the tests: 0.70 + 0.20 + two ends of 0.05, or 0.70 + 0.20 + 0.10."""

MOST_CELLS: Final = 256
FEWEST_EXPECTED: Final = 5.0
"""Of the chi² test: cells at most, and rows of the smaller side that a cell must be expected to hold."""

EXACT_BELOW: Final = 25.0
"""Expected rows in the smallest cell of a table of two by two, below which Fisher's exact test replaces chi²."""

SMALLEST_P: Final = 1e-300


def score_of_ordered(
    ks_statistic: ArrayLike,
    reference_present: ArrayLike,
    current_present: ArrayLike,
    reference_missing: ArrayLike,
    current_missing: ArrayLike,
    below: ArrayLike,
    above: ArrayLike,
) -> Floats:
    """Score of numbers, dates, or lengths of texts. Every argument may be an array of draws.

    Args:
        ks_statistic: Largest distance of the two distribution functions of the values that are present, 0 to 1;
            ignored where a side has none.
        reference_present: Values of the reference that are not missing.
        current_present: Likewise of the current data.
        reference_missing: Missing values of the reference.
        current_missing: Likewise; all draws of one call have the same rows and the same missing values on both sides
            together.
        below: Current values below the smallest of the reference.
        above: Current values above the largest of the reference.

    Returns:
        0 (nothing surprising) to 300, in the shape of the arguments; 10**-score is a valid p-value of the column.

    Source: M. A. Stephens, Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics, JRSS B 32 (1970).

    >>> float(score_of_ordered(0.0, 1_000, 100, 0, 0, 0, 0))
    0.0
    >>> float(score_of_ordered(0.3, 1_000, 100, 0, 0, 0, 0).round(2))
    6.85
    """
    from scipy.special import kolmogorov

    here, there = np.asarray(reference_present, dtype=np.float64), np.asarray(current_present, dtype=np.float64)
    both_present = (here > 0) & (there > 0)
    root = np.sqrt(here * there / np.maximum(1.0, here + there))
    stretched = np.asarray(ks_statistic) * (root + 0.12 + 0.11 / np.maximum(root, 0.1))
    of_values = np.where(both_present, kolmogorov(np.where(both_present, stretched, 0.0)), 1.0)
    of_missing = share_p_value(reference_missing, reference_present, current_missing, current_present)
    ends = (end_p_value(beyond, here, there) for beyond in (below, above))
    return _score((of_values, OF_VALUES), (of_missing, OF_MISSING), *((end, OF_EACH_END) for end in ends))


def score_of_levels(
    reference_counts: Counts,
    current_counts: Counts,
    reference_missing: int,
    current_missing: int,
    new_rows: int,
    reference_rows: int,
    reference_singletons: int,
    uncounted: int = 0,
) -> float:
    """Score of a categorical column; one comparison.

    Args:
        reference_counts: Shape (levels,), rows per level, of every level that either side has: those that the
            reference doesn't have are 0 here. In an order that depends neither on the rows nor on the sides
            (:func:`tasks.drift.contingency.neutral_order`): it decides between levels of equal frequency.
        current_counts: Shape (levels,), in the same order.
        reference_missing: Rows of the reference without a value.
        current_missing: Likewise of the current data.
        new_rows: Current rows whose level neither the reference nor training had.
        reference_rows: Rows of the reference that have a value.
        reference_singletons: Levels that the reference has exactly once.
        uncounted: Those of ``new_rows`` that ``current_counts`` lacks, because there were too many new levels to count
            them one by one. Where there are any, nothing but the number of new rows is tested, and missing values.

    Returns:
        0 (nothing surprising) to 300; 10**-score is a valid p-value of the column.

    >>> same = np.array([500, 500])
    >>> score_of_levels(same, same // 10, 0, 0, 0, 1_000, 0)
    0.0
    >>> round(score_of_levels(same, np.array([20, 80]), 0, 0, 0, 1_000, 0), 2)
    7.84
    """
    reference_counts, current_counts = np.asarray(reference_counts), np.asarray(current_counts)
    sides = int(reference_counts.sum()), int(current_counts.sum())
    cells = cells_of_levels(reference_counts + current_counts, min(sides))
    size = int(cells.max()) + 1 if cells.size else 0
    here, there = (
        np.bincount(cells, weights=side, minlength=size).astype(np.int64) for side in (reference_counts, current_counts)
    )
    if uncounted > 0:
        # Of the rare levels only those of the reference would be looked at, and would seem to have lost rows.
        here, there = np.array([sides[0]]), np.array([sides[1] + uncounted])
    twice = int(np.count_nonzero(reference_counts == 2))
    missing = reference_missing, current_missing
    return float(score_of_cells(here, there, *missing, new_rows, reference_rows, reference_singletons, twice))


def cells_of_levels(counts: Counts, smaller_side: int, most: int = MOST_CELLS) -> Counts:
    """In which cell of the chi² test a level is counted.

    From the most frequent level to the rarest, a level gets a cell of its own while enough rows are expected in it;
    then levels of like frequency share cells. That looks at both sides together only, as it must: the levels that are
    the most frequent ones of the reference alone owe some of it to chance, and would seem to lose rows in any other
    sample.

    Args:
        counts: Shape (levels,), rows of both sides together.
        smaller_side: Rows of the smaller side.
        most: Cells at most; the rarest levels share the last one.

    Returns:
        Shape (levels,), cells 0, 1, … of each level.

    >>> cells_of_levels(np.array([100, 3, 900, 4, 3]), 500).tolist()
    [1, 1, 0, 1, 1]
    >>> cells_of_levels(np.array([100, 30, 900, 40, 30]), 500).tolist()
    [1, 3, 0, 2, 4]
    """
    cells: Counts = np.zeros(counts.size, dtype=np.int64)
    total = int(counts.sum())
    if total == 0:
        return cells
    order = np.argsort(-counts, kind="stable")
    expected = counts[order] * (smaller_side / total)
    left = np.cumsum(expected[::-1])[::-1]  # from this level on
    cell, held = 0, 0.0
    for level, rows, still in zip(order.tolist(), expected.tolist(), left.tolist(), strict=True):
        if held >= FEWEST_EXPECTED and still >= FEWEST_EXPECTED and cell < most - 1:
            cell, held = cell + 1, 0.0
        cells[level] = cell
        held += rows
    return cells


def score_of_cells(
    reference_cells: Counts,
    current_cells: Counts,
    reference_missing: ArrayLike,
    current_missing: ArrayLike,
    new_rows: ArrayLike,
    reference_rows: ArrayLike,
    reference_singletons: ArrayLike,
    reference_doubletons: ArrayLike,
) -> Floats:
    """Score of a categorical column whose levels were put into cells; see :func:`score_of_levels`.

    Args:
        reference_cells: Shape (..., cells), rows of the reference per cell; any number of draws before the last axis.
        current_cells: Shape (..., cells), likewise.
        reference_missing: Shape (...), as the rest.
        current_missing: All draws of one call have the same missing values on both sides together.
        new_rows: Current rows whose level is new.
        reference_rows: Rows of the reference that have a value.
        reference_singletons: Levels that the reference has exactly once.
        reference_doubletons: Levels that the reference has exactly twice.

    Returns:
        Shape (...).
    """
    here, there = reference_cells.sum(axis=-1), current_cells.sum(axis=-1)
    if reference_cells.shape[-1] == 2:
        # Two cells are one share, and of a share the exact p-value is known however few rows there are.
        of_values = share_p_value(
            reference_cells[..., 0], reference_cells[..., 1], current_cells[..., 0], current_cells[..., 1]
        )
    else:
        of_values = homogeneity_p_value(reference_cells, current_cells)
    of_missing = share_p_value(reference_missing, here, current_missing, there)
    of_new = new_level_p_value(new_rows, there, reference_rows, reference_singletons, reference_doubletons)
    return _score((of_values, OF_VALUES), (of_missing, OF_MISSING), (of_new, OF_NEW_LEVELS))


def homogeneity_p_value(reference_cells: Counts, current_cells: Counts) -> Floats:
    """p-value of the chi² test that two rows of counts come from one distribution, for any number of draws.

    Args:
        reference_cells: Shape (..., cells).
        current_cells: Shape (..., cells).

    Returns:
        Shape (...); 1 where a side is empty or fewer than two cells are used.

    >>> homogeneity_p_value(np.array([[10, 20, 30]]), np.array([[10, 20, 30]])).tolist()
    [1.0]
    """
    from scipy.special import chdtrc

    statistic, freedom = chi2_of_cells(reference_cells, current_cells)
    p_value: Floats = np.where(freedom > 0, chdtrc(np.maximum(1, freedom), statistic), 1.0)
    return p_value


def chi2_of_cells(reference_cells: Counts, current_cells: Counts) -> tuple[Floats, Counts]:
    """chi² of two rows of counts and its degrees of freedom, both of shape (...); 0 where there is nothing to test.

    >>> chi2_of_cells(np.array([20, 20]), np.array([20, 20]))[0].tolist()
    0.0
    """
    here, there = reference_cells.sum(axis=-1), current_cells.sum(axis=-1)
    together = (reference_cells + current_cells).astype(np.float64)
    total = here + there
    share = there / np.maximum(1, total)
    difference = current_cells - together * share[..., None]
    used = together > 0
    squares = np.sum(np.where(used, difference**2 / np.where(used, together, 1.0), 0.0), axis=-1)
    freedom = np.where((here > 0) & (there > 0), np.maximum(0, used.sum(axis=-1) - 1), 0)
    return squares / np.where(freedom > 0, share * (1 - share), 1.0), freedom


def share_p_value(
    reference_hits: ArrayLike, reference_others: ArrayLike, current_hits: ArrayLike, current_others: ArrayLike
) -> Floats:
    """Two-sided p-value that two shares are the same: Fisher's exact test where a cell is scarce, else chi².

    Args:
        reference_hits: Rows of the reference of which the share is, e.g. those that are missing.
        reference_others: The other rows of the reference.
        current_hits: Likewise; integers as all of them; may be an array of draws, which all have the
            same hits and the same others on both sides together.
        current_others: Likewise.

    Returns:
        0 to 1, in the shape of the arguments; equal to ``scipy.stats.fisher_exact`` where it is exact.

    >>> round(float(share_p_value(0, 10_000, 1, 99)), 4)
    0.0099
    """
    here_hits, here_others, hits, others = np.broadcast_arrays(
        reference_hits, reference_others, current_hits, current_others
    )
    p_values = np.ones(hits.shape)
    if hits.size == 0:
        return p_values
    all_hits, all_others = int((here_hits + hits).flat[0]), int((here_others + others).flat[0])
    if min(all_hits, all_others) == 0:
        return p_values
    current, rows = hits + others, all_hits + all_others
    smaller = np.minimum(current, rows - current)
    scarce = smaller * (min(all_hits, all_others) / rows) < EXACT_BELOW
    p_values = np.where(scarce, 1.0, _chi2_of_share(hits, current, all_hits / rows, rows))
    for size in np.unique(current[scarce & (smaller > 0)]).tolist():
        lowest = max(0, size - all_others)
        chosen = scarce & (current == size)
        p_values[chosen] = _fisher(all_hits, all_others, size, lowest)[hits[chosen] - lowest]
    return p_values


def _chi2_of_share(hits: Counts, current: Counts, share: float, rows: int) -> Floats:
    from scipy.special import chdtrc

    variance = current * (1 - current / rows) * share * (1 - share)
    p_value: Floats = chdtrc(1.0, (hits - current * share) ** 2 / np.where(variance > 0, variance, 1.0))
    return p_value


def _fisher(all_hits: int, all_others: int, current: int, lowest: int) -> Floats:
    """Two-sided p-value of every number of hits that the current data can have, from the lowest on."""
    from scipy.special import gammaln

    possible = np.arange(lowest, min(all_hits, current) + 1, dtype=np.float64)
    ways = -(
        gammaln(possible + 1)
        + gammaln(all_hits - possible + 1)
        + gammaln(current - possible + 1)
        + gammaln(all_others - current + possible + 1)
    )
    chances = np.exp(ways - ways.max())
    chances /= chances.sum()
    order = np.sort(chances)
    # equally likely tables count as equally extreme, whatever the last digits say
    p_values: Floats = np.cumsum(order)[np.searchsorted(order, chances * (1 + 1e-7), side="right") - 1]
    return np.minimum(1.0, p_values)


def end_p_value(beyond: ArrayLike, reference_values: ArrayLike, current_values: ArrayLike) -> Floats:
    """Probability that at least so many new values lie beyond all old ones at one end, whatever the distribution.

    Args:
        beyond: New values that do, 0 to ``current_values``.
        reference_values: Old values.
        current_values: New values.

    Returns:
        1 for none; smaller the more there are. Conservative where values are tied.

    >>> end_p_value([0, 1, 2], 90, 10).round(4).tolist()
    [1.0, 0.1, 0.0091]
    """
    from scipy.special import gammaln

    beyond, here, there = (np.asarray(v, dtype=np.float64) for v in (beyond, reference_values, current_values))
    log_ways = gammaln(there + 1) - gammaln(there - beyond + 1)
    log_all = gammaln(here + there + 1) - gammaln(here + there - beyond + 1)
    p_value: Floats = np.where((beyond > 0) & (here > 0), np.exp(log_ways - log_all), 1.0)
    return p_value


def new_level_p_value(
    new_rows: ArrayLike,
    current_rows: ArrayLike,
    reference_rows: ArrayLike,
    reference_singletons: ArrayLike,
    reference_doubletons: ArrayLike,
) -> Floats:
    """Probability of at least so many rows of levels that the reference doesn't have.

    What N rows have not seen has about the share f1 / N, where f1 levels were seen once (Good and Turing); the error
    of that has the variance (f1 + 2 f2) / N², where f2 levels were seen twice: a level that was missed by chance may
    come in many rows at a time. The share is taken as a gamma variable of that mean and variance, which makes the
    number of new rows negative binomial. One event is added to both, so that nothing is impossible.

    Args:
        new_rows: Current rows of new levels.
        current_rows: Current rows that have a value.
        reference_rows: Rows of the reference that have a value.
        reference_singletons: Levels that the reference has exactly once.
        reference_doubletons: Levels that the reference has exactly twice.

    Returns:
        1 for none; smaller the more there are.

    Source: I. J. Good, The population frequencies of species, Biometrika 40 (1953); W. W. Esty, A normal limit law
    for a nonparametric estimator of the coverage of a random sample, Annals of Statistics 11 (1983).

    >>> new_level_p_value([0, 1, 2], 10, 90, 0, 0).round(4).tolist()
    [1.0, 0.1, 0.01]
    """
    from scipy.special import betainc

    new, there, here, once, twice = (
        np.asarray(v, dtype=np.float64)
        for v in (new_rows, current_rows, reference_rows, reference_singletons, reference_doubletons)
    )
    certainty = (once + 1.0) / (once + 2.0 * twice + 1.0)
    share = there / np.maximum(1.0, here * certainty + there)
    tail = betainc(np.maximum(1.0, new), (once + 1.0) * certainty, share)
    p_value: Floats = np.where((new > 0) & (here > 0), tail, 1.0)
    return p_value


def _score(*tests: tuple[Floats, float]) -> Floats:
    smallest: Floats = reduce(np.minimum, [np.asarray(p_value) / weight for p_value, weight in tests])
    score: Floats = -np.log10(np.clip(smallest, SMALLEST_P, 1.0)) + 0.0
    return score
