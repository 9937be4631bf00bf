"""Filling in the fields of an item."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Session

from governance.audit import Actor, Tag, note
from governance.errors import ActRefused, NotFound, UnusableValue
from governance.items import find_item, write
from governance.tables import Item, ItemField
from governance.tables.columns import key_of
from governance.templates import TemplateField, accepted
from governance.vocabulary import FieldKind
from governance.workflow.state import Course, course_to_act_on, is_done


def set_field(
    session: Session,
    item: Item,
    step: str,
    field: str,
    value: Any,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> ItemField | None:
    """Write a value into a field. What a step says can be corrected after it is done, until the sign-off locks it.

    Args:
        session: Of the act.
        item: A governed one.
        step: Key of the step; empty for a field of the overview.
        field: Key of the field.
        value: As JSON has it; none, an empty text or an empty list empties the field.
        actor: A writer of the project.
        at: When.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Returns:
        The field, or none when it is empty now. A value that was there already changes nothing.

    Raises:
        NotAllowed: the actor does not write on the project.
        NotFound: the workflow has no such step or field.
        UnusableValue: the field does not take the value.
        ActRefused: the item is locked, or the field is required by a step that is done and would be empty.
        ChangedMeanwhile: somebody else changed the item first; nothing was written.
    """
    course = course_to_act_on(session, item, "set", actor, expected_revision)
    declared = course.workflow.field(step, field)
    wanted = accepted(declared, value)
    if declared.kind is FieldKind.REFERENCE and wanted is not None:
        _require_item(session, declared, wanted, actor)
    row = session.get(ItemField, (course.item.id, step, field), populate_existing=True)
    before = None if row is None else row.value
    if _same(before, wanted):
        return row
    if wanted is None:
        refuse_to_empty(course, step, declared, "set")
    write(session, [course.item])
    if wanted is None:
        session.delete(row)
        row = None
    else:
        row = row or ItemField(item_id=key_of(course.item), step=step, field=field, changed_by="", changed_at=at)
        row.sqlmodel_update({"value": wanted, "changed_by": actor.name, "changed_at": at})
        session.add(row)
    session.flush()
    place = {"step": step, "field": field}
    note(
        session,
        Tag.FIELD_CHANGED,
        course.item.path,
        actor=actor,
        at=at,
        before={**place, "value": before},
        after={**place, "value": wanted},
    )
    return row


def refuse_to_empty(course: Course, step: str, field: TemplateField, action: str) -> None:
    """A step that is done keeps what it required. Raises: ActRefused."""
    if field.required and is_done(course, step):
        name = course.workflow.step(step).name
        reason = (
            f"the field {field.name!r} is required, and the step {name!r} is {course.statuses[step]}: reopen it first"
        )
        raise ActRefused(course.item.path, action, (reason,))


def _require_item(session: Session, field: TemplateField, path: str, actor: Actor) -> None:
    """Somebody can only point to what they may see."""
    try:
        find_item(session, path, actor=actor)
    except NotFound as absent:
        raise UnusableValue(field.name, f"there is no item {path!r}", "give the path of an item") from absent


def _same(before: Any, wanted: Any) -> bool:
    """Whether two values are one: 1 and True are not."""
    return bool(before == wanted) and isinstance(before, bool) is isinstance(wanted, bool)
