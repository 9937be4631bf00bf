"""Take a version through the gate: one transaction, and a line in the audit trail also when it is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from governance.errors import ActivationRefused, ChangedMeanwhile, ConfirmationNeeded, NotFound
from tasks import edge

if TYPE_CHECKING:
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project
    from governance.tables import Activation, EnvironmentRow, ModelRow

    Act = Callable[[Session, ModelRow, EnvironmentRow], Activation]


def activate(
    project: Project,
    model: str,
    version: str,
    environment: str | None,
    actor: Actor,
    *,
    confirm: bool,
    expected_revision: int | None = None,
) -> dict[str, Any]:
    """Make a version active.

    Args:
        project: As its file declares it.
        model: Whose version.
        version: A number, ``latest``, or ``active`` there.
        environment: Where; ``None``: the monitored one.
        actor: Who activates.
        confirm: Whether the actor says yes to a warning of the gate.
        expected_revision: Of what the version is to replace, see :func:`governance.registry.activate`.

    Returns:
        JSON-able: what is active now, what it replaced, and what the gate said.

    Raises:
        ActivationRefused, ConfirmationNeeded, ChangedMeanwhile: nothing changed.
    """
    from governance import registry
    from governance.settings import settings

    def act(session: Session, row: ModelRow, place: EnvironmentRow) -> Activation:
        found = registry.find_version(session, row, version, place)
        return registry.activate(
            session,
            found,
            place,
            artifacts=settings().artifacts_folder,
            actor=actor,
            at=edge.now(),
            confirm=confirm,
            expected_revision=expected_revision,
        )

    return _through_the_gate(project, model, environment, actor, act)


def roll_back(
    project: Project, model: str, to: int | None, environment: str | None, actor: Actor, *, confirm: bool
) -> dict[str, Any]:
    """Make an earlier version active again; by default the one before. Otherwise as :func:`activate`."""
    from governance import registry
    from governance.settings import settings

    def act(session: Session, row: ModelRow, place: EnvironmentRow) -> Activation:
        store = settings().artifacts_folder
        return registry.roll_back(
            session, row, place, to=to, artifacts=store, actor=actor, at=edge.now(), confirm=confirm
        )

    return _through_the_gate(project, model, environment, actor, act)


def _through_the_gate(
    project: Project,
    model: str,
    environment: str | None,
    actor: Actor,
    act: Act,
) -> dict[str, Any]:
    from governance import registry

    where = environment or project.monitored_environment
    if where not in project.environments:
        raise NotFound("environment", where, sorted(project.environments), "name one of them")
    # The rules of the file, the judgement under them and a refusal's line are one transaction: nobody's other rules
    # come in between, and a refusal leaves on record what it rests on.
    with edge.known(project, actor) as session:
        try:
            with session.begin_nested():
                made = _activated(session, project, model, where, act)
                edge.keep(session, made)
                return made
        except (ActivationRefused, ConfirmationNeeded, ChangedMeanwhile) as refused:
            registry.note_refusal(session, refused, environment=where, actor=actor, at=edge.now())
            refusal = refused
    raise refusal


def _activated(session: Session, project: Project, model: str, where: str, act: Act) -> dict[str, Any]:
    from governance import registry
    from governance.tables import ModelVersion

    row = registry.find_model(session, project.project, model)
    before = registry.active_versions(session, row).get(where)
    activation = act(session, row, registry.find_environment(session, project.project, where))
    number = session.get_one(ModelVersion, activation.version_id).number
    replaced = activation.previous_version_id if before != number else None
    return {
        "project": project.project,
        "model": model,
        "version": number,
        "environment": where,
        "replaced": None if replaced is None else session.get_one(ModelVersion, replaced).number,
        "decision": activation.decision,
        "reasons": list(activation.reasons),
        "confirmed": activation.confirmed,
    }
