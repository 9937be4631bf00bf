"""Checks: one file per kind, one table of kinds. No Prefect, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from governance.project_file import NumericRange
from governance.vocabulary import CheckOutcome, EmptyPolicy, Measurement, StepOutcome
from tasks.checks.finding import Finding
from tasks.checks.numeric_range import check_numeric_range

CHECKS: Final[Mapping[str, Callable[[NumericRange, Measurement], Finding]]] = MappingProxyType(
    {
        "numeric_range": check_numeric_range,
    }
)
"""Every kind of check there is."""

STEP_OUTCOMES: Final[Mapping[tuple[CheckOutcome, EmptyPolicy], StepOutcome]] = MappingProxyType(
    {
        **{(CheckOutcome.OK, empty): StepOutcome.SUCCESS for empty in EmptyPolicy},
        **{(CheckOutcome.WARNING, empty): StepOutcome.WARNING for empty in EmptyPolicy},
        **{(CheckOutcome.ERROR, empty): StepOutcome.FAILED for empty in EmptyPolicy},
        (CheckOutcome.EMPTY, EmptyPolicy.OK): StepOutcome.SUCCESS,
        (CheckOutcome.EMPTY, EmptyPolicy.WARNING): StepOutcome.WARNING,
        (CheckOutcome.EMPTY, EmptyPolicy.ERROR): StepOutcome.FAILED,
    }
)
"""What the outcome of one check does to the step that ran it."""


def run_check(check: NumericRange, measurement: Measurement | None) -> Finding:
    """Hold one metric of an evaluation against one rule.

    Args:
        check: The rule, as declared in ``project.yaml``.
        measurement: The metric it names; ``None`` when the evaluation has no such metric.

    Example:
        >>> rule = NumericRange(name="Data Drift < 0.4", metric="data_drift", soft_maximum=0.3, maximum=0.4)
        >>> found = run_check(rule, Measurement("data_drift", 0.51))
        >>> found.outcome.value, found.message
        ('ERROR', 'data_drift is 0.51, above the maximum of 0.4')
        >>> run_check(rule, None).outcome.value
        'EMPTY'
    """
    absent = Measurement(check.metric, None, reason="the evaluation has no such metric")
    return CHECKS[check.type](check, measurement or absent)


__all__ = ["CHECKS", "STEP_OUTCOMES", "Finding", "run_check"]
