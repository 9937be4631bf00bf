"""Classification metrics in NumPy. Where a metric is not defined, it raises ``ValueError`` with the reason.

Classes are codes, 0 to K - 1 in the order of the schema; in binary, 1 is the positive class.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, mean_of_losses, normal_quantile, wilson

Codes = NDArray[np.int64]
Table = NDArray[np.int64]
Truths = NDArray[np.bool_]

LIFT_SHARE = 0.4
"""Share of the rows, those with the highest probabilities, in which ``lift`` looks for positives."""

CALIBRATION_BINS = 10


def confusion(target: Codes, predicted: Codes, classes: int) -> NDArray[np.int64]:
    """Rows by true class (first axis) and predicted class (second axis).

    >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    return np.bincount(target * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(table: Table) -> Estimate:
    """Share of rows predicted right, of a confusion table; Wilson interval. 1 is best.

    >>> accuracy(np.array([[1, 0], [1, 2]])).value
    0.75
    """
    return wilson(int(np.trace(table)), int(table.sum()))


def hamming_loss(table: Table) -> Estimate:
    """Share of rows predicted wrong; Wilson interval. 0 is best."""
    return wilson(int(table.sum() - np.trace(table)), int(table.sum()))


def precision(table: Table) -> Estimate:
    """Share of the rows predicted positive that are; macro average over classes when there are more than two.

    Args:
        table: Confusion table, shape (classes, classes).

    Returns:
        0 to 1, 1 is best; Wilson interval in the binary case. The macro average runs over the classes that
        occur on either side, and a class that is never predicted counts 0, as in scikit-learn.

    Raises:
        ValueError: binary, and no row is predicted positive.

    >>> precision(np.array([[2, 1], [0, 1]])).value
    0.5
    """
    right, predicted = np.diag(table), table.sum(axis=0)
    if len(table) == 2:
        if predicted[1] == 0:
            raise ValueError("no row is predicted positive")
        return wilson(int(right[1]), int(predicted[1]))
    return Estimate(_macro(right, predicted, table))


def recall(table: Table) -> Estimate:
    """Share of the positive rows that are predicted so; macro average over classes when there are more than two.

    See :func:`precision` for the average.

    Raises:
        ValueError: binary, and no row is positive.

    >>> recall(np.array([[2, 1], [0, 1]])).value
    1.0
    """
    right, true = np.diag(table), table.sum(axis=1)
    if len(table) == 2:
        if true[1] == 0:
            raise ValueError("no row is positive")
        return wilson(int(right[1]), int(true[1]))
    return Estimate(_macro(right, true, table))


def f1(table: Table) -> Estimate:
    """Harmonic mean of precision and recall; macro average over classes when there are more than two.

    The interval of the binary case: F1 = 2J / (1 + J) grows with J = TP / (TP + FP + FN), which is a share of the
    rows that are positive on either side, so the ends of J's Wilson interval are carried over.

    Raises:
        ValueError: binary, and no row is positive or predicted so.

    >>> round(f1(np.array([[2, 1], [0, 1]])).value, 3)
    0.667
    """
    right, sides = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    if len(table) == 2:
        union = int(sides[1] - right[1])
        if union == 0:
            raise ValueError("no row is positive, and none is predicted so")
        return Estimate(*(2 * end / (1 + end) for end in wilson(int(right[1]), union) if end is not None))
    return Estimate(_macro(2 * right, sides, table))


def _macro(part: NDArray[np.int64], whole: NDArray[np.int64], table: Table) -> float:
    occurs = (table.sum(axis=0) + table.sum(axis=1)) > 0
    if not occurs.any():
        raise ValueError("there are no rows")
    shares = np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
    return float(shares[occurs].mean())


def mcc(table: Table) -> Estimate:
    """Matthews correlation of true and predicted classes, -1 to 1; 1 is best, 0 a constant prediction.

    Raises:
        ValueError: the target holds one class only.

    Source: J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004).

    >>> mcc(np.array([[2, 0], [0, 2]])).value
    1.0
    """
    counts = table.astype(np.float64)
    true, predicted, rows = counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    spread = rows**2 - float(true @ true)
    if spread <= 0:
        raise ValueError("the target holds one class only")
    product = spread * (rows**2 - float(predicted @ predicted))
    return Estimate(float((np.trace(counts) * rows - true @ predicted) / sqrt(product)) if product > 0 else 0.0)


def roc_auc(positive: Truths, scores: Floats) -> Estimate:
    """Probability that a positive row scores above a negative one, ties counting half, with DeLong's interval.

    Args:
        positive: Shape (rows,).
        scores: Shape (rows,), any scale.

    Returns:
        0 to 1; 1 is best, 0.5 is chance. No interval when the variance can't be estimated (one row of a class,
        or no overlap at all).

    Raises:
        ValueError: one class only.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988).

    >>> roc_auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8])).value
    0.875
    """
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    if not above.size or not below.size:
        raise ValueError("the target holds one class only")
    of_positive = (np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")) / (2 * below.size)
    value = float(of_positive.mean())
    if min(above.size, below.size) < 2:
        return Estimate(value)
    of_negative = 1 - (np.searchsorted(above, below, "left") + np.searchsorted(above, below, "right")) / (
        2 * above.size
    )
    variance = float(np.var(of_positive, ddof=1) / above.size + np.var(of_negative, ddof=1) / below.size)
    if variance <= 0:
        return Estimate(value)
    half = normal_quantile(CONFIDENCE) * sqrt(variance)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


def roc_auc_of_pairs(target: Codes, probabilities: Floats) -> Estimate:
    """ROC AUC of several classes: the mean over all ordered pairs of classes that occur in the target.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).

    Raises:
        ValueError: the target holds one class only.

    Source: D. J. Hand, R. J. Till, Machine Learning 45 (2001).

    >>> roc_auc_of_pairs(np.array([0, 1, 2]), np.eye(3)).value
    1.0
    """
    rows_of = [np.flatnonzero(target == code) for code in range(probabilities.shape[1])]
    found: list[float] = []
    for one, rows_of_one in enumerate(rows_of):
        below = [np.sort(probabilities[rows, one]) for other, rows in enumerate(rows_of) if other != one and rows.size]
        above = np.sort(probabilities[rows_of_one, one])
        if above.size:
            found += [
                float(np.mean(np.searchsorted(b, above, "left") + np.searchsorted(b, above, "right")) / (2 * b.size))
                for b in below
            ]
    if not found:
        raise ValueError("the target holds one class only")
    return Estimate(float(np.mean(found)))


def average_precision(positive: Truths, scores: Floats) -> Estimate:
    """Area under the precision-recall curve as a sum of steps: sum of (R_n - R_n-1) P_n.

    Returns:
        0 to 1; 1 is best, the share of positives is chance. Interval on the logit scale; none at 1.

    Raises:
        ValueError: no row is positive.

    Source: K. Boyd, K. H. Eng, C. D. Page, Area under the precision-recall curve (2013), for the interval.

    >>> round(average_precision(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])).value, 3)
    0.833
    """
    rows, positives = _cumulated(positive, scores)
    if not positives.size or positives[-1] == 0:
        raise ValueError("no row is positive")
    value = float(np.sum(np.diff(positives, prepend=0.0) / positives[-1] * positives / rows))
    if not 0 < value < 1:
        return Estimate(value)
    half = normal_quantile(CONFIDENCE) / sqrt(positives[-1] * value * (1 - value))
    logit = log(value / (1 - value))
    return Estimate(value, *(1 / (1 + exp(-min(700.0, max(-700.0, end)))) for end in (logit - half, logit + half)))


def lift(positive: Truths, scores: Floats) -> Estimate:
    """How many times more positives are among the top 40 % of rows by score than among all. Higher is better.

    Rows that tie at the cut count in part, so that their order does not matter.

    Raises:
        ValueError: no row is positive.

    >>> lift(np.array([True, True, False, False, False]), np.array([0.9, 0.8, 0.3, 0.2, 0.1])).value
    2.5
    """
    rows, positives = _cumulated(positive, scores)
    if not positives.size or positives[-1] == 0:
        raise ValueError("no row is positive")
    found = np.interp(LIFT_SHARE * rows[-1], np.append(0.0, rows), np.append(0.0, positives))
    return Estimate(float(found / positives[-1] / LIFT_SHARE))


def _cumulated(positive: Truths, scores: Floats) -> tuple[Floats, Floats]:
    """Rows and positives down to every distinct score, from the highest."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1) if len(scores) else np.array([], int)
    return (ends + 1).astype(np.float64), np.cumsum(positive[order])[ends].astype(np.float64)


def log_loss(target: Codes, probabilities: Floats) -> Estimate:
    """Mean negative logarithm of the probability given to the true class, in nats. 0 is best.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes); cut off one machine epsilon from 0 and 1, as in scikit-learn.

    >>> round(log_loss(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])).value, 4)
    0.1643
    """
    if not target.size:
        raise ValueError("there are no rows")
    epsilon = np.finfo(np.float64).eps
    given = probabilities[np.arange(target.size), target]
    return mean_of_losses(-np.log(np.clip(given, epsilon, 1 - epsilon)))


def calibration_loss(positive: Truths, probabilities: Floats) -> Estimate:
    """Expected calibration error: how far, on average over rows, probability is from frequency.

    Ten bins of equal width; in each, the distance of the mean probability from the share of positives,
    weighted by rows.

    Returns:
        0 to 1; 0 is best.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI (2015).

    >>> round(calibration_loss(np.array([False, True]), np.array([0.25, 0.75])).value, 2)
    0.25
    """
    if not probabilities.size:
        raise ValueError("there are no rows")
    bins = np.clip((probabilities * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=probabilities - positive, minlength=CALIBRATION_BINS)
    return Estimate(float(np.abs(gaps).sum() / probabilities.size))
