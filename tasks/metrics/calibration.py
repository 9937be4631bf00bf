"""How far probabilities are from frequencies. NumPy."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from governance.vocabulary import Averaging
from tasks.metrics.classification import Codes, Truths
from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, normal_quantile
from tasks.metrics.losses import weighted_mean
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import sums_by

BINS = 10


def calibration_loss(positive: Truths, probabilities: Floats, resampling: Resampling | None = None) -> Estimate:
    """Expected calibration error: how far, on average over rows, probability is from frequency.

    Ten bins of equal width; in each, the distance of the mean probability from the share of positives,
    weighted by rows.

    The interval holds the truth in at least 95 % of cases: it is as wide to either side as the gaps of the bins, all
    together, may be off by chance (normal, independent bins). Where probabilities are calibrated the value is all
    chance, and the interval begins at 0.

    Args:
        positive: Shape (rows,).
        probabilities: Shape (rows,), 0 to 1.
        resampling: Weights and blocks of the rows.

    Returns:
        0 to 1; 0 is best.

    Raises:
        ValueError: there are no rows.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, AAAI (2015).

    >>> round(calibration_loss(np.array([False, True]), np.array([0.25, 0.75])).value, 2)
    0.25
    """
    return _within_margin(*_calibration(positive, probabilities, resampling))


def calibration_loss_of_classes(
    target: Codes,
    probabilities: Floats,
    averaging: Averaging = Averaging.MACRO,
    resampling: Resampling | None = None,
) -> Estimate:
    """Mean calibration loss of each class that occurs in the target against the rest; see :func:`calibration_loss`.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).
        averaging: Each class counts the same, or by the rows that are of it.
        resampling: Weights and blocks of the rows.

    >>> round(calibration_loss_of_classes(np.array([0, 1]), np.array([[0.8, 0.2], [0.2, 0.8]])).value, 2)
    0.2
    """
    occurring = np.flatnonzero(np.bincount(target))
    if not occurring.size:
        raise ValueError("there are no rows")
    value = margin = total = 0.0
    for code in occurring:
        positive = target == code
        weight = weighted_mean(positive.astype(np.float64), resampling) if averaging is Averaging.WEIGHTED else 1.0
        of_class, off = _calibration(positive, probabilities[:, code], resampling)
        value, margin, total = value + weight * of_class, margin + weight * off, total + weight
    return _within_margin(value / total, margin / total)


def _within_margin(value: float, margin: float) -> Estimate:
    return Estimate(value, max(0.0, value - margin), min(1.0, value + margin))


def _calibration(positive: Truths, probabilities: Floats, resampling: Resampling | None) -> tuple[float, float]:
    """The calibration loss, and how far it may be off."""
    rows = probabilities.size
    if not rows:
        raise ValueError("there are no rows")
    bins = np.clip((probabilities * BINS).astype(np.int64), 0, BINS - 1)
    gap = probabilities - positive
    if resampling is None:
        gaps, squares = (sums_by(bins, values, BINS) / rows for values in (gap, gap**2))
        deviations = np.sqrt(np.maximum(0.0, squares - gaps**2) / rows)
    else:
        blocks, weights = resampling.blocks, resampling.weights
        by_block = sums_by(blocks * BINS + bins, weights * gap, resampling.count * BINS).reshape(-1, BINS)
        gaps = by_block.sum(axis=0) / resampling.total
        # What a block adds to the gap of a bin, a ratio of two sums.
        added = by_block - np.outer(sums_by(blocks, weights, resampling.count), gaps)
        freedom = max(1, resampling.count - 1)
        deviations = np.sqrt((added**2).sum(axis=0) * resampling.count / freedom) / resampling.total
    # Of the sum of absolute normal errors: mean, deviation, and the quantile that its skewness moves (Cornish-Fisher).
    mean, spread = sqrt(2 / pi) * deviations.sum(), sqrt((1 - 2 / pi) * float(np.sum(deviations**2)))
    skewness = sqrt(2 / pi) * (4 / pi - 1) * float((deviations**3).sum()) / spread**3 if spread > 0 else 0.0
    z = normal_quantile(2 * CONFIDENCE - 1)  # one-sided
    margin = mean + spread * (z + (z * z - 1) * skewness / 6)
    return float(np.abs(gaps).sum()), float(margin)
