"""Every error driftgate raises on purpose. None of them knows of HTTP or exit codes.

::

    DriftgateError
    ├── BadInput                     what was handed over can't be used; nothing was written
    │   ├── UnreadableFile           a file that is absent, empty, truncated or not in its format
    │   ├── SchemaMismatch           a column that is missing, doubled or of another type
    │   ├── NoUsableTarget           labels are needed and there are none
    │   ├── TrainingImpossible       nothing can be learned from these data with this estimator
    │   ├── UnusableName             a name that somebody chose and that can't be one
    │   ├── UnusableValue            a value that its field can't have
    │   ├── ExpressionError          an expression of a scenario that says nothing, or nothing here
    │   ├── ProjectFileError         project.yaml does not say what it must
    │   └── TemplateError            a governance template does not say what it must
    ├── NotFound                     a name that nothing answers to
    ├── NotLoggedIn                  nobody, or nobody any more, stands behind a name, a password or a token
    ├── TooManyAttempts              so many log-ins failed that the next must wait
    ├── Refused                      the rules say no
    │   ├── NotAllowed               the roles of who acts don't give the right
    │   ├── TransitionNotAllowed     the sign-off table has no such move
    │   ├── SignOffRefused           the role or a guard says no
    │   ├── ActivationRefused        the gate says no
    │   ├── ConfirmationNeeded       the gate wants a yes that is recorded
    │   ├── ActRefused               the state of what is acted on does not let it
    │   ├── ClockMovedBack           the clock is behind the audit trail
    │   ├── ClockAhead               the clock is ahead of what can be
    │   └── ChangedMeanwhile         somebody else was first; nothing was written
    ├── ContentAltered               bytes in the store are not the bytes that were recorded
    └── ServerUnavailable            the Prefect server can't be reached or started

All survive pickling, since they cross processes: every argument goes to ``super().__init__`` and the
sentence is made in ``__str__``. A sentence says what was wrong, with which value, and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class DriftgateError(Exception):
    """The root: catch it to catch every refusal driftgate makes on purpose."""


class BadInput(DriftgateError):
    """What was handed over can't be used; nothing was written."""


class UnreadableFile(BadInput):
    """A file that is absent, empty, truncated or not in its format."""

    def __init__(self, file: str | Path, problem: str, remedy: str) -> None:
        super().__init__(file, problem, remedy)
        self.file, self.problem, self.remedy = file, problem, remedy

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}; {self.remedy}."


class SchemaMismatch(BadInput):
    """A column that is missing, doubled or of another type."""

    def __init__(self, file: str | Path, column: str, problem: str, remedy: str, row: int | None = None) -> None:
        super().__init__(file, column, problem, remedy, row)
        self.file, self.column, self.problem, self.remedy, self.row = file, column, problem, remedy, row

    def __str__(self) -> str:
        place = "" if self.row is None else f", row {self.row:,}"
        return f"{self.file}, column {self.column!r}{place}: {self.problem}; {self.remedy}."


class NoUsableTarget(BadInput):
    """Labels are needed and there are none."""

    def __init__(self, file: str | Path, column: str, problem: str, remedy: str) -> None:
        super().__init__(file, column, problem, remedy)
        self.file, self.column, self.problem, self.remedy = file, column, problem, remedy

    def __str__(self) -> str:
        return f"{self.file}, target {self.column!r}: {self.problem}; {self.remedy}."


class TrainingImpossible(BadInput):
    """Nothing can be learned from these data with this estimator."""

    def __init__(self, model: str, problem: str, remedy: str) -> None:
        super().__init__(model, problem, remedy)
        self.model, self.problem, self.remedy = model, problem, remedy

    def __str__(self) -> str:
        return f"model {self.model!r}: {self.problem}; {self.remedy}."


class UnusableName(BadInput):
    """A name that somebody chose and that can't be one."""

    def __init__(self, kind: str, name: str, problem: str, remedy: str) -> None:
        super().__init__(kind, name, problem, remedy)
        self.kind, self.name, self.problem, self.remedy = kind, name, problem, remedy

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}: {self.problem}; {self.remedy}."


def _place(file: str | Path, line: int | None, field: str) -> str:
    """Where in a document something is wrong, as far as that is known."""
    return f"{file}{'' if line is None else f', line {line}'}{f', field {field!r}' if field else ''}"


class ProjectFileError(BadInput):
    """``project.yaml`` does not say what it must."""

    def __init__(self, file: str | Path, line: int | None, field: str, problem: str, remedy: str) -> None:
        super().__init__(file, line, field, problem, remedy)
        self.file, self.line, self.field, self.problem, self.remedy = file, line, field, problem, remedy

    def __str__(self) -> str:
        return f"{_place(self.file, self.line, self.field)}: {self.problem}; {self.remedy}."


class UnusableValue(BadInput):
    """A value that its field can't have."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(field, problem, remedy)
        self.field, self.problem, self.remedy = field, problem, remedy

    def __str__(self) -> str:
        return f"{self.field}: {self.problem}; {self.remedy}."


class ExpressionError(BadInput):
    """An expression of a scenario that says nothing, or nothing here."""

    def __init__(self, expression: str, problem: str, remedy: str) -> None:
        super().__init__(expression, problem, remedy)
        self.expression, self.problem, self.remedy = expression, problem, remedy

    def __str__(self) -> str:
        return f"Expression {self.expression!r}: {self.problem}; {self.remedy}."


class TemplateError(BadInput):
    """A governance template does not say what it must."""

    def __init__(self, file: str | Path, line: int | None, field: str, problem: str, remedy: str) -> None:
        super().__init__(file, line, field, problem, remedy)
        self.file, self.line, self.field, self.problem, self.remedy = file, line, field, problem, remedy

    def __str__(self) -> str:
        return f"{_place(self.file, self.line, self.field)}: {self.problem}; {self.remedy}."


class NotLoggedIn(DriftgateError):
    """Nobody, or nobody any more, stands behind a name, a password or a token."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy

    def __str__(self) -> str:
        return f"Not logged in: {self.problem}; {self.remedy}."


class TooManyAttempts(DriftgateError):
    """So many log-ins failed that the next must wait."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds

    def __str__(self) -> str:
        return f"Too many log-ins have failed; try again in {self.wait_seconds} seconds."


class NotFound(DriftgateError):
    """A name that nothing answers to."""

    def __init__(self, kind: str, name: str, known: Sequence[str] = (), remedy: str = "") -> None:
        super().__init__(kind, name, tuple(known), remedy)
        self.kind, self.name, self.known, self.remedy = kind, name, tuple(known), remedy

    def __str__(self) -> str:
        known = f" (known: {', '.join(self.known)})" if self.known else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"There is no {self.kind} {self.name!r}{known}{remedy}."


class Refused(DriftgateError):
    """The rules say no."""


class NotAllowed(Refused):
    """The roles of who acts don't give the right."""

    def __init__(self, person: str, right: str, subject: str, problem: str) -> None:
        right = str(right)
        super().__init__(person, right, subject, problem)
        self.person, self.right, self.subject, self.problem = person, right, subject, problem

    def __str__(self) -> str:
        return f"{self.person} may not {self.right} on {self.subject}: {self.problem}; ask an administrator."


class ActRefused(Refused):
    """The state of what is acted on does not let it; ``reasons`` names every one."""

    def __init__(self, subject: str, action: str, reasons: Sequence[str]) -> None:
        action = str(action)
        super().__init__(subject, action, tuple(reasons))
        self.subject, self.action, self.reasons = subject, action, tuple(reasons)

    def __str__(self) -> str:
        return f"{self.subject}: {self.action!r} is refused: {'; '.join(self.reasons)}."


class ClockMovedBack(Refused):
    """The clock is behind the audit trail; nothing was written."""

    def __init__(self, found: str, last: str) -> None:
        super().__init__(found, last)
        self.found, self.last = found, last

    def __str__(self) -> str:
        return (
            f"The clock says {self.found}, but the last line of the audit trail was written at {self.last}; "
            f"set the clock of this machine right, or restore a backup of before if that line lies in the future."
        )


class ClockAhead(Refused):
    """The clock is ahead of what can be, which would keep everybody from acting until then; nothing was written."""

    def __init__(self, found: str, known: str, remedy: str) -> None:
        super().__init__(found, known, remedy)
        self.found, self.known, self.remedy = found, known, remedy

    def __str__(self) -> str:
        return f"The clock says {self.found}, but {self.known}; {self.remedy}."


class TransitionNotAllowed(Refused):
    """The sign-off table has no such move."""

    def __init__(self, subject: str, status: str, action: str, allowed: Sequence[str]) -> None:
        # What is an enum becomes its word, since a sentence would show the name of its class.
        status, action, words = str(status), str(action), tuple(map(str, allowed))
        super().__init__(subject, status, action, words)
        self.subject, self.status, self.action, self.allowed = subject, status, action, words

    def __str__(self) -> str:
        allowed = ", ".join(self.allowed) or "nothing"
        return (
            f"{self.subject}: {self.action!r} is not possible while the sign-off is {self.status}; "
            f"possible now: {allowed}."
        )


class SignOffRefused(Refused):
    """The role or a guard says no; ``reasons`` names every one."""

    def __init__(self, subject: str, action: str, reasons: Sequence[str]) -> None:
        action = str(action)
        super().__init__(subject, action, tuple(reasons))
        self.subject, self.action, self.reasons = subject, action, tuple(reasons)

    def __str__(self) -> str:
        return f"{self.subject}: {self.action!r} is refused: {'; '.join(self.reasons)}."


class ActivationRefused(Refused):
    """The gate says no; ``reasons`` names every one."""

    def __init__(self, subject: str, environment: str, reasons: Sequence[str]) -> None:
        super().__init__(subject, environment, tuple(reasons))
        self.subject, self.environment, self.reasons = subject, environment, tuple(reasons)

    def __str__(self) -> str:
        return f"{self.subject} may not become active in {self.environment!r}: {'; '.join(self.reasons)}."


class ConfirmationNeeded(Refused):
    """The gate wants a yes that is recorded."""

    def __init__(self, subject: str, environment: str, reasons: Sequence[str]) -> None:
        super().__init__(subject, environment, tuple(reasons))
        self.subject, self.environment, self.reasons = subject, environment, tuple(reasons)

    def __str__(self) -> str:
        return (
            f"{self.subject} needs a confirmation to become active in {self.environment!r}: "
            f"{'; '.join(self.reasons)}; confirm it, which is recorded."
        )


class ChangedMeanwhile(Refused):
    """Somebody else was first; nothing was written."""

    def __init__(self, subject: str, expected: str, found: str) -> None:
        super().__init__(subject, expected, found)
        self.subject, self.expected, self.found = subject, expected, found

    def __str__(self) -> str:
        return (
            f"{self.subject} was changed meanwhile: expected {self.expected}, found {self.found}; "
            "look at it again, then decide again."
        )


class ContentAltered(DriftgateError):
    """Bytes in the store are not the bytes that were recorded."""

    def __init__(self, subject: str, part: str, expected: str, found: str) -> None:
        super().__init__(subject, part, expected, found)
        self.subject, self.part, self.expected, self.found = subject, part, expected, found

    def __str__(self) -> str:
        return (
            f"{self.subject}: {self.part} is not what was recorded (expected {self.expected}, "
            f"found {self.found}); restore it from a backup, or train a new version."
        )


class ServerUnavailable(DriftgateError):
    """The Prefect server can't be reached or started."""

    def __init__(self, address: str, problem: str, remedy: str) -> None:
        super().__init__(address, problem, remedy)
        self.address, self.problem, self.remedy = address, problem, remedy

    def __str__(self) -> str:
        return f"Prefect server at {self.address}: {self.problem}; {self.remedy}."
