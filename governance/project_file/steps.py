"""What steps a scenario has: one class per kind."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from governance.project_file.expressions import checked_expression
from governance.project_file.section import Key, Misuse, Section, name_of_a_variable, place_of_a_function
from governance.vocabulary import OnFailure, RunCondition, ScenarioOutcome, StepKind


class OutcomeIs(Section):
    """Run the step when the outcome so far is one of these."""

    outcome_is: list[ScenarioOutcome] = Field(min_length=1)


class Condition(Section):
    """Run the step when an expression is true."""

    condition: Annotated[str, AfterValidator(checked_expression)] = Field(
        description="Over outcome, steps, variables, parameters, trigger and data, e.g. steps['Check'].outcome == 'WARNING'."
    )


def _way_of_saying(run_if: Any) -> str:
    """By which of the ways a step says when it runs; without it, a mistake would be told of each of them."""
    if isinstance(run_if, Condition) or (isinstance(run_if, dict) and "condition" in run_if):
        return "an expression"
    return "outcomes" if isinstance(run_if, OutcomeIs | dict) else "a word"


RunIf = Annotated[
    Annotated[RunCondition, Tag("a word")]
    | Annotated[OutcomeIs, Tag("outcomes")]
    | Annotated[Condition, Tag("an expression")],
    Discriminator(_way_of_saying),
]


class Step(Section):
    """What every step has."""

    FILLED: ClassVar[tuple[str, ...]] = ()
    """Fields in which ``${expression}`` is replaced when the step begins."""

    PLACES: ClassVar[tuple[str, ...]] = ()
    """Those of them that say where a file is written."""

    name: str = Field(min_length=1, max_length=200)
    run_if: RunIf = Field(default=RunCondition.NO_PRIOR_FAILED)
    reset_failure: bool = Field(default=False, description="When this step ends well, what failed before is forgotten.")
    retries: int = Field(default=0, ge=0, le=100)
    retry_delay_seconds: float = Field(default=10, ge=0)
    timeout_seconds: float | None = Field(
        default=None, gt=0, description="Of one attempt; default: as long as it takes."
    )
    on_failure: OnFailure = OnFailure.FAIL

    @model_validator(mode="after")
    def _said_completely(self) -> Self:
        if self.run_if is RunCondition.OUTCOME_IS:
            raise Misuse("outcome_is needs its outcomes", "write run_if: {outcome_is: [FAILED]}")
        if self.run_if is RunCondition.CONDITION:
            raise Misuse("condition needs its expression", "write run_if: {condition: \"outcome == 'WARNING'\"}")
        return self


class BuildEvaluation(Step):
    """Judge data with a model version and add the verdict to a store."""

    kind: Literal[StepKind.BUILD_EVALUATION]
    store: Key
    data: str | None = Field(
        default=None, description="source, source:part, source:latest or a path; default: the store's, latest part."
    )
    version: str = "active"


class RunChecks(Step):
    """Run the checks of a store on its latest evaluation."""

    kind: Literal[StepKind.RUN_CHECKS]
    store: Key


class Train(Step):
    """Make a new version, and do with it what the model's activation policy says."""

    kind: Literal[StepKind.TRAIN]
    model: Key
    data: str | None = Field(default=None, description="Default: the model's train_on.")


class Activate(Step):
    """Ask the gate to make a version active."""

    kind: Literal[StepKind.ACTIVATE]
    model: Key
    version: str = "latest"
    environment: Key | None = Field(default=None, description="Default: the monitored environment.")


class RequestSignOff(Step):
    """Ask the reviewers for feedback on a version."""

    kind: Literal[StepKind.REQUEST_SIGN_OFF]
    model: Key
    version: str = "latest"
    notify: list[str] = Field(default=[], description="Whom to tell; possibly nobody.")


class Score(Step):
    """Put predictions beside the rows of a file."""

    FILLED: ClassVar[tuple[str, ...]] = ("output",)
    PLACES: ClassVar[tuple[str, ...]] = ("output",)

    kind: Literal[StepKind.SCORE]
    model: Key
    data: str = Field(min_length=1, description="source, source:part, source:latest or a path.")
    output: str = Field(min_length=1, description="File to write, .csv or .parquet; relative to the project's folder.")
    version: str = "active"


class Notify(Step):
    """Send a message through a channel."""

    FILLED: ClassVar[tuple[str, ...]] = ("subject", "message")

    kind: Literal[StepKind.NOTIFY]
    channel: Key = Field(description="One of the project's channels.")
    subject: str = Field(default="${project}: ${scenario}", min_length=1)
    message: str = Field(min_length=1)


class RunScenario(Step):
    """Run another scenario of the project, and take its outcome."""

    FILLED: ClassVar[tuple[str, ...]] = ("data", "parameters")

    kind: Literal[StepKind.RUN_SCENARIO]
    scenario: Key
    data: str | None = None
    parameters: dict[Key, Any] = Field(default={})


class ExportDocument(Step):
    """Write the document of a model version to a file."""

    FILLED: ClassVar[tuple[str, ...]] = ("output",)
    PLACES: ClassVar[tuple[str, ...]] = ("output",)

    kind: Literal[StepKind.EXPORT_DOCUMENT]
    model: Key
    version: str = "latest"
    output: str = Field(min_length=1, description="File to write, .html or .md; relative to the project's folder.")


class PythonStep(Step):
    """Call a function."""

    FILLED: ClassVar[tuple[str, ...]] = ("arguments",)

    kind: Literal[StepKind.PYTHON]
    function: Annotated[str, AfterValidator(place_of_a_function)] = Field(
        description="file.py:function beside project.yaml; what it gives is the step's result."
    )
    arguments: dict[str, Any] = Field(default={}, description="By name; checked against the function's annotations.")


class SqlStep(Step):
    """Execute one statement in a database; the first rows are the step's result."""

    FILLED: ClassVar[tuple[str, ...]] = ("parameters",)

    kind: Literal[StepKind.SQL]
    statement: str = Field(min_length=1, description="One statement; values as :name.")
    parameters: dict[str, Any] = Field(default={}, description="Values of the :names, bound and never pasted.")
    url_variable: Annotated[str, AfterValidator(name_of_a_variable)] = Field(
        description="The environment variable that holds the SQLAlchemy URL, so that no password is here."
    )


AnyStep = Annotated[
    BuildEvaluation
    | RunChecks
    | Train
    | Activate
    | RequestSignOff
    | Score
    | Notify
    | RunScenario
    | ExportDocument
    | PythonStep
    | SqlStep,
    Field(discriminator="kind"),
]
