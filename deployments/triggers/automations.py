"""Automations of the Prefect server that are ours: made, renewed and removed by their name, so that none is there twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from deployments.schedules import activated_on_approval, activation_deployment_of, tutorial_folders
from deployments.triggers.asking_prefect import asking_prefect, find_deployment
from deployments.triggers.events import APPROVED, ON_APPROVAL, VERSION, WITH_THE_EVENT

if TYPE_CHECKING:
    from prefect.automations import AutomationCore
    from prefect.client.orchestration import SyncPrefectClient

    from governance.project_file import Project

FROM_PROJECT_FILE: Final = "Made from project.yaml; 'driftgate serve' and 'driftgate watch' renew it and take it away."
"""Description of the automations that this module makes, and therefore may remove."""


def apply(client: SyncPrefectClient, automation: AutomationCore) -> None:
    """Make an automation, or renew the one of its name. Where earlier starts left several, one stays."""
    known = client.read_automations_by_name(automation.name)
    for duplicate in known[1:]:
        client.delete_automation(duplicate.id)
    if known:
        client.update_automation(known[0].id, automation)
    else:
        client.create_automation(automation)


def apply_on_approval(projects: Sequence[Project]) -> list[str]:
    """One automation for every environment in which an approved version goes live; those of other days go.

    Those of projects that ``prefect.yaml`` deploys are left to it.

    Returns:
        Their names.

    Raises:
        NotFound: the deployment that they start is not there: scenarios are deployed first.
        ServerUnavailable: the server is away.
    """
    own = [project for project in projects if project.folder not in tutorial_folders()]
    with asking_prefect() as client:
        made = [_on_approval(client, project, place) for project in own for place in activated_on_approval(project)]
        for automation in made:
            apply(client, automation)
        names = [automation.name for automation in made]
        for known in client.read_automations():
            if known.description == FROM_PROJECT_FILE and known.name not in names:
                client.delete_automation(known.id)
    return names


def _on_approval(client: SyncPrefectClient, project: Project, environment: str) -> AutomationCore:
    from datetime import timedelta

    from prefect.automations import AutomationCore, EventTrigger
    from prefect.events.actions import RunDeployment
    from prefect.events.schemas.automations import Posture

    return AutomationCore(
        name=f"Activate what is approved: {project.project} in {environment}",
        description=FROM_PROJECT_FILE,
        trigger=EventTrigger(
            posture=Posture.Reactive,
            match={
                "prefect.resource.id": f"{VERSION}.{project.project}.*",
                f"{ON_APPROVAL}.{environment}": "activate",
            },
            expect={APPROVED},
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            RunDeployment(
                source="selected",
                deployment_id=find_deployment(client, activation_deployment_of(project)),
                parameters={**WITH_THE_EVENT, "environment": environment},
            )
        ],
    )
