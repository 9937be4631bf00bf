"""Who has to be told of a run, and who has been told already: the same trouble again and again is one incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from governance.project_file import Reporter
from governance.reports.causes import cause_of, tells_of_trouble
from governance.tables import Incident, ProjectRow, Report, ScenarioRun, StepRun
from governance.tables.columns import key_of
from governance.vocabulary import BACKFILL, ReportAt, ReportKind, ScenarioOutcome

_WELL: Final = frozenset({ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING})


@dataclass(frozen=True, slots=True)
class News:
    """What one channel has to be told.

    Args:
        channel: Its name.
        kind: What is told.
        runs: That had the same trouble, this one included; 0 when there is no incident.
        since: When the first of them ended.
    """

    channel: str
    kind: ReportKind
    runs: int = 0
    since: datetime | None = None


def decide_reports(
    session: Session, run: ScenarioRun, reporters: Sequence[Reporter], steps: Sequence[StepRun], at: ReportAt
) -> list[News]:
    """Who is told what of a run; the times that count are those of the run itself.

    The first run with a trouble tells. The same trouble again is counted, and told again when the reporter's
    ``remind_after_hours`` are over. Another trouble is told at once. When the scenario ends well, what was told is told
    to be over. Asked twice about a run, it answers nothing the second time.

    Args:
        session: Of the decision; the reports are written in its transaction.
        run: Which; it has ended when ``at`` is the end.
        reporters: Of its scenario.
        steps: Of the run.
        at: Its beginning or its end.
    """
    if run.trigger == BACKFILL:
        return []
    # One decision at a time for a project: two of them would each take their trouble for the first.
    session.get_one(ProjectRow, run.project_id, populate_existing=True, with_for_update={"key_share": True})
    if at is ReportAt.START:
        wanted = dict.fromkeys(one.channel for one in reporters if one.at is ReportAt.START)
        return [News(channel, ReportKind.BEGIN) for channel in wanted if not _told(session, run, channel, at)]
    outcome, ended_at = run.outcome, run.ended_at
    if outcome is None or ended_at is None:
        return []
    hearing = [one for one in reporters if one.at is ReportAt.END]
    cause = cause_of(run.scenario, outcome, steps)
    news = []
    for channel in dict.fromkeys(one.channel for one in hearing):
        patience = [one.remind_after_hours for one in hearing if one.channel == channel and outcome in one.outcome_is]
        told = _told(session, run, channel, at)
        if patience and tells_of_trouble(outcome):
            found = _trouble(session, run, ended_at, channel, cause, timedelta(hours=min(patience)))
        else:
            over = _over(session, run, ended_at, channel) if outcome in _WELL else None
            found = over or (News(channel, ReportKind.END) if patience else None)
        if found is not None and not told:
            news.append(found)
    return news


def latest_ended(session: Session, since: datetime) -> list[int]:
    """The runs that ended since then and are the last of their scenario: a decision on them can be made up for."""
    last = select(func.max(ScenarioRun.id)).group_by(col(ScenarioRun.project_id), col(ScenarioRun.scenario))
    query = select(ScenarioRun.id).where(col(ScenarioRun.id).in_(last), col(ScenarioRun.ended_at) >= since)
    return [number for number in session.exec(query) if number is not None]


def _trouble(
    session: Session, run: ScenarioRun, at: datetime, channel: str, cause: str, patience: timedelta
) -> News | None:
    """Count a run with a trouble; what is to be told of it, if anything."""
    known = session.exec(_going_on(run, channel).where(Incident.cause == cause)).first()
    if known is None:
        session.add(
            Incident(
                project_id=run.project_id,
                scenario=run.scenario,
                channel=channel,
                cause=cause,
                began_at=at,
                last_at=at,
                told_at=at,
            )
        )
        session.flush()
        return News(channel, ReportKind.END, 1, at)
    if known.last_at == at:
        return None  # it was counted already
    known.runs, known.last_at = known.runs + 1, at
    if at - known.told_at < patience:
        return None
    known.told_at = at
    return News(channel, ReportKind.REMINDER, known.runs, known.began_at)


def _over(session: Session, run: ScenarioRun, at: datetime, channel: str) -> News | None:
    """End what goes on; what is to be told of it, if anything."""
    ending = session.exec(_going_on(run, channel)).all()
    for incident in ending:
        incident.ended_at = at
    if not ending:
        return None
    return News(channel, ReportKind.OVER, sum(one.runs for one in ending), min(one.began_at for one in ending))


def _going_on(run: ScenarioRun, channel: str) -> SelectOfScalar[Incident]:
    return select(Incident).where(
        Incident.project_id == run.project_id,
        Incident.scenario == run.scenario,
        Incident.channel == channel,
        col(Incident.ended_at).is_(None),
    )


def _told(session: Session, run: ScenarioRun, channel: str, at: ReportAt) -> bool:
    """Whether the channel has its report already; that of a moment of a run carries this moment."""
    moment = run.started_at if at is ReportAt.START else run.ended_at
    found = select(Report.id).where(
        Report.run_id == key_of(run), Report.channel == channel, Report.created_at == moment
    )
    return session.exec(found.limit(1)).first() is not None
