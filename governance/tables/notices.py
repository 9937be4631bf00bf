"""What people have to be told, until they were; and answers that are given again when a request is repeated."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from governance.tables.columns import moment


class Notice(SQLModel, table=True):
    """One message to one person, written in the transaction of the act and sent afterwards, until it arrives."""

    __tablename__ = "notice"

    id: int | None = Field(default=None, primary_key=True)
    recipient: str = Field(max_length=120, index=True)
    subject: str
    body: str
    created_at: datetime = moment()
    attempts: int = 0
    next_attempt_at: datetime | None = moment(
        default=None, nullable=True, index=True, description="None: sent, or given up."
    )
    sent_at: datetime | None = moment(default=None, nullable=True)
    problem: str = Field(default="", description="Why the last attempt failed.")


class RepeatedRequest(SQLModel, table=True):
    """What was answered to a write with an idempotency key, to be answered again and not done again."""

    __tablename__ = "repeated_request"

    user_name: str = Field(primary_key=True, max_length=120)
    key: str = Field(primary_key=True, max_length=120)
    request_digest: str = Field(max_length=64, description="Of method, path and body: one key is for one request.")
    status: int
    answer: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = moment(index=True)
