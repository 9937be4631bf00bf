"""The tutorial's scenario, as it shows in Prefect and in the record."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
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
from governance.errors import ActivationRefused, NotFound
from governance.items import item_of
from governance.processes import is_alive, this_machine
from governance.registry import find_project
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
STORE = "mes_for_input_drift"


def task_runs(flow_run_id, expected):
    """Name: state, once Prefect has recorded as many as expected; recording is asynchronous."""
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    with get_client(sync_client=True) as client:
        for _ in range(100):
            runs = client.read_task_runs(flow_run_filter=chosen)
            if {r.name for r in runs if r.state and r.state.is_final()} >= set(expected):
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
        train_step = {"name": "Train", "kind": "train", "model": MODEL, "data": "training + monthly:06"}
        activate_step = {
            "name": "Go live", "kind": "activate", "model": MODEL,
            "retries": 2, "retry_delay_seconds": 0, "on_failure": "warn",
        }  # fmt: skip
        project["scenarios"]["retrain-model"]["steps"] = [train_step, activate_step]
        project["models"][MODEL]["same_data"] = "allow"

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


def test_a_run_that_would_begin_beside_another_one_is_skipped_where_the_scenario_says_so(live):
    live.change(lambda p: p["scenarios"]["retrain-model"].update(collision="skip"))
    with edge.transaction() as session:
        session.get_one(ScenarioRun, _dead_run(session)).process_id = os.getpid()
    state, ended = run(live, data="monthly:04")
    assert (state.name, ended["run"], ended["steps"]) == ("Cancelled", None, [])
    assert state.message.startswith("another run goes on: ")
    with live.record() as session:
        assert len(session.exec(select(ScenarioRun)).all()) == 1
        skipped = session.exec(select(AuditEvent).where(AuditEvent.tag == "scenario:skipped")).one()
        assert (skipped.actor, skipped.after["trigger"], skipped.after["missed"]) == ("ada", "manual", None)
        assert skipped.after["reason"] == state.message


def test_a_run_waits_for_the_other_one_of_its_scenario_to_end(live):
    live.change(without_work)
    with edge.transaction() as session:
        other = session.get_one(ScenarioRun, _dead_run(session))
        other.process_id = os.getpid()

    def end_the_other():
        time.sleep(1)
        with edge.transaction() as session:
            scenario_runs.close_run(session, other, ScenarioOutcome.SUCCESS, actor=Actor("ada"), at=edge.now())

    ending = threading.Thread(target=end_the_other)
    ending.start()
    _, ended = run(live)
    ending.join()
    assert ended["outcome"] == "SUCCESS"
    with live.record() as session:
        before, after = session.exec(select(ScenarioRun).order_by(ScenarioRun.id))
        assert before.ended_at <= after.started_at


def test_a_run_that_was_ended_from_outside_does_nothing_more(live, monkeypatch):
    def opened_and_aborted(*details):
        opened = open_run(*details)
        with edge.transaction() as session:
            begun = session.get_one(ScenarioRun, opened.id)
            scenario_runs.abort_run(session, begun, reason="it hangs", actor=Actor("ada"), at=edge.now())
        return opened

    monkeypatch.setattr("flows.scenario.open_run", opened_and_aborted)
    state, ended = run(live, data="monthly:04")
    assert (state.name, state.message) == ("Cancelled", "ABORTED: it hangs")
    assert (ended["outcome"], ended["steps"]) == ("ABORTED", [])
    with live.record() as session:
        assert session.exec(select(Evaluation)).all() == session.exec(select(StepRun)).all() == []
        assert session.exec(select(ScenarioRun)).one().reason == "it hangs"


@pytest.mark.timeout(120, method="thread")  # the step's own limit needs the signal that pytest would take
def test_a_step_that_takes_longer_than_it_may_fails_and_the_next_one_runs(live):
    def hanging(project):
        project["scenarios"]["retrain-model"]["steps"] = [
            {"name": "Wait", "kind": "python", "function": "waiting.py:wait", "timeout_seconds": 0.5},
            {"name": "Tell", "kind": "python", "function": "waiting.py:tell", "run_if": "always"},
        ]

    (live.folder / "waiting.py").write_text("import time\ndef wait(): time.sleep(60)\ndef tell(): return 1\n")
    live.change(hanging)
    begun = time.monotonic()
    state, ended = run(live)
    assert time.monotonic() - begun < 50
    assert state.name == "Failed"
    assert [(step["outcome"], step["message"]) for step in ended["steps"]] == [
        ("FAILED", "took longer than 0.5 s"),
        ("SUCCESS", "waiting.py:tell was called"),
    ]


def test_steps_know_what_the_run_was_given_and_what_steps_before_them_made(live):
    def telling(project):
        project["scenarios"]["retrain-model"] |= {
            "variables": {"rows": 10, "month": "May"},
            "steps": [
                {"name": "First", "kind": "python", "function": "telling.py:double", "arguments": {"n": "${variables.rows}"}},
                {"name": "Then", "kind": "python", "function": "telling.py:double", "arguments": {"n": "${steps.First.result.value}"},
                 "run_if": {"condition": "steps.First.result.value > 20 and parameters.rows == 20"}},
                {"name": "Never", "kind": "python", "function": "telling.py:double", "arguments": {"n": 1},
                 "run_if": {"condition": "variables.month != 'May' or trigger == 'schedule'"}},
                {"name": "Wrong", "kind": "python", "function": "telling.py:double", "arguments": {"n": 1}, "retries": 3,
                 "on_failure": "warn", "run_if": {"condition": "steps.First.result.valeu > 1"}},
            ],
        }  # fmt: skip

    (live.folder / "telling.py").write_text("def double(n: int): return 2 * n\n")
    live.change(telling)
    _, ended = run(live, parameters={"rows": 20})
    assert [step["outcome"] for step in ended["steps"]] == ["SUCCESS", "SUCCESS", "SKIPPED", "WARNING"]
    with live.record() as session:
        kept = session.exec(select(ScenarioRun)).one()
        results = [step.result for step in scenario_runs.steps_of(session, kept)]
        assert kept.parameters == {"rows": 20}
    assert results[:3] == [{"value": 40}, {"value": 80}, {}]
    assert results[3] == {"error": "ExpressionError"}


def test_another_scenario_is_run_as_a_run_of_its_own(live):
    live.change(without_work)

    def around(project):
        without_work(project)
        project["scenarios"]["all"] = {
            "name": "All",
            "steps": [{"name": "Retrain", "kind": "run_scenario", "scenario": "retrain-model"}],
        }

    live.change(around)
    _, ended = run(live, scenario="all")
    assert ended["outcome"] == "SUCCESS"
    with live.record() as session:
        outer, inner = session.exec(select(ScenarioRun).order_by(ScenarioRun.id))
        assert (inner.scenario, inner.trigger, inner.outcome) == ("retrain-model", "run_scenario all", "SUCCESS")
        assert scenario_runs.effect_of(session, outer.id, 0)["run"] == inner.id


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


def without_work(project):
    """The scenario as one step that does nothing."""
    project["scenarios"]["retrain-model"]["steps"] = [
        {"name": "Rest", "kind": "run_checks", "store": STORE, "run_if": "never"}
    ]


def _dead_run(session):
    """A run of this project whose process is no more."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    return scenario_runs.open_run(
        session, find_project(session, "credit_card_fraud"), "retrain-model", trigger="manual", parameters={},
        host=this_machine(), process_id=gone.pid, is_alive=is_alive, actor=Actor("ada"), at=edge.now(),
    ).id  # fmt: skip
