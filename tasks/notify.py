"""Send a message of a project's own through one of its channels."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from governance import reports
from governance.errors import NotFound
from governance.project_file import Channel, Project, load_project
from governance.tables import Report
from governance.vocabulary import StepOutcome
from tasks import edge

SECONDS: Final = 5.0
"""That the step waits for a channel to take the message; after that it is sent again later."""


@task(task_run_name="Send message", cache_policy=NO_CACHE)
def send_message(
    project: str, channel: str, subject: str, message: str, run_id: int | None, actor: str | None
) -> dict[str, Any]:
    """Write a message down, and try to send it; one that does not arrive is sent again until it does.

    Args:
        project: Its ``project.yaml``.
        channel: One of its channels.
        subject: One line.
        message: Text; an empty line makes a paragraph.
        run_id: Of the run it is sent by.
        actor: Who runs it.

    Returns: ``outcome``, ``WARNING`` while it has not arrived, ``message`` with the reason, and its number as ``report``.
    """
    declared = load_project(project)
    place = _channel(declared, channel)
    written = edge.once(lambda: _written(declared, channel, place, subject, message, run_id, actor))
    try:
        edge.send_reports(within=SECONDS, round_seconds=SECONDS)
    except Exception:  # whatever becomes of the channel, the message is on record and is sent later
        get_run_logger().warning("the message could not be sent yet", exc_info=True)
    with edge.reading() as session:
        report = session.get_one(Report, written["report"])
        arrived, problem = report.sent_at is not None, report.problem
    if arrived:
        return {**written, "outcome": StepOutcome.SUCCESS, "message": f"sent through {channel}"}
    reason = problem or "it has not been taken yet"
    sentence = f"not sent through {channel} yet: {reason}; it is sent again later"
    return {**written, "outcome": StepOutcome.WARNING, "message": sentence}


def _channel(project: Project, name: str) -> Channel:
    if name not in project.channels:
        raise NotFound("channel", name, sorted(project.channels), "declare it under channels in project.yaml")
    return project.channels[name]


def _written(
    project: Project, channel: str, place: Channel, subject: str, message: str, run_id: int | None, actor: str | None
) -> dict[str, Any]:
    html = "".join(f"<p>{'<br>'.join(escape(part).splitlines())}</p>" for part in message.split("\n\n") if part.strip())
    with edge.writing(project, edge.acting(actor)) as session:
        report = reports.add_message(session, channel, place.url_variable, subject, message, html, run_id, edge.now())
        written = {"channel": channel, "report": report.id}
        edge.keep(session, written)
        return written
