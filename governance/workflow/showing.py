"""The workflow of an item as people look at it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from governance.audit import Actor
from governance.authorisation import may
from governance.items import lock_on, title_of
from governance.tables import Attachment, Item, ItemField, SignOff, Template
from governance.tables.columns import key_of
from governance.templates import TemplateField, TemplateStep
from governance.vocabulary import Right
from governance.workflow.rules import RULES
from governance.workflow.state import Course, attachments_of, course_of, situation_of

Place = tuple[str, str]
"""Step (empty: the overview) and field."""


def show_workflow(
    session: Session, item: Item, *, actor: Actor | None = None, at: datetime | None = None
) -> dict[str, Any]:
    """Everything about the workflow of an item.

    Args:
        session: To read with.
        item: Which.
        actor: Who looks, to say what they may do; none: what anybody with the right may.
        at: When; an approval that has expired by then is none. None: expiry is not looked at.

    Returns:
        ``path``, ``kind``, ``state``, ``revision``, ``template`` (name, number, title; none before it is governed),
        ``govern_children``, ``sign_off`` (status, and the step that carries it), ``locked`` (why; none: it is not),
        ``may_write``, ``current_step`` (key; none: all are done, or there is no workflow), ``overview`` (fields),
        ``steps`` (key, name, status, changed_by, changed_at, carries_sign_off, fields, possible: action, status
        afterwards, reasons against it) and ``former`` (what fields hold that the template has no more).
        A field has key, name, kind, required, minimum, maximum, choices, value, files, changed_by, changed_at.
    """
    found = session.get_one(Item, key_of(item), populate_existing=True)
    course = course_of(session, found)
    locked = lock_on(session, found, hold=False)
    writes = actor is None or may(session, actor, Right.WRITE, found.project_id)
    template = None if found.template_id is None else session.get_one(Template, found.template_id)
    sign_off = session.get(SignOff, key_of(found), populate_existing=True)
    rows, files = _content(session, found)
    known: set[Place] = set()

    def fields(step: str, declared: Iterable[TemplateField]) -> list[dict[str, Any]]:
        places = [(step, field.key) for field in declared]
        known.update(places)
        return [
            {**field.model_dump(mode="json"), **_said(rows.get(place), files.get(place, []))}
            for place, field in zip(places, declared, strict=True)
        ]

    steps = [] if course is None else course.workflow.steps
    document = {
        "path": found.path,
        "kind": found.kind,
        "state": found.state,
        "revision": found.revision,
        "template": None if template is None else _template(template, course),
        "govern_children": found.govern_children,
        "sign_off": None
        if sign_off is None
        else {"status": sign_off.status, "step": None if course is None else course.workflow.sign_off_step},
        "locked": locked,
        "may_write": writes,
        "current_step": None if course is None else course.current,
        "overview": [] if course is None else fields("", course.workflow.overview),
        "steps": [
            {**_step(session, course, step, locked, at, writes=writes), "fields": fields(step.key, step.fields)}
            for step in steps
            if course is not None
        ],
    }
    former = sorted((rows.keys() | files.keys()) - known)
    document["former"] = [
        {"step": place[0], "field": place[1], **_said(rows.get(place), files.get(place, []))} for place in former
    ]
    return document


def _step(
    session: Session, course: Course, step: TemplateStep, locked: str | None, at: datetime | None, *, writes: bool
) -> dict[str, Any]:
    row, status = course.rows.get(step.key), course.statuses[step.key]
    situation = situation_of(session, course, step, at)
    return {
        "key": step.key,
        "name": step.name,
        "status": status,
        "changed_by": None if row is None else row.changed_by,
        "changed_at": None if row is None else row.changed_at,
        "carries_sign_off": step.key == course.workflow.sign_off_step,
        "possible": [
            {
                "action": action,
                "to": rule.to,
                "reasons": [
                    *([] if locked is None else [locked]),
                    *([] if writes else ["that takes the right to write on the project"]),
                    *(reason for guard in rule.guards for reason in guard(situation)),
                ],
            }
            for (before, action), rule in RULES.items()
            if before is status
        ],
    }


def _template(template: Template, course: Course | None) -> dict[str, Any]:
    title = title_of(template) if course is None else course.template.title
    return {"name": template.name, "number": template.number, "state": template.state, "title": title}


def _content(session: Session, item: Item) -> tuple[dict[Place, ItemField], dict[Place, list[Attachment]]]:
    of_item = select(ItemField).where(ItemField.item_id == item.id).execution_options(populate_existing=True)
    rows = {(row.step, row.field): row for row in session.exec(of_item)}
    files: dict[Place, list[Attachment]] = {}
    for file in attachments_of(session, item):
        files.setdefault((file.step, file.field), []).append(file)
    return rows, files


def _said(row: ItemField | None, files: list[Attachment]) -> dict[str, Any]:
    return {
        "value": None if row is None else row.value,
        "changed_by": None if row is None else row.changed_by,
        "changed_at": None if row is None else row.changed_at,
        "files": [file.model_dump(exclude={"item_id", "step", "field"}) for file in files],
    }
