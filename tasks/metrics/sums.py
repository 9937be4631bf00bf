"""Sums that don't depend on the order of the rows, to the last bit. NumPy."""

from __future__ import annotations

from math import frexp, inf, isfinite, ldexp

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import Floats

_EXTREME = 400
"""Beyond 2^400, and below 2^-400, the products of two numbers may leave floating point."""


def stable_sum(values: Floats) -> float:
    """The sum of numbers, the same to the last bit in whatever order they come.

    Every number is cut into two parts that are multiples of a power of two so large that their sums are exact;
    what is left out is below 2^-60 of the largest number for a million of them.

    Args:
        values: Shape (rows,), float64.

    Returns:
        Infinite or NaN where a value is, or where the sum leaves floating point.

    Source: J. Demmel, H. D. Nguyen, Fast reproducible floating-point summation, IEEE ARITH (2013).

    >>> stable_sum(np.full(10, 0.1))
    1.0
    """
    if not values.size:
        return 0.0
    largest = max(abs(float(values.max())), abs(float(values.min())))
    if not isfinite(largest):
        with np.errstate(invalid="ignore"):  # inf - inf is NaN, and that is the answer
            return float(values[~np.isfinite(values)].sum())
    if largest > ldexp(1.0, 900):
        scaled = stable_sum(values * ldexp(1.0, -200))
        return scaled * ldexp(1.0, 200) if abs(scaled) < ldexp(1.0, 823) else (inf if scaled > 0 else -inf)
    high, low = _addable(values)
    return float(high.sum()) + float(low.sum())


def sums_by(codes: NDArray[np.int64], values: Floats, groups: int) -> Floats:
    """The sum of the values of every group, the same to the last bit in whatever order the rows come.

    Args:
        codes: Shape (rows,), the group of every row, 0 to ``groups`` - 1.
        values: Shape (rows,), float64, below 2^900.
        groups: How many there are.

    Returns:
        Shape (groups,).

    >>> sums_by(np.array([0, 1, 0]), np.array([1.0, 2.0, 3.0]), 2).tolist()
    [4.0, 2.0]
    """
    if not values.size:
        return np.zeros(groups)
    if not np.isfinite(values).all():
        return np.asarray(np.bincount(codes, weights=values, minlength=groups), dtype=np.float64)
    high, low = (np.bincount(codes, weights=part, minlength=groups) for part in _addable(values))
    return np.asarray(high + low, dtype=np.float64)


def weights_by(codes: NDArray[np.int64], weights: Floats | None, groups: int) -> Floats:
    """What the rows of every group weigh; without weights, how many there are.

    >>> weights_by(np.array([0, 1, 0]), None, 2).tolist()
    [2.0, 1.0]
    """
    if weights is None:
        return np.bincount(codes, minlength=groups).astype(np.float64)
    return sums_by(codes, weights, groups)


def rounded_to_add(values: Floats, addends: int) -> Floats:
    """Numbers rounded so that sums of up to so many of them are exact, and no order or number of threads matters.

    Args:
        values: Any shape, float64, below 2^900; rounded column by column of the last axis.
        addends: How many are added, counted as often as each is.

    >>> rounded_to_add(np.array([[0.1]]), 2).round(12).tolist()
    [[0.1]]
    """
    _, exponents = np.frexp(np.abs(values).max(axis=0))
    shift = np.ldexp(1.5, exponents + _bits(addends))
    return np.asarray((values + shift) - shift, dtype=np.float64)


def power_of_two(*sides: Floats) -> float:
    """What numbers are to be multiplied with so that their squares stay in floating point; 1 for ordinary ones.

    >>> power_of_two(np.array([1.0])), power_of_two(np.array([2.0**500])) == 2.0**-501
    (1.0, True)
    """
    largest = max((float(np.abs(side).max()) for side in sides if side.size), default=0.0)
    if not isfinite(largest) or largest == 0:
        return 1.0
    exponent = frexp(largest)[1]
    return ldexp(1.0, max(-1000, min(1000, -exponent))) if abs(exponent) > _EXTREME else 1.0


def _addable(values: Floats) -> tuple[Floats, Floats]:
    """Parts of the values of which any sum is exact: multiples of a power of two, and of a smaller one what is left."""
    bits = _bits(values.size)
    high = _to_multiples(values, bits)
    return high, _to_multiples(values - high, bits)


def _to_multiples(values: Floats, bits: int) -> Floats:
    largest = max(abs(float(values.max())), abs(float(values.min())))
    # Adding it pushes out of the 53 bits of a number what would make sums inexact.
    shift = ldexp(1.5, frexp(largest)[1] + bits)
    return np.asarray((values + shift) - shift, dtype=np.float64)


def _bits(addends: int) -> int:
    return max(1, int(addends - 1).bit_length())
