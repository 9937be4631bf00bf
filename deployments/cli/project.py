"""``driftgate project``: whether its file is right, which projects there are, and how one of them does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import Project, command, group
from deployments.cli.doubts import doubts
from deployments.cli.exit_codes import WRONG_USAGE
from governance.errors import NotFound
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

    from governance.errors import ProjectFileError
    from governance.project_file import Project as Declared


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    project = group("project", "Projects: check a project.yaml, list them, show how one does.")
    command(project, "validate", example="driftgate project validate my_project")(validate)
    command(project, "list", example="driftgate project list")(list_projects)
    command(project, "show", example="driftgate project show --project credit_card_fraud")(show)
    app.add_typer(project)


def validate(
    path: Annotated[
        str | None,
        typer.Argument(metavar="FOLDER|FILE|NAME", help="Default: project.yaml in this folder.", show_default=False),
    ] = None,
    project: Project = None,
) -> Answer:
    """Check a project.yaml and say everything that is wrong with it: line, field, problem, remedy."""
    from governance.project_file import examine, find_file

    file = find_file(record.locate(path or project))
    declared, problems = examine(file)
    if problems or declared is None:
        return _wrong(file, problems)
    warnings = list(doubts(declared))
    document = {
        "project": declared.project,
        "file": file,
        "valid": True,
        "models": sorted(declared.models),
        "stores": sorted(declared.stores),
        "scenarios": sorted(declared.scenarios),
        "warnings": warnings,
    }

    def view(console: Console) -> None:
        display.say(console, f"{file} is right.", good=True)
        for kind in ("models", "stores", "scenarios"):
            display.say(console, f"  {kind}: {', '.join(getattr(declared, kind)) or 'none'}")
        for warning in warnings:
            display.say(console, f"! {warning}")
        first = "train" if declared.models else f"evaluate {next(iter(declared.stores))}"
        display.next_commands(console, f"driftgate {first} --project {file.parent}")

    return Answer(document, view)


def _wrong(file: Path, problems: list[ProjectFileError]) -> Answer:
    """Every problem at once; the first one stands for all where only one is asked for."""
    found = [{"line": p.line, "field": p.field, "problem": p.problem, "remedy": p.remedy} for p in problems]
    document = {"error": {"type": "ProjectFileError", "message": str(problems[0]), "file": file, "problems": found}}

    def view(console: Console) -> None:
        rows = [(p.line, p.field, p.problem, p.remedy) for p in problems]
        console.print(display.table(("line", "field", "problem", "remedy"), rows, title=str(file)))
        count = "one problem" if len(rows) == 1 else f"{len(rows)} problems"
        display.say(console, f"{count}; nothing can be run before the file is right.", good=False)

    return Answer(document, view, WRONG_USAGE)


def list_projects() -> Answer:
    """List the projects that come with driftgate, and those that were ever run here."""
    folders = record.known_folders()
    document = {"projects": [{"project": name, "folder": folder} for name, folder in sorted(folders.items())]}

    def view(console: Console) -> None:
        console.print(display.table(("project", "folder"), sorted(folders.items())))
        if not folders:
            display.say(console, "No project yet.")
        display.next_commands(
            console, "driftgate init data.csv --target COLUMN", "driftgate project show --project NAME"
        )

    return Answer(document, view)


def show(project: Project = None) -> Answer:
    """Show a project: models and what is active, stores and their latest evaluation, scenarios and people."""
    declared = record.find_project(project)
    with edge.looking_at(declared) as session:
        models = [_model(session, declared, name) for name in declared.models]
        stores = [_store(session, declared, name) for name in declared.stores]
        scenarios = [_scenario(session, declared, name) for name in declared.scenarios]
    policies = {name: place.policy for name, place in declared.environments.items()}
    document = {
        "project": declared.project,
        "description": declared.description,
        "folder": declared.folder,
        "models": models,
        "stores": stores,
        "scenarios": scenarios,
        "environments": policies,
        "people": declared.people.model_dump(mode="json"),
    }

    def view(console: Console) -> None:
        display.say(console, f"{declared.project}: {declared.description or 'no description'} ({declared.folder})")
        for header, facts in (
            (("model", "target", "prediction_type", "versions", "active"), models),
            (("store", "model", "latest", "checks"), [{**store, "model": _judged(store)} for store in stores]),
            (("scenario", "schedule", "last_outcome"), scenarios),
        ):
            rows = [[fact[column] for column in header] for fact in facts]
            if not rows:
                continue
            console.print(display.table([column.replace("_", " ") for column in header], rows))
        console.print(display.table(("environment", "policy"), policies.items()))
        train = ("driftgate train",) if declared.models else ()
        display.next_commands(console, *train, "driftgate evaluate STORE", "driftgate serve")

    return Answer(document, view)


def _model(session: Session, declared: Declared, name: str) -> dict[str, Any]:
    from governance import registry

    settings, versions, active = declared.models[name], 0, {}
    with suppress(NotFound):  # nothing of it is recorded yet
        row = registry.find_model(session, declared.project, name)
        versions, active = len(registry.list_versions(session, row)), registry.active_versions(session, row)
    return {
        "model": name,
        "target": settings.target,
        "prediction_type": settings.prediction_type,
        "versions": versions,
        "active": active,
    }


def _store(session: Session, declared: Declared, name: str) -> dict[str, Any]:
    from governance import evaluations

    store = declared.stores[name]
    latest = None
    with suppress(NotFound):  # nothing of it is recorded yet
        found = evaluations.latest_evaluation(session, evaluations.find_store(session, declared.project, name))
        latest = {"data": found.data, "at": f"{found.evaluated_at:%Y-%m-%d %H:%M}", "id": found.id}
    return {
        "store": name,
        "model": store.model,
        "standalone": store.standalone is not None,
        "prediction_type": declared.prediction_type(name),
        "latest": latest,
        "checks": [check.name for check in store.checks],
    }


def _judged(store: dict[str, Any]) -> str:
    """What a store judges, as people read it."""
    return f"standalone, {store['prediction_type']}" if store["standalone"] else str(store["model"])


def _scenario(session: Session, declared: Declared, name: str) -> dict[str, Any]:
    from governance import scenario_runs

    schedule = declared.scenarios[name].schedule
    last = scenario_runs.last_runs(session, declared.project, scenario=name, limit=1)
    return {
        "scenario": name,
        "schedule": schedule and f"{schedule.cron} {schedule.time_zone}",
        "last_outcome": last[0].outcome if last else None,
    }
