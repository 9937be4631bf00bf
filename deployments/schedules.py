"""Scenarios of project.yaml as Prefect deployments: created, updated, and removed with what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import yaml

from governance.errors import NotFound, ProjectFileError
from governance.project_file import FILE_NAME, Project, Schedule
from governance.vocabulary import SCHEDULE, Collision, OnApproval

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.responses import DeploymentResponse
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout: where ``prefect.yaml`` is, and what the paths in it are relative to."""

PREFECT_FILE: Final = ROOT / "prefect.yaml"

POOL: Final = "driftgate"
"""The work pool; ``prefect.yaml`` names the same."""

ENTRYPOINT: Final = "flows.scenario.run_scenario"
"""What the worker imports, whatever the scenario is called."""

ACTIVATE: Final = "flows.activate.activate"
"""What the worker imports to make a version active."""

SLUG: Final = "project-yaml"
"""Of the one schedule a scenario has: by it Prefect knows the schedule again, and a pause survives."""

TUTORIAL: Final = "driftgate-tutorial"
"""Tag of the deployments in ``prefect.yaml``."""

FROM_PROJECT_FILE: Final = "from-project-yaml"
"""Tag of the deployments that this module makes, and therefore may remove."""


ANCHOR: Final = datetime(2024, 1, 1)  # noqa: DTZ001  in whichever time zone
"""From when intervals are counted: a Monday, midnight in the time zone of the schedule. Never moved, or times would."""

TYPES: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", float: "number", str: "string"}
"""How the form of a deployment calls the type of a variable."""


@dataclass(frozen=True, slots=True)
class ScenarioDeployment:
    """One scenario of one project, as Prefect is to know it."""

    flow: str
    name: str
    project: Path
    scenario: str
    title: str
    schedule: Schedule | None
    collision: Collision = Collision.WAIT
    variables: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, Any]:
        """What ``run_scenario`` is called with."""
        return {"project": str(self.project), "scenario": self.scenario}


def scenario_deployments(project: Project) -> list[ScenarioDeployment]:
    """A deployment for every scenario, called ``<scenario>/<project>``; without a schedule it waits for people."""
    return [
        ScenarioDeployment(
            flow=name,
            name=project.project,
            project=project.folder,
            scenario=name,
            title=scenario.name,
            schedule=scenario.schedule,
            collision=scenario.collision,
            variables=scenario.variables,
        )
        for name, scenario in project.scenarios.items()
    ]


def deployment_of(project: Project, scenario: str) -> str:
    """The deployment that a trigger of a scenario starts, as ``flow/name``. Raises: NotFound."""
    if project.folder not in tutorial_folders():
        return f"{scenario}/{project.project}"
    for declared in _by_hand(project):
        if declared["parameters"].get("scenario") == scenario:
            return f"{scenario}/{declared['name']}"
    raise NotFound("deployment of scenario", scenario, (), f"add one to {PREFECT_FILE.name}")


def activation_deployment_of(project: Project) -> str:
    """The deployment that makes an approved version of a project active, as ``flow/name``."""
    names = [declared["name"] for declared in _by_hand(project) if declared.get("triggers")]
    return f"activate/{names[0] if names else project.project}"


def activated_on_approval(project: Project) -> list[str]:
    """The environments in which an approved version goes live, if the gate lets it."""
    return [name for name, place in project.environments.items() if place.on_approval is OnApproval.ACTIVATE]


def tutorial_folders() -> set[Path]:
    """Folders of the projects that ``prefect.yaml`` deploys already."""
    return {(ROOT / declared["parameters"]["project"]).resolve() for declared in _declared()}


def prefect_schedule(schedule: Schedule) -> CronSchedule | IntervalSchedule:
    """A schedule as Prefect has it.

    By the calendar, times are those of the time zone's clocks: 06:00 stays 06:00 when the clocks change, a time that
    exists twice that night is the first of the two, and one that does not exist runs once, too.

    An interval is time that passes, whatever clocks do, and so it is counted in UTC: Prefect's own count of days in
    another time zone gives other times before and after the clocks change, and one of them twice.
    """
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    if schedule.cron is not None:
        return CronSchedule(cron=schedule.cron, timezone=schedule.time_zone)
    anchor = ANCHOR.replace(tzinfo=ZoneInfo(schedule.time_zone)).astimezone(ZoneInfo("UTC"))
    seconds = round((schedule.every_minutes or 0) * 60)
    return IntervalSchedule(interval=timedelta(seconds=seconds), anchor_date=anchor, timezone="UTC")


def parameter_form(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The form of a deployment: what ``run_scenario`` takes, and the variables of the scenario with their types.

    Args:
        variables: Name: what it is when a run is given nothing else; of the type that a run may give.

    Returns:
        JSON schema, by which Prefect draws the form and refuses what does not fit before there is a run.
    """
    from prefect.utilities.callables import parameter_schema

    from flows.scenario import run_scenario

    form: dict[str, Any] = parameter_schema(run_scenario).model_dump(exclude_unset=True)
    if variables:
        place = form["properties"]["parameters"]
        form["properties"]["parameters"] = {
            "title": place["title"],
            "description": place.get("description", ""),
            "position": place["position"],
            "type": "object",
            "properties": {name: _field(name, value) for name, value in variables.items()},
            # A trigger, or another scenario, may say more than there are variables.
            "additionalProperties": {"anyOf": [{"type": one} for one in (*TYPES.values(), "null")]},
        }
    return form


def _field(name: str, value: Any) -> dict[str, Any]:
    about = {"title": name, "default": value}
    if value is None:
        return about | {"anyOf": [{"type": one} for one in (*TYPES.values(), "null")]}
    return about | {"type": TYPES[type(value)]}


def _declared() -> list[dict[str, Any]]:
    declared: list[dict[str, Any]] = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))["deployments"]
    return declared


def _by_hand(project: Project) -> list[dict[str, Any]]:
    """What ``prefect.yaml`` declares for a project."""
    return [one for one in _declared() if (ROOT / one["parameters"]["project"]).resolve() == project.folder.resolve()]


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
    activating = [project for project in own if activated_on_approval(project)]
    with get_client(sync_client=True) as client:
        kept = {_apply(client, deployment) for deployment in wanted}
        kept |= {_apply_activation(client, project) for project in activating}
        for known in _tagged(client, FROM_PROJECT_FILE):
            if known.id not in kept:
                client.delete_deployment(known.id)
    scenarios = [f"{deployment.flow}/{deployment.name}" for deployment in wanted]
    return [*scenarios, *map(activation_deployment_of, activating)]


def retire_tutorial() -> None:
    """Remove the scheduled deployments of the tutorial: who serves projects of their own has no data for them."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for deployment in _tagged(client, TUTORIAL):
            if deployment.schedules:
                client.delete_deployment(deployment.id)


def _apply(client: SyncPrefectClient, deployment: ScenarioDeployment) -> UUID:
    """Create or replace one. The server drops the schedules it had, so none is there twice.

    Where runs wait for each other, Prefect lets one begin at a time. Where a run that would collide is skipped, it has
    to begin to find that out and to say so in the record: there is no limit then.
    """
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions

    waits = deployment.collision is Collision.WAIT
    queue = ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    return client.create_deployment(
        flow_id=client.create_flow_from_name(deployment.flow),
        name=deployment.name,
        entrypoint=ENTRYPOINT,
        description=deployment.title,
        parameters=deployment.parameters,
        parameter_openapi_schema=parameter_form(deployment.variables),
        enforce_parameter_schema=True,
        schedules=_schedules(client, deployment),
        concurrency_limit=1 if waits else None,
        concurrency_options=queue if waits else None,
        tags=[FROM_PROJECT_FILE],
        work_pool_name=POOL,
        pull_steps=[],
    )


def _apply_activation(client: SyncPrefectClient, project: Project) -> UUID:
    """The deployment that makes approved versions of a project active."""
    from prefect.utilities.callables import parameter_schema

    from flows.activate import activate

    flow, _, name = activation_deployment_of(project).partition("/")
    return client.create_deployment(
        flow_id=client.create_flow_from_name(flow),
        name=name,
        entrypoint=ACTIVATE,
        description="Make a version active that was approved, if the gate lets it.",
        parameters={"project": str(project.folder), "version": "latest"},
        parameter_openapi_schema=parameter_schema(activate).model_dump(exclude_unset=True),
        enforce_parameter_schema=True,
        tags=[FROM_PROJECT_FILE],
        work_pool_name=POOL,
        pull_steps=[],
    )


def _schedules(client: SyncPrefectClient, deployment: ScenarioDeployment) -> list[DeploymentScheduleCreate]:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.exceptions import ObjectNotFound

    if deployment.schedule is None:
        return []
    try:
        known = client.read_deployment_by_name(f"{deployment.flow}/{deployment.name}").schedules
    except ObjectNotFound:
        known = []
    return [
        DeploymentScheduleCreate(
            schedule=prefect_schedule(deployment.schedule),
            active=all(schedule.active for schedule in known if schedule.slug == SLUG),
            parameters={"trigger": SCHEDULE},
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
