"""Users: who acts. Administered by those who administer everything; everybody sees themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field
from sqlmodel import col, select

from governance import people
from governance.authorisation import require
from governance.listing import Listing, Page
from governance.tables import User
from governance.vocabulary import Right, UserKind
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, visible_user

ROUTES: Final = Routes("users", "People and service accounts. Never removed, since the record speaks of them.")

USERS: Final = Listing(
    {
        "id": col(User.id),
        "name": col(User.name),
        "full_name": col(User.full_name),
        "kind": col(User.kind),
        "active": col(User.active),
        "created_at": col(User.created_at),
    },
    key=col(User.id),
    default_sort="name",
)

Password = Annotated[str, Field(max_length=2000, description="12 to 1,000 characters.")]


class UserTold(Told):
    """Somebody, or a service."""

    id: int
    name: str
    full_name: str
    email: str
    kind: UserKind
    subject: str | None
    active: bool
    revision: int
    created_at: datetime


class UserSent(Sent):
    """Who is to be known."""

    model_config = example(name="rosa", full_name="Rosa Diaz", email="rosa@example.org")

    name: Line
    kind: UserKind = UserKind.PERSON
    full_name: Line = ""
    email: Line = ""
    password: Password | None = Field(default=None, description="None: logs in elsewhere, or is a service.")
    subject: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="Issuer, a space, and subject at the OpenID Connect provider."
    )


class ChangesSent(Sent):
    """What is to be said of somebody from now on; what is left out stays."""

    model_config = example(email="rosa.diaz@example.org")

    full_name: Line | None = None
    email: Line | None = None
    subject: Annotated[str, Field(max_length=400)] | None = None


class PasswordSent(Sent):
    """A new password."""

    model_config = example(password="four random words here", current="what it was")  # noqa: S106

    password: Password
    current: Password | None = Field(default=None, description="Asked of who changes their own.")


@ROUTES.lists("/users", USERS, UserTold)
def list_users(act: Act, wanted: Wanted) -> Page[User]:
    """Everybody; for those who administer everything."""
    require(act.session, act.actor, Right.ADMINISTER, None)
    return wanted.page(act.session, select(User), USERS)


@ROUTES.reads("/users/{user}", UserTold)
def show_user(act: Act, user: Name) -> User:
    """Somebody."""
    return visible_user(act, user)


@ROUTES.makes("/users", UserTold)
def create_user(act: Act, body: UserSent) -> User:
    """Let somebody, or a service, be known. What they may do is assigned afterwards."""
    return people.create_user(
        act.session,
        body.name,
        kind=body.kind,
        full_name=body.full_name,
        email=body.email,
        password=body.password,
        subject=body.subject,
        actor=act.actor,
        at=act.at,
    )


@ROUTES.changes("PATCH", "/users/{user}", UserTold)
def change_user(act: Act, user: Name, body: ChangesSent) -> User:
    """Say something else of somebody."""
    return people.change_user(
        act.session,
        visible_user(act, user),
        full_name=body.full_name,
        email=body.email,
        subject=body.subject,
        actor=act.actor,
        at=act.at,
        expected_revision=act.expected_revision,
    )


@ROUTES.changes("PUT", "/users/{user}/password", UserTold)
def set_password(act: Act, user: Name, body: PasswordSent) -> User | people.Refusal:
    """Give somebody another password; every log-in and every token of theirs ends.

    One of theirs that is wrong counts as a log-in that failed: after many of them the next must wait.
    """
    return people.set_password(
        act.session,
        visible_user(act, user),
        body.password,
        current=body.current,
        address=act.address,
        actor=act.actor,
        at=act.at,
        expected_revision=act.expected_revision,
    )


@ROUTES.makes("/users/{user}/deactivate", UserTold, conditional=True)
def deactivate_user(act: Act, user: Name) -> User:
    """Let somebody act no longer, at once. What they did stays."""
    return people.deactivate_user(
        act.session, visible_user(act, user), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


@ROUTES.makes("/users/{user}/reactivate", UserTold, conditional=True)
def reactivate_user(act: Act, user: Name) -> User:
    """Let somebody act again."""
    return people.reactivate_user(
        act.session, visible_user(act, user), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )
