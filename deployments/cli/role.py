"""``driftgate role``: who may do what, on a project or everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Project, command, group
from governance.vocabulary import Right, Role
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

Person = Annotated[str, typer.Argument(metavar="NAME|@GROUP", help="A user, or a group of users.", show_default=False)]
RoleName = Annotated[Role, typer.Argument(case_sensitive=False, help="Which role.", show_default=False)]
InGroup = Annotated[str, typer.Option("--group", help="Feedback group of a reviewer.", show_default=False)]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="On all projects, instead of on one.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    role = group("role", "Roles: reader, contributor, reviewer, approver, administrator; on a project or everywhere.")
    command(role, "list", example="driftgate role list --project credit_card_fraud")(list_roles)
    command(role, "assign", example="driftgate role assign dana reviewer --group risk_compliance")(assign)
    command(role, "take-away", example="driftgate role take-away dana reviewer --group risk_compliance")(take_away)
    app.add_typer(role)


def list_roles(project: Project = None, everywhere: Everywhere = False) -> Answer:
    """List the roles on a project, or those that hold everywhere."""
    from governance import authorisation, people

    actor, name = record.acting(None), _name(project, everywhere)
    with edge.reading() as session:
        key = _key(session, name)
        authorisation.require(session, actor, Right.READ, key)
        roles = [
            {"person": row.person, "role": row.role, "group": row.group}
            for row in people.list_assignments(session, key)
        ]

    def view(console: Console) -> None:
        rows = [(one["role"], one["group"], one["person"]) for one in roles]
        console.print(display.table(("role", "feedback group", "person"), rows, title=name or "everywhere"))

    return Answer({"project": name, "roles": roles}, view)


def assign(
    person: Person,
    role: RoleName,
    in_group: InGroup = "",
    project: Project = None,
    everywhere: Everywhere = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Give a role to a user, or to a group of users."""
    from governance import people

    return _change(people.assign_role, "is now", person, role, in_group, project, everywhere, acting_as)


def take_away(
    person: Person,
    role: RoleName,
    in_group: InGroup = "",
    project: Project = None,
    everywhere: Everywhere = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Take a role away at once. What was done in it stays."""
    from governance import people

    return _change(people.take_role_away, "is no longer", person, role, in_group, project, everywhere, acting_as)


def _change(
    change: Callable[..., object],
    said: str,
    person: str,
    role: Role,
    in_group: str,
    project: str | None,
    everywhere: bool,
    acting_as: str | None,
) -> Answer:
    actor, name = record.acting(acting_as), _name(project, everywhere)
    with edge.transaction() as session:
        key = _key(session, name)
        change(session, person, role, project_id=key, group=in_group, actor=actor, at=edge.now())
    return _answer(person, role, in_group, name, said)


def _name(project: str | None, everywhere: bool) -> str | None:
    """The project that is meant; none: everywhere."""
    if not everywhere:
        return record.find_project(project).project
    if project is not None:
        raise typer.BadParameter("name a project, or say --everywhere, not both", param_hint="--everywhere")
    return None


def _key(session: Session, name: str | None) -> int | None:
    from governance import registry

    return None if name is None else registry.find_project(session, name).id


def _answer(person: str, role: Role, in_group: str, project: str | None, verb: str) -> Answer:
    document: dict[str, Any] = {"person": person, "role": role, "group": in_group, "project": project}

    def view(console: Console) -> None:
        of = f" of {in_group}" if in_group else ""
        where = f"on {project}" if project else "everywhere"
        display.say(console, f"{person} {verb} {role}{of} {where}.", good=True)

    return Answer(document, view)
