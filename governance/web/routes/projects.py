"""Projects: one use case each, as its ``project.yaml`` last declared it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlmodel import col, select

from governance.listing import Listing, Page
from governance.tables import Assignment, ProjectRow
from governance.vocabulary import Role
from governance.web.documents import Told
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, among_visible, visible_project

ROUTES: Final = Routes("projects", "One use case each. They are declared in project.yaml, on the command line.")

PROJECTS: Final = Listing(
    {"name": col(ProjectRow.name), "created_at": col(ProjectRow.created_at), "id": col(ProjectRow.id)},
    key=col(ProjectRow.id),
    default_sort="name",
)
PEOPLE: Final = Listing(
    {
        "person": col(Assignment.person),
        "role": col(Assignment.role),
        "group": col(Assignment.group),
        "id": col(Assignment.id),
    },
    key=col(Assignment.id),
    default_sort="person",
)


class ProjectTold(Told):
    """A project."""

    id: int
    name: str
    description: str
    separation_of_duties: bool
    created_at: datetime


class PlaceTold(Told):
    """Somebody in a role, on one project or on all."""

    id: int
    project_id: int | None
    person: str
    role: Role
    group: str


@ROUTES.lists("/projects", PROJECTS, ProjectTold)
def list_projects(act: Act, wanted: Wanted) -> Page[ProjectRow]:
    """Every project that you may see."""
    return wanted.page(act.session, select(ProjectRow).where(among_visible(act, ProjectRow.id)), PROJECTS)


@ROUTES.reads("/projects/{project}", ProjectTold)
def show_project(act: Act, project: Name) -> ProjectRow:
    """One project."""
    return visible_project(act, project)


@ROUTES.lists("/projects/{project}/people", PEOPLE, PlaceTold)
def list_people_of_project(act: Act, project: Name, wanted: Wanted) -> Page[Assignment]:
    """Who has which role on a project. Roles on all projects are under /roles."""
    found = visible_project(act, project)
    return wanted.page(act.session, select(Assignment).where(Assignment.project_id == found.id), PEOPLE)
