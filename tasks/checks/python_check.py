"""A function of the project that looks at all metrics of an evaluation, and at those before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from governance.errors import UnreadableFile
from governance.project_file import PythonCheck
from governance.vocabulary import CheckOutcome, Measurement
from tasks.checks.evidence import Evidence
from tasks.checks.finding import Finding
from tasks.functions import in_words, load_function

HISTORY: Final = 20
"""Evaluations before that such a function is given, at most."""

_LONGEST_MESSAGE: Final = 500
_RIGHT: Final = f"return one of {', '.join(CheckOutcome)}, or one of them and a message"


def check_python(check: PythonCheck, evidence: Evidence) -> Finding:
    """Call ``function(latest, history)``; the outcome is what it gives.

    ``latest`` is a dict of metric and value (``None`` where it has none), ``history`` a list of such dicts of the
    evaluations before, the one before first, 20 at most. What it raises is an ``ERROR`` with its text, and so is an answer
    that is none.
    """
    outcome, message = _asked(check, evidence)
    return Finding(check.name, check.type, "", outcome, None, {"function": check.function}, message, check.empty)


def _asked(check: PythonCheck, evidence: Evidence) -> tuple[CheckOutcome, str]:
    try:
        function = load_function(check.function, evidence.folder, f"check {check.name!r}")
    except UnreadableFile as error:
        return CheckOutcome.ERROR, str(error)
    try:
        answer = function(_values(evidence.latest), [_values(metrics) for metrics in evidence.history[:HISTORY]])
    except (Exception, SystemExit) as error:
        return CheckOutcome.ERROR, f"{check.function} failed with {in_words(error)}"
    return _understood(answer, check.function)


def _values(metrics: Mapping[str, Measurement]) -> dict[str, float | None]:
    return {name: found.value for name, found in metrics.items()}


def _understood(answer: Any, function: str) -> tuple[CheckOutcome, str]:
    outcome, message = answer if isinstance(answer, tuple | list) and len(answer) == 2 else (answer, "")
    if not isinstance(outcome, str) or outcome not in list(CheckOutcome) or not isinstance(message, str):
        given = repr(outcome)[:60] if isinstance(outcome, str | bool | int | float | None) else type(outcome).__name__
        what = given if isinstance(message, str) else f"a message of type {type(message).__name__}"
        return CheckOutcome.ERROR, f"{function} returned {what}; it has to {_RIGHT}"
    found = CheckOutcome(outcome)
    # Neither databases nor terminals take everything that a text may hold.
    said = "".join(letter if letter.isprintable() else " " for letter in message).strip()[:_LONGEST_MESSAGE]
    return found, said or f"{function} says {found}"
