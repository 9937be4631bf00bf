"""Whether two numbers differ by more than chance, and how surprising that still is when many were looked at."""

from __future__ import annotations

from math import inf

import numpy as np

from governance.vocabulary import Measurement
from tasks.metrics.intervals import CONFIDENCE, Floats


def p_value_of(difference: Measurement, freedom: float = inf) -> float | None:
    """Two-sided p-value of no difference, of a difference that carries its 95 % interval.

    Works for every metric that has an interval, whatever made it (DeLong, Wilson, bootstrap): it asks how much wider
    the interval would have to be to reach zero, as if its ends moved with the quantile of Student's distribution.

    Args:
        difference: As :meth:`governance.vocabulary.Measurement.minus` makes it.
        freedom: Degrees of freedom of its error, above 0: a day less than the side with fewer days has, where rows of
            a day may hang together; without bound the distribution is the normal one.

    Returns:
        ``None`` where there is no value or no interval.

    >>> round(p_value_of(Measurement("mae", 2.0, 0.0, 4.0)), 3)
    0.05
    """
    value, lower, upper = difference.value, difference.lower, difference.upper
    if value is None or lower is None or upper is None:
        return None
    if value == 0:
        return 1.0
    towards_zero = value - lower if value > 0 else upper - value
    if towards_zero <= 0:
        return 0.0
    from scipy.special import stdtr, stdtrit

    return float(2 * stdtr(freedom, -abs(value) / towards_zero * stdtrit(freedom, 0.5 + CONFIDENCE / 2)))


def holm(p_values: Floats) -> Floats:
    """p-values corrected for their number: the chance of any false alarm stays below the level, whatever hangs together.

    Args:
        p_values: Shape (tests,), 0 to 1.

    Returns:
        Shape (tests,), in the same order, never below the given ones.

    Source: S. Holm, A simple sequentially rejective multiple test procedure (1979).

    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(p_values.size, 0, -1)
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return corrected


def corrected(p_values: list[float | None]) -> list[float | None]:
    """:func:`holm` over those that are there; the others stay ``None``.

    >>> corrected([0.01, None, 0.5])
    [0.02, None, 0.5]
    """
    given = iter(holm(np.array([p for p in p_values if p is not None], dtype=np.float64)).tolist())
    return [None if p is None else float(next(given)) for p in p_values]


def p_text(p_value: float) -> str:
    """A p-value as sentences have it.

    >>> p_text(0.01234), p_text(1e-30)
    ('p = 0.012', 'p < 0.0001')
    """
    return f"p = {p_value:.2g}" if p_value >= 0.0001 else "p < 0.0001"
