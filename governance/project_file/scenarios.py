"""What runs when: scenarios, their steps and schedules."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from governance.project_file.cron import check_cron
from governance.project_file.section import Key, Misuse, Section
from governance.vocabulary import OnFailure, RunCondition, ScenarioOutcome, StepKind


class OutcomeIs(Section):
    """Run the step when the outcome so far is one of these."""

    outcome_is: list[ScenarioOutcome] = Field(min_length=1)


class Step(Section):
    """What every step has."""

    name: str = Field(min_length=1)
    run_if: RunCondition | OutcomeIs = Field(default=RunCondition.NO_PRIOR_FAILED)
    reset_failure: bool = Field(default=False, description="When this step ends well, what failed before is forgotten.")
    retries: int = Field(default=0, ge=0, le=100)
    retry_delay_seconds: float = Field(default=10, ge=0)
    on_failure: OnFailure = OnFailure.FAIL

    @model_validator(mode="after")
    def _outcomes_named(self) -> Self:
        if self.run_if is RunCondition.OUTCOME_IS:
            raise Misuse("outcome_is needs its outcomes", "write run_if: {outcome_is: [FAILED]}")
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
    """Make a new version."""

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


AnyStep = Annotated[BuildEvaluation | RunChecks | Train | Activate | RequestSignOff, Field(discriminator="kind")]


def _known_time_zone(name: str) -> str:
    known = available_timezones()
    if name not in known:
        near = get_close_matches(name, known, n=1) or ["Europe/London"]
        raise Misuse(f"{name!r} is not an IANA time zone", f"use one like {near[0]} or UTC")
    return name


class Schedule(Section):
    """When a scenario runs by itself."""

    cron: Annotated[str, AfterValidator(check_cron)] = Field(
        description="Five fields: minute, hour, day, month, weekday."
    )
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "UTC"


class Scenario(Section):
    """An ordered list of steps."""

    name: str = Field(min_length=1, description="As people read it.")
    schedule: Schedule | None = None
    steps: list[AnyStep] = Field(min_length=1)
