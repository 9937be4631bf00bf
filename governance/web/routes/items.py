"""Items: everything that can be governed, and taking it up into governance."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlmodel import col

from governance import items, workflow
from governance.listing import Listing, Page, below
from governance.tables import Item, Template
from governance.vocabulary import ItemKind, ItemState, StepStatus
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Number, visible_item

ROUTES: Final = Routes("items", "Projects, models, versions and bundles as governance sees them; found by their paths.")

ITEMS: Final = Listing(
    {
        "id": col(Item.id),
        "path": col(Item.path),
        "kind": col(Item.kind),
        "state": col(Item.state),
        "appeared_at": col(Item.appeared_at),
        "parent_id": col(Item.parent_id),
        "project_id": col(Item.project_id),
    },
    key=col(Item.id),
    default_sort="path",
    filters={"below": below("below", col(Item.path))},
)


class ItemTold(Told):
    """An item."""

    id: int
    kind: ItemKind
    path: str
    state: ItemState
    parent_id: int | None
    project_id: int
    version_id: int | None
    bundle_id: int | None
    template_id: int | None
    govern_children: bool
    revision: int
    appeared_at: datetime


class FileTold(Told):
    """A file in a field."""

    id: int
    name: str
    sha256: str
    bytes: int
    attached_by: str
    attached_at: datetime
    removed_at: datetime | None


class FieldTold(Told):
    """A field of a workflow, and what is in it."""

    key: str
    name: str
    kind: str
    required: bool
    value: Any
    files: list[FileTold]
    changed_by: str | None
    changed_at: datetime | None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] | None = None


class FormerFieldTold(Told):
    """What a field holds that the template has no more."""

    step: str
    field: str
    value: Any
    files: list[FileTold]
    changed_by: str | None
    changed_at: datetime | None


class StepMoveTold(Told):
    """What can be done with a step; with reasons against it, if there are any."""

    action: str
    to: StepStatus
    reasons: list[str]


class StepTold(Told):
    """A step of a workflow."""

    key: str
    name: str
    status: StepStatus
    changed_by: str | None
    changed_at: datetime | None
    carries_sign_off: bool
    fields: list[FieldTold]
    possible: list[StepMoveTold]


class WorkflowTold(Told):
    """The workflow of an item. ``revision`` is that of the item."""

    path: str
    kind: ItemKind
    state: ItemState
    revision: int
    template: dict[str, Any] | None
    govern_children: bool
    sign_off: dict[str, Any] | None
    locked: str | None
    may_write: bool
    current_step: str | None
    overview: list[FieldTold]
    steps: list[StepTold]
    former: list[FormerFieldTold]


class TemplateNamed(Sent):
    """The template that an item is governed with."""

    model_config = example(template="standard", children=True)

    template: Line
    number: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: the active revision.")
    children: bool = Field(
        default=False, description="Whether what is below it is governed with it, now and in future."
    )


@ROUTES.lists("/items", ITEMS, ItemTold)
def list_items(act: Act, wanted: Wanted) -> Page[Item]:
    """Every item that you may see; ``path`` finds one, ``below`` one with all below it."""
    return wanted.page(act.session, items.items_for(act.session, act.actor), ITEMS)


@ROUTES.reads("/items/{item}", ItemTold)
def show_item(act: Act, item: Number) -> Item:
    """One item."""
    return visible_item(act, item)


@ROUTES.reads("/items/{item}/workflow", WorkflowTold)
def show_workflow(act: Act, item: Number) -> dict[str, Any]:
    """Where the workflow of an item stands, step by step and field by field, and what you may do."""
    return workflow.show_workflow(act.session, visible_item(act, item), actor=act.actor, at=act.at)


@ROUTES.makes("/items/{item}/govern", ItemTold, conditional=True)
def govern_item(act: Act, item: Number, body: TemplateNamed) -> Item:
    """Take an item up into governance."""
    return _put_under(act, item, body, items.govern)


@ROUTES.makes("/items/{item}/move", ItemTold, conditional=True)
def move_item(act: Act, item: Number, body: TemplateNamed) -> Item:
    """Give a governed item another revision of its template, or another template."""
    return _put_under(act, item, body, items.move)


@ROUTES.makes("/items/{item}/hide", ItemTold, conditional=True)
def hide_item(act: Act, item: Number) -> Item:
    """Take an item out of sight. Nothing is deleted."""
    return items.hide(
        act.session, visible_item(act, item), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


@ROUTES.makes("/items/{item}/unhide", ItemTold, conditional=True)
def unhide_item(act: Act, item: Number) -> Item:
    """Bring a hidden item back as it was."""
    return items.unhide(
        act.session, visible_item(act, item), actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


def _put_under(act: Act, item: int, body: TemplateNamed, put: Callable[..., Item]) -> Item:
    return put(
        act.session,
        visible_item(act, item),
        _template(act, body),
        children=body.children,
        actor=act.actor,
        at=act.at,
        expected_revision=act.expected_revision,
    )


def _template(act: Act, named: TemplateNamed) -> Template:
    # Those that come with driftgate are there when they are first asked for.
    items.install_templates(act.session, act.at)
    return items.find_template(act.session, named.template, named.number)
