"""The outcome of a scenario, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from governance.vocabulary import WORST_LAST, OnFailure, ScenarioOutcome, StepOutcome


@dataclass(frozen=True, slots=True)
class Progress:
    """How a scenario stands: the worst outcome since the last reset, whether a failure was ever reset, and its steps.

    Args:
        outcome: So far.
        recovered: Whether a failure was reset.
        steps: Name of a step that has ended: its ``outcome``, ``message`` and ``result``, for expressions.

    Example:
        >>> checked = Progress().after(StepOutcome.FAILED)
        >>> checked.outcome.value
        'FAILED'
        >>> rebuilt = checked.after(StepOutcome.SUCCESS, reset_failure=True)
        >>> rebuilt.outcome.value, rebuilt.recovered
        ('SUCCESS', True)
    """

    outcome: ScenarioOutcome = ScenarioOutcome.SUCCESS
    recovered: bool = False
    steps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def after(
        self,
        step: StepOutcome,
        *,
        reset_failure: bool = False,
        name: str = "",
        message: str = "",
        result: Mapping[str, Any] | None = None,
    ) -> Progress:
        """The state after one more step. A skipped step changes no outcome, and resets nothing."""
        ended = {"outcome": step.value, "message": message, "result": dict(result or {})}
        told = replace(self, steps={**self.steps, name: ended})
        if step is StepOutcome.SKIPPED:
            return told
        if reset_failure and step is not StepOutcome.FAILED:
            failed_before = self.outcome is ScenarioOutcome.FAILED
            return replace(told, outcome=ScenarioOutcome.SUCCESS, recovered=self.recovered or failed_before)
        return replace(told, outcome=ScenarioOutcome(max(StepOutcome(self.outcome), step, key=WORST_LAST.index)))


def as_declared(step: StepOutcome, on_failure: OnFailure) -> StepOutcome:
    """The outcome of a step, with a failure turned into a warning where the step says so."""
    if step is StepOutcome.FAILED and on_failure is OnFailure.WARN:
        return StepOutcome.WARNING
    return step
