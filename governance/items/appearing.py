"""Everything technical becomes an item by itself: governance may take it up, hide it, or leave it alone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlmodel import Session, select

from governance.tables import Bundle, Item, ModelRow, ModelVersion, ProjectRow, SignOff, Template
from governance.tables.columns import key_of
from governance.templates import read_template
from governance.vocabulary import ItemKind, ItemState

SIGNED: Final = frozenset({ItemKind.VERSION, ItemKind.BUNDLE})
"""Kinds of items that people sign."""

Governed = ProjectRow | ModelRow | ModelVersion | Bundle


def appear(session: Session, row: Governed, *, at: datetime) -> Item:
    """Make the item of something that was just recorded, with a sign-off when it is a version or a bundle.

    It is governed from the beginning when its parent is, and something above it is governed with its children. Its
    sign-off has the rules of that even while its parent is hidden. The audit line is that of the act which recorded it.

    Args:
        session: Of the act.
        row: What was recorded; it is in the database.
        at: When.
    """
    kind = kind_of(row)
    parent = _parent(session, row)
    item = Item(
        kind=kind,
        path=f"{parent.path}/{_name(row)}" if parent else _name(row),
        project_id=parent.project_id if parent else key_of(row),
        model_id=key_of(row) if isinstance(row, ModelRow) else row.model_id if isinstance(row, ModelVersion) else None,
        version_id=key_of(row) if isinstance(row, ModelVersion) else None,
        bundle_id=key_of(row) if isinstance(row, Bundle) else None,
        parent_id=parent.id if parent else None,
        appeared_at=at,
    )
    governor = governor_of(session, item)
    if governor is not None and parent is not None and parent.state is ItemState.GOVERNED:
        item.state, item.template_id, item.govern_children = ItemState.GOVERNED, governor.template_id, True
    session.add(item)
    session.flush()
    if kind in SIGNED:
        session.add(SignOff(item_id=key_of(item), configuration=configuration_of(session, item), changed_at=at))
        session.flush()
    return item


def configuration_of(session: Session, item: Item) -> dict[str, object] | None:
    """The rules that a template lays down for the sign-off of an item, for JSON; none: those of its project."""
    governor = governor_of(session, item)
    if governor is None:
        return None
    template = session.get_one(Template, governor.template_id)
    rules = read_template(template.source, template.name).sign_off_rules(item.kind)
    return None if rules is None else rules.model_dump(mode="json")


def governor_of(session: Session, item: Item) -> Item | None:
    """Whose template holds for an item: its own, or that of the nearest above it which is governed with its children."""
    return next((one for one in templated(session, item) if one is item or one.govern_children), None)


def templated(session: Session, item: Item) -> list[Item]:
    """An item and all above it that have a template, the nearest first; in whatever state: hiding takes no rules away."""
    found = [] if item.template_id is None else [item]
    if item.parent_id is None:
        return found
    return found + templated(session, session.get_one(Item, item.parent_id, populate_existing=True))


def kind_of(row: Governed) -> ItemKind:
    """What kind of item something is."""
    kinds = {
        ProjectRow: ItemKind.PROJECT,
        ModelRow: ItemKind.MODEL,
        ModelVersion: ItemKind.VERSION,
        Bundle: ItemKind.BUNDLE,
    }
    return kinds[type(row)]


def item_of(session: Session, row: Governed) -> Item:
    """The item of a project, a model, a version or a bundle, as it is now."""
    match row:
        case ModelVersion():
            where = Item.version_id == row.id
        case Bundle():
            where = Item.bundle_id == row.id
        case ModelRow():
            where = (Item.model_id == row.id) & (Item.kind == ItemKind.MODEL)
        case ProjectRow():
            where = (Item.project_id == row.id) & (Item.kind == ItemKind.PROJECT)
    return session.exec(select(Item).where(where).execution_options(populate_existing=True)).one()


def _parent(session: Session, row: Governed) -> Item | None:
    """The item above; whoever wants to govern it with its children waits until this one is among them."""
    match row:
        case ProjectRow():
            return None
        case ModelVersion():
            parent = item_of(session, session.get_one(ModelRow, row.model_id))
        case _:
            parent = item_of(session, session.get_one(ProjectRow, row.project_id))
    return session.get_one(Item, key_of(parent), with_for_update={"read": True}, populate_existing=True)


def _name(row: Governed) -> str:
    match row:
        case ModelVersion():
            return str(row.number)
        case Bundle():
            return f"bundle-{row.number}"
        case _:
            return row.name
