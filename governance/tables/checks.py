"""What the checks found, kept for ever."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import CheckOutcome


class CheckResult(SQLModel, table=True):
    """One outcome of one check, with the value and the bounds that held then."""

    __tablename__ = "check_result"

    id: int | None = Field(default=None, primary_key=True)
    evaluation_id: str = Field(foreign_key="evaluation.id", index=True, max_length=64)
    name: str
    type: str
    metric: str
    outcome: CheckOutcome = choice(CheckOutcome)
    value: float | None = None
    bounds: dict[str, Any] = Field(
        sa_column=Column(JSON, nullable=False), description="What the value was held against, by its names."
    )
    message: str
    checked_at: datetime = moment()
