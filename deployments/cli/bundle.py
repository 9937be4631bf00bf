"""``driftgate bundle``: a project frozen and hashed, moved into another installation, and activated there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Environment, Project, command, group
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the bundle, as 'list' says.", min=1)]
Confirm = Annotated[bool, typer.Option("--confirm", help="Say yes to a warning of the gate; this is recorded.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    bundle = group("bundle", "Bundles: freeze a project, and move it into another installation.")
    command(bundle, "make", example="driftgate bundle make --environment test")(make)
    command(bundle, "list", example="driftgate bundle list")(list_bundles)
    command(bundle, "show", example="driftgate bundle show 1")(show)
    command(bundle, "export", example="driftgate bundle export 1 --output fraud-1.zip")(export)
    command(bundle, "import", example="driftgate bundle import fraud-1.zip")(bring_in)
    command(bundle, "activate", example="driftgate bundle activate 1 --environment prod")(activate)
    app.add_typer(bundle)


def make(environment: Environment = None, project: Project = None, acting_as: ActingAs = None) -> Answer:
    """Freeze the project: its configuration, and the versions that are active in an environment."""
    from tasks import bundle

    declared = record.find_project(project)
    made = bundle.make(declared, environment, record.acting(acting_as))

    def view(console: Console) -> None:
        display.say(console, f"{made['path']} holds {_versions(made)}.", good=True)
        display.next_commands(console, f"driftgate bundle export {made['bundle']} --output FILE")

    return Answer(made, view)


def list_bundles(project: Project = None) -> Answer:
    """List the bundles of a project, the newest first: what is in them, and how far they are signed."""
    from governance import bundles, registry
    from tasks import bundle

    declared = record.find_project(project)
    with edge.looking_at(declared) as session:
        known = {row.name: row for row in registry.list_projects(session)}
        rows = bundles.list_bundles(session, known[declared.project]) if declared.project in known else []
        found = [bundle.describe(session, row) for row in rows]

    def view(console: Console) -> None:
        header = ("bundle", "versions", "of", "sign-off", "imported", "by", "at")
        lines = [
            (
                one["bundle"],
                one["versions"],
                one["environment"],
                one["sign_off"],
                one["imported"],
                one["made_by"],
                one["made_at"][:16],
            )
            for one in found
        ]
        console.print(display.table(header, lines, title=declared.project))
        if not found:
            display.say(console, "No bundle yet.")
            display.next_commands(console, "driftgate bundle make")

    return Answer({"project": declared.project, "bundles": found}, view)


def show(number: Number, project: Project = None) -> Answer:
    """Show one bundle: what is in it, its files, its sign-off, and what the gate says to it."""
    from governance import bundles, registry
    from governance.settings import settings
    from tasks import bundle

    declared = record.find_project(project)
    with edge.looking_at(declared) as session:
        row = bundles.find_bundle(session, registry.find_project(session, declared.project), number)
        document = bundle.describe(session, row)
        document["manifest"] = manifest = row.manifest
        verdicts = registry.verdicts(session, row, settings().artifacts_folder, at=edge.now())
    gates = [(place, verdict.decision, list(verdict.reasons)) for place, verdict in sorted(verdicts.items())]
    document["gate"] = {place: {"decision": decision, "reasons": reasons} for place, decision, reasons in gates}

    def view(console: Console) -> None:
        facts = [
            ("versions", _versions(document)),
            ("active in", f"{document['environment']}, when it was made"),
            ("sign-off", document["sign_off"]),
            ("made", f"{manifest['made_at']:.16} by {manifest['made_by']}"),
            ("code revision", manifest["code_revision"]),
            ("digest", document["digest"]),
        ]
        if document["imported"]:
            facts.insert(4, ("imported", f"{document['made_at']:.16} by {document['made_by']}"))
        console.print(display.table(("", ""), facts, title=document["path"]))
        console.print(display.table(("file", "SHA-256"), sorted(manifest["files"].items())))
        console.print(display.table(("environment", "gate", "reasons"), gates))

    return Answer(document, view)


def export(
    number: Number,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A file that ends with .zip.")],
    project: Project = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Write a bundle into one file, to be imported elsewhere. It carries no approval, and rows of reference data."""
    from tasks import bundle

    declared = record.find_project(project)
    made = bundle.export(declared, number, output, record.acting(acting_as))

    def view(console: Console) -> None:
        display.say(console, f"{made['path']} is in {output} ({made['bytes']:,} bytes).", good=True)
        display.say(console, f"  digest: {made['digest']}")
        display.next_commands(console, f"driftgate bundle import {output.name}")

    return Answer(made, view)


def bring_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As 'bundle export' wrote it.")],
    acting_as: ActingAs = None,
) -> Answer:
    """Import a bundle: its project if it is new, its versions, and a sign-off for each that nobody has given yet."""
    from tasks import bundle

    made = bundle.bring_in(file, record.acting(acting_as))

    def view(console: Console) -> None:
        display.say(console, f"{made['path']} is here, with {_versions(made)}. Approvals do not travel.", good=True)
        display.say(console, f"  digest: {made['digest']}")
        display.say(console, f"  project: {made['folder']}")
        name = made["path"].partition("/")[0]
        display.next_commands(console, f"driftgate bundle show {made['bundle']} --project {name}")

    return Answer(made, view)


def activate(
    number: Number,
    environment: Environment = None,
    project: Project = None,
    confirm: Confirm = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Make all versions of a bundle active in an environment, or none; the gate looks at the bundle and at each."""
    from tasks import bundle

    declared = record.find_project(project)
    made = bundle.activate(declared, number, environment, record.acting(acting_as), confirm=confirm)

    def view(console: Console) -> None:
        display.say(console, f"{_versions(made)} of {made['path']} active in {made['environment']}.", good=True)
        for reason in made["reasons"]:
            display.say(console, f"! {reason}")

    return Answer(made, view)


def _versions(described: dict[str, Any]) -> str:
    """The versions of a bundle as people read them: model and number here."""
    return ", ".join(
        f"{model} {'(no longer here)' if number is None else f'version {number}'}"
        for model, number in described["versions"].items()
    )
