"""``driftgate log-in``, ``log-out`` and ``who-am-i``: who acts at this home."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import asking, display, record
from deployments.cli.answer import Answer
from deployments.cli.command import command
from governance.errors import NotLoggedIn
from governance.vocabulary import Origin
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

    from governance.people import LoggedIn


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    command(app, "log-in", example="driftgate log-in ada")(log_in)
    command(app, "log-out", example="driftgate log-out")(log_out)
    command(app, "who-am-i", example="driftgate who-am-i")(who_am_i)


def log_in(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Your name.", show_default=False)],
    password_stdin: asking.FromStdin = False,
) -> Answer:
    """Log in with your password: for twelve hours, the commands of this home act in your name."""
    from governance import authorisation
    from governance.settings import settings

    with edge.reading() as session:
        if not authorisation.has_users(session):
            remedy = "make the first with 'driftgate user create-admin', or go on without"
            raise NotLoggedIn("this installation has no users, and takes everybody at their word", remedy)
    made = begin(name, asking.ask(from_stdin=password_stdin))
    hidden = settings().token is not None

    def view(console: Console) -> None:
        display.say(console, f"Logged in as {made.user} until {made.expires_at:%Y-%m-%d %H:%M} UTC.", good=True)
        if hidden:
            display.say(console, "! DRIFTGATE_TOKEN is set, and comes first: unset it to act as who has logged in.")
        display.next_commands(console, "driftgate who-am-i", "driftgate log-out")

    return Answer({"user": made.user, "expires_at": made.expires_at, "token_comes_first": hidden}, view)


def begin(name: str, password: str) -> LoggedIn:
    """Log in, and keep that in the home folder.

    Raises:
        NotLoggedIn: the name or the password is wrong.
        TooManyAttempts: too many were.
    """
    from governance.settings import settings

    made = proved(name, password)
    settings().keep_secret(made.secret)
    return made


def proved(name: str, password: str) -> LoggedIn:
    """Log in without keeping it. Raises: NotLoggedIn, TooManyAttempts, after the failure was kept."""
    from governance import people

    with edge.transaction() as session:
        said = people.log_in(session, name, password, address=address(), at=edge.now(), origin=Origin.COMMAND)
    if isinstance(said, people.Refusal):
        raise said.error()
    return said


def address() -> str:
    """Where log-ins of commands come from: a terminal of a user of this machine."""
    return f"terminal of user {os.getuid()} on {platform.node()}"


def log_out() -> Answer:
    """End the log-in of this home."""
    from governance import people
    from governance.settings import settings

    file = settings().log_in_file
    ended = False
    if file.exists():
        with edge.transaction() as session:
            secret = file.read_text(encoding="utf-8", errors="replace").strip()
            ended = people.log_out(session, secret, at=edge.now(), origin=Origin.COMMAND)
        settings().keep_secret(None)

    def view(console: Console) -> None:
        display.say(console, "Logged out." if ended else "Nobody was logged in.")

    return Answer({"logged_out": ended}, view)


def who_am_i() -> Answer:
    """Say in whose name commands act here, and what they may do everywhere."""
    from governance import authorisation
    from governance.settings import settings

    actor = record.acting(None)
    with edge.reading() as session:
        closed = authorisation.has_users(session)
        standing = authorisation.standing_of(session, None, actor)
    by = None if not closed else "token" if settings().token is not None else "log-in"
    document: dict[str, Any] = {
        "user": actor.name,
        "known_by": by,
        "scope": None if actor.scope is None else sorted(actor.scope),
        "roles": sorted(standing.roles),
        "rights": sorted(standing.rights) if closed else None,
    }

    def view(console: Console) -> None:
        if not closed:
            display.say(console, f"{actor.name}, taken at their word: this installation has no users.")
            return
        display.say(console, f"{actor.name}, known by a {by}.")
        display.say(console, f"Everywhere: {', '.join(document['roles']) or 'no role; see the projects'}.")
        if actor.scope is not None:
            display.say(console, f"The token is for: {', '.join(document['scope'])}.")

    return Answer(document, view)
