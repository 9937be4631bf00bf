"""Environments: where versions become active, and how strictly."""

from __future__ import annotations

from typing import Final

from sqlmodel import col, select

from governance import registry
from governance.listing import Listing, Page
from governance.tables import EnvironmentRow
from governance.vocabulary import Policy
from governance.web.documents import Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, visible_project

ROUTES: Final = Routes("environments", "Where versions become active, and how strictly a sign-off is asked for.")

ENVIRONMENTS: Final = Listing(
    {"name": col(EnvironmentRow.name), "policy": col(EnvironmentRow.policy), "id": col(EnvironmentRow.id)},
    key=col(EnvironmentRow.id),
    default_sort="name",
)


class EnvironmentTold(Told):
    """An environment of a project."""

    id: int
    name: str
    policy: Policy
    declared_policy: Policy | None
    revision: int


class PolicySent(Sent):
    """How strictly an environment asks for a sign-off."""

    model_config = example(policy="prevent")

    policy: Policy


@ROUTES.lists("/projects/{project}/environments", ENVIRONMENTS, EnvironmentTold)
def list_environments(act: Act, project: Name, wanted: Wanted) -> Page[EnvironmentRow]:
    """The environments of a project."""
    found = visible_project(act, project)
    return wanted.page(act.session, select(EnvironmentRow).where(EnvironmentRow.project_id == found.id), ENVIRONMENTS)


@ROUTES.reads("/projects/{project}/environments/{environment}", EnvironmentTold)
def show_environment(act: Act, project: Name, environment: Name) -> EnvironmentRow:
    """One environment."""
    return registry.find_environment(act.session, visible_project(act, project).name, environment)


@ROUTES.changes("PUT", "/projects/{project}/environments/{environment}/policy", EnvironmentTold)
def set_policy(act: Act, project: Name, environment: Name, body: PolicySent) -> EnvironmentRow:
    """Change how strictly an environment asks. It stays until project.yaml says something new of it."""
    found = registry.find_environment(act.session, visible_project(act, project).name, environment)
    return registry.set_policy(
        act.session, found, body.policy, actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )
