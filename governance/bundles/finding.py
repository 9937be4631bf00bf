"""From the numbers that people use to bundles."""

from __future__ import annotations

from sqlmodel import Session, col, select

from governance.bundles.manifest import PackedVersion, manifest_of
from governance.errors import NotFound
from governance.tables import Bundle, ModelRow, ModelVersion, ProjectRow


def list_bundles(session: Session, project: ProjectRow) -> list[Bundle]:
    """The bundles of a project, latest first."""
    return list(session.exec(select(Bundle).where(Bundle.project_id == project.id).order_by(col(Bundle.number).desc())))


def find_bundle(session: Session, project: ProjectRow, number: int) -> Bundle:
    """The bundle of that number. Raises: NotFound with the known ones."""
    bundles = list_bundles(session, project)
    for bundle in bundles:
        if bundle.number == number:
            return bundle
    known = [str(bundle.number) for bundle in reversed(bundles)]
    raise NotFound(f"bundle of project {project.name!r}", str(number), known, "make one with 'driftgate bundle make'")


def version_here(session: Session, bundle: Bundle, packed: PackedVersion) -> ModelVersion | None:
    """The version of this installation that a bundle means: the first of its model with the same content."""
    return session.exec(
        select(ModelVersion)
        .join(ModelRow)
        .where(
            ModelRow.project_id == bundle.project_id,
            ModelRow.name == packed.model,
            ModelVersion.manifest_digest == packed.manifest_digest,
        )
        .order_by(col(ModelVersion.number))
    ).first()


def versions_here(session: Session, bundle: Bundle) -> dict[str, int | None]:
    """Model: number that its version in the bundle has in this installation; none when it is not here any more."""
    found = {packed.model: version_here(session, bundle, packed) for packed in manifest_of(bundle).versions}
    return {model: None if version is None else version.number for model, version in found.items()}
