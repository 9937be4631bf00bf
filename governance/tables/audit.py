"""Every act of everybody, in order."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import Origin


class AuditEvent(SQLModel, table=True):
    """One act: who, when, what, on what, before, after, from where. Never changed, never removed."""

    __tablename__ = "audit_event"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment(index=True)
    actor: str
    origin: Origin = choice(Origin)
    tag: str = Field(
        index=True, max_length=80, description="subject:action, from the closed list in governance/audit.py."
    )
    subject: str = Field(index=True, description="e.g. credit_card_fraud/authorization/2")
    before: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    after: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
