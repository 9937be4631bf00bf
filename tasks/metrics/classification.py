"""Classification metrics of labels and of probabilities taken as such; those of their order are in ``ranking``.

NumPy. Where a metric is not defined, it raises ``ValueError`` with the reason. Classes are codes, 0 to K - 1 in the order of the schema; in binary, 1 is the positive class.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from tasks.metrics import bootstrap
from tasks.metrics.bootstrap import SEED, Margins
from tasks.metrics.intervals import (
    CONFIDENCE,
    Estimate,
    Floats,
    mean_of_losses,
    normal_quantile,
    wilson,
)

Codes = NDArray[np.int64]
Table = NDArray[np.int64]
Truths = NDArray[np.bool_]

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


def precision(table: Table, seed: int = SEED) -> Estimate:
    """Share of the rows predicted positive that are; macro average over classes when there are more than two.

    Args:
        table: Confusion table, shape (classes, classes).
        seed: Of the bootstrap.

    Returns:
        0 to 1, 1 is best; Wilson interval in the binary case, bootstrap interval of the macro average. That runs
        over the classes that occur on either side, and a class that is never predicted counts 0, as in scikit-learn.

    Raises:
        ValueError: binary, and no row is predicted positive.

    >>> precision(np.array([[2, 1], [0, 1]])).value
    0.5
    """
    if len(table) == 2:
        predicted = int(table[:, 1].sum())
        if predicted == 0:
            raise ValueError("no row is predicted positive")
        return wilson(int(table[1, 1]), predicted)
    return _macro(table, lambda margins: (margins.right, margins.predicted), seed)


def recall(table: Table, seed: int = SEED) -> Estimate:
    """Share of the positive rows that are predicted so; macro average over classes when there are more than two.

    See :func:`precision` for the average.

    Raises:
        ValueError: binary, and no row is positive.

    >>> recall(np.array([[2, 1], [0, 1]])).value
    1.0
    """
    if len(table) == 2:
        true = int(table[1].sum())
        if true == 0:
            raise ValueError("no row is positive")
        return wilson(int(table[1, 1]), true)
    return _macro(table, lambda margins: (margins.right, margins.true), seed)


def f1(table: Table, seed: int = SEED) -> Estimate:
    """Harmonic mean of precision and recall; macro average over classes when there are more than two.

    The interval of the binary case: F1 = 2J / (1 + J) grows with J = TP / (TP + FP + FN), which is a share of the
    rows that are positive on either side, so the ends of J's Wilson interval are carried over. The macro average has
    a bootstrap interval.

    Raises:
        ValueError: binary, and no row is positive or predicted so.

    >>> round(f1(np.array([[2, 1], [0, 1]])).value, 3)
    0.667
    """
    if len(table) == 2:
        union = int(table.sum() - table[0, 0])
        if union == 0:
            raise ValueError("no row is positive, and none is predicted so")
        return Estimate(*(2 * end / (1 + end) for end in wilson(int(table[1, 1]), union) if end is not None))
    return _macro(table, lambda margins: (2 * margins.right, margins.true + margins.predicted), seed)


def _macro(table: Table, share: Callable[[Margins], tuple[Floats, Floats]], seed: int) -> Estimate:
    """Mean, over the classes that occur on either side, of a share given as part and whole per class."""
    if not table.any():
        raise ValueError("there are no rows")

    def mean(margins: Margins) -> Floats:
        part, whole = share(margins)
        occurs = margins.true + margins.predicted > 0
        shares = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
        return np.asarray(shares.sum(axis=-1) / occurs.sum(axis=-1))

    return bootstrap.estimate(table, mean, seed)


def mcc(table: Table, seed: int = SEED) -> Estimate:
    """Matthews correlation of true and predicted classes, -1 to 1; 1 is best, 0 a constant prediction.

    Args:
        table: Confusion table, shape (classes, classes).
        seed: Of the bootstrap that gives the interval.

    Raises:
        ValueError: the target holds one class only.

    Source: J. Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004).

    >>> mcc(np.array([[2, 0], [0, 2]])).value
    1.0
    """
    if np.count_nonzero(table.sum(axis=1)) < 2:
        raise ValueError("the target holds one class only")

    def correlation(margins: Margins) -> Floats:
        rows = margins.true.sum(axis=-1)
        spreads = [rows**2 - (side**2).sum(axis=-1) for side in (margins.true, margins.predicted)]
        together = margins.right.sum(axis=-1) * rows - (margins.true * margins.predicted).sum(axis=-1)
        product = np.sqrt(spreads[0] * spreads[1])
        found = np.divide(together, product, out=np.zeros(np.shape(rows)), where=product > 0)
        return np.where(spreads[0] > 0, found, np.nan)

    return bootstrap.estimate(table, correlation, seed)


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

    The interval holds the truth in at least 95 % of cases: it is as wide to either side as the gaps of the bins, all
    together, may be off by chance (normal, independent bins). Where probabilities are calibrated the value is all
    chance, and the interval begins at 0.

    Returns:
        0 to 1; 0 is best.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI (2015).

    >>> round(calibration_loss(np.array([False, True]), np.array([0.25, 0.75])).value, 2)
    0.25
    """
    value, margin = _calibration(positive, probabilities)
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin))


def calibration_loss_of_classes(target: Codes, probabilities: Floats) -> Estimate:
    """Mean calibration loss of each class that occurs in the target against the rest; see :func:`calibration_loss`.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).

    >>> round(calibration_loss_of_classes(np.array([0, 1]), np.array([[0.8, 0.2], [0.2, 0.8]])).value, 2)
    0.2
    """
    found = [_calibration(target == code, probabilities[:, code]) for code in np.unique(target)]
    if not found:
        raise ValueError("there are no rows")
    value, margin = (float(np.mean(side)) for side in zip(*found, strict=True))
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin))


def _calibration(positive: Truths, probabilities: Floats) -> tuple[float, float]:
    """The calibration loss, and how far it may be off."""
    rows = probabilities.size
    if not rows:
        raise ValueError("there are no rows")
    bins = np.clip((probabilities * CALIBRATION_BINS).astype(np.int64), 0, CALIBRATION_BINS - 1)
    gap = probabilities - positive
    gaps, squares = (np.bincount(bins, weights=w, minlength=CALIBRATION_BINS) / rows for w in (gap, gap**2))
    deviations = np.sqrt(np.maximum(0.0, squares - gaps**2) / rows)
    # Of the sum of absolute normal errors: mean, deviation, and the quantile that its skewness moves (Cornish-Fisher).
    mean, spread = sqrt(2 / pi) * deviations.sum(), sqrt((1 - 2 / pi) * float(deviations @ deviations))
    skewness = sqrt(2 / pi) * (4 / pi - 1) * float((deviations**3).sum()) / spread**3 if spread > 0 else 0.0
    z = normal_quantile(2 * CONFIDENCE - 1)  # one-sided
    margin = mean + spread * (z + (z * z - 1) * skewness / 6)
    return float(np.abs(gaps).sum()), float(margin)
