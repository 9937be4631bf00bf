"""Tests of counted levels: whether two samples come from one distribution."""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace
from typing import NamedTuple

import numpy as np

from tasks.drift.scores import share_p_value
from tasks.drift.statistics import Counts

FEWEST_EXPECTED, USUALLY_EXPECTED, SCARCE_SHARE = 1.0, 5.0, 0.2
"""Cochran's rule for the chi² test: no cell of which fewer than 1 row is expected, and fewer than 5 in 20 % at most."""


class Homogeneity(NamedTuple):
    """What the chi² test of two samples says.

    Args:
        p_value: Small when the samples differ.
        cramers_v: Size of the effect: root of chi² per row; 0 to 1.
    """

    p_value: float
    cramers_v: float


def homogeneity(reference: Counts, current: Counts) -> Homogeneity:
    """The chi² test of homogeneity on a table of two samples, and how large the difference is.

    Both samples count as samples. Without Yates' correction; equal to ``scipy.stats.chi2_contingency`` and
    ``scipy.stats.contingency.association`` where Cochran's rule holds: an expectation of at least 1 in every cell, and
    of at least 5 in 80 % of them, asked here of the cells of the smaller side, which is stricter. Until it holds, the
    two rarest levels are put together, again and again. That looks at the margins only and so keeps the test honest:
    without it, ten thousand levels alarm by themselves. Two levels that are left and break the rule get Fisher's exact
    test, which is conservative.

    Args:
        reference: Shape (levels,), rows per level.
        current: Shape (levels,), in the same order.

    Raises:
        ValueError: a side has no rows.

    Source: W. G. Cochran, Some methods for strengthening the common chi² tests (1954).

    >>> homogeneity(np.array([10, 20]), np.array([10, 20]))
    Homogeneity(p_value=1.0, cramers_v=0.0)
    >>> round(homogeneity(np.array([50_000, 0]), np.array([99, 1])).p_value, 4)
    0.002
    """
    from scipy.special import chdtrc

    table = np.stack([reference, current])
    sides = table.sum(axis=1)
    if sides.min() == 0:
        raise ValueError("a side has no rows")
    table = _enough_expected(table[:, table.sum(axis=0) > 0])
    if table.shape[1] < 2:
        return Homogeneity(1.0, 0.0)
    expected = sides[:, None] * table.sum(axis=0) / sides.sum()
    # chi² in the order of size, so that it can't depend on the order of the levels
    statistic = float(np.sum(np.sort((table - expected) ** 2 / expected, axis=None)))
    effect = min(1.0, float(np.sqrt(statistic / sides.sum())))
    if table.shape[1] == 2 and expected.min() < USUALLY_EXPECTED:
        return Homogeneity(float(share_p_value(*table[0], *table[1])), effect)
    return Homogeneity(float(chdtrc(table.shape[1] - 1, statistic)), effect)


def chi2_p_value(reference: Counts, current: Counts) -> float:
    """p-value of :func:`homogeneity`.

    >>> chi2_p_value(np.array([10, 20]), np.array([10, 20]))
    1.0
    """
    return homogeneity(reference, current).p_value


def _enough_expected(table: Counts) -> Counts:
    """The table with its rarest levels put together until Cochran's rule holds, or two are left."""
    sides = table.sum(axis=1)
    expected = table.sum(axis=0) * (int(sides.min()) / int(sides.sum()))
    scarce = int(np.count_nonzero(expected < USUALLY_EXPECTED))
    if expected.size <= 2 or (expected.min() >= FEWEST_EXPECTED and scarce <= SCARCE_SHARE * expected.size):
        return table
    group = np.arange(expected.size)  # of each level: the level into which it is merged
    rarest = [(float(rows), level) for level, rows in enumerate(expected)]
    heapify(rarest)
    merges: list[tuple[int, int]] = []
    while len(rarest) > 2 and (rarest[0][0] < FEWEST_EXPECTED or scarce > SCARCE_SHARE * len(rarest)):
        first, from_level = heappop(rarest)
        second, to_level = rarest[0]
        heapreplace(rarest, (first + second, to_level))
        scarce -= (first < USUALLY_EXPECTED) + (second < USUALLY_EXPECTED) - (first + second < USUALLY_EXPECTED)
        merges.append((from_level, to_level))
    for from_level, to_level in reversed(merges):
        group[from_level] = group[to_level]
    kept, position = np.unique(group, return_inverse=True)
    return np.stack([np.bincount(position, weights=side, minlength=kept.size) for side in table]).astype(np.int64)
