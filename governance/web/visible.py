"""From what an address names to rows that the caller may see. What they may not see is not there (404)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import ColumnElement, true
from sqlmodel import col, or_, select

from governance import registry
from governance.authorisation import may, visible_projects
from governance.errors import NotFound
from governance.items import SIGNED
from governance.tables import (
    Assignment,
    Bundle,
    Evaluation,
    Item,
    ModelRow,
    ModelVersion,
    Override,
    ProjectRow,
    StoreRow,
    User,
)
from governance.tables.columns import key_of
from governance.vocabulary import Right
from governance.web.routing import Act

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
"""A key in an address, as large as the database has them."""

Name = Annotated[str, Path(min_length=1, max_length=120)]
"""A name in an address."""


def among_visible(act: Act, column: Any) -> ColumnElement[bool]:
    """Whether a row's project is one that the caller may see."""
    keys = visible_projects(act.session, act.actor)
    return true() if keys is None else col(column).in_(keys)


def visible_project(act: Act, name: str) -> ProjectRow:
    """The project of that name. Raises: NotFound, in the same words when it may not be seen."""
    row = act.session.exec(select(ProjectRow).where(ProjectRow.name == name)).first()
    if row is None or not may(act.session, act.actor, Right.READ, key_of(row)):
        raise NotFound("project", name)
    return row


def may_see_user(act: Act, user: User) -> bool:
    """Whether somebody may know of a user what is not in the record: their own, or as an administrator."""
    return user.name == act.actor.name or may(act.session, act.actor, Right.ADMINISTER, None)


def visible_user(act: Act, name: str) -> User:
    """The user of that name. Raises: NotFound, in the same words when they may not be seen."""
    row = act.session.exec(select(User).where(User.name == name)).first()
    if row is None or not may_see_user(act, row):
        raise NotFound("user", name)
    return row


def own_or_visible(act: Act) -> ColumnElement[bool]:
    """Whether a role is the caller's own, or on a project that they may see."""
    return or_(among_visible(act, Assignment.project_id), col(Assignment.person) == act.actor.name)


def visible_item(act: Act, number: int) -> Item:
    """The item of that number. Raises: NotFound, as for :func:`visible_project`."""
    row = act.session.get(Item, number)
    if row is None or not may(act.session, act.actor, Right.READ, row.project_id):
        raise NotFound("item", str(number))
    return row


def visible_signed(act: Act, number: int) -> Item:
    """The version or the bundle of that number as an item. Raises: NotFound, also when nobody signs such an item."""
    item = visible_item(act, number)
    if item.kind not in SIGNED:
        raise NotFound(f"sign-off of {item.kind}", item.path, (), "versions and bundles are signed")
    return item


def visible_model(act: Act, project: str, model: str) -> ModelRow:
    """The model of that name. Raises: NotFound."""
    return registry.find_model(act.session, visible_project(act, project).name, model)


def visible_version(act: Act, project: str, model: str, version: int) -> ModelVersion:
    """The version of that number. Raises: NotFound."""
    row = visible_model(act, project, model)
    found = act.session.exec(
        select(ModelVersion).where(ModelVersion.model_id == row.id, ModelVersion.number == version)
    ).first()
    if found is None:
        raise NotFound(f"version of model {model!r}", str(version))
    return found


def visible_bundle(act: Act, project: str, number: int) -> Bundle:
    """The bundle of that number. Raises: NotFound."""
    found = visible_project(act, project)
    row = act.session.exec(select(Bundle).where(Bundle.project_id == found.id, Bundle.number == number)).first()
    if row is None:
        raise NotFound(f"bundle of project {project!r}", str(number))
    return row


def visible_evaluation(act: Act, number: str) -> Evaluation:
    """The evaluation of that id. Raises: NotFound."""
    row = act.session.get(Evaluation, number)
    if row is None or not may(
        act.session, act.actor, Right.READ, act.session.get_one(StoreRow, row.store_id).project_id
    ):
        raise NotFound("evaluation", number)
    return row


def visible_override(act: Act, number: int) -> Override:
    """The override of that number. Raises: NotFound."""
    row = act.session.get(Override, number, populate_existing=True)
    if row is not None:
        version = act.session.get_one(ModelVersion, row.version_id)
        project = act.session.get_one(ModelRow, version.model_id).project_id
        if may(act.session, act.actor, Right.READ, project):
            return row
    raise NotFound("override", str(number))
