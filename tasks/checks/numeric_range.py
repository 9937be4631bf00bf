"""A metric between bounds."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import gt, lt
from typing import Final

from governance.project_file import NumericRange
from governance.vocabulary import CheckOutcome, Measurement
from tasks.checks.finding import Finding

BOUNDS: Final[tuple[tuple[str, Callable[[float, float], bool], str, CheckOutcome], ...]] = (
    ("minimum", lt, "below the minimum", CheckOutcome.ERROR),
    ("maximum", gt, "above the maximum", CheckOutcome.ERROR),
    ("soft_minimum", lt, "below the soft minimum", CheckOutcome.WARNING),
    ("soft_maximum", gt, "above the soft maximum", CheckOutcome.WARNING),
)
"""Which bound is broken how, and what that means; the first that is broken decides. A bound itself is OK."""


def check_numeric_range(check: NumericRange, measurement: Measurement) -> Finding:
    """Hold a value against its bounds; without a value (or with NaN) the outcome is ``EMPTY``."""
    bounds = {name: getattr(check, name) for name, *_ in BOUNDS if getattr(check, name) is not None}
    outcome, message = _judge(check.metric, measurement, bounds)
    value = None if outcome is CheckOutcome.EMPTY else measurement.value
    return Finding(check.name, check.type, check.metric, outcome, value, bounds, message, check.empty)


def _judge(metric: str, measurement: Measurement, bounds: dict[str, float]) -> tuple[CheckOutcome, str]:
    value = measurement.value
    if value is None or math.isnan(value):
        return CheckOutcome.EMPTY, f"{metric} has no value: {measurement.reason or 'it is not a number'}"
    for name, breaks, words, outcome in BOUNDS:
        if name in bounds and breaks(value, bounds[name]):
            return outcome, f"{metric} is {value:.4g}, {words} of {bounds[name]:g}"
    return CheckOutcome.OK, f"{metric} is {value:.4g}, within its bounds"
