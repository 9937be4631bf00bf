"""Tell channels of the beginning and the end of runs. Whatever becomes of it, no run is held up by it, or fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from governance import reports, scenario_runs
from governance.errors import DriftgateError, NotFound
from governance.notices.delivery import DEADLINE_SECONDS
from governance.project_file import Project, declares, load_project
from governance.settings import settings
from governance.tables import ProjectRow, ScenarioRun, StepRun
from governance.vocabulary import ReportAt, ReportKind
from tasks import edge
from tasks.reporting import Step, Story, write
from tasks.reporting.story import findings_in

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_SECONDS: Final = 10.0
"""That a run waits for its reports."""

AT_ONCE_SECONDS: Final = 5.0
"""For one report while a run waits; one that takes longer is sent again later."""

ROUND_SECONDS: Final = 60.0
"""After which no other report is begun in one round of :func:`send_reports`."""

MADE_UP_FOR: Final = timedelta(hours=1)
"""How long ago a run may have ended whose process died before it could report."""

_LOG: Final = logging.getLogger("driftgate.reports")


def report_run(run_id: int, at: ReportAt) -> None:
    """Write the reports that the reporters of a run ask for, and try to send them.

    It never raises, and takes :data:`LONGEST_SECONDS` at most: what is not sent by then is sent later.

    Args:
        run_id: Of the run in the record.
        at: Its beginning or its end.
    """
    reporting = threading.Thread(target=_report, args=(run_id, at), name=f"reports of run {run_id}", daemon=True)
    reporting.start()
    reporting.join(LONGEST_SECONDS)
    if reporting.is_alive():
        _LOG.warning("the reports of run %s are not sent yet; what is written is sent later", run_id)


def send_reports() -> None:
    """Send what is due, and make up for the reports of runs whose process died first. For a timer; never raises."""
    try:
        _make_up()
    except Exception:
        _LOG.exception("reports could not be made up for")
    try:
        edge.send_reports(within=DEADLINE_SECONDS, round_seconds=ROUND_SECONDS)
    except Exception:
        _LOG.exception("reports could not be sent")


def _report(run_id: int, at: ReportAt) -> None:
    try:
        _write_reports(run_id, at)
        edge.send_reports(within=AT_ONCE_SECONDS, round_seconds=LONGEST_SECONDS - AT_ONCE_SECONDS)
    except Exception:
        _LOG.exception("run %s could not be reported", run_id)


def _make_up() -> None:
    with edge.reading() as session:
        ended = reports.latest_ended(session, edge.now() - MADE_UP_FOR)
    for run_id in ended:
        try:
            _write_reports(run_id, ReportAt.END)
        except Exception:  # a project whose file is wrong keeps no other from being told
            _LOG.exception("run %s could not be reported", run_id)


def _write_reports(run_id: int, at: ReportAt) -> None:
    with edge.reading() as session:
        run = session.get_one(ScenarioRun, run_id)
        project = _declared(session.get_one(ProjectRow, run.project_id))
    scenario = project.scenarios.get(run.scenario)
    if scenario is None or not any(reporter.at is at for reporter in scenario.reporters):
        return
    links = _links(run, project.project)
    with edge.transaction() as session:
        run = session.get_one(ScenarioRun, run_id)
        steps = scenario_runs.steps_of(session, run)
        for news in reports.decide_reports(session, run, scenario.reporters, steps, at):
            written = write(_story(project, scenario.name, run, steps, news, links))
            if news.kind is ReportKind.OVER:
                reports.supersede(session, run, news.channel)
            reports.add_message(
                session,
                news.channel,
                project.channels[news.channel].url_variable,
                written.subject,
                written.text,
                written.html,
                run_id,
                run.started_at if at is ReportAt.START else run.ended_at or edge.now(),
            )


def _declared(row: ProjectRow) -> Project:
    """The project as its file says now, which may have a name of its own.

    Raises:
        DriftgateError: there is no such file any more, or it is wrong.
    """
    folder = Path(row.folder)
    if declares(folder, row.name):
        return load_project(folder)
    for file in sorted(folder.glob("*.y*ml")):
        with suppress(DriftgateError):  # another file that is wrong, or none of a project
            found = load_project(file)
            if found.project == row.name:
                return found
    raise NotFound("file of the project", row.name, (), f"put it into {folder}, where it was")


def _story(
    project: Project,
    scenario: str,
    run: ScenarioRun,
    steps: Sequence[StepRun],
    news: reports.News,
    links: Mapping[str, str],
) -> Story:
    return Story(
        kind=news.kind,
        project=project.project,
        scenario=scenario,
        run=run.id or 0,
        outcome=run.outcome,
        trigger=run.trigger,
        started_by=run.started_by,
        started_at=run.started_at,
        ended_at=run.ended_at,
        reason=run.reason,
        steps=tuple(Step(one.name, one.outcome, one.message, findings_in(one.result.get("checks"))) for one in steps),
        missed=run.missed,
        runs=news.runs,
        since=news.since,
        links=tuple(links.items()),
    )


def _links(run: ScenarioRun, project: str) -> dict[str, str]:
    """Where a run is to be seen: in Prefect, and on record if people can reach that."""
    from prefect.settings import get_current_settings  # heavy, and imported already where a flow runs

    found = {}
    prefect = get_current_settings()
    if run.flow_run_id and prefect.ui_url and prefect.server.ui.enabled:
        found["In Prefect"] = f"{prefect.ui_url.rstrip('/')}/runs/flow-run/{run.flow_run_id}"
    if "public_url" in settings().model_fields_set:
        found["On record"] = f"{settings().public_url.rstrip('/')}/api/v1/projects/{project}"
    return found
