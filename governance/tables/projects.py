"""Projects, their models, versions and environments, and which version is active where."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import GateDecision, Policy, PredictionType


class ProjectRow(SQLModel, table=True):
    """One use case, as its ``project.yaml`` last declared it."""

    __tablename__ = "project"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    description: str = ""
    folder: str
    separation_of_duties: bool = Field(
        default=False, description="Whether who trained or requested a version may not approve it."
    )
    declared_people: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSON(none_as_null=True)),
        description="People as the file last declared them: what it changes is brought in, what others changed stays.",
    )
    created_at: datetime = moment()


class ModelRow(SQLModel, table=True):
    """One saved model."""

    __tablename__ = "model"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    name: str = Field(max_length=80)
    target: str
    prediction_type: PredictionType = choice(PredictionType)
    metric_to_focus: str
    created_at: datetime = moment()


class ModelVersion(SQLModel, table=True):
    """One trained artifact. Never changed after it is written."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("model_id", "number"), Index("ix_model_version_trained_at", "trained_at", "id"))

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    number: int
    folder: str = Field(unique=True, description="Relative to the artifacts folder.")
    manifest: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False),
        description="What the version consists of: file hashes, schema, parameters, split, data fingerprint, code, packages.",
    )
    manifest_digest: str = Field(
        max_length=64, description="SHA-256 of the manifest in canonical JSON; what a sign-off approves."
    )
    metrics: list[dict[str, Any]] = Field(
        sa_column=Column(JSON, nullable=False), description="Measurements on the test part."
    )
    diagnostics: list[dict[str, Any]] = Field(sa_column=Column(JSON, nullable=False))
    trained_by: str
    trained_at: datetime = moment()


class EnvironmentRow(SQLModel, table=True):
    """Where versions become active, and how strictly."""

    __tablename__ = "environment"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    name: str = Field(max_length=80)
    policy: Policy = choice(Policy)
    declared_policy: Policy | None = choice(
        Policy, default=None, nullable=True, description="As the file last declared it; None: never."
    )
    revision: int = Field(default=0, description="Counts the changes; a conditional update on it decides races.")


class ActiveVersion(SQLModel, table=True):
    """The one version of a model that is active in an environment now."""

    __tablename__ = "active_version"

    model_id: int = Field(foreign_key="model.id", primary_key=True)
    environment_id: int = Field(foreign_key="environment.id", primary_key=True)
    version_id: int = Field(foreign_key="model_version.id", index=True)
    activation_id: int = Field(
        foreign_key="activation.id",
        unique=True,
        description="What the gate said to it; the database takes no row without, and each counts once.",
    )
    revision: int = Field(description="Counts the activations here; a conditional update on it decides races.")


class Activation(SQLModel, table=True):
    """One activation, for ever: what replaced what, and what the gate said."""

    __tablename__ = "activation"

    id: int | None = Field(default=None, primary_key=True)
    model_id: int = Field(foreign_key="model.id", index=True)
    environment_id: int = Field(foreign_key="environment.id", index=True)
    version_id: int = Field(foreign_key="model_version.id")
    previous_version_id: int | None = Field(default=None, foreign_key="model_version.id")
    decision: GateDecision = choice(GateDecision)
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    confirmed: bool = Field(description="Whether somebody confirmed against the warning of the gate.")
    override_id: int | None = Field(
        default=None,
        foreign_key="override.id",
        index=True,
        unique=True,
        description="Of an OVERRIDDEN one; serves once.",
    )
    activated_by: str
    activated_at: datetime = moment()
