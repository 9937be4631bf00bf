"""A new version of a model, recorded once its files are in place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel import Session, func, select

from governance.artifacts import canonical_json, digest
from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.content import recorded
from governance.evaluations import recordable
from governance.items import appear
from governance.registry.finding import path_of
from governance.tables import ModelRow, ModelVersion
from governance.tables.columns import key_of
from governance.vocabulary import Measurement, Right


def note_scoring(
    session: Session, version: ModelVersion, made: Mapping[str, Any], *, actor: Actor, at: datetime
) -> None:
    """Write down that data were scored with a version.

    Args:
        session: Of the act.
        version: Which.
        made: What was scored and where the scores are; must fit into JSON.
        actor: Who scored.
        at: When.
    """
    require(session, actor, Right.WRITE, session.get_one(ModelRow, version.model_id).project_id)
    note(session, Tag.DATA_SCORED, path_of(session, version), actor=actor, at=at, after=made)


def record_version(
    session: Session,
    model: ModelRow,
    *,
    folder: str,
    manifest: Mapping[str, Any],
    metrics: Sequence[Measurement],
    diagnostics: Sequence[Mapping[str, Any]],
    actor: Actor,
    at: datetime,
) -> ModelVersion:
    """Add a version under the next number, with a sign-off that has not started. It is never changed afterwards.

    Args:
        session: Of the act; others who record a version of this model wait until it ends.
        model: Whose version.
        folder: Of the files, relative to the artifacts folder, already in place.
        manifest: What the version consists of; ``files`` maps each file name to its SHA-256. Metrics and diagnostics
            are put in, so that the digest that gets approved covers them.
        metrics: Measured on the test part. A value that is no finite number is recorded as none.
        diagnostics: Warnings, each with ``name`` and ``message``.
        actor: Who trained it.
        at: When.

    Raises:
        ValueError: the manifest does not fit into JSON.
        NotAllowed: the actor may not write on the project.
    """
    measured = [asdict(recordable(metric)) for metric in metrics]
    whole = {**manifest, "metrics": measured, "diagnostics": [dict(diagnostic) for diagnostic in diagnostics]}
    return bring_version(session, model, folder=folder, manifest=whole, trained_at=at, actor=actor, at=at)


def bring_version(
    session: Session,
    model: ModelRow,
    *,
    folder: str,
    manifest: Mapping[str, Any],
    trained_at: datetime,
    actor: Actor,
    at: datetime,
) -> ModelVersion:
    """Add a version whose manifest is whole already, as that of another installation is.

    Args:
        session: Of the act; others who record a version of this model wait until it ends.
        model: Whose version.
        folder: As for :func:`record_version`.
        manifest: With metrics and diagnostics in it.
        trained_at: When it was trained.
        actor: Who answers for it: where duties are separated, somebody else approves.
        at: When it is recorded.

    Raises:
        ValueError: the manifest does not fit into JSON.
        NotAllowed: the actor may not write on the project.
    """
    require(session, actor, Right.WRITE, model.project_id)
    session.exec(select(ModelRow.id).where(ModelRow.id == model.id).with_for_update()).one()
    highest = session.exec(select(func.max(ModelVersion.number)).where(ModelVersion.model_id == model.id)).one()
    # As the database will give it back, or the digest would not be that of what is read.
    whole = json.loads(canonical_json(manifest))
    version = ModelVersion(
        model_id=key_of(model),
        number=(highest or 0) + 1,
        folder=folder,
        manifest=whole,
        manifest_digest=digest(whole),
        metrics=whole["metrics"],
        diagnostics=whole["diagnostics"],
        trained_by=actor.name,
        trained_at=trained_at,
    )
    session.add(version)
    session.flush()
    appear(session, version, at=at)
    note(session, Tag.VERSION_RECORDED, path_of(session, version), actor=actor, at=at, after=recorded(version))
    return version
