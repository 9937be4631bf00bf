"""``driftgate group``: users who are given roles together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import command as declaring
from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command
from governance.vocabulary import Right
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

Group = Annotated[str, typer.Argument(metavar="GROUP", help="Its name.", show_default=False)]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the user.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    group = declaring.group("group", "Groups of users: in roles they are called @GROUP.")
    command(group, "create", example="driftgate group create risk-team")(create)
    command(group, "list", example="driftgate group list")(list_groups)
    command(group, "add", example="driftgate group add risk-team dana")(add)
    command(group, "remove", example="driftgate group remove risk-team dana")(remove)
    app.add_typer(group)


def create(group: Group, acting_as: ActingAs = None) -> Answer:
    """Make a group without members."""
    from governance import people

    actor = record.acting(acting_as)
    with edge.transaction() as session:
        people.create_group(session, group, actor=actor, at=edge.now())
    return _answer(group, [])


def list_groups() -> Answer:
    """List the groups and who is in them. For administrators of everything."""
    from governance import authorisation, people

    actor = record.acting(None)
    with edge.reading() as session:
        authorisation.require(session, actor, Right.ADMINISTER, None)
        groups = [
            {"group": one.name, "members": people.members_of(session, one)} for one in people.list_groups(session)
        ]

    def view(console: Console) -> None:
        console.print(display.table(("group", "members"), [(one["group"], one["members"]) for one in groups]))

    return Answer({"groups": groups}, view)


def add(group: Group, name: Name, acting_as: ActingAs = None) -> Answer:
    """Give a user everything that a group has."""
    from governance import people

    return _change(people.add_to_group, group, name, acting_as)


def remove(group: Group, name: Name, acting_as: ActingAs = None) -> Answer:
    """Take from a user what only the group had given."""
    from governance import people

    return _change(people.remove_from_group, group, name, acting_as)


def _change(act: Callable[..., Any], group: str, name: str, acting_as: str | None) -> Answer:
    from governance import people

    actor = record.acting(acting_as)
    with edge.transaction() as session:
        found, user = people.find_group(session, group), people.find_user(session, name)
        after = act(session, found, user, actor=actor, at=edge.now())
        members = people.members_of(session, after)
    return _answer(after.name, members)


def _answer(group: str, members: list[str]) -> Answer:
    def view(console: Console) -> None:
        display.say(console, f"In {group}: {', '.join(members) or 'nobody'}.", good=True)

    return Answer({"group": group, "members": members}, view)
