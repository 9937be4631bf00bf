"""Making one move: the table is asked, the move is made by one conditional update, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select, update

from governance import gate
from governance.audit import Actor, Tag, note
from governance.errors import ChangedMeanwhile, NotFound, SignOffRefused, TransitionNotAllowed
from governance.people import Standing, standing_of
from governance.registry.finding import path_of
from governance.signoff.conditions import Situation
from governance.signoff.rules import RULES, actions_from
from governance.tables import Feedback, FinalApproval, ModelRow, ModelVersion, ProjectRow, SignOff
from governance.tables.columns import key_of
from governance.vocabulary import FeedbackVerdict
from governance.vocabulary import SignOffAction as Action
from governance.vocabulary import SignOffStatus as Status

EDITS: Final = frozenset({Action.EDIT_FEEDBACK, Action.EDIT_TO_APPROVED, Action.EDIT_TO_REJECTED})
"""Actions that change what was said before."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do to the sign-off of a version.

    Args:
        version: Whose sign-off.
        action: What.
        actor: Who.
        comment: With feedback and final approval, kept beside it; with the others, kept in the audit trail. For
            edits: none leaves the comment as it is.
        group: Feedback group to speak for; not needed by members of one group only.
        verdict: What feedback says; needed to add it.
        feedback_id: Which feedback to edit or delete; not needed by authors of one only.
        notify: Whom a request for feedback or approval tells; possibly nobody.
        expected_revision: Revision that the actor has looked at; none takes whatever is there.
    """

    version: ModelVersion
    action: Action
    actor: Actor
    comment: str | None = None
    group: str | None = None
    verdict: FeedbackVerdict | None = None
    feedback_id: int | None = None
    notify: tuple[str, ...] = ()
    expected_revision: int | None = None


def sign(session: Session, request: Request, *, artifacts: Path, at: datetime) -> SignOff:
    """Move one sign-off through the table; write down who moved it, and why.

    Args:
        session: Of the act.
        request: What is wanted.
        artifacts: Folder of the artifact store; approving hashes the version's files again.
        at: When.

    Returns:
        The sign-off after the move.

    Raises:
        TransitionNotAllowed: the table has no row for (status, action).
        SignOffRefused: the role or a guard says no; ``reasons`` names every one.
        NotFound: there is no such feedback in this round.
        ChangedMeanwhile: someone else moved it first; nothing was written.
    """
    # Read again: what the caller holds may be old.
    version = session.get_one(ModelVersion, key_of(request.version), populate_existing=True)
    request = replace(request, version=version)
    sign_off = session.get_one(SignOff, key_of(version), populate_existing=True)
    subject = path_of(session, request.version)
    if request.expected_revision not in {None, sign_off.revision}:
        raise _changed(subject, request.expected_revision, sign_off.revision)
    rule = RULES.get((sign_off.status, request.action))
    if rule is None:
        raise TransitionNotAllowed(subject, sign_off.status, request.action, actions_from(sign_off.status))

    spoken = _spoken_of(session, request, sign_off)
    situation = _situation(session, request, sign_off, spoken, artifacts)
    role = () if rule.who.holds(situation) else (f"{request.actor.name} is not {rule.who.sentence}",)
    reasons = (*role, *(reason for guard in rule.guards for reason in guard(situation)))
    if reasons:
        raise SignOffRefused(subject, request.action, reasons)

    to = rule.to if isinstance(rule.to, Status) else sign_off.status_before_abandon or Status.NOT_STARTED
    before = _facts(sign_off, spoken)
    after = _move(session, request, sign_off, to, subject, at)
    written = _write(session, request, after, spoken, situation, at)
    session.flush()
    note(
        session,
        Tag(f"sign_off:{request.action}"),
        subject,
        actor=request.actor,
        at=at,
        before=before,
        after={**_facts(after, written), "comment": request.comment, "notified": list(request.notify)},
    )
    return after


def _spoken_of(session: Session, request: Request, sign_off: SignOff) -> Feedback | FinalApproval | None:
    """The feedback or the approval that a request is about; none when it makes one, or is about neither."""
    if request.action not in {Action.EDIT_FEEDBACK, Action.DELETE_FEEDBACK}:
        return gate.current_approval(session, sign_off)
    of_round = select(Feedback).where(Feedback.version_id == sign_off.version_id, Feedback.round == sign_off.round)
    known = session.exec(of_round.order_by(col(Feedback.id)).execution_options(populate_existing=True)).all()
    own = [feedback for feedback in known if feedback.author == request.actor.name]
    if request.feedback_id is None and len(own) == 1:
        return own[0]
    for feedback in known:
        if feedback.id == request.feedback_id:
            return feedback
    name = "" if request.feedback_id is None else str(request.feedback_id)
    raise NotFound("feedback", name, [str(feedback.id) for feedback in own or known], "say which by its number")


def _situation(
    session: Session, request: Request, sign_off: SignOff, spoken: Feedback | FinalApproval | None, artifacts: Path
) -> Situation:
    model = session.get_one(ModelRow, request.version.model_id)
    project = session.get_one(ProjectRow, model.project_id, populate_existing=True)
    standing = standing_of(session, key_of(project), request.actor.name)
    return Situation(
        actor=request.actor,
        standing=standing,
        author=None if spoken is None else spoken.author,
        group=spoken.group if isinstance(spoken, Feedback) else request.group or _only_group(standing),
        verdict=request.verdict,
        separation_of_duties=project.separation_of_duties,
        trained_by=request.version.trained_by,
        requested_by=tuple(sign_off.requested_by),
        content=lambda: gate.look_at(session, request.version, artifacts),
    )


def _only_group(standing: Standing) -> str | None:
    return next(iter(standing.groups)) if len(standing.groups) == 1 else None


def _move(session: Session, request: Request, sign_off: SignOff, to: Status, subject: str, at: datetime) -> SignOff:
    """The one update that decides a race."""
    seen = sign_off.revision
    moved = session.exec(
        update(SignOff)
        .where(col(SignOff.version_id) == sign_off.version_id, col(SignOff.revision) == seen)
        .values(status=to, revision=seen + 1, changed_at=at, **_remembered(request, sign_off))
        .execution_options(synchronize_session=False)
    )
    after = session.get_one(SignOff, sign_off.version_id, populate_existing=True)
    if moved.rowcount != 1:
        raise _changed(subject, seen, after.revision)
    return after


def _remembered(request: Request, sign_off: SignOff) -> Mapping[str, Any]:
    """What a move changes in the sign-off besides its status."""
    match request.action:
        case Action.REQUEST_FEEDBACK | Action.REQUEST_APPROVAL:
            asked = [*sign_off.requested_by, request.actor.name]
            return {"requested_by": list(dict.fromkeys(asked)), "notified": list(request.notify)}
        case Action.ABANDON:
            return {"status_before_abandon": sign_off.status}
        case Action.CANCEL_ABANDON:
            return {"status_before_abandon": None}
        case Action.RESET | Action.RECUR:
            # A new round: what was said in the earlier ones stays, as history.
            return {"round": sign_off.round + 1, "requested_by": [], "notified": [], "status_before_abandon": None}
    return {}


def _write(
    session: Session,
    request: Request,
    sign_off: SignOff,
    spoken: Feedback | FinalApproval | None,
    situation: Situation,
    at: datetime,
) -> Feedback | FinalApproval | None:
    """What a move does to feedback and approval; the row that is spoken of afterwards."""
    place: dict[str, Any] = {"version_id": sign_off.version_id, "round": sign_off.round, "author": request.actor.name}
    said: dict[str, Any] = {"comment": request.comment or "", "created_at": at}
    match request.action, spoken:
        case Action.ADD_FEEDBACK, _:
            heard: dict[str, Any] = {"group": situation.group, "verdict": request.verdict}
            spoken = Feedback(**place, **said, **heard)
        case Action.APPROVE | Action.REJECT, _:
            content = request.version.manifest_digest
            spoken = FinalApproval(**place, **said, verdict=sign_off.status, content_digest=content)
        case Action.EDIT_FEEDBACK, Feedback():
            spoken.verdict = request.verdict or spoken.verdict
        case ((Action.EDIT_TO_APPROVED | Action.EDIT_TO_REJECTED), FinalApproval()):
            spoken.verdict = sign_off.status
            spoken.content_digest = request.version.manifest_digest
        case ((Action.DELETE_FEEDBACK | Action.DELETE_APPROVAL), (Feedback() | FinalApproval())):
            session.delete(spoken)
            return None
        case _:
            return None
    if request.action in EDITS:
        spoken.edited_at = at
        spoken.comment = spoken.comment if request.comment is None else request.comment
    session.add(spoken)
    return spoken


def _facts(sign_off: SignOff, spoken: Feedback | FinalApproval | None) -> dict[str, Any]:
    """A sign-off, and what is spoken of, as the audit trail keeps them."""
    facts = sign_off.model_dump(mode="json", include={"status", "revision", "round"})
    if spoken is not None:
        facts["feedback" if isinstance(spoken, Feedback) else "final_approval"] = spoken.model_dump(mode="json")
    return facts


def _changed(subject: str, expected: int | None, found: int) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"the sign-off of {subject}", f"revision {expected}", f"revision {found}")
