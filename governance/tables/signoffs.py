"""The sign-off of a version or a bundle: its status, who stands in for whom, what was said, and what a reset put aside."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import FeedbackVerdict, Role, SignOffStatus


class SignOff(SQLModel, table=True):
    """Where the review of one item stands."""

    __tablename__ = "sign_off"
    __table_args__ = (Index("ix_sign_off_status", "status", "item_id"),)

    item_id: int = Field(foreign_key="item.id", primary_key=True)
    status: SignOffStatus = choice(SignOffStatus, default=SignOffStatus.NOT_STARTED)
    status_before_abandon: SignOffStatus | None = choice(SignOffStatus, default=None, nullable=True)
    revision: int = Field(default=0, description="Counts the moves; a conditional update on it decides races.")
    round: int = Field(
        default=1, description="Counts the resets; feedback and approvals of earlier rounds are history."
    )
    requested_by: list[str] = Field(
        default=[],
        sa_column=Column(JSON, nullable=False),
        description="Everybody who asked for feedback or approval in this round.",
    )
    notified: list[str] = Field(default=[], sa_column=Column(JSON, nullable=False))
    configuration: dict[str, Any] | None = Field(
        default=None,
        sa_column=Column(JSON(none_as_null=True)),
        description="Rules of this sign-off, from the template when it began; None: those of the project.",
    )
    approved_until: datetime | None = moment(
        default=None,
        nullable=True,
        description="When an approval of this round expires, from the first one on; None: never.",
    )
    changed_at: datetime = moment()


class Feedback(SQLModel, table=True):
    """What one reviewer said. Several per person; never gates."""

    __tablename__ = "feedback"

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="sign_off.item_id", index=True)
    round: int
    group: str = Field(max_length=80)
    author: str
    verdict: FeedbackVerdict = choice(FeedbackVerdict)
    comment: str = ""
    created_at: datetime = moment()
    edited_at: datetime | None = moment(default=None, nullable=True)


class FinalApproval(SQLModel, table=True):
    """The one decision the gate reads, bound to the content that was looked at."""

    __tablename__ = "final_approval"
    __table_args__ = (UniqueConstraint("item_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="sign_off.item_id", index=True)
    round: int
    author: str
    verdict: SignOffStatus = choice(SignOffStatus, description="APPROVED or REJECTED.")
    comment: str = ""
    content_digest: str = Field(max_length=64, description="Digest of the manifest when it was decided.")
    created_at: datetime = moment()
    edited_at: datetime | None = moment(default=None, nullable=True)


class Delegation(SQLModel, table=True):
    """Somebody who may review, or approve, one item for somebody else."""

    __tablename__ = "delegation"
    __table_args__ = (UniqueConstraint("item_id", "person", "role", "group", "delegate"),)

    id: int | None = Field(default=None, primary_key=True)
    item_id: int = Field(foreign_key="sign_off.item_id", index=True)
    person: str = Field(max_length=120, description="Whose place it is.")
    role: Role = choice(Role, description="REVIEWER or APPROVER.")
    group: str = Field(default="", max_length=80, description="Feedback group of a reviewer.")
    delegate: str = Field(max_length=120)
    created_at: datetime = moment()


class Override(SQLModel, table=True):
    """An emergency: one asks, another one agrees, and a third looks at it afterwards."""

    __tablename__ = "override"

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="model_version.id", index=True)
    environment_id: int = Field(foreign_key="environment.id", index=True)
    content_digest: str = Field(max_length=64, description="Of the version when it was asked for.")
    reason: str
    requested_by: str
    requested_at: datetime = moment()
    confirmed_by: str | None = None
    confirmed_at: datetime | None = moment(default=None, nullable=True)
    reviewed_by: str | None = None
    review: str = ""
    reviewed_at: datetime | None = moment(default=None, nullable=True)
