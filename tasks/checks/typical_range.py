"""A metric that stays where it has been: bounds learned from the evaluations before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from governance.project_file import TypicalRange
from governance.vocabulary import CheckOutcome
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding
from tasks.checks.numbers import apart, same
from tasks.checks.numeric_range import held_against


def check_typical_range(check: TypicalRange, evidence: Evidence) -> Finding:
    """Hold a value against quartiles of the values before it, widened by multiples of their interquartile range.

    While fewer evaluations have a value than ``learning_runs``, the outcome is ``EMPTY``. Where half of the values or more
    are the same, there is no interquartile range, and nobody can say how far is too far: then what lies within the values
    so far is ``OK`` and what lies outside a ``WARNING``, never an ``ERROR``.

    Source: J. W. Tukey, Exploratory Data Analysis (1977), fences at 1.5 and 3 interquartile ranges.
    """
    found = evidence.now(check.metric)
    before = evidence.values_before(check.metric, check.lookback)
    bounds: dict[str, Any] = {"learned_from": len(before)}
    if found.value is None:
        outcome, message = CheckOutcome.EMPTY, f"{check.metric} has no value: {found.reason}"
    elif (lacking := check.learning_runs - len(before)) > 0:
        bounds["learning_runs"] = check.learning_runs
        outcome = CheckOutcome.EMPTY
        message = (
            f"{check.metric} is {found.value:.4g}; what is typical is still to learn: "
            f"{lacking} more evaluation{'s' if lacking > 1 else ''} with a value, {len(before)} of {check.learning_runs} are there"
        )
    else:
        lower, upper = (float(quartile) for quartile in np.quantile(before, [0.25, 0.75]))
        if same(lower, upper):
            bounds |= {"soft_minimum": min(before), "soft_maximum": max(before)}
            outcome, message = _without_spread(check.metric, found.value, before)
        else:
            bounds |= _fences(check, lower, upper)
            outcome, message = held_against(bounds, check.metric, found.value)
            message = f"{message}, as learned from {len(before)} evaluations"
    return Finding(check.name, check.type, check.metric, outcome, found.value, bounds, message, check.empty)


def _fences(check: TypicalRange, lower: float, upper: float) -> dict[str, float]:
    spread = upper - lower
    fences = {"minimum": lower - check.factor * spread, "maximum": upper + check.factor * spread}
    if check.soft_factor is not None:
        fences["soft_minimum"] = lower - check.soft_factor * spread
        fences["soft_maximum"] = upper + check.soft_factor * spread
    return fences


def _without_spread(metric: str, value: float, before: Sequence[float]) -> tuple[CheckOutcome, str]:
    least, most = min(before), max(before)
    constant = same(least, most)
    seen = f"all {len(before)} values before were {least:.4g}" if constant else (
        f"most of the {len(before)} values before were the same, all between {least:.4g} and {most:.4g}"
    )  # fmt: skip
    if least <= value <= most or same(value, least) or same(value, most):
        return CheckOutcome.OK, f"{metric} is {value:.4g}; {seen}"
    shown, _ = apart(value, least if value < least else most)
    return CheckOutcome.WARNING, f"{metric} is {shown}; {seen}, so how far is too far is not known"
