"""Ask the gate to make a version active."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance.project_file import load_project
from tasks import edge, gate


@task(task_run_name="Activate", cache_policy=NO_CACHE)
def activate_version(
    project: str, version: str, environment: str | None, model: str | None, confirm: bool, actor: str | None
) -> dict[str, Any]:
    """Activate in one transaction. Raises: ActivationRefused, ConfirmationNeeded, ChangedMeanwhile."""
    declared = load_project(project)
    name, _ = declared.model(model)
    return gate.activate(declared, name, version, environment, edge.acting(actor), confirm=confirm)
