"""Start a scenario when another one has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deployments.triggers.sight import Sight, key_for
from governance import registry, trigger_states
from governance.project_file import AfterScenario, Project
from governance.tables.columns import key_of
from tasks import edge


class ScenarioLookout:
    """Looks at the runs of another scenario in the record. Each one that ends as it should starts one run."""

    def __init__(self, project: Project, trigger: AfterScenario) -> None:
        self.label = f"after_scenario {trigger.scenario}"
        self.every_seconds = trigger.every_seconds
        self._project = project.project
        self._scenario = trigger.scenario
        self._outcomes = frozenset(trigger.outcome_is)
        self.key = key_for(self.label, {"outcome_is": sorted(self._outcomes)})

    def look(self, before: Mapping[str, Any] | None) -> Iterable[Sight]:
        """One sight for every run that has ended since, in their order."""
        with edge.reading() as session:
            project = key_of(registry.find_project(session, self._project))
            if before is None:
                return [Sight({"run": trigger_states.last_ended_run(session, project, self._scenario)})]
            ended = trigger_states.runs_ended_after(session, project, self._scenario, before["run"])
            return [Sight({"run": run.id}, starts=run.outcome in self._outcomes) for run in ended]
