"""A project whose triggers are watched: its place in the record, and a trigger that looks, starts and remembers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from deployments.schedules import deployment_of
from deployments.triggers.asking_prefect import start_run
from deployments.triggers.sight import Lookout, digest_of
from governance import registry, trigger_states
from governance.errors import NotFound
from governance.tables.columns import key_of
from tasks import edge

if TYPE_CHECKING:
    from governance.project_file import Project
    from governance.tables import TriggerState

Say = Callable[[str], None]
"""Takes one line for people."""


class Watched:
    """A project in the record.

    Args:
        project: As its file declares it.
        secret: By what it is known who makes the project known, where the record does not know it yet; none: by the
            settings. Flows do that in the same way.
        kept: Scenario and key of all triggers that there are; what others saw is forgotten.
    """

    def __init__(self, project: Project, secret: str | None, kept: Collection[tuple[str, str]]) -> None:
        self.project = project
        self._secret, self._kept = secret, frozenset(kept)
        self._row: int | None = None

    def row(self) -> int:
        """The key of the project, which the record knows from now on.

        Raises:
            NotAllowed, NotLoggedIn: it is not known yet, and who watches may not make it known.
        """
        row = self.find()
        return self._make_known() if row is None else row

    def find(self) -> int | None:
        """The key of the project; none: the record does not know it yet."""
        if self._row is None:
            with edge.reading() as session:
                try:
                    row = key_of(registry.find_project(session, self.project.project))
                except NotFound:
                    return None
            with edge.transaction() as session:
                trigger_states.forget_others(session, row, self._kept)
            self._row = row
        return self._row

    def remember(
        self, scenario: str, key: str, seen: Mapping[str, Any], *, before: TriggerState | None
    ) -> TriggerState:
        """Keep what was seen. Raises: ChangedMeanwhile."""
        row = self.row()
        with edge.transaction() as session:
            return trigger_states.remember(session, row, scenario, key, seen, before=before, at=edge.now())

    def _make_known(self) -> int:
        with (
            edge.known_by(self._secret) if self._secret else nullcontext(),
            edge.known(self.project, edge.acting(None)) as session,
        ):
            return key_of(registry.find_project(session, self.project.project))


class TriggerWatch:
    """One trigger of one scenario at work.

    Args:
        watched: The project.
        scenario: What is started.
        lookout: What looks.
        say: Is told what was started.
    """

    def __init__(self, watched: Watched, scenario: str, lookout: Lookout, say: Say) -> None:
        self._watched, self._scenario, self._lookout, self._say = watched, scenario, lookout, say

    def __call__(self) -> None:
        """Look once; start what is due; keep what was seen.

        Raises:
            DriftgateError: what it looks at, or Prefect, is away: then it has seen nothing, and looks again.
        """
        row = self._watched.row()
        with edge.reading() as session:
            state = trigger_states.find_state(session, row, self._scenario, self._lookout.key)
        for sight in self._lookout.look(None if state is None else state.seen):
            # The beginning and the number of starts are part of the key: what was seen before may be seen again.
            since, starts = (
                (edge.now().isoformat(), 0) if state is None else (state.seen["since"], state.seen["starts"])
            )
            if sight.starts:
                self._start(sight.parameters, [since, starts, sight.seen])
            seen = {**sight.seen, "since": since, "starts": starts + sight.starts}
            state = self._watched.remember(self._scenario, self._lookout.key, seen, before=state)

    def _start(self, parameters: Mapping[str, Any], seen: list[Any]) -> None:
        project = self._watched.project
        key = digest_of([project.project, self._scenario, self._lookout.key, *seen])
        run = start_run(deployment_of(project, self._scenario), {"trigger": self._lookout.label, **parameters}, key=key)
        self._say(f"{project.project}: {self._lookout.label} starts {self._scenario} (run {run})")
