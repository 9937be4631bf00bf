"""The monitoring tutorial from beginning to end, as people, the scenario and Prefect's own API see it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.flow_engine import run_flow
from prefect.flows import load_flow_from_entrypoint
from prefect.states import Scheduled
from sqlmodel import select

from deployments.schedules import deploy_scenarios
from deployments.servers.pool import make_pool
from flows.activate import activate
from flows.evaluate import evaluate
from flows.train import train
from governance import registry, signoff
from governance.audit import Actor
from governance.errors import ActivationRefused
from governance.items import item_of
from governance.project_file import load_project
from governance.settings import settings
from governance.tables import CheckResult, ScenarioRun
from governance.vocabulary import FeedbackVerdict, SignOffAction
from tasks import edge

pytestmark = pytest.mark.prefect

STEPS = ["Build MES", "Run MES checks", "Build model"]


@pytest.fixture
def prefect(workplace) -> Iterator[SyncPrefectClient]:
    """Prefect's own API; afterwards it knows no scenario any more."""
    with get_client(sync_client=True) as client:
        make_pool(settings())
        yield client
        deploy_scenarios([])


def test_the_monitoring_tutorial(workplace, prefect):
    the_months_so_far_are(workplace, "04")

    # A first version is trained. Nobody has signed it, so it can't go live.
    first = train(workplace.project, actor="ada")
    assert (first["version"], first["metrics"]["roc_auc"] > 0.8) == (1, True)
    with pytest.raises(ActivationRefused, match="the sign-off is NOT_STARTED"):
        activate(workplace.project, "1", actor="ada")

    # People look at it and approve it; then it becomes active in prod.
    sign(workplace, 1)
    activate(workplace.project, "1", actor="ada")
    assert active_version(workplace) == 1

    # April is judged with it, without labels for input drift and with labels for performance.
    april = evaluate(workplace.project, "mes_for_input_drift", "monthly:04", actor="ada")
    assert (april["version"], april["data"]) == (1, "monthly:04")
    assert 0.4 < april["metrics"]["data_drift"] < 0.7
    truth = evaluate(workplace.project, "mes_for_ground_truth", "monthly:04", actor="ada")
    assert truth["metrics"]["roc_auc"] > 0.8

    # The scenario is a deployment in Prefect that starts by itself, on Mondays at six by the clocks of London.
    assert deploy_scenarios([load_project(workplace.project)]) == ["retrain-model/credit_card_fraud"]
    deployment = prefect.read_deployment_by_name("retrain-model/credit_card_fraud")
    (weekly,) = deployment.schedules
    assert (weekly.active, weekly.parameters) == (True, {"trigger": "schedule"})
    assert (weekly.schedule.cron, weekly.schedule.timezone) == ("0 6 * * 1", "Europe/London")

    # The month of May has come in; on Monday Prefect starts the scenario.
    the_months_so_far_are(workplace, "04", "05")
    started = prefect.create_flow_run_from_deployment(
        deployment.id,
        parameters=weekly.parameters,
        state=Scheduled(scheduled_time=datetime.now(UTC)),
        tags=["auto-scheduled"],
    )
    run_as_a_worker_would(prefect, deployment, started.id)

    # In Prefect the run shows what became of every step, and that its failure was repaired.
    run = prefect.read_flow_run(started.id)
    assert (run.state.name, run.state.message) == (
        "Completed", "SUCCESS after a failure of Run MES checks was reset",
    )  # fmt: skip
    assert {"auto-scheduled", "outcome:success", "outcome:recovered"} <= set(run.tags)
    steps = task_runs(prefect, started.id)
    assert [steps[name].state.name for name in STEPS] == ["Completed", "Failed", "Completed"]
    # 0.5 is "no drift at all": this check always errs, and that is the tutorial's point.
    assert "above the maximum of 0.4" in steps["Run MES checks"].state.message
    assert "version 2" in steps["Build model"].state.message
    shown = artifacts(prefect, started.id)
    assert shown["evaluation-credit-card-fraud-mes-for-input-drift"].startswith("monthly:05: data_drift 0.")
    assert shown["checks-credit-card-fraud-mes-for-input-drift"].startswith("ERROR: data_drift is 0.")
    assert shown["version-credit-card-fraud-authorization"].startswith("Version 2 of authorization: roc_auc 0.")

    # Our own record says the same.
    with workplace.record() as session:
        kept = session.exec(select(ScenarioRun)).one()
        assert (kept.outcome, kept.trigger, kept.flow_run_id) == ("SUCCESS", "schedule", str(started.id))
        check = session.exec(select(CheckResult)).one()
        assert (check.name, check.outcome) == ("Data Drift < 0.4", "ERROR")

    # The new version has learned from May as well. It waits; the first one is active until people have signed.
    assert active_version(workplace) == 1
    with pytest.raises(ActivationRefused):
        activate(workplace.project, "latest", actor="ada")
    assert sign(workplace, 2).manifest["data"]["name"] == "training + monthly:05"
    activate(workplace.project, "2", actor="ada")
    assert active_version(workplace) == 2


def the_months_so_far_are(workplace, *months: str) -> None:
    """The files that have come in."""
    files = workplace.folder / "data"
    if files.is_symlink():
        everything = files.resolve()
        files.rename(workplace.folder / "everything")
        files.mkdir()
        (files / "train_2017_q1.csv").symlink_to(everything / "train_2017_q1.csv")
    for month in months:
        name = f"transactions_prepared_2017_{month}.csv"
        if not (files / name).exists():
            (files / name).symlink_to(workplace.folder / "everything" / name)


def sign(workplace, number: int) -> Any:
    """Feedback is asked for and given, then the final approval; gives the version that they signed."""
    acts = [
        ("ada", SignOffAction.REQUEST_FEEDBACK, {}),
        ("ben", SignOffAction.ADD_FEEDBACK, {"verdict": FeedbackVerdict.APPROVED, "comment": "runs on our machines"}),
        ("dana", SignOffAction.ADD_FEEDBACK, {"verdict": FeedbackVerdict.MINOR_ISSUE, "comment": "explain the drift"}),
        ("ada", SignOffAction.REQUEST_APPROVAL, {}),
        ("hana", SignOffAction.APPROVE, {"comment": "go"}),
    ]
    declared = load_project(workplace.project)
    with edge.transaction() as session:
        model = registry.find_model(session, declared.project, "authorization")
        version = registry.find_version(session, model, number)
        for who, action, details in acts:
            request = signoff.Request(item_of(session, version), action, Actor(who), **details)
            signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
        session.expunge(version)
    return version


def active_version(workplace) -> int:
    """In prod."""
    with edge.reading() as session:
        return edge.find_version(session, load_project(workplace.project), "authorization", "active").number


def run_as_a_worker_would(client: SyncPrefectClient, deployment: Any, flow_run_id: Any) -> None:
    """Load the flow that the deployment names, and perform the run that Prefect has created."""
    flow = load_flow_from_entrypoint(deployment.entrypoint, use_placeholder_flow=False)
    run_flow(flow, flow_run=client.read_flow_run(flow_run_id), return_type="state")


def task_runs(client: SyncPrefectClient, flow_run_id: Any) -> dict[str, Any]:
    """Name: task run, once the steps are recorded, which Prefect does by and by."""
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[flow_run_id]))
    for _ in range(100):
        runs = {run.name: run for run in client.read_task_runs(flow_run_filter=chosen)}
        if all(name in runs and runs[name].state and runs[name].state.is_final() for name in STEPS):
            return runs
        time.sleep(0.1)
    raise AssertionError(f"recorded only {sorted(runs)}")


def artifacts(client: SyncPrefectClient, flow_run_id: Any) -> dict[str, str]:
    """Key: title."""
    of_the_run = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]))
    return {found.key: found.description or "" for found in client.read_artifacts(artifact_filter=of_the_run)}
