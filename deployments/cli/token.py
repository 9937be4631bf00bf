"""``driftgate token``: secrets by which programs act for a user."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command, group
from governance.errors import NotAllowed
from governance.vocabulary import Right
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

    from governance.tables import ApiToken

For = Annotated[
    str | None, typer.Option("--for", metavar="NAME", help="A service account. Default: yourself.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    token = group("token", "API tokens: made for a purpose, for some rights and some time; shown once.")
    command(token, "create", example="driftgate token create --name nightly --right read --right write --days 90")(
        create
    )
    command(token, "list", example="driftgate token list")(list_tokens)
    command(token, "revoke", example="driftgate token revoke 3")(revoke)
    app.add_typer(token)


def create(
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    right: Annotated[
        list[Right], typer.Option("--right", case_sensitive=False, help="What it may be used for; may be repeated.")
    ],
    whose: For = None,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How long it holds.")] = 90,
    acting_as: ActingAs = None,
) -> Answer:
    """Make a token, and print it this one time. Put it into DRIFTGATE_TOKEN, or into an Authorization header."""
    from governance import people

    actor = record.acting(acting_as)
    at = edge.now()
    with edge.transaction() as session:
        user = people.find_user(session, whose or actor.name)
        made, secret = people.create_token(
            session, user, name=name, scope=right, expires_at=at + timedelta(days=days), actor=actor, at=at
        )
        document = _facts(made, user.name) | {"secret": secret}

    def view(console: Console) -> None:
        display.say(console, f"Token {document['token']} of {document['user']}, shown this one time:", good=True)
        console.print(display.words(secret), soft_wrap=True)

    return Answer(document, view)


def list_tokens(whose: For = None) -> Answer:
    """List your tokens, or those of somebody else as an administrator; never their secrets."""
    from governance import authorisation, people

    actor = record.acting(None)
    name = whose or actor.name
    with edge.reading() as session:
        if name != actor.name and not authorisation.may(session, actor, Right.ADMINISTER, None):
            raise NotAllowed(actor.name, Right.ADMINISTER, f"the tokens of {name}", "they are somebody else's")
        tokens = [_facts(one, name) for one in people.list_tokens(session, people.find_user(session, name))]

    def view(console: Console) -> None:
        columns = ("token", "name", "scope", "expires_at", "revoked_at", "used_at")
        console.print(display.table(columns, [[one[column] for column in columns] for one in tokens]))

    return Answer({"user": name, "tokens": tokens}, view)


def revoke(
    token: Annotated[int, typer.Argument(metavar="TOKEN", help="Its number.", min=1)], acting_as: ActingAs = None
) -> Answer:
    """Let a token stand for nobody any more."""
    from governance import people

    actor = record.acting(acting_as)
    with edge.transaction() as session:
        revoked = people.revoke_token(session, people.find_token(session, token), actor=actor, at=edge.now())
        document = {"token": revoked.id, "name": revoked.name, "revoked_at": revoked.revoked_at}
    return Answer(document, lambda console: display.say(console, f"Token {token} is revoked.", good=True))


def _facts(token: ApiToken, user: str) -> dict[str, Any]:
    facts = {"token": token.id, "user": user, "name": token.name, "scope": token.scope}
    return facts | {name: _minute(getattr(token, name)) for name in ("expires_at", "revoked_at", "used_at")}


def _minute(moment: Any) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
