"""The rules of one sign-off, as its template, or without one its project, lays them down."""

from __future__ import annotations

from pydantic import Field

from governance.project_file.section import Key, Section


class Conditions(Section):
    """What a sign-off asks for, whoever its groups are."""

    required_feedback: tuple[str, ...] = Field(default=(), description="Groups that must have spoken before approval.")
    mandatory: bool = Field(default=False, description="Whether the workflow passes its step only when approved.")
    separation_of_duties: bool = Field(default=False, description="Who trained or requested may not approve.")
    delegation: bool = Field(default=True, description="Whether reviewers and approvers may name somebody instead.")
    recurrence_days: int | None = Field(
        default=None, ge=1, le=3650, description="After how many days an approval expires; none: never."
    )


class SignOffRules(Conditions):
    """What holds for one sign-off from its beginning until it is reset with its configuration."""

    feedback_groups: tuple[str, ...] = Field(
        default=(), description="Groups that are asked; none named: those that have members on the project."
    )


class SignOffSection(Conditions):
    """The rules as a template writes them: its groups have names for people."""

    feedback_groups: dict[Key, str] = Field(default={}, description="Key of a group: its name.")

    def rules(self) -> SignOffRules:
        """The rules as a sign-off keeps them."""
        return SignOffRules(**{**self.model_dump(), "feedback_groups": tuple(self.feedback_groups)})
