"""Ask the reviewers to look at a version."""

from __future__ import annotations

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import items, signoff
from governance.project_file import load_project
from governance.settings import settings
from governance.vocabulary import SignOffAction
from tasks import edge


@task(task_run_name="Request sign-off", cache_policy=NO_CACHE)
def request_sign_off(project: str, model: str, version: str, notify: list[str], actor: str | None) -> dict[str, Any]:
    """Request feedback on a version. Raises: TransitionNotAllowed, SignOffRefused."""
    declared = load_project(project)
    who = edge.acting(actor)
    with edge.known(declared, who) as session:
        row = edge.find_version(session, declared, model, version)
        request = signoff.Request(
            item=items.item_of(session, row), action=SignOffAction.REQUEST_FEEDBACK, actor=who, notify=tuple(notify)
        )
        moved = signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
        made = {"model": model, "version": row.number, "status": moved.status}
        edge.keep(session, made)
        return made
