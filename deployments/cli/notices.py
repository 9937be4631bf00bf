"""``driftgate notices``: what people have to be told, and the sending of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command, group
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

State = Annotated[
    str | None, typer.Option("--state", metavar="sent|waiting|kept", help="Only these.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", help="How many, at most.", min=1, max=1000)]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    notices = group("notices", "Notices: what people have to be told, by e-mail where there is a mail server.")
    command(notices, "list", example="driftgate notices list --state kept")(list_notices)
    command(notices, "send", example="driftgate notices send")(send)
    app.add_typer(notices)


def list_notices(state: State = None, limit: Limit = 20, acting_as: ActingAs = None) -> Answer:
    """List the notices, the latest first: your own, and everybody's for administrators."""
    from governance import authorisation, notices
    from governance.vocabulary import Right

    actor = record.acting(acting_as)
    with edge.reading() as session:
        everybody = authorisation.may(session, actor, Right.ADMINISTER, None)
        page = notices.list_notices(
            session,
            recipient=None if everybody else actor.name,
            filters={} if state is None else {"state": state},
            limit=limit,
        )
    found = [{**row.model_dump(), "state": notices.state_of(row)} for row in page.rows]

    def view(console: Console) -> None:
        rows = [
            (one["id"], one["recipient"], one["subject"], one["state"], one["attempts"], one["problem"])
            for one in found
        ]
        console.print(display.table(("notice", "for", "subject", "state", "attempts", "problem"), rows))

    return Answer({"notices": found}, view)


def send() -> Answer:
    """Send the notices whose time has come, through the mail server of DRIFTGATE_MAIL_URL. For a timer."""
    sent = edge.send_notices()

    def view(console: Console) -> None:
        if sent is None:
            display.say(console, "There is no mail server: set DRIFTGATE_MAIL_URL. Notices stay on record.")
            return
        display.say(console, f"{sent.sent} sent, {sent.failed} to be tried again, {sent.kept} only kept.")

    return Answer({"mail_server": sent is not None, **({} if sent is None else asdict(sent))}, view)
