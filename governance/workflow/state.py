"""Where an item stands in its workflow: the steps, what is in their fields, and what speaks against going on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from governance import gate
from governance.audit import Actor
from governance.errors import ActRefused, UnusableValue
from governance.items import SIGNED, lock_on, looked_at, template_of
from governance.tables import Attachment, Item, ItemField, ItemStep, SignOff
from governance.tables.columns import key_of
from governance.templates import GovernanceTemplate, TemplateField, TemplateStep, Workflow, accepted
from governance.vocabulary import FieldKind, ItemState, StepStatus
from governance.workflow.rules import DONE, Situation


@dataclass(frozen=True, slots=True)
class Course:
    """A governed item and its workflow.

    Args:
        item: As it is now.
        template: That governs it.
        workflow: What the template says of its kind.
        rows: What was done to its steps, by key.
        statuses: Of every step, in their order.
    """

    item: Item
    template: GovernanceTemplate
    workflow: Workflow
    rows: Mapping[str, ItemStep]
    statuses: Mapping[str, StepStatus]

    @property
    def current(self) -> str | None:
        """Key of the ongoing step; none: all are done."""
        return next((key for key, status in self.statuses.items() if status is StepStatus.ONGOING), None)


def statuses_of(steps: Iterable[str], known: Mapping[str, StepStatus]) -> dict[str, StepStatus]:
    """Where every step stands, from what was done to some: the first that is not done is ONGOING, from the beginning.

    Args:
        steps: Keys, in their order.
        known: Status of those to which something was done.

    Example:
        >>> [str(status) for status in statuses_of("abc", {"a": StepStatus.FINISHED}).values()]
        ['FINISHED', 'ONGOING', 'NOT_STARTED']
    """
    statuses: dict[str, StepStatus] = {}
    begun = False
    for step in steps:
        found = known.get(step, StepStatus.NOT_STARTED)
        if found not in DONE:
            found = StepStatus.NOT_STARTED if begun else StepStatus.ONGOING
            begun = True
        statuses[step] = found
    return statuses


def course_of(session: Session, item: Item) -> Course | None:
    """Where an item stands; none: it is not governed, or its template has no workflow for its kind."""
    template = template_of(session, item)
    workflow = None if template is None else template.workflow(item.kind)
    if template is None or workflow is None or item.state is not ItemState.GOVERNED:
        return None
    of_item = select(ItemStep).where(ItemStep.item_id == item.id).execution_options(populate_existing=True)
    rows = {row.step: row for row in session.exec(of_item)}
    keys = [step.key for step in workflow.steps]
    statuses = statuses_of(keys, {key: row.status for key, row in rows.items()})
    return Course(item, template, workflow, rows, statuses)


def course_to_act_on(session: Session, item: Item, action: str, actor: Actor, expected_revision: int | None) -> Course:
    """Where an item stands, for an act: it stays so until the transaction ends.

    Raises:
        NotAllowed: the actor does not write on the project.
        ActRefused: the item is not governed, has no workflow, or is locked by its sign-off.
        ChangedMeanwhile: it is not at the revision that the actor has looked at.
    """
    found = looked_at(session, item, actor, expected_revision)
    course = course_of(session, found)
    if course is None:
        kind = f"its template has no workflow for a {found.kind}"
        reason = kind if found.state is ItemState.GOVERNED else f"it is {found.state}, not GOVERNED"
        raise ActRefused(found.path, action, (reason,))
    if (locked := lock_on(session, found)) is not None:
        raise ActRefused(found.path, action, (locked,))
    return course


def situation_of(session: Session, course: Course, step: TemplateStep, at: datetime | None) -> Situation:
    """What the guards of the table are asked about, when something is to be done to a step.

    Without a time no approval has expired.
    """
    sign_off = _sign_off(session, course.item)
    values = values_of(session, course.item, step.key)
    return Situation(
        missing=tuple(field.name for field in step.fields if field.required and field.key not in values),
        unfit=tuple(_unfit(step.fields, values)),
        needs_approval=_mandatory(session, course, sign_off) and course.workflow.from_sign_off_on(step.key),
        sign_off=None if sign_off is None else sign_off.status,
        expired=sign_off is not None and at is not None and bool(gate.expired(session, sign_off, at)),
        earlier=_open_before(course, step),
    )


def values_of(session: Session, item: Item, step: str) -> dict[str, object]:
    """What is in the fields of a step, by their key: values, and the names of files. Empty fields are left out."""
    of_step = select(ItemField).where(ItemField.item_id == item.id, ItemField.step == step)
    values = {row.field: row.value for row in session.exec(of_step.execution_options(populate_existing=True))}
    for file in attachments_of(session, item):
        if file.step == step and file.removed_at is None:
            values.setdefault(file.field, []).append(file.name)
    return values


def attachments_of(session: Session, item: Item) -> list[Attachment]:
    """Every file that was ever attached to an item, in their order."""
    of_item = select(Attachment).where(Attachment.item_id == item.id).order_by(col(Attachment.id))
    return list(session.exec(of_item.execution_options(populate_existing=True)))


def is_done(course: Course, step: str) -> bool:
    """Whether a step is behind its item; the overview never is."""
    return bool(step) and course.statuses[step] in DONE


def _sign_off(session: Session, item: Item) -> SignOff | None:
    return session.get_one(SignOff, key_of(item), populate_existing=True) if item.kind in SIGNED else None


def _mandatory(session: Session, course: Course, sign_off: SignOff | None) -> bool:
    """Whether the template asks for an approval, or the rules do that the sign-off began with."""
    if sign_off is None:
        return False
    return course.template.sign_off.mandatory or gate.rules_of(session, course.item, sign_off).mandatory


def _open_before(course: Course, step: TemplateStep) -> str | None:
    for one in course.workflow.steps:
        if one.key == step.key:
            break
        if course.statuses[one.key] not in DONE:
            return one.name
    return None


def _unfit(fields: Iterable[TemplateField], values: Mapping[str, object]) -> Iterable[str]:
    """A field may hold what an earlier revision of the template allowed."""
    for field in fields:
        if field.kind is FieldKind.FILE or field.key not in values:
            continue
        try:
            accepted(field, values[field.key])
        except UnusableValue as problem:
            yield f"the field {field.name!r} does not fit any more: {problem.problem}"
