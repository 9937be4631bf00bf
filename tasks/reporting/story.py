"""What is told of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.vocabulary import CheckOutcome, EmptyPolicy, ReportKind, ScenarioOutcome, StepOutcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that is not as it should be.

    Args:
        name: Of the check.
        outcome: ``WARNING``, ``ERROR`` or ``EMPTY``.
        message: Why, with the value and the bound.
        metric: That it looked at.
        value: Of the metric; ``None`` when there is none.
        bounds: That held, by name.
    """

    name: str
    outcome: str
    message: str
    metric: str
    value: Any
    bounds: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the run.

    Args:
        name: Of the step.
        outcome: How it ended.
        message: Why.
        findings: Its checks that failed.
    """

    name: str
    outcome: StepOutcome
    message: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """All that a report can tell.

    Args:
        kind: What is told.
        project: Name of the project.
        scenario: Name of the scenario, as people read it.
        run: Number of the run.
        outcome: Of the run; ``None`` while it goes on.
        trigger: What started it.
        started_by: Who.
        started_at: When it began.
        ended_at: When it ended; ``None`` while it goes on.
        reason: Why it was aborted.
        steps: So far, in order.
        missed: Times of the schedule for which this run stands.
        runs: How many runs had this trouble.
        since: When the first of them ended.
        links: Words and address of each page about the run.
    """

    kind: ReportKind
    project: str
    scenario: str
    run: int
    outcome: ScenarioOutcome | None
    trigger: str
    started_by: str
    started_at: datetime
    ended_at: datetime | None = None
    reason: str = ""
    steps: tuple[Step, ...] = ()
    missed: int = 0
    runs: int = 0
    since: datetime | None = None
    links: tuple[tuple[str, str], ...] = ()

    @property
    def blamed(self) -> list[Step]:
        """The steps that made the outcome what it is; of a run that was aborted, those that failed."""
        bad = StepOutcome.WARNING if self.outcome is ScenarioOutcome.WARNING else StepOutcome.FAILED
        return (
            [step for step in self.steps if step.outcome is bad] if self.outcome is not ScenarioOutcome.SUCCESS else []
        )

    @property
    def reset(self) -> list[Step]:
        """The steps whose failure a later step made good."""
        well = self.outcome in {ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING}
        return [step for step in self.steps if step.outcome is StepOutcome.FAILED] if well else []


def findings_in(checks: Any) -> tuple[Finding, ...]:
    """The checks of a step's result that are not OK, nor EMPTY where that is allowed.

    Example:
        >>> [one.name for one in findings_in([{"name": "a", "outcome": "ERROR"}, {"name": "b", "outcome": "OK"}])]
        ['a']
    """
    found = [one for one in checks if isinstance(one, Mapping)] if isinstance(checks, list) else []
    return tuple(_finding(one) for one in found if not _is_well(one))


def _finding(check: Mapping[str, Any]) -> Finding:
    bounds = check.get("bounds")
    return Finding(
        name=str(check.get("name")),
        outcome=str(check.get("outcome")),
        message=str(check.get("message") or ""),
        metric=str(check.get("metric") or ""),
        value=check.get("value"),
        bounds=bounds if isinstance(bounds, Mapping) else {},
    )


def _is_well(check: Mapping[str, Any]) -> bool:
    outcome = check.get("outcome")
    return outcome == CheckOutcome.OK or (outcome == CheckOutcome.EMPTY and check.get("empty") == EmptyPolicy.OK)
