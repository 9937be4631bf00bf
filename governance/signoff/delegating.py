"""Standing in for somebody: a reviewer or an approver names a delegate for one item."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from governance import gate
from governance.audit import Actor, Tag, note
from governance.authorisation import RIGHTS, Standing, may, may_hold, require, standing_of
from governance.errors import ActRefused, NotAllowed, NotFound
from governance.tables import Delegation, Item, SignOff
from governance.tables.columns import key_of
from governance.templates import SignOffRules
from governance.vocabulary import Right, Role, SignOffStatus


def standing_on(session: Session, item: Item, rules: SignOffRules, actor: Actor) -> Standing:
    """What somebody is on an item: what they are on its project, and the places of those they stand in for.

    A place that its holder has lost is lost to the delegate too, as it is when the delegate may not read the project
    any more. Where duties are separated, nobody approves in the place of who made it or asked for the sign-off.
    """
    own = standing_of(session, item.project_id, actor)
    if not rules.delegation:
        return own
    for row in session.exec(
        select(Delegation).where(Delegation.item_id == item.id, col(Delegation.delegate) == actor.name)
    ):
        if not may_hold(session, actor, row.role) or not _reads(session, item, actor.name):
            continue
        if not _has(standing_of(session, item.project_id, Actor(row.person)), row.role, row.group):
            continue
        if row.role is Role.APPROVER and _mixes_duties(session, item, row.person):
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
        to: The delegate, who may read the project.
        person: Whose place it is; the actor's own, or any for an administrator of the project.
        actor: Who names the delegate.
        at: When.

    Returns:
        The delegation; the one that was there, when there was one.

    Raises:
        ActRefused: delegation is switched off, or the person has no such place, or the review was abandoned, or the
            delegate may not hold it.
        NotAllowed: the actor may not give this place away.
        NotFound: the item is not signed.
    """
    sign_off = _locked(session, item)
    _require_to_give(session, item, person, role, group, actor)
    reasons = []
    if not gate.rules_of(session, item, sign_off).delegation:
        reasons.append("delegation is switched off by the template")
    place = f"{role}{f' of {group}' if group else ''}"
    placeable = role is Role.REVIEWER or (role is Role.APPROVER and not group)
    if not placeable or not _has(standing_of(session, item.project_id, Actor(person)), role, group):
        reasons.append(f"{person} is no {place} here")
    if not may_hold(session, Actor(to), role):
        reasons.append(f"{to} can't hold the role {role}: no active person of that name is known")
    elif not _reads(session, item, to):
        reasons.append(f"{to} may not read the project")
    if to == person:
        reasons.append(f"{to} can't stand in for {to}")
    if sign_off.status is SignOffStatus.ABANDONED:
        reasons.append("the review was abandoned, so all of it is read-only")
    if reasons:
        raise ActRefused(item.path, "delegate", reasons)
    facts: dict[str, Any] = {"item_id": key_of(item), "person": person, "role": role, "group": group, "delegate": to}
    if (known := session.exec(select(Delegation).filter_by(**facts)).first()) is not None:
        return known
    row = Delegation(**facts, created_at=at)
    session.add(row)
    session.flush()
    note(session, Tag.DELEGATION_MADE, item.path, actor=actor, at=at, after=facts_of(row))
    return row


def end_delegation(session: Session, item: Item, number: int, *, actor: Actor, at: datetime) -> None:
    """Take a place back, or give it back.

    Args:
        session: Of the act.
        item: A version or a bundle.
        number: Of the delegation.
        actor: Whose place it is, or their delegate, or an administrator of the project.
        at: When.

    Raises:
        NotFound: the item has no delegation of that number.
        NotAllowed: the actor is none of the three.
        ActRefused: the review was abandoned.
    """
    sign_off = _locked(session, item)
    row = session.get(Delegation, number, populate_existing=True)
    if row is None or row.item_id != item.id:
        require(session, actor, Right.READ, item.project_id)
        raise NotFound("delegation", str(number), [str(known.id) for known in delegations_of(session, item)])
    if actor.name == row.delegate and may_hold(session, actor, row.role):
        require(session, actor, Right.READ, item.project_id)
    else:
        _require_to_give(session, item, row.person, row.role, row.group, actor)
    if sign_off.status is SignOffStatus.ABANDONED:
        raise ActRefused(item.path, "end delegation", ("the review was abandoned, so all of it is read-only",))
    before = facts_of(row)
    session.delete(row)
    session.flush()
    note(session, Tag.DELEGATION_ENDED, item.path, actor=actor, at=at, before=before)


def delegations_of(session: Session, item: Item) -> list[Delegation]:
    """Who stands in for whom."""
    return list(session.exec(select(Delegation).where(Delegation.item_id == item.id).order_by(col(Delegation.id))))


def drop_delegations(session: Session, item: Item) -> None:
    """Nobody stands in for anybody any more; part of a reset, whose audit line names those who did."""
    session.exec(delete(Delegation).where(col(Delegation.item_id) == item.id))


def _locked(session: Session, item: Item) -> SignOff:
    """The sign-off of an item; others who move it or delegate on it wait until the transaction ends."""
    found = session.get(SignOff, key_of(item), populate_existing=True, with_for_update=True)
    if found is None:
        raise NotFound(f"sign-off of {item.kind}", item.path, (), "versions and bundles are signed")
    return found


def _require_to_give(session: Session, item: Item, person: str, role: Role, group: str, actor: Actor) -> None:
    """Only who has a place may give it away, or who hands out places; a token must reach as far."""
    standing = standing_of(session, item.project_id, actor)
    if Right.ADMINISTER in standing.rights:
        return
    require(session, actor, Right.READ, item.project_id)
    if actor.name != person:
        problem = f"the place is {person}'s, who alone may give it away, or an administrator"
        raise NotAllowed(actor.name, "delegate", item.path, problem)
    if actor.scope is not None and not _has(standing, role, group):
        raise NotAllowed(actor.name, "delegate", item.path, f"the token does not reach as far as {person}'s place")


def _mixes_duties(session: Session, item: Item, person: str) -> bool:
    return bool(gate.duties_against(session, item, session.get_one(SignOff, key_of(item)), person))


def _has(standing: Standing, role: Role, group: str) -> bool:
    return role in standing.roles and (role is not Role.REVIEWER or group in standing.groups)


def _reads(session: Session, item: Item, person: str) -> bool:
    return may(session, Actor(person), Right.READ, item.project_id)


def facts_of(row: Delegation) -> dict[str, str]:
    """A delegation as the audit trail keeps it."""
    return {"person": row.person, "role": row.role, "group": row.group, "delegate": row.delegate}
