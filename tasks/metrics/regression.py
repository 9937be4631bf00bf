"""Regression metrics in NumPy. Where a metric is not defined, it raises ``ValueError`` with the reason.

Every function takes target and prediction, shape (rows,), float64, finite, at least one row, and as ``resampling``
the weights and blocks of the rows; without it they count the same and are independent.
"""

from __future__ import annotations

from collections.abc import Callable
from math import atanh, exp, inf, isfinite, sqrt, tanh

import numpy as np

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, normal_quantile
from tasks.metrics.losses import mean_of_losses, weighted_mean
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import power_of_two, stable_sum


def mae(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Mean absolute error, in the unit of the target. 0 is best.

    >>> mae(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    1.0
    """
    return mean_of_losses(np.abs(target - predicted), resampling)


def mse(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Mean squared error, in the squared unit of the target. 0 is best.

    >>> mse(np.array([1.0, 2.0]), np.array([1.0, 4.0])).value
    2.0
    """
    return mean_of_losses((target - predicted) ** 2, resampling)


def rmse(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Root of the mean squared error, in the unit of the target. 0 is best.

    >>> rmse(np.array([1.0, 2.0]), np.array([1.0, 2.0])).value
    0.0
    """
    # The square may leave floating point where its root does not.
    scale = power_of_two(target, predicted)
    return _root(mse(target * scale, predicted * scale, resampling), scale)


def rmsle(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Root of the mean squared difference of log(1 + value). 0 is best.

    Raises:
        ValueError: a value is -1 or below.

    >>> rmsle(np.array([1.0, 2.0]), np.array([1.0, 2.0])).value
    0.0
    """
    for side, values in (("target", target), ("prediction", predicted)):
        if (below := int(np.count_nonzero(values <= -1))) > 0:
            raise ValueError(f"the {side} of {below:,} rows is -1 or below, which has no logarithm of 1 + value")
    return _root(mse(np.log1p(target), np.log1p(predicted), resampling), 1.0)


def _root(squared: Estimate, scale: float) -> Estimate:
    return Estimate(*(None if end is None else sqrt(end) / scale for end in squared))  # type: ignore[arg-type]


def mape(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Mean absolute error as a share of the target (0.1 is ten percent). 0 is best.

    Raises:
        ValueError: a target is 0, of which nothing is a share.

    >>> mape(np.array([10.0, 20.0]), np.array([11.0, 20.0])).value
    0.05
    """
    if (zeros := int(np.count_nonzero(target == 0))) > 0:
        raise ValueError(f"the target of {zeros:,} rows is 0, of which nothing is a share")
    return mean_of_losses(np.abs((target - predicted) / target), resampling)


def r2(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Share of the variance that is explained, bias counted as error. 1 is best, 0 is the mean, below is worse.

    Interval: what is not explained, a ratio of two means, on the logarithmic scale (delta method);
    too narrow where squared errors have no variance (87 % instead of 95 % for errors of Student's t with 3 degrees).

    Raises:
        ValueError: the target is constant.

    >>> r2(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0])).value
    1.0
    """
    scale = power_of_two(target, predicted)
    return _explained(target * scale, target * scale - predicted * scale, resampling)


def explained_variance(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Share of the variance that is explained, a constant bias forgiven. 1 is best. Interval as of :func:`r2`.

    Raises:
        ValueError: the target is constant.

    >>> explained_variance(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0])).value
    1.0
    """
    scale = power_of_two(target, predicted)
    errors = target * scale - predicted * scale
    return _explained(target * scale, errors - weighted_mean(errors, resampling), resampling)


def _explained(target: Floats, errors: Floats, resampling: Resampling | None) -> Estimate:
    """1 - mean squared error / variance of the target."""
    squares, losses = _centred(target, "target", resampling) ** 2, errors**2
    variance = _variance(squares, "target", resampling)
    unexplained = weighted_mean(losses, resampling) / variance
    if target.size < 2 or not 0 < unexplained < inf:
        return Estimate(1 - unexplained)
    # What every row adds to the logarithm of the ratio.
    influence = losses / variance / unexplained - squares / variance
    if resampling is None:
        error = sqrt(stable_sum(influence**2) / (target.size - 1) / target.size)
        half = normal_quantile(CONFIDENCE) * error
    else:
        half = resampling.quantile * resampling.error(influence / resampling.total)
        if half == 0:
            return Estimate(1 - unexplained)
    return Estimate(1 - unexplained, *(1 - unexplained * exp(end) for end in (min(700.0, half), -half)))


def pearson(target: Floats, predicted: Floats, resampling: Resampling | None = None) -> Estimate:
    """Linear correlation of target and prediction, -1 to 1, with Fisher's interval. 1 is best.

    Raises:
        ValueError: one of them is constant.

    >>> round(pearson(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])).value, 6)
    1.0
    """
    sides = []
    for side, values in (("target", target), ("prediction", predicted)):
        centred = _centred(values * power_of_two(values), side, resampling)
        sides.append(centred / sqrt(_variance(centred**2, side, resampling)))
    products = sides[0] * sides[1]
    value = max(-1.0, min(1.0, weighted_mean(products, resampling)))
    if target.size < 4 or abs(value) == 1:
        return Estimate(value)
    half = normal_quantile(CONFIDENCE) / sqrt(target.size - 3)
    if resampling is not None:
        # What every row adds to the correlation; the logarithmic scale divides it by 1 - r^2.
        influence = products - value * (sides[0] ** 2 + sides[1] ** 2) / 2
        half = resampling.quantile * resampling.error(influence / resampling.total) / (1 - value * value)
        if half == 0:
            return Estimate(value)
    return Estimate(value, tanh(atanh(value) - half), tanh(atanh(value) + half))


def _centred(values: Floats, side: str, resampling: Resampling | None) -> Floats:
    if float(np.ptp(values)) == 0:
        raise ValueError(f"the {side} is constant")
    return values - weighted_mean(values, resampling)


def _variance(squares: Floats, side: str, resampling: Resampling | None) -> float:
    variance = weighted_mean(squares, resampling)
    if variance == 0 or not isfinite(variance):
        raise ValueError(f"the variance of the {side} is beyond floating point")
    return variance


METRICS: tuple[Callable[[Floats, Floats, Resampling | None], Estimate], ...] = (
    explained_variance, mape, mae, mse, rmse, rmsle, r2, pearson,
)  # fmt: skip
"""Each under the name that the catalogue has for it."""
