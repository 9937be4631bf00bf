"""Freezing a project: its configuration, and the versions that are active in an environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from pydantic import ValidationError
from sqlmodel import Session, col, select

from governance.artifacts import canonical_json, digest, open_recorded
from governance.audit import Actor, Tag
from governance.authorisation import require
from governance.bundles.keeping import folder_in_place, folder_of, record_bundle, require_new
from governance.bundles.manifest import (
    CONFIGURATION,
    VERSIONS,
    BundleManifest,
    PackedVersion,
    first_problem,
    problem_of_name,
)
from governance.content import require_as_recorded
from governance.errors import ActRefused, UnusableName
from governance.tables import ActiveVersion, Bundle, EnvironmentRow, ModelRow, ModelVersion, ProjectRow
from governance.tables.columns import key_of
from governance.vocabulary import Right

MAKING: Final = "make a bundle"


def make_bundle(
    session: Session,
    project: ProjectRow,
    *,
    environment: EnvironmentRow,
    artifacts: Path,
    files: Mapping[str, bytes],
    code_revision: str,
    actor: Actor,
    at: datetime,
    packages: Mapping[str, str] | None = None,
) -> Bundle:
    """Pack a project as it is now. The bundle is never changed afterwards; its sign-off has not started.

    Args:
        session: Of the act; others who make a bundle of this project wait until it ends.
        project: Which.
        environment: Whose active versions are packed.
        artifacts: Folder of the artifact store; every file is hashed again while it is copied.
        files: The configuration: ``project.yaml`` and the files beside it that it names, by their paths.
        code_revision: Of driftgate.
        actor: Who makes it: where duties are separated, somebody else approves.
        at: When.
        packages: Name and version of what shapes a model.

    Raises:
        NotAllowed: the actor may not write on the project.
        ActRefused: no version is active there, or the same bundle is there already.
        ContentAltered: a version is not what was recorded; it names the part.
        UnusableName: a file of the configuration has a path that can't be packed.
    """
    require(session, actor, Right.WRITE, project.id)
    if environment.project_id != project.id:
        raise ActRefused(project.name, MAKING, (f"environment {environment.name!r} belongs to another project",))
    session.exec(select(ProjectRow.id).where(ProjectRow.id == project.id).with_for_update()).one()
    active = _active(session, environment)
    if not active:
        raise ActRefused(project.name, MAKING, (f"no version is active in {environment.name!r}",))
    for _, version in active:
        require_as_recorded(session, version)
    for name in files:
        if problem := problem_of_name(name):
            raise UnusableName("file of the configuration", name, problem, "give it a plain name beside project.yaml")
    configuration = {f"{CONFIGURATION}/{name}": content for name, content in sorted(files.items())}
    manifest = _checked(
        project.name,
        {
            "format": 1,
            "project": project.name,
            "environment": environment.name,
            "files": {name: hashlib.sha256(content).hexdigest() for name, content in configuration.items()}
            | {
                f"{VERSIONS}/{model.name}/{name}": sha256
                for model, version in active
                for name, sha256 in version.manifest["files"].items()
            },
            "versions": [_packed(model, version) for model, version in active],
            "code_revision": code_revision,
            "packages": dict(packages or {}),
            "made_by": actor.name,
            "made_at": at.isoformat(),
        },
    )
    require_new(session, digest(manifest), MAKING)
    folders = {model.name: artifacts / version.folder for model, version in active}

    def opening(name: str) -> AbstractContextManager[IO[bytes]]:
        if name in configuration:
            return BytesIO(configuration[name])
        _, model, file = name.split("/")
        return open_recorded(folders[model] / file, manifest["files"][name])

    with folder_in_place(artifacts, folder_of(project.name, digest(manifest)), manifest["files"], opening):
        about = {"environment": environment.name, "versions": {model.name: row.number for model, row in active}}
        return record_bundle(session, project, manifest, tag=Tag.BUNDLE_MADE, about=about, actor=actor, at=at)


def _active(session: Session, environment: EnvironmentRow) -> list[tuple[ModelRow, ModelVersion]]:
    """What is active in an environment, by the name of the model."""
    query = (
        select(ModelRow, ModelVersion)
        .join(ActiveVersion, col(ActiveVersion.model_id) == ModelRow.id)
        .join(ModelVersion, col(ActiveVersion.version_id) == ModelVersion.id)
        .where(ActiveVersion.environment_id == key_of(environment))
        .execution_options(populate_existing=True)
    )
    return sorted(session.exec(query).all(), key=lambda pair: pair[0].name)


def _packed(model: ModelRow, version: ModelVersion) -> dict[str, Any]:
    return PackedVersion(
        model=model.name,
        number=version.number,
        target=model.target,
        prediction_type=model.prediction_type,
        metric_to_focus=model.metric_to_focus,
        manifest=version.manifest,
        manifest_digest=version.manifest_digest,
        trained_by=version.trained_by,
        trained_at=version.trained_at,
    ).model_dump(mode="json")


def _checked(project: str, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest as the database will give it back, if another installation would take it."""
    spelled = canonical_json(manifest)
    try:
        BundleManifest.model_validate_json(spelled)
    except ValidationError as wrong:
        raise ActRefused(project, MAKING, (first_problem(wrong),)) from wrong
    plain: dict[str, Any] = json.loads(spelled)
    return plain
