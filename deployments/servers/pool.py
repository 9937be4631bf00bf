"""The work pool of driftgate on a Prefect server, and the end of runs in it that nobody performs any more."""

from __future__ import annotations

import os
from typing import Final

from deployments.schedules import POOL, ROOT
from deployments.servers.address import is_healthy
from deployments.triggers.automations import apply
from governance.settings import Settings

DEAD_AFTER_SECONDS: Final = 90
"""Three heartbeats missed: the run and everything that could have reported its end are dead."""

DEAD_RUNS: Final = "Mark dead runs as crashed"
"""Name of the automation; there is one of it however often we start."""

RUNS_AT_ONCE: Final = 4
"""More than this at once make SQLite say that it is locked."""


def uses_sqlite(settings: Settings) -> bool:
    """Whether the record, or what Prefect keeps, is in a file of SQLite, which one writes to at a time."""
    of_prefect = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL") or "sqlite"
    return settings.database.startswith("sqlite") or of_prefect.startswith("sqlite")


def make_pool(settings: Settings) -> None:
    """The work pool, whose runs work in the checkout: the paths in prefect.yaml are relative to it.

    What else a run could choose, the command and its environment, is out of its hands: with them whoever starts one
    could have the token that the worker gives to flows. Where SQLite has to bear it, all workers of the pool together
    run no more at once than one of ours does alone.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    for fixed in ("command", "env", "working_dir"):
        del template["variables"]["properties"][fixed], template["job_configuration"][fixed]
    template["job_configuration"]["working_dir"] = str(ROOT)
    with get_client(sync_client=True) as client:
        client.create_work_pool(
            WorkPoolCreate(
                name=POOL,
                type="process",
                base_job_template=template,
                concurrency_limit=RUNS_AT_ONCE if uses_sqlite(settings) else None,
            ),
            overwrite=True,
        )


def mark_crashed(url: str, why: str) -> None:
    """End the runs of our pool that nobody performs: a worker takes its runs with it and can't say so.

    Called only while our worker is not there. What else may be on record of a run is for the next run to mend.
    """
    if not is_healthy(url):
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    unfinished = filters.FlowRunFilter(
        state=filters.FlowRunFilterState(
            type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
        )
    )
    of_our_pool = filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=unfinished, work_pool_filter=of_our_pool):
            client.set_flow_run_state(run.id, Crashed(message=why))


def mark_dead_runs() -> None:
    """An automation: a run whose process and worker were both killed would be Running for ever; silence makes it Crashed."""
    from datetime import timedelta

    from prefect.automations import AutomationCore, EventTrigger
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import Posture

    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    automation = AutomationCore(
        name=DEAD_RUNS,
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat"} | ends,
            threshold=1,
            within=timedelta(seconds=DEAD_AFTER_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"no sign of life for {DEAD_AFTER_SECONDS} s: the process is dead"
            )
        ],
    )
    with get_client(sync_client=True) as client:
        apply(client, automation)
