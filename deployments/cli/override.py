"""``driftgate override``: in an emergency two people bring a version live that nobody has approved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Environment, Model, Project, command, group
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.tables import Override

Version = Annotated[str, typer.Argument(metavar="VERSION", help="A number, or 'latest'.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="Of the override, as 'list' says.", min=1)]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why it can't wait.")]
Comment = Annotated[str, typer.Option("--comment", "-c", help="Whether it was right, and what follows.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    override = group("override", "Emergencies: two people take a missing approval on themselves.")
    example = "driftgate override"
    command(override, "request", example=f"{example} request 2 --reason 'Fraud doubled overnight'")(request)
    command(override, "confirm", example=f"{example} confirm 1 --as bo")(confirm)
    command(override, "review", example=f"{example} review 1 --comment 'It was right' --as cleo")(review)
    command(override, "list", example=f"{example} list")(list_overrides)
    app.add_typer(override)


def request(
    version: Version,
    reason: Reason,
    environment: Environment = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Ask that a version goes live without an approval. Within a day, a final approver has to confirm it."""
    from governance import registry
    from governance.settings import settings

    declared = record.find_project(project)
    name, _ = declared.model(model)
    actor = record.acting(acting_as)
    with edge.known(declared, actor) as session:
        found = edge.find_version(session, declared, name, version)
        place = registry.find_environment(session, declared.project, environment or declared.monitored_environment)
        store = settings().artifacts_folder
        asked = registry.request_override(
            session, found, place, reason=reason, artifacts=store, actor=actor, at=edge.now()
        )
        document = _facts(session, asked)

    def view(console: Console) -> None:
        display.say(console, f"{actor.name} asks for override {document['override']}; nothing is live yet.", good=True)
        display.next_commands(console, f"driftgate override confirm {document['override']} --as APPROVER")

    return Answer(document, view)


def confirm(number: Number, project: Project = None, acting_as: ActingAs = None) -> Answer:
    """Agree, as a final approver, to what somebody else has asked for; the version is active afterwards."""
    from governance import registry
    from governance.errors import ActivationRefused, ActRefused, ChangedMeanwhile
    from governance.settings import settings

    refusals = list[ActivationRefused | ActRefused | ChangedMeanwhile]()

    def act(session: Session, override: Override, actor: Actor) -> str:
        artifacts = settings().artifacts_folder
        try:
            with session.begin_nested():
                registry.confirm_override(session, override, artifacts=artifacts, actor=actor, at=edge.now())
        except (ActivationRefused, ActRefused, ChangedMeanwhile) as refused:
            registry.note_refused_confirmation(session, override, refused, actor=actor, at=edge.now())
            refusals.append(refused)
        return f"Override {number} is confirmed by {actor.name}; somebody else has to review it."

    answer = _act(act, number, project, acting_as)
    for refused in refusals:  # raised only now: its line is kept
        raise refused
    return answer


def review(number: Number, comment: Comment, project: Project = None, acting_as: ActingAs = None) -> Answer:
    """Write down what you think of an override, as somebody who neither asked for it nor confirmed it."""
    from governance import registry

    def act(session: Session, override: Override, actor: Actor) -> str:
        registry.review_override(session, override, comment=comment, actor=actor, at=edge.now())
        return f"Override {number} is reviewed by {actor.name}."

    return _act(act, number, project, acting_as)


def list_overrides(project: Project = None, acting_as: ActingAs = None) -> Answer:
    """List the overrides of a project, the latest first: who asked, who agreed, and what was thought of it."""
    from governance import registry

    declared = record.find_project(project)
    with edge.looking_at(declared, record.acting(acting_as)) as session:
        known = [row for row in registry.list_projects(session) if row.name == declared.project]
        found = [_facts(session, one) for row in known for one in registry.list_overrides(session, row.id or 0)]

    def view(console: Console) -> None:
        keys = ("override", "path", "environment", "requested_by", "confirmed_by", "reviewed_by", "reason", "review")
        header = ("override", "version", "environment", "asked by", "agreed", "reviewed by", "reason", "review")
        console.print(display.table(header, [tuple(one[key] for key in keys) for one in found]))
        if not found:
            display.say(console, "No override was ever asked for.")

    return Answer({"project": declared.project, "overrides": found}, view)


def _act(
    act: Callable[[Session, Override, Actor], str], number: int, project: str | None, acting_as: str | None
) -> Answer:
    """Do something to an override of a project in one transaction."""
    from governance import registry

    declared = record.find_project(project)
    actor = record.acting(acting_as)
    with edge.known(declared, actor) as session:
        row = registry.find_project(session, declared.project)
        override = registry.find_override(session, number, project_id=row.id)
        done = act(session, override, actor)
        document = _facts(session, registry.find_override(session, number))
    return Answer(document, lambda console: display.say(console, done, good=True))


def _facts(session: Session, override: Override) -> dict[str, Any]:
    """An override, with the names of what it is about."""
    from governance import items
    from governance.tables import EnvironmentRow, ModelVersion

    facts = override.model_dump(exclude={"id", "version_id", "environment_id"})
    path = items.item_of(session, session.get_one(ModelVersion, override.version_id)).path
    place = session.get_one(EnvironmentRow, override.environment_id).name
    return {"override": override.id, "path": path, "environment": place, **facts}
