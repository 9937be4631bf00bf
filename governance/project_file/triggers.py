"""What starts a scenario by itself: a schedule, and what else happens in the world."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, model_validator

from governance.project_file.cron import check_cron
from governance.project_file.section import Key, Misuse, Section, name_of_a_variable
from governance.vocabulary import CatchUp, ScenarioOutcome


def _known_time_zone(name: str) -> str:
    known = available_timezones()
    if name not in known:
        near = get_close_matches(name, known, n=1) or ["Europe/London"]
        raise Misuse(f"{name!r} is not an IANA time zone", f"use one like {near[0]} or UTC")
    return name


class Schedule(Section):
    """When a scenario runs by itself: by the calendar, or every so often."""

    cron: Annotated[str, AfterValidator(check_cron)] | None = Field(
        default=None, description="Five fields: minute, hour, day, month, weekday."
    )
    every_minutes: float | None = Field(default=None, ge=1, description="Instead of cron.")
    time_zone: Annotated[str, AfterValidator(_known_time_zone)] = "UTC"
    catch_up: CatchUp = Field(
        default=CatchUp.ONCE, description="Times at which nothing could run: one run for all of them, or none."
    )

    @model_validator(mode="after")
    def _cron_or_interval(self) -> Self:
        if (self.cron is None) == (self.every_minutes is None):
            raise Misuse("it has to name either cron or every_minutes", "give it one of the two")
        return self


class Watching(Section):
    """What every trigger has that looks again and again."""

    every_seconds: float = Field(default=60, ge=1, description="From one look to the next.")


class DatasetChange(Watching):
    """Start when the files of a data source are others than before: by name, size, and time of change."""

    kind: Literal["dataset_change"]
    data: Key
    marker: str | None = Field(
        default=None,
        min_length=1,
        description="Only once this file is there and has changed: it says that the rest is complete.",
    )
    quiet_seconds: float = Field(default=0, ge=0, description="Only once nothing has changed for so long.")


class SqlChange(Watching):
    """Start when a query gives other rows than before."""

    kind: Literal["sql_change"]
    query: str = Field(min_length=1, description="SELECT of few rows, e.g. SELECT max(id) FROM loans.")
    url_variable: Annotated[str, AfterValidator(name_of_a_variable)] = Field(
        description="The environment variable that holds the SQLAlchemy URL, so that no password is here."
    )


class AfterScenario(Watching):
    """Start when another scenario of the project has ended."""

    kind: Literal["after_scenario"]
    every_seconds: float = Field(default=5, ge=1, description="From one look to the next.")
    scenario: Key
    outcome_is: list[ScenarioOutcome] = Field(default=[ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING], min_length=1)


AnyTrigger = Annotated[DatasetChange | SqlChange | AfterScenario, Field(discriminator="kind")]
