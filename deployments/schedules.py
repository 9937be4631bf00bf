"""Scenarios of project.yaml as Prefect deployments: created, updated, and removed with what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from governance.errors import ProjectFileError
from governance.project_file import FILE_NAME, Project, Schedule

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.responses import DeploymentResponse

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout: where ``prefect.yaml`` is, and what the paths in it are relative to."""

PREFECT_FILE: Final = ROOT / "prefect.yaml"

POOL: Final = "driftgate"
"""The work pool; ``prefect.yaml`` names the same."""

ENTRYPOINT: Final = "flows.scenario.run_scenario"
"""What the worker imports, whatever the scenario is called."""

SLUG: Final = "project-yaml"
"""Of the one schedule a scenario has: by it Prefect knows the schedule again, and a pause survives."""

TUTORIAL: Final = "driftgate-tutorial"
"""Tag of the deployments in ``prefect.yaml``."""

FROM_PROJECT_FILE: Final = "from-project-yaml"
"""Tag of the deployments that this module makes, and therefore may remove."""


@dataclass(frozen=True, slots=True)
class ScenarioDeployment:
    """One scenario of one project, as Prefect is to know it."""

    flow: str
    name: str
    project: Path
    scenario: str
    title: str
    schedule: Schedule | None

    @property
    def parameters(self) -> dict[str, Any]:
        """What ``run_scenario`` is called with."""
        return {"project": str(self.project), "scenario": self.scenario}


def scenario_deployments(project: Project) -> list[ScenarioDeployment]:
    """A deployment for every scenario, called ``<scenario>/<project>``; without a schedule it waits for people."""
    return [
        ScenarioDeployment(name, project.project, project.folder, name, scenario.name, scenario.schedule)
        for name, scenario in project.scenarios.items()
    ]


def tutorial_folders() -> set[Path]:
    """Folders of the projects that ``prefect.yaml`` deploys already."""
    declared = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    return {(ROOT / deployment["parameters"]["project"]).resolve() for deployment in declared}


def deploy_scenarios(projects: Sequence[Project]) -> list[str]:
    """Make the scenarios of ``projects`` the only ones from a project.yaml that Prefect knows.

    Those it knew are updated (a schedule that somebody paused stays paused), a schedule that is gone from the file
    is gone from Prefect, and so is the deployment of a scenario or project that is gone. Projects that
    ``prefect.yaml`` deploys are left to it. Needs PREFECT_API_URL in force, and the work pool.

    Returns:
        The deployments as ``flow/name``, in order.

    Raises:
        ProjectFileError: two projects have the same name.
    """
    from prefect.client.orchestration import get_client

    own = [project for project in projects if project.folder not in tutorial_folders()]
    _refuse_same_name(own)
    wanted = [deployment for project in own for deployment in scenario_deployments(project)]
    with get_client(sync_client=True) as client:
        kept = {_apply(client, deployment) for deployment in wanted}
        for known in _tagged(client, FROM_PROJECT_FILE):
            if known.id not in kept:
                client.delete_deployment(known.id)
    return [f"{deployment.flow}/{deployment.name}" for deployment in wanted]


def retire_tutorial() -> None:
    """Remove the scheduled deployments of the tutorial: who serves projects of their own has no data for them."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for deployment in _tagged(client, TUTORIAL):
            if deployment.schedules:
                client.delete_deployment(deployment.id)


def _apply(client: SyncPrefectClient, deployment: ScenarioDeployment) -> UUID:
    """Create or replace one. The server drops the schedules it had, so none is there twice."""
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
    from prefect.utilities.callables import parameter_schema

    from flows.scenario import run_scenario

    return client.create_deployment(
        flow_id=client.create_flow_from_name(deployment.flow),
        name=deployment.name,
        entrypoint=ENTRYPOINT,
        description=deployment.title,
        parameters=deployment.parameters,
        parameter_openapi_schema=parameter_schema(run_scenario).model_dump(exclude_unset=True),
        enforce_parameter_schema=True,
        schedules=_schedules(client, deployment),
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE),
        tags=[FROM_PROJECT_FILE],
        work_pool_name=POOL,
        pull_steps=[],
    )


def _schedules(client: SyncPrefectClient, deployment: ScenarioDeployment) -> list[DeploymentScheduleCreate]:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule
    from prefect.exceptions import ObjectNotFound

    if deployment.schedule is None:
        return []
    try:
        known = client.read_deployment_by_name(f"{deployment.flow}/{deployment.name}").schedules
    except ObjectNotFound:
        known = []
    return [
        DeploymentScheduleCreate(
            schedule=CronSchedule(cron=deployment.schedule.cron, timezone=deployment.schedule.time_zone),
            active=all(schedule.active for schedule in known if schedule.slug == SLUG),
            parameters={"trigger": "schedule"},
            slug=SLUG,
        )
    ]


def _tagged(client: SyncPrefectClient, tag: str) -> list[DeploymentResponse]:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags

    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[tag]))
    found: list[DeploymentResponse] = []
    while page := client.read_deployments(deployment_filter=ours, offset=len(found)):
        found += page
    return found


def _refuse_same_name(projects: Iterable[Project]) -> None:
    named: dict[str, Path] = {}
    for project in projects:
        other = named.setdefault(project.project, project.folder)
        if other != project.folder:
            raise ProjectFileError(
                project.folder / FILE_NAME,
                None,
                "project",
                f"{project.project!r} is also the name of {other / FILE_NAME}",
                "give each its own name",
            )
