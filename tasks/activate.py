"""Ask the gate to make a version active."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import registry
from governance.errors import Refused
from governance.project_file import load_project
from governance.settings import settings
from tasks import edge


@task(name="Activate", cache_policy=NO_CACHE)
def activate_version(
    project: str, version: str, environment: str | None, model: str | None, confirm: bool, actor: str | None
) -> dict[str, Any]:
    """Activate in one transaction; a refusal is kept in the audit trail and raised.

    Raises: ActivationRefused, ConfirmationNeeded, ChangedMeanwhile.
    """
    declared = load_project(project)
    name, _ = declared.model(model)
    where = environment or declared.monitored_environment
    who = edge.acting(actor)
    with edge.transaction() as session:
        registry.register_project(session, declared, actor=who, at=edge.now())
        place = registry.find_environment(session, declared.project, where)
        row = registry.find_version(session, registry.find_model(session, declared.project, name), version, place)
    try:
        with edge.transaction() as session:
            activation = registry.activate(
                session, row, place, artifacts=settings().artifacts_folder, actor=who, at=edge.now(), confirm=confirm
            )
            return {"model": name, "version": row.number, "environment": where, "decision": activation.decision}
    except Refused as refusal:
        with edge.transaction() as session:
            registry.note_refusal(session, row, place, refusal, actor=who, at=edge.now())
        raise
