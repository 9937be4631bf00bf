"""The sign-off of a version: its status, the feedback, the final approval, and what a reset put aside."""

from datetime import datetime

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import FeedbackVerdict, SignOffStatus


class SignOff(SQLModel, table=True):
    """Where the review of one version stands."""

    __tablename__ = "sign_off"

    version_id: int = Field(foreign_key="model_version.id", primary_key=True)
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
    changed_at: datetime = moment()


class Feedback(SQLModel, table=True):
    """What one reviewer said. Several per person; never gates."""

    __tablename__ = "feedback"

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="sign_off.version_id", index=True)
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
    __table_args__ = (UniqueConstraint("version_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    version_id: int = Field(foreign_key="sign_off.version_id", index=True)
    round: int
    author: str
    verdict: SignOffStatus = choice(SignOffStatus, description="APPROVED or REJECTED.")
    comment: str = ""
    content_digest: str = Field(max_length=64, description="Manifest digest of the version when it was decided.")
    created_at: datetime = moment()
    edited_at: datetime | None = moment(default=None, nullable=True)
