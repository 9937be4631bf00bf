"""When a step runs: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from governance.project_file import OutcomeIs
from governance.vocabulary import RunCondition, ScenarioOutcome

FAILED = ScenarioOutcome.FAILED

CONDITIONS: Final[Mapping[RunCondition, Callable[[ScenarioOutcome], bool]]] = MappingProxyType(
    {
        RunCondition.NO_PRIOR_FAILED: lambda outcome: outcome is not FAILED,
        RunCondition.SOME_PRIOR_FAILED: lambda outcome: outcome is FAILED,
        RunCondition.ALWAYS: lambda outcome: True,
        RunCondition.NEVER: lambda outcome: False,
    }
)
"""Whether a step runs, by the outcome of the scenario so far. ``outcome_is`` brings its own outcomes."""


def should_run(run_if: RunCondition | OutcomeIs, outcome: ScenarioOutcome) -> bool:
    """Whether a step with this condition runs after this outcome so far. A warning is not a failure.

    Example:
        >>> should_run(RunCondition.NO_PRIOR_FAILED, ScenarioOutcome.WARNING)
        True
        >>> should_run(OutcomeIs(outcome_is=["FAILED"]), ScenarioOutcome.WARNING)
        False
    """
    if isinstance(run_if, OutcomeIs):
        return outcome in run_if.outcome_is
    return CONDITIONS[run_if](outcome)


def in_words(run_if: RunCondition | OutcomeIs) -> str:
    """The condition as people say it.

    Example:
        >>> in_words(RunCondition.SOME_PRIOR_FAILED)
        'some prior failed'
    """
    if isinstance(run_if, OutcomeIs):
        return f"outcome is {' or '.join(run_if.outcome_is)}"
    return run_if.replace("_", " ")
