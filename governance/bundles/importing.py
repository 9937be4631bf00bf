"""A bundle of another installation: brought in as what it is, and approved by nobody here.

What comes along is content. What was decided about it elsewhere stays elsewhere: every version that is new here has a
sign-off that has not started, and so has the bundle. The names of people of another installation are names, not people
of this one: who trained a version there stands in the manifest of the bundle, and here who imports answers for it, as
if they had trained it. So, where duties are separated, who imports approves neither the bundle nor its versions.

The configuration makes a project only where there was none; a project that is known keeps its own, with its people and
its policies, since those are this installation's. Neither the people nor the signature of who exported are checked: the
digests say that nothing was changed on the way to whoever reads them out to the other side, not who made it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from filelock import FileLock
from sqlmodel import Session, col, select

from governance.audit import Actor, Tag
from governance.authorisation import require
from governance.bundles.keeping import filled_folder, folder_in_place, folder_of, record_bundle, require_new
from governance.bundles.manifest import CONFIGURATION, PackedVersion
from governance.bundles.reading import Limits, Opened, opened
from governance.errors import ActRefused, UnreadableFile
from governance.items import appear
from governance.project_file import load_project
from governance.registry import bring_version, register_project
from governance.tables import Bundle, ModelRow, ModelVersion, ProjectRow
from governance.tables.columns import key_of
from governance.vocabulary import Right

IMPORTING: Final = "import"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A bundle of elsewhere whose every byte is right, and whose files are in the artifact store already.

    Args:
        packed: The file it came in.
        folder: Of its files; a temporary one.
    """

    packed: Opened
    folder: Path


@contextmanager
def unpacked(
    session: Session, file: Path, artifacts: Path, *, actor: Actor, limits: Limits | None = None
) -> Iterator[Unpacked]:
    """Open an exported bundle, look at every byte of it, and unpack it under a temporary name; gone after the block.

    That takes as long as there is much in it, and nobody should wait for it: the session need only read.

    Args:
        session: To see what the actor may do.
        file: As :func:`export_bundle` wrote it, wherever it has been since.
        artifacts: Folder of the artifact store.
        actor: Who imports.
        limits: What is more is refused before it is read.

    Raises:
        UnreadableFile: it is not what an export writes.
        NotAllowed: the actor may not write on the project; or, when it is new, everywhere.
    """
    with opened(file, limits or Limits()) as packed:
        _known(session, packed, actor)
        packed.verify()
        relative = folder_of(packed.manifest.project, packed.digest)
        with filled_folder(artifacts, relative, packed.manifest.files, packed.opening) as folder:
            yield Unpacked(packed, folder)


def import_bundle(session: Session, parcel: Unpacked, artifacts: Path, *, actor: Actor, at: datetime) -> Bundle:
    """Bring a bundle in: a project if there is none of its name, models, versions, the bundle itself.

    A version that is there already, with the same manifest of the same model, is used and not doubled. The files of
    the new versions are those of the bundle's folder. The configuration of a new project is unpacked to
    ``projects/<name>`` in the artifact store, where people put its data and change it; the bundle keeps its own copy.

    Args:
        session: Of the act.
        parcel: From :func:`unpacked`.
        artifacts: Folder of the artifact store.
        actor: Who imports, and answers for what comes in.
        at: When.

    Raises:
        UnreadableFile: its configuration is that of another project, or a folder is in the way; nothing was written.
        NotAllowed: the actor may not write on the project; or, when it is new, everywhere.
        ActRefused: the bundle is there already, or one of its models is another one here.
    """
    packed = parcel.packed
    known = _known(session, packed, actor)
    # Who comes second finds the folders of who was first, whether their transaction has ended or not.
    with FileLock(artifacts / ".bundles.lock"), ExitStack() as undone:
        project = known or _added_project(session, packed, artifacts, undone.callback, actor=actor, at=at)
        session.exec(select(ProjectRow.id).where(ProjectRow.id == project.id).with_for_update()).one()
        require_new(session, packed.digest, IMPORTING)
        bundle = _brought_in(session, parcel, project, artifacts, actor=actor, at=at)
        undone.pop_all()
        return bundle


def _known(session: Session, packed: Opened, actor: Actor) -> ProjectRow | None:
    """The project of that name, if there is one. Raises: NotAllowed."""
    known = session.exec(select(ProjectRow).where(ProjectRow.name == packed.manifest.project)).first()
    require(session, actor, Right.WRITE, None if known is None else known.id)
    return known


def _brought_in(
    session: Session, parcel: Unpacked, project: ProjectRow, artifacts: Path, *, actor: Actor, at: datetime
) -> Bundle:
    packed = parcel.packed
    folder = folder_of(project.name, packed.digest)
    with folder_in_place(artifacts, folder, packed.manifest.files, parcel.folder):
        numbers = {
            version.model: _bring(session, project, version, folder, actor=actor, at=at).number
            for version in packed.manifest.versions
        }
        about = {"file": packed.file.name, "made_by": packed.manifest.made_by, "versions": numbers}
        return record_bundle(session, project, packed.plain, tag=Tag.BUNDLE_IMPORTED, about=about, actor=actor, at=at)


def _added_project(
    session: Session,
    packed: Opened,
    artifacts: Path,
    when_undone: Callable[..., object],
    *,
    actor: Actor,
    at: datetime,
) -> ProjectRow:
    """A project as the configuration of the bundle declares it, with a folder of its own."""
    name = packed.manifest.project
    start = f"{CONFIGURATION}/"
    files = {file.removeprefix(start): sha for file, sha in packed.manifest.files.items() if file.startswith(start)}
    relative = f"projects/{name}"
    was_there = (artifacts / relative).exists()
    with (
        filled_folder(artifacts, relative, files, lambda file: packed.opening(f"{start}{file}")) as filled,
        folder_in_place(artifacts, relative, files, filled) as folder,
    ):
        declared = load_project(folder)
        if declared.project != name:
            problem = f"its project.yaml is of the project {declared.project!r}, its manifest of {name!r}"
            raise UnreadableFile(packed.file, problem, "export it again with 'driftgate bundle export'")
    if not was_there:
        when_undone(shutil.rmtree, artifacts / relative, ignore_errors=True)
    return register_project(session, load_project(artifacts / relative), actor=actor, at=at, elsewhere=True)


def _bring(
    session: Session, project: ProjectRow, packed: PackedVersion, folder: str, *, actor: Actor, at: datetime
) -> ModelVersion:
    """The version of a bundle, as one of this installation."""
    model = _model(session, project, packed, at)
    there = session.exec(
        select(ModelVersion)
        .where(ModelVersion.model_id == model.id, ModelVersion.manifest_digest == packed.manifest_digest)
        .order_by(col(ModelVersion.number))
    ).first()
    if there is not None:
        return there
    return bring_version(
        session,
        model,
        folder=f"{folder}/{packed.folder}",
        manifest=packed.manifest,
        trained_at=packed.trained_at,
        actor=actor,
        at=at,
    )


def _model(session: Session, project: ProjectRow, packed: PackedVersion, at: datetime) -> ModelRow:
    """The model of a packed version; a new one when the project has none of that name."""
    found = session.exec(
        select(ModelRow).where(ModelRow.project_id == project.id, ModelRow.name == packed.model)
    ).first()
    if found is None:
        found = ModelRow(
            project_id=key_of(project),
            name=packed.model,
            target=packed.target,
            prediction_type=packed.prediction_type,
            metric_to_focus=packed.metric_to_focus,
            created_at=at,
        )
        session.add(found)
        session.flush()
        appear(session, found, at=at)
    if (found.target, found.prediction_type) != (packed.target, packed.prediction_type):
        here, there = f"{found.target} ({found.prediction_type})", f"{packed.target} ({packed.prediction_type})"
        reason = f"model {packed.model!r} predicts {here} here, and {there} in the bundle"
        raise ActRefused(project.name, IMPORTING, (reason,))
    return found
