"""``driftgate version``: what versions there are, and which one is active where."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Environment, Model, Project, command, group
from governance.errors import NotFound
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from sqlmodel import Session

    from governance.tables import ModelRow, ModelVersion

Number = Annotated[str, typer.Argument(metavar="VERSION", help="A number, 'latest', or 'active'.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Say yes to a warning of the gate; this is recorded.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    version = group("version", "Versions of a model: list, show, document, activate, roll back.")
    command(version, "list", example="driftgate version list --model authorization")(list_versions)
    command(version, "show", example="driftgate version show latest")(show)
    command(version, "document", example="driftgate version document 2 --output version-2.html")(document)
    command(version, "activate", example="driftgate version activate 2 --environment prod")(activate)
    command(version, "rollback", example="driftgate version rollback --environment prod")(rollback)
    app.add_typer(version)


def list_versions(project: Project = None, model: Model = None) -> Answer:
    """List the versions of a model, the newest first: where active, how far signed, how good."""
    from governance import registry

    declared = record.find_project(project)
    name, settings = declared.model(model)
    versions: list[dict[str, Any]] = []
    with edge.looking_at(declared) as session, suppress(NotFound):  # nothing of it is recorded yet
        row = registry.find_model(session, declared.project, name)
        versions = describe(session, row, registry.list_versions(session, row))
    versions.sort(key=lambda version: -version["version"])
    focus = settings.metric_to_focus

    def view(console: Console) -> None:
        rows = [
            (
                v["version"],
                v["active_in"],
                v["sign_off"],
                v["metrics"].get(focus),
                v["trained_by"],
                v["trained_at"][:16],
            )
            for v in versions
        ]
        header = ("version", "active in", "sign-off", focus, "trained by", "trained at")
        console.print(display.table(header, rows, title=f"{declared.project} / {name}"))
        if not versions:
            display.say(console, "No version yet.")
            display.next_commands(console, "driftgate train")

    return Answer({"project": declared.project, "model": name, "versions": versions}, view)


def show(
    version: Number = "latest", project: Project = None, model: Model = None, environment: Environment = None
) -> Answer:
    """Show one version: metrics, diagnostics, data, files, sign-off, and what the gate says to it."""
    from governance import registry
    from governance.settings import settings

    declared = record.find_project(project)
    name, _ = declared.model(model)
    with edge.looking_at(declared) as session:
        found = edge.find_version(session, declared, name, version, environment)
        row = registry.find_model(session, declared.project, name)
        document = describe(session, row, [found])[0]
        document["diagnostics"] = found.diagnostics
        document["manifest"] = manifest = found.manifest
        verdicts = registry.verdicts(session, found, settings().artifacts_folder, at=edge.now())
    here = [place for place in declared.environments if place in verdicts]
    gates = [(place, verdicts[place].decision, list(verdicts[place].reasons)) for place in here]
    document["gate"] = {place: {"decision": decision, "reasons": reasons} for place, decision, reasons in gates}

    def view(console: Console) -> None:
        facts = [
            ("active in", document["active_in"]),
            ("sign-off", document["sign_off"]),
            ("trained", f"{document['trained_at']:.16} by {document['trained_by']}"),
            ("data", manifest.get("data")),
            ("rows", manifest.get("rows")),
            ("estimator", manifest.get("estimator")),
        ]
        title = f"{declared.project} / {name} / version {document['version']}"
        console.print(display.table(("", ""), facts, title=title))
        console.print(display.table(("metric", "value"), document["metrics"].items()))
        console.print(display.table(("environment", "gate", "reasons"), gates))
        for diagnostic in document["diagnostics"]:
            display.say(console, f"! {diagnostic['message']}")

    return Answer(document, view)


def document(
    version: Number = "latest",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .html or .md. Default: MODEL-version-NUMBER.html, here.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    project: Project = None,
    model: Model = None,
) -> Answer:
    """Write the document of one version to a file: design, data, metrics, drift, sign-off and lineage."""
    from tasks.document import write_document

    made = write_document(record.find_project(project), model, version, output)

    def view(console: Console) -> None:
        sentence = f"The document of version {made['version']} of {made['model']} is in {made['output']}."
        display.say(console, sentence, good=True)

    return Answer(made, view)


def activate(
    version: Number,
    environment: Environment = None,
    project: Project = None,
    model: Model = None,
    confirm: Confirm = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Make a version active in an environment, if the gate lets it through. A refusal is kept in the audit trail."""
    from tasks import gate

    declared = record.find_project(project)
    name, _ = declared.model(model)
    return _told(gate.activate(declared, name, version, environment, record.acting(acting_as), confirm=confirm))


def rollback(
    to: Annotated[
        int | None, typer.Option("--to", min=1, help="Default: the version active before.", show_default=False)
    ] = None,
    environment: Environment = None,
    project: Project = None,
    model: Model = None,
    confirm: Confirm = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Go back to the version that was active before, through the same gate."""
    from tasks import gate

    declared = record.find_project(project)
    name, _ = declared.model(model)
    return _told(gate.roll_back(declared, name, to, environment, record.acting(acting_as), confirm=confirm))


def _told(made: dict[str, Any]) -> Answer:
    def view(console: Console) -> None:
        instead = f" instead of version {made['replaced']}" if made["replaced"] else ""
        sentence = f"Version {made['version']} of {made['model']} is active in {made['environment']}{instead}."
        display.say(console, sentence, good=True)
        for reason in made["reasons"]:
            display.say(console, f"! {reason}")

    return Answer(made, view)


def describe(session: Session, model: ModelRow, versions: Sequence[ModelVersion]) -> list[dict[str, Any]]:
    """What a list says of each version."""
    from governance import items, registry, signoff

    active = registry.active_versions(session, model)
    return [
        {
            "version": version.number,
            "active_in": sorted(place for place, number in active.items() if number == version.number),
            "sign_off": signoff.status_of(session, items.item_of(session, version)),
            "metrics": {metric["name"]: metric["value"] for metric in version.metrics},
            "trained_by": version.trained_by,
            "trained_at": version.trained_at.isoformat(),
        }
        for version in versions
    ]
