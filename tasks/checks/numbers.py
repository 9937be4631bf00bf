"""Numbers of metrics as checks compare and show them."""

from __future__ import annotations

import math


def same(one: float, other: float) -> bool:
    """Whether two values are the same number but for the last digits that arithmetic leaves.

    Example:
        >>> same(0.1 + 0.2, 0.3), same(0.3, 0.300001)
        (True, False)
    """
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def apart(one: float, other: float) -> tuple[str, str]:
    """Two values with as many digits as tell them apart, at least four.

    Example:
        >>> apart(0.40001, 0.4), apart(0.51, 0.4)
        (('0.40001', '0.4'), ('0.51', '0.4'))
    """
    for digits in (4, 6, 9, 17):
        shown = f"{one:.{digits}g}", f"{other:.{digits}g}"
        if shown[0] != shown[1]:
            return shown
    return f"{one:.4g}", f"{other:.4g}"
