"""The mean of what every row is off by. NumPy."""

from __future__ import annotations

from math import sqrt

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, normal_quantile
from tasks.metrics.resampling import Resampling
from tasks.metrics.sums import power_of_two, stable_sum


def mean_of_losses(losses: Floats, resampling: Resampling | None = None) -> Estimate:
    """The mean of losses per row, with its interval after the central limit theorem, or from drawn blocks.

    Args:
        losses: Shape (rows,), not negative; at least one.
        resampling: Weights and blocks of the rows; ``None``: they count the same and are independent.

    Returns:
        The mean; the interval is cut off at 0, and absent for a single row.

    >>> import numpy as np
    >>> mean_of_losses(np.array([1.0, 3.0])).value
    2.0
    """
    scale = power_of_two(losses)
    found = _mean(losses * scale, resampling) if scale != 1 else _mean(losses, resampling)
    return Estimate(*(None if end is None else end / scale for end in found))  # type: ignore[arg-type]


def _mean(losses: Floats, resampling: Resampling | None) -> Estimate:
    if resampling is not None:
        return resampling.mean(losses)
    value = stable_sum(losses) / losses.size
    if losses.size < 2:
        return Estimate(value)
    spread = sqrt(stable_sum((losses - value) ** 2) / (losses.size - 1))
    half = normal_quantile(CONFIDENCE) * spread / sqrt(losses.size)
    return Estimate(value, max(0.0, value - half), value + half)


def weighted_mean(values: Floats, resampling: Resampling | None) -> float:
    """The mean of a number per row, whatever their order.

    >>> import numpy as np
    >>> weighted_mean(np.array([1.0, 3.0]), None)
    2.0
    """
    if resampling is None:
        return stable_sum(values) / values.size
    return stable_sum(resampling.weights * values) / resampling.total
