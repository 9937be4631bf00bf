"""The watcher: everything that has to be looked at again and again, each in its own time."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from deployments.triggers.after_scenario import ScenarioLookout
from deployments.triggers.approvals import KEY as APPROVALS
from deployments.triggers.approvals import ApprovalWatch
from deployments.triggers.dataset_change import DatasetLookout
from deployments.triggers.sql_change import QueryLookout
from deployments.triggers.watched import Say, TriggerWatch, Watched
from governance.errors import ChangedMeanwhile, DriftgateError
from governance.project_file import AfterScenario, AnyTrigger, DatasetChange, Project

if TYPE_CHECKING:
    from deployments.triggers.sight import Lookout

LOG: Final = logging.getLogger("driftgate.triggers")

APPROVALS_EVERY_SECONDS: Final = 5.0
DEAD_RUNS_EVERY_SECONDS: Final = 5.0
REPORTS_EVERY_SECONDS: Final = 60.0

_LEAVE_WITHIN_SECONDS: Final = 5.0
_TOLD: Final = 20
"""Causes that one chore remembers having told."""


class Chore:
    """Something that is done again and again, in a thread of its own: one that hangs holds up nobody else.

    Whatever fails is told once for each cause, and tried again; when it works again, that is told too.

    Args:
        name: As people are told of it.
        every_seconds: From the end of one time to the beginning of the next.
        work: What is done.
        say: Is told what fails.
    """

    def __init__(self, name: str, every_seconds: float, work: Callable[[], object], say: Say) -> None:
        self._name, self._every, self._work, self._say = name, every_seconds, work, say
        self._due = time.monotonic()
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def begin_if_due(self) -> None:
        """Begin, unless it is not time yet or the last time has not ended."""
        if self._thread is not None and self._thread.is_alive():
            return
        if time.monotonic() >= self._due:
            self._thread = threading.Thread(target=self.do, name=self._name, daemon=True)
            self._thread.start()

    def do(self) -> None:
        """Do it once."""
        try:
            self._work()
        except ChangedMeanwhile:
            LOG.debug("%s: another watcher of the same record was first; it is looked at next time", self._name)
        except DriftgateError as refusal:
            self._complain(str(refusal))
        except Exception as error:  # whatever it is, it must not end the watcher
            self._complain(f"{type(error).__name__}: {' '.join(str(getattr(error, 'orig', None) or error).split())}")
        else:
            if self._told:
                self._told.clear()
                self._say(f"{self._name}: works again")
        finally:
            self._due = time.monotonic() + self._every

    def wait(self, seconds: float) -> None:
        """Wait for what goes on."""
        if self._thread is not None:
            self._thread.join(max(seconds, 0))

    def _complain(self, cause: str) -> None:
        kind = re.sub(r"\d+", "#", cause)  # milliseconds and ports are others every time, and the cause the same
        if kind not in self._told and len(self._told) < _TOLD:
            self._told.add(kind)
            LOG.warning("%s: %s", self._name, cause)
            self._say(f"{self._name}: {cause}")


def watch(projects: Sequence[Project], stop: threading.Event, say: Say, *, secret: str | None = None) -> None:
    """Watch until told to stop. Nothing that fails ends it.

    Needs DRIFTGATE_HOME and PREFECT_API_URL in force, and the deployments of the projects.

    Args:
        projects: Whose triggers and approvals are watched. Their files are not read again.
        stop: Set from another thread, or by a signal.
        say: Is told, from several threads, what was started and what fails.
        secret: By what it is known who makes a project known to the record; none: by the settings.
    """
    chores = [*housekeeping(say), *(chore for project in projects for chore in chores_of(project, say, secret))]
    while not stop.wait(0.25):
        for chore in chores:
            chore.begin_if_due()
    deadline = time.monotonic() + _LEAVE_WITHIN_SECONDS
    for chore in chores:
        chore.wait(deadline - time.monotonic())


def chores_of(project: Project, say: Say, secret: str | None = None) -> list[Chore]:
    """What is done for a project: every trigger of every scenario, and its approvals."""
    lookouts = [
        (name, lookout_for(project, trigger))
        for name, scenario in project.scenarios.items()
        for trigger in scenario.triggers
    ]
    kept = {("", APPROVALS), *((name, lookout.key) for name, lookout in lookouts)}
    watched = Watched(project, secret, kept)
    chores = [
        Chore(
            f"{project.project}/{name}, {lookout.label}",
            lookout.every_seconds,
            TriggerWatch(watched, name, lookout, say),
            say,
        )
        for name, lookout in lookouts
    ]
    approvals = ApprovalWatch(watched, say)
    return [*chores, Chore(f"{project.project}, approvals", APPROVALS_EVERY_SECONDS, approvals, say)]


def lookout_for(project: Project, trigger: AnyTrigger) -> Lookout:
    """What looks for a trigger."""
    if isinstance(trigger, DatasetChange):
        return DatasetLookout(project, trigger)
    if isinstance(trigger, AfterScenario):
        return ScenarioLookout(project, trigger)
    return QueryLookout(trigger)


def housekeeping(say: Say) -> list[Chore]:
    """What is done for all projects of the record: dead runs are ended, and reports that are due are sent."""
    from tasks.report import send_reports
    from tasks.survival import SignsOfLife, abort_dead_runs

    signs = SignsOfLife()
    return [
        Chore("dead runs", DEAD_RUNS_EVERY_SECONDS, lambda: abort_dead_runs(signs), say),
        Chore("reports", REPORTS_EVERY_SECONDS, send_reports, say),
    ]
