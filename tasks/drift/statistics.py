"""Distances and tests between two samples of one column. NumPy; SciPy's special functions for tails.

A statistic that is not defined on what it is given raises ``ValueError`` with the reason.
"""

from __future__ import annotations

from math import exp, isfinite, lgamma
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.drift.kolmogorov import kolmogorov_p_value
from tasks.metrics.intervals import Floats

Counts = NDArray[np.int64]

QUANTILE_BINS = 10

MODERATE = 300
"""Powers of two whose sums and squares stay within floating point."""


class Gap(NamedTuple):
    """How far two samples are apart.

    Args:
        ks: Greatest distance of the two empirical distribution functions: 0 for equal samples, 1 for samples that do not
            overlap.
        area: Area between them, which is the first Wasserstein distance in the unit of the values; NaN when a value
            is infinite.
    """

    ks: float
    area: float


def gap_between(reference: Floats, current: Floats, sums: Floats | None = None, doublings: int = 0) -> Gap:
    """Compare two sorted samples, in time that grows with the smaller one but for a sum over the larger one.

    Args:
        reference: Shape (n,), sorted, no NaN, at least one value.
        current: Shape (m,), likewise.
        sums: :func:`prefix_sums` of the reference, where they are known already.
        doublings: Powers of two by which the area is scaled, so that sums of huge or tiny values stay in range; of
            :func:`scale_of`. The order of the values is looked at before: beside a huge one, small ones become 0.

    >>> gap_between(np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    Gap(ks=0.5, area=1.0)
    """
    many, few = (reference, current) if reference.size >= current.size else (current, reference)
    until = np.searchsorted(many, few, side="right")
    before = until
    tied = np.flatnonzero(many[np.maximum(until, 1) - 1] == few)
    if tied.size:
        before = until.copy()
        before[tied] = np.searchsorted(many, few[tied], side="left")
    ranks = np.arange(few.size + 1) / few.size
    # The distance changes direction at values of the smaller side only: just before one, or at it.
    at, ahead = until / many.size - ranks[1:], before / many.size - ranks[:-1]
    differs = few[1:] != few[:-1]
    if not differs.all():  # of equal values the first counts before, and the last at it
        at, ahead = at[np.append(differs, True)], ahead[np.insert(differs, 0, True)]
    ks = float(max(at.max(), -at.min(), ahead.max(), -ahead.min()))
    if not all(map(isfinite, (many[0], many[-1], few[0], few[-1]))):
        return Gap(ks, np.nan)
    if doublings or sums is None or many is not reference:
        many, few = np.ldexp(many, doublings), np.ldexp(few, doublings)
        sums = prefix_sums(many)
    return Gap(ks, _area(many, few, until, ranks, sums))


def prefix_sums(values: Floats) -> Floats:
    """Sums of the first k sorted values, counted from the middle one so that nothing is lost far from 0.

    >>> prefix_sums(np.array([1.0, 2.0, 4.0])).tolist()
    [0.0, -1.0, -1.0, 1.0]
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return np.concatenate([[0.0], np.cumsum(values - values[values.size // 2])])


def _area(many: Floats, few: Floats, until: Counts, ranks: Floats, sums: Floats) -> float:
    """Area between two distribution functions.

    Between two neighbouring values of the smaller side its function is level, and the other one crosses that level at
    one of its quantiles at most; the area under the other one is a difference of prefix sums (integration by parts).
    """
    middle = many[many.size // 2]
    few = few - middle
    first, last = min(many[0] - middle, few[0]), max(many[-1] - middle, few[-1])
    ends = np.concatenate([[first], few, [last]])
    below = np.concatenate([[0], until, [many.size]])
    low, high = ends[:-1], ends[1:]
    rank = np.clip(np.ceil(ranks * many.size).astype(np.int64), 1, many.size)
    crossing = np.clip(many[rank - 1] - middle, low, high)
    # Values at the crossing itself add nothing, so that it does not matter how many of them are below it.
    below_crossing = np.clip(rank, below[:-1], below[1:])
    to_ends = (ends * below - sums[below]) / many.size
    to_crossing = (crossing * below_crossing - sums[below_crossing]) / many.size
    under = ranks * (crossing - low) - (to_crossing - to_ends[:-1])
    over = (to_ends[1:] - to_crossing) - ranks * (high - crossing)
    return float(np.sum(np.abs(under)) + np.sum(np.abs(over)))


def ks_p_value(statistic: float, reference_rows: int, current_rows: int) -> float:
    """p-value of the two-sample Kolmogorov–Smirnov test, two-sided; small when the samples differ.

    The distribution of the one-sample statistic at the effective number of rows, as ``scipy.stats.ks_2samp`` with
    ``method="asymp"``, but never below the exact p-value of two samples that do not overlap, 2 / C(n + m, n), which is
    what few rows can prove at most. Conservative when there are ties.

    Source: J. L. Hodges, The significance probability of the Smirnov two-sample test (1958).

    >>> ks_p_value(0.0, 100, 100)
    1.0
    """
    effective = reference_rows * current_rows / (reference_rows + current_rows)
    rows = reference_rows + current_rows
    splits = lgamma(rows + 1) - lgamma(reference_rows + 1) - lgamma(current_rows + 1)
    smallest = min(1.0, 2 * exp(-splits)) if statistic > 0 else 0.0
    return float(np.clip(kolmogorov_p_value(statistic, max(1, round(effective))), smallest, 1.0))


def scale_of(*values: float) -> int:
    """Exponent of the power of two that brings huge or tiny values near 1, which changes no digit; 0 for others.

    Sums and squares of 1e300 and of 1e-300 would leave floating point.

    >>> scale_of(-3.0, 1.0), scale_of(0.0, 1e300)
    (0, -997)
    """
    exponent = -int(np.frexp(max(map(abs, values)))[1])
    return exponent if abs(exponent) > MODERATE else 0


def deviation(reference: Floats) -> float:
    """Standard deviation of sorted values (population); exactly 0 when they are constant, NaN with an infinite one.

    >>> deviation(np.array([0.1, 0.1, 0.1]))
    0.0
    """
    if reference[0] == reference[-1]:
        return 0.0
    # A power of two changes no digit; and far from 0 a mean of the values has fewer digits than they differ by.
    exponent = scale_of(reference[0], reference[-1])
    scaled = np.ldexp(reference, exponent)
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.ldexp(np.std(scaled - scaled[scaled.size // 2]), -exponent))


def wasserstein(area: float, deviation: float, doublings: int = 0) -> float:
    """First Wasserstein distance in standard deviations of the reference (population, no floor).

    What it means: by how many standard deviations a value must be moved on average to turn one sample into the
    other. Invariant to scale, from 1e-300 to 1e300. One huge value in the reference inflates its standard deviation
    and so hides a shift here; KS and PSI see it.

    Args:
        area: Between the two distribution functions, as :func:`gap_between` finds it.
        deviation: Of the reference, as :func:`deviation` finds it.
        doublings: Powers of two by which the deviation was scaled up more than the area.

    Returns:
        0 for equal samples, no upper end.

    Raises:
        ValueError: the reference is constant while the current values differ, a value is infinite, or the distance is
            beyond the largest number.

    >>> ten = np.arange(10.0)
    >>> round(wasserstein(gap_between(ten, ten + 1).area, deviation(ten)), 3)
    0.348
    """
    if np.isnan(area):
        raise ValueError("a value is infinite")
    if area == 0:
        return 0.0
    if deviation == 0:
        raise ValueError("the reference is constant, so that there is no standard deviation to measure in")
    with np.errstate(over="ignore"):
        distance = float(np.ldexp(np.float64(area) / deviation, doublings))
    if np.isinf(distance):
        raise ValueError("the distance is beyond the largest number there is")
    return distance


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
    return np.unique(np.concatenate([values, just_below(values[repeated > 1])]))


def just_below(values: Floats) -> Floats:
    """The next smaller float of each value; of the smallest that is finite it is infinite.

    >>> float(1.0 - just_below(np.array([1.0]))[0])
    1.1102230246251565e-16
    """
    with np.errstate(over="ignore", under="ignore"):
        return np.nextafter(values, -np.inf)


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
