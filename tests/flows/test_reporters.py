"""A run tells channels how it went; whatever becomes of a channel, the run ends as it would have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from sqlmodel import Session, select

from flows.scenario import run_scenario
from governance import registry
from governance.audit import Actor
from governance.database import open_database
from governance.project_file import load_project
from governance.reports import state_of
from governance.settings import settings
from governance.tables import Incident, Report, ScenarioRun, StepRun
from governance.vocabulary import ReportAt, ScenarioOutcome, StepKind, StepOutcome
from tasks import edge, report
from tasks.report import report_run, send_reports
from tests.governance.http_receiver import HttpReceiver, http_receiver
from tests.governance.mail_server import mail_server
from tests.workplace import at_home

PROJECT = """\
project: credit
data: {training: {path: t.csv}}
models: {fraud: {target: y, prediction_type: binary}}
channels: {team: {url_variable: TEAM_URL}}
scenarios:
  daily:
    name: Daily checks
    reporters: [{channel: team, at: start}, {channel: team}]
    steps: [{name: Ask, kind: request_sign_off, model: fraud}]
"""


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpReceiver]:
    """A receiver, which the channel leads to."""
    with http_receiver() as receiver:
        monkeypatch.setenv("TEAM_URL", receiver.url)
        yield receiver


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> Iterator[Path]:
    """A project with reporters, on record in a database of both kinds."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "project.yaml").write_text(PROJECT)
    public = {"DRIFTGATE_PUBLIC_URL": "https://drift.test/"}
    with at_home(tmp_path / "home", DRIFTGATE_USER="ada", **public) as patch:
        patch.setenv("DRIFTGATE_DATABASE_URL", database_url)
        with edge.transaction() as session:
            registry.register_project(session, load_project(folder), actor=Actor("ada"), at=edge.now())
        yield folder


def ended(outcome: ScenarioOutcome | None = ScenarioOutcome.FAILED) -> int:
    """A run that ended now; gives its number."""
    now = edge.now()
    with edge.transaction() as session:
        run = ScenarioRun(
            project_id=1, scenario="daily", trigger="schedule", parameters={}, outcome=outcome, host="here", process_id=1,
            flow_run_id="5f3e", started_by="ada", started_at=now - timedelta(seconds=95),
            ended_at=None if outcome is None else now,
        )  # fmt: skip
        session.add(run)
        session.flush()
        number = run.id or 0
        failed = outcome is ScenarioOutcome.FAILED
        session.add(
            StepRun(
                run_id=number,
                position=0,
                name="Ask",
                kind=StepKind.REQUEST_SIGN_OFF,
                outcome=StepOutcome.FAILED if failed else StepOutcome.SUCCESS,
                message="there is no version",
                result={},
                started_at=now,
                ended_at=now,
            )
        )
    return number


def everything(kind: type[Any]) -> list[Any]:
    with edge.reading() as session:
        return list(session.exec(select(kind).order_by(kind.id)))


def test_a_run_tells_at_its_start_at_its_trouble_and_when_it_is_over(home: Path, hook: HttpReceiver) -> None:
    begun = ended(None)
    report_run(begun, ReportAt.START)
    for outcome in (ScenarioOutcome.FAILED, ScenarioOutcome.FAILED, ScenarioOutcome.SUCCESS):
        report_run(ended(outcome), ReportAt.END)
    assert hook.titles == [
        "credit, Daily checks: run 1 has begun",
        "credit, Daily checks: FAILED at Ask",
        "credit, Daily checks: SUCCESS again",
    ]
    failed = hook.arrived[1]["message"]
    assert "- FAILED Ask: there is no version" in failed
    assert "Took: 1 min 35 s" in failed
    assert "On record: https://drift.test/api/v1/projects/credit" in failed
    assert "was had by 2 runs is over" in hook.arrived[2]["message"]


def test_a_run_is_linked_to_its_page_in_prefect_where_there_is_one(home: Path) -> None:
    from prefect.settings import PREFECT_SERVER_UI_ENABLED, PREFECT_UI_URL, temporary_settings

    def link(*, pages: bool) -> str | None:
        with temporary_settings({PREFECT_UI_URL: "https://prefect.test", PREFECT_SERVER_UI_ENABLED: pages}):
            return report._links(ScenarioRun(flow_run_id="5f3e"), "credit").get("In Prefect")

    assert link(pages=True) == "https://prefect.test/runs/flow-run/5f3e"
    assert link(pages=False) is None


def test_a_channel_that_hangs_holds_a_run_up_for_a_moment_and_is_told_later(
    home: Path, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "AT_ONCE_SECONDS", 0.5)
    hook.hangs = True
    began = monotonic()
    report_run(ended(), ReportAt.END)
    assert monotonic() - began < 5
    (kept,) = everything(Report)
    assert (state_of(kept), kept.problem) == ("waiting", "it had not been taken after 0.5 seconds")
    hook.hangs = False
    with edge.transaction() as session:
        session.get_one(Report, kept.id).next_attempt_at = edge.now()
    send_reports()
    assert [state_of(one) for one in everything(Report)] == ["sent"]
    assert hook.titles == ["credit, Daily checks: FAILED at Ask"]


def test_a_database_that_is_locked_holds_a_run_up_no_longer_and_the_report_is_made_up_for(
    home: Path, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended()
    monkeypatch.setattr(report, "LONGEST_SECONDS", 0.5)
    monkeypatch.setattr(report, "_write_reports", lambda *_: sleep(2))
    began = monotonic()
    report_run(run, ReportAt.END)
    assert monotonic() - began < 1.5
    monkeypatch.undo()
    monkeypatch.setenv("TEAM_URL", hook.url)
    for _ in range(2):
        send_reports()
    assert hook.titles == ["credit, Daily checks: FAILED at Ask"]
    assert [one.runs for one in everything(Incident)] == [1]


def test_what_goes_wrong_with_a_report_is_logged_and_nothing_else(
    home: Path, hook: HttpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    run = ended()
    for text, problem in (("nonsense: [", "project.yaml"), (None, "There is no file of the project 'credit'")):
        (home / "project.yaml").write_text(text) if text else (home / "project.yaml").unlink()
        caplog.clear()
        report_run(run, ReportAt.END)
        send_reports()
        assert "could not be reported" in caplog.text
        assert problem in caplog.text
    report_run(4711, ReportAt.END)
    assert everything(Report) == []


def test_a_project_file_with_a_name_of_its_own_is_found(home: Path, hook: HttpReceiver) -> None:
    (home / "project.yaml").rename(home / "credit.yaml")
    (home / "another.yaml").write_text("nonsense: [")
    report_run(ended(), ReportAt.END)
    assert len(hook.arrived) == 1


def test_a_message_that_waits_is_sent_by_one_of_two_processes(home: Path, hook: HttpReceiver) -> None:
    hook.status = 500
    report_run(ended(), ReportAt.END)
    hook.status = 200
    with edge.transaction() as session:
        session.exec(select(Report)).one().next_attempt_at = edge.now()
    senders = [Thread(target=send_reports) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(hook.arrived) == 1


@pytest.mark.prefect
def test_a_scenario_whose_check_fails_tells_a_webhook_and_a_mailbox_and_ends_as_it_would(
    live: Any, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reporting(project: dict[str, Any]) -> None:
        project["channels"] = {
            name: {"url_variable": f"{name.upper()}_URL"} for name in ("team", "mail", "dead", "unset")
        }
        scenario = project["scenarios"]["retrain-model"]
        scenario["steps"] = scenario["steps"][:2]
        scenario["reporters"] = [{"channel": name} for name in project["channels"]]

    live.change(reporting)
    monkeypatch.setenv("DEAD_URL", "json://127.0.0.1:1/s3cret-t0ken")
    with mail_server() as post:
        monkeypatch.setenv("MAIL_URL", f"{post.url}&to=team@localhost")
        state = run_scenario(live.project, return_state=True, actor="ada", data="monthly:06")
        ((_, mail),) = post.arrived
    assert (state.name, state.message) == ("Failed", "FAILED: Run MES checks")
    assert hook.titles == ["credit_card_fraud, Retrain Model: FAILED at Run MES checks"]
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert page is not None
    for text in (hook.arrived[0]["message"], plain.get_content()):
        assert "ERROR Data Drift < 0.4: data_drift is 0." in text
        assert "maximum 0.4, soft maximum 0.3)" in text
        assert "WARNING Build MES: evaluation" in text
    assert "Data Drift &lt; 0.4" in page.get_content()
    with Session(open_database(settings().database, audit_key=settings().audit_key_bytes)) as session:
        kept = {one.channel: one for one in session.exec(select(Report))}
    assert {name: state_of(one) for name, one in kept.items()} == {
        "team": "sent", "mail": "sent", "dead": "waiting", "unset": "waiting",
    }  # fmt: skip
    assert "Connection refused" in kept["dead"].problem
    assert "s3cret-t0ken" not in kept["dead"].problem
    assert kept["unset"].problem == "UNSET_URL is not set where it was to be sent"
