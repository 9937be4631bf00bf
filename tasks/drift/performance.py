"""Drift of performance: what each metric gained or lost since the reference."""

from __future__ import annotations

from collections.abc import Sequence

from governance.vocabulary import Measurement


def performance_drift(reference: Sequence[Measurement], current: Sequence[Measurement]) -> list[Measurement]:
    """Difference of every metric, current - reference, signed, named ``<metric>_drift``.

    It is :meth:`governance.vocabulary.Measurement.minus`: where both sides have an interval, so has the difference.

    Args:
        reference: Performance of the reference, measured on other rows than ``current``.
        current: Performance of the current data.

    Returns:
        One per metric of either side, in the order of ``current``; without value where a side has none.

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
    if before is None or after is None:
        raise AssertionError("the loop above returns in these cases")
    return after.minus(before, name)
