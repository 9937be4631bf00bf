"""``driftgate sign-off``: every move of the sign-off table, one command each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import record, signing, standing_in
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Model, Project, command, group
from deployments.cli.signing import EDITS, Final, Version, arrange, facts, find_item, verb_of
from governance.vocabulary import FeedbackVerdict, SignOffAction
from tasks import edge

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlmodel import Session

    from governance.audit import Actor
    from governance.tables import Item

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
    command(sign_off, "reset", example=f"{example} reset 2 --reload-configuration")(reset)
    command(sign_off, "edit-approval", example=f"{example} edit-approval 2 --verdict rejected")(edit_approval)
    for moves, made in ((_ASKING, _asking), (_DECIDING, _deciding)):
        for action, (about, arguments) in moves.items():
            move = made(action)
            move.__doc__ = about
            name = verb_of(action)
            command(sign_off, name, example=f"{example} {name} {arguments}")(move)
    standing_in.add_to(sign_off)
    app.add_typer(sign_off)


def show(
    version: Version = "latest", project: Project = None, model: Model = None, acting_as: ActingAs = None
) -> Answer:
    """Show where the sign-off of a version stands, what was said, and what can be done now."""
    declared = record.find_project(project)
    actor = record.acting(acting_as)
    with edge.looking_at(declared, actor) as session:
        document = facts(session, find_item(session, declared, model, version), actor)

    return Answer(document, lambda console: signing.show(console, document))


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
    return make(EDITS[verdict], version, project, model, acting_as, comment=comment)


def reset(
    version: Version,
    reload_configuration: Annotated[
        bool, typer.Option("--reload-configuration", help="Take the template's rules again, and end every delegation.")
    ] = False,
    comment: Comment = None,
    project: Project = None,
    model: Model = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Begin the review again; what was said so far becomes history."""
    return make(
        SignOffAction.RESET,
        version,
        project,
        model,
        acting_as,
        comment=comment,
        reload_configuration=reload_configuration,
    )


def make(
    action: SignOffAction,
    version: str,
    project: str | None = None,
    model: str | None = None,
    acting_as: str | None = None,
    **said: Any,
) -> Answer:
    """Make one move in one transaction; ``said`` is what :class:`governance.signoff.Request` takes besides."""
    from governance import signoff
    from governance.settings import settings

    def act(session: Session, item: Item, actor: Actor) -> str:
        request = signoff.Request(item=item, action=action, actor=actor, **said)
        signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
        verb = str(action).replace("_", " ")
        return f"{verb[:1].upper()}{verb[1:]}: done by {actor.name}."

    return arrange(act, version, project, model, acting_as)
