"""Intervals of what a confusion table says, where no formula gives one: the rows are drawn again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats
from tasks.metrics.resampling import SEED, Resampling
from tasks.metrics.sums import sums_by

MOST_REPEATS: Final = 1_000
FEWEST_REPEATS: Final = 200
MOST_NUMBERS: Final = 400_000
"""Numbers drawn, about: a table with more than 400 cells in use is drawn less than 1,000 times, to stay quick."""

Table = NDArray[np.int64] | Floats
"""Rows by true (first axis) and predicted class: how many there are, or what they weigh."""


class Margins(NamedTuple):
    """What metrics need of a confusion table, or of many: rows per class.

    Args:
        right: Shape (..., classes), rows of the class that are predicted so.
        true: Shape (..., classes), rows of the class.
        predicted: Shape (..., classes), rows that are predicted so.
    """

    right: Floats
    true: Floats
    predicted: Floats


class Drawn(NamedTuple):
    """Confusion tables of drawn blocks of rows: ``margins`` of shape (draws, classes), and how they were drawn."""

    margins: Margins
    resampling: Resampling


def margins_of(table: Table) -> Margins:
    """Of one table.

    >>> margins_of(np.array([[2, 1], [0, 1]])).predicted.tolist()
    [2.0, 2.0]
    """
    counts = table.astype(np.float64)
    return Margins(np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0))


def draw_margins(
    target: NDArray[np.int64], predicted: NDArray[np.int64], classes: int, resampling: Resampling
) -> Drawn:
    """Draw blocks of the rows of a confusion table."""
    right = target == predicted
    weights, count = resampling.weights, resampling.count
    first = resampling.blocks * classes
    sides = (
        sums_by(first[right] + target[right], weights[right], count * classes),
        sums_by(first + target, weights, count * classes),
        sums_by(first + predicted, weights, count * classes),
    )
    return Drawn(Margins(*(resampling.drawn(side.reshape(count, classes)) for side in sides)), resampling)


def estimate(
    table: Table, metric: Callable[[Margins], Floats], seed: int = SEED, drawn: Drawn | None = None
) -> Estimate:
    """A metric of a confusion table with its percentile interval over drawn tables, 1,000 or, of many classes, 200.

    To draw rows with replacement is to draw the table from a multinomial distribution, so that no number of rows
    makes it slow and none has to be left out. Too narrow where the metric hangs on a handful of rows: 87 % instead
    of 95 % for the macro precision with a class that is predicted five times.

    Args:
        table: Shape (classes, classes), at least one row.
        metric: Takes margins of many tables, gives shape (...,), NaN where it is not defined.
        seed: Of the draws.
        drawn: Tables of drawn blocks, to be used instead.

    Returns:
        The metric of the table; no interval when all draws give one value, as they do when all rows are right.

    Source: B. Efron, Bootstrap methods: another look at the jackknife (1979).

    >>> share_right = lambda margins: margins.right.sum(axis=-1) / margins.true.sum(axis=-1)
    >>> [round(end, 2) for end in estimate(np.array([[40, 10], [10, 40]]), share_right, SEED)]
    [0.8, 0.72, 0.87]
    """
    value = float(metric(margins_of(table)))
    if drawn is not None:
        return drawn.resampling.interval(value, metric(drawn.margins))
    cells, rows = np.flatnonzero(table), int(table.sum())
    repeats = max(FEWEST_REPEATS, min(MOST_REPEATS, MOST_NUMBERS // cells.size))
    tables = np.random.default_rng(seed).multinomial(rows, table.ravel()[cells] / rows, repeats)
    repeated = metric(_margins_of_cells(tables, cells, len(table)))
    tail = (1 - CONFIDENCE) / 2
    lower, upper = np.nanquantile(np.append(repeated, value), [tail, 1 - tail])
    if lower == upper:
        return Estimate(value)
    return Estimate(value, min(value, float(lower)), max(value, float(upper)))


def _margins_of_cells(counts: NDArray[np.int64], cells: NDArray[np.int64], classes: int) -> Margins:
    """Of tables whose cells other than these are empty; ``counts`` has the shape (..., cells)."""
    true, predicted = np.divmod(cells, classes)
    every, rows = np.arange(classes), counts.astype(np.float64)
    of_true, of_predicted = true[:, None] == every, predicted[:, None] == every
    return Margins(*(rows @ which.astype(np.float64) for which in (of_true & of_predicted, of_true, of_predicted)))
