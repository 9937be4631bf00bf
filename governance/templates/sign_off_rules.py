"""The rules of one sign-off, as its template, or without one its project, lays them down."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class SignOffRules(BaseModel):
    """What holds for one sign-off from its beginning until it is reset with its configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feedback_groups: tuple[str, ...] = Field(
        default=(), description="Groups that are asked; none named: those that have members on the project."
    )
    required_feedback: tuple[str, ...] = Field(default=(), description="Groups that must have spoken before approval.")
    mandatory: bool = Field(default=False, description="Whether the workflow passes its step only when approved.")
    separation_of_duties: bool = Field(default=False, description="Who trained or requested may not approve.")
    delegation: bool = Field(default=True, description="Whether reviewers and approvers may name somebody instead.")
    recurrence_days: int | None = Field(
        default=None, ge=1, le=3650, description="After how many days an approval expires; none: never."
    )
