"""Classification metrics of labels, and of probabilities taken as such; those of their order are in ``ranking``.

NumPy. Where a metric is not defined, it raises ``ValueError`` with the reason. Classes are codes, 0 to K - 1 in the
order of the schema; in binary, 1 is the positive class. ``drawn`` are tables of drawn blocks of rows, which give the
interval where rows have weights or hang together; without them rows count the same and are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Averaging
from tasks.metrics import bootstrap
from tasks.metrics.bootstrap import Drawn, Margins, Table, margins_of
from tasks.metrics.intervals import Estimate, Floats, wilson
from tasks.metrics.losses import mean_of_losses
from tasks.metrics.resampling import SEED, Resampling
from tasks.metrics.sums import sums_by

if TYPE_CHECKING:
    from governance.project_file import CostMatrix

Codes = NDArray[np.int64]
Truths = NDArray[np.bool_]
Shares = Callable[[Margins], tuple[Floats, Floats]]
"""A part and the whole that it is a share of, of the margins of many tables."""


def confusion(target: Codes, predicted: Codes, classes: int, weights: Floats | None = None) -> Table:
    """Rows by true class (first axis) and predicted class (second axis): how many, or what they weigh.

    >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
    [[1, 0], [1, 1]]
    """
    cells = target * classes + predicted
    if weights is not None:
        return sums_by(cells, weights, classes * classes).reshape(classes, classes)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def accuracy(table: Table, drawn: Drawn | None = None) -> Estimate:
    """Share of rows predicted right, of a confusion table; Wilson interval. 1 is best.

    >>> accuracy(np.array([[1, 0], [1, 2]])).value
    0.75
    """
    return _share(table, lambda m: (m.right.sum(axis=-1), m.true.sum(axis=-1)), drawn, "there are no rows")


def hamming_loss(table: Table, drawn: Drawn | None = None) -> Estimate:
    """Share of rows predicted wrong; Wilson interval. 0 is best."""
    return _share(
        table,
        lambda m: (m.true.sum(axis=-1) - m.right.sum(axis=-1), m.true.sum(axis=-1)),
        drawn,
        "there are no rows",
    )


def precision(
    table: Table, seed: int = SEED, averaging: Averaging = Averaging.MACRO, drawn: Drawn | None = None
) -> Estimate:
    """Share of the rows predicted positive that are; averaged over classes when there are more than two.

    Args:
        table: Confusion table, shape (classes, classes).
        seed: Of the bootstrap.
        averaging: Of more than two classes: each counts the same, or by the rows that are of it.
        drawn: Tables of drawn blocks.

    Returns:
        0 to 1, 1 is best; Wilson interval in the binary case, bootstrap interval of the average. A macro average
        runs over the classes that occur on either side, and a class that is never predicted counts 0, as in
        scikit-learn.

    Raises:
        ValueError: binary, and no row is predicted positive.

    >>> precision(np.array([[2, 1], [0, 1]])).value
    0.5
    """
    if len(table) == 2:
        return _share(table, lambda m: (m.right[..., 1], m.predicted[..., 1]), drawn, "no row is predicted positive")
    return _average(table, lambda margins: (margins.right, margins.predicted), seed, averaging, drawn)


def recall(
    table: Table, seed: int = SEED, averaging: Averaging = Averaging.MACRO, drawn: Drawn | None = None
) -> Estimate:
    """Share of the positive rows that are predicted so; averaged over classes when there are more than two.

    See :func:`precision` for the average.

    Raises:
        ValueError: binary, and no row is positive.

    >>> recall(np.array([[2, 1], [0, 1]])).value
    1.0
    """
    if len(table) == 2:
        return _share(table, lambda m: (m.right[..., 1], m.true[..., 1]), drawn, "no row is positive")
    return _average(table, lambda margins: (margins.right, margins.true), seed, averaging, drawn)


def f1(table: Table, seed: int = SEED, averaging: Averaging = Averaging.MACRO, drawn: Drawn | None = None) -> Estimate:
    """Harmonic mean of precision and recall; averaged over classes when there are more than two.

    The interval of the binary case: F1 = 2J / (1 + J) grows with J = TP / (TP + FP + FN), which is a share of the
    rows that are positive on either side, so the ends of J's interval are carried over. The average has a bootstrap
    interval.

    Raises:
        ValueError: binary, and no row is positive or predicted so.

    >>> round(f1(np.array([[2, 1], [0, 1]])).value, 3)
    0.667
    """
    if len(table) == 2:
        union: Shares = lambda m: (m.right[..., 1], m.true[..., 1] + m.predicted[..., 1] - m.right[..., 1])  # noqa: E731
        found = _share(table, union, drawn, "no row is positive, and none is predicted so")
        return Estimate(*(None if end is None else 2 * end / (1 + end) for end in found))  # type: ignore[arg-type]
    return _average(table, lambda m: (2 * m.right, m.true + m.predicted), seed, averaging, drawn)


def _share(table: Table, share: Shares, drawn: Drawn | None, undefined: str) -> Estimate:
    """A share of rows; Raises ``ValueError`` when the whole is empty."""
    part, whole = (float(side) for side in share(margins_of(table)))
    if whole <= 0:
        raise ValueError(undefined)
    if drawn is None:
        return wilson(part, int(whole))
    parts, wholes = share(drawn.margins)
    shares = np.divide(parts, wholes, out=np.full(parts.shape, np.nan), where=wholes > 0)
    return drawn.resampling.share(part / whole, whole, shares)


def _average(table: Table, share: Shares, seed: int, averaging: Averaging, drawn: Drawn | None) -> Estimate:
    """Mean over classes of a share given as part and whole per class."""
    if not table.any():
        raise ValueError("there are no rows")

    def mean(margins: Margins) -> Floats:
        part, whole = share(margins)
        shares = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
        if averaging is Averaging.WEIGHTED:
            return np.asarray((shares * margins.true).sum(axis=-1) / margins.true.sum(axis=-1))
        occurs = margins.true + margins.predicted > 0
        return np.asarray(shares.sum(axis=-1) / occurs.sum(axis=-1))

    return bootstrap.estimate(table, mean, seed, drawn)


def mcc(table: Table, seed: int = SEED, drawn: Drawn | None = None) -> Estimate:
    """Matthews correlation of true and predicted classes, -1 to 1; 1 is best, 0 a constant prediction.

    Args:
        table: Confusion table, shape (classes, classes).
        seed: Of the bootstrap that gives the interval.
        drawn: Tables of drawn blocks.

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
        # Of weights, what is left of a single class is not exactly 0.
        varies = [(side > 0).sum(axis=-1) > 1 for side in (margins.true, margins.predicted)]
        product = np.sqrt(np.maximum(spreads[0], 0.0) * np.maximum(spreads[1], 0.0))
        found = np.divide(together, product, out=np.zeros(np.shape(rows)), where=varies[0] & varies[1] & (product > 0))
        return np.where(varies[0], np.clip(found, -1.0, 1.0), np.nan)

    return bootstrap.estimate(table, correlation, seed, drawn)


def cost_gain(table: Table, costs: CostMatrix, seed: int = SEED, drawn: Drawn | None = None) -> Estimate:
    """What a row is worth on average, by how it was predicted. Higher is better; in the unit of the costs.

    Args:
        table: Confusion table of a binary model.
        costs: Worth of a true positive, false positive, false negative and true negative; costs are negative.
        seed: Of the bootstrap that gives the interval.
        drawn: Tables of drawn blocks.

    Raises:
        ValueError: there are no rows.

    Source: C. Elkan, The foundations of cost-sensitive learning (2001).

    >>> from governance.project_file import CostMatrix
    >>> cost_gain(np.array([[6, 2], [1, 1]]), CostMatrix(true_positive=10, false_positive=-1)).value
    0.8
    """
    if not table.any():
        raise ValueError("there are no rows")

    def gain(m: Margins) -> Floats:
        right, true, predicted = (side.T for side in m)
        worth = costs.true_positive * right[1] + costs.false_positive * (predicted[1] - right[1])
        worth = worth + costs.false_negative * (true[1] - right[1]) + costs.true_negative * right[0]
        return np.asarray(worth / (true[0] + true[1]))

    return bootstrap.estimate(table, gain, seed, drawn)


def log_loss(target: Codes, probabilities: Floats, resampling: Resampling | None = None) -> Estimate:
    """Mean negative logarithm of the probability given to the true class, in nats. 0 is best.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes); cut off one machine epsilon from 0 and 1, as in scikit-learn.
        resampling: Weights and blocks of the rows.

    >>> round(log_loss(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]])).value, 4)
    0.1643
    """
    if not target.size:
        raise ValueError("there are no rows")
    return mean_of_losses(surprises(probabilities[np.arange(target.size), target]), resampling)


def surprises(given: Floats) -> Floats:
    """Log loss of every row, from the probability that its true class was given.

    >>> surprises(np.array([1.0])).round(6).tolist()
    [0.0]
    """
    epsilon = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(given, epsilon, 1 - epsilon)), dtype=np.float64)
