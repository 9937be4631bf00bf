"""Hiding items that nobody wants to see, and taking them back."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActRefused
from governance.items.acting import facts_of, lock_on, looked_at, orphaned, write
from governance.items.appearing import templated
from governance.tables import Item
from governance.vocabulary import ItemState, Right


def hide(session: Session, item: Item, *, actor: Actor, at: datetime, expected_revision: int | None = None) -> Item:
    """Take an item out of sight. Nothing is deleted; a governed one rests until it is taken back, and its rules hold on.

    Args:
        session: Of the act.
        item: Not hidden, with nothing governed below it, and not locked by its sign-off.
        actor: A writer of the project; an administrator when the item has a template, or anything above it has one.
        at: When.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Raises:
        NotAllowed: the actor does not write there, or does not administer.
        ActRefused: it is hidden already, or locked, or items below it are governed.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    found = looked_at(session, item, actor, expected_revision)
    if templated(session, found):
        require(session, actor, Right.ADMINISTER, found.project_id)
    governed = session.exec(
        select(Item.path).where(Item.parent_id == found.id, Item.state == ItemState.GOVERNED).limit(5)
    ).all()
    if found.state is ItemState.HIDDEN:
        raise ActRefused(found.path, "hide", ("it is hidden already",))
    if governed:
        raise ActRefused(found.path, "hide", (f"{', '.join(governed)} below it are governed: hide them first",))
    if (locked := lock_on(session, found)) is not None:
        raise ActRefused(found.path, "hide", (locked,))
    return _put(session, found, ItemState.HIDDEN, Tag.ITEM_HIDDEN, actor, at)


def unhide(session: Session, item: Item, *, actor: Actor, at: datetime, expected_revision: int | None = None) -> Item:
    """Bring a hidden item back as it was: governed, if it was governed and its parent still is.

    Raises:
        NotAllowed: the actor does not write there.
        ActRefused: it is not hidden, or its parent must be taken back first.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    found = looked_at(session, item, actor, expected_revision)
    if found.state is not ItemState.HIDDEN:
        raise ActRefused(found.path, "unhide", (f"it is {found.state}, not HIDDEN",))
    if found.template_id is None:
        return _put(session, found, ItemState.GOVERNABLE, Tag.ITEM_UNHIDDEN, actor, at)
    if reasons := orphaned(session, found):
        raise ActRefused(found.path, "unhide", reasons)
    return _put(session, found, ItemState.GOVERNED, Tag.ITEM_UNHIDDEN, actor, at)


def _put(session: Session, item: Item, state: ItemState, tag: Tag, actor: Actor, at: datetime) -> Item:
    before = facts_of(session, item)
    write(session, [item], state=state)
    after = session.get_one(Item, item.id, populate_existing=True)
    note(session, tag, item.path, actor=actor, at=at, before=before, after=facts_of(session, after))
    return after
