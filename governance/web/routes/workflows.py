"""Workflows: steps that are finished one after the other, fields that are filled, and files that are attached."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import File, Response, UploadFile

from governance import workflow
from governance.web.documents import Sent, example
from governance.web.downloads import downloaded
from governance.web.routes.items import FileTold, WorkflowTold
from governance.web.routing import Act, Routes
from governance.web.visible import Name, Number, visible_item

ROUTES: Final = Routes("workflows", "Steps, fields and files of governed items. The ETag is that of the item.")

OVERVIEW: Final = ""
"""As a step, what belongs to no step."""

Upload = Annotated[UploadFile, File(description="Up to 25 MB.")]


class ValueSent(Sent):
    """What a field is to hold."""

    model_config = example(value="Fraud costs us 40 kEUR a month.")

    value: Any


@ROUTES.makes("/items/{item}/steps/{step}/{action}", WorkflowTold, conditional=True)
def move_step(act: Act, item: Number, step: Name, action: workflow.StepAction) -> dict[str, Any]:
    """Finish a step, which starts the next; skip it; or open it again."""
    found = visible_item(act, item)
    workflow.move_step(
        act.session, found, step, action, actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )
    return workflow.show_workflow(act.session, found, actor=act.actor, at=act.at)


@ROUTES.changes("PUT", "/items/{item}/overview/{field}", WorkflowTold)
def set_overview_field(act: Act, item: Number, field: Name, body: ValueSent) -> dict[str, Any]:
    """Write into a field of the overview; null empties it."""
    return _set(act, item, OVERVIEW, field, body)


@ROUTES.changes("PUT", "/items/{item}/steps/{step}/fields/{field}", WorkflowTold)
def set_field(act: Act, item: Number, step: Name, field: Name, body: ValueSent) -> dict[str, Any]:
    """Write into a field of a step; null empties it."""
    return _set(act, item, step, field, body)


@ROUTES.makes("/items/{item}/overview/{field}/files", FileTold, conditional=True)
def attach_overview_file(act: Act, item: Number, field: Name, file: Upload) -> Any:
    """Put a file into a field of the overview."""
    return _attach(act, item, OVERVIEW, field, file)


@ROUTES.makes("/items/{item}/steps/{step}/fields/{field}/files", FileTold, conditional=True)
def attach_file(act: Act, item: Number, step: Name, field: Name, file: Upload) -> Any:
    """Put a file into a field of a step."""
    return _attach(act, item, step, field, file)


@ROUTES.downloads("/items/{item}/files/{file}")
def read_file(act: Act, item: Number, file: Number) -> Response:
    """The bytes of a file, if they are those that were attached."""
    attachment = workflow.find_attachment(act.session, visible_item(act, item), file)
    content = workflow.read_file(act.session, attachment, act.house.artifacts)
    return downloaded(content, attachment.name)


@ROUTES.changes("DELETE", "/items/{item}/files/{file}", FileTold)
def remove_file(act: Act, item: Number, file: Number) -> Any:
    """Take a file out of its field. Its bytes stay, as history."""
    attachment = workflow.find_attachment(act.session, visible_item(act, item), file)
    return workflow.remove_file(
        act.session, attachment, actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )


def _set(act: Act, item: int, step: str, field: str, body: ValueSent) -> dict[str, Any]:
    found = visible_item(act, item)
    workflow.set_field(
        act.session, found, step, field, body.value, actor=act.actor, at=act.at, expected_revision=act.expected_revision
    )
    return workflow.show_workflow(act.session, found, actor=act.actor, at=act.at)


def _attach(act: Act, item: int, step: str, field: str, file: UploadFile) -> Any:
    return workflow.attach_file(
        act.session,
        visible_item(act, item),
        step,
        field,
        name=file.filename or "",
        content=file.file.read(),
        artifacts=act.house.artifacts,
        actor=act.actor,
        at=act.at,
        expected_revision=act.expected_revision,
    )
