"""A metric between bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import gt, lt
from typing import Final

from governance.project_file import NumericRange
from governance.vocabulary import CheckOutcome
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding
from tasks.checks.numbers import apart

BOUNDS: Final[tuple[tuple[str, Callable[[float, float], bool], str, CheckOutcome], ...]] = (
    ("minimum", lt, "below the minimum", CheckOutcome.ERROR),
    ("maximum", gt, "above the maximum", CheckOutcome.ERROR),
    ("soft_minimum", lt, "below the soft minimum", CheckOutcome.WARNING),
    ("soft_maximum", gt, "above the soft maximum", CheckOutcome.WARNING),
)
"""Which bound is broken how, and what that means; the first that is broken decides. A bound itself is OK."""


def check_numeric_range(check: NumericRange, evidence: Evidence) -> Finding:
    """Hold a value against its bounds; without a value (or with NaN) the outcome is ``EMPTY``."""
    bounds = {name: getattr(check, name) for name, *_ in BOUNDS if getattr(check, name) is not None}
    found = evidence.now(check.metric)
    if found.value is None:
        outcome, message = CheckOutcome.EMPTY, f"{check.metric} has no value: {found.reason}"
    else:
        outcome, message = held_against(bounds, check.metric, found.value)
    return Finding(check.name, check.type, check.metric, outcome, found.value, bounds, message, check.empty)


def held_against(bounds: Mapping[str, float], metric: str, value: float) -> tuple[CheckOutcome, str]:
    """The outcome of the first bound that a value breaks, and a clause that says which.

    Example:
        >>> held_against({"soft_maximum": 0.3, "maximum": 0.4}, "data_drift", 0.35)
        (<CheckOutcome.WARNING: 'WARNING'>, 'data_drift is 0.35, above the soft maximum of 0.3')
    """
    for name, breaks, words, outcome in BOUNDS:
        if name in bounds and breaks(value, bounds[name]):
            shown, bound = apart(value, bounds[name])
            return outcome, f"{metric} is {shown}, {words} of {bound}"
    return CheckOutcome.OK, f"{metric} is {value:.4g}, within its bounds"
