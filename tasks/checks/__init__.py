"""Checks: one file per kind, one table of kinds. No Prefect, no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from governance.project_file import AnyCheck, Compare, PythonCheck, TypicalRange
from governance.vocabulary import ComparedWith
from tasks.checks.compare import check_compare
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding, bounds_in_words
from tasks.checks.in_set import check_in_set
from tasks.checks.numeric_range import check_numeric_range
from tasks.checks.python_check import HISTORY, check_python
from tasks.checks.typical_range import check_typical_range

CHECKS: Final[Mapping[str, Callable[[Any, Evidence], Finding]]] = MappingProxyType(
    {
        "numeric_range": check_numeric_range,
        "in_set": check_in_set,
        "compare": check_compare,
        "typical_range": check_typical_range,
        "python": check_python,
    }
)
"""Every kind of check there is."""


def run_check(check: AnyCheck, evidence: Evidence) -> Finding:
    """Hold an evaluation against one rule.

    Args:
        check: The rule, as declared in ``project.yaml``.
        evidence: The metrics of the evaluation, and of those before it as far as the rule needs them.

    Example:
        >>> from governance.project_file import NumericRange
        >>> from governance.vocabulary import Measurement
        >>> rule = NumericRange(name="Data Drift < 0.4", metric="data_drift", soft_maximum=0.3, maximum=0.4)
        >>> found = run_check(rule, Evidence({"data_drift": Measurement("data_drift", 0.51)}))
        >>> found.outcome.value, found.message
        ('ERROR', 'data_drift is 0.51, above the maximum of 0.4')
        >>> run_check(rule, Evidence({})).outcome.value
        'EMPTY'
    """
    return CHECKS[check.type](check, evidence)


def history_needed(checks: Iterable[AnyCheck]) -> int:
    """How many of the evaluations before have to be at hand."""
    return max(map(_history_of, checks), default=0)


def metrics_needed(checks: Iterable[AnyCheck]) -> frozenset[str] | None:
    """Which of their metrics; ``None``: all of them."""
    needing = [check for check in checks if _history_of(check) > 0]
    if any(isinstance(check, PythonCheck) for check in needing):
        return None
    return frozenset(check.metric for check in needing if not isinstance(check, PythonCheck))


def _history_of(check: AnyCheck) -> int:
    if isinstance(check, TypicalRange):
        return check.lookback
    if isinstance(check, PythonCheck):
        return HISTORY
    return int(isinstance(check, Compare) and check.compared_with is ComparedWith.PREVIOUS)


__all__ = [
    "CHECKS",
    "Evidence",
    "Finding",
    "bounds_in_words",
    "history_needed",
    "metrics_needed",
    "run_check",
]
