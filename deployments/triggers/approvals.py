"""Approvals, from our record to Prefect: an event for whoever wants it, and the activation that the project asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from deployments.schedules import activated_on_approval, activation_deployment_of
from deployments.triggers import events
from deployments.triggers.asking_prefect import is_on_its_way, pass_on, start_run
from deployments.triggers.sight import digest_of
from deployments.triggers.watched import Say, Watched
from governance import trigger_states
from governance.trigger_states import Approval
from tasks import edge

if TYPE_CHECKING:
    from governance.tables import TriggerState

KEY: Final = "approvals"

PATIENCE_SECONDS: Final = 60.0
"""How long the event has to have its effect. Then it is taken for lost, and the activation is started from here."""


class ApprovalWatch:
    """Looks at the audit trail of a project for versions that were approved.

    Args:
        watched: The project.
        say: Is told what was started.
        patience_seconds: See :data:`PATIENCE_SECONDS`.
        clock: Seconds that only grow, whatever is done to the clock of the machine.
    """

    def __init__(
        self,
        watched: Watched,
        say: Say,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watched, self._say = watched, say
        self._project = watched.project
        self._patience, self._clock = patience_seconds, clock
        self._since: dict[tuple[int, str], float] = {}
        self._from_the_beginning = False

    def __call__(self) -> None:
        """Pass on what was approved since the last look; start what an event should have started and did not.

        Raises:
            ServerUnavailable: Prefect is away: what was approved is passed on when it is back.
        """
        row = self._watched.find()
        if row is None:  # nothing of it was ever recorded, so every approval will be news
            self._from_the_beginning = True
            return
        with edge.reading() as session:
            state = trigger_states.find_state(session, row, "", KEY)
        # Kept before anything is passed on: if this process dies then, the next one passes on the same events.
        state = state or self._begun()
        with edge.reading() as session:
            new = trigger_states.approvals_after(session, self._project.project, state.seen["number"])
        kept: dict[str, Any] = dict(state.seen)
        for approval in new:
            pass_on(events.approved(self._project, approval, kept["since"]))
            kept["number"] = approval.number
            kept["waiting"] = self._with(kept["waiting"], approval)
        kept["waiting"] = [one for one in kept["waiting"] if not self._is_done(one, kept["since"])]
        if kept != state.seen:
            self._watched.remember("", KEY, kept, before=state)

    def _begun(self) -> TriggerState:
        """What is kept of a project that was never looked at: from where on approvals are news."""
        with edge.reading() as session:
            end = 0 if self._from_the_beginning else trigger_states.end_of_trail(session)
        seen = {"number": end, "since": edge.now().isoformat(), "waiting": []}
        return self._watched.remember("", KEY, seen, before=None)

    def _with(self, waiting: list[dict[str, Any]], approval: Approval) -> list[dict[str, Any]]:
        """What waits for its activation; of several approved versions of a model it is the last one."""
        others = [one for one in waiting if one["model"] != approval.model]
        about = {"number": approval.number, "model": approval.model, "version": approval.version, "by": approval.by}
        return others + [{**about, "environment": place} for place in activated_on_approval(self._project)]

    def _is_done(self, waiting: Mapping[str, Any], since: str) -> bool:
        """Whether nothing more is to be waited for; what was waited for in vain is started."""
        environment = waiting["environment"]
        approval = Approval(waiting["number"], waiting["model"], waiting["version"], waiting["by"])
        begun = self._since.setdefault((approval.number, environment), self._clock())
        with edge.reading() as session:
            if trigger_states.is_settled(session, self._project.project, approval, environment):
                return True
        if self._clock() - begun < self._patience:
            return False
        deployment = activation_deployment_of(self._project)
        wanted = {"version": str(approval.version), "model": approval.model, "environment": environment}
        if is_on_its_way(deployment, wanted):
            return False
        key = digest_of([KEY, self._project.project, since, approval.number, environment])
        run = start_run(deployment, wanted, key=key)
        self._say(
            f"{self._project.project}: {approval.model} {approval.version} was approved and nothing followed; "
            f"{deployment} was started for {environment} (run {run})"
        )
        return True
