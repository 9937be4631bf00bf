"""Runs of scenarios and of their steps."""

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
    flow_run_id: str | None = Field(default=None, description="Of the Prefect run.")
    host: str
    process_id: int
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
