"""Users, their groups, what they may do and where, and the secrets by which they are known."""

import re
from datetime import datetime
from typing import Final

from sqlalchemy import JSON, Column, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from governance.tables.columns import choice, moment
from governance.vocabulary import Right, Role, UserKind

MAIL_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\\,;:\"]+@[^\s@<>()\[\]\\,;:\"]+")
"""One e-mail address and nothing else: a comma would make two of it, a line break a header."""


class User(SQLModel, table=True):
    """Somebody, or a service, that acts under a name. Never removed: the record speaks of them."""

    __tablename__ = "user_account"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=120, description="Under which all acts are recorded; never changed.")
    full_name: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=254)
    kind: UserKind = choice(UserKind, default=UserKind.PERSON)
    password_hash: str | None = Field(default=None, description="Argon2id; None: logs in elsewhere, or not at all.")
    subject: str | None = Field(
        default=None, unique=True, max_length=400, description="Issuer and subject at the OpenID Connect provider."
    )
    active: bool = True
    revision: int = Field(default=0, description="Counts the changes; a conditional update on it decides races.")
    created_at: datetime = moment()
    password_changed_at: datetime | None = moment(default=None, nullable=True)


class UserGroup(SQLModel, table=True):
    """Users who are given roles together. In assignments its name has an @ in front."""

    __tablename__ = "user_group"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=80)
    revision: int = 0


class Membership(SQLModel, table=True):
    """One user in one group."""

    __tablename__ = "membership"

    group_id: int = Field(foreign_key="user_group.id", primary_key=True)
    user_id: int = Field(foreign_key="user_account.id", primary_key=True, index=True)


class Assignment(SQLModel, table=True):
    """One person, or one group of users, in one role, on one project or on all; reviewers in one feedback group."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("project_id", "person", "role", "group"),
        Index(
            "ix_assignment_overall",
            "person",
            "role",
            "group",
            unique=True,
            sqlite_where=text("project_id IS NULL"),
            postgresql_where=text("project_id IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int | None = Field(default=None, foreign_key="project.id", index=True, description="None: everywhere.")
    person: str = Field(
        max_length=120, index=True, description="Name of a user, or @ and the name of a group of users."
    )
    role: Role = choice(Role)
    group: str = Field(default="", max_length=80, description="Feedback group; empty unless a reviewer.")


class ApiToken(SQLModel, table=True):
    """A secret that stands for a user, for some rights and some time."""

    __tablename__ = "api_token"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user_account.id", index=True)
    name: str = Field(max_length=80)
    secret_hash: str = Field(unique=True, max_length=64, description="SHA-256 of a random secret of 256 bits.")
    scope: list[Right] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None, nullable=True)
    used_at: datetime | None = moment(default=None, nullable=True)


class LogIn(SQLModel, table=True):
    """Somebody who has logged in, until they log out or the time is over."""

    __tablename__ = "log_in"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user_account.id", index=True)
    secret_hash: str = Field(unique=True, max_length=64)
    began_at: datetime = moment()
    expires_at: datetime = moment()
    ended_at: datetime | None = moment(default=None, nullable=True)


class LogInAttempt(SQLModel, table=True):
    """A log-in that failed: so many of them in so many minutes, and the next must wait."""

    __tablename__ = "log_in_attempt"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=120, index=True)
    address: str = Field(max_length=64, index=True)
    at: datetime = moment(index=True)
