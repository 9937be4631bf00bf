"""Make a version active in an environment, if the gate lets it through."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow

from flows.parameters import ActorName, EnvironmentName, ModelName, ProjectFolder, VersionName, described, named
from tasks.activate import activate_version


@flow(name="activate", flow_run_name=named("{project} version {version} {environment}"))
def activate(
    project: ProjectFolder,
    version: VersionName,
    environment: EnvironmentName = None,
    model: ModelName = None,
    confirm: Annotated[bool, described("Confirm", "Say yes to a warning of the gate; this is recorded.")] = False,
    actor: ActorName = None,
) -> dict[str, Any]:
    """Ask the gate, and activate.

    Returns: the activation.  Raises: ActivationRefused, ConfirmationNeeded or ChangedMeanwhile; then nothing changed.
    """
    return activate_version(project, version, environment, model, confirm, actor)
