"""Sending reports: channel by channel, all at once, so that a dead one holds up none of the others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select, update

from governance.database import reading, transaction
from governance.notices import Sent
from governance.notices.claiming import DELAYS, GIVEN_UP_AFTER, change
from governance.notices.delivery import DEADLINE_SECONDS, Message, deliver
from governance.tables import Report
from governance.tables.columns import key_of

LEASE: Final = timedelta(minutes=10)
"""How long a report that somebody is sending is left alone; then its sender has died. Longer than a round may take."""

BATCH: Final = 50
"""Reports of one channel in one round, at most."""

CHANNELS: Final = 8
"""Of so many at once."""


def send_due(
    engine: Engine,
    url_in: Callable[[str], str | None],
    *,
    now: datetime,
    within: float = DEADLINE_SECONDS,
    enough: Callable[[], bool] = lambda: False,
) -> Sent:
    """Send the reports whose time has come, in transactions of their own. Several may do so at once.

    A channel that does not take one is left alone until the next round. Who does not know where a channel leads takes
    nothing of it away from those who do.

    Args:
        engine: Of the database.
        url_in: What an environment variable holds.
        now: This moment.
        within: Seconds for one report.
        enough: Asked before each; what is left then is sent the next time. It must come true before :data:`LEASE` is
            over.

    Returns:
        How many were sent, will be tried again, and were given up.
    """
    with reading(engine) as session:
        due = select(Report.url_variable).where(col(Report.next_attempt_at) <= now).distinct()
        variables = sorted(session.exec(due))
    if not variables:
        return Sent()

    def send_through(variable: str) -> list[str]:
        return _send_through(engine, variable, url_in(variable), now, within, enough)

    with ThreadPoolExecutor(CHANNELS, thread_name_prefix="channel") as pool:
        ends = [end for channel in pool.map(send_through, variables) for end in channel]
    return Sent(ends.count("sent"), ends.count("failed"), ends.count("kept"))


def _send_through(
    engine: Engine, variable: str, url: str | None, now: datetime, within: float, enough: Callable[[], bool]
) -> list[str]:
    """One channel's reports in their order, until one is not taken."""
    ends: list[str] = []
    while len(ends) < BATCH and not enough():
        with reading(engine) as session:
            report = session.exec(
                select(Report)
                .where(Report.url_variable == variable, col(Report.next_attempt_at) <= now)
                .order_by(col(Report.next_attempt_at), col(Report.id))
                .limit(1)
            ).first()
        if report is None:
            break
        ends.append(_send_one(engine, report, url, now, within))
        if ends[-1] == "failed":
            break
    return ends


def _send_one(engine: Engine, report: Report, url: str | None, now: datetime, within: float) -> str:
    """Claim one report, send it, and write down what came of it; nothing when somebody else has claimed it."""
    if now - report.created_at > GIVEN_UP_AFTER:
        problem = "; ".join(filter(None, [f"given up after {GIVEN_UP_AFTER.days} days", report.problem]))
        with transaction(engine) as session:
            return "kept" if change(session, report, report.attempts, next_attempt_at=None, problem=problem) else ""
    if not url:
        _note_no_url(engine, report)
        return "failed"
    attempt = report.attempts + 1
    with transaction(engine) as session:
        if not change(session, report, report.attempts, attempts=attempt, next_attempt_at=now + LEASE):
            return ""
    message = Message(report.subject, report.text, report.html)
    problem = deliver(url, message, within=within, called=report.url_variable)
    again = now + DELAYS[min(attempt, len(DELAYS)) - 1]
    with transaction(engine) as session:
        if problem:
            change(session, report, attempt, next_attempt_at=again, problem=problem)
        else:
            _note_sent(session, report, attempt, now)
    return "failed" if problem else "sent"


def _note_no_url(engine: Engine, report: Report) -> None:
    """What somebody who has the URL was told by the service says more, and stays."""
    if report.problem:
        return
    with transaction(engine) as session:
        change(session, report, report.attempts, problem=f"{report.url_variable} is not set where it was to be sent")


def _note_sent(session: Session, report: Report, attempt: int, now: datetime) -> None:
    """Also of one that was superseded while it was on its way."""
    mine: dict[str, Any] = {"next_attempt_at": None, "sent_at": now, "problem": ""}
    session.exec(
        update(Report)
        .where(col(Report.id) == key_of(report), col(Report.attempts) == attempt)
        .values(**mine)
        .execution_options(synchronize_session=False)
    )
