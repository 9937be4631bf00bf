"""Templates: workflows and sign-off rules as YAML, drafted, activated and archived by administrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from pydantic import Field
from sqlmodel import col, select

from governance import items
from governance.errors import NotFound
from governance.listing import Listing, Page
from governance.tables import Template
from governance.vocabulary import TemplateState
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Number

ROUTES: Final = Routes("templates", "Governance templates: workflow steps, fields, and the rules of sign-offs.")

TEMPLATES: Final = Listing(
    {
        "id": col(Template.id),
        "name": col(Template.name),
        "number": col(Template.number),
        "state": col(Template.state),
        "created_by": col(Template.created_by),
        "created_at": col(Template.created_at),
    },
    key=col(Template.id),
    default_sort="-id",
)

Source = Annotated[str, Field(max_length=200_000, description="YAML.")]


class TemplateTold(Told):
    """One revision of a template."""

    id: int
    name: str
    number: int
    state: TemplateState
    revision: int
    created_by: str
    created_at: datetime


class WholeTemplateTold(TemplateTold):
    """One revision of a template with its YAML."""

    source: str


class TemplateSent(Sent):
    """A new revision of a template, or a new template."""

    model_config = example(name="standard", source="title: Standard\n…")

    name: Line
    source: Source


class SourceSent(Sent):
    """What a draft is to say."""

    model_config = example(source="title: Standard\n…")

    source: Source


@ROUTES.lists("/templates", TEMPLATES, TemplateTold)
def list_templates(act: Act, wanted: Wanted) -> Page[Template]:
    """Every revision of every template, latest first."""
    return wanted.page(act.session, select(Template), TEMPLATES)


@ROUTES.reads("/templates/{template}", WholeTemplateTold)
def show_template(act: Act, template: Number) -> Template:
    """One revision with its YAML."""
    return _found(act, template)


@ROUTES.makes("/templates", WholeTemplateTold)
def draft_template(act: Act, body: TemplateSent) -> Template:
    """Add a revision as a draft."""
    return items.draft_template(act.session, body.source, body.name, actor=act.actor, at=act.at)


@ROUTES.changes("PUT", "/templates/{template}/source", WholeTemplateTold)
def change_template(act: Act, template: Number, body: SourceSent) -> Template:
    """Give a draft another source."""
    return items.change_template(
        act.session,
        _found(act, template),
        body.source,
        actor=act.actor,
        at=act.at,
        expected_revision=act.expected_revision,
    )


@ROUTES.makes("/templates/{template}/activate", TemplateTold, conditional=True)
def activate_template(act: Act, template: Number) -> Template:
    """Let items be governed by a revision, and by no other of its name."""
    return items.activate_template(
        act.session, _found(act, template), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


@ROUTES.makes("/templates/{template}/archive", TemplateTold, conditional=True)
def archive_template(act: Act, template: Number) -> Template:
    """Let no more items be governed by a revision."""
    return items.archive_template(
        act.session, _found(act, template), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


def _found(act: Act, number: int) -> Template:
    row = act.session.get(Template, number)
    if row is None:
        raise NotFound("template", str(number))
    return row
