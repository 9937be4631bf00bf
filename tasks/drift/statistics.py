"""Distances and tests between two samples of one column. NumPy; SciPy for the tails of two distributions.

A statistic that is not defined on what it is given raises ``ValueError`` with the reason.
"""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace
from math import exp, lgamma
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import Floats

Counts = NDArray[np.int64]

QUANTILE_BINS = 10

FEWEST_EXPECTED, USUALLY_EXPECTED, SCARCE_SHARE = 1.0, 5.0, 0.2
"""Cochran's rule for the chi² test: no cell of which fewer than 1 row is expected, and fewer than 5 in 20 % at most."""


class CumulativeGap(NamedTuple):
    """Two empirical distribution functions, side by side: everything KS and Wasserstein need, in one pass.

    Args:
        values: Shape (n + m,), both samples together, sorted.
        gap: Shape (n + m,), F_reference - F_current at each value.
    """

    values: Floats
    gap: Floats


def cumulative_gap(reference: Floats, current: Floats) -> CumulativeGap:
    """Compare the empirical distribution functions of two sorted samples.

    Args:
        reference: Shape (n,), sorted, no NaN, at least one value.
        current: Shape (m,), likewise.

    >>> cumulative_gap(np.array([0.0, 1.0]), np.array([1.0, 2.0])).gap.tolist()
    [0.5, 0.5, 0.5, 0.0]
    """
    values = np.concatenate([reference, current])
    values.sort(kind="stable")  # two sorted runs: merged in linear time
    of_reference = np.searchsorted(reference, values, side="right") / reference.size
    of_current = np.searchsorted(current, values, side="right") / current.size
    return CumulativeGap(values, of_reference - of_current)


def ks_p_value(gap: CumulativeGap, reference_rows: int, current_rows: int) -> float:
    """p-value of the two-sample Kolmogorov–Smirnov test, two-sided; small when the samples differ.

    The distribution of the one-sample statistic at the effective number of rows, as ``scipy.stats.ks_2samp`` with
    ``method="asymp"``, but never below the exact p-value of two samples that do not overlap, 2 / C(n + m, n), which is
    what few rows can prove at most. Conservative when there are ties.

    Source: J. L. Hodges, The significance probability of the Smirnov two-sample test (1958).

    >>> same = np.arange(100.0)
    >>> ks_p_value(cumulative_gap(same, same), 100, 100)
    1.0
    """
    from scipy.stats import kstwo

    effective = reference_rows * current_rows / (reference_rows + current_rows)
    statistic = float(np.max(np.abs(gap.gap)))
    rows = reference_rows + current_rows
    splits = lgamma(rows + 1) - lgamma(reference_rows + 1) - lgamma(current_rows + 1)
    smallest = min(1.0, 2 * exp(-splits)) if statistic > 0 else 0.0
    return float(np.clip(kstwo.sf(statistic, max(1, round(effective))), smallest, 1.0))


def wasserstein(gap: CumulativeGap, reference: Floats) -> float:
    """First Wasserstein distance in standard deviations of the reference (population, no floor).

    What it means: by how many standard deviations a value must be moved on average to turn one sample into the
    other. Invariant to scale, from 1e-300 to 1e300. One huge value in the reference inflates its standard deviation
    and so hides a shift here; KS and PSI see it.

    Returns:
        0 for equal samples, no upper end.

    Raises:
        ValueError: the reference is constant while the current values differ, or a value is infinite.

    >>> ten = np.arange(10.0)
    >>> round(wasserstein(cumulative_gap(ten, ten + 1), ten), 3)
    0.348
    """
    largest = float(np.max(np.abs(gap.values)))
    if not np.isfinite(largest):
        raise ValueError("a value is infinite")
    # A power of two changes no digit, and brings sums and squares back into range.
    exponent = -int(np.frexp(largest)[1])
    distance = float(np.sum(np.abs(gap.gap[:-1]) * np.diff(np.ldexp(gap.values, exponent))))
    if distance == 0:
        return 0.0
    deviation = 0.0 if reference[0] == reference[-1] else float(np.std(np.ldexp(reference, exponent)))
    if deviation == 0:
        raise ValueError("the reference is constant, so that there is no standard deviation to measure in")
    return distance / deviation


def chi2_p_value(reference: Counts, current: Counts) -> float:
    """p-value of the chi² test of homogeneity on a table of two samples; small when the samples differ.

    Both samples count as samples. Without Yates' correction; equal to ``scipy.stats.chi2_contingency`` where
    Cochran's rule holds: an expectation of at least 1 in every cell, and of at least 5 in 80 % of them, asked here of
    the cells of the smaller side, which is stricter. Until it holds, the two rarest levels are put together, again
    and again. That looks at the margins only and so keeps the test honest: without it, ten thousand levels alarm by
    themselves. Two levels that are left and break the rule get Fisher's exact test, which is conservative.

    Args:
        reference: Shape (levels,), rows per level.
        current: Shape (levels,), in the same order.

    Raises:
        ValueError: a side has no rows.

    Source: W. G. Cochran, Some methods for strengthening the common chi² tests (1954).

    >>> chi2_p_value(np.array([10, 20]), np.array([10, 20]))
    1.0
    >>> round(chi2_p_value(np.array([50_000, 0]), np.array([99, 1])), 4)
    0.002
    """
    from scipy.special import chdtrc
    from scipy.stats import fisher_exact

    table = np.stack([reference, current])
    sides = table.sum(axis=1)
    if sides.min() == 0:
        raise ValueError("a side has no rows")
    table = _enough_expected(table[:, table.sum(axis=0) > 0])
    if table.shape[1] < 2:
        return 1.0
    expected = sides[:, None] * table.sum(axis=0) / sides.sum()
    if table.shape[1] == 2 and expected.min() < USUALLY_EXPECTED:
        return float(fisher_exact(table).pvalue)
    return float(chdtrc(table.shape[1] - 1, float(np.sum((table - expected) ** 2 / expected))))


def _enough_expected(table: Counts) -> Counts:
    """The table with its rarest levels put together until Cochran's rule holds, or two are left."""
    sides = table.sum(axis=1)
    expected = table.sum(axis=0) * (int(sides.min()) / int(sides.sum()))
    group = np.arange(expected.size)  # of each level: the level into which it is merged
    rarest = [(float(rows), level) for level, rows in enumerate(expected)]
    heapify(rarest)
    scarce = int(np.count_nonzero(expected < USUALLY_EXPECTED))
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


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index of two histograms over the same bins.

    Sum of (c - r) ln(c / r) over bins. An empty bin counts as half a row of its side, so that the index is finite.

    Args:
        reference: Shape (bins,), rows per bin.
        current: Shape (bins,), likewise.

    Returns:
        0 for equal shares; moderate from 0.1, strong from 0.25.

    Raises:
        ValueError: a side has no rows.

    Source: N. Siddiqi, Credit Risk Scorecards (2006).

    >>> round(psi(np.array([50, 50]), np.array([75, 25])), 4)
    0.2747
    """
    used = (reference > 0) | (current > 0)
    of_reference, of_current = (_shares(np.maximum(side[used], 0.5), side) for side in (reference, current))
    return float(np.sum((of_current - of_reference) * np.log(of_current / of_reference)))


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Jensen–Shannon distance of two histograms over the same bins: root of the divergence to base 2.

    Returns:
        0 for equal shares, 1 when no bin is shared.

    Raises:
        ValueError: a side has no rows.

    Source: J. Lin, Divergence measures based on the Shannon entropy (1991).

    >>> jensen_shannon(np.array([5, 0]), np.array([0, 9]))
    1.0
    """
    of_reference, of_current = _shares(reference, reference), _shares(current, current)
    middle = (of_reference + of_current) / 2
    divergence = 0.0
    for side in (of_reference, of_current):
        present = side > 0
        divergence += float(np.sum(side[present] * np.log2(side[present] / middle[present]))) / 2
    return float(np.sqrt(min(1.0, max(0.0, divergence))))


def _shares(counts: NDArray[np.float64] | Counts, of: Counts) -> Floats:
    total = int(of.sum())
    if total == 0:
        raise ValueError("a side has no rows")
    return counts / total


def quantile_edges(reference: Floats, bins: int = QUANTILE_BINS) -> Floats:
    """Inner edges of bins that hold equally many rows of the reference; a value with many rows gets its own bin.

    Bins are open to the left and closed to the right; the first and the last reach to infinity. Edges are observed
    values, so no arithmetic can round or overflow. Where several quantiles fall on one value, an edge just below it
    keeps it apart from what is smaller.

    Args:
        reference: Shape (n,), sorted, no NaN, at least one value.
        bins: At least 2.

    Returns:
        Shape (at most ``2 * (bins - 1)``,), strictly increasing.

    >>> quantile_edges(np.arange(1.0, 101.0)).tolist()
    [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]
    >>> len(quantile_edges(np.array([0.0] * 95 + [1.0] * 5)))
    2
    """
    ranks = np.ceil(np.arange(1, bins) * reference.size / bins).astype(np.int64) - 1
    values, repeated = np.unique(reference[ranks], return_counts=True)
    return np.unique(np.concatenate([values, np.nextafter(values[repeated > 1], -np.inf)]))


def counts_between(values: Floats, edges: Floats) -> Counts:
    """Rows per bin of :func:`quantile_edges`, of sorted values.

    >>> counts_between(np.array([1.0, 2.0, 3.0]), np.array([2.0])).tolist()
    [2, 1]
    """
    ends = np.searchsorted(values, edges, side="right")
    return np.diff(np.concatenate([[0], ends, [values.size]])).astype(np.int64)


def benjamini_hochberg(p_values: Floats) -> Floats:
    """p-values corrected for their number: rejecting below q keeps the share of false alarms below q.

    Args:
        p_values: Shape (tests,), 0 to 1.

    Returns:
        Shape (tests,), in the same order, never below the given ones.

    Source: Y. Benjamini, Y. Hochberg, JRSS B 57 (1995).

    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    order = np.argsort(p_values)[::-1]
    scaled = p_values[order] * p_values.size / np.arange(p_values.size, 0, -1)
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(1.0, np.minimum.accumulate(scaled))
    return corrected
