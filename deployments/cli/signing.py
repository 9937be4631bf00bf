"""What every command on a sign-off does: find what is signed, act in one transaction, and show where it stands then."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from governance.vocabulary import SignOffAction, SignOffStatus
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project as Declared
    from governance.tables import Item

Version = Annotated[
    str,
    typer.Argument(metavar="VERSION", help="A number, 'latest' or 'active'; or the path of an item, such as bundle-2."),
]


class Final(StrEnum):
    """What a final approval can be changed to."""

    APPROVED = SignOffStatus.APPROVED.value
    REJECTED = SignOffStatus.REJECTED.value


EDITS = {Final.APPROVED: SignOffAction.EDIT_TO_APPROVED, Final.REJECTED: SignOffAction.EDIT_TO_REJECTED}

VERBS = {SignOffAction.ADD_FEEDBACK: "feedback"} | {
    action: f"edit-approval --verdict {final.lower()}" for final, action in EDITS.items()
}
"""Commands that are not called like their action."""


def arrange(
    act: Callable[[Session, Item, Actor], str],
    version: str,
    project: str | None,
    model: str | None,
    acting_as: str | None,
) -> Answer:
    """Do something to a sign-off in one transaction; answer with what was done, and where it stands then."""
    declared = record.find_project(project)
    actor = record.acting(acting_as)
    with edge.known(declared, actor) as session:
        item = find_item(session, declared, model, version)
        done = act(session, item, actor)
        document = facts(session, item, actor)

    def view(console: Console) -> None:
        display.say(console, done, good=True)
        show(console, document)

    return Answer(document, view)


def find_item(session: Session, declared: Declared, model: str | None, reference: str) -> Item:
    """What is signed: a version of a model, or what has this path, with or without the name of the project."""
    from governance import items

    if "/" in reference or reference.startswith("bundle-"):
        inside = reference if reference.startswith(f"{declared.project}/") else f"{declared.project}/{reference}"
        return items.find_item(session, inside)
    name, _ = declared.model(model)
    return items.item_of(session, edge.find_version(session, declared, name, reference))


def facts(session: Session, item: Item, actor: Actor) -> dict[str, Any]:
    """Everything about a sign-off, and what the actor may do now."""
    from governance import signoff

    project, *rest = item.path.split("/")
    shown = signoff.show(session, item)
    allowed = signoff.allowed_actions(session, item, actor, at=edge.now())
    names: dict[str, Any] = {"project": project}
    names |= {"bundle": int(rest[0].rpartition("-")[2])} if len(rest) == 1 else {"model": rest[0]}
    names |= {} if len(rest) == 1 else {"version": int(rest[1])}
    return {**names, **shown, "subscribers": signoff.subscribers_of(session, item), "allowed": allowed}


def show(console: Console, document: dict[str, Any]) -> None:
    """Print a sign-off for people."""
    console.print(
        display.table(
            ("", ""),
            [
                ("status", document["status"]),
                ("requested by", document["requested_by"]),
                ("told", document["notified"]),
                ("subscribers", document["subscribers"]),
                ("approved until", document["approved_until"] and f"{document['approved_until']:%Y-%m-%d %H:%M} UTC"),
            ],
            title=f"Sign-off of {document['path']}, round {document['round']}",
        )
    )
    if document["feedback"]:
        rows = [(f["id"], f["group"], f["author"], f["verdict"], f["comment"]) for f in document["feedback"]]
        console.print(display.table(("feedback", "group", "author", "verdict", "comment"), rows))
    if final := document["final_approval"]:
        row = (final["verdict"], final["author"], final["comment"])
        console.print(display.table(("final approval", "author", "comment"), [row]))
    if document["delegations"]:
        rows = [(d["id"], d["person"], d["role"], d["group"], d["delegate"]) for d in document["delegations"]]
        console.print(display.table(("delegation", "in the place of", "role", "group", "delegate"), rows))
    for earlier in document["history"]:
        said = earlier["final_approval"]
        verdict = f"{said['verdict']} by {said['author']}" if said else "no final approval"
        count = f"{len(earlier['feedback'])} feedback"
        display.say(console, f"Round {earlier['round']}: {count}, {verdict}, {earlier['status']} at its end.")
    allowed = ", ".join(map(verb_of, document["allowed"]))
    display.say(console, f"You may now: {allowed or 'nothing'}.")


def verb_of(action: SignOffAction) -> str:
    """The command of an action."""
    return VERBS.get(action, str(action).replace("_", "-"))
