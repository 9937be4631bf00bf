"""A grid of cells over the values of one column, fixed by the reference: many values become few counts.

Mapping a value to its cell never goes backwards (every step of it rounds in one direction only), so that the two
distribution functions are exact where a cell ends. No sum of values is kept, so that no order of rows can matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.drift.statistics import Counts, just_below, quantile_edges
from tasks.metrics.intervals import Floats

BUCKETS: Final = 4_096
"""Equal-width buckets over the core of the reference; those with many rows are divided further."""

DIVISIONS: Final = 12_288
"""Further divisions, dealt out by the share of the reference rows."""

CORE_SHARE: Final = 0.001
"""Share of the reference on either side of the core."""

ATOM_SHARE: Final = 0.001
"""A value with more of the reference than this is told apart from its neighbours."""

_FINE_BITS: Final = 7
_FINE_DOUBLINGS: Final = 16
_FINE: Final = _FINE_DOUBLINGS << _FINE_BITS
TAIL: Final = _FINE + 1025 - _FINE_DOUBLINGS
"""Cells of a tail: 128 per doubling of the distance from the core, up to 65,536 times its width; then one."""

_UNITS: Final = (86_400.0, 3_600.0, 60.0, 1.0)
"""Steps by which a column may go: whole days, hours and minutes of a date, and whole numbers."""

_FARTHEST_STEP: Final = 2.0**51
"""Steps from 0 up to which twice their number, which is what counts them, is exact."""

_LARGEST: Final = float(np.finfo(np.float64).max)
_LARGEST_FACTOR: Final = 2.0**1000

_BLOCK: Final = 65_536
"""Values that are mapped at a time: what is made of them stays in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the cells are.

    Args:
        unit: Of a column that goes by steps: each step and each gap between two has a cell of its own. 0 otherwise.
        factor: Buckets per unit of the column (``unit`` 0).
        offset: Position of the core's lower end, in buckets.
        parts: Shape (buckets,), int64: into how many cells of equal width each bucket of the core is divided.
        cuts: Shape (k,), sorted values at which a cell is split: what is up to the cut, and what is above.
    """

    unit: float
    factor: float
    offset: float
    parts: Counts
    cuts: Floats


def fit_grid(values: Floats) -> Grid:
    """The grid that a reference asks for.

    Args:
        values: Shape (n,), sorted, no NaN; may be empty or infinite.

    >>> fit_grid(np.array([1.0, 2.0, 3.0])).unit
    1.0
    """
    finite = values[np.isfinite(values)]
    cuts = _cuts(values)
    if not finite.size:
        return Grid(0.0, float(BUCKETS), -BUCKETS / 2, np.ones(BUCKETS, dtype=np.int64), cuts)
    beyond = int(finite.size * CORE_SHARE)
    low, high = float(finite[beyond]), float(finite[-1 - beyond])
    if low == high:
        low, high = float(finite[0]), float(finite[-1])
    for unit in _UNITS:
        steps = high / unit - low / unit
        exact = max(abs(low), abs(high)) / unit <= _FARTHEST_STEP
        if not exact or 2 * steps >= BUCKETS + DIVISIONS:
            continue
        if not (np.fmod(finite[:99], unit).any() or np.fmod(finite, unit).any()):
            return Grid(unit, 0.0, 2 * low / unit, np.ones(2 * int(steps) + 1, dtype=np.int64), cuts)
    if low == high:
        width = abs(low) or 1.0
        low, high = max(low - width / 4, -_LARGEST), min(high + width / 4, _LARGEST)
    # Halves, because the whole width may be beyond the largest number; slightly less, so that the upper end is inside.
    half = high / 2 - low / 2
    factor = min(BUCKETS / 2 * (1 - 2.0**-20) / half, _LARGEST_FACTOR) if half else _LARGEST_FACTOR
    grid = Grid(0.0, factor, low * factor, np.ones(BUCKETS, dtype=np.int64), cuts)
    spread = finite[~np.isin(finite, _atoms(values))]
    place = _places(grid, spread) if spread.size else spread
    inside = place[(place >= 0) & (place < BUCKETS)].astype(np.int64)
    rows = np.bincount(inside, minlength=BUCKETS)
    return Grid(0.0, factor, low * factor, 1 + rows * DIVISIONS // max(1, inside.size), cuts)


def _atoms(values: Floats) -> Floats:
    """Values with more than a thousandth of the reference, but not every value of a few."""
    fewest = int(values.size * ATOM_SHARE) + 1
    fewest = max(fewest, 2)
    # A value that has so many rows fills one of every ``fewest`` neighbouring ranks.
    candidates = np.unique(values[fewest - 1 :: fewest])
    rows = np.searchsorted(values, candidates, side="right") - np.searchsorted(values, candidates, side="left")
    return candidates[rows >= fewest]


def _cuts(values: Floats) -> Floats:
    if not values.size:
        return values
    atoms = _atoms(values)
    cuts = np.concatenate([quantile_edges(values), atoms, just_below(atoms)])
    return np.unique(cuts)


def _places(grid: Grid, values: Floats) -> Floats:
    """Where values are, in buckets from the lower end of the core; outside of it below 0 or from its size on."""
    with np.errstate(over="ignore", invalid="ignore"):
        if grid.unit:
            steps = values if grid.unit == 1 else values / grid.unit
            places = np.floor(steps)
            places += np.ceil(steps)
        else:
            places = values * grid.factor
        places -= grid.offset
    return places


def _tail(distance: Floats) -> Counts:
    """Cell in a tail by the distance from the core, in widths of the core: its leading bits."""
    bits = (1.0 + distance).view(np.int64)
    doublings = (bits >> 52) - 1023
    fine = (bits >> (52 - _FINE_BITS)) - (1023 << _FINE_BITS)
    return np.where(doublings < _FINE_DOUBLINGS, fine, doublings + (_FINE - _FINE_DOUBLINGS))


def _tail_ends() -> Floats:
    """How far from the core the cells of a tail end, in widths of the core; the last has no end."""
    cell = np.arange(TAIL - 1)
    step = np.minimum(cell, _FINE - 1)
    fine = np.ldexp(1 + (step % (1 << _FINE_BITS) + 1) / (1 << _FINE_BITS), step >> _FINE_BITS)
    coarse = np.ldexp(1.0, np.clip(cell - _FINE + _FINE_DOUBLINGS + 1, 0, 1023))
    ends: Floats = np.where(cell < _FINE, fine, coarse) - 1
    return ends


_TAIL_ENDS: Final = _tail_ends()


class CellCounter:
    """Counts values in the cells of a grid.

    >>> counter = CellCounter(fit_grid(np.arange(10.0)))
    >>> counter.count(np.array([3.0, 3.0, 99.0]))
    >>> int(counter.counts().sum())
    3
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._divided = bool(np.any(grid.parts > 1))
        self._first = np.concatenate([[0], np.cumsum(grid.parts)]) + TAIL
        self._parts = grid.parts.astype(np.float64)
        self._buckets = np.zeros(int(self._first[-1]) + TAIL, dtype=np.int64)
        self._is_cut = np.zeros(self._buckets.size, dtype=bool)
        cut = self._bucket_of(grid.cuts)
        self._is_cut[cut] = True
        self._shift = np.concatenate([[0], np.cumsum(np.bincount(cut, minlength=self._buckets.size))])
        self._split = np.zeros(self._buckets.size + grid.cuts.size, dtype=np.int64)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return int(self._split.size)

    def count(self, values: Floats) -> None:
        """Count values, any number of them, in any order; no NaN."""
        for start in range(0, values.size, _BLOCK):
            block = values[start : start + _BLOCK]
            bucket = self._bucket_of(block)
            self._buckets += np.bincount(bucket, minlength=self._buckets.size)
            near = np.flatnonzero(self._is_cut[bucket])
            if near.size:
                cell = bucket[near] + np.searchsorted(self.grid.cuts, block[near], side="left")
                self._split += np.bincount(cell, minlength=self._split.size)

    def merge(self, other: CellCounter) -> None:
        """Add what another counter of the same grid has counted."""
        self._buckets += other._buckets
        self._split += other._split

    def counts(self) -> Counts:
        """Rows per cell, shape (cells,), in the order of the values."""
        whole = np.flatnonzero(~self._is_cut)
        counts = self._split.copy()
        counts[whole + self._shift[whole]] = self._buckets[whole]
        return counts

    def cell_of(self, values: Floats) -> Counts:
        """Which cell each value is in; a few values, of which none is NaN."""
        return self._bucket_of(values) + np.searchsorted(self.grid.cuts, values, side="left")

    def bounds(self) -> Floats:
        """Where one cell ends and the next begins, shape (cells - 1,), sorted; to the last few digits.

        What is decided by a bound is decided by the mapping itself; these are for widths and for drawing.
        """
        buckets = self.grid.parts.size
        with np.errstate(over="ignore"):
            distance = _TAIL_ENDS * buckets
        parts = np.repeat(self.grid.parts, self.grid.parts)
        within = (np.arange(parts.size) - np.repeat(self._first[:-1] - TAIL, self.grid.parts)) / parts
        within += np.repeat(np.arange(buckets), self.grid.parts)
        # A cell below the core ends with a place, and the next one begins after it; all others begin with one.
        below = np.floor(-distance[::-1]) + 1 if self.grid.unit else -distance[::-1]
        place = np.concatenate([below, within, [float(buckets)], buckets + distance])
        with np.errstate(over="ignore"):
            if self.grid.unit:
                # Places are whole numbers here; the cell that begins within one begins with the next.
                bounds = np.floor((np.ceil(place) + self.grid.offset) / 2) * self.grid.unit
            else:
                bounds = (place + self.grid.offset) / self.grid.factor
        return np.sort(np.concatenate([bounds, self.grid.cuts]), kind="stable")  # two sorted runs, merged

    def single(self) -> NDArray[np.bool_]:
        """Which cells can hold one value only, shape (cells,): steps, and what is between two neighbouring cuts."""
        single = np.zeros(self.cells, dtype=bool)
        cuts = self.grid.cuts
        single[self.cell_of(cuts[np.isin(just_below(cuts), cuts)])] = True
        if self.grid.unit:
            step = np.arange(self.grid.parts.size)
            steps = step[(step + self.grid.offset) % 2 == 0]
            single[self.cell_of((steps + self.grid.offset) / 2 * self.grid.unit)] = True
        return single

    def _bucket_of(self, values: Floats) -> Counts:
        if not values.size:
            return np.empty(0, dtype=np.int64)
        places = _places(self.grid, values)
        size = float(self.grid.parts.size)
        if places.min() >= 0 and places.max() < size:
            return self._inside(places)
        above, below = places >= size, places < 0
        found = np.empty(values.size, dtype=np.int64)
        core = ~(above | below)
        found[core] = self._inside(places[core])
        found[above] = int(self._first[-1]) + _tail((places[above] - size) / size)
        found[below] = TAIL - 1 - _tail(-places[below] / size)
        return found

    def _inside(self, places: Floats) -> Counts:
        bucket = places.astype(np.int64)
        if not self._divided:
            bucket += TAIL
            return bucket
        places -= bucket
        places *= self._parts[bucket]
        found = self._first[bucket]
        found += places.astype(np.int64)
        return found
