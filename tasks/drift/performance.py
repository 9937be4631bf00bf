"""Drift of performance: what each metric gained or lost since the reference."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, isfinite

from governance.vocabulary import Measurement


def performance_drift(reference: Sequence[Measurement], current: Sequence[Measurement]) -> list[Measurement]:
    """Difference of every metric, current - reference, signed, named ``<metric>_drift``.

    Where both sides have an interval, so has the difference: the distances of the ends from the values add up as
    squares, each side keeping its own lopsidedness (MOVER). A side without an interval is taken as it is, as if it were
    known exactly: then the interval of the difference is the other side's, moved. Without any there is none.

    Args:
        reference: Performance of the reference, measured on other rows than ``current``.
        current: Performance of the current data.

    Returns:
        One per metric of either side, in the order of ``current``; without value where a side has none.

    Source: G. Y. Zou, A. Donner, Construction of confidence limits about effect measures (2008).

    >>> performance_drift([Measurement("accuracy", 0.75)], [Measurement("accuracy", 0.5)])[0].value
    -0.25
    """
    before, after = ({m.name: m for m in side} for side in (reference, current))
    return [_difference(name, before.get(name), after.get(name)) for name in dict.fromkeys([*after, *before])]


def _difference(metric: str, before: Measurement | None, after: Measurement | None) -> Measurement:
    name, rows = f"{metric}_drift", after.rows if after else None
    for side, found in (("reference", before), ("current data", after)):
        if found is None or found.value is None:
            why = f": {found.reason}" if found and found.reason else ""
            return Measurement(name, None, rows=rows, reason=f"the {side} has no {metric}{why}")
    if before is None or after is None or before.value is None or after.value is None:
        raise AssertionError("the loop above returns in these cases")
    value = after.value - before.value
    if not isfinite(value):
        return Measurement(name, None, rows=rows, reason="the difference is beyond floating point")
    of_before, of_after = _distances(before, before.value), _distances(after, after.value)
    if of_before is None and of_after is None:
        return Measurement(name, value, rows=rows)
    (down_before, up_before), (down_after, up_after) = of_before or (0.0, 0.0), of_after or (0.0, 0.0)
    return Measurement(name, value, value - hypot(down_after, up_before), value + hypot(up_after, down_before), rows)


def _distances(side: Measurement, value: float) -> tuple[float, float] | None:
    """How far the ends of the interval are from the value, below and above it."""
    if side.lower is None or side.upper is None:
        return None
    return value - side.lower, side.upper - value
