"""Being told about every change of the status of an item."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActRefused
from governance.notices import can_be_told, told_of
from governance.tables import Item, Subscription
from governance.tables.columns import key_of
from governance.vocabulary import Right


def subscribe(session: Session, item: Item, person: str, *, actor: Actor, at: datetime) -> None:
    """Have somebody told about every change of the status of an item; who is told already stays so, without a line.

    Args:
        session: Of the act.
        item: Any.
        person: Who is told, and may read the project.
        actor: The same, or a contributor to the project.
        at: When.

    Raises:
        NotAllowed: the actor may not read the project, not write on it to subscribe somebody else, or has a token to
            read only.
        ActRefused: the person is unknown or may not read the project.
    """
    _require(session, item, person, actor)
    if not can_be_told(session, person, item.project_id):
        raise ActRefused(item.path, "subscribe", (f"{person} is no active user who may read the project",))
    if _locked(session, item, person) is not None:
        return
    session.add(Subscription(item_id=key_of(item), person=person))
    session.flush()
    note(session, Tag.SUBSCRIPTION_BEGUN, item.path, actor=actor, at=at, after={"person": person})


def unsubscribe(session: Session, item: Item, person: str, *, actor: Actor, at: datetime) -> None:
    """Have somebody told no more; who is not told anyway stays so, without a line. Raises: as :func:`subscribe`."""
    _require(session, item, person, actor)
    row = _locked(session, item, person)
    if row is None:
        return
    session.delete(row)
    session.flush()
    note(session, Tag.SUBSCRIPTION_ENDED, item.path, actor=actor, at=at, before={"person": person})


def subscribers_of(session: Session, item: Item) -> list[str]:
    """Who is told, by name, as far as they may still read the project."""
    people = session.exec(
        select(Subscription.person).where(Subscription.item_id == item.id).order_by(col(Subscription.person))
    )
    return told_of(session, people, item.project_id)


def _require(session: Session, item: Item, person: str, actor: Actor) -> None:
    require(session, actor, Right.READ if actor.name == person else Right.WRITE, item.project_id)


def _locked(session: Session, item: Item, person: str) -> Subscription | None:
    """The subscription of somebody; others who subscribe to the item wait until the transaction ends."""
    session.exec(select(Item.id).where(Item.id == item.id).with_for_update()).one()
    return session.get(Subscription, (item.id, person), populate_existing=True)
