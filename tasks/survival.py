"""Signs of life of runs, and the end of those that show none."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from prefect.client.schemas.objects import State, StateType
from sqlalchemy.exc import SQLAlchemyError

from governance import scenario_runs
from governance.audit import SYSTEM
from governance.errors import DriftgateError
from governance.processes import is_alive, this_machine
from governance.vocabulary import SCHEDULE, Actor, ReportAt, ScenarioOutcome
from tasks import edge
from tasks.report import report_run

if TYPE_CHECKING:
    from governance.tables import ScenarioRun

BEAT_SECONDS: Final = 15.0
"""From one sign of life to the next."""

DEAD_AFTER_SECONDS: Final = 90.0
"""Without a sign of life for so long, a run is dead: six were missed."""

HANGING_AFTER_SECONDS: Final = 900.0
"""The same where its process is still seen on this machine: then it may only be the database that it can't write to."""

_LOG: Final = logging.getLogger("driftgate.survival")


class SignsOfLife:
    """What somebody who watches runs has seen of them, and when, by a clock of their own that nobody sets.

    The times in the record are by the clocks of other machines, and clocks are set forward and back. So only whether a
    sign of life is another than before counts, and for how long it has been the same here.

    Args:
        clock: Seconds that only grow.

    Example:
        >>> seconds = iter([0.0, 60.0, 91.0, 92.0])
        >>> watcher, noon = SignsOfLife(lambda: next(seconds)), datetime(2017, 6, 1, 12)
        >>> [watcher.silent_seconds(7, noon) for _ in range(3)]
        [0.0, 60.0, 91.0]
        >>> watcher.silent_seconds(7, noon.replace(hour=3))
        0.0
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[int, tuple[datetime | None, float]] = {}

    def silent_seconds(self, run: int, beat_at: datetime | None) -> float:
        """For how long the last sign of life of a run has been the same, as far as this watcher has seen."""
        now = self._clock()
        last, since = self._seen.get(run, (beat_at, now))
        if last != beat_at:
            since = now
        self._seen[run] = (beat_at, since)
        return now - since

    def forget_all_but(self, runs: set[int]) -> None:
        """Keep nothing of runs that have ended."""
        self._seen = {run: seen for run, seen in self._seen.items() if run in runs}


def abort_dead_runs(watcher: SignsOfLife, *, project: str | None = None, scenario: str | None = None) -> list[int]:
    """End the runs that nobody performs any more as ``ABORTED``, with the reason, in the record and in Prefect.

    One whose process on this machine is gone is dead at once; any other when it has shown no sign of life for
    :data:`DEAD_AFTER_SECONDS` while this watcher looked. Should it live after all, it does nothing more: what it wants
    to record is refused.

    Args:
        watcher: Kept by the caller from one look to the next.
        project: Whose runs only.
        scenario: Of that project; which runs only.

    Returns:
        Numbers of the runs that were ended.
    """
    with edge.reading() as session:
        going_on = scenario_runs.runs_going_on(session, project, scenario)
    if project is None:
        watcher.forget_all_but({run.id for run in going_on if run.id is not None})
    dead = [(run, why) for run in going_on if (why := why_dead(run, watcher))]
    return [run.id for run, why in dead if run.id is not None and _end_dead(run, why)]


def why_dead(run: ScenarioRun, watcher: SignsOfLife) -> str:
    """Why a run can't go on, in a clause; empty when it may still."""
    gone = scenario_runs.why_gone(run, this_machine(), is_alive, at=edge.now())
    if gone or run.id is None:
        return gone
    silent = watcher.silent_seconds(run.id, run.beat_at)
    seen = run.host == this_machine() and is_alive(run.process_id, since=run.beat_at or run.started_at)
    if silent < (HANGING_AFTER_SECONDS if seen else DEAD_AFTER_SECONDS):
        return ""
    return f"process {run.process_id} on {run.host} showed no sign of life for {silent:.0f} s"


def _end_dead(run: ScenarioRun, why: str) -> bool:
    """Whether it was ended: one that has just shown that it lives is left alone."""
    try:
        with edge.transaction() as session:
            found = scenario_runs.hold_run(session, run.id or 0)
            if found.beat_at != run.beat_at:
                return False
            scenario_runs.abort_run(session, found, reason=why, actor=SYSTEM, at=edge.now())
    except (DriftgateError, SQLAlchemyError) as problem:  # another watcher was first, or the database is busy
        _LOG.info("run %s was not ended: %s", run.id, problem)
        return False
    _LOG.warning("run %s of %s ended as ABORTED: %s", run.id, run.scenario, why)
    _set_in_prefect(run.flow_run_id, StateType.CRASHED, why)
    report_run(run.id or 0, ReportAt.END)
    return True


def abort_by_hand(run: ScenarioRun, reason: str, actor: Actor) -> None:
    """End a run because somebody says so; its process stops at the next step at the latest.

    Raises:
        NotAllowed: they may not write there.
        ChangedMeanwhile: it has ended already.
    """
    gone = _is_gone(run)
    said = f"{actor.name} aborted it" + (f": {reason}" if reason else "")
    with edge.transaction() as session:
        scenario_runs.abort_run(session, run, reason=said, actor=actor, at=edge.now())
    # A worker that performs the run stops its process; elsewhere it stops by itself at its next step.
    _set_in_prefect(run.flow_run_id, StateType.CRASHED if gone else StateType.CANCELLING, said)
    report_run(run.id or 0, ReportAt.END)


def tell_prefect_of_last(project: str, scenario: str) -> None:
    """Let Prefect know how the last run of a scenario ended, where its process died before it could say so."""
    with edge.reading() as session:
        runs = scenario_runs.last_runs(session, project, scenario, limit=1)
    if not runs or runs[0].outcome is None or not _is_gone(runs[0]):
        return
    outcome = runs[0].outcome
    _set_in_prefect(runs[0].flow_run_id, _STATES[outcome], f"{outcome}: its process ended before it could say so")


def _is_gone(run: ScenarioRun) -> bool:
    return bool(scenario_runs.why_gone(run, this_machine(), is_alive, at=edge.now()))


_STATES: Final[Mapping[ScenarioOutcome, StateType]] = {
    ScenarioOutcome.SUCCESS: StateType.COMPLETED,
    ScenarioOutcome.WARNING: StateType.COMPLETED,
    ScenarioOutcome.FAILED: StateType.FAILED,
    ScenarioOutcome.ABORTED: StateType.CRASHED,
}
"""How a run whose process is gone ends in Prefect, by how it ended in the record."""


def _set_in_prefect(flow_run_id: str | None, state: StateType, why: str) -> None:
    """Let Prefect know that a run has ended in the record, if its server is there; what it knows already stays.

    Only what it took for a crash is put right. Nobody waits long: Prefect's own automation ends dead runs too. Whatever
    Prefect answers, the end is on record, and nothing fails for it.
    """
    if flow_run_id is None or not os.environ.get("PREFECT_API_URL"):
        return  # without an address, Prefect would start a server of its own
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with (
            temporary_settings({PREFECT_API_REQUEST_TIMEOUT: 5, PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(sync_client=True) as client,
        ):
            known = client.read_flow_run(UUID(flow_run_id)).state
            crashed = known is not None and known.is_crashed() and state is not StateType.CRASHED
            if known is None or crashed or not known.is_final():
                client.set_flow_run_state(UUID(flow_run_id), State(type=state, message=why), force=crashed)
    except edge.TookTooLong:
        raise
    except Exception as problem:
        _LOG.info("Prefect was not told of the end of flow run %s: %s", flow_run_id, problem)


@contextmanager
def showing_life(run: int, *, every_seconds: float | None = None) -> Iterator[None]:
    """While the block goes on, a thread keeps in the record that this process lives.

    It also looks whether the run was cancelled in Prefect, which stops nothing where no worker performs it: then the
    run is ended in the record, and stops at its next step. A database that is away or locked is asked again; nothing of
    this ever ends a run.

    Args:
        run: Its number.
        every_seconds: From one sign of life to the next; default: :data:`BEAT_SECONDS`.
    """
    from prefect.runtime import flow_run

    over, flow_run_id = threading.Event(), flow_run.id

    def show() -> None:
        while not over.wait(BEAT_SECONDS if every_seconds is None else every_seconds):
            try:
                with edge.transaction() as session:
                    if not scenario_runs.beat(session, run, at=edge.now()):
                        return
                if _is_cancelled(flow_run_id):
                    _end_cancelled(run)
            except Exception as problem:  # without signs of life, a run that lives would be taken for dead
                _LOG.warning("the sign of life of run %s could not be kept, it is tried again: %s", run, problem)

    thread = threading.Thread(target=show, name=f"signs of life of run {run}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=1.0)  # it may wait for a lock; then it ends by itself


def _is_cancelled(flow_run_id: str | None) -> bool:
    if flow_run_id is None:
        return False
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException

    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(UUID(flow_run_id)).state
    except (HTTPError, PrefectException) as problem:
        _LOG.info("Prefect was not asked whether it cancelled flow run %s: %s", flow_run_id, problem)
        return False
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def _end_cancelled(run: int) -> None:
    with edge.transaction() as session:
        found = scenario_runs.hold_run(session, run)
        scenario_runs.abort_run(session, found, reason="it was cancelled in Prefect", actor=SYSTEM, at=edge.now())
    report_run(run, ReportAt.END)


def later_is_due(due: datetime, now: datetime) -> bool:
    """Whether a later time of the same schedule has come already, and has a Prefect run of its own."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import filters
    from prefect.runtime import deployment

    if deployment.id is None:
        return False
    of_this = filters.FlowRunFilter(
        deployment_id=filters.FlowRunFilterDeploymentId(any_=[deployment.id]),
        expected_start_time=filters.FlowRunFilterExpectedStartTime(after_=due, before_=now),
    )
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=of_this)
    later = (run for run in runs if run.expected_start_time is not None and run.expected_start_time > due)
    return any(
        run.parameters.get("trigger") == SCHEDULE and run.state is not None and not run.state.is_cancelled()
        for run in later
    )
