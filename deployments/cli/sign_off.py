"""``driftgate sign-off``: every move of the sign-off table, one command each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Model, Project, command, group
from governance.vocabulary import FeedbackVerdict, SignOffAction, SignOffStatus
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.tables import ModelVersion

Version = Annotated[str, typer.Argument(metavar="VERSION", help="A number, 'latest', or 'active'.")]
Comment = Annotated[str | None, typer.Option("--comment", "-c", help="Why.", show_default=False)]
Feedback = Annotated[
    int | None,
    typer.Argument(
        metavar="FEEDBACK", help="Its number, as 'show' says. Default: your only one.", min=1, show_default=False
    ),
]
Verdict = Annotated[FeedbackVerdict, typer.Option("--verdict", case_sensitive=False, help="What you think.")]
Notify = Annotated[
    list[str] | None, typer.Option("--notify", help="Whom to tell; may be repeated.", show_default=False)
]


class Final(StrEnum):
    """What a final approval can be changed to."""

    APPROVED = SignOffStatus.APPROVED.value
    REJECTED = SignOffStatus.REJECTED.value


_EDITS = {Final.APPROVED: SignOffAction.EDIT_TO_APPROVED, Final.REJECTED: SignOffAction.EDIT_TO_REJECTED}

_VERBS = {SignOffAction.ADD_FEEDBACK: "feedback"} | {
    action: f"edit-approval --verdict {final.lower()}" for final, action in _EDITS.items()
}
"""Commands that are not called like their action."""

_ASKING = {
    SignOffAction.REQUEST_FEEDBACK: (
        "Ask the reviewers for feedback; name whom to tell, or nobody.",
        "2 --notify ana",
    ),
    SignOffAction.REQUEST_APPROVAL: ("Ask for the final approval, with or without feedback before.", "2 --notify bo"),
}
"""Moves that tell people: what their help says, and the arguments of its example."""

_DECIDING = {
    SignOffAction.BACK_TO_FEEDBACK: ("Open feedback again instead of deciding.", "2"),
    SignOffAction.APPROVE: (
        "Give the final approval. It is bound to the content of the version, byte for byte.",
        "2 --comment 'Reviewed on June' --as bo",
    ),
    SignOffAction.REJECT: ("Refuse the final approval.", "2 --comment 'Loses on Visa'"),
    SignOffAction.DELETE_APPROVAL: ("Take your own final approval back; the version waits for one again.", "2"),
    SignOffAction.ABANDON: ("Give the review up: all of it becomes read-only.", "2 --comment 'Wrong training data'"),
    SignOffAction.CANCEL_ABANDON: ("Take an abandoned review up again, everything as before.", "2"),
    SignOffAction.RESET: (
        "Begin the review again, with the people of project.yaml; what was said so far becomes history.",
        "2",
    ),
}
"""Moves that take a comment and nothing else."""


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    sign_off = group("sign-off", "The review of a version: feedback, then one final approval.")
    example = "driftgate sign-off"
    command(sign_off, "show", example=f"{example} show 2")(show)
    command(sign_off, "feedback", example=f"{example} feedback 2 --verdict minor_issue --comment 'Lift fell' --as ana")(
        feedback
    )
    command(sign_off, "edit-feedback", example=f"{example} edit-feedback 2 7 --verdict approved")(edit_feedback)
    command(sign_off, "delete-feedback", example=f"{example} delete-feedback 2 7")(delete_feedback)
    command(sign_off, "edit-approval", example=f"{example} edit-approval 2 --verdict rejected")(edit_approval)
    for moves, made in ((_ASKING, _asking), (_DECIDING, _deciding)):
        for action, (about, arguments) in moves.items():
            move = made(action)
            move.__doc__ = about
            name = _verb(action)
            command(sign_off, name, example=f"{example} {name} {arguments}")(move)
    app.add_typer(sign_off)


def show(
    version: Version = "latest", project: Project = None, model: Model = None, acting_as: ActingAs = None
) -> Answer:
    """Show where the sign-off of a version stands, what was said, and what can be done now."""
    declared = record.find_project(project)
    name, _ = declared.model(model)
    actor = record.acting(acting_as)
    with edge.reading() as session:
        found = edge.find_version(session, declared, name, version)
        document = _facts(session, declared.project, name, found, actor)

    return Answer(document, lambda console: _show(console, document))


def _asking(action: SignOffAction) -> Callable[..., Answer]:
    def ask(
        version: Version,
        notify: Notify = None,
        project: Project = None,
        model: Model = None,
        acting_as: ActingAs = None,
    ) -> Answer:
        return make(action, version, project, model, acting_as, notify=tuple(notify or ()))

    return ask


def _deciding(action: SignOffAction) -> Callable[..., Answer]:
    def decide(
        version: Version,
        comment: Comment = None,
        project: Project = None,
        model: Model = None,
        acting_as: ActingAs = None,
    ) -> Answer:
        return make(action, version, project, model, acting_as, comment=comment)

    return decide


def feedback(
    version: Version,
    verdict: Verdict,
    comment: Comment = None,
    in_group: Annotated[
        str | None, typer.Option("--group", help="Your feedback group. Default: your only one.", show_default=False)
    ] = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Say what you think of a version, as a member of a feedback group. Feedback never gates."""
    return make(
        SignOffAction.ADD_FEEDBACK, version, project, model, acting_as, group=in_group, verdict=verdict, comment=comment
    )


def edit_feedback(
    version: Version,
    feedback: Feedback = None,
    verdict: Annotated[
        FeedbackVerdict | None,
        typer.Option("--verdict", case_sensitive=False, help="Default: as it was.", show_default=False),
    ] = None,
    comment: Comment = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Change your own feedback while feedback is open."""
    return make(
        SignOffAction.EDIT_FEEDBACK,
        version,
        project,
        model,
        acting_as,
        feedback_id=feedback,
        verdict=verdict,
        comment=comment,
    )


def delete_feedback(
    version: Version,
    feedback: Feedback = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Take your own feedback back while feedback is open."""
    return make(SignOffAction.DELETE_FEEDBACK, version, project, model, acting_as, feedback_id=feedback)


def edit_approval(
    version: Version,
    verdict: Annotated[Final, typer.Option("--verdict", case_sensitive=False, help="What it becomes.")],
    comment: Comment = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Change your own final approval; to abandon instead, use 'abandon'."""
    return make(_EDITS[verdict], version, project, model, acting_as, comment=comment)


def make(
    action: SignOffAction,
    version: str,
    project: str | None = None,
    model: str | None = None,
    acting_as: str | None = None,
    **said: Any,
) -> Answer:
    """Make one move in one transaction; ``said`` is what :class:`governance.signoff.Request` takes besides."""
    from governance import items, signoff
    from governance.settings import settings

    declared = record.find_project(project)
    name, _ = declared.model(model)
    actor = record.acting(acting_as)
    with edge.known(declared, actor) as session:
        found = edge.find_version(session, declared, name, version)
        request = signoff.Request(item=items.item_of(session, found), action=action, actor=actor, **said)
        signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
        document = _facts(session, declared.project, name, found, actor)

    def view(console: Console) -> None:
        verb = str(action).replace("_", " ")
        display.say(console, f"{verb[:1].upper()}{verb[1:]}: done by {actor.name}.", good=True)
        _show(console, document)

    return Answer(document, view)


def _facts(session: Session, project: str, model: str, version: ModelVersion, actor: Actor) -> dict[str, Any]:
    """Everything about a sign-off, and what the actor may do now."""
    from governance import items, signoff

    item = items.item_of(session, version)
    shown = signoff.show(session, item)
    allowed = signoff.allowed_actions(session, item, actor)
    return {"project": project, "model": model, **shown, "version": version.number, "allowed": allowed}


def _show(console: Console, document: dict[str, Any]) -> None:
    console.print(
        display.table(
            ("", ""),
            [
                ("status", document["status"]),
                ("requested by", document["requested_by"]),
                ("told", document["notified"]),
            ],
            title=f"Sign-off of {document['model']} version {document['version']}, round {document['round']}",
        )
    )
    if document["feedback"]:
        rows = [(f["id"], f["group"], f["author"], f["verdict"], f["comment"]) for f in document["feedback"]]
        console.print(display.table(("feedback", "group", "author", "verdict", "comment"), rows))
    if final := document["final_approval"]:
        row = (final["verdict"], final["author"], final["comment"])
        console.print(display.table(("final approval", "author", "comment"), [row]))
    for earlier in document["history"]:
        said = earlier["final_approval"]
        verdict = f"{said['verdict']} by {said['author']}" if said else "no final approval"
        display.say(console, f"Round {earlier['round']}: {len(earlier['feedback'])} feedback, {verdict}.")
    allowed = ", ".join(map(_verb, document["allowed"]))
    display.say(console, f"You may now: {allowed or 'nothing'}.")


def _verb(action: SignOffAction) -> str:
    """The command of an action."""
    return _VERBS.get(action, str(action).replace("_", "-"))
