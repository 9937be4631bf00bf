"""How the rows of both sides are spread over the bins of a column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.drift.statistics import Counts

NAMED_BINS: Final = 50
"""Levels that get a bin of their own: those with the greatest share on either side. The rest share one."""

MISSING, OTHER, ANY = "(missing)", "(other)", "(any value)"
"""Bins that are no level and no interval."""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Rows per bin on both sides; the missing ones, if any, are the last bin. No two bins have one name.

    Args:
        bins: Their labels.
        reference: Shape (bins,).
        current: Shape (bins,).
    """

    bins: tuple[str, ...]
    reference: Counts
    current: Counts

    def with_missing(self, reference: int, current: int) -> Histogram:
        """With one more bin for rows without a value, where there are any.

        >>> Histogram(("a",), np.array([1]), np.array([2])).with_missing(0, 3).bins
        ('a', '(missing)')
        """
        if not reference and not current:
            return self
        return Histogram((*self.bins, MISSING), np.append(self.reference, reference), np.append(self.current, current))

    def shares(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Of the reference and of the current rows, each summing to 1; empty for a side without rows."""
        return _shares(self.reference), _shares(self.current)


def of_levels(levels: Sequence[str], reference: Counts, current: Counts, uncounted: int = 0) -> Histogram:
    """The levels with the greatest share on either side, by frequency in the reference, and the rest in one bin.

    Args:
        levels: Of either side.
        reference: Shape (levels,), rows per level.
        current: Shape (levels,), likewise.
        uncounted: Current rows of other levels.

    >>> of_levels(["a", "b"], np.array([3, 0]), np.array([1, 2]), 9).bins
    ('a', 'b', '(other)')
    """
    rows = int(reference.sum()), int(current.sum()) + uncounted
    sides = reference / max(1, rows[0]), current / max(1, rows[1])
    kept = np.argsort(-np.maximum(*sides), kind="stable")[:NAMED_BINS]
    kept = kept[np.argsort(-reference[kept], kind="stable")]
    kept = kept[(reference[kept] > 0) | (current[kept] > 0)]
    bins, here, there = tuple(_label(levels[code]) for code in kept), reference[kept], current[kept]
    rest = rows[0] - int(here.sum()), rows[1] - int(there.sum())
    if not any(rest):
        return Histogram(bins, here, there)
    return Histogram((*bins, OTHER), np.append(here, rest[0]), np.append(there, rest[1]))


def _label(level: str) -> str:
    """A level that is called like a bin of ours stands in quotes."""
    return repr(level) if level in (MISSING, OTHER) else level


def _shares(counts: Counts) -> tuple[float, ...]:
    total = int(counts.sum())
    return tuple(float(share) for share in counts / total) if total else ()
