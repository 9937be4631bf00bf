"""Going through the steps of an item: finish, skip, reopen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlmodel import Session

from governance.audit import Actor, Tag, note
from governance.errors import ActRefused
from governance.items import write
from governance.tables import Item, ItemStep
from governance.tables.columns import key_of
from governance.vocabulary import StepStatus
from governance.workflow.rules import RULES, StepAction
from governance.workflow.state import Course, course_of, course_to_act_on, situation_of


def move_step(
    session: Session,
    item: Item,
    step: str,
    action: StepAction,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Course:
    """Move one step through the table.

    Args:
        session: Of the act.
        item: A governed one.
        step: Key of the step.
        action: What is wanted.
        actor: A writer of the project.
        at: When; an approval that has expired by then is none.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Returns:
        Where the item stands afterwards.

    Raises:
        NotAllowed: the actor does not write on the project.
        NotFound: the workflow has no such step.
        ActRefused: the table has no such move, a guard says no, or the item is locked; every reason is named.
        ChangedMeanwhile: somebody else changed the item first; nothing was written.
    """
    course = course_to_act_on(session, item, action, actor, expected_revision)
    found = course.workflow.step(step)
    subject = f"{course.item.path}, step {found.name!r}"
    rule = RULES.get((course.statuses[step], action))
    if rule is None:
        known = ", ".join(action for status, action in RULES if status is course.statuses[step])
        raise ActRefused(subject, action, (f"it is {course.statuses[step]}; possible now: {known or 'nothing'}",))
    situation = situation_of(session, course, found, at)
    if reasons := [reason for guard in rule.guards for reason in guard(situation)]:
        raise ActRefused(subject, action, reasons)
    write(session, [course.item])
    changes = {step: rule.to}
    if action is StepAction.REOPEN:
        keys = list(course.statuses)
        changes |= dict.fromkeys(keys[keys.index(step) + 1 :], StepStatus.NOT_STARTED)
    _write_steps(session, course, changes, actor, at)
    after = course_of(session, session.get_one(Item, course.item.id, populate_existing=True))
    if after is None:
        raise AssertionError("a governed item stays one while it is held")
    changed = [key for key, status in after.statuses.items() if status is not course.statuses[key]]
    note(
        session,
        Tag.STEP_CHANGED,
        course.item.path,
        actor=actor,
        at=at,
        before={"steps": {key: course.statuses[key] for key in changed}},
        after={"action": action, "step": step, "steps": {key: after.statuses[key] for key in changed}},
    )
    return after


def _write_steps(
    session: Session, course: Course, changes: Mapping[str, StepStatus], actor: Actor, at: datetime
) -> None:
    """A step that begins by itself needs no row: the first that is not done is the ongoing one."""
    for step, status in changes.items():
        row = course.rows.get(step)
        if row is None and status is StepStatus.NOT_STARTED:
            continue
        if row is None:
            row = ItemStep(item_id=key_of(course.item), step=step, changed_by="", changed_at=at)
        row.sqlmodel_update({"status": status, "changed_by": actor.name, "changed_at": at})
        session.add(row)
    session.flush()
