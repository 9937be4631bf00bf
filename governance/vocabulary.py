"""The words of the product as enums and one small value, shared by all rooms. No database, no Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from math import hypot, isfinite
from types import MappingProxyType
from typing import Any, Final


class PredictionType(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Handling(StrEnum):
    """How a column is treated, by the model and by drift."""

    NUMERICAL = "numerical"
    CATEGORICAL = "categorical"
    DATE = "date"
    TEXT = "text"
    IGNORED = "ignored"


class CheckOutcome(StrEnum):
    """What a check found. ``EMPTY``: the metric has no value."""

    OK = "OK"
    WARNING = "WARNING"
    ERROR = "ERROR"
    EMPTY = "EMPTY"


class StepOutcome(StrEnum):
    """How a step of a scenario ended."""

    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


class ScenarioOutcome(StrEnum):
    """How a scenario ended. ``ABORTED``: it was stopped, or died, before its end."""

    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


class StepKind(StrEnum):
    """What a step of a scenario does."""

    BUILD_EVALUATION = "build_evaluation"
    RUN_CHECKS = "run_checks"
    TRAIN = "train"
    ACTIVATE = "activate"
    REQUEST_SIGN_OFF = "request_sign_off"
    SCORE = "score"
    NOTIFY = "notify"
    RUN_SCENARIO = "run_scenario"
    EXPORT_DOCUMENT = "export_document"
    PYTHON = "python"
    SQL = "sql"


class RunCondition(StrEnum):
    """When a step runs, given what came before it."""

    NO_PRIOR_FAILED = "no_prior_failed"
    SOME_PRIOR_FAILED = "some_prior_failed"
    ALWAYS = "always"
    NEVER = "never"
    OUTCOME_IS = "outcome_is"
    CONDITION = "condition"


class CatchUp(StrEnum):
    """What becomes of the times of a schedule at which nothing could run: one run for all of them, or none."""

    ONCE = "once"
    SKIP = "skip"


class Collision(StrEnum):
    """What a run does that would begin while another of its scenario goes on."""

    WAIT = "wait"
    SKIP = "skip"


class Every(StrEnum):
    """How long the periods are into which a stretch of time is cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class ReportAt(StrEnum):
    """When a reporter speaks."""

    START = "start"
    END = "end"


class ReportKind(StrEnum):
    """What a report tells: a run begins; it ended; the trouble that was told goes on; that trouble is over."""

    BEGIN = "begin"
    END = "end"
    REMINDER = "reminder"
    OVER = "over"


class ActivationPolicy(StrEnum):
    """What becomes of a version once it is trained. Whatever it is, the gate is asked."""

    ALWAYS = "always"
    IF_BETTER = "if_better"
    MANUAL = "manual"


class SameData(StrEnum):
    """What becomes of a training whose data are, byte for byte, those of the version before."""

    REFUSE = "refuse"
    ALLOW = "allow"


class OnApproval(StrEnum):
    """What an approval starts."""

    NOTHING = "nothing"
    ACTIVATE = "activate"


class Comparison(StrEnum):
    """How two values are held against each other."""

    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    DIFFERENT = "!="


class ComparedWith(StrEnum):
    """Of which evaluation the other value of a comparison is."""

    PREVIOUS = "previous"
    REFERENCE = "reference"


class SamplingMethod(StrEnum):
    """Which rows of an evaluation dataset are judged."""

    FULL = "full"
    HEAD = "head"
    RANDOM = "random"
    RATIO = "ratio"
    CLASS_REBALANCE = "class_rebalance"


class SplitMethod(StrEnum):
    """How training data are divided into a part to fit on and a part to measure on."""

    RANDOM = "random"
    TIME = "time"


class Averaging(StrEnum):
    """How one-vs-rest metrics of several classes become one: every class counts the same, or by its rows."""

    MACRO = "macro"
    WEIGHTED = "weighted"


class DriftModel(StrEnum):
    """The classifier that tells reference rows from current rows."""

    GRADIENT_BOOSTING = "gradient_boosting"
    RANDOM_FOREST = "random_forest"


class EmptyPolicy(StrEnum):
    """What an ``EMPTY`` check does to its step."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class OnFailure(StrEnum):
    """Whether a failure counts as one."""

    FAIL = "fail"
    WARN = "warn"


class Policy(StrEnum):
    """How strictly an environment asks for a sign-off."""

    PREVENT = "prevent"
    WARN = "warn"
    ALWAYS = "always"


class GateDecision(StrEnum):
    """What the gate says to one version in one environment. ``OVERRIDDEN``: no, but two people took it on themselves."""

    ALLOWED = "ALLOWED"
    CONFIRMATION_NEEDED = "CONFIRMATION_NEEDED"
    OVERRIDDEN = "OVERRIDDEN"
    REFUSED = "REFUSED"


class SignOffStatus(StrEnum):
    """Where the sign-off of a version stands."""

    NOT_STARTED = "NOT_STARTED"
    WAITING_FOR_FEEDBACK = "WAITING_FOR_FEEDBACK"
    WAITING_FOR_APPROVAL = "WAITING_FOR_APPROVAL"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ABANDONED = "ABANDONED"


class SignOffAction(StrEnum):
    """Everything that can be done to a sign-off."""

    REQUEST_FEEDBACK = "request_feedback"
    ADD_FEEDBACK = "add_feedback"
    EDIT_FEEDBACK = "edit_feedback"
    DELETE_FEEDBACK = "delete_feedback"
    REQUEST_APPROVAL = "request_approval"
    BACK_TO_FEEDBACK = "back_to_feedback"
    APPROVE = "approve"
    REJECT = "reject"
    EDIT_TO_APPROVED = "edit_to_approved"
    EDIT_TO_REJECTED = "edit_to_rejected"
    DELETE_APPROVAL = "delete_approval"
    ABANDON = "abandon"
    CANCEL_ABANDON = "cancel_abandon"
    RESET = "reset"
    RECUR = "recur"


class FeedbackVerdict(StrEnum):
    """What a reviewer thinks. Feedback never gates."""

    APPROVED = "APPROVED"
    MINOR_ISSUE = "MINOR_ISSUE"
    MAJOR_ISSUE = "MAJOR_ISSUE"


class Origin(StrEnum):
    """From where an act comes."""

    PAGE = "page"
    API = "api"
    COMMAND = "command"
    FLOW = "flow"
    SYSTEM = "system"


class Role(StrEnum):
    """What somebody is, on one project or on all of them."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """What a role lets somebody do, and what a token may be used for."""

    READ = "read"
    WRITE = "write"
    REVIEW = "review"
    APPROVE = "approve"
    ADMINISTER = "administer"


class UserKind(StrEnum):
    """Whether a user is somebody. A service trains and evaluates; it never reviews and never approves."""

    PERSON = "person"
    SERVICE = "service"


class ItemKind(StrEnum):
    """What can be governed: project > model > version, project > bundle."""

    PROJECT = "project"
    MODEL = "model"
    VERSION = "version"
    BUNDLE = "bundle"


class ItemState(StrEnum):
    """Whether governance has taken an item up. Hiding is not deleting."""

    GOVERNABLE = "GOVERNABLE"
    GOVERNED = "GOVERNED"
    HIDDEN = "HIDDEN"


class TemplateState(StrEnum):
    """A draft can be changed; an active revision can be chosen; an archived one holds for what it governs already."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class StepStatus(StrEnum):
    """Where a step of a workflow stands."""

    NOT_STARTED = "NOT_STARTED"
    ONGOING = "ONGOING"
    FINISHED = "FINISHED"
    SKIPPED = "SKIPPED"


class FieldKind(StrEnum):
    """What a field of a workflow takes."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CATEGORY = "category"
    BOOLEAN = "boolean"
    FILE = "file"
    LIST = "list"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where.

    Args:
        name: Name of the user.
        origin: From where.
        scope: The rights of the token that stands for the user; none: all that the user has.
    """

    name: str
    origin: Origin = Origin.COMMAND
    scope: frozenset[Right] | None = None


SYSTEM: Final = Actor("driftgate", Origin.SYSTEM)
"""Who does what nobody did: a recurrence falls due, a run is found dead."""

SCHEDULE: Final = "schedule"
"""The trigger of runs that the calendar starts."""

BACKFILL: Final = "backfill"
"""The trigger of runs over past periods. They say nothing of how things are now: nobody is told, nothing follows them."""

WORST_LAST: Final = (StepOutcome.SUCCESS, StepOutcome.WARNING, StepOutcome.FAILED)
"""How bad it is how a step ended. One that was skipped is no part of that."""

STEP_OUTCOMES: Final[Mapping[tuple[CheckOutcome, EmptyPolicy], StepOutcome]] = MappingProxyType(
    {
        **{(CheckOutcome.OK, empty): StepOutcome.SUCCESS for empty in EmptyPolicy},
        **{(CheckOutcome.WARNING, empty): StepOutcome.WARNING for empty in EmptyPolicy},
        **{(CheckOutcome.ERROR, empty): StepOutcome.FAILED for empty in EmptyPolicy},
        (CheckOutcome.EMPTY, EmptyPolicy.OK): StepOutcome.SUCCESS,
        (CheckOutcome.EMPTY, EmptyPolicy.WARNING): StepOutcome.WARNING,
        (CheckOutcome.EMPTY, EmptyPolicy.ERROR): StepOutcome.FAILED,
    }
)
"""What the outcome of one check does to the step that ran it."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric: its value, how sure it is, and the rows behind it.

    Args:
        name: As in the catalogue of metrics, e.g. ``data_drift`` or ``column_drift.age.psi``.
        value: ``None`` when it could not be computed; then ``reason`` says why.
        lower: Lower end of the interval, in the unit of the value; ``None`` when there is none.
        upper: Upper end of the interval.
        rows: Number of rows the value rests on.
        reason: Why there is no value; empty when there is one.
    """

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    rows: int | None = None
    reason: str = ""

    def cell(self) -> dict[str, Any]:
        """All but the name, as JSON has it.

        >>> Measurement("accuracy", 0.5, rows=8).cell()
        {'value': 0.5, 'lower': None, 'upper': None, 'rows': 8, 'reason': ''}
        """
        cell = asdict(self)
        del cell["name"]
        return cell

    def minus(self, before: Measurement, name: str) -> Measurement:
        """How much more this is than another measurement of the same metric, on other rows.

        Where both have an interval, so has the difference: the distances of the ends from the values add up as squares,
        each side keeping its own lopsidedness (MOVER). That holds for rows that have nothing to do with each other; of
        the same or overlapping rows it is too wide rather than too narrow. A side without an interval is not known
        exactly, it is not known how exactly: then the difference has none either.

        Args:
            before: What is taken off.
            name: Of the difference.

        Returns:
            Signed, with the rows of this one; without value, and with the reason, where either has none or the
            difference leaves floating point.

        Source: G. Y. Zou, A. Donner, Construction of confidence limits about effect measures (2008).

        >>> less = Measurement("accuracy", 0.5, 0.47, 0.53).minus(Measurement("accuracy", 0.75, 0.71, 0.79), "change")
        >>> less.value, round(less.lower, 9), round(less.upper, 9)
        (-0.25, -0.3, -0.2)
        """
        if self.value is None or before.value is None:
            lacking = self if self.value is None else before
            return Measurement(name, None, rows=self.rows, reason=lacking.reason or f"{lacking.name} has no value")
        value = self.value - before.value
        if not isfinite(value):
            return Measurement(name, None, rows=self.rows, reason="the difference is beyond floating point")
        if self.lower is None or self.upper is None or before.lower is None or before.upper is None:
            return Measurement(name, value, rows=self.rows)
        lower = value - hypot(self.value - self.lower, before.upper - before.value)
        upper = value + hypot(self.upper - self.value, before.value - before.lower)
        if not (isfinite(lower) and isfinite(upper)):
            return Measurement(name, value, rows=self.rows)
        return Measurement(name, value, lower, upper, self.rows)
