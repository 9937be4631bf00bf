"""Roles: who is what, on one project or on all."""

from __future__ import annotations

from typing import Final

from pydantic import Field
from sqlmodel import col, select

from governance import people
from governance.errors import NotFound
from governance.listing import Listing, Page
from governance.tables import Assignment
from governance.vocabulary import Role
from governance.web.documents import Line, Sent, example
from governance.web.parameters import Wanted
from governance.web.routes.projects import PlaceTold
from governance.web.routing import Act, Routes
from governance.web.visible import Number, own_or_visible, visible_project

ROUTES: Final = Routes("roles", "Reader, contributor, reviewer, approver, administrator: on one project or on all.")

ROLES: Final = Listing(
    {
        "id": col(Assignment.id),
        "person": col(Assignment.person),
        "role": col(Assignment.role),
        "group": col(Assignment.group),
        "project_id": col(Assignment.project_id),
    },
    key=col(Assignment.id),
    default_sort="id",
)


class RoleSent(Sent):
    """Who gets which role where."""

    model_config = example(person="rosa", role="reviewer", group="risk", project="credit")

    person: Line = Field(description="Name of a user, or @ and the name of a group of users.")
    role: Role
    group: Line = Field(default="", description="Feedback group of a reviewer.")
    project: Line | None = Field(default=None, description="None: everywhere.")


@ROUTES.lists("/roles", ROLES, PlaceTold)
def list_roles(act: Act, wanted: Wanted) -> Page[Assignment]:
    """Your own roles, and those on every project that you may see."""
    return wanted.page(act.session, select(Assignment).where(own_or_visible(act)), ROLES)


@ROUTES.makes("/roles", PlaceTold)
def assign_role(act: Act, body: RoleSent) -> Assignment:
    """Give somebody a role."""
    project = None if body.project is None else visible_project(act, body.project)
    return people.assign_role(
        act.session,
        body.person,
        body.role,
        project_id=None if project is None else project.id,
        group=body.group,
        actor=act.actor,
        at=act.at,
    )


@ROUTES.changes("DELETE", "/roles/{role}", None, locked=False)
def take_role_away(act: Act, role: Number) -> None:
    """Take a role away at once. What was done in it stays."""
    row = act.session.exec(select(Assignment).where(Assignment.id == role, own_or_visible(act))).first()
    if row is None:
        raise NotFound("role", str(role))
    people.take_role_away(
        act.session, row.person, row.role, project_id=row.project_id, group=row.group, actor=act.actor, at=act.at
    )
