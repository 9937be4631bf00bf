"""Making one move: the table is asked, the move is made by one conditional update, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select, update

from governance import gate, people
from governance.audit import Actor, Tag, note
from governance.authorisation import Standing, require
from governance.errors import ChangedMeanwhile, NotFound, SignOffRefused, TransitionNotAllowed
from governance.items import configuration_of
from governance.notices import can_be_told, tell
from governance.signoff.conditions import Situation
from governance.signoff.delegating import delegations_of, drop_delegations, facts_of, standing_on
from governance.signoff.rules import RULES, actions_from
from governance.signoff.subscribing import subscribers_of
from governance.tables import Feedback, FinalApproval, Item, SignOff
from governance.tables.columns import key_of
from governance.templates import SignOffRules
from governance.vocabulary import FeedbackVerdict, Right
from governance.vocabulary import SignOffAction as Action
from governance.vocabulary import SignOffStatus as Status

EDITS: Final = frozenset({Action.EDIT_FEEDBACK, Action.EDIT_TO_APPROVED, Action.EDIT_TO_REJECTED})
"""Actions that change what was said before."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants to do to the sign-off of a version or a bundle.

    Args:
        item: Whose sign-off.
        action: What.
        actor: Who.
        comment: With feedback and final approval, kept beside it; with the others, kept in the audit trail. For
            edits: none leaves the comment as it is.
        group: Feedback group to speak for; not needed by members of one group only.
        verdict: What feedback says; needed to add it.
        feedback_id: Which feedback to edit or delete; not needed by authors of one only.
        notify: Whom a request for feedback or approval tells; possibly nobody.
        reload_configuration: For a reset: take the rules of the template again and end every delegation; else both stay.
        expected_revision: Revision that the actor has looked at; none takes whatever is there.
    """

    item: Item
    action: Action
    actor: Actor
    comment: str | None = None
    group: str | None = None
    verdict: FeedbackVerdict | None = None
    feedback_id: int | None = None
    notify: tuple[str, ...] = ()
    reload_configuration: bool = False
    expected_revision: int | None = None


def sign(session: Session, request: Request, *, artifacts: Path, at: datetime) -> SignOff:
    """Move one sign-off through the table; write down who moved it, and why.

    Args:
        session: Of the act.
        request: What is wanted.
        artifacts: Folder of the artifact store; approving hashes the files again.
        at: When.

    Returns:
        The sign-off after the move.

    Raises:
        NotAllowed: the actor is nobody here.
        TransitionNotAllowed: the table has no row for (status, action).
        SignOffRefused: the role or a guard says no; ``reasons`` names every one.
        NotFound: there is no such feedback in this round.
        ChangedMeanwhile: someone else moved it first; nothing was written.
    """
    people.hold_people_still(session)
    # Read again: what the caller holds may be old.
    item = session.get_one(Item, key_of(request.item), populate_existing=True)
    request = replace(request, item=item)
    sign_off = _sign_off(session, item)
    subject = item.path
    rules = gate.rules_of(session, item, sign_off)
    standing = standing_on(session, item, rules, request.actor)
    if not standing.rights:
        require(session, request.actor, Right.READ, item.project_id)
    if request.expected_revision not in {None, sign_off.revision}:
        raise _changed(subject, request.expected_revision, sign_off.revision)
    rule = RULES.get((sign_off.status, request.action))
    if rule is None:
        raise TransitionNotAllowed(subject, sign_off.status, request.action, actions_from(sign_off.status))

    spoken = _spoken_of(session, request, sign_off)
    situation = _situation(session, request, sign_off, spoken, rules, standing, artifacts, at)
    role = () if rule.who.holds(situation) else (f"{request.actor.name} is not {rule.who.sentence}",)
    reasons = (*role, *(reason for guard in rule.guards for reason in guard(situation)))
    if reasons:
        raise SignOffRefused(subject, request.action, reasons)

    to = rule.to if isinstance(rule.to, Status) else sign_off.status_before_abandon or Status.NOT_STARTED
    before = _facts(sign_off, spoken)
    if _reloads(request):
        before["delegations"] = [facts_of(row) for row in delegations_of(session, item)]
    changes = {"status": to, "changed_at": at, **_remembered(session, request, sign_off, situation, at)}
    after = _move(session, sign_off, changes, subject)
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
    _tell(session, request, before["status"], after, at)
    return after


def _reloads(request: Request) -> bool:
    """Whether a request takes the rules of the template again and ends every delegation."""
    return request.action is Action.RESET and request.reload_configuration


def _situation(
    session: Session,
    request: Request,
    sign_off: SignOff,
    spoken: Feedback | FinalApproval | None,
    rules: SignOffRules,
    standing: Standing,
    artifacts: Path,
    at: datetime,
) -> Situation:
    """What roles and guards are asked about, when somebody wants something."""
    row = gate.signed(session, request.item)
    heard = session.exec(
        select(Feedback.group).where(Feedback.item_id == sign_off.item_id, Feedback.round == sign_off.round)
    )
    return Situation(
        actor=request.actor,
        standing=standing,
        author=None if spoken is None else spoken.author,
        group=spoken.group if isinstance(spoken, Feedback) else request.group or _only_group(standing),
        verdict=request.verdict,
        rules=rules,
        duties=gate.duties_against(session, request.item, sign_off, request.actor.name),
        expired=gate.expired(session, sign_off, at),
        strangers=tuple(name for name in request.notify if not can_be_told(session, name, request.item.project_id)),
        heard=frozenset(heard),
        content=lambda: gate.look_at(session, row, artifacts),
    )


def _sign_off(session: Session, item: Item) -> SignOff:
    found = session.get(SignOff, key_of(item), populate_existing=True)
    if found is None:
        raise NotFound(f"sign-off of {item.kind}", item.path, (), "versions and bundles are signed")
    return found


def _spoken_of(session: Session, request: Request, sign_off: SignOff) -> Feedback | FinalApproval | None:
    """The feedback or the approval that a request is about; none when it makes one, or is about neither."""
    if request.action not in {Action.EDIT_FEEDBACK, Action.DELETE_FEEDBACK}:
        return gate.current_approval(session, sign_off)
    of_round = select(Feedback).where(Feedback.item_id == sign_off.item_id, Feedback.round == sign_off.round)
    known = session.exec(of_round.order_by(col(Feedback.id)).execution_options(populate_existing=True)).all()
    own = [feedback for feedback in known if feedback.author == request.actor.name]
    if request.feedback_id is None and len(own) == 1:
        return own[0]
    for feedback in known:
        if feedback.id == request.feedback_id:
            return feedback
    name = "" if request.feedback_id is None else str(request.feedback_id)
    raise NotFound("feedback", name, [str(feedback.id) for feedback in own or known], "say which by its number")


def _only_group(standing: Standing) -> str | None:
    return next(iter(standing.groups)) if len(standing.groups) == 1 else None


def _move(session: Session, sign_off: SignOff, changes: Mapping[str, Any], subject: str) -> SignOff:
    """The one update that decides a race."""
    seen = sign_off.revision
    moved = session.exec(
        update(SignOff)
        .where(col(SignOff.item_id) == sign_off.item_id, col(SignOff.revision) == seen)
        .values(revision=seen + 1, **changes)
        .execution_options(synchronize_session=False)
    )
    after = session.get_one(SignOff, sign_off.item_id, populate_existing=True)
    if moved.rowcount != 1:
        raise _changed(subject, seen, after.revision)
    return after


def _remembered(
    session: Session, request: Request, sign_off: SignOff, situation: Situation, at: datetime
) -> Mapping[str, Any]:
    """What a move changes in the sign-off besides its status."""
    match request.action:
        case Action.REQUEST_FEEDBACK | Action.REQUEST_APPROVAL:
            asked = [*sign_off.requested_by, request.actor.name]
            return {"requested_by": list(dict.fromkeys(asked)), "notified": list(request.notify)}
        case Action.APPROVE | Action.EDIT_TO_APPROVED:
            days = situation.rules.recurrence_days
            if days is None or sign_off.approved_until is not None:
                return {}  # taken back and given again in one round, an approval holds no longer than the first
            return {"approved_until": at + timedelta(days=days)}
        case Action.ABANDON:
            return {"status_before_abandon": sign_off.status}
        case Action.CANCEL_ABANDON:
            return {"status_before_abandon": None}
        case Action.RESET | Action.RECUR:
            # A new round: what was said in the earlier ones stays, as history.
            again = {"round": sign_off.round + 1, "requested_by": [], "notified": [], "status_before_abandon": None}
            if _reloads(request):
                drop_delegations(session, request.item)
                again["configuration"] = configuration_of(session, request.item)
            return again | {"approved_until": None}
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
    place: dict[str, Any] = {"item_id": sign_off.item_id, "round": sign_off.round, "author": request.actor.name}
    said: dict[str, Any] = {"comment": request.comment or "", "created_at": at}
    match request.action, spoken:
        case Action.ADD_FEEDBACK, _:
            heard: dict[str, Any] = {"group": situation.group, "verdict": request.verdict}
            spoken = Feedback(**place, **said, **heard)
        case Action.APPROVE | Action.REJECT, _:
            digest = gate.signed(session, request.item).manifest_digest
            spoken = FinalApproval(**place, **said, verdict=sign_off.status, content_digest=digest)
        case Action.EDIT_FEEDBACK, Feedback():
            spoken.verdict = request.verdict or spoken.verdict
        case ((Action.EDIT_TO_APPROVED | Action.EDIT_TO_REJECTED), FinalApproval()):
            spoken.verdict = sign_off.status
            spoken.content_digest = gate.signed(session, request.item).manifest_digest
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
    facts = sign_off.model_dump(mode="json", include={"status", "revision", "round", "approved_until", "configuration"})
    if spoken is not None:
        facts["feedback" if isinstance(spoken, Feedback) else "final_approval"] = spoken.model_dump(mode="json")
    return facts


def _changed(subject: str, expected: int | None, found: int) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"the sign-off of {subject}", f"revision {expected}", f"revision {found}")


def _tell(session: Session, request: Request, before: str, after: SignOff, at: datetime) -> None:
    """Write notices to those whom a request names, and to subscribers when the status has changed."""
    recipients = list(request.notify)
    if before != after.status:
        recipients += [name for name in subscribers_of(session, request.item) if name != request.actor.name]
    verb = str(request.action).replace("_", " ")
    line = f"{request.item.path}: {verb} by {request.actor.name}, now {after.status}"
    tell(session, recipients, subject=line, body="\n\n".join(filter(None, [line, request.comment])), at=at)
