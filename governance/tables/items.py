"""What can be governed, by which template, and how far its workflow is."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import ItemKind, ItemState, StepStatus, TemplateState


class Template(SQLModel, table=True):
    """One revision of a governance template. Only a draft is ever changed."""

    __tablename__ = "governance_template"
    __table_args__ = (UniqueConstraint("name", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80, index=True)
    number: int = Field(description="Counts the revisions of this name from 1.")
    state: TemplateState = choice(TemplateState, default=TemplateState.DRAFT)
    source: str = Field(description="The YAML as it was handed in.")
    revision: int = Field(default=0, description="Counts the changes; a conditional update on it decides races.")
    created_by: str
    created_at: datetime = moment()


class Item(SQLModel, table=True):
    """A project, a model, a version or a bundle, as governance sees it. It appears by itself and never goes."""

    __tablename__ = "item"

    id: int | None = Field(default=None, primary_key=True)
    kind: ItemKind = choice(ItemKind, index=True)
    path: str = Field(unique=True, max_length=300, description="Names with / between: project/model/version number.")
    project_id: int = Field(foreign_key="project.id", index=True)
    model_id: int | None = Field(default=None, foreign_key="model.id", index=True)
    version_id: int | None = Field(default=None, foreign_key="model_version.id", unique=True)
    bundle_id: int | None = Field(default=None, foreign_key="bundle.id", unique=True)
    parent_id: int | None = Field(default=None, foreign_key="item.id", index=True)
    state: ItemState = choice(ItemState, default=ItemState.GOVERNABLE, index=True)
    template_id: int | None = Field(default=None, foreign_key="governance_template.id", index=True)
    govern_children: bool = Field(default=False, description="Whether children that appear are governed too.")
    revision: int = Field(default=0, description="Counts the changes; a conditional update on it decides races.")
    appeared_at: datetime = moment(index=True)


class ItemStep(SQLModel, table=True):
    """Where one step of the workflow of an item stands. A step without a row has not started."""

    __tablename__ = "item_step"

    item_id: int = Field(foreign_key="item.id", primary_key=True)
    step: str = Field(primary_key=True, max_length=80)
    status: StepStatus = choice(StepStatus, default=StepStatus.NOT_STARTED)
    changed_by: str
    changed_at: datetime = moment()


class ItemField(SQLModel, table=True):
    """What somebody wrote into a field of an item. Files are in :class:`Attachment`."""

    __tablename__ = "item_field"

    item_id: int = Field(foreign_key="item.id", primary_key=True)
    step: str = Field(primary_key=True, max_length=80, description="Empty: a field of the overview.")
    field: str = Field(primary_key=True, max_length=80)
    value: Any = Field(default=None, sa_column=Column(JSON, nullable=False))
    changed_by: str
    changed_at: datetime = moment()


class Attachment(SQLModel, table=True):
    """A file in a field of an item; its bytes are in the artifact store, named after their hash."""

    __tablename__ = "attachment"

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="item.id", index=True)
    step: str = Field(max_length=80)
    field: str = Field(max_length=80)
    name: str = Field(max_length=200, description="As it is shown and downloaded; never a path.")
    sha256: str = Field(max_length=64)
    bytes: int
    attached_by: str
    attached_at: datetime = moment()
    removed_at: datetime | None = moment(default=None, nullable=True)


class Subscription(SQLModel, table=True):
    """Somebody who is told about every change of status of an item."""

    __tablename__ = "subscription"

    item_id: int = Field(foreign_key="item.id", primary_key=True)
    person: str = Field(primary_key=True, max_length=120)


class Bundle(SQLModel, table=True):
    """A frozen, hashed package of a project. Never changed after it is written."""

    __tablename__ = "bundle"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    number: int
    folder: str = Field(unique=True, description="Relative to the artifacts folder.")
    manifest: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    manifest_digest: str = Field(max_length=64)
    made_by: str
    made_at: datetime = moment()
    imported: bool = Field(default=False, description="Whether it was made in another installation.")
