"""Scores of batches that did not drift: the reference, split at random into a batch and the rest, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tasks.drift.cores import on_all_cores
from tasks.drift.scores import Counts, cells_of_levels, score_of_cells, score_of_ordered

if TYPE_CHECKING:
    from tasks.metrics.intervals import Floats

Rows = NDArray[np.int32]
Codes = NDArray[np.uint16]
Scores = NDArray[np.float32]

MOST_ROWS = 65_535
"""Rows of the reference that take part: positions of 16 bits are sorted in linear time."""

_MISSING = np.uint16(65_535)
_VALUES_AT_ONCE = 262_144
"""Values of one column that are worked on together: they stay in the cache."""

_LONGEST_RUN = 32
"""Values beyond all others, at most, that are looked for: more has a chance of 1 in four thousand million."""


def draw_rows(rows: int, size: int, draws: int, seed: int) -> Rows:
    """Random batches without replacement; the first k rows of a batch are a random batch of k rows.

    Returns:
        Shape (draws, size), positions from 0 to ``rows`` - 1.
    """
    random = np.random.default_rng(seed)
    return np.stack([random.choice(rows, size, replace=False) for _ in range(draws)]).astype(np.int32)


def scores_of_batches(
    ordered: Mapping[str, Floats],
    levels: Mapping[str, Counts],
    order: NDArray[np.intp],
    batches: Rows,
    sizes: Sequence[int],
    progress: Callable[[float], None],
) -> Iterator[tuple[str, Scores]]:
    """Score every column of every batch against the rest of the reference.

    Args:
        ordered: Name of the column: its values, shape (rows,), NaN missing.
        levels: Name of the column: its codes, shape (rows,), -1 missing.
        order: The rows that take part, at most 65,535, in the order to which the batches refer.
        batches: As :func:`draw_rows` draws them.
        sizes: Of the batches that are scored: that many rows from the beginning of each.
        progress: Told the share that is done.

    Yields:
        Column by column, those of ``ordered`` first: its name, and the scores of shape (sizes, draws).
    """
    jobs = [partial(_scores_of_ordered, column) for column in ordered.values()]
    jobs += [partial(_scores_of_levels, column) for column in levels.values()]
    found = on_all_cores(lambda job: job(order, batches, sizes), jobs)
    for done, (name, scores) in enumerate(zip((*ordered, *levels), found, strict=True), start=1):
        yield name, scores
        progress(done / len(jobs))


def _parts(batches: Rows, size: int) -> Iterator[tuple[slice, Rows]]:
    step = max(1, _VALUES_AT_ONCE // size)
    for start in range(0, len(batches), step):
        draws = slice(start, min(len(batches), start + step))
        yield draws, batches[draws, :size]


def _scores_of_ordered(column: Floats, order: NDArray[np.intp], batches: Rows, sizes: Sequence[int]) -> Scores:
    values = column[order]
    present = ~np.isnan(values)
    total = int(present.sum())
    distinct, position, repeated = np.unique(values[present], return_inverse=True, return_counts=True)
    up_to = np.cumsum(repeated)
    # A value is known by the number of values up to it, itself included.
    ranks: Codes = np.full(values.size, _MISSING)
    ranks[present] = up_to[position]
    before: Codes | None = None
    if distinct.size < total:
        before = np.zeros(MOST_ROWS + 1, dtype=np.uint16)
        before[up_to] = up_to - repeated
    complete = total == values.size
    scores: Scores = np.empty((len(sizes), len(batches)), dtype=np.float32)
    for number, size in enumerate(sizes):
        for draws, rows in _parts(batches, size):
            drawn = np.sort(ranks[rows], axis=1, kind="stable")
            count = np.full(len(drawn), size) if complete else (drawn != _MISSING).sum(axis=1)
            distance, below, above = _compared_with_the_rest(drawn, count, total, before)
            scores[number, draws] = score_of_ordered(
                distance, total - count, count, values.size - total - (size - count), size - count, below, above
            )
    return scores


def _compared_with_the_rest(
    drawn: Codes, count: Counts, total: int, before: Codes | None
) -> tuple[Floats, Counts, Counts]:
    """KS statistic of the drawn values and the others, and how many lie beyond all others at the low and high end."""
    size = drawn.shape[1]
    place = np.arange(1, size + 1, dtype=np.int32)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_value = np.where(count > 0, 1 / count, 0.0).astype(np.float32)
    up_to = drawn.astype(np.float32) * np.float32(1 / max(1, total))
    lower = drawn - 1 if before is None else before[drawn]
    # At the last of equal values the first gap is the true one, at the first of them the second; elsewhere smaller.
    reached = place.astype(np.float32) * per_value[:, None]
    over, under = reached - up_to, lower.astype(np.float32) * np.float32(1 / max(1, total)) - reached
    if count.min() < size:
        gone = drawn == _MISSING
        over[gone] = under[gone] = -1.0
    gap = np.maximum(over.max(axis=1), under.max(axis=1) + per_value).astype(np.float64)
    # The whole is a mixture of the drawn and the rest.
    rest = total - count
    distance = np.minimum(1.0, np.maximum(gap, 0.0) * total / np.maximum(1, rest))
    few = min(size, _LONGEST_RUN)
    first = drawn[:, :few]
    low = np.where((first == place[:few]) & (first != _MISSING), place[:few], 0).max(axis=1)
    from_end = np.maximum(count[:, None] - place[:few], 0)
    smaller = np.take_along_axis(lower, from_end, axis=1).astype(np.int64)
    high = np.where((total - smaller == place[:few]) & (place[:few] <= count[:, None]), place[:few], 0).max(axis=1)
    return distance, low, high


def _scores_of_levels(column: Counts, order: NDArray[np.intp], batches: Rows, sizes: Sequence[int]) -> Scores:
    codes = column[order]
    missing = codes < 0
    distinct, position, repeated = np.unique(codes[~missing], return_inverse=True, return_counts=True)
    total = position.size
    labels: Codes = np.full(codes.size, distinct.size, dtype=np.uint16)
    labels[~missing] = position
    scores: Scores = np.empty((len(sizes), len(batches)), dtype=np.float32)
    for number, size in enumerate(sizes):
        cells = cells_of_levels(repeated, size)
        width = int(cells.max(initial=0)) + 1
        whole = np.bincount(cells, weights=repeated, minlength=width).astype(np.int64)
        cell_of = np.append(cells, width)  # the missing ones in a last cell, which is cut off
        for draws, rows in _parts(batches, size):
            drawn = labels[rows]
            shifted = cell_of[drawn] + np.arange(len(drawn))[:, None] * (width + 1)
            counted = np.bincount(shifted.ravel(), minlength=len(drawn) * (width + 1)).reshape(len(drawn), width + 1)
            current, gone = counted[:, :width], counted[:, width]
            new, once, twice = _unknown_to_the_rest(drawn, repeated)
            scores[number, draws] = score_of_cells(
                whole - current, current, int(missing.sum()) - gone, gone, new, total - (size - gone), once, twice
            )
    return scores


def _unknown_to_the_rest(drawn: Codes, repeated: Counts) -> tuple[Counts, Counts, Counts]:
    """Drawn rows whose level the rest doesn't have, and levels that the rest has once and twice."""
    draws, size = drawn.shape
    if repeated.min(initial=_LONGEST_RUN) >= _LONGEST_RUN:
        nothing = np.zeros(draws, dtype=np.int64)
        return nothing, nothing, nothing
    flat = np.sort(drawn, axis=1, kind="stable").ravel()
    starts = np.flatnonzero(np.append(True, flat[1:] != flat[:-1]) | (np.arange(flat.size) % size == 0))
    lengths = np.diff(np.append(starts, flat.size))
    draw, level = starts // size, flat[starts]
    level_rows = np.append(repeated, -1)[level]  # the missing ones are no level
    left = level_rows - lengths
    new = np.bincount(draw, weights=np.where(left == 0, lengths, 0), minlength=draws)
    seen = (
        np.bincount(draw, weights=(left == times).astype(np.int64) - (level_rows == times), minlength=draws)
        + np.count_nonzero(repeated == times)
        for times in (1, 2)
    )
    once, twice = (counted.astype(np.int64) for counted in seen)
    return new.astype(np.int64), once, twice
