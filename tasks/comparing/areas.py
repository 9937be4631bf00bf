"""The difference of two areas under ROC curves of the same rows."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from tasks.metrics.classification import Truths
from tasks.metrics.intervals import Floats
from tasks.metrics.ranking import shares_above, steps_of
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import weights_by


class AreaDifference(NamedTuple):
    """Two areas, and how sure their difference is.

    Args:
        first: Area by the first scores, 0 to 1.
        second: Area by the second scores.
        error: Standard error of their difference; ``None`` with one row of a class, or one block.
        degrees: Of freedom of that error: of the smaller class, or of the blocks.
    """

    first: float
    second: float
    error: float | None
    degrees: float


def area_difference(
    positive: Truths, first: Floats, second: Floats, resampling: Resampling | None = None
) -> AreaDifference:
    """Two correlated areas, with DeLong's standard error of their difference, in one sort each.

    What a positive row adds to the area is the share of negative rows that it stands above, ties counting half, and
    likewise for negative rows. The variance of the difference is that of the differences of what the rows add, class by
    class. Of rows with weights or blocks it is Obuchowski's.

    Args:
        positive: Shape (rows,).
        first: Shape (rows,), any scale, none missing.
        second: Likewise, of the same rows.
        resampling: Weights and blocks of the rows; ``None``: they count the same and are independent.

    Raises:
        ValueError: one class only.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); X. Sun, W. Xu, Fast implementation
    of DeLong's algorithm, IEEE Signal Processing Letters 21 (2014); N. A. Obuchowski, Biometrics 53 (1997).

    >>> truth = np.array([True, True, True, False, False, False])
    >>> found = area_difference(truth, np.array([6.0, 3, 5, 4, 2, 1]), np.array([6.0, 5, 4, 3, 2, 1]))
    >>> round(found.first, 3), found.second, round(found.error, 3)
    (0.889, 1.0, 0.157)
    """
    weights = None if resampling is None else resampling.weights
    positives, negatives = (float(_weight(weights, chosen)) for chosen in (positive, ~positive))
    if not positives or not negatives:
        raise ValueError("the target holds one class only")
    added = [_added(positive, scores, weights) for scores in (first, second)]
    first_area, second_area = (
        min(1.0, _mean(of_row[positive], None if weights is None else weights[positive])) for of_row in added
    )
    differences = added[1] - added[0]
    apart = differences - (second_area - first_area)
    if resampling is not None:
        if resampling.count < 2:
            return AreaDifference(first_area, second_area, None, 0)
        error = resampling.error(apart / np.where(positive, positives, negatives))
        return AreaDifference(first_area, second_area, error, resampling.count - 1)
    fewest = min(positives, negatives)
    if fewest < 2:
        return AreaDifference(first_area, second_area, None, 0)
    spread = float(np.sum(apart[positive] ** 2)) / (positives - 1) / positives
    spread += float(np.sum(apart[~positive] ** 2)) / (negatives - 1) / negatives
    return AreaDifference(first_area, second_area, sqrt(spread), fewest - 1)


def _weight(weights: Floats | None, chosen: Truths) -> float:
    return float(np.count_nonzero(chosen)) if weights is None else float(weights[chosen].sum())


def _mean(values: Floats, weights: Floats | None) -> float:
    return float(np.average(values, weights=weights))


def _added(positive: Truths, scores: Floats, weights: Floats | None) -> Floats:
    """Shape (rows,): of a positive row the share of negatives below it, of a negative row that of positives above it."""
    step, steps = steps_of(scores)
    sides = [
        weights_by(step[chosen], None if weights is None else weights[chosen], steps)
        for chosen in (positive, ~positive)
    ]
    above, below = shares_above(sides[0]), 1 - shares_above(sides[1])
    return np.asarray(np.where(positive, below[step], above[step]), dtype=np.float64)
