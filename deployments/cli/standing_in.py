"""``driftgate sign-off``, the people around it: who stands in for whom, who is told, and what the clock begins again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Model, Project, command
from deployments.cli.signing import Version, arrange
from governance.vocabulary import Role
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.tables import Item

Person = Annotated[
    str | None, typer.Option("--person", metavar="NAME", help="Who. Default: yourself.", show_default=False)
]


def add_to(sign_off: typer.Typer) -> None:
    """Declare the commands."""
    example = "driftgate sign-off"
    command(sign_off, "delegate", example=f"{example} delegate 2 --to otto --as bo")(delegate)
    command(sign_off, "end-delegation", example=f"{example} end-delegation 2 1 --as bo")(end_delegation)
    command(sign_off, "subscribe", example=f"{example} subscribe 2")(subscribe)
    command(sign_off, "unsubscribe", example=f"{example} unsubscribe 2")(unsubscribe)
    command(sign_off, "recur", example=f"{example} recur")(recur)


def delegate(
    version: Version,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Who stands in.")],
    in_group: Annotated[
        str | None,
        typer.Option(
            "--group", help="As a reviewer of this feedback group; else as final approver.", show_default=False
        ),
    ] = None,
    person: Annotated[
        str | None,
        typer.Option("--for", metavar="NAME", help="In whose place. Default: your own.", show_default=False),
    ] = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Let somebody approve, or review, one version in your place."""
    from governance import signoff

    role = Role.APPROVER if in_group is None else Role.REVIEWER

    def act(session: Session, item: Item, actor: Actor) -> str:
        place = person or actor.name
        signoff.delegate(
            session, item, role=role, group=in_group or "", to=to, person=place, actor=actor, at=edge.now()
        )
        return f"{to} stands in for {place} as {role}."

    return arrange(act, version, project, model, acting_as)


def end_delegation(
    version: Version,
    delegation: Annotated[int, typer.Argument(metavar="DELEGATION", help="Its number, as 'show' says.", min=1)],
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Take your place back, or give back the one you stand in for."""
    from governance import signoff

    def act(session: Session, item: Item, actor: Actor) -> str:
        signoff.end_delegation(session, item, delegation, actor=actor, at=edge.now())
        return f"Delegation {delegation} has ended."

    return arrange(act, version, project, model, acting_as)


def subscribe(
    version: Version, person: Person = None, project: Project = None, model: Model = None, acting_as: ActingAs = None
) -> Answer:
    """Be told about every change of the status of a sign-off."""
    from governance import signoff

    def act(session: Session, item: Item, actor: Actor) -> str:
        signoff.subscribe(session, item, person or actor.name, actor=actor, at=edge.now())
        return f"{person or actor.name} is told about {item.path}."

    return arrange(act, version, project, model, acting_as)


def unsubscribe(
    version: Version, person: Person = None, project: Project = None, model: Model = None, acting_as: ActingAs = None
) -> Answer:
    """Be told no more."""
    from governance import signoff

    def act(session: Session, item: Item, actor: Actor) -> str:
        signoff.unsubscribe(session, item, person or actor.name, actor=actor, at=edge.now())
        return f"{person or actor.name} is not told about {item.path}."

    return arrange(act, version, project, model, acting_as)


def recur() -> Answer:
    """Begin every sign-off again whose approval has expired, and tell of those that soon will. For a timer."""
    from governance import signoff
    from governance.settings import settings

    with edge.transaction() as session:
        begun = [item.path for item in signoff.recur_due(session, artifacts=settings().artifacts_folder, at=edge.now())]

    def view(console: Console) -> None:
        display.say(console, f"Begun again: {', '.join(begun) or 'nothing has expired'}.")

    return Answer({"recurred": begun}, view)
