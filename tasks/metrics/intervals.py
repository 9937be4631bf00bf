"""Analytic confidence intervals around metrics. NumPy only."""

from __future__ import annotations

from math import exp, log, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Two-sided confidence of the intervals around performance metrics."""

SIGNIFICANCE = 0.05
"""Below it a p-value says that something is there: a column has drifted, importances are worth computing."""

_ROUNDING = 1e-12
"""What sums of weights may be off by: so close to an end, a value is that end."""

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A value with its interval; no interval where the metric has no analytic one."""

    value: float
    lower: float | None = None
    upper: float | None = None


def normal_quantile(confidence: float) -> float:
    """Standard deviations on either side of the mean that hold ``confidence`` of a normal distribution.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(successes: float, trials: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share with its two-sided Wilson score interval.

    Args:
        successes: How many of the trials, 0 to ``trials``.
        trials: At least 1.
        confidence: Between 0 and 1.

    Returns:
        The share, 0 to 1, and the interval, which never leaves 0 to 1.

    Raises:
        ValueError: there are no trials.

    Source: E. B. Wilson, Probable inference, JASA 22 (1927).

    >>> [round(end, 3) for end in wilson(8, 10)]
    [0.8, 0.49, 0.943]
    """
    if trials < 1:
        raise ValueError("there are no rows")
    z, share = normal_quantile(confidence), successes / trials
    scale = 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / scale
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == trials else min(1.0, centre + half)
    return Estimate(share, lower, upper)


def on_logit_scale(value: float, error: float, rows: float, confidence: float = CONFIDENCE) -> Estimate:
    """A value between 0 and 1 with an interval that is symmetrical on the logit scale, and so stays between them.

    Args:
        value: 0 to 1.
        error: Its standard error.
        rows: As how many independent rows those are to be taken that the value hangs on.
        confidence: Between 0 and 1.

    Returns:
        At 0 and at 1, where nothing varies, the interval is Wilson's of a share of so many rows, for which it takes
        two. No interval without an error anywhere else.

    >>> [round(end, 3) for end in on_logit_scale(0.9, 0.05, 100)]
    [0.9, 0.752, 0.964]
    """
    if min(value, 1 - value) < _ROUNDING:
        trials = int(rows)
        ends = wilson(round(value) * trials, trials, confidence)[1:] if trials > 1 else (None, None)
        return Estimate(value, *ends)
    if error <= 0:
        return Estimate(value)
    logit, half = log(value / (1 - value)), normal_quantile(confidence) * error / (value * (1 - value))
    # Beyond 700 the exponential leaves floating point, and the end is 0 or 1 anyway.
    return Estimate(value, *(1 / (1 + exp(-min(700.0, max(-700.0, end)))) for end in (logit - half, logit + half)))
