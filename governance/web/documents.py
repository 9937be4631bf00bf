"""What requests and answers are made of, where more than one noun has it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Line = Annotated[str, Field(max_length=300)]
"""A short text, as a request has it."""

Text = Annotated[str, Field(max_length=20_000)]
"""A long text, as a request has it."""


class Sent(BaseModel):
    """A body of a request. What it does not know it refuses."""

    model_config = ConfigDict(extra="forbid")


class Told(BaseModel):
    """A body of an answer, made from a row or a mapping."""

    model_config = ConfigDict(from_attributes=True)


class MeasurementTold(Told):
    """One metric: its value, how sure it is, and the rows behind it."""

    name: str
    value: float | None
    lower: float | None = None
    upper: float | None = None
    rows: int | None = None
    reason: str = ""


def example(**document: Any) -> ConfigDict:
    """The settings of a body with an example, for the description of the API."""
    return ConfigDict(json_schema_extra={"examples": [document]})
