"""Who is told of a run, and through what."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from governance.project_file.section import Key, Misuse, Section, name_of_a_variable
from governance.vocabulary import ReportAt, ScenarioOutcome


class Channel(Section):
    """Where messages go: mail, Slack, Teams, a webhook, and whatever else the URL of a notification service names."""

    url_variable: Annotated[str, AfterValidator(name_of_a_variable)] = Field(
        description="The environment variable that holds the URL, as Apprise has it: mailtos://…, slack://…, jsons://…"
    )


class Reporter(Section):
    """Tell a channel of the beginning or the end of runs."""

    channel: Key
    at: ReportAt = ReportAt.END
    outcome_is: list[ScenarioOutcome] = Field(
        default=[ScenarioOutcome.WARNING, ScenarioOutcome.FAILED, ScenarioOutcome.ABORTED],
        min_length=1,
        description="At the end: only of runs that ended so.",
    )
    remind_after_hours: float = Field(
        default=24, gt=0, description="The same trouble again and again is told once, and then again after so long."
    )

    @model_validator(mode="after")
    def _outcome_at_the_end(self) -> Self:
        if self.at is ReportAt.START and self.model_fields_set & {"outcome_is", "remind_after_hours"}:
            raise Misuse(
                "a run that begins has no outcome yet", "remove outcome_is and remind_after_hours, or report at: end"
            )
        return self
