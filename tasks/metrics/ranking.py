"""Metrics of the order in which the scores of one class put rows. NumPy.

Where a metric is not defined, it raises ``ValueError`` with the reason. ``resampling`` has the weights and blocks of
the rows; without it they count the same and are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.classification import Truths
from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, normal_quantile, on_logit_scale, wilson
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import sums_by

LIFT_SHARE = 0.4
"""Share of the rows, those with the highest probabilities, in which ``lift`` looks for positives."""

_DRAWN_STEPS = 200
"""Into how many parts the rows are cut, by score, when blocks of them are drawn for the interval of ``lift``."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """Rows in the order of a score, from the highest; those with the same score make one step.

    Args:
        positives: Shape (steps,): what the positive rows of each step count.
        negatives: Shape (steps,), likewise.
        positive: Shape (rows,), in the order of the rows; only where there is a ``resampling``.
        step: Shape (rows,), the step of each row; only where there is a ``resampling``.
        resampling: Weights and blocks of the rows.
    """

    positives: Floats
    negatives: Floats
    positive: Truths | None = None
    step: NDArray[np.int64] | None = None
    resampling: Resampling | None = None

    def error(self, of_positive: Floats, of_negative: Floats) -> float:
        """Standard error from what a positive and a negative row of every step add to a metric."""
        if self.resampling is None or self.positive is None or self.step is None:
            raise AssertionError("rows that count the same have formulas of their own")
        return self.resampling.error(np.where(self.positive, of_positive[self.step], of_negative[self.step]))


def rank(positive: Truths, scores: Floats, resampling: Resampling | None = None) -> Ranked:
    """Sort rows by a score, once for all metrics.

    Args:
        positive: Shape (rows,).
        scores: Shape (rows,), any scale, none missing.
        resampling: Weights and blocks of the rows.

    >>> rank(np.array([True, False, True]), np.array([0.1, 0.4, 0.4])).positives.tolist()
    [1.0, 1.0]
    """
    if resampling is None:
        positives, rows = _counted(positive, scores)
        return Ranked(positives, rows - positives)
    step, steps = steps_of(scores)
    weights = resampling.weights
    positives = sums_by(step[positive], weights[positive], steps)
    negatives = sums_by(step[~positive], weights[~positive], steps)
    return Ranked(positives, negatives, positive, step, resampling)


def steps_of(scores: Floats) -> tuple[NDArray[np.int64], int]:
    """The place of every row among the distinct scores, 0 for the highest, and how many of those there are.

    >>> steps_of(np.array([0.1, 0.4, 0.4]))
    (array([1, 0, 0]), 2)
    """
    order = np.argsort(-scores)
    place = np.empty(scores.size, dtype=np.int64)
    ordered = scores[order]
    begins = np.cumsum(np.append(False, ordered[1:] != ordered[:-1])[: scores.size])
    place[order] = begins
    return place, int(begins[-1]) + 1 if scores.size else 0


def _counted(positive: Truths, scores: Floats) -> tuple[Floats, Floats]:
    """Positive rows and all rows of every distinct score, from the highest."""
    if not scores.size:
        return np.zeros(0), np.zeros(0)
    values: NDArray[np.uint64] | Floats
    if float(scores.min()) >= 0:
        # A number that is not negative has its sign bit free for the class: one sort without an index.
        packed = (scores + 0.0).view(np.uint64) << np.uint64(1) | positive.astype(np.uint64)
        packed.sort()
        ordered, values = (packed & np.uint64(1)).astype(np.int64), packed >> np.uint64(1)
    else:
        order = np.argsort(scores)
        ordered, values = positive[order].astype(np.int64), scores[order]
    ends = np.append(np.flatnonzero(values[1:] != values[:-1]), scores.size - 1)
    positives = np.diff(np.cumsum(ordered)[ends], prepend=0)
    return positives[::-1].astype(np.float64), np.diff(ends, prepend=-1)[::-1].astype(np.float64)


def roc_auc(positive: Truths, scores: Floats) -> Estimate:
    """:func:`roc_auc_of` of rows that are not sorted yet, and count the same.

    >>> roc_auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8])).value
    0.875
    """
    return roc_auc_of(rank(positive, scores))


def roc_auc_of(ranked: Ranked) -> Estimate:
    """Probability that a positive row scores above a negative one, ties counting half, with DeLong's interval.

    The interval is DeLong's on the logit scale, where it keeps its level close to 1 and never leaves 0 to 1. Classes
    that do not overlap at all leave no variance to estimate: then it reaches from 1, or from 0, as far as Wilson's for
    as many rows as the smaller class has. Of rows with weights or blocks it is Obuchowski's.

    Args:
        ranked: As :func:`rank` sorts them.

    Returns:
        0 to 1; 1 is best, 0.5 is chance. No interval with one row of a class.

    Raises:
        ValueError: one class only.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); M. S. Pepe, The Statistical
    Evaluation of Medical Tests (2003), for the logit; N. A. Obuchowski, Biometrics 53 (1997).

    >>> roc_auc_of(rank(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8]))).value
    0.875
    """
    positives, negatives = float(ranked.positives.sum()), float(ranked.negatives.sum())
    if not positives or not negatives:
        raise ValueError("the target holds one class only")
    above, below = shares_above(ranked.positives), 1 - shares_above(ranked.negatives)
    value = min(1.0, float(np.sum(ranked.positives * below)) / positives)
    if ranked.resampling is None:
        fewest = min(positives, negatives)
        if fewest < 2:
            return Estimate(value)
        spread = np.sum(ranked.positives * (below - value) ** 2) / (positives - 1) / positives
        spread += np.sum(ranked.negatives * (above - value) ** 2) / (negatives - 1) / negatives
        return on_logit_scale(value, sqrt(float(spread)), fewest)
    error = ranked.error((below - value) / positives, (above - value) / negatives)
    return within(value, error, ranked.resampling, min(positives, negatives))


def shares_above(weights: Floats) -> Floats:
    """Of each step: the share of such rows that are above it, those of the step itself counting half.

    >>> shares_above(np.array([1.0, 1.0])).tolist()
    [0.25, 0.75]
    """
    down_to = np.cumsum(weights)
    return np.asarray((down_to - weights / 2) / down_to[-1], dtype=np.float64)


def within(value: float, error: float, resampling: Resampling, fewest: float) -> Estimate:
    """A value between 0 and 1 with an interval on the logit scale.

    Args:
        value: 0 to 1.
        error: Its standard error, of the blocks.
        resampling: What the error was made with.
        fewest: Weight of the rows that the value hangs on, for Wilson's interval where nothing varies.
    """
    if resampling.count < 2:
        return Estimate(value)
    rows = resampling.effective_rows * fewest / resampling.total
    # The scale is made for normal deviations; few blocks have Student's.
    return on_logit_scale(value, error * resampling.quantile / normal_quantile(CONFIDENCE), rows)


def average_precision_of(ranked: Ranked) -> Estimate:
    """Area under the precision-recall curve as a sum of steps: sum of (R_n - R_n-1) P_n.

    Args:
        ranked: As :func:`rank` sorts them.

    Returns:
        0 to 1; 1 is best, the share of positives is chance. Interval on the logit scale; at 1 it is Wilson's for as
        many rows as are positive.

    Raises:
        ValueError: no row is positive.

    Source: K. Boyd, K. H. Eng, C. D. Page, Area under the precision-recall curve (2013), for the interval.

    >>> ranked = rank(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8]))
    >>> round(average_precision_of(ranked).value, 3)
    0.833
    """
    value, of_positive, of_negative = precision_and_influences(ranked)
    positives = float(ranked.positives.sum())
    if ranked.resampling is not None:
        return within(value, ranked.error(of_positive, of_negative), ranked.resampling, positives)
    return on_logit_scale(value, sqrt(value * (1 - value) / positives), positives)


def precision_and_influences(ranked: Ranked) -> tuple[float, Floats, Floats]:
    """Average precision, and its derivative to the weight of a positive and of a negative row of every step.

    Source: B. Efron, Bootstrap methods: another look at the jackknife (1979).

    >>> precision_and_influences(rank(np.array([True, False]), np.array([0.8, 0.1])))[0]
    1.0
    """
    gained, total = ranked.positives, float(ranked.positives.sum())
    if not total:
        raise ValueError("no row is positive")
    rows = np.cumsum(gained + ranked.negatives)
    precisions = np.cumsum(gained) / rows
    value = min(1.0, float(np.sum(gained * precisions)) / total)
    # A row counts in the precision of its own step and of all steps below.
    added = np.cumsum((gained / rows)[::-1])[::-1]
    diluted = np.cumsum((gained * precisions / rows)[::-1])[::-1]
    return value, (precisions - value + added - diluted) / total, -diluted / total


def lift_of(ranked: Ranked) -> Estimate:
    """How many times more positives are among the top 40 % of rows by score than among all. Higher is better.

    Rows that tie at the cut count in part, so that their order does not matter. The interval is Wilson's, for the
    share of the positives that is above the cut; where there are blocks, they are drawn.

    Args:
        ranked: As :func:`rank` sorts them.

    Raises:
        ValueError: no row is positive.

    >>> lift_of(rank(np.array([True, True, False, False, False]), np.array([0.9, 0.8, 0.3, 0.2, 0.1]))).value
    2.5
    """
    positives = np.cumsum(ranked.positives)
    if not positives.size or positives[-1] == 0:
        raise ValueError("no row is positive")
    rows = np.cumsum(ranked.positives + ranked.negatives)
    found = float(np.interp(LIFT_SHARE * rows[-1], np.append(0.0, rows), np.append(0.0, positives)))
    if ranked.resampling is None:
        share = wilson(found, int(positives[-1]))
    else:
        value = found / float(positives[-1])
        share = ranked.resampling.share(value, float(positives[-1]), _found_in_draws(ranked, rows, value))
    return Estimate(*(None if end is None else end / LIFT_SHARE for end in share))  # type: ignore[arg-type]


def _found_in_draws(ranked: Ranked, rows: Floats, value: float) -> Floats:
    """The share of the positives above the cut, of drawn blocks."""
    resampling, positive, step = ranked.resampling, ranked.positive, ranked.step
    if resampling is None or positive is None or step is None:
        raise AssertionError("only rows with a resampling are drawn")
    parts = _DRAWN_STEPS
    middles = (rows - (ranked.positives + ranked.negatives) / 2) / rows[-1]
    part = np.clip((middles * parts).astype(np.int64), 0, parts - 1)[step]
    cells, shape = resampling.blocks * parts + part, (resampling.count, parts)
    weights = resampling.weights
    every = sums_by(cells, weights, shape[0] * parts).reshape(shape)
    gained = sums_by(cells[positive], weights[positive], shape[0] * parts).reshape(shape)
    drawn_rows, drawn_positives = (np.cumsum(resampling.drawn(side), axis=1) for side in (every, gained))
    repeated = _interpolated(drawn_rows, drawn_positives)
    # Ties of a part stand for rows that don't tie: what that moves is taken back.
    whole = _interpolated(*(np.cumsum(side.sum(axis=0))[None, :] for side in (every, gained)))
    return np.clip(repeated + (value - whole), 0.0, 1.0)


def _interpolated(rows: Floats, positives: Floats) -> Floats:
    """Shape (draws,): the share of the positives that is in the first rows, by weight."""
    cut = LIFT_SHARE * rows[:, -1]
    place = (rows < cut[:, None]).sum(axis=1)
    draws = np.arange(len(rows))
    before, until = np.where(place > 0, place - 1, 0), np.minimum(place, rows.shape[1] - 1)
    first = place > 0
    rows_before, positives_before = (np.where(first, side[draws, before], 0.0) for side in (rows, positives))
    width = rows[draws, until] - rows_before
    inside = np.divide(cut - rows_before, width, out=np.zeros(len(rows)), where=width > 0)
    found = positives_before + inside * (positives[draws, until] - positives_before)
    total = positives[:, -1]
    return np.asarray(np.divide(found, total, out=np.full(len(rows), np.nan), where=total > 0), dtype=np.float64)
