"""The library of templates: drafted, changed, activated and archived by administrators. Only a draft is ever changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select, update

from governance.artifacts import digest
from governance.audit import SYSTEM, Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActRefused, ChangedMeanwhile, NotFound, UnusableName
from governance.tables import Template
from governance.tables.columns import key_of
from governance.templates import SHIPPED, read_template, shipped_source, unwritable
from governance.vocabulary import Right, TemplateState


def install_templates(session: Session, at: datetime) -> list[Template]:
    """Put the templates that come with driftgate into the library, each unless one of its name is there.

    Returns:
        Those that were not there.
    """
    known = set(session.exec(select(Template.name).where(col(Template.name).in_(SHIPPED))))
    return [
        template for name in SHIPPED if name not in known and (template := _installed(session, name, at)) is not None
    ]


def draft_template(session: Session, source: str, name: str, *, actor: Actor, at: datetime) -> Template:
    """Add a revision to a template, or a template to the library, as a draft.

    Args:
        session: Of the act.
        source: YAML.
        name: Of the template; its revisions are counted from 1.
        actor: Who drafts it.
        at: When.

    Raises:
        NotAllowed: the actor is no administrator of the installation.
        UnusableName: the name can't be one.
        TemplateError: the source does not say what it must.
        ChangedMeanwhile: somebody else drafted the same revision first; nothing was written.
    """
    require(session, actor, Right.ADMINISTER, None)
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,79}", name):
        remedy = "use up to 80 lower-case letters, digits, - and _, beginning with a letter"
        raise UnusableName("template", name, "it can't be the name of a template", remedy)
    read_template(source, name)
    last = session.exec(select(func.max(Template.number)).where(Template.name == name)).one() or 0
    try:
        with session.begin_nested():
            row = Template(name=name, number=last + 1, source=source, created_by=actor.name, created_at=at)
            session.add(row)
            session.flush()
    except IntegrityError as error:
        raise ChangedMeanwhile(f"template {name!r}", f"{last} revisions", "more of them") from error
    note(session, Tag.TEMPLATE_DRAFTED, title_of(row), actor=actor, at=at, after=_facts(row))
    return row


def change_template(
    session: Session,
    template: Template,
    source: str,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Template:
    """Give a draft another source.

    Raises:
        NotAllowed: the actor is no administrator of the installation.
        ActRefused: it is no draft any more.
        TemplateError: the source does not say what it must.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    found = _looked_at(session, template, actor, expected_revision)
    if found.state is not TemplateState.DRAFT:
        reason = f"it is {found.state}, and only a draft is ever changed: draft a new revision"
        raise ActRefused(title_of(found), "change", (reason,))
    read_template(source, found.name)
    if source == found.source:
        return found
    before = _facts(found)
    after = _write(session, found, source=source)
    note(session, Tag.TEMPLATE_CHANGED, title_of(after), actor=actor, at=at, before=before, after=_facts(after))
    return after


def activate_template(
    session: Session, template: Template, *, actor: Actor, at: datetime, expected_revision: int | None = None
) -> Template:
    """Let items be governed by a revision, and by no other of its name: the one that was active is archived.

    Items stay with the revision they were governed with until they are moved. An archived revision can come back.

    Raises:
        NotAllowed: the actor is no administrator of the installation.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    require(session, actor, Right.ADMINISTER, None)
    # Whoever activates another revision of the name at the same time waits here, and then archives this one.
    of_name = select(Template).where(Template.name == template.name).order_by(col(Template.id)).with_for_update()
    session.exec(of_name.execution_options(populate_existing=True)).all()
    found = _looked_at(session, template, actor, expected_revision)
    if found.state is TemplateState.ACTIVE:
        return found
    before = _facts(found)
    earlier = session.exec(
        select(Template).where(Template.name == found.name, Template.state == TemplateState.ACTIVE)
    ).first()
    if earlier is not None:
        _write(session, earlier, state=TemplateState.ARCHIVED)
    after = _write(session, found, state=TemplateState.ACTIVE)
    archived = None if earlier is None else title_of(earlier)
    said = {**_facts(after), "archived": archived}
    note(session, Tag.TEMPLATE_ACTIVATED, title_of(after), actor=actor, at=at, before=before, after=said)
    return after


def archive_template(
    session: Session, template: Template, *, actor: Actor, at: datetime, expected_revision: int | None = None
) -> Template:
    """Let no more items be governed by a revision; it holds for those that are.

    Raises:
        NotAllowed: the actor is no administrator of the installation.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    found = _looked_at(session, template, actor, expected_revision)
    if found.state is TemplateState.ARCHIVED:
        return found
    before = _facts(found)
    after = _write(session, found, state=TemplateState.ARCHIVED)
    note(session, Tag.TEMPLATE_ARCHIVED, title_of(after), actor=actor, at=at, before=before, after=_facts(after))
    return after


def find_template(session: Session, name: str, number: int | None = None) -> Template:
    """A revision of a template, by default the one that items can be governed with.

    Raises:
        NotFound: with what there is.
    """
    known = [] if unwritable(name) else list_templates(session, name)
    for template in known:
        if template.number == number or (number is None and template.state is TemplateState.ACTIVE):
            return template
    if not known:
        names = sorted(set(session.exec(select(Template.name))))
        raise NotFound("template", name, names, "name one of them, or draft it")
    numbers = [f"{one.number} ({one.state})" for one in reversed(known)]
    if number is None:
        raise NotFound("active revision of template", name, numbers, "activate one of them, or name it by its number")
    raise NotFound(f"revision of template {name!r}", str(number), numbers, "name one of them")


def list_templates(session: Session, name: str | None = None) -> list[Template]:
    """Every revision of one template or of all, by name, latest first."""
    query = select(Template).order_by(col(Template.name), col(Template.number).desc())
    return list(session.exec(query if name is None else query.where(Template.name == name)))


def title_of(template: Template) -> str:
    """A revision as people read it and the audit trail keeps it, e.g. ``template standard/1``."""
    return f"template {template.name}/{template.number}"


def _installed(session: Session, name: str, at: datetime) -> Template | None:
    """The shipped template of that name, or nothing when somebody else has put it there meanwhile."""
    row = Template(
        name=name,
        number=1,
        state=TemplateState.ACTIVE,
        source=shipped_source(name),
        created_by=SYSTEM.name,
        created_at=at,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        return None
    note(session, Tag.TEMPLATE_ACTIVATED, title_of(row), actor=SYSTEM, at=at, after={**_facts(row), "archived": None})
    return row


def _looked_at(session: Session, template: Template, actor: Actor, expected_revision: int | None) -> Template:
    require(session, actor, Right.ADMINISTER, None)
    found = session.get_one(Template, key_of(template), populate_existing=True)
    if expected_revision not in {None, found.revision}:
        raise _changed(found, expected_revision, found.revision)
    return found


def _write(session: Session, template: Template, **values: Any) -> Template:
    """The one update that decides a race."""
    seen = template.revision
    written = session.exec(
        update(Template)
        .where(col(Template.id) == template.id, col(Template.revision) == seen)
        .values(revision=seen + 1, **values)
        .execution_options(synchronize_session=False)
    )
    after = session.get_one(Template, key_of(template), populate_existing=True)
    if written.rowcount != 1:
        raise _changed(after, seen, after.revision)
    return after


def _changed(template: Template, expected: int | None, found: int) -> ChangedMeanwhile:
    return ChangedMeanwhile(title_of(template), f"revision {expected}", f"revision {found}")


def _facts(template: Template) -> Mapping[str, Any]:
    """A revision as the audit trail keeps it; its source is in its row for ever once it was active."""
    return {"state": template.state, "revision": template.revision, "source_digest": digest(template.source)}
