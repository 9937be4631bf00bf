"""``driftgate template``: the library of governance templates."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, command, group
from deployments.cli.exit_codes import WRONG_USAGE
from governance.errors import UnreadableFile
from governance.vocabulary import ItemKind, TemplateState
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from sqlmodel import Session

    from governance.tables import Template

Name = Annotated[str, typer.Argument(metavar="TEMPLATE", help="Name of a template.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML.")]
Number = Annotated[int | None, typer.Option("--number", "-n", help="Which revision.", min=1, show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    template = group("template", "Governance templates: steps, fields and the rules of sign-offs, as YAML.")
    example = "driftgate template"
    command(template, "list", example=f"{example} list")(list_all)
    command(template, "show", example=f"{example} show standard")(show)
    command(template, "validate", example=f"{example} validate ours.yaml")(validate)
    command(template, "draft", example=f"{example} draft ours ours.yaml --as hana")(draft)
    command(template, "change", example=f"{example} change ours ours.yaml --as hana")(change)
    command(template, "activate", example=f"{example} activate ours --as hana")(activate)
    command(template, "archive", example=f"{example} archive ours --number 1 --as hana")(archive)
    app.add_typer(template)


def list_all() -> Answer:
    """List the templates and their revisions."""
    from governance import items

    record.acting(None)
    with edge.reading() as session:
        found = sorted((*items.list_templates(session), *_to_come(session)), key=lambda one: (one.name, -one.number))
        document = {"templates": [_facts(one) for one in found]}

    def view(console: Console) -> None:
        rows = [(one["template"], one["number"], one["state"], one["created_by"]) for one in document["templates"]]
        console.print(display.table(("template", "revision", "state", "by"), rows))

    return Answer(document, view)


def show(name: Name, number: Number = None) -> Answer:
    """Show a revision of a template, by default the active one, as the YAML it was handed in as."""
    from governance import items

    record.acting(None)
    with edge.reading() as session:
        coming = {one.name: one for one in _to_come(session)}
        found = coming[name] if name in coming and number in {None, 1} else items.find_template(session, name, number)
        document = {**_facts(found), "source": found.source}

    def view(console: Console) -> None:
        display.say(console, f"{name}, revision {document['number']}, {document['state']}")
        console.print(display.words(document["source"]))

    return Answer(document, view)


def validate(file: File) -> Answer:
    """Check a template and say everything that is wrong with it: line, field, problem, remedy."""
    from governance.templates import examine_template

    template, problems = examine_template(_source(file), str(file))
    found = [{"line": p.line, "field": p.field, "problem": p.problem, "remedy": p.remedy} for p in problems]
    if problems or template is None:
        error = {"type": "TemplateError", "message": str(problems[0]), "file": file, "problems": found}

        def complain(console: Console) -> None:
            rows = [(p.line, p.field, p.problem, p.remedy) for p in problems]
            console.print(display.table(("line", "field", "problem", "remedy"), rows, title=str(file)))
            display.say(console, "It can't be drafted before it is right.", good=False)

        return Answer({"error": error}, complain, WRONG_USAGE)
    steps = {
        kind.value: [step.name for step in workflow.steps]
        for kind in ItemKind
        if (workflow := template.workflow(kind)) is not None
    }
    document = {"file": file, "valid": True, "title": template.title, "steps": steps}

    def view(console: Console) -> None:
        display.say(console, f"{file} is right.", good=True)
        for kind, names in steps.items():
            display.say(console, f"  {kind}: {', '.join(names)}")

    return Answer(document, view)


def draft(name: Name, file: File, acting_as: ActingAs = None) -> Answer:
    """Add a template, or a new revision of one, as a draft."""
    from governance import items

    source, actor = _source(file), record.acting(acting_as)
    with library() as session:
        return _done("drafted", items.draft_template(session, source, name, actor=actor, at=edge.now()))


def change(name: Name, file: File, number: Number = None, acting_as: ActingAs = None) -> Answer:
    """Give a draft another content; by default the latest revision."""
    from governance import items

    source, actor = _source(file), record.acting(acting_as)
    with library() as session:
        found = _latest(session, name, number)
        return _done("changed", items.change_template(session, found, source, actor=actor, at=edge.now()))


def activate(name: Name, number: Number = None, acting_as: ActingAs = None) -> Answer:
    """Let items be governed with a revision, by default the latest; the one active so far is archived."""
    from governance import items

    actor = record.acting(acting_as)
    with library() as session:
        found = _latest(session, name, number)
        return _done("activated", items.activate_template(session, found, actor=actor, at=edge.now()))


def archive(name: Name, number: Number = None, acting_as: ActingAs = None) -> Answer:
    """Let no more items be governed with a revision, by default the active one; those that are stay so."""
    from governance import items

    actor = record.acting(acting_as)
    with library() as session:
        found = items.find_template(session, name, number)
        return _done("archived", items.archive_template(session, found, actor=actor, at=edge.now()))


@contextmanager
def library() -> Iterator[Session]:
    """One transaction on a library that has the templates which come with driftgate."""
    from governance import items

    with edge.transaction() as session:
        items.install_templates(session, edge.now())
        yield session


def _to_come(session: Session) -> list[Template]:
    """The templates that come with driftgate, as the library will have them; none that it has."""
    from governance import items, templates
    from governance.tables import Template
    from governance.vocabulary import SYSTEM

    known = {one.name for one in items.list_templates(session)}
    return [
        Template(name=name, number=1, state=TemplateState.ACTIVE, source=templates.shipped_source(name),
                 created_by=SYSTEM.name, created_at=edge.now())
        for name in templates.SHIPPED if name not in known
    ]  # fmt: skip


def _latest(session: Session, name: str, number: int | None) -> Template:
    from governance import items

    if number is None and (known := items.list_templates(session, name)):
        return known[0]
    return items.find_template(session, name, number)


def _source(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(file, f"byte {error.start} is not UTF-8", "save it as UTF-8") from error
    except OSError as error:
        raise UnreadableFile(file, f"it can't be opened ({error.strerror})", "name a file of YAML") from error


def _facts(template: Template) -> dict[str, Any]:
    facts = template.model_dump(include={"number", "state", "revision", "created_by", "created_at"})
    return {"template": template.name, **facts}


def _done(what: str, template: Template) -> Answer:
    document = _facts(template)

    def view(console: Console) -> None:
        display.say(console, f"{template.name}, revision {template.number}: {what}.", good=True)
        if template.state is TemplateState.DRAFT:
            display.next_commands(console, f"driftgate template activate {template.name} --number {template.number}")

    return Answer(document, view)
