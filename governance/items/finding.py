"""From the path of an item to the item, and the items that somebody may see."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Final

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from governance.audit import Actor
from governance.authorisation import visible_projects
from governance.errors import NotFound
from governance.tables import Item, ProjectRow, Template
from governance.templates import GovernanceTemplate, read_template, unwritable
from governance.vocabulary import ItemKind, ItemState

_REMEDY: Final = (
    "name it as project, project/model, project/model/3 or project/bundle-2; what a project.yaml declares appears with "
    "the first act on it"
)


def find_item(session: Session, path: str, *, actor: Actor | None = None) -> Item:
    """The item of that path.

    Args:
        session: To read with.
        path: ``project``, ``project/model``, ``project/model/3`` or ``project/bundle-2``.
        actor: Who looks; what they may not read is not there for them. None: the caller has asked already.

    Raises:
        NotFound: with the paths that are nearest.
    """
    seen = select(Item) if actor is None else items_for(session, actor)
    named = seen.where(Item.path == path).execution_options(populate_existing=True)
    found = None if unwritable(path) else session.exec(named).first()  # what no database holds, none is asked for
    if found is None:
        known = session.exec(seen.with_only_columns(col(Item.path)).limit(1_000)).all()  # type: ignore[call-overload]
        near = get_close_matches(path, known, n=5, cutoff=0.4)
        raise NotFound("item", path, near, _REMEDY)
    return found


def items_for(
    session: Session,
    actor: Actor,
    *,
    kind: ItemKind | None = None,
    state: ItemState | None = None,
    project: str | None = None,
) -> SelectOfScalar[Item]:
    """A query for the items that somebody may see.

    Args:
        session: To ask for the rights of the actor.
        actor: Who looks.
        kind: Only these.
        state: Only these.
        project: Only the project of that name and what belongs to it.
    """
    query = select(Item)
    if (visible := visible_projects(session, actor)) is not None:
        query = query.where(col(Item.project_id).in_(visible))
    if kind is not None:
        query = query.where(Item.kind == kind)
    if state is not None:
        query = query.where(Item.state == state)
    if project is not None:
        named = select(ProjectRow.id).where(ProjectRow.name == ("" if unwritable(project) else project))
        query = query.where(col(Item.project_id).in_(named))
    return query


def list_items(
    session: Session,
    actor: Actor,
    *,
    kind: ItemKind | None = None,
    state: ItemState | None = None,
    project: str | None = None,
) -> list[Item]:
    """The items that somebody may see, in the order in which they appeared; filters as in :func:`items_for`."""
    query = items_for(session, actor, kind=kind, state=state, project=project)
    return list(session.exec(query.order_by(col(Item.id))))


def template_of(session: Session, item: Item) -> GovernanceTemplate | None:
    """What the template of an item says; none: nobody has governed it."""
    if item.template_id is None:
        return None
    row = session.get_one(Template, item.template_id)
    return read_template(row.source, row.name)
