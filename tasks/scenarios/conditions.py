"""When a step runs: one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from governance.errors import ExpressionError
from governance.project_file import Condition, OutcomeIs
from governance.vocabulary import RunCondition, ScenarioOutcome
from tasks.scenarios.expressions import as_text, evaluate, refused_as

RunIf = RunCondition | OutcomeIs | Condition

FAILED: Final = ScenarioOutcome.FAILED

CONDITIONS: Final[Mapping[RunCondition, Callable[[Any, ScenarioOutcome, Mapping[str, Any]], bool]]] = MappingProxyType(
    {
        RunCondition.NO_PRIOR_FAILED: lambda run_if, outcome, names: outcome is not FAILED,
        RunCondition.SOME_PRIOR_FAILED: lambda run_if, outcome, names: outcome is FAILED,
        RunCondition.ALWAYS: lambda run_if, outcome, names: True,
        RunCondition.NEVER: lambda run_if, outcome, names: False,
        RunCondition.OUTCOME_IS: lambda run_if, outcome, names: outcome in run_if.outcome_is,
        RunCondition.CONDITION: lambda run_if, outcome, names: _is_true(run_if.condition, names),
    }
)
"""Whether a step runs, by what it says, the outcome of the scenario so far, and the names that expressions know."""


def should_run(run_if: RunIf, outcome: ScenarioOutcome, names: Mapping[str, Any] = MappingProxyType({})) -> bool:
    """Whether a step with this condition runs after this outcome so far. A warning is not a failure.

    Args:
        run_if: What the step says.
        outcome: So far.
        names: What an expression may name; see :func:`tasks.scenarios.expressions.evaluate`.

    Raises:
        ExpressionError: the expression comes to nothing, or to something else than true or false.

    Example:
        >>> should_run(RunCondition.NO_PRIOR_FAILED, ScenarioOutcome.WARNING)
        True
        >>> should_run(OutcomeIs(outcome_is=["FAILED"]), ScenarioOutcome.WARNING)
        False
        >>> should_run(Condition(condition="variables.rows >= 1000"), ScenarioOutcome.FAILED, {"variables": {"rows": 1000}})
        True
    """
    return CONDITIONS[_kind(run_if)](run_if, outcome, names)


def in_words(run_if: RunIf) -> str:
    """The condition as people say it.

    Example:
        >>> in_words(RunCondition.SOME_PRIOR_FAILED)
        'some prior failed'
        >>> in_words(Condition(condition="outcome == 'WARNING'"))
        "outcome == 'WARNING'"
    """
    if isinstance(run_if, OutcomeIs):
        return f"outcome is {' or '.join(run_if.outcome_is)}"
    return run_if.condition if isinstance(run_if, Condition) else run_if.replace("_", " ")


def _kind(run_if: RunIf) -> RunCondition:
    if isinstance(run_if, OutcomeIs):
        return RunCondition.OUTCOME_IS
    return RunCondition.CONDITION if isinstance(run_if, Condition) else run_if


def _is_true(expression: str, names: Mapping[str, Any]) -> bool:
    found = evaluate(expression, names)
    if not isinstance(found, bool):
        with refused_as(expression):
            problem = f"it comes to {as_text(found)[:80]!r} and not to true or false"
        raise ExpressionError(expression, problem, "compare it with something")
    return found
