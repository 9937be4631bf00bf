"""What makes two troubles the same: the scenario, its outcome, the steps that made it, and the checks that failed there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from governance.tables import StepRun
from governance.vocabulary import STEP_OUTCOMES, WORST_LAST, CheckOutcome, EmptyPolicy, ScenarioOutcome, StepOutcome

_TROUBLE: Final = frozenset({ScenarioOutcome.WARNING, ScenarioOutcome.FAILED, ScenarioOutcome.ABORTED})


def tells_of_trouble(outcome: ScenarioOutcome) -> bool:
    """Whether a run that ended so is worth an alarm."""
    return outcome in _TROUBLE


def cause_of(scenario: str, outcome: ScenarioOutcome, steps: Iterable[StepRun]) -> str:
    """A digest that is the same for the same trouble, whatever the values were this time.

    Args:
        scenario: Which.
        outcome: Of the run.
        steps: Of the run. Those count whose outcome is that of the run; of a run that was aborted, those that failed.
    """
    bad = StepOutcome.WARNING if outcome is ScenarioOutcome.WARNING else StepOutcome.FAILED
    troubled = [[step.name, failing_checks(step.result)] for step in steps if step.outcome is bad]
    said = json.dumps([scenario, outcome, troubled])
    return hashlib.sha256(said.encode()).hexdigest()


def failing_checks(result: Mapping[str, Any]) -> list[str]:
    """The names of the checks that are to blame for the outcome of a step: the worst ones.

    Example:
        >>> high, low = {"name": "high", "outcome": "ERROR"}, {"name": "low", "outcome": "WARNING"}
        >>> failing_checks({"checks": [high, low]}), failing_checks({"checks": [low]}), failing_checks({})
        (['high'], ['low'], [])
    """
    found = result.get("checks")  # of a step of the project's own it may be anything
    checks = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    graded = [(_gravity(one), str(one.get("name"))) for one in checks]
    worst = max((gravity for gravity, _ in graded), default=0)
    return sorted({name for gravity, name in graded if worst and gravity == worst})


def _gravity(finding: Mapping[str, Any]) -> int:
    try:
        outcome = CheckOutcome(finding.get("outcome", ""))
        empty = EmptyPolicy(finding.get("empty", EmptyPolicy.WARNING))
    except ValueError:  # of a step of the project's own
        return WORST_LAST.index(StepOutcome.WARNING)
    return WORST_LAST.index(STEP_OUTCOMES[outcome, empty])
