"""Rows that are on both sides: current data that contain rows of the reference itself.

A row of the reference that is judged again stands once on each side. A drift model that learned one of the two is
wrong about the other, so that its accuracy falls below that of a coin, and real drift beside such rows is missed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.row_keys import Keys

MOST_TIMES = 10
"""Contents that occur more often are what rows of such a table look like; no model can tell their copies apart."""

BY_CHANCE = 1e-4
"""Below this probability the pairs of equal rows that lie across the sides are no chance."""


def find_twins(reference: Keys, current: Keys) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows to be left out of the drift model, because the current data contain rows of the reference.

    Equal rows are no proof of that: in a table of few levels any two samples have many. But pairs of equal rows lie
    across the sides as often as the sizes of the sides say. Where they do so more often (one-sided binomial test), all
    rows that occur two to ten times are left out, wherever they stand: to leave out only those across the sides would
    keep the pairs within a side, and these would look like drift.

    Args:
        reference: Shape (n,), as :func:`tasks.metrics.row_keys.row_keys` makes them.
        current: Shape (m,), likewise.

    Returns:
        Which rows to leave out, shape (n,) and (m,); none where the sides share no rows.

    >>> rows = np.arange(40, dtype=np.uint64)
    >>> [int(side.sum()) for side in find_twins(rows, rows[20:])]
    [20, 20]
    >>> [int(side.sum()) for side in find_twins(rows, rows + np.uint64(100))]
    [0, 0]
    """
    from scipy.special import bdtrc

    keys = np.concatenate([reference, current])
    _, content, times = np.unique(keys, return_inverse=True, return_counts=True)
    of_reference = np.bincount(content[: reference.size], minlength=times.size)
    pairs, across = int((times == 2).sum()), int(((times == 2) & (of_reference == 1)).sum())
    chance = 2 * reference.size * current.size / max(1, keys.size * (keys.size - 1))
    if across == 0 or float(bdtrc(across - 1, pairs, min(1.0, chance))) >= BY_CHANCE:
        nothing = np.zeros(keys.size, dtype=np.bool_)
        return nothing[: reference.size], nothing[reference.size :]
    twins = ((times >= 2) & (times <= MOST_TIMES))[content]
    return twins[: reference.size], twins[reference.size :]
