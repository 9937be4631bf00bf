"""All versions of a bundle become active together: the gate looks at the bundle, then at each of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from governance import gate, people
from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.bundles.finding import version_here
from governance.bundles.manifest import PackedVersion, manifest_of
from governance.errors import ActivationRefused, ConfirmationNeeded
from governance.items import item_of
from governance.registry import activate
from governance.tables import Activation, ActiveVersion, Bundle, EnvironmentRow, ModelRow, ModelVersion, ProjectRow
from governance.vocabulary import GateDecision, Right


def activate_bundle(
    session: Session,
    bundle: Bundle,
    environment: EnvironmentRow,
    *,
    artifacts: Path,
    actor: Actor,
    at: datetime,
    confirm: bool = False,
) -> list[Activation]:
    """Make the versions of a bundle the active ones in an environment: all of them, or none.

    The approval of a bundle says that these versions go together with this configuration; it stands for no version.
    So the gate must let the bundle through and every version, each with its own sign-off. When all of them are active
    already and the gate still lets them, nothing is written.

    Args:
        session: Of the act.
        bundle: Which.
        environment: Where.
        artifacts: Folder of the artifact store; the files of the bundle and of its versions are hashed again.
        actor: Who activates.
        at: When.
        confirm: Whether the actor says yes to what the gate warns of; that is recorded, of the bundle and of each
            version.

    Returns:
        The activations that hold now, by the name of the model.

    Raises:
        ActivationRefused: the gate says no to the bundle or to a version; nothing was written.
        ConfirmationNeeded: the gate wants ``confirm``; nothing was written.
        ChangedMeanwhile: somebody else was first; nothing was written.
    """
    people.hold_people_still(session)
    require(session, actor, Right.WRITE, environment.project_id)
    _wait_for_the_place(session, environment)
    path = item_of(session, bundle).path
    verdict = gate.inspect(session, bundle, environment, artifacts, at=at)
    if verdict.decision is GateDecision.REFUSED:
        raise ActivationRefused(path, environment.name, verdict.reasons)
    confirmed = verdict.decision is GateDecision.CONFIRMATION_NEEDED
    if confirmed and not confirm:
        raise ConfirmationNeeded(path, environment.name, verdict.reasons)
    with session.begin_nested():  # also for a caller who goes on after a refusal, to write it down
        versions = [_version(session, bundle, packed, path, environment) for packed in manifest_of(bundle).versions]
        before = _active(session, environment)
        activations = [
            activate(session, version, environment, artifacts=artifacts, actor=actor, at=at, confirm=confirm)
            for version in versions
        ]
        after = _active(session, environment)
        if before != after:
            # Each version has its own line besides: its history is complete without its bundles, and a version is
            # judged by its own approval. This line is of the act that took them together.
            note(
                session,
                Tag.BUNDLE_ACTIVATED,
                path,
                actor=actor,
                at=at,
                before={"environment": environment.name, "versions": before},
                after={
                    "environment": environment.name,
                    "versions": after,
                    "decision": verdict.decision,
                    "confirmed": confirmed,
                    "reasons": list(verdict.reasons),
                    "content_digest": bundle.manifest_digest,
                },
            )
        return activations


def _wait_for_the_place(session: Session, environment: EnvironmentRow) -> None:
    """Keep every other activation in an environment waiting, also of a model whose version is the right one already."""
    session.get_one(ProjectRow, environment.project_id, with_for_update={"read": True}, populate_existing=True)
    session.get_one(EnvironmentRow, environment.id, with_for_update={"key_share": True}, populate_existing=True)


def _version(
    session: Session, bundle: Bundle, packed: PackedVersion, path: str, environment: EnvironmentRow
) -> ModelVersion:
    found = version_here(session, bundle, packed)
    if found is None:
        reason = f"version {packed.number} of model {packed.model!r} is not here with the content of the bundle"
        raise ActivationRefused(path, environment.name, (reason,))
    return found


def _active(session: Session, environment: EnvironmentRow) -> dict[str, int]:
    """Model: number of the version that is active in an environment."""
    query = (
        select(ModelRow.name, ModelVersion.number)
        .join(ActiveVersion, col(ActiveVersion.model_id) == ModelRow.id)
        .join(ModelVersion, col(ActiveVersion.version_id) == ModelVersion.id)
        .where(ActiveVersion.environment_id == environment.id)
        .order_by(ModelRow.name)
    )
    return dict(session.exec(query).all())
