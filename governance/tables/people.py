"""Who may do what on a project."""

from enum import StrEnum

from sqlmodel import Field, SQLModel

from governance.tables.columns import choice


class Role(StrEnum):
    """What an assignment lets a person do."""

    WRITER = "writer"
    REVIEWER = "reviewer"
    FINAL_APPROVER = "final_approver"


class Assignment(SQLModel, table=True):
    """One person in one role; reviewers in one feedback group."""

    __tablename__ = "assignment"

    project_id: int = Field(foreign_key="project.id", primary_key=True)
    person: str = Field(primary_key=True, max_length=120)
    role: Role = choice(Role, primary_key=True)
    group: str = Field(default="", primary_key=True, max_length=80)
