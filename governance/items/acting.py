"""What every act on items needs: the item as it is, held; one update that decides a race; and what locks it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from sqlmodel import Session, col, select, update

from governance.audit import Actor
from governance.authorisation import require
from governance.errors import ChangedMeanwhile
from governance.items.appearing import SIGNED
from governance.items.revisions import title_of
from governance.tables import Item, SignOff, Template
from governance.tables.columns import key_of
from governance.vocabulary import ItemState, Right, SignOffStatus

LOCKING: Final = frozenset({SignOffStatus.REJECTED, SignOffStatus.ABANDONED})
"""Statuses of a sign-off in which everything about its item stays as it is, but that it can be taken back into sight."""

_AT_ONCE: Final = 1_000
"""So many rows are named in one statement; databases bound it."""


def looked_at(session: Session, item: Item, actor: Actor, expected_revision: int | None) -> Item:
    """The item as it is until the transaction ends; what is above an item is locked before it, so that nobody deadlocks."""
    require(session, actor, Right.WRITE, item.project_id)
    if item.parent_id is not None:
        session.get_one(Item, item.parent_id, with_for_update={"read": True}, populate_existing=True)
    found = session.get_one(Item, key_of(item), with_for_update=True, populate_existing=True)
    if expected_revision not in {None, found.revision}:
        raise changed(found, expected_revision, found.revision)
    return found


def write(session: Session, items: Sequence[Item], **values: Any) -> None:
    """The updates that decide a race: each item is still as it was read."""
    by_revision = sorted(items, key=lambda item: item.revision)
    for seen, same in groupby(by_revision, key=lambda item: item.revision):
        for some in portions(key_of(item) for item in same):
            written = session.exec(
                update(Item)
                .where(col(Item.id).in_(some), col(Item.revision) == seen)
                .values(revision=seen + 1, **values)
                .execution_options(synchronize_session=False)
            )
            if written.rowcount != len(some):
                found = session.get_one(Item, items[0].id, populate_existing=True)
                raise changed(found, seen, found.revision)


def portions(keys: Iterable[int]) -> Iterator[list[int]]:
    """Keys, so many at once as one statement may name."""
    left = sorted(keys)
    for start in range(0, len(left), _AT_ONCE):
        yield left[start : start + _AT_ONCE]


def lock_on(session: Session, item: Item, *, hold: bool = True) -> str | None:
    """Why everything about an item stays as it is; none: it does not.

    Args:
        session: To read with.
        item: Which.
        hold: Whether the sign-off stays as it is read until the transaction ends; needs one that may write.
    """
    if item.kind not in SIGNED:
        return None
    lock = {"read": True} if hold else None
    sign_off = session.get_one(SignOff, key_of(item), with_for_update=lock, populate_existing=True)
    if sign_off.status not in LOCKING:
        return None
    way_out = "cancel the abandonment" if sign_off.status is SignOffStatus.ABANDONED else "edit the final approval"
    return f"the sign-off is {sign_off.status}, which locks it: reset the sign-off, or {way_out}"


def unlocked(session: Session, items: Sequence[Item]) -> list[Item]:
    """Those whose sign-off does not lock them; it stays as it is until the transaction ends."""
    locked: set[int] = set()
    for some in portions(key_of(item) for item in items if item.kind in SIGNED):
        signed = select(SignOff.item_id, SignOff.status).where(col(SignOff.item_id).in_(some))
        held = session.exec(signed.order_by(col(SignOff.item_id)).with_for_update(read=True))
        locked |= {key for key, status in held if status in LOCKING}
    return [item for item in items if item.id not in locked]


def orphaned(session: Session, item: Item) -> Sequence[str]:
    """Why an item can't be governed as long as its parent is not; empty when it is."""
    if item.parent_id is None:
        return ()
    parent = session.get_one(Item, item.parent_id)
    if parent.state is ItemState.GOVERNED:
        return ()
    return (f"its parent {parent.path} is {parent.state}: govern that first",)


def facts_of(session: Session, item: Item) -> dict[str, Any]:
    """An item as the audit trail keeps it."""
    template = None if item.template_id is None else session.get_one(Template, item.template_id)
    return {
        "state": item.state,
        "template": None if template is None else title_of(template),
        "govern_children": item.govern_children,
        "revision": item.revision,
    }


def changed(item: Item, expected: int | None, found: int) -> ChangedMeanwhile:
    """What is said to whoever came second."""
    return ChangedMeanwhile(item.path, f"revision {expected}", f"revision {found}")
