"""From the names that people use to the rows. Every :class:`NotFound` says what there is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlmodel import Session, col, select

from governance.errors import NotFound
from governance.tables import ActiveVersion, EnvironmentRow, ModelRow, ModelVersion, ProjectRow

Named = TypeVar("Named", ModelRow, EnvironmentRow)


def list_projects(session: Session) -> list[ProjectRow]:
    """Every project that anything was ever recorded of, by name."""
    return list(session.exec(select(ProjectRow).order_by(ProjectRow.name)))


def find_project(session: Session, project: str) -> ProjectRow:
    """The project of that name."""
    row = session.exec(select(ProjectRow).where(ProjectRow.name == project)).first()
    if row is None:
        raise NotFound("record of project", project, (), "train a version with 'driftgate train'")
    return row


def find_model(session: Session, project: str, model: str) -> ModelRow:
    """The model of that name in a project."""
    known = session.exec(
        select(ModelRow).join(ProjectRow).where(ProjectRow.name == project).order_by(ModelRow.name)
    ).all()
    remedy = "declare it under models in project.yaml, then train it with 'driftgate train'"
    return _pick("model", known, model, remedy)


def find_environment(session: Session, project: str, environment: str) -> EnvironmentRow:
    """The environment of that name in a project."""
    known = session.exec(
        select(EnvironmentRow).join(ProjectRow).where(ProjectRow.name == project).order_by(EnvironmentRow.name)
    ).all()
    remedy = "declare it under environments in project.yaml; the next act on the project records it"
    return _pick("environment", known, environment, remedy)


def list_environments(session: Session, project: str) -> list[EnvironmentRow]:
    """The environments of a project that are recorded, by name."""
    query = select(EnvironmentRow).join(ProjectRow).where(ProjectRow.name == project).order_by(EnvironmentRow.name)
    return list(session.exec(query))


def find_version(
    session: Session, model: ModelRow, reference: str | int, environment: EnvironmentRow | None = None
) -> ModelVersion:
    """The version that a reference means.

    Args:
        session: To read with.
        model: Whose version.
        reference: ``latest``, ``active`` or a number, also as text.
        environment: Where ``active`` looks; not needed for the others.

    Raises:
        NotFound: there is none; the sentence says how to get one.
    """
    versions = list_versions(session, model)
    if not versions:
        raise NotFound("version of model", model.name, (), "train one with 'driftgate train'")
    if reference == "latest":
        return versions[0]
    if reference == "active":
        return _active_version(session, model, environment)
    for version in versions:
        if str(reference).removeprefix("v") == str(version.number):
            return version
    known = [str(version.number) for version in reversed(versions)]
    raise NotFound(f"version of model {model.name!r}", str(reference), [*known, "latest", "active"], "name one of them")


def list_versions(session: Session, model: ModelRow) -> list[ModelVersion]:
    """The versions of a model, latest first."""
    query = select(ModelVersion).where(ModelVersion.model_id == model.id).order_by(col(ModelVersion.number).desc())
    return list(session.exec(query))


def active_versions(session: Session, model: ModelRow) -> dict[str, int]:
    """Environment: number of the version that is active in it. Environments without one are left out."""
    query = (
        select(EnvironmentRow.name, ModelVersion.number)
        .join(ActiveVersion, col(ActiveVersion.environment_id) == EnvironmentRow.id)
        .join(ModelVersion, col(ActiveVersion.version_id) == ModelVersion.id)
        .where(ActiveVersion.model_id == model.id)
        .order_by(EnvironmentRow.name)
    )
    return dict(session.exec(query).all())


def active_revision(session: Session, model: ModelRow, environment: EnvironmentRow) -> int:
    """How often what is active there has changed, as an activation may ask for it; 0 while nothing is active."""
    found = session.get(ActiveVersion, (model.id, environment.id), populate_existing=True)
    return 0 if found is None else found.revision


def path_of(session: Session, version: ModelVersion) -> str:
    """A version as a path of names: ``project/model/number``."""
    model = session.get_one(ModelRow, version.model_id)
    return f"{session.get_one(ProjectRow, model.project_id).name}/{model.name}/{version.number}"


def _active_version(session: Session, model: ModelRow, environment: EnvironmentRow | None) -> ModelVersion:
    if environment is None:
        raise NotFound("active version of model", model.name, (), "say in which environment")
    found = session.get(ActiveVersion, (model.id, environment.id), populate_existing=True)
    if found is None:
        remedy = "activate one with 'driftgate version activate', or name another version"
        raise NotFound(f"version of model {model.name!r} active in environment", environment.name, (), remedy)
    return session.get_one(ModelVersion, found.version_id)


def _pick(kind: str, known: Sequence[Named], name: str, remedy: str) -> Named:
    for row in known:
        if row.name == name:
            return row
    raise NotFound(kind, name, [row.name for row in known], remedy)
