"""``driftgate channel``: what there is, whether it works, and what became of reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import select

from governance import registry, reports
from governance.project_file import load_project
from governance.tables import ProjectRow, ScenarioRun
from governance.vocabulary import ScenarioOutcome
from tasks import edge
from tests.deployments.cli.conftest import PROJECT
from tests.governance.http_receiver import http_receiver
from tests.workplace import Driftgate

CHANNELS = """\
channels:
  team: {url_variable: TEAM_URL}
  spare: {url_variable: SPARE_URL}
"""
SECRET = "s3cret-t0ken"


@pytest.fixture
def channels(project: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The project has two channels, and a scenario that reports to one."""
    declared = PROJECT.replace("    name: Retrain\n", "    name: Retrain\n    reporters: [{channel: team}]\n")
    project.write_text(declared + CHANNELS)
    return monkeypatch


def test_channels_are_listed_with_their_services_and_without_their_secrets(
    driftgate: Driftgate, channels: pytest.MonkeyPatch
) -> None:
    channels.setenv("TEAM_URL", f"slack://{SECRET}/{SECRET}")
    listed = driftgate("channel", "list", "--json").document["channels"]
    assert listed == [
        {"channel": "team", "url_variable": "TEAM_URL", "service": "slack", "used_by": ["retrain"]},
        {"channel": "spare", "url_variable": "SPARE_URL", "service": "", "used_by": []},
    ]
    shown = driftgate("channel", "list").words
    assert "SPARE_URL not set here" in shown
    channels.setenv("TEAM_URL", SECRET)
    assert SECRET not in shown + driftgate("channel", "list").words


def test_a_project_without_channels_is_told_how_to_have_some(driftgate: Driftgate, project: Path) -> None:
    assert "declare them under channels" in driftgate("channel", "list").words


def test_a_test_message_arrives(driftgate: Driftgate, channels: pytest.MonkeyPatch) -> None:
    with http_receiver() as hook:
        channels.setenv("TEAM_URL", hook.url)
        done = driftgate("channel", "test", "team")
    assert (done.code, hook.titles) == (0, ["loans: test of channel team"])
    assert "has taken it" in done.words


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "TEAM_URL is not set; put the URL of the service into it"),
        (f"json://127.0.0.1:1/{SECRET}", "Connection refused"),
        (f"nonsense://{SECRET}", "TEAM_URL holds no address that Apprise understands"),
    ],
)
def test_a_test_message_that_is_not_taken_fails_with_the_reason(
    driftgate: Driftgate, channels: pytest.MonkeyPatch, url: str | None, reason: str
) -> None:
    if url:
        channels.setenv("TEAM_URL", url)
    done = driftgate("channel", "test", "team")
    assert done.code == 1
    assert reason in done.words
    assert SECRET not in done.words


def test_an_unknown_channel_is_refused_with_the_known_ones(driftgate: Driftgate, channels: pytest.MonkeyPatch) -> None:
    done = driftgate("channel", "test", "taem")
    assert done.code == 2
    assert "known: spare, team" in done.words


def test_reports_are_listed_with_what_became_of_them(
    driftgate: Driftgate, channels: pytest.MonkeyPatch, project: Path
) -> None:
    assert driftgate("channel", "reports", "--json").document == {"project": "loans", "reports": []}
    declared, at = load_project(project), edge.now()
    with edge.transaction() as session:
        row: ProjectRow = registry.register_project(session, declared, actor=edge.acting("ada"), at=at)
        run = ScenarioRun(
            project_id=row.id or 0, scenario="retrain", trigger="manual", parameters={}, host="here", process_id=1,
            outcome=ScenarioOutcome.FAILED, started_by="ada", started_at=at, ended_at=at,
        )  # fmt: skip
        session.add(run)
        session.flush()
        reports.add_message(session, "team", "TEAM_URL", "loans: FAILED", "why", "", run.id, at)
    (waiting,) = driftgate("channel", "reports", "--json").document["reports"]
    assert (waiting["subject"], waiting["state"], waiting["attempts"]) == ("loans: FAILED", "waiting", 0)
    edge.send_reports(within=5, round_seconds=5)
    shown = driftgate("channel", "reports", "--state", "waiting").words
    assert "TEAM_URL is not set where it was to be sent" in shown
    assert driftgate("channel", "reports", "--state", "sent", "--json").document["reports"] == []
    refused = driftgate("channel", "reports", "--state", "lost")
    assert refused.code == 2
    assert "name one of sent, waiting, kept" in refused.words
    with edge.reading() as session:
        assert session.exec(select(ScenarioRun)).one().outcome is ScenarioOutcome.FAILED
