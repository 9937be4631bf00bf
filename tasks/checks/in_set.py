"""A metric that has one of a few values."""

from __future__ import annotations

from governance.project_file import InSet
from governance.vocabulary import CheckOutcome
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding
from tasks.checks.numbers import same


def check_in_set(check: InSet, evidence: Evidence) -> Finding:
    """Look for a value among those that are admissible; without a value the outcome is ``EMPTY``."""
    found = evidence.now(check.metric)
    admissible = " or ".join(f"{value:g}" for value in check.values)
    if found.value is None:
        outcome, message = CheckOutcome.EMPTY, f"{check.metric} has no value: {found.reason}"
    elif any(same(found.value, value) for value in check.values):
        outcome, message = CheckOutcome.OK, f"{check.metric} is {found.value:.6g}, which is admissible"
    else:
        outcome, message = CheckOutcome.ERROR, f"{check.metric} is {found.value:.6g}, and has to be {admissible}"
    bounds = {"values": list(check.values)}
    return Finding(check.name, check.type, check.metric, outcome, found.value, bounds, message, check.empty)
