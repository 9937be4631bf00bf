"""The event by which Prefect learns that a version was approved. Any automation can be hooked to it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from deployments.schedules import activated_on_approval

if TYPE_CHECKING:
    from prefect.events import Event

    from governance.project_file import Project
    from governance.trigger_states import Approval

APPROVED: Final = "driftgate.version.approved"
"""Name of the event."""

VERSION: Final = "driftgate.version"
"""First words of the resource it is about: ``driftgate.version.<project>.<model>.<number>``."""

ON_APPROVAL: Final = "driftgate.on-approval"
"""First words of the labels that say what is to follow: ``driftgate.on-approval.<environment>: activate``."""

WITH_THE_EVENT: Final = {"model": "{{ event.payload.model }}", "version": "{{ event.payload.version }}"}
"""What an automation tells the flow ``activate``; ``prefect.yaml`` says the same."""


def approved(project: Project, approval: Approval, seed: str) -> Event:
    """The event of an approval.

    Args:
        project: As its file declares it.
        approval: Of a version.
        seed: Told from those of other records, so that the same approval gives the same event, which counts once.
    """
    from prefect.events import Event

    name = f"{project.project}.{approval.model}.{approval.version}"
    environments = activated_on_approval(project)
    return Event(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"{APPROVED}/{name}/{approval.number}/{seed}"),
        event=APPROVED,
        resource={
            "prefect.resource.id": f"{VERSION}.{name}",
            "prefect.resource.name": f"version {approval.version} of {project.project}/{approval.model}",
            **{f"{ON_APPROVAL}.{environment}": "activate" for environment in environments},
        },
        payload={
            "project": str(project.folder),
            "model": approval.model,
            "version": str(approval.version),
            "approved_by": approval.by,
            "environments": environments,
        },
    )
