"""Freezing a project: its configuration, and the versions that are active in an environment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from pydantic import ValidationError
from sqlmodel import Session, col, select

from governance.artifacts import canonical_json, digest, open_recorded
from governance.audit import Actor, Tag
from governance.authorisation import require
from governance.bundles.keeping import filled_folder, folder_in_place, folder_of, record_bundle, require_new
from governance.bundles.manifest import (
    CONFIGURATION,
    VERSIONS,
    BundleManifest,
    PackedVersion,
    first_problem,
    problem_of_name,
)
from governance.content import require_as_recorded
from governance.errors import ActRefused, ChangedMeanwhile, UnusableName
from governance.project_file import FILE_NAME, parse_project
from governance.tables import ActiveVersion, Bundle, EnvironmentRow, ModelRow, ModelVersion, ProjectRow
from governance.tables.columns import key_of
from governance.vocabulary import Right

MAKING: Final = "make a bundle"


@dataclass(frozen=True, slots=True)
class Packed:
    """A project that is packed, and not on record yet.

    Args:
        project_id: Which.
        environment_id: Where its versions are active.
        manifest: As JSON has it.
        folder: Of the files; a temporary one.
        active: Model and version by their rows, as they were when they were packed.
    """

    project_id: int
    environment_id: int
    manifest: Mapping[str, Any]
    folder: Path
    active: Mapping[int, int]


@contextmanager
def packed(
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
) -> Iterator[Packed]:
    """Pack a project as it is now, under a temporary name; gone after the block, if no bundle was made of it.

    That takes as long as there is much to copy, and nobody should wait for it: the session need only read.

    Args:
        session: To read with.
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
        ActRefused: no version is active there, or the configuration is that of another project.
        ContentAltered: a version is not what was recorded; it names the part.
        UnusableName: a file of the configuration has a path that can't be packed.
        ProjectFileError: its project.yaml can't be read, so that nobody could import the bundle.
    """
    require(session, actor, Right.WRITE, project.id)
    if environment.project_id != project.id:
        raise ActRefused(project.name, MAKING, (f"environment {environment.name!r} belongs to another project",))
    active = _active(session, key_of(environment))
    if not active:
        raise ActRefused(project.name, MAKING, (f"no version is active in {environment.name!r}",))
    for _, version in active:
        require_as_recorded(session, version)
    for name in files:
        if problem := problem_of_name(name):
            raise UnusableName("file of the configuration", name, problem, "give it a plain name beside project.yaml")
    _require_configuration_of(project.name, files)
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
    folders = {model.name: artifacts / version.folder for model, version in active}

    def opening(name: str) -> AbstractContextManager[IO[bytes]]:
        if name in configuration:
            return BytesIO(configuration[name])
        _, model, file = name.split("/")
        return open_recorded(folders[model] / file, manifest["files"][name])

    with filled_folder(artifacts, folder_of(project.name, digest(manifest)), manifest["files"], opening) as folder:
        yield Packed(key_of(project), key_of(environment), manifest, folder, _keys(active))


def make_bundle(session: Session, packed: Packed, *, artifacts: Path, actor: Actor, at: datetime) -> Bundle:
    """Make a bundle of a packed project. It is never changed afterwards; its sign-off has not started.

    Args:
        session: Of the act; others who make a bundle of this project wait until it ends.
        packed: From :func:`packed`, of the same actor.
        artifacts: Folder of the artifact store.
        actor: Who makes it.
        at: When.

    Raises:
        NotAllowed: the actor may not write on the project.
        ChangedMeanwhile: another version became active while the files were copied.
        ActRefused: the same bundle is there already.
    """
    require(session, actor, Right.WRITE, packed.project_id)
    locked = select(ProjectRow).where(ProjectRow.id == packed.project_id).with_for_update()
    project = session.exec(locked).one()
    active = _active(session, packed.environment_id)
    if _keys(active) != packed.active:
        raise ChangedMeanwhile(project.name, "the versions that were packed to be active", "others")
    require_new(session, digest(packed.manifest), MAKING)
    relative = folder_of(project.name, digest(packed.manifest))
    with folder_in_place(artifacts, relative, packed.manifest["files"], packed.folder):
        numbers = {model.name: row.number for model, row in active}
        about = {"environment": packed.manifest["environment"], "versions": numbers}
        return record_bundle(session, project, packed.manifest, tag=Tag.BUNDLE_MADE, about=about, actor=actor, at=at)


def _require_configuration_of(project: str, files: Mapping[str, bytes]) -> None:
    """Refuse a configuration that another installation could not take for that of the project."""
    if FILE_NAME not in files:
        raise ActRefused(project, MAKING, (f"the configuration has no {FILE_NAME}",))
    declared = parse_project(files[FILE_NAME]).project
    if declared != project:
        raise ActRefused(project, MAKING, (f"its {FILE_NAME} is of the project {declared!r}",))


def _active(session: Session, environment_id: int) -> list[tuple[ModelRow, ModelVersion]]:
    """What is active in an environment, by the name of the model."""
    query = (
        select(ModelRow, ModelVersion)
        .join(ActiveVersion, col(ActiveVersion.model_id) == ModelRow.id)
        .join(ModelVersion, col(ActiveVersion.version_id) == ModelVersion.id)
        .where(ActiveVersion.environment_id == environment_id)
        .execution_options(populate_existing=True)
    )
    return sorted(session.exec(query).all(), key=lambda pair: pair[0].name)


def _keys(active: Iterable[tuple[ModelRow, ModelVersion]]) -> dict[int, int]:
    return {key_of(model): key_of(version) for model, version in active}


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
