"""Regression metrics in NumPy. Where a metric is not defined, it raises ``ValueError`` with the reason.

Every function takes target and prediction, shape (rows,), float64, finite, at least one row.
"""

from __future__ import annotations

from math import atanh, exp, inf, isfinite, sqrt, tanh

import numpy as np

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, mean_of_losses, normal_quantile


def mae(target: Floats, predicted: Floats) -> Estimate:
    """Mean absolute error, in the unit of the target. 0 is best.

    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    1.0
    """
    return mean_of_losses(np.abs(target - predicted))


def mse(target: Floats, predicted: Floats) -> Estimate:
    """Mean squared error, in the squared unit of the target. 0 is best.

    >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    2.0
    """
    return mean_of_losses((target - predicted) ** 2)


def rmse(target: Floats, predicted: Floats) -> Estimate:
    """Root of the mean squared error, in the unit of the target. 0 is best.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 2.0])).value
    0.0
    """
    return _root(mse(target, predicted))


def rmsle(target: Floats, predicted: Floats) -> Estimate:
    """Root of the mean squared difference of log(1 + value). 0 is best.

    Raises:
        ValueError: a value is -1 or below.

    >>> rmsle(np.array([1.0, 2.0]), np.array([1.0, 2.0])).value
    0.0
    """
    for side, values in (("target", target), ("prediction", predicted)):
        if (below := int(np.count_nonzero(values <= -1))) > 0:
            raise ValueError(f"the {side} of {below:,} rows is -1 or below, which has no logarithm of 1 + value")
    return _root(mse(np.log1p(target), np.log1p(predicted)))


def _root(squared: Estimate) -> Estimate:
    return Estimate(*(None if end is None else sqrt(end) for end in squared))  # type: ignore[arg-type]


def mape(target: Floats, predicted: Floats) -> Estimate:
    """Mean absolute error as a share of the target (0.1 is ten percent). 0 is best.

    Raises:
        ValueError: a target is 0, of which nothing is a share.

    >>> mape(np.array([10.0, 20.0]), np.array([11.0, 20.0])).value
    0.05
    """
    if (zeros := int(np.count_nonzero(target == 0))) > 0:
        raise ValueError(f"the target of {zeros:,} rows is 0, of which nothing is a share")
    return mean_of_losses(np.abs((target - predicted) / target))


def r2(target: Floats, predicted: Floats) -> Estimate:
    """Share of the variance that is explained, bias counted as error. 1 is best, 0 is the mean, below is worse.

    Interval: what is not explained, a ratio of two means, on the logarithmic scale (delta method);
    too narrow where squared errors have no variance (87 % instead of 95 % for errors of Student's t with 3 degrees).

    Raises:
        ValueError: the target is constant.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])).value
    1.0
    """
    return _explained(target, (target - predicted) ** 2)


def explained_variance(target: Floats, predicted: Floats) -> Estimate:
    """Share of the variance that is explained, a constant bias forgiven. 1 is best. Interval as of :func:`r2`.

    Raises:
        ValueError: the target is constant.

    >>> explained_variance(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])).value
    1.0
    """
    errors = target - predicted
    return _explained(target, (errors - errors.mean()) ** 2)


def _explained(target: Floats, losses: Floats) -> Estimate:
    """1 - mean loss / variance of the target."""
    variance = _variance(target, "target")
    unexplained = float(np.mean(losses)) / variance
    if target.size < 2 or not 0 < unexplained < inf:
        return Estimate(1 - unexplained)
    # What every row adds to the logarithm of the ratio.
    influence = losses / variance / unexplained - (target - target.mean()) ** 2 / variance
    half = normal_quantile(CONFIDENCE) * float(np.std(influence, ddof=1)) / sqrt(target.size)
    return Estimate(1 - unexplained, *(1 - unexplained * exp(end) for end in (min(700.0, half), -half)))


def pearson(target: Floats, predicted: Floats) -> Estimate:
    """Linear correlation of target and prediction, -1 to 1, with Fisher's interval. 1 is best.

    Raises:
        ValueError: one of them is constant.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])).value, 6)
    1.0
    """
    spread = sqrt(_variance(target, "target")) * sqrt(_variance(predicted, "prediction"))
    centred = (target - target.mean()) * (predicted - predicted.mean())
    value = max(-1.0, min(1.0, float(centred.mean()) / spread))
    if target.size < 4 or abs(value) == 1:
        return Estimate(value)
    half = normal_quantile(CONFIDENCE) / sqrt(target.size - 3)
    return Estimate(value, tanh(atanh(value) - half), tanh(atanh(value) + half))


def _variance(values: Floats, side: str) -> float:
    if float(np.ptp(values)) == 0:
        raise ValueError(f"the {side} is constant")
    variance = float(np.var(values))
    if variance == 0 or not isfinite(variance):
        raise ValueError(f"the variance of the {side} is beyond floating point")
    return variance
