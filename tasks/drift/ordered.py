"""A column with an order on both sides: exact where every value is kept, on the grid where there are too many."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from governance.vocabulary import Handling
from tasks.drift import statistics
from tasks.drift.profile import OrderedProfile
from tasks.drift.statistics import Counts
from tasks.drift.tallies import OrderedTally
from tasks.metrics.intervals import Floats


class Apart(NamedTuple):
    """How far two distributions are apart.

    Args:
        ks: Greatest distance of the distribution functions, 0 to 1.
        ks_bound: By how much ``ks`` can be too small at most; 0 when it is exact.
        distance: Wasserstein distance in standard deviations; ``None`` when it is not defined.
        distance_bound: By how much it can be wrong at most.
        undefined: Why there is no distance.
    """

    ks: float
    ks_bound: float
    distance: float | None
    distance_bound: float
    undefined: str = ""


class Positions(NamedTuple):
    """Values of one side for drawing: where they are, and how many rows each position has."""

    points: Floats
    rows: Counts


def compare(profile: OrderedProfile, tally: OrderedTally) -> Apart:
    """Compare the values that are present.

    Raises:
        ValueError: a side has none.
    """
    reference = profile.values
    if not reference.size or not tally.present:
        raise ValueError(nothing_present(profile, tally))
    if not tally.exact:
        return _OnGrid(profile, tally).apart()
    current = tally.sorted_values()
    exponent = statistics.scale_of(reference[0], reference[-1], current[0], current[-1])
    ks, area = statistics.gap_between(reference, current, profile.sums, exponent)
    try:
        return Apart(ks, 0.0, statistics.wasserstein(area, *_unit(profile, exponent)), 0.0)
    except ValueError as undefined:
        return Apart(ks, 0.0, None, 0.0, str(undefined))


def _unit(profile: OrderedProfile, exponent: int) -> tuple[float, int]:
    """The standard deviation of the reference at its own scale, and how many doublings that is above another scale."""
    values = profile.values
    if own := statistics.scale_of(values[0], values[-1]):
        return statistics.deviation(np.ldexp(values, own)), own - exponent
    return profile.deviation, -exponent


def nothing_present(profile: OrderedProfile, tally: OrderedTally) -> str:
    """Which side has nothing to compare, and why."""
    side, rows = ("current", tally.rows) if profile.values.size else ("reference", profile.rows)
    return f"every {side} value is missing" if rows else f"there are no {side} rows"


def counts_by_edges(profile: OrderedProfile, tally: OrderedTally) -> tuple[Counts, Counts]:
    """Rows per bin of the profile's edges on both sides, exact; one bin where the reference has no values."""
    if not profile.values.size:
        return np.array([0]), np.array([tally.present])
    here = statistics.counts_between(profile.values, profile.edges)
    if tally.exact:
        return here, statistics.counts_between(tally.sorted_values(), profile.edges)
    counter = tally.counter()
    # The edges are among the cuts: a cell ends at each of them.
    below = np.cumsum(counter.counts())[counter.cell_of(profile.edges)]
    return here, np.diff(np.concatenate([[0], below, [tally.present]])).astype(np.int64)


def current_positions(profile: OrderedProfile, tally: OrderedTally) -> Positions:
    """Where the current values are: each by itself, or cell by cell."""
    if tally.exact:
        values = tally.sorted_values()
        return Positions(values, np.ones(values.size, dtype=np.int64))
    grid = _OnGrid(profile, tally)
    used = grid.there > 0
    return Positions(grid.points[used], grid.there[used])


def interval_names(edges: Floats, handling: Handling) -> tuple[str, ...]:
    """Bins between edges, as people read them.

    >>> interval_names(np.array([1.0, 2.0]), Handling.NUMERICAL)
    ('(-∞, 1]', '(1, 2]', '(2, ∞]')
    """
    if handling is Handling.DATE:
        texts = [str(np.datetime64(int(edge), "s")) for edge in edges]
    else:
        texts = [f"{edge:.6g}" for edge in edges]
    bounds = ["-∞", *texts, "∞"]
    names = []
    for position, (low, high) in enumerate(pairwise(bounds)):
        # An edge just below a value reads like the value: the bin after it holds that value alone.
        isolates_next = position + 2 < len(bounds) and bounds[position + 2] == high
        names.append(high if low == high else f"({low}, {high}{')' if isolates_next else ']'}")
    return tuple(names)


class _OnGrid:
    """Both sides as rows per cell, and where the rows of a cell are taken to be."""

    def __init__(self, profile: OrderedProfile, tally: OrderedTally) -> None:
        self.profile, self.tally = profile, tally
        counter = tally.counter()
        self.here, self.there = profile.cells, counter.counts()
        values = profile.values
        ends = [tally.smallest, tally.largest, *values[:1], *values[-1:]]
        bounds = np.clip(counter.bounds(), min(ends), max(ends))
        self.low = np.concatenate([[min(ends)], bounds])
        self.high = np.concatenate([bounds, [max(ends)]])
        self.finite = bool(np.isfinite(ends).all())
        self.single = counter.single()
        self.points = self._points()

    def _points(self) -> Floats:
        """Where the reference's rows of a cell are on average, or its middle where it has none."""
        with np.errstate(invalid="ignore", over="ignore"):
            points = self.low + (self.high / 2 - self.low / 2)
            used = np.flatnonzero(self.here)
            if used.size and self.finite:
                # Means of differences, so that nothing is lost in a column far from 0.
                middle = self.profile.values[self.profile.values.size // 2]
                starts = np.cumsum(self.here)[used] - self.here[used]
                points[used] = np.add.reduceat(self.profile.values - middle, starts) / self.here[used] + middle
        return np.maximum.accumulate(np.clip(points, self.low, self.high))

    def apart(self) -> Apart:
        """Distances at the ends of the cells, and what may hide within them."""
        ours, theirs = self.here / self.profile.values.size, self.there / self.tally.present
        after = np.cumsum(self.here) / self.profile.values.size - np.cumsum(self.there) / self.tally.present
        before = np.concatenate([[0.0], after[:-1]])
        ks = float(np.max(np.abs(after)))
        # Inside a cell one function may rise before the other does, unless the cell holds a single value.
        inside = np.where(self.single, 0.0, np.maximum(before + ours, theirs - before))
        ks_bound = max(0.0, float(inside.max()) - ks)
        try:
            return Apart(ks, ks_bound, *self._distance(after, ours + theirs))
        except ValueError as undefined:
            return Apart(ks, ks_bound, None, 0.0, str(undefined))

    def _distance(self, after: Floats, rows: Floats) -> tuple[float, float]:
        """The Wasserstein distance, and by how much it can be wrong."""
        if not self.finite:
            raise ValueError("a value is infinite")
        values = self.profile.values
        if values[0] == values[-1]:
            # No cell is narrow enough to tell by itself whether a value that is in it is the same.
            same = self.tally.smallest == self.tally.largest == values[0]
            return statistics.wasserstein(0.0 if same else 1.0, 0.0), 0.0
        exponent = statistics.scale_of(self.low[0], self.high[-1])
        low, high, points = (np.ldexp(side, exponent) for side in (self.low, self.high, self.points))
        area = float(np.sum(np.abs(after[:-1]) * np.diff(points)))
        reach = float(np.sum(np.where(self.single, 0.0, np.maximum(high - points, points - low)) * rows))
        unit = _unit(self.profile, exponent)
        return statistics.wasserstein(area, *unit), statistics.wasserstein(reach, *unit)
