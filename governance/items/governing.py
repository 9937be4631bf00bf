"""Taking items up into governance, moving them to another template, and hiding those that nobody wants to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlmodel import Session, col, select, update

from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActRefused
from governance.items.acting import facts_of, lock_on, looked_at, orphaned, portions, unlocked, write
from governance.items.appearing import SIGNED, configuration_of, templated
from governance.items.revisions import title_of
from governance.tables import Item, SignOff, Template
from governance.tables.columns import key_of
from governance.vocabulary import ItemState, Right, SignOffStatus, TemplateState


def govern(
    session: Session,
    item: Item,
    template: Template,
    *,
    children: bool,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Item:
    """Take an item up into governance.

    Args:
        session: Of the act.
        item: GOVERNABLE, with a parent that is governed, and not locked by its sign-off; or governed by this template
            so far without its children.
        template: An ACTIVE revision; the item keeps it until it is moved.
        children: Whether everything below it that is neither hidden nor locked is governed too, now and when it appears.
        actor: A writer of the project; an administrator when what is above is governed by a template of another name,
            since the rules of this one may be weaker.
        at: When.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Returns:
        The item. A sign-off that has begun keeps the rules it began with; the audit line names those.

    Raises:
        NotAllowed: the actor does not write there, or does not administer.
        ActRefused: the item, its parent or the template is not in the state for it; every reason is named.
        ChangedMeanwhile: somebody else changed one of the items first; nothing was written.
    """
    found = looked_at(session, item, actor, expected_revision)
    row = session.get_one(Template, key_of(template), with_for_update={"read": True}, populate_existing=True)
    reasons = [*_not_governable(session, found, row, children=children), *_not_active(row)]
    if reasons:
        raise ActRefused(found.path, "govern", reasons)
    above = templated(session, found)
    if above and session.get_one(Template, above[0].template_id).name != row.name:
        require(session, actor, Right.ADMINISTER, found.project_id)
    before = facts_of(session, found)
    values = {"template_id": row.id, "state": ItemState.GOVERNED, "govern_children": children}
    level, reached = [found], list[Item]()
    while level:
        write(session, level, **values)
        reached += level
        # Read only now: whatever appeared below until the level was written is among them.
        level = unlocked(session, _below(session, level, ItemState.GOVERNABLE)) if children else []
    said = {"with_children": [one.path for one in reached[1:]], **_renew_rules(session, reached)}
    after = session.get_one(Item, found.id, populate_existing=True)
    after_said = {**facts_of(session, after), **said}
    note(session, Tag.ITEM_GOVERNED, found.path, actor=actor, at=at, before=before, after=after_said)
    return after


def move(
    session: Session,
    item: Item,
    template: Template,
    *,
    children: bool = False,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Item:
    """Give a governed item another revision of its template, or another template.

    What was written into fields and done in steps stays where the new revision has the same keys. A sign-off that has
    begun keeps its rules until it is reset with them.

    Args:
        session: Of the act.
        item: GOVERNED, and not locked by its sign-off.
        template: An ACTIVE revision.
        children: Whether the governed items below it move too; those that are locked stay.
        actor: A writer of the project; an administrator when the template is of another name, since its rules may be
            weaker.
        at: When.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Raises:
        NotAllowed: the actor does not write there, or does not administer.
        ActRefused: the item or the template is not in the state for it; every reason is named.
        ChangedMeanwhile: somebody else changed one of the items first; nothing was written.
    """
    found = looked_at(session, item, actor, expected_revision)
    row = session.get_one(Template, key_of(template), with_for_update={"read": True}, populate_existing=True)
    reasons = [] if found.state is ItemState.GOVERNED else [f"it is {found.state}, not GOVERNED"]
    reasons += _not_active(row)
    if (locked := lock_on(session, found)) is not None:
        reasons.append(locked)
    if reasons:
        raise ActRefused(found.path, "move", reasons)
    level, reached = [found], [found]
    while children and level:
        level = unlocked(session, _below(session, level, ItemState.GOVERNED))
        reached += level
    targets = [one for one in reached if one.template_id != row.id]
    if not targets:
        return found
    earlier = [session.get_one(Template, key) for key in {one.template_id for one in targets}]
    if any(one.name != row.name for one in earlier):
        require(session, actor, Right.ADMINISTER, found.project_id)
    before = facts_of(session, found)
    write(session, targets, template_id=row.id)
    with_children = [one.path for one in targets if one.id != found.id]
    said = {"with_children": with_children, **_renew_rules(session, targets)}
    after = session.get_one(Item, found.id, populate_existing=True)
    after_said = {**facts_of(session, after), **said}
    note(session, Tag.ITEM_MOVED, found.path, actor=actor, at=at, before=before, after=after_said)
    return after


def _not_governable(session: Session, item: Item, template: Template, *, children: bool) -> Iterator[str]:
    only_children = children and not item.govern_children and item.template_id == template.id
    if item.state is ItemState.GOVERNED and not only_children:
        yield f"it is governed already, by {facts_of(session, item)['template']}: move it"
    if item.state is ItemState.HIDDEN:
        yield "it is hidden: unhide it first"
    if (locked := lock_on(session, item)) is not None:
        yield locked
    yield from orphaned(session, item)


def _not_active(template: Template) -> Sequence[str]:
    if template.state is TemplateState.ACTIVE:
        return ()
    return (f"{title_of(template)} is {template.state}, not ACTIVE",)


def _below(session: Session, items: Sequence[Item], state: ItemState) -> list[Item]:
    """The children of items that are in a state."""
    found: list[Item] = []
    for some in portions(key_of(item) for item in items):
        children = select(Item).where(col(Item.parent_id).in_(some), Item.state == state)
        in_order = children.order_by(col(Item.id)).with_for_update()
        found += session.exec(in_order.execution_options(populate_existing=True))
    return found


def _renew_rules(session: Session, items: Iterable[Item]) -> Mapping[str, Any]:
    """Give sign-offs that have not begun the rules of the template; the paths of those that keep theirs."""
    signed = [session.get_one(Item, item.id, populate_existing=True) for item in items if item.kind in SIGNED]
    begun: list[str] = []
    for _, same in groupby(sorted(signed, key=lambda item: item.kind), key=lambda item: item.kind):
        of_kind = list(same)
        rules = configuration_of(session, of_kind[0])
        for some in portions(key_of(item) for item in of_kind):
            session.exec(
                update(SignOff)
                .where(col(SignOff.item_id).in_(some), col(SignOff.status) == SignOffStatus.NOT_STARTED)
                .values(configuration=rules, revision=col(SignOff.revision) + 1)
                .execution_options(synchronize_session=False)
            )
            kept = (
                select(Item.path)
                .join(SignOff)
                .where(col(SignOff.item_id).in_(some), SignOff.status != SignOffStatus.NOT_STARTED)
            )
            begun += session.exec(kept.order_by(col(Item.id)))
    return {"sign_offs_with_rules_of_before": begun}
