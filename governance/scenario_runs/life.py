"""Signs of life of a run."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlmodel import Session, col, update

from governance.tables import ScenarioRun


class IsAlive(Protocol):
    """Tells whether a process of this machine still runs; see :func:`governance.processes.is_alive`."""

    def __call__(self, process_id: int, *, since: datetime) -> bool:
        """Whether the process of that number, which ran at ``since``, still does."""


def beat(session: Session, run: int, *, at: datetime) -> bool:
    """Keep that the process of a run still lives; whether the run goes on, or was ended from outside.

    Nothing of this is in the audit trail: it says nothing that anybody did.

    Args:
        session: Of the sign of life alone.
        run: Number of the run.
        at: When, by the clock of the process.
    """
    kept = session.exec(
        update(ScenarioRun).where(col(ScenarioRun.id) == run, col(ScenarioRun.outcome).is_(None)).values(beat_at=at)
    )
    return kept.rowcount == 1


def why_gone(run: ScenarioRun, host: str, is_alive: IsAlive, *, at: datetime) -> str:
    """Why a run of this machine can't go on, in a clause; empty when it may, or when that can't be known at once.

    Only whether there is a process of that number is asked, not since when it runs: by a clock that was set forward
    meanwhile, it would seem to have begun after the run. A later process that got the same number gives no signs of
    life, and is found out by that.
    """
    if run.host == host and not is_alive(run.process_id, since=at):
        return f"process {run.process_id} on {run.host} ended without ending the run"
    return ""
