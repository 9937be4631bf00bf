"""Runs of scenarios and of their steps, what starts them, and what is said of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import ScenarioOutcome, StepKind, StepOutcome


class ScenarioRun(SQLModel, table=True):
    """One run. ``outcome`` is empty while it goes on; a scenario has one such run at most."""

    __tablename__ = "scenario_run"
    __table_args__ = (
        Index(
            "ix_scenario_run_going_on",
            "project_id",
            "scenario",
            unique=True,
            sqlite_where=text("outcome IS NULL"),
            postgresql_where=text("outcome IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    scenario: str = Field(max_length=80, index=True)
    trigger: str = Field(description="manual, schedule, or the name of what started it.")
    parameters: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    outcome: ScenarioOutcome | None = choice(ScenarioOutcome, default=None, nullable=True)
    reason: str = ""
    root_id: int | None = Field(
        default=None,
        foreign_key="scenario_run.id",
        index=True,
        description="The run that it goes on with; none: it began anew.",
    )
    missed: int = Field(
        default=0, description="Times of the schedule at which nothing ran, and for which this run stands."
    )
    flow_run_id: str | None = Field(default=None, description="Of the Prefect run.")
    host: str
    process_id: int
    beat_at: datetime | None = moment(
        default=None, nullable=True, description="Last sign of life of the process, by its own clock."
    )
    started_by: str
    started_at: datetime = moment(index=True)
    ended_at: datetime | None = moment(default=None, nullable=True)


class StepRun(SQLModel, table=True):
    """One step of one run, also when it was skipped."""

    __tablename__ = "step_run"
    __table_args__ = (UniqueConstraint("run_id", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="scenario_run.id", index=True)
    position: int
    name: str
    kind: StepKind = choice(StepKind)
    outcome: StepOutcome = choice(StepOutcome)
    message: str
    result: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    started_at: datetime = moment()
    ended_at: datetime = moment()


class StepEffect(SQLModel, table=True):
    """What a step has done, written in the transaction that did it: it is not done again when the run goes on."""

    __tablename__ = "step_effect"

    root_id: int = Field(foreign_key="scenario_run.id", primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    kind: StepKind = choice(StepKind)
    asked: str = Field(max_length=64, description="Digest of what the step was asked to do, the data among it.")
    result: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    made_at: datetime = moment()


class TriggerState(SQLModel, table=True):
    """What a trigger saw when it last looked, so that it knows a change when it sees one."""

    __tablename__ = "trigger_state"
    __table_args__ = (UniqueConstraint("project_id", "scenario", "trigger"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    scenario: str = Field(max_length=80)
    trigger: str = Field(max_length=200, description="Kind, and what it looks at.")
    seen: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    looked_at: datetime = moment()


class Incident(SQLModel, table=True):
    """The same trouble in run after run: told once, then by and by, until it is over."""

    __tablename__ = "incident"
    __table_args__ = (
        Index(
            "ix_incident_going_on",
            "project_id",
            "scenario",
            "channel",
            "cause",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    scenario: str = Field(max_length=80)
    channel: str = Field(max_length=80)
    cause: str = Field(max_length=64, description="Digest of the outcome, the steps and the checks that made it.")
    runs: int = Field(default=1, description="That had it.")
    began_at: datetime = moment()
    last_at: datetime = moment()
    told_at: datetime = moment()
    ended_at: datetime | None = moment(default=None, nullable=True)


class Report(SQLModel, table=True):
    """One message through one channel, written in the transaction that decided it, and sent until it arrives."""

    __tablename__ = "report"

    id: int | None = Field(default=None, primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="scenario_run.id", index=True)
    channel: str = Field(max_length=80)
    url_variable: str = Field(max_length=120, description="Environment variable with the URL, which is never kept.")
    subject: str
    text: str
    html: str
    created_at: datetime = moment()
    attempts: int = 0
    next_attempt_at: datetime | None = moment(
        default=None, nullable=True, index=True, description="None: sent, or given up."
    )
    sent_at: datetime | None = moment(default=None, nullable=True)
    problem: str = Field(default="", description="Why the last attempt failed.")
