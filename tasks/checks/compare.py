"""A metric held against another one, or against itself in another evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from governance.project_file import Compare
from governance.vocabulary import CheckOutcome, ComparedWith, Comparison, Measurement
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding
from tasks.checks.numbers import apart, same

_OTHERS: Final[Mapping[ComparedWith, tuple[str, Callable[[Evidence, str], Measurement]]]] = MappingProxyType(
    {
        ComparedWith.PREVIOUS: ("of the evaluation before", Evidence.before),
        ComparedWith.REFERENCE: ("on the reference", Evidence.on_reference),
    }
)

_HOLDS: Final[Mapping[Comparison, Callable[[float, float], bool]]] = MappingProxyType(
    {
        Comparison.LESS: lambda one, other: one < other and not same(one, other),
        Comparison.AT_MOST: lambda one, other: one < other or same(one, other),
        Comparison.GREATER: lambda one, other: one > other and not same(one, other),
        Comparison.AT_LEAST: lambda one, other: one > other or same(one, other),
        Comparison.EQUAL: same,
        Comparison.DIFFERENT: lambda one, other: not same(one, other),
    }
)
"""What each operator asks for, of numbers that arithmetic has rounded."""


def check_compare(check: Compare, evidence: Evidence) -> Finding:
    """Compare a value with another one plus the margin; if either has no value the outcome is ``EMPTY``."""
    found = evidence.now(check.metric)
    words, other = _other(check, evidence)
    bounds = {
        "operator": check.operator.value,
        "compared_with": check.other_metric or str(check.compared_with),
        "other": other.value,
        "margin": check.margin,
    }
    if found.value is None or other.value is None:
        lacking, reason = (check.metric, found.reason) if found.value is None else (words, other.reason)
        outcome, message = CheckOutcome.EMPTY, f"{lacking} has no value: {reason}"
    else:
        against = other.value + check.margin
        holds = _HOLDS[check.operator](found.value, against)
        outcome = CheckOutcome.OK if holds else CheckOutcome.ERROR
        shown, bound = apart(found.value, against)
        margin = f" with a margin of {check.margin:+g}" if check.margin else ""
        asked = f"{check.operator} {bound}, {words}{margin}"
        message = f"{check.metric} is {shown}, which is {'' if holds else 'not '}{asked}"
    return Finding(check.name, check.type, check.metric, outcome, found.value, bounds, message, check.empty)


def _other(check: Compare, evidence: Evidence) -> tuple[str, Measurement]:
    if check.other_metric is not None:
        return check.other_metric, evidence.now(check.other_metric)
    if check.compared_with is None:
        raise AssertionError("a comparison without anything to compare with can't be declared")
    where, look = _OTHERS[check.compared_with]
    return f"{check.metric} {where}", look(evidence, check.metric)
