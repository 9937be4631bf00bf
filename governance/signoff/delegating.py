"""Standing in for somebody: a reviewer or an approver names a delegate for one item."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from governance import gate
from governance.audit import Actor, Tag, note
from governance.authorisation import RIGHTS, Standing, may_hold, require, standing_of
from governance.errors import ActRefused, NotFound
from governance.tables import Delegation, Item, SignOff
from governance.tables.columns import key_of
from governance.templates import SignOffRules
from governance.vocabulary import Right, Role, SignOffStatus


def standing_on(session: Session, item: Item, rules: SignOffRules, actor: Actor) -> Standing:
    """What somebody is on an item: what they are on its project, and the places of those they stand in for.

    A place that its holder has lost is lost to the delegate too.
    """
    own = standing_of(session, item.project_id, actor)
    if not rules.delegation:
        return own
    for row in session.exec(
        select(Delegation).where(Delegation.item_id == item.id, col(Delegation.delegate) == actor.name)
    ):
        if not may_hold(session, actor, row.role) or not _holds(session, item, row.person, row.role, row.group):
            continue
        own = replace(
            own,
            roles=own.roles | {row.role},
            groups=own.groups | ({row.group} if row.role is Role.REVIEWER else set()),
            rights=own.rights | RIGHTS[row.role],
        )
    return own


def delegate(
    session: Session, item: Item, *, role: Role, group: str, to: str, person: str, actor: Actor, at: datetime
) -> Delegation:
    """Let somebody review, or approve, one item in somebody's place.

    Args:
        session: Of the act.
        item: A version or a bundle.
        role: REVIEWER or APPROVER.
        group: Feedback group of a reviewer; else empty.
        to: The delegate.
        person: Whose place it is; the actor's own, or any for a writer of the project.
        actor: Who names the delegate.
        at: When.

    Raises:
        ActRefused: delegation is switched off, or the person has no such place, or the review was abandoned.
        NotAllowed: the actor may not give this place away, or the delegate may not hold it.
    """
    sign_off = session.get_one(SignOff, key_of(item), populate_existing=True)
    if actor.name != person:
        require(session, actor, Right.WRITE, item.project_id)
    require(session, actor, Right.READ, item.project_id)
    reasons = []
    if not gate.rules_of(session, item, sign_off).delegation:
        reasons.append("delegation is switched off by the template")
    if role not in {Role.REVIEWER, Role.APPROVER} or not _holds(session, item, person, role, group):
        reasons.append(f"{person} is no {role}{f' of {group}' if group else ''} here")
    if not may_hold(session, Actor(to), role):
        reasons.append(f"{to} can't be a {role}: no active person of that name is known")
    if to == person:
        reasons.append(f"{to} can't stand in for {to}")
    if sign_off.status is SignOffStatus.ABANDONED:
        reasons.append("the review was abandoned, so all of it is read-only")
    if reasons:
        raise ActRefused(item.path, "delegate", reasons)
    place: dict[str, Any] = {"item_id": key_of(item), "person": person, "role": role, "group": group, "delegate": to}
    if (known := session.exec(select(Delegation).filter_by(**place)).first()) is not None:
        return known
    row = Delegation(**place, created_at=at)
    session.add(row)
    session.flush()
    note(session, Tag.DELEGATION_MADE, item.path, actor=actor, at=at, after=_facts(row))
    return row


def end_delegation(session: Session, item: Item, number: int, *, actor: Actor, at: datetime) -> None:
    """Take a place back. Raises: NotFound; NotAllowed: it is neither the actor's nor is the actor a writer."""
    row = session.get(Delegation, number)
    if row is None or row.item_id != item.id:
        known = session.exec(select(Delegation.id).where(Delegation.item_id == item.id)).all()
        raise NotFound("delegation", str(number), [str(key) for key in known])
    if actor.name != row.person:
        require(session, actor, Right.WRITE, item.project_id)
    require(session, actor, Right.READ, item.project_id)
    before = _facts(row)
    session.delete(row)
    session.flush()
    note(session, Tag.DELEGATION_ENDED, item.path, actor=actor, at=at, before=before)


def delegations_of(session: Session, item: Item) -> list[Delegation]:
    """Who stands in for whom."""
    return list(session.exec(select(Delegation).where(Delegation.item_id == item.id).order_by(col(Delegation.id))))


def drop_delegations(session: Session, item: Item) -> None:
    """Nobody stands in for anybody any more; part of a reset, whose audit line says so."""
    session.exec(delete(Delegation).where(col(Delegation.item_id) == item.id))


def _holds(session: Session, item: Item, person: str, role: Role, group: str) -> bool:
    standing = standing_of(session, item.project_id, Actor(person))
    return role in standing.roles and (role is not Role.REVIEWER or group in standing.groups)


def _facts(row: Delegation) -> dict[str, str]:
    return {"person": row.person, "role": row.role, "group": row.group, "delegate": row.delegate}
