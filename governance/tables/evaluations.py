"""Model evaluation stores, their evaluations, and every metric of them."""

from datetime import datetime
from typing import Final

from sqlalchemy import JSON, Column, Float, Index, Integer, String, TableClause, UniqueConstraint, column, table
from sqlmodel import Field, SQLModel

from governance.tables.columns import Moment, moment


class StoreRow(SQLModel, table=True):
    """A named series of evaluations of one model, or of predictions that come with the data."""

    __tablename__ = "store"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    model_id: int | None = Field(
        default=None, foreign_key="model.id", index=True, description="None: a standalone store."
    )
    name: str = Field(max_length=80)
    performance: bool


class Evaluation(SQLModel, table=True):
    """One verdict on one batch of rows."""

    __tablename__ = "evaluation"
    __table_args__ = (
        Index("ix_evaluation_evaluated_at", "evaluated_at", "id"),
        Index("ix_evaluation_store_id", "store_id", "evaluated_at", "id"),
        Index("ix_evaluation_version_id", "version_id", "evaluated_at", "id"),
    )

    id: str = Field(primary_key=True, max_length=64)
    store_id: int = Field(foreign_key="store.id")
    version_id: int | None = Field(
        default=None, foreign_key="model_version.id", description="None: of a standalone store."
    )
    name: str = Field(description="As people read it; default: date and time.")
    data: str = Field(description="What was judged: data source and part, or a path.")
    data_fingerprint: str = Field(max_length=64)
    rows: int = Field(description="Rows of the dataset.")
    sampled_rows: int = Field(description="Rows that were judged.")
    labelled_rows: int | None = Field(
        default=None, description="Judged rows with a label; none when labels were not asked for."
    )
    labels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    warnings: list[str] = Field(sa_column=Column(JSON, nullable=False))
    folder: str = Field(
        unique=True,
        description="Relative to the artifacts folder: sample.parquet, details.json, and what was measured as "
        "input_drift.snapshot.json, prediction_drift.snapshot.json and performance.snapshot.json.",
    )
    files: dict[str, str] = Field(sa_column=Column(JSON, nullable=False), description="File name: SHA-256.")
    evaluated_by: str
    evaluated_at: datetime = moment()


class Metric(SQLModel, table=True):
    """One metric of one evaluation: the long form, for charts, checks and other tools."""

    __tablename__ = "metric"

    evaluation_id: str = Field(foreign_key="evaluation.id", primary_key=True, max_length=64)
    name: str = Field(primary_key=True, index=True)
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    rows: int | None = None
    reason: str = ""


METRICS_LONG: Final[TableClause] = table(
    "metrics_long",
    column("evaluation", String),
    column("project", String),
    column("store", String),
    column("model", String),
    column("version", Integer),
    column("metric", String),
    column("value", Float),
    column("lower", Float),
    column("upper", Float),
    column("rows", Integer),
    column("reason", String),
    column("data", String),
    column("name", String),
    column("labels", JSON),
    column("computed_at", Moment),
)
"""The view that puts names to every metric, for us and for whatever tool reads the database; migration 0003 has made it."""
