"""``driftgate user``: who there is, and whether they may act."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import asking, display, log_in, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command, group
from governance.errors import NotLoggedIn, UnusableValue
from governance.vocabulary import SYSTEM, Right, UserKind
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.tables import User

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the user.", show_default=False)]
FullName = Annotated[str | None, typer.Option("--full-name", help="For people to read.", show_default=False)]
Email = Annotated[str | None, typer.Option("--email", help="Where notices go.", show_default=False)]
Subject = Annotated[
    str | None,
    typer.Option("--subject", metavar="'ISSUER SUBJECT'", help="At the OpenID Connect provider.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    user = group("user", "Users: make them known, change them, let them act no longer.")
    command(user, "create-admin", example="driftgate user create-admin ada --generate")(create_admin)
    command(user, "create", example="driftgate user create ben --full-name 'Ben Berg' --generate")(create)
    command(user, "list", example="driftgate user list")(list_users)
    command(user, "show", example="driftgate user show ben")(show)
    command(user, "change", example="driftgate user change ben --email ben@example.org")(change)
    command(user, "deactivate", example="driftgate user deactivate ben")(deactivate)
    command(user, "reactivate", example="driftgate user reactivate ben")(reactivate)
    command(user, "set-password", example="driftgate user set-password ben --generate")(set_password)
    app.add_typer(user)


def create_admin(
    name: Name,
    full_name: FullName = None,
    email: Email = None,
    password_stdin: asking.FromStdin = False,
    generate: asking.Generate = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Make an administrator. The first one closes the installation: from then on everybody has to log in."""
    from governance import authorisation, people

    actor = record.acting(acting_as)
    password, made_up = asking.ask_for_new(from_stdin=password_stdin, generate=generate)
    with edge.transaction() as session:
        first = not authorisation.has_users(session)
        user = people.create_administrator(
            session,
            name,
            password=password,
            full_name=full_name or "",
            email=email or "",
            actor=actor,
            at=edge.now(),
        )
        document = _facts(user)
    if first:
        log_in.begin(name, password)
    return _made(document | {"logged_in": first}, password if made_up else None)


def create(
    name: Name,
    full_name: FullName = None,
    email: Email = None,
    subject: Subject = None,
    service: Annotated[
        bool, typer.Option("--service", help="A service account: known by tokens, and never approves.")
    ] = False,
    password_stdin: asking.FromStdin = False,
    generate: asking.Generate = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Make somebody known. What they may do, 'driftgate role assign' says."""
    from governance import people

    actor = record.acting(acting_as)
    password, made_up = None, False
    if not service and (subject is None or password_stdin or generate):
        password, made_up = asking.ask_for_new(from_stdin=password_stdin, generate=generate)
    with edge.transaction() as session:
        user = people.create_user(
            session,
            name,
            kind=UserKind.SERVICE if service else UserKind.PERSON,
            full_name=full_name or "",
            email=email or "",
            password=password,
            subject=subject,
            actor=actor,
            at=edge.now(),
        )
        document = _facts(user)
    return _made(document, password if made_up else None)


def list_users() -> Answer:
    """List everybody: who they are, and whether they may act. For administrators of everything."""
    from governance import authorisation, people

    actor = record.acting(None)
    with edge.reading() as session:
        authorisation.require(session, actor, Right.ADMINISTER, None)
        users = [_facts(user) for user in people.list_users(session)]

    def view(console: Console) -> None:
        rows = [(one["user"], one["full_name"], one["kind"], one["active"], one["email"]) for one in users]
        console.print(display.table(("user", "full name", "kind", "active", "e-mail"), rows))
        if not users:
            display.say(console, "No user yet: everybody is taken at their word.")
            display.next_commands(console, "driftgate user create-admin NAME")

    return Answer({"users": users}, view)


def show(name: Name) -> Answer:
    """Show yourself or, as an administrator, somebody: their groups, and their roles where you may see them."""
    from governance import authorisation, people, registry

    actor = record.acting(None)
    with edge.reading() as session:
        if actor.name != name:
            authorisation.require(session, actor, Right.ADMINISTER, None)
        user = people.find_user(session, name)
        groups = [one.name for one in people.list_groups(session) if name in people.members_of(session, one)]
        visible = authorisation.visible_projects(session, actor)
        places: list[tuple[str | None, int | None]] = [(None, None)]
        places += [
            (row.name, row.id) for row in registry.list_projects(session) if visible is None or row.id in visible
        ]
        roles = [
            {"project": project, "role": row.role, "group": row.group, "through": row.person}
            for project, key in places
            for holder in (name, *(f"@{group}" for group in groups))
            for row in people.list_assignments(session, key, person=holder)
        ]
        document = _facts(user) | {"groups": groups, "roles": roles}

    def view(console: Console) -> None:
        console.print(display.table(("", ""), [(key, document[key]) for key in document if key != "roles"]))
        rows = [(one["role"], one["project"] or "everywhere", one["group"], one["through"]) for one in roles]
        console.print(display.table(("role", "where", "feedback group", "as"), rows))

    return Answer(document, view)


def change(
    name: Name, full_name: FullName = None, email: Email = None, subject: Subject = None, acting_as: ActingAs = None
) -> Answer:
    """Correct what is known of somebody; an empty text takes it away."""
    from governance import people

    actor = record.acting(acting_as)

    def act(session: Session, user: User) -> User:
        return people.change_user(
            session, user, full_name=full_name, email=email, subject=subject, actor=actor, at=edge.now()
        )

    return _acted(name, act, "changed")


def deactivate(name: Name, acting_as: ActingAs = None) -> Answer:
    """Let somebody act no longer, at once: their log-ins and tokens end. What they did stays."""
    from governance import people

    actor = record.acting(acting_as)
    return _acted(
        name, lambda session, user: people.deactivate_user(session, user, actor=actor, at=edge.now()), "deactivated"
    )


def reactivate(name: Name, acting_as: ActingAs = None) -> Answer:
    """Let somebody act again, with the roles and the password they had."""
    from governance import people

    actor = record.acting(acting_as)
    return _acted(
        name, lambda session, user: people.reactivate_user(session, user, actor=actor, at=edge.now()), "reactivated"
    )


def set_password(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Of the user. Default: yourself.", show_default=False)
    ] = None,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="From standard input: your current one, if it is yours, then the new."),
    ] = False,
    generate: asking.Generate = False,
    recover: Annotated[
        bool,
        typer.Option("--recover", help="When nobody can log in who could: as who owns the home folder of driftgate."),
    ] = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Set a password, your own or, as an administrator, somebody's. All log-ins and tokens of the user end."""
    from governance import people

    if recover and name is None:
        raise UnusableValue("NAME", "whose password is recovered has to be said", "add the name of the user")
    actor = _owner_of_the_home() if recover else record.acting(acting_as)
    whose = name or actor.name
    own = whose == actor.name
    current = asking.ask(from_stdin=password_stdin, prompt="Current password") if own else None
    password, made_up = asking.ask_for_new(from_stdin=password_stdin, generate=generate)
    with edge.transaction() as session:
        user = people.find_user(session, whose)
        said = people.set_password(
            session,
            user,
            password,
            actor=actor,
            at=edge.now(),
            current=current,
            address=log_in.address(),
            because=f"recovered by the owner of the home, {log_in.address()}" if recover else "",
        )
        document = _facts(user)
    if isinstance(said, people.Refusal):
        raise said.error()
    if own:
        log_in.begin(whose, password)
    return _made(document | {"logged_in": own}, password if made_up else None, "has a new password")


def _owner_of_the_home() -> Actor:
    """The system itself, for who could read its key and write its database anyway.

    Raises:
        NotLoggedIn: the home folder is somebody else's, or it is new.
    """
    from governance.settings import settings

    home = settings().home.resolve()
    if not home.is_dir() or os.getuid() not in {0, home.stat().st_uid}:
        problem = f"you are not the user of this machine who owns {home}"
        raise NotLoggedIn(problem, "ask who owns it to recover a password, or an administrator to set one")
    return SYSTEM


def _made(document: dict[str, Any], password: str | None, done: str = "is known now") -> Answer:
    """Somebody who can log in now; a password that was made up is told this one time."""
    name = document["user"]

    def view(console: Console) -> None:
        display.say(console, f"{name} {done}.", good=True)
        if password is not None:
            display.say(console, f"Password, shown this one time: {password}")
        if document.get("logged_in"):
            display.say(console, f"You are logged in as {name}.")
        elif document["kind"] is UserKind.SERVICE:
            display.next_commands(console, f"driftgate token create --for {name} --name NAME --right read")
        else:
            display.next_commands(console, f"driftgate log-in {name}")

    return Answer(document | ({"password": password} if password is not None else {}), view)


def _acted(name: str, act: Callable[[Session, User], User], done: str) -> Answer:
    from governance import people

    with edge.transaction() as session:
        document = _facts(act(session, people.find_user(session, name)))
    return Answer(document, lambda console: display.say(console, f"{name} is {done}.", good=True))


def _facts(user: User) -> dict[str, Any]:
    return {
        "user": user.name,
        "full_name": user.full_name,
        "kind": user.kind,
        "active": user.active,
        "email": user.email,
        "subject": user.subject,
        "has_password": user.password_hash is not None,
        "created_at": user.created_at,
    }
