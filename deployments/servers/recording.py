"""Waiting until what flows did is on record: Prefect sends logs and task runs in the background."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any, Final

from deployments.servers.address import connect

LOOK_EVERY_SECONDS = 0.25
COMPLETE_AFTER_UNCHANGED_SECONDS = 1.5
"""Longer than the second after which the server writes down what has arrived: more would have come by then."""
GIVE_UP_AFTER_UNCHANGED_SECONDS = 3.0
NOTHING_YET_SECONDS = 15.0
"""Patience with a busy server that has a flow run on record and none of its task runs: a flow here is made of tasks."""
SENDING_TIMEOUT_SECONDS = 10.0

FINISHED: Final = {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}}


def send_pending() -> None:
    """Hand over every event and log line that this process still holds; at most a few seconds."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        # It warns how many items it still holds; that is why we wait, and no news for anybody.
        logger = logging.getLogger(worker.__name__)
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            worker.drain_all(timeout=SENDING_TIMEOUT_SECONDS, at_exit=False)
        finally:
            logger.setLevel(level)


def wait_until_recorded(url: str, *, since: datetime, timeout_seconds: float = 30.0) -> int:
    """Wait until the server at ``url`` has recorded the task runs of every flow run that began at ``since`` or later.

    Recorded means that all have ended and that no more arrive. Task runs that a crash cut off never end; they
    are waited for as long as others still change.

    Returns:
        The number of task runs on record.
    """
    flow_runs = {"flow_runs": {"start_time": {"after_": since.isoformat()}}}
    deadline = time.monotonic() + timeout_seconds
    unchanged_since, before = time.monotonic(), (-1, -1)
    with connect(url) as client:

        def count(task_runs: dict[str, Any]) -> int:
            answer = client.post("/task_runs/count", json=flow_runs | {"task_runs": task_runs})
            return int(answer.raise_for_status().json())

        if not client.post("/flow_runs/count", json=flow_runs).raise_for_status().json():
            return 0
        while True:
            now = (count({}), count(FINISHED))
            unchanged_since = unchanged_since if now == before else time.monotonic()
            if time.monotonic() - unchanged_since > _patience(*now) or time.monotonic() > deadline:
                return now[0]
            before = now
            time.sleep(LOOK_EVERY_SECONDS)


def _patience(arrived: int, finished: int) -> float:
    """For how many seconds nothing may change before nothing more is expected."""
    if arrived == 0:
        return NOTHING_YET_SECONDS
    return COMPLETE_AFTER_UNCHANGED_SECONDS if arrived == finished else GIVE_UP_AFTER_UNCHANGED_SECONDS
