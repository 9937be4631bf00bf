"""Every act of everybody, in order, each line chained to the one before."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, String
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import Origin


class AuditEvent(SQLModel, table=True):
    """One act: who, when, what, on what, before, after, from where. Never changed once sealed, never removed."""

    __tablename__ = "audit_event"
    # Every list is in the order of time, whatever it is filtered by.
    __table_args__ = (
        Index("ix_audit_event_at", "at", "number"),
        Index("ix_audit_event_actor", "actor", "at", "number"),
        Index("ix_audit_event_origin", "origin", "at", "number"),
        Index("ix_audit_event_tag", "tag", "at", "number"),
        Index("ix_audit_event_project", "project", "at", "number"),
        Index("ix_audit_event_project_actor", "project", "actor", "at", "number"),
        Index("ix_audit_event_subject", "subject", "at", "number"),
    )

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment()
    actor: str
    origin: Origin = choice(Origin)
    tag: str = Field(max_length=80, description="subject:action, from the closed list in governance/audit/trail.py.")
    subject: str = Field(
        sa_column=Column(String().with_variant(String(collation="C"), "postgresql"), nullable=False),
        description="e.g. credit_card_fraud/authorization/2",
    )
    project: str = Field(default="", description="The first name of the subject, by which lists find it.")
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    number: int | None = Field(
        default=None,
        index=True,
        unique=True,
        description="Place in the chain, from 1 without a gap; given when the act ends.",
    )
    digest: str | None = Field(
        default=None, max_length=64, description="SHA-256 over this line and the digest of the line before."
    )
    seal: str | None = Field(default=None, max_length=64, description="HMAC-SHA256 of the digest.")


class AuditHead(SQLModel, table=True):
    """The end of the chain, in one row: how many lines there are, and the digest of the last."""

    __tablename__ = "audit_head"

    id: int = Field(default=1, primary_key=True)
    number: int = 0
    digest: str = Field(default="", max_length=64)
    seal: str = Field(default="", max_length=64, description="HMAC-SHA256 of number and digest.")
    at: datetime | None = moment(default=None, nullable=True, description="Of the last line: time goes forward only.")
