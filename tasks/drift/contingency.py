"""Tests of counted levels: whether two samples come from one distribution."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from tasks.drift.scores import cells_of_levels, chi2_of_cells, homogeneity_p_value, share_p_value
from tasks.drift.statistics import Counts
from tasks.metrics.intervals import Floats

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
    of at least 5 in 80 % of them, asked here of the cells of the smaller side, which is stricter. Elsewhere levels
    share cells (:func:`tasks.drift.scores.cells_of_levels`), and so they do in the effect. That looks at the margins
    only and so keeps the test honest: without it, ten thousand levels alarm by themselves. Where a single cell would be
    left, the most frequent level is compared with all others: by Fisher's exact test, which is conservative.

    Args:
        reference: Shape (levels,), rows per level, in an order that knows nothing of the sides: it decides which of
            equally frequent levels share a cell. An order by frequency in the reference puts levels of one side
            together, and alarms always.
        current: Shape (levels,), in the same order.

    Raises:
        ValueError: a side has no rows.

    Source: W. G. Cochran, Some methods for strengthening the common chi² tests (1954).

    >>> homogeneity(np.array([10, 20]), np.array([10, 20]))
    Homogeneity(p_value=1.0, cramers_v=0.0)
    >>> round(homogeneity(np.array([50_000, 0]), np.array([99, 1])).p_value, 4)
    0.002
    """
    sides = int(reference.sum()), int(current.sum())
    if min(sides) == 0:
        raise ValueError("a side has no rows")
    used = reference + current > 0
    here, there = in_cells(reference[used], current[used])
    statistic, freedom = chi2_of_cells(here, there)
    effect = min(1.0, float(np.sqrt(statistic / sum(sides))))
    if freedom == 1 and (here + there).min() * min(sides) / sum(sides) < USUALLY_EXPECTED:
        return Homogeneity(float(share_p_value(*here, *there)), effect)
    return Homogeneity(float(homogeneity_p_value(here, there)), effect)


def chi2_p_value(reference: Counts, current: Counts) -> float:
    """p-value of :func:`homogeneity`.

    >>> chi2_p_value(np.array([10, 20]), np.array([10, 20]))
    1.0
    """
    return homogeneity(reference, current).p_value


def in_cells(reference: Counts, current: Counts) -> tuple[Counts, Counts]:
    """Both sides as the chi² test takes them: level by level where Cochran's rule holds, else with shared cells.

    >>> [side.tolist() for side in in_cells(np.array([900, 40, 2, 1]), np.array([90, 4, 0, 1]))]
    [[900, 43], [90, 5]]
    """
    margin = reference + current
    smaller = int(min(reference.sum(), current.sum()))
    if _is_enough(margin * np.float64(smaller / max(1, int(margin.sum())))):
        return reference, current
    cells = cells_of_levels(margin, smaller, margin.size)
    if not cells.any():
        cells = (np.arange(margin.size) != np.argmax(margin)).astype(np.int64)
    here, there = (np.bincount(cells, weights=side).astype(np.int64) for side in (reference, current))
    return here, there


def _is_enough(expected: Floats) -> bool:
    """Cochran's rule."""
    scarce = int(np.count_nonzero(expected < USUALLY_EXPECTED))
    return bool(expected.min() >= FEWEST_EXPECTED and scarce <= SCARCE_SHARE * expected.size)


def neutral_order(levels: Sequence[str]) -> Counts:
    """Positions of levels in an order that says nothing about them.

    By a hash of their texts: neither frequency nor the alphabet, because identifiers are often counted up, and so the
    alphabet knows which came later.

    >>> names = ["red", "green", "blue"]
    >>> [names[position] for position in neutral_order(names)] == [
    ...     names[::-1][position] for position in neutral_order(names[::-1])
    ... ]
    True
    """
    keys = [blake2b(level.encode("utf-8", "surrogatepass"), digest_size=16).digest() for level in levels]
    return np.array(sorted(range(len(levels)), key=keys.__getitem__), dtype=np.int64)
