"""``driftgate channel``: where reports and messages go, whether they arrive, and what became of them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import Project, command, group
from deployments.cli.exit_codes import FAILED, OK
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

    from governance import project_file

Channel = Annotated[str, typer.Argument(metavar="NAME", help="Of the channel.", show_default=False)]
State = Annotated[
    str | None, typer.Option("--state", metavar="sent|waiting|kept", help="Only these.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", help="How many, at most.", min=1, max=1000)]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    channel = group("channel", "Channels: where reports of runs and messages of steps go.")
    command(channel, "list", example="driftgate channel list")(list_channels)
    command(channel, "test", example="driftgate channel test operations")(send_test)
    command(channel, "reports", example="driftgate channel reports --state waiting")(reports)
    app.add_typer(channel)


def list_channels(project: Project = None) -> Answer:
    """List the channels of a project: the variable that holds the URL of each, and who sends there."""
    declared = record.find_project(project)
    found = [
        {
            "channel": name,
            "url_variable": channel.url_variable,
            "service": _service(os.environ.get(channel.url_variable, "")),
            "used_by": _users(declared, name),
        }
        for name, channel in declared.channels.items()
    ]

    def view(console: Console) -> None:
        rows = [
            (one["channel"], one["url_variable"], one["service"] or "not set here", one["used_by"]) for one in found
        ]
        console.print(display.table(("channel", "variable", "service", "used by"), rows))
        if found:
            display.next_commands(console, f"driftgate channel test {found[0]['channel']}")
        else:
            display.say(console, "The project has no channels: declare them under channels in project.yaml.")

    return Answer({"project": declared.project, "channels": found}, view)


def send_test(channel: Channel, project: Project = None) -> Answer:
    """Send a test message through a channel now. Fails, with the reason, when it is not taken."""
    from governance.errors import NotFound
    from governance.notices.delivery import Message, deliver
    from tasks.reporting import message_page

    declared = record.find_project(project)
    if channel not in declared.channels:
        raise NotFound("channel", channel, sorted(declared.channels), "declare it under channels in project.yaml")
    with edge.writing(declared, record.acting(None)):  # who may not write there speaks in nobody's name
        variable = declared.channels[channel].url_variable
    subject = f"{declared.project}: test of channel {channel}"
    text = "This is a test. Reports of runs would arrive here."
    url = os.environ.get(variable, "")
    if url:
        problem = deliver(url, Message(subject, text, message_page(subject, text)), called=variable)
    else:
        problem = f"{variable} is not set; put the URL of the service into it, as Apprise writes it"

    def view(console: Console) -> None:
        sentence = f"Not sent through {channel}: {problem}." if problem else f"The service of {channel} has taken it."
        display.say(console, sentence, good=not problem)

    return Answer({"channel": channel, "sent": not problem, "problem": problem}, view, FAILED if problem else OK)


def reports(project: Project = None, state: State = None, limit: Limit = 20) -> Answer:
    """List the reports and messages of a project's runs, the latest first: sent, waiting, or only kept."""
    from governance import reports as sent_reports

    declared = record.find_project(project)
    with edge.looking_at(declared) as session:
        rows = sent_reports.list_reports(session, declared.project, state=state, limit=limit)
    found = [{**row.model_dump(exclude={"html"}), "state": sent_reports.state_of(row)} for row in rows]

    def view(console: Console) -> None:
        columns = {"id": "report", "run_id": "run", "channel": "channel", "subject": "subject", "state": "state"}
        columns |= {"attempts": "attempts", "problem": "problem"}
        rows = [[one[name] for name in columns] for one in found]
        console.print(display.table(list(columns.values()), rows))

    return Answer({"project": declared.project, "reports": found}, view)


def _service(url: str) -> str:
    """What kind of service a URL names; the rest of it is secret."""
    named = re.match(r"([a-z][a-z0-9]*)://", url)
    return named[1] if named else "no URL" if url else ""


def _users(declared: project_file.Project, channel: str) -> list[str]:
    """The scenarios that send there."""
    from governance.project_file import Notify

    def sends(scenario: Any) -> bool:
        return any(one.channel == channel for one in scenario.reporters) or any(
            isinstance(step, Notify) and step.channel == channel for step in scenario.steps
        )

    return [name for name, scenario in declared.scenarios.items() if sends(scenario)]
