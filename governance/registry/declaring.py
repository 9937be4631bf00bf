"""A project as its ``project.yaml`` declares it, brought into the database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from governance.audit import Actor, Tag, note
from governance.authorisation import has_users, may, require
from governance.errors import NotAllowed, ProjectFileError
from governance.items import appear
from governance.people import bring_in, declare_only, declared_places, in_order, last_declared
from governance.project_file import ModelSettings, Project, declares
from governance.tables import EnvironmentRow, ModelRow, ProjectRow, StoreRow
from governance.tables.columns import key_of
from governance.vocabulary import Policy, Right

SENSITIVE: Final = ("people", "separation_of_duties", "environments.")
"""How the names of fields begin that decide who may sign, and where it takes a signature."""

Declared = TypeVar("Declared", EnvironmentRow, ModelRow, StoreRow)


def register_project(
    session: Session, project: Project, *, actor: Actor, at: datetime, elsewhere: bool = False
) -> ProjectRow:
    """Make the database say what the file says; write one audit line, and only when something changed.

    What the file no longer names stays, since versions and evaluations hang on it. People are the exception: whoever
    is no longer named may no longer act. People and policies that others have set meanwhile stay as long as the file
    does not change what it says of them.

    A name belongs to one folder. When the folder on record is gone the project has moved, and the new folder takes its
    place; while it is there, another folder of the same name would take over its people and policies, and is refused.

    Args:
        session: Of the act.
        project: As it was read from its file.
        actor: Who runs the command that read it.
        at: When.
        elsewhere: Whether the file was written for another installation. Where people are known, a new project then
            begins without roles and asks for a signature everywhere: a name there may be somebody else's here.

    Raises:
        ProjectFileError: the project of that name is another one, in another folder; nothing was written.
        NotAllowed: the actor may not change that; people, policies and separation of duties are an administrator's.
    """
    declared = _declared(project)
    row = session.exec(select(ProjectRow).where(ProjectRow.name == project.project)).first()
    if row is not None and not _changes(_recorded(session, row), declared):
        return row
    stranger = elsewhere and row is None and has_users(session)
    if row is None:
        loosens = _loosens(project) and not stranger
        require(session, actor, Right.ADMINISTER if loosens else Right.WRITE, None)
    added = row is None and _added(session, project, at)
    # Several commands may find the same change: one writes it, the others wait here and then find nothing to do.
    row = session.exec(
        select(ProjectRow)
        .where(ProjectRow.name == project.project)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    found = _recorded(session, row)
    if not (changes := _changes(found, declared)):
        return row
    if set(changes) == {"folder"} and not may(session, actor, Right.WRITE, row.id):
        return row  # somebody's own copy of it, on a machine of their own: what it says is unchanged
    if not added:
        require(session, actor, Right.WRITE, row.id)
        _require_administrator(session, row, changes, actor)
        _require_own_name(project, Path(row.folder))
    _write(session, row, project, at, stranger=stranger)
    note(
        session,
        Tag.PROJECT_REGISTERED if added else Tag.PROJECT_CHANGED,
        project.project,
        actor=actor,
        at=at,
        before=None if added else {field: found.get(field) for field in changes},
        after={**changes, "without_roles": True} if stranger else changes,
    )
    return row


def _loosens(project: Project) -> bool:
    """Whether a new project says who may sign, or asks for less than a signature: the rules are not its author's."""
    people = declared_places(project.people)
    return bool(people) or any(place.policy is not Policy.PREVENT for place in project.environments.values())


def _require_administrator(session: Session, row: ProjectRow, changes: dict[str, Any], actor: Actor) -> None:
    """Refuse a change of who may sign, or of where it takes a signature, that is none of an administrator."""
    sensitive = [field for field in changes if field.startswith(SENSITIVE)]
    if sensitive and not may(session, actor, Right.ADMINISTER, row.id):
        problem = f"project.yaml changes {', '.join(sensitive)}, which takes the role administrator"
        raise NotAllowed(actor.name, Right.ADMINISTER, f"project {row.name!r}", problem)


def _added(session: Session, project: Project, at: datetime) -> bool:
    """Add a project that was not there; false when somebody else has added it meanwhile."""
    try:
        with session.begin_nested():
            row = ProjectRow(name=project.project, folder="", created_at=at)
            session.add(row)
            session.flush()
            appear(session, row, at=at)
    except IntegrityError:
        return False
    return True


def _require_own_name(project: Project, recorded: Path) -> None:
    """Refuse a folder while the one on record still holds a project of that name."""
    if project.folder == recorded or not declares(recorded, project.project):
        return
    if project.folder.exists() and project.folder.samefile(recorded):
        return  # the same folder by another path
    problem = f"the project {project.project!r} is the one in {recorded}, which is still there"
    remedy = "give one of the two another name, or remove the folder that is no longer used"
    raise ProjectFileError(project.file, None, "project", problem, remedy)


def _declared(project: Project) -> dict[str, Any]:
    """What the file says, field by field."""
    people = project.people
    return {
        "description": project.description,
        "folder": str(project.folder),
        "separation_of_duties": people.separation_of_duties,
        "people": in_order(declared_places(people)),
        **{f"environments.{name}": {"policy": settings.policy} for name, settings in project.environments.items()},
        **{f"models.{name}": _fields_of(settings) for name, settings in project.models.items()},
        **{
            f"stores.{name}": {"model": store.model, "performance": store.asks_for_labels}
            for name, store in project.stores.items()
        },
    }


def _recorded(session: Session, row: ProjectRow) -> dict[str, Any]:
    """What the database says, in the same fields."""
    environments = session.exec(select(EnvironmentRow).where(EnvironmentRow.project_id == row.id))
    models = session.exec(select(ModelRow).where(ModelRow.project_id == row.id)).all()
    stores = session.exec(select(StoreRow).where(StoreRow.project_id == row.id))
    names = {model.id: model.name for model in models}
    return {
        "description": row.description,
        "folder": row.folder,
        "separation_of_duties": row.separation_of_duties,
        "people": last_declared(row),
        **{f"environments.{environment.name}": {"policy": environment.declared_policy} for environment in environments},
        **{f"models.{model.name}": _fields_of(model) for model in models},
        **{
            f"stores.{store.name}": {
                "model": None if store.model_id is None else names[store.model_id],
                "performance": store.performance,
            }
            for store in stores
        },
    }


def _changes(found: dict[str, Any], declared: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in declared.items() if found.get(field) != value}


def _write(session: Session, row: ProjectRow, project: Project, at: datetime, *, stranger: bool) -> None:
    row.description = project.description
    row.folder = str(project.folder)
    row.separation_of_duties = project.people.separation_of_duties
    if stranger:
        declare_only(session, row, project.people)
    else:
        bring_in(session, row, project.people)
    for name, environment in project.environments.items():
        policy = Policy.PREVENT if stranger else environment.policy
        _bring_environment(session, row, name, policy, declared=environment.policy)
    models = {}
    for name, settings in project.models.items():
        known = session.exec(select(ModelRow.id).where(ModelRow.project_id == row.id, ModelRow.name == name)).first()
        models[name] = _bring(session, ModelRow, row, name, {**_fields_of(settings), "created_at": at})
        if known is None:
            appear(session, models[name], at=at)
    for name, store in project.stores.items():
        fields = {
            "model_id": None if store.model is None else key_of(models[store.model]),
            "performance": store.asks_for_labels,
        }
        _bring(session, StoreRow, row, name, fields)


def _bring(session: Session, kind: type[Declared], project: ProjectRow, name: str, fields: dict[str, Any]) -> Declared:
    """The row of that name, made or changed until it has those fields; when it was made stays."""
    row = session.exec(select(kind).where(kind.project_id == project.id, kind.name == name)).first()
    if row is None:
        row = kind(project_id=key_of(project), name=name, **fields)
    else:
        row.sqlmodel_update({field: value for field, value in fields.items() if field != "created_at"})
    session.add(row)
    session.flush()
    return row


def _bring_environment(session: Session, row: ProjectRow, name: str, policy: Policy, *, declared: Policy) -> None:
    """The environment of that name; what somebody has made of its policy stays until the file says something new."""
    known = session.exec(select(EnvironmentRow).filter_by(project_id=row.id, name=name)).first()
    if known is None or known.declared_policy is not declared:
        revision = 0 if known is None else known.revision + 1
        fields = {"policy": policy, "declared_policy": declared, "revision": revision}
        _bring(session, EnvironmentRow, row, name, fields)


def _fields_of(model: ModelSettings | ModelRow) -> dict[str, Any]:
    return {
        "target": model.target,
        "prediction_type": model.prediction_type,
        "metric_to_focus": model.metric_to_focus,
    }
