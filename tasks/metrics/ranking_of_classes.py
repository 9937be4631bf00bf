"""Metrics of the order in which the scores of several classes put rows, every class against the rest. NumPy."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from governance.vocabulary import Averaging
from tasks.metrics.classification import Codes
from tasks.metrics.intervals import Estimate, Floats, on_logit_scale
from tasks.metrics.ranking import Ranked, precision_and_influences, shares_above, steps_of, within
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import stable_sum, sums_by, weights_by


class ClassRanking(NamedTuple):
    """What one sort per class gives; no ROC AUC where the target holds one class only. 1 is the best of either.

    Args:
        roc_auc: The mean over all ordered pairs of classes that occur in the target; the interval is that of
            :func:`tasks.metrics.ranking.roc_auc_of`, every row with all the pairs that it takes part in.
        average_precision: The mean over the classes that occur, each against the rest; the interval is on the logit
            scale, from what every row adds to the mean (infinitesimal jackknife), and at 1 it is Wilson's for as many
            rows as the smallest class has.
    """

    roc_auc: Estimate | None
    average_precision: Estimate


def rank_classes(
    target: Codes,
    probabilities: Floats,
    averaging: Averaging = Averaging.MACRO,
    resampling: Resampling | None = None,
) -> ClassRanking:
    """ROC AUC and average precision of several classes, with one sort per class for both.

    The areas of a class against each of the others are one area against all others, in which every other class
    has the weight 1: so the cost grows with the number of classes, and not with that of their pairs.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).
        averaging: Of average precision: each class counts the same, or by the rows that are of it.
        resampling: Weights and blocks of the rows.

    Raises:
        ValueError: there are no rows.

    Source: D. J. Hand, R. J. Till, Machine Learning 45 (2001); B. Efron, Bootstrap methods: another look at the
    jackknife (1979), for the interval of average precision.

    >>> found = rank_classes(np.array([0, 1, 2]), np.eye(3))
    >>> found.roc_auc.value, found.average_precision.value
    (1.0, 1.0)
    """
    weights = None if resampling is None else resampling.weights
    of_class = weights_by(target, weights, probabilities.shape[1])
    occurring = np.flatnonzero(of_class)
    if not occurring.size:
        raise ValueError("there are no rows")
    pairs = occurring.size * (occurring.size - 1)
    # What makes every class weigh 1.
    even = (1.0 if weights is None else weights) / of_class[target]
    total = float(of_class.sum())
    area = precision = 0.0
    parts, influence = np.zeros(target.size), np.zeros(target.size)
    for code in occurring:
        positive = target == code
        step, steps = steps_of(probabilities[:, code])
        rest = ~positive
        ranked = Ranked(
            weights_by(step[positive], None if weights is None else weights[positive], steps),
            weights_by(step[rest], None if weights is None else weights[rest], steps),
        )
        share = float(of_class[code]) / total if averaging is Averaging.WEIGHTED else 1 / occurring.size
        of_precision, of_positive, of_negative = precision_and_influences(ranked)
        precision += share * of_precision
        influence += share * np.where(positive, of_positive[step], of_negative[step])
        if averaging is Averaging.WEIGHTED:
            influence += of_precision * (positive - share) / total
        if pairs:
            others = sums_by(step[rest], even[rest], steps)
            below = (1 - shares_above(others)) * (occurring.size - 1)
            area += float(np.sum(ranked.positives * below)) / float(of_class[code])
            parts += np.where(positive, below[step], shares_above(ranked.positives)[step]) / pairs
    smallest = float(of_class[occurring].min())
    return ClassRanking(
        _area(min(1.0, area / pairs), parts, target, of_class, resampling) if pairs else None,
        _precision(min(1.0, precision), influence, smallest, resampling),
    )


def _area(value: float, parts: Floats, target: Codes, of_class: Floats, resampling: Resampling | None) -> Estimate:
    """The interval of an area from what every row adds to it, class by class (DeLong)."""
    classes = of_class.size
    occurring = of_class > 0
    smallest = float(of_class[occurring].min())
    weights = np.ones(target.size) if resampling is None else resampling.weights
    means = np.divide(sums_by(target, weights * parts, classes), of_class, out=np.zeros(classes), where=occurring)
    apart = parts - means[target]
    if resampling is not None:
        return within(value, resampling.error(apart / of_class[target]), resampling, smallest)
    if smallest < 2:
        return Estimate(value)
    rows = of_class[occurring]
    spread = float(np.sum(sums_by(target, apart**2, classes)[occurring] / (rows - 1) / rows))
    return on_logit_scale(value, sqrt(spread), smallest)


def _precision(value: float, influence: Floats, smallest: float, resampling: Resampling | None) -> Estimate:
    if resampling is not None:
        return within(value, resampling.error(influence), resampling, smallest)
    return on_logit_scale(value, sqrt(stable_sum(influence**2)), smallest)
