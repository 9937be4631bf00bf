"""``driftgate environment``: where versions become active, and how strictly each environment asks for a sign-off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Project, command, group
from governance.vocabulary import Policy
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

Name = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="As project.yaml names it.")]
New = Annotated[Policy, typer.Argument(metavar="POLICY", help="prevent, warn or always.", case_sensitive=False)]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    environment = group("environment", "Environments: how strictly each one asks for a sign-off.")
    command(environment, "list", example="driftgate environment list")(list_environments)
    command(environment, "policy", example="driftgate environment policy test prevent")(policy)
    app.add_typer(environment)


def list_environments(project: Project = None, acting_as: ActingAs = None) -> Answer:
    """List the environments of a project: the policy that holds, and the one that project.yaml declares."""
    from governance import registry

    declared = record.find_project(project)
    with edge.looking_at(declared, record.acting(acting_as)) as session:
        known = {row.name: row for row in registry.list_environments(session, declared.project)}
    found = [
        {
            "environment": name,
            "policy": known[name].policy if name in known else settings.policy,
            "declared": settings.policy,
            "revision": known[name].revision if name in known else 0,
        }
        for name, settings in sorted(declared.environments.items())
    ]

    def view(console: Console) -> None:
        rows = [(one["environment"], one["policy"], one["declared"]) for one in found]
        console.print(display.table(("environment", "policy", "in project.yaml"), rows, title=declared.project))

    return Answer({"project": declared.project, "environments": found}, view)


def policy(environment: Name, policy: New, project: Project = None, acting_as: ActingAs = None) -> Answer:
    """Change the policy of an environment, as an administrator; it stays until project.yaml says something new."""
    from governance import registry

    declared = record.find_project(project)
    actor = record.acting(acting_as)
    with edge.known(declared, actor) as session:
        place = registry.find_environment(session, declared.project, environment)
        before = place.policy
        after = registry.set_policy(session, place, policy, actor=actor, at=edge.now())
        document = {"environment": after.name, "before": before, "policy": after.policy, "revision": after.revision}

    def view(console: Console) -> None:
        display.say(console, f"{environment}: {before} became {policy}.", good=True)

    return Answer(document, view)
