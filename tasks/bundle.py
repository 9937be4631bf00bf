"""Bundles where the work meets the world: what is packed, and one transaction for each act."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from governance.errors import (
    ActivationRefused,
    ChangedMeanwhile,
    ConfirmationNeeded,
    NotFound,
    UnreadableFile,
)
from tasks import edge

if TYPE_CHECKING:
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project
    from governance.tables import Bundle, EnvironmentRow


def make(project: Project, environment: str | None, actor: Actor) -> dict[str, Any]:
    """Freeze a project and the versions that are active in an environment; ``None``: the monitored one.

    Raises:
        ActRefused: nothing is active there.
        ContentAltered: a version is not what was recorded.
        UnreadableFile: a file that project.yaml names is not there, or outside of its folder.
    """
    from governance import artifacts, bundles, registry
    from governance.settings import settings
    from tasks.learning.environment import code_revision, package_versions

    where = _declared(project, environment)
    files = configuration_files(project)
    store = settings().artifacts_folder
    artifacts.sweep(store)
    with edge.known(project, actor) as session:
        row = registry.find_project(session, project.project)
        place = registry.find_environment(session, project.project, where)
    with (
        edge.reading() as session,  # nobody waits while files are copied
        bundles.packed(
            session,
            row,
            environment=place,
            artifacts=store,
            files=files,
            code_revision=code_revision(Path(__file__).parent),
            packages=package_versions(),
            actor=actor,
            at=edge.now(),
        ) as packed,
        edge.transaction() as writing,
    ):
        bundle = bundles.make_bundle(writing, packed, artifacts=store, actor=actor, at=edge.now())
        return describe(writing, bundle)


def export(project: Project, number: int, target: Path, actor: Actor) -> dict[str, Any]:
    """Write a bundle into one file. Raises: ContentAltered, UnreadableFile."""
    from governance import bundles, registry
    from governance.settings import settings

    with edge.known(project, actor) as session:
        bundle = bundles.find_bundle(session, registry.find_project(session, project.project), number)
        described = describe(session, bundle)
    with (
        edge.reading() as session,  # nobody waits while the file is written
        bundles.export_bundle(session, bundle, settings().artifacts_folder, target, actor=actor),
        edge.transaction() as writing,
    ):
        bundles.note_export(writing, bundle, target.name, actor=actor, at=edge.now())
    return {**described, "file": target, "bytes": target.stat().st_size}


def bring_in(file: Path, actor: Actor) -> dict[str, Any]:
    """Import a bundle that another installation has exported. Raises: UnreadableFile, ActRefused."""
    from governance import artifacts, bundles
    from governance.settings import settings
    from governance.tables import ProjectRow

    store = settings().artifacts_folder
    artifacts.sweep(store)
    with (
        edge.reading() as session,  # nobody waits while files are unpacked
        bundles.unpacked(session, file, store, actor=actor) as parcel,
        edge.transaction() as writing,
    ):
        bundle = bundles.import_bundle(writing, parcel, store, actor=actor, at=edge.now())
        project = writing.get_one(ProjectRow, bundle.project_id)
        return {**describe(writing, bundle), "folder": project.folder}


def activate(project: Project, number: int, environment: str | None, actor: Actor, *, confirm: bool) -> dict[str, Any]:
    """Make all versions of a bundle active in an environment; a refusal is kept in the audit trail.

    Raises:
        ActivationRefused, ConfirmationNeeded, ChangedMeanwhile: nothing changed.
    """
    from governance import registry

    where = _declared(project, environment)
    with edge.known(project, actor) as session:
        try:
            with session.begin_nested():
                return _activated(session, project, number, where, actor, confirm=confirm)
        except (ActivationRefused, ConfirmationNeeded, ChangedMeanwhile) as refused:
            path = f"{project.project}/bundle-{number}"
            registry.note_refusal(session, refused, environment=where, actor=actor, at=edge.now(), bundle=path)
            refusal = refused
    raise refusal


def _activated(
    session: Session, project: Project, number: int, where: str, actor: Actor, *, confirm: bool
) -> dict[str, Any]:
    from governance import bundles, registry
    from governance.settings import settings

    bundle = bundles.find_bundle(session, registry.find_project(session, project.project), number)
    place: EnvironmentRow = registry.find_environment(session, project.project, where)
    store = settings().artifacts_folder
    made = bundles.activate_bundle(session, bundle, place, artifacts=store, actor=actor, at=edge.now(), confirm=confirm)
    reasons = sorted({reason for activation in made for reason in activation.reasons})
    return {**describe(session, bundle), "environment": where, "reasons": reasons}


def describe(session: Session, bundle: Bundle) -> dict[str, Any]:
    """A bundle as lists and commands show it."""
    from governance import bundles, items, signoff

    item = items.item_of(session, bundle)
    return {
        "bundle": bundle.number,
        "path": item.path,
        "sign_off": signoff.status_of(session, item),
        "environment": bundle.manifest["environment"],
        "versions": bundles.versions_here(session, bundle),
        "imported": bundle.imported,
        "made_by": bundle.made_by,
        "made_at": bundle.made_at.isoformat(),
        "digest": bundle.manifest_digest,
    }


def configuration_files(project: Project) -> dict[str, bytes]:
    """``project.yaml`` and the Python files that it names, by their paths in its folder.

    Raises:
        UnreadableFile: a file is not there, or outside of the folder.
    """
    from governance.project_file import FILE_NAME

    places = [
        *(place for model in project.models.values() for place in model.custom_metrics.values()),
        *(
            place
            for store in project.stores.values()
            if store.standalone is not None
            for place in store.standalone.custom_metrics.values()
        ),
    ]
    files = {FILE_NAME: _read(project.file)}
    root = project.folder.resolve()
    for place in places:
        name = os.path.normpath(place.rpartition(":")[0])
        file = (root / name).resolve()
        if not file.is_relative_to(root):
            raise UnreadableFile(place, "the file is outside the project's folder", "put it beside project.yaml")
        files[PurePath(name).as_posix()] = _read(file)
    return files


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        problem = f"it can't be read ({error.strerror})"
        raise UnreadableFile(file, problem, "create it, or mend project.yaml") from error


def _declared(project: Project, environment: str | None) -> str:
    where = environment or project.monitored_environment
    if where not in project.environments:
        raise NotFound("environment", where, sorted(project.environments), "name one of them")
    return where
