"""What waits to be sent to channels, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, and_
from sqlmodel import Session, col, select

from governance.errors import UnusableValue
from governance.tables import ProjectRow, Report, ScenarioRun
from governance.tables.columns import key_of

LONGEST_SUBJECT: Final = 200

STATES: Final[Mapping[str, ColumnElement[bool]]] = {
    "sent": col(Report.sent_at).is_not(None),
    "waiting": col(Report.next_attempt_at).is_not(None),
    "kept": and_(col(Report.sent_at).is_(None), col(Report.next_attempt_at).is_(None)),
}
"""Sent; still to be sent; or on record only, since it was given up or there was nothing to tell any more."""

SUPERSEDED: Final = "not sent before the trouble was over"


def add_message(
    session: Session,
    channel: str,
    url_variable: str,
    subject: str,
    text: str,
    html: str,
    run_id: int | None,
    at: datetime,
) -> Report:
    """Keep a message to a channel in the transaction of who decided it; it is sent afterwards, until it arrives.

    Args:
        session: Of the decision.
        channel: Name of the channel in ``project.yaml``.
        url_variable: The environment variable that holds its URL; the URL itself is never kept.
        subject: One line; what is more than one becomes one.
        text: For every service.
        html: A page that says the same, for mail.
        run_id: Of the run it is about; none: of no run.
        at: When; it is sent from then on.
    """
    report = Report(
        run_id=run_id,
        channel=channel,
        url_variable=url_variable,
        subject=" ".join(subject.split())[:LONGEST_SUBJECT],
        text=text,
        html=html,
        created_at=at,
        next_attempt_at=at,
    )
    session.add(report)
    session.flush()
    return report


def supersede(session: Session, run: ScenarioRun, channel: str) -> None:
    """Let what a channel has not yet been told of the ends of earlier runs be: it is over, which is told instead."""
    waiting = (
        select(Report)
        .join(ScenarioRun, col(Report.run_id) == col(ScenarioRun.id))
        .where(
            ScenarioRun.project_id == run.project_id,
            ScenarioRun.scenario == run.scenario,
            ScenarioRun.id != key_of(run),
            Report.channel == channel,
            Report.created_at == ScenarioRun.ended_at,  # of messages that steps send the end of the run is another one
            col(Report.next_attempt_at).is_not(None),
        )
    )
    for report in session.exec(waiting):
        report.next_attempt_at = None
        report.problem = "; ".join(filter(None, [SUPERSEDED, report.problem]))


def list_reports(session: Session, project: str, *, state: str | None = None, limit: int = 20) -> list[Report]:
    """The messages of a project's runs, the latest first.

    Args:
        session: To read with.
        project: Its name.
        state: ``sent``, ``waiting`` or ``kept``; none: all.
        limit: How many, at most.

    Raises:
        UnusableValue: there is no such state.
    """
    if state is not None and state not in STATES:
        raise UnusableValue("state", f"there is no {state!r}", f"name one of {', '.join(STATES)}")
    query = (
        select(Report)
        .join(ScenarioRun, col(Report.run_id) == col(ScenarioRun.id))
        .join(ProjectRow, col(ScenarioRun.project_id) == col(ProjectRow.id))
        .where(ProjectRow.name == project)
    )
    if state is not None:
        query = query.where(STATES[state])
    return list(session.exec(query.order_by(col(Report.id).desc()).limit(limit)))


def state_of(report: Report) -> str:
    """How far a report has come: one of :data:`STATES`.

    Example:
        >>> state_of(Report(channel="team", url_variable="TEAM_URL", subject="hello", text="", html=""))
        'kept'
    """
    if report.sent_at is not None:
        return "sent"
    return "kept" if report.next_attempt_at is None else "waiting"
