"""The sentences of a report."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from governance.vocabulary import ReportKind, ScenarioOutcome
from tasks.reporting.story import Finding, Story

LONGEST_MESSAGE: Final = 600
"""Letters of what one step or check says; the record has all of it."""

MOST_STEPS: Final = 40
"""Of which a report tells; services have limits, and nobody reads more."""


def headline(story: Story) -> str:
    """What happened, in one line.

    Example:
        >>> at = datetime(2026, 1, 5, 6, tzinfo=UTC)
        >>> headline(Story(ReportKind.BEGIN, "credit", "Retrain", 7, None, "schedule", "ada", at))
        'credit, Retrain: run 7 has begun'
    """
    return plain(f"{story.project}, {story.scenario}: {_what_happened(story)}").replace("\n", " ")


def _what_happened(story: Story) -> str:
    if story.kind is ReportKind.BEGIN:
        return f"run {story.run} has begun"
    if story.kind is ReportKind.OVER:
        return f"{story.outcome} again"
    at = f" at {', '.join(step.name for step in story.blamed)}" if story.blamed else ""
    recovered = " after a failure was reset" if story.reset else ""
    still = "still " if story.kind is ReportKind.REMINDER else ""
    return f"{still}{story.outcome}{at}{recovered}"


def explanations(story: Story) -> list[str]:
    """What else is to be known, a sentence each."""
    sentences = []
    if story.kind is ReportKind.REMINDER and story.since is not None:
        sentences.append(f"{story.runs} runs since {moment(story.since)} had the same trouble.")
    if story.kind is ReportKind.OVER and story.since is not None:
        runs = "1 run" if story.runs == 1 else f"{story.runs} runs"
        sentences.append(f"The trouble that began {moment(story.since)} and was had by {runs} is over.")
    if story.kind is ReportKind.END and story.runs == 1:
        sentences.append("If the next runs have the same trouble, you are not told of each of them.")
    if story.outcome is ScenarioOutcome.ABORTED and story.reason:
        sentences.append(f"Aborted: {cut(story.reason)}.")
    if story.reset:
        sentences.append(f"{', '.join(step.name for step in story.reset)} failed, and a later step reset that.")
    if story.missed:
        times = "1 time" if story.missed == 1 else f"{story.missed} times"
        sentences.append(f"It stands for {times} of its schedule at which nothing ran.")
    return [plain(sentence) for sentence in sentences]


def facts(story: Story) -> list[tuple[str, str]]:
    """What, when and by whom."""
    told = [
        ("Run", f"{story.run}, started by {story.started_by} ({story.trigger})"),
        ("Began", moment(story.started_at)),
    ]
    if story.ended_at is not None:
        told.append(("Took", duration((story.ended_at - story.started_at).total_seconds())))
    return [(name, plain(value)) for name, value in told]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: outcome, name, and why."""

    outcome: str
    name: str
    message: str

    def __str__(self) -> str:
        return f"{self.outcome} {self.name}: {self.message}"


def failing_checks(story: Story) -> list[Line]:
    """The checks that failed, as far as there is room."""
    findings = [finding for step in story.steps for finding in step.findings]
    return [_line(one.outcome, one.name, against_bounds(one)) for one in findings[:MOST_STEPS]]


def steps(story: Story) -> tuple[list[Line], str]:
    """The steps, as far as there is room, and a word on those for which there is none."""
    left = len(story.steps) - MOST_STEPS
    lines = [_line(step.outcome, step.name, cut(step.message)) for step in story.steps[:MOST_STEPS]]
    return lines, f"and {left} more" if left > 0 else ""


def against_bounds(finding: Finding) -> str:
    """Why a check failed: its value against its bounds.

    Example:
        >>> against_bounds(Finding("Drift", "ERROR", "data_drift is too high", "data_drift", 0.51, {"maximum": 0.4}))
        'data_drift is too high (value 0.51; maximum 0.4)'
    """
    bounds = ", ".join(
        f"{name.replace('_', ' ')} {shown(bound)}" for name, bound in finding.bounds.items() if bound is not None
    )
    numbers = "; ".join(filter(None, [f"value {shown(finding.value)}", bounds]))
    return f"{cut(finding.message)} ({numbers})"


def _line(*parts: str) -> Line:
    return Line(*(" ".join(plain(part).split()) for part in parts))


def shown(value: Any) -> str:
    """A value as people read it.

    Example:
        >>> shown(0.5123456), shown(None), shown(["a", "b"]), shown(12)
        ('0.5123', 'none', 'a, b', '12')
    """
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return f"{value:.4g}" if isinstance(value, float) else cut(str(value))


def moment(at: datetime) -> str:
    """A point in time, to the minute."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """How long something took, in the two units that matter.

    Example:
        >>> duration(0.4), duration(95), duration(7_260), duration(-3)
        ('0 s', '1 min 35 s', '2 h 1 min', '0 s')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def cut(text: str) -> str:
    """As much of a text as a report has room for."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]}…"


def plain(text: str) -> str:
    r"""Text without control characters, which could do anything where it is shown.

    Example:
        >>> plain("fine\x1b[2J\u202e\n")
        'fine[2J\n'
    """
    return "".join(letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cf"})
