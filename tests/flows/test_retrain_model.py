"""The tutorial's scenario, as it shows in Prefect and in the record."""

from __future__ import annotations

import time

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from sqlmodel import select

from flows.activate import activate
from flows.scenario import run_scenario
from flows.train import train
from governance import scenario_runs, signoff
from governance.audit import Actor
from governance.errors import ActivationRefused, ChangedMeanwhile, NotFound
from governance.items import item_of
from governance.settings import settings
from governance.tables import (
    ActiveVersion,
    AuditEvent,
    CheckResult,
    EnvironmentRow,
    Evaluation,
    ModelVersion,
    ScenarioRun,
    SignOff,
    StepRun,
)
from governance.vocabulary import ScenarioOutcome, SignOffAction
from tasks import edge
from tasks.scenario import mark_aborted, open_run

pytestmark = pytest.mark.prefect

MODEL = "authorization"


def task_runs(flow_run_id, expected):
    """Name: state, once Prefect has recorded as many as expected; recording is asynchronous."""
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        for _ in range(100):
            runs = client.read_task_runs(flow_run_filter=chosen)
            if {r.name for r in runs if r.state.is_final()} >= set(expected):
                return {r.name: r for r in runs}
            time.sleep(0.1)
    raise AssertionError(f"recorded only {[(r.name, r.state_name) for r in runs]}")


def run(workplace, **parameters):
    state = run_scenario(workplace.project, return_state=True, actor="ada", **parameters)
    return state, state.result(raise_on_failure=False)


def test_a_failed_check_stays_failed_and_the_run_that_repaired_it_ends_completed(live):
    state, ended = run(live, data="monthly:06")

    assert ended["outcome"] == "SUCCESS"
    assert [(s["name"], s["outcome"]) for s in ended["steps"]] == [
        ("Build MES", "WARNING"),  # June brings a reward program that training never saw
        ("Run MES checks", "FAILED"),
        ("Build model", "SUCCESS"),
    ]
    assert (state.name, state.message) == ("Completed", "SUCCESS after a failure of Run MES checks was reset")
    flow_run_id = state.state_details.flow_run_id
    seen = task_runs(flow_run_id, ["Build MES", "Run MES checks", "Build model"])
    assert {name: seen[name].state_name for name in ("Build MES", "Run MES checks", "Build model")} == {
        "Build MES": "Warning",
        "Run MES checks": "Failed",
        "Build model": "Completed",
    }
    assert "above the maximum of 0.4" in seen["Run MES checks"].state.message
    with get_client(sync_client=True) as client:
        shown = client.read_flow_run(flow_run_id)
        assert set(shown.tags) >= {"outcome:success", "outcome:recovered"}
        artifacts = client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
        )
    titles = {artifact.key: artifact.description for artifact in artifacts}
    assert titles["evaluation-credit-card-fraud-mes-for-input-drift"].startswith("monthly:06: data_drift 0.")
    assert titles["checks-credit-card-fraud-mes-for-input-drift"].startswith("ERROR: data_drift is 0.")
    assert titles["version-credit-card-fraud-authorization"].startswith("Version 2 of authorization: roc_auc 0.")

    with live.record() as session:
        kept = session.exec(select(ScenarioRun)).one()
        assert (kept.outcome, kept.flow_run_id, kept.started_by) == ("SUCCESS", str(flow_run_id), "ada")
        assert [step.outcome for step in scenario_runs.steps_of(session, kept)] == ["WARNING", "FAILED", "SUCCESS"]
        check = session.exec(select(CheckResult)).one()
        assert (check.outcome, check.bounds) == ("ERROR", {"soft_maximum": 0.3, "maximum": 0.4})
        assert check.value == pytest.approx(0.5, abs=0.15)
        second = session.exec(select(ModelVersion).where(ModelVersion.number == 2)).one()
        assert second.manifest["data"]["name"] == "training + monthly:06"
        assert session.get(SignOff, item_of(session, second).id).status == "NOT_STARTED"
        assert session.exec(select(ActiveVersion)).one().version_id != second.id


def test_the_new_version_can_not_activate_itself(live):
    run(live, data="monthly:06")
    with pytest.raises(ActivationRefused, match="the sign-off is NOT_STARTED"):
        activate(live.project, "latest", actor="ada")
    with live.record() as session:
        assert (
            session.exec(select(AuditEvent).where(AuditEvent.tag == "version:activation_refused")).one().actor == "ada"
        )


def test_a_refusal_leaves_on_record_the_rules_it_rests_on(live):
    with edge.transaction() as session:
        version = session.exec(select(ModelVersion)).one()
        request = signoff.Request(item_of(session, version), SignOffAction.RESET, Actor("ada"))
        signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
    live.change(lambda p: p["environments"]["dev"].update(policy="prevent"))
    with pytest.raises(ActivationRefused):
        activate(live.project, "1", "dev", actor="ada")
    with live.record() as session:
        assert session.exec(select(EnvironmentRow).where(EnvironmentRow.name == "dev")).one().policy == "prevent"
        tags = [event.tag for event in session.exec(select(AuditEvent).order_by(AuditEvent.id))]
    assert tags[-2:] == ["project:changed", "version:activation_refused"]


def test_a_step_that_does_not_run_shows_as_skipped_with_its_reason(live):
    live.change(lambda p: p["stores"]["mes_for_input_drift"]["checks"][0].update(soft_maximum=0.9, maximum=0.95))
    state, ended = run(live, data="monthly:04")
    assert [s["outcome"] for s in ended["steps"]] == ["SUCCESS", "SUCCESS", "SKIPPED"]
    skipped = task_runs(state.state_details.flow_run_id, ["Build model"])["Build model"]
    assert (skipped.state_name, skipped.state.type.value) == ("Skipped", "COMPLETED")
    assert skipped.state.message == "runs if some prior failed; the outcome so far was SUCCESS"


def test_a_failed_step_is_tried_again_as_often_as_it_says_and_can_count_as_a_warning(live):
    def unsigned(project):
        train_step = {"name": "Train", "kind": "train", "model": MODEL}
        activate_step = {
            "name": "Go live", "kind": "activate", "model": MODEL,
            "retries": 2, "retry_delay_seconds": 0, "on_failure": "warn",
        }  # fmt: skip
        project["scenarios"]["retrain-model"]["steps"] = [train_step, activate_step]

    live.change(unsigned)
    state, ended = run(live)
    assert (ended["outcome"], [s["outcome"] for s in ended["steps"]]) == ("WARNING", ["SUCCESS", "WARNING"])
    assert state.name == "Completed"
    go_live = task_runs(state.state_details.flow_run_id, ["Go live"])["Go live"]
    assert (go_live.run_count, go_live.state_name) == (3, "Warning")
    assert "may not become active in 'prod'" in go_live.state.message
    with live.record() as session:
        assert len(session.exec(select(StepRun)).all()) == 2


def test_a_failure_that_nothing_resets_fails_the_run_and_later_steps_are_skipped(live):
    def failing(project):
        project["scenarios"]["retrain-model"]["steps"] = [
            {"name": "Go live", "kind": "activate", "model": MODEL, "version": "7"},
            {"name": "Ask", "kind": "request_sign_off", "model": MODEL},
            {"name": "Ask anyway", "kind": "request_sign_off", "model": MODEL, "run_if": {"outcome_is": ["FAILED"]}},
        ]

    train(live.project, actor="ada")
    live.change(failing)
    state, ended = run(live)
    assert (state.name, state.message) == ("Failed", "FAILED: Go live")
    assert [s["outcome"] for s in ended["steps"]] == ["FAILED", "SKIPPED", "SUCCESS"]
    assert ended["steps"][2]["message"] == "version 2 is WAITING_FOR_FEEDBACK"


def test_a_scenario_runs_once_at_a_time_and_a_dead_run_is_closed_as_aborted(live):
    with edge.transaction() as session:
        project = session.get_one(ScenarioRun, _dead_run(session)).project_id
    _, ended = run(live, data="monthly:04")
    assert ended["outcome"] == "SUCCESS"
    with live.record() as session:
        dead, done = session.exec(select(ScenarioRun).where(ScenarioRun.project_id == project).order_by(ScenarioRun.id))
        assert (dead.outcome, done.outcome) == (ScenarioOutcome.ABORTED, ScenarioOutcome.SUCCESS)
        assert "ended without ending the run" in dead.reason


def test_a_run_that_still_goes_on_is_not_run_beside(live):
    import os

    with edge.transaction() as session:
        session.get_one(ScenarioRun, _dead_run(session)).process_id = os.getpid()
    _, refused = run(live, data="monthly:04")
    assert isinstance(refused, ChangedMeanwhile)


def test_a_run_that_was_ended_from_outside_does_nothing_more(live, monkeypatch):
    from governance.audit import Actor

    def opened_and_aborted(*details):
        opened = open_run(*details)
        with edge.transaction() as session:
            begun = session.get_one(ScenarioRun, opened.id)
            scenario_runs.abort_run(session, begun, reason="it hangs", actor=Actor("ada"), at=edge.now())
        return opened

    monkeypatch.setattr("flows.scenario.open_run", opened_and_aborted)
    _, refused = run(live, data="monthly:04")
    assert isinstance(refused, ChangedMeanwhile)
    assert "ended ABORTED because it hangs" in str(refused)
    with live.record() as session:
        assert session.exec(select(Evaluation)).all() == session.exec(select(StepRun)).all() == []


def test_cancelling_in_prefect_closes_the_run_in_the_record(live):
    with edge.transaction() as session:
        number = _dead_run(session)
        session.get_one(ScenarioRun, number).flow_run_id = "5f3e"

    class Run:
        id = "5f3e"

    class Cancelled:
        name, message = "Cancelled", "by the operator"

    mark_aborted(run_scenario, Run, Cancelled)
    with live.record() as session:
        kept = session.get_one(ScenarioRun, number)
        assert (kept.outcome, kept.reason) == ("ABORTED", "run-scenario cancelled: by the operator")


def test_an_unknown_scenario_is_refused_with_the_names_there_are(live):
    with pytest.raises(NotFound, match="known: retrain-model"):
        run_scenario(live.project, "retrain")


def _dead_run(session):
    """A run of this project whose process is no more."""
    import platform
    import subprocess
    import sys

    from governance.audit import Actor
    from governance.processes import is_alive
    from governance.registry import find_project

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return scenario_runs.open_run(
        session, find_project(session, "credit_card_fraud"), "retrain-model", trigger="manual", parameters={},
        host=platform.node(), process_id=gone.pid, is_alive=is_alive, actor=Actor("ada"), at=edge.now(),
    ).id  # fmt: skip
