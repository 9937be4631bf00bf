"""Every performance metric as a function of what the rows weigh, so that it can be measured on drawn rows again and again.

The values are those of ``tasks.metrics``; what is sorted or coded there for one look is done here once for a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import nan, sqrt
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from governance.vocabulary import Averaging, PredictionType
from tasks.comparing.sides import Sides
from tasks.metrics.calibration import BINS
from tasks.metrics.classification import Codes, surprises
from tasks.metrics.intervals import Floats
from tasks.metrics.ranking import LIFT_SHARE, shares_above, steps_of

if TYPE_CHECKING:
    from governance.project_file import CostMatrix

Value = Callable[[Floats], float]
"""A metric of rows that weigh so much, shape (rows,), 0 where a row is not drawn; NaN where it is not defined."""


def value_by_weights(
    metric: str, sides: Sides, side: int, averaging: Averaging, cost_matrix: CostMatrix | None
) -> Value:
    """A metric of one side.

    Args:
        metric: As the catalogue has it, for models of this type.
        sides: The rows.
        side: 0 or 1.
        averaging: Of more than two classes.
        cost_matrix: For ``cost_gain``.

    Raises:
        ValueError: the metric is not defined on these rows, or there is no cost matrix.
    """
    if sides.prediction_type is PredictionType.REGRESSION:
        return _of_numbers(
            metric, *(np.asarray(each, dtype=np.float64) for each in (sides.target, sides.predicted[side]))
        )
    target = sides.target.astype(np.int64)
    if metric == "log_loss":
        losses = surprises(sides.given(side))
        return lambda weights: _mean(losses, weights)
    if metric == "roc_auc":
        return _areas(target, sides.probabilities[side])
    if metric in _OF_SCORES:
        return _of_scores(metric, target, sides.probabilities[side], averaging)
    predicted = sides.predicted[side].astype(np.int64)
    if metric == "cost_gain":
        if cost_matrix is None:
            raise ValueError("the model has no cost_matrix")
        worth = _worth(target, predicted, cost_matrix)
        return lambda weights: _mean(worth, weights)
    return _of_labels(metric, target, predicted, len(sides.classes), averaging)


def _mean(values: Floats, weights: Floats) -> float:
    total = float(weights.sum())
    return float(weights @ values) / total if total > 0 else nan


def _totals(codes: Codes, weights: Floats, groups: int) -> Floats:
    """What the rows of every group weigh together."""
    return np.bincount(codes, weights, groups).astype(np.float64, copy=False)


def _worth(target: Codes, predicted: Codes, costs: CostMatrix) -> Floats:
    """What every row is worth, by how it was predicted."""
    table = np.array([[costs.true_negative, costs.false_positive], [costs.false_negative, costs.true_positive]])
    return np.asarray(table[target, predicted], dtype=np.float64)


# Of predicted classes: what is right, what is true and what is predicted, class by class.


def _of_labels(metric: str, target: Codes, predicted: Codes, classes: int, averaging: Averaging) -> Value:
    right = target == predicted
    formula = _LABELS[metric]

    def value(weights: Floats) -> float:
        rights = _totals(target[right], weights[right], classes)
        trues, said = (_totals(codes, weights, classes) for codes in (target, predicted))
        return formula(rights, trues, said, averaging)

    return value


def _share(part: Floats, whole: Floats, true: Floats, said: Floats, averaging: Averaging) -> float:
    if part.size == 2:
        return float(part[1] / whole[1]) if whole[1] > 0 else nan
    shares = np.divide(part, whole, out=np.zeros(part.size), where=whole > 0)
    if averaging is Averaging.WEIGHTED:
        return _mean(shares, true)
    occurring = int(np.count_nonzero(true + said > 0))
    return float(shares.sum()) / occurring if occurring else nan


def _correlation(right: Floats, true: Floats, said: Floats, _averaging: Averaging) -> float:
    rows = float(true.sum())
    if np.count_nonzero(true) < 2:
        return nan
    spreads = [rows**2 - float(np.sum(side**2)) for side in (true, said)]
    product = sqrt(max(spreads[0], 0.0) * max(spreads[1], 0.0))
    if np.count_nonzero(said) < 2 or product == 0:
        return 0.0
    return (float(right.sum()) * rows - float(true @ said)) / product


_LABELS: Final[Mapping[str, Callable[[Floats, Floats, Floats, Averaging], float]]] = MappingProxyType(
    {
        "accuracy": lambda right, true, said, _: float(right.sum() / true.sum()),
        "hamming_loss": lambda right, true, said, _: float(1 - right.sum() / true.sum()),
        "precision": lambda right, true, said, averaging: _share(right, said, true, said, averaging),
        "recall": lambda right, true, said, averaging: _share(right, true, true, said, averaging),
        "f1": lambda right, true, said, averaging: _share(2 * right, true + said, true, said, averaging),
        "mcc": _correlation,
    }
)

# Of probabilities: every class that occurs against the rest, or the positive one of two.


def _of_scores(metric: str, target: Codes, probabilities: Floats, averaging: Averaging) -> Value:
    binary = probabilities.shape[1] == 2
    codes = [1] if binary else [int(code) for code in np.flatnonzero(np.bincount(target))]
    parts = [_OF_SCORES[metric](target == code, probabilities[:, code]) for code in codes]

    def value(weights: Floats) -> float:
        of_class = _totals(target, weights, probabilities.shape[1])[codes]
        occurs = of_class > 0
        found = np.array([part(weights) if there else 0.0 for part, there in zip(parts, occurs, strict=True)])
        if not occurs.any():
            return nan
        return _mean(found, of_class if averaging is Averaging.WEIGHTED and not binary else occurs.astype(np.float64))

    return value


def _precision(positive: Any, scores: Floats) -> Value:
    step, steps = steps_of(scores)
    own = step[positive]

    def value(weights: Floats) -> float:
        gained, rows = _totals(own, weights[positive], steps), np.cumsum(_totals(step, weights, steps))
        precisions = np.divide(np.cumsum(gained), rows, out=np.zeros(steps), where=rows > 0)
        return _mean(precisions, gained)

    return value


def _lift(positive: Any, scores: Floats) -> Value:
    step, steps = steps_of(scores)
    own = step[positive]

    def value(weights: Floats) -> float:
        gained = np.append(0.0, np.cumsum(_totals(own, weights[positive], steps)))
        rows = np.append(0.0, np.cumsum(_totals(step, weights, steps)))
        if gained[-1] <= 0:
            return nan
        return float(np.interp(LIFT_SHARE * rows[-1], rows, gained)) / float(gained[-1]) / LIFT_SHARE

    return value


def _calibration(positive: Any, scores: Floats) -> Value:
    bins = np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
    gap = scores - positive
    return lambda weights: float(np.abs(_totals(bins, weights * gap, BINS)).sum()) / float(weights.sum())


def _areas(target: Codes, probabilities: Floats) -> Value:
    """Hand and Till's mean over ordered pairs of classes, as :mod:`tasks.metrics.ranking_of_classes` has it."""
    steps = {int(code): steps_of(probabilities[:, code]) for code in np.unique(target)}
    if len(steps) < 2:
        raise ValueError("the target holds one class only")

    def value(weights: Floats) -> float:
        of_class = _totals(target, weights, probabilities.shape[1])
        occurring = [code for code in steps if of_class[code] > 0]
        if len(occurring) < 2:
            return nan
        even = np.divide(weights, of_class[target], out=np.zeros(weights.size), where=weights > 0)
        area = 0.0
        for code in occurring:
            step, count = steps[code]
            own = target == code
            below = 1 - shares_above(_totals(step[~own], even[~own], count))
            area += float(_totals(step[own], even[own], count) @ below) * (len(occurring) - 1)
        return area / (len(occurring) * (len(occurring) - 1))

    return value


_OF_SCORES: Final[Mapping[str, Callable[[Any, Floats], Value]]] = MappingProxyType(
    {"average_precision": _precision, "lift": _lift, "calibration_loss": _calibration}
)


def _of_numbers(metric: str, target: Floats, predicted: Floats) -> Value:
    if metric == "mape" and not target.all():
        raise ValueError("a target is 0, of which nothing is a share")
    if metric == "rmsle":
        if min(target.min(), predicted.min()) <= -1:
            raise ValueError("a value is -1 or below, which has no logarithm of 1 + value")
        squares = (np.log1p(target) - np.log1p(predicted)) ** 2
        return lambda weights: sqrt(_mean(squares, weights))
    errors = target - predicted
    if metric in _LOSSES:
        losses, of_mean = _LOSSES[metric](errors, target)
        return lambda weights: of_mean(_mean(losses, weights))
    return lambda weights: _NUMBERS[metric](target, predicted, weights)


_LOSSES: Final[Mapping[str, Callable[[Floats, Floats], tuple[Floats, Callable[[float], float]]]]] = MappingProxyType(
    {
        "mae": lambda errors, target: (np.abs(errors), float),
        "mse": lambda errors, target: (errors**2, float),
        "rmse": lambda errors, target: (errors**2, sqrt),
        "mape": lambda errors, target: (np.abs(errors / target), float),
    }
)


def _explained(target: Floats, errors: Floats, weights: Floats) -> float:
    spread = _mean((target - _mean(target, weights)) ** 2, weights)
    return 1 - _mean(errors**2, weights) / spread if spread > 0 else nan


def _pearson(target: Floats, predicted: Floats, weights: Floats) -> float:
    apart = [side - _mean(side, weights) for side in (target, predicted)]
    spreads = [_mean(side**2, weights) for side in apart]
    return _mean(apart[0] * apart[1], weights) / sqrt(spreads[0] * spreads[1]) if min(spreads) > 0 else nan


_NUMBERS: Final[Mapping[str, Callable[[Floats, Floats, Floats], float]]] = MappingProxyType(
    {
        "r2": lambda target, predicted, weights: _explained(target, target - predicted, weights),
        "explained_variance": lambda target, predicted, weights: _explained(
            target, target - predicted - _mean(target - predicted, weights), weights
        ),
        "pearson": _pearson,
    }
)
