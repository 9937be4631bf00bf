"""A number per row that depends on what the row holds and on nothing else. NumPy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import Floats

Keys = NDArray[np.uint64]

_START, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def row_keys(columns: Sequence[Floats]) -> Keys:
    """A number of 64 bits per row that equal rows share, and others don't.

    Two different rows among a hundred thousand get the same one with probability 3e-10. Missing values are equal to
    each other, and 0 to -0.

    Args:
        columns: At least one; each of shape (rows,), float64, NaN missing. Their order counts.

    Returns:
        Shape (rows,).

    Source: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA (2014).

    >>> one, two, again = row_keys([np.array([1.0, 1.0, 1.0]), np.array([0.0, 2.0, -0.0])]).tolist()
    >>> one == again, one == two
    (True, False)
    """
    keys: Keys = np.full(columns[0].size, _START)
    for column in columns:
        bits = np.where(np.isnan(column), np.nan, column + 0.0).view(np.uint64)
        keys += _START  # or a row of zeros would stay where it is
        keys ^= bits
        keys ^= keys >> np.uint64(30)
        keys *= _FIRST
        keys ^= keys >> np.uint64(27)
        keys *= _SECOND
        keys ^= keys >> np.uint64(31)
    return keys
