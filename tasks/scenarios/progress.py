"""The outcome of a scenario, step by step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from governance.vocabulary import OnFailure, ScenarioOutcome, StepOutcome

_SEVERITY = (ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING, ScenarioOutcome.FAILED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How a scenario stands: the worst outcome since the last reset, and whether a failure was ever reset.

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

    def after(self, step: StepOutcome, *, reset_failure: bool = False) -> Progress:
        """The state after one more step. A skipped step changes nothing, and resets nothing."""
        if step is StepOutcome.SKIPPED:
            return self
        if reset_failure and step is not StepOutcome.FAILED:
            failed_before = self.outcome is ScenarioOutcome.FAILED
            return Progress(ScenarioOutcome.SUCCESS, self.recovered or failed_before)
        return replace(self, outcome=max(self.outcome, ScenarioOutcome(step), key=_SEVERITY.index))


def as_declared(step: StepOutcome, on_failure: OnFailure) -> StepOutcome:
    """The outcome of a step, with a failure turned into a warning where the step says so."""
    if step is StepOutcome.FAILED and on_failure is OnFailure.WARN:
        return StepOutcome.WARNING
    return step
