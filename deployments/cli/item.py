"""``driftgate item``: what governance has taken up, and how far its workflow is."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command, group
from deployments.cli.files import replacing
from deployments.cli.template import Number, library
from governance.errors import DriftgateError, NotFound, UnreadableFile
from governance.vocabulary import ItemKind, ItemState
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project
    from governance.tables import Item

Path_ = Annotated[
    str, typer.Argument(metavar="ITEM", help="project, project/model, project/model/3, project/bundle-2.")
]
Step = Annotated[str, typer.Argument(metavar="STEP", help="Key of a step, as 'show' says.")]
Place = Annotated[
    str, typer.Argument(metavar="[STEP.]FIELD", help="Key of a field, with its step unless it is one of the overview.")
]
File = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the file, as 'show' says.", min=1)]
With = Annotated[str, typer.Option("--template", "-t", metavar="NAME", help="Which template.")]
Children = Annotated[bool, typer.Option("--children", help="Everything below it too.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    item = group("item", "Governed items: projects, models, versions and bundles, and their workflows.")
    example = "driftgate item"
    command(item, "list", example=f"{example} list --kind version --state GOVERNED")(list_all)
    command(item, "show", example=f"{example} show credit_card_fraud")(show)
    command(item, "govern", example=f"{example} govern credit_card_fraud --template standard --children")(govern)
    command(item, "move", example=f"{example} move credit_card_fraud/authorization/3 --template standard")(move)
    for verb, about in _HIDING.items():
        command(item, verb, example=f"{example} {verb} credit_card_fraud/authorization/1")(_hiding(verb, about))
    for verb, (about, step) in _STEPPING.items():
        command(item, verb, example=f"{example} {verb} credit_card_fraud {step}")(_stepping(verb, about))
    command(item, "set", example=f"{example} set credit_card_fraud qualification.decision Go")(set_value)
    command(item, "attach", example=f"{example} attach credit_card_fraud exploration.supporting_documents plan.pdf")(
        attach
    )
    command(item, "remove-file", example=f"{example} remove-file credit_card_fraud 3")(remove_file)
    command(item, "file", example=f"{example} file credit_card_fraud 3 --output plan.pdf")(file)
    app.add_typer(item)


_HIDING = {
    "hide": "Take an item out of sight; nothing is deleted.",
    "unhide": "Bring a hidden item back as it was.",
}
_STEPPING = {
    "finish": ("Set the ongoing step as finished; the next one begins.", "exploration"),
    "skip": ("Pass the ongoing step by; the next one begins.", "in_progress"),
    "reopen": ("Go back to a step; those after it have to be gone through again.", "exploration"),
}


def list_all(
    kind: Annotated[
        ItemKind | None, typer.Option("--kind", case_sensitive=False, help="Only these.", show_default=False)
    ] = None,
    state: Annotated[
        ItemState | None, typer.Option("--state", case_sensitive=False, help="Only these.", show_default=False)
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="NAME", help="Only this one.", show_default=False)
    ] = None,
    acting_as: ActingAs = None,
) -> Answer:
    """List the items that you may see."""
    from governance import items, workflow

    with edge.reading() as session:
        found = items.list_items(session, record.acting(acting_as), kind=kind, state=state, project=project)
        document = {
            "items": [
                {
                    "item": one.path,
                    "kind": one.kind,
                    "state": one.state,
                    "step": None if (course := workflow.course_of(session, one)) is None else course.current,
                }
                for one in found
            ]
        }

    def view(console: Console) -> None:
        console.print(
            display.table(("item", "kind", "state", "step"), [tuple(row.values()) for row in document["items"]])
        )

    return Answer(document, view)


def show(item: Path_, acting_as: ActingAs = None) -> Answer:
    """Show an item: its template, its steps and fields, its files, and what can be done now."""
    from governance import items

    actor = record.acting(acting_as)
    with edge.reading() as session:
        document = _facts(session, items.find_item(session, item, actor=actor), actor)
    return Answer(document, lambda console: _show(console, document))


def govern(
    item: Path_,
    template: With = "standard",
    number: Number = None,
    children: Children = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Take an item up into governance, by default as the active revision of the standard template says."""
    from governance import items

    def act(session: Session, found: Item, actor: Actor) -> Item:
        with_ = items.find_template(session, template, number)
        return items.govern(session, found, with_, children=children, actor=actor, at=edge.now())

    return _acting(item, acting_as, act, f"{item} is governed.")


def move(
    item: Path_,
    template: With,
    number: Number = None,
    children: Children = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Give a governed item another revision of its template, or another template."""
    from governance import items

    def act(session: Session, found: Item, actor: Actor) -> Item:
        with_ = items.find_template(session, template, number)
        return items.move(session, found, with_, children=children, actor=actor, at=edge.now())

    return _acting(item, acting_as, act, f"{item} is governed by {template} now.")


def _hiding(verb: str, about: str) -> Callable[..., Answer]:
    def put(item: Path_, acting_as: ActingAs = None) -> Answer:
        from governance import items

        service = {"hide": items.hide, "unhide": items.unhide}[verb]
        return _acting(
            item, acting_as, lambda session, found, actor: service(session, found, actor=actor, at=edge.now()), "Done."
        )

    put.__doc__ = about
    return put


def _stepping(verb: str, about: str) -> Callable[..., Answer]:
    def step_on(item: Path_, step: Step, acting_as: ActingAs = None) -> Answer:
        from governance import workflow

        def act(session: Session, found: Item, actor: Actor) -> None:
            workflow.move_step(session, found, step, workflow.StepAction(verb), actor=actor, at=edge.now())

        return _acting(item, acting_as, act, f"{verb.capitalize()} {step}: done.")

    step_on.__doc__ = about
    return step_on


def set_value(
    item: Path_,
    field: Place,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="VALUE...", help="Several for a list; none empties the field.", show_default=False),
    ] = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Write a value into a field."""
    from governance import workflow
    from governance.templates import from_text

    step, key = _place(field)

    def act(session: Session, found: Item, actor: Actor) -> None:
        course = workflow.course_of(session, found)
        texts = values or []
        # Of an item without a workflow the service says why nothing can be set.
        value = texts if course is None else from_text(course.workflow.field(step, key), texts)
        workflow.set_field(session, found, step, key, value, actor=actor, at=edge.now())

    return _acting(item, acting_as, act, f"{field} is set.")


def attach(
    item: Path_,
    field: Place,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Any file of up to 25 MB.")],
    name: Annotated[
        str | None, typer.Option("--name", help="How it is shown. Default: as it is called.", show_default=False)
    ] = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Attach a file to a field."""
    from governance import workflow
    from governance.settings import settings

    step, key = _place(field)
    content = _bytes(source)

    def act(session: Session, found: Item, actor: Actor) -> None:
        workflow.attach_file(
            session,
            found,
            step,
            key,
            name=source.name if name is None else name,
            content=content,
            artifacts=settings().artifacts_folder,
            actor=actor,
            at=edge.now(),
        )

    return _acting(item, acting_as, act, f"{source.name} is attached.")


def remove_file(item: Path_, number: File, acting_as: ActingAs = None) -> Answer:
    """Take a file out of its field; its bytes stay, as history."""
    from governance import workflow

    def act(session: Session, found: Item, actor: Actor) -> None:
        attachment = workflow.find_attachment(session, found, number)
        workflow.remove_file(session, attachment, actor=actor, at=edge.now())

    return _acting(item, acting_as, act, f"File {number} is removed.")


def file(
    item: Path_,
    number: File,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")],
    acting_as: ActingAs = None,
) -> Answer:
    """Write an attached file to the disk, if it is byte for byte what was attached."""
    from governance import items, workflow
    from governance.settings import settings

    actor = record.acting(acting_as)
    with edge.reading() as session:
        found = items.find_item(session, item, actor=actor)
        attachment = workflow.find_attachment(session, found, number)
        content = workflow.read_file(session, attachment, settings().artifacts_folder)
    with replacing(output) as temporary:
        temporary.write_bytes(content)
    document = {"item": item, "file": output, "name": attachment.name, "sha256": attachment.sha256}
    return Answer(document, lambda console: display.say(console, f"{attachment.name} is in {output}.", good=True))


def _acting(path: str, acting_as: str | None, act: Callable[[Session, Item, Actor], object], sentence: str) -> Answer:
    """One act on one item in one transaction; the answer shows the item afterwards."""
    from governance import items

    actor = record.acting(acting_as)
    with _known(path, actor) as session:
        act(session, items.find_item(session, path, actor=actor), actor)
        document = _facts(session, items.find_item(session, path), actor)

    def view(console: Console) -> None:
        display.say(console, sentence, good=True)
        _show(console, document)

    return Answer(document, view)


@contextmanager
def _known(path: str, actor: Actor) -> Iterator[Session]:
    """One transaction on a database that has the item, if a ``project.yaml`` here or of that name declares it."""
    from governance import items, registry

    project = path.partition("/")[0]
    declared = _declared(project)
    with library() as session:
        if declared is not None:
            with suppress(NotFound):
                items.find_item(session, project)
                declared = None
        if declared is not None:
            registry.register_project(session, declared, actor=actor, at=edge.now())
        yield session


def _declared(project: str) -> Project | None:
    """The project of that name: the one in this folder, else one that comes with driftgate."""
    for reference in (None, project):
        with suppress(DriftgateError):
            if (found := record.find_project(reference)).project == project:
                return found
    return None


def _place(field: str) -> tuple[str, str]:
    step, _, key = field.rpartition(".")
    return step, key


def _bytes(source: Path) -> bytes:
    from governance.workflow import LARGEST_FILE_BYTES

    try:
        with source.open("rb") as stream:
            return stream.read(LARGEST_FILE_BYTES + 1)  # one more is refused, and no more need be read
    except OSError as error:
        raise UnreadableFile(source, f"it can't be opened ({error.strerror})", "name a file") from error


def _facts(session: Session, item: Item, actor: Actor) -> dict[str, Any]:
    from governance import workflow

    return workflow.show_workflow(session, item, actor=actor, at=edge.now())


def _show(console: Console, document: dict[str, Any]) -> None:
    template = document["template"]
    governed = "–" if template is None else f"{template['name']}, revision {template['number']}"
    rows = [("state", document["state"]), ("template", governed)]
    if document["sign_off"] is not None:
        rows.append(("sign-off", document["sign_off"]["status"]))
    console.print(display.table(("", ""), rows, title=f"{document['kind']} {document['path']}"))
    if document["locked"]:
        display.say(console, f"Locked: {document['locked']}.", good=False)
    if document["steps"]:
        steps = [(one["key"], one["name"], one["status"], one["changed_by"]) for one in document["steps"]]
        console.print(display.table(("step", "name", "status", "by"), steps))
    filled = [
        (f"{step}{field['key']}", _shown(field), field["changed_by"])
        for step, fields in (("", document["overview"]), *((f"{s['key']}.", s["fields"]) for s in document["steps"]))
        for field in fields
        if field["value"] is not None or field["files"]
    ]
    if filled:
        console.print(display.table(("field", "value", "by"), filled))
    possible = [
        f"{move['action']} {step['key']}"
        for step in document["steps"]
        for move in step["possible"]
        if not move["reasons"]
    ]
    display.say(console, f"You may now: {', '.join(possible) or 'nothing'}.")


def _shown(field: dict[str, Any]) -> Any:
    if field["kind"] != "file":
        return field["value"]
    return [f"{one['id']}: {one['name']}" for one in field["files"] if one["removed_at"] is None]
