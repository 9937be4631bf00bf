"""The gate: whether a version may become active in an environment. Nothing else decides that."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlmodel import Session, col, or_, select

from governance import content
from governance.artifacts import digest, file_sha256
from governance.audit import Actor, Tag
from governance.authorisation import may
from governance.database import NOTED
from governance.items import item_of
from governance.people.secrecy import moment_of
from governance.tables import (
    AuditEvent,
    Bundle,
    EnvironmentRow,
    FinalApproval,
    Item,
    ModelVersion,
    ProjectRow,
    SignOff,
    User,
)
from governance.templates import SignOffRules
from governance.vocabulary import GateDecision, ItemKind, Policy, Right, SignOffStatus, UserKind

_ON_APPROVAL: Final = (
    Tag.SIGN_OFF_APPROVE,
    Tag.SIGN_OFF_REJECT,
    Tag.SIGN_OFF_EDIT_TO_APPROVED,
    Tag.SIGN_OFF_EDIT_TO_REJECTED,
    Tag.SIGN_OFF_DELETE_APPROVAL,
    Tag.SIGN_OFF_RESET,
    Tag.SIGN_OFF_RECUR,
)
"""The acts after which another approval holds than before, or none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Args:
        decision: Yes, not without a confirmation, or no.
        reasons: Why it is not a plain yes, each in a clause; also why an environment that never asks would have asked.
        overridable: Whether two people may take a no on themselves: the content is right, and what is there is not
            approved. That includes what was rejected or abandoned.
    """

    decision: GateDecision
    reasons: tuple[str, ...] = ()
    overridable: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a version consists of now.

    Args:
        digest: Of the manifest with the hashes that the files have now.
        differences: What is not as it was recorded, each in a clause that names the part.
    """

    digest: str
    differences: tuple[str, ...] = ()


def judge(
    policy: Policy,
    status: SignOffStatus,
    *,
    approved_digest: str | None,
    recorded_digest: str,
    found: Content,
    objections: tuple[str, ...] = (),
    unsaid: tuple[str, ...] = (),
) -> Verdict:
    """Decide, from nothing but values.

    Content comes first: what differs from what was recorded, or from what was approved, is refused under every
    policy, and so is what somebody has made look approved. Then an approval opens every environment; without one the
    policy of the environment decides.

    Args:
        policy: Of the environment.
        status: Of the version's sign-off.
        approved_digest: Digest the final approval is bound to; none without an approval.
        recorded_digest: Digest of the version as it was recorded.
        found: What is there now.
        objections: What speaks against the approval under the rules that hold now; then it does not count.
        unsaid: Why the approval is none that anybody has given; empty when the audit trail has it.

    Example:
        >>> judge(Policy.WARN, SignOffStatus.NOT_STARTED, approved_digest=None, recorded_digest="a", found=Content("a"))
        ... # doctest: +NORMALIZE_WHITESPACE
        Verdict(decision=<GateDecision.CONFIRMATION_NEEDED: 'CONFIRMATION_NEEDED'>,
                reasons=('the sign-off is NOT_STARTED, not APPROVED',), overridable=False)
    """
    if found.differences or found.digest != recorded_digest:
        generic = f"the content is not what was recorded (expected {recorded_digest}, found {found.digest})"
        return Verdict(GateDecision.REFUSED, found.differences or (generic,))
    approved = status is SignOffStatus.APPROVED
    if approved and approved_digest != recorded_digest:
        stale = f"the approval is for other content (approved {approved_digest or 'nothing'}, found {recorded_digest})"
        return Verdict(GateDecision.REFUSED, (stale, *unsaid))
    if approved and unsaid:
        return Verdict(GateDecision.REFUSED, unsaid)
    if approved and not objections:
        return Verdict(GateDecision.ALLOWED)
    unapproved = objections if approved else (f"the sign-off is {status}, not APPROVED",)
    match policy:
        case Policy.PREVENT:
            return Verdict(GateDecision.REFUSED, unapproved, overridable=True)
        case Policy.WARN:
            return Verdict(GateDecision.CONFIRMATION_NEEDED, unapproved)
        case Policy.ALWAYS:
            return Verdict(GateDecision.ALLOWED, unapproved)


def inspect(
    session: Session, row: ModelVersion | Bundle, environment: EnvironmentRow, artifacts: Path, *, at: datetime
) -> Verdict:
    """Look at a version or a bundle as it is now, on disk and in the database, and judge it for an environment.

    Args:
        session: Sign-off, policy and project stay as they are read until the transaction ends.
        row: Which may be of another project than the environment: then it is refused.
        environment: Where it would become active.
        artifacts: Folder of the artifact store.
        at: When it would.
    """
    item = item_of(session, row)
    # What it rests on stays as it is until the transaction ends.
    for kind, key in ((ProjectRow, item.project_id), (EnvironmentRow, environment.id), (SignOff, item.id)):
        session.get_one(kind, key, with_for_update={"read": True}, populate_existing=True)
    return _judge_in(session, item, row, environment, look_at(session, row, artifacts), at)


def verdicts(session: Session, row: ModelVersion | Bundle, artifacts: Path, *, at: datetime) -> dict[str, Verdict]:
    """What the gate would say in each environment of the project. Files are hashed once.

    Args:
        session: Nothing is locked: the answer holds for what is there now.
        row: A version or a bundle.
        artifacts: Folder of the artifact store.
        at: When.

    Returns:
        Environment: verdict.
    """
    item = item_of(session, row)
    found = look_at(session, row, artifacts)
    environments = session.exec(select(EnvironmentRow).where(EnvironmentRow.project_id == item.project_id)).all()
    return {one.name: _judge_in(session, item, row, one, found, at) for one in environments}


def rules_of(session: Session, item: Item, sign_off: SignOff) -> SignOffRules:
    """The rules of a sign-off. What the project asks for besides its template holds too."""
    project = session.get_one(ProjectRow, item.project_id, populate_existing=True)
    rules = SignOffRules.model_validate(sign_off.configuration or {})
    separated = rules.separation_of_duties or project.separation_of_duties
    return rules.model_copy(update={"separation_of_duties": separated})


def again(session: Session, row: ModelVersion | Bundle) -> ModelVersion | Bundle:
    """A row as it is now: what a caller holds may be old."""
    if isinstance(row, ModelVersion):
        return session.get_one(ModelVersion, row.id, populate_existing=True)
    return session.get_one(Bundle, row.id, populate_existing=True)


def signed(session: Session, item: Item) -> ModelVersion | Bundle:
    """What the sign-off of an item is about, as it is now."""
    if item.version_id is not None:
        return session.get_one(ModelVersion, item.version_id, populate_existing=True)
    return session.get_one(Bundle, item.bundle_id, populate_existing=True)


def maker_of(row: ModelVersion | Bundle) -> str:
    """Who trained a version, or made a bundle."""
    return row.trained_by if isinstance(row, ModelVersion) else row.made_by


def _judge_in(
    session: Session, item: Item, row: ModelVersion | Bundle, environment: EnvironmentRow, found: Content, at: datetime
) -> Verdict:
    # All is read again: what a caller holds may be old.
    environment = session.get_one(EnvironmentRow, environment.id, populate_existing=True)
    row = again(session, row)
    if item.project_id != environment.project_id:
        foreign = f"environment {environment.name!r} belongs to another project than the {item.kind}"
        return Verdict(GateDecision.REFUSED, (foreign,))
    sign_off = session.get_one(SignOff, item.id, populate_existing=True)
    approval = current_approval(session, sign_off)
    if approval is not None and approval.verdict is not SignOffStatus.APPROVED:
        approval = None
    return judge(
        environment.policy,
        sign_off.status,
        approved_digest=approval.content_digest if approval else None,
        recorded_digest=row.manifest_digest,
        found=found,
        objections=_objections(session, item, sign_off, approval, at) if approval else (),
        unsaid=_unsaid(session, item, approval) if approval else (),
    )


def requesters_of(session: Session, item: Item, sign_off: SignOff) -> tuple[str, ...]:
    """Everybody who has asked for feedback or approval of this content, in any round: a reset makes nobody impartial."""
    asking = (Tag.SIGN_OFF_REQUEST_FEEDBACK, Tag.SIGN_OFF_REQUEST_APPROVAL)
    asked = select(AuditEvent.actor).where(AuditEvent.subject == item.path, col(AuditEvent.tag).in_(asking))
    return tuple(dict.fromkeys([*sign_off.requested_by, *session.exec(asked.order_by(col(AuditEvent.id)))]))


def mixed_duties(
    approver: str,
    made_by: str,
    requested_by: Collection[str],
    *,
    kind: ItemKind = ItemKind.VERSION,
    at_hand: Collection[str] = (),
) -> tuple[str, ...]:
    """Why somebody may not approve a version or a bundle where duties are separated; empty when they may.

    Args:
        approver: Who.
        made_by: Who trained the version, or made the bundle.
        requested_by: Everybody who has asked for feedback or approval of it.
        kind: Of what is signed.
        at_hand: Service accounts that the approver could have had do any of that.

    Example:
        >>> mixed_duties("ada", made_by="ada", requested_by=["ben"])
        ('ada trained the version, and duties are separated',)
        >>> mixed_duties("ada", made_by="runner", requested_by=["ben"], at_hand=["runner"])
        ('runner, a service, trained the version, and ada may write here: duties are separated',)
    """
    made = "trained the version" if kind is ItemKind.VERSION else f"made the {kind}"
    done = [(made_by, made), *((name, "asked for the sign-off") for name in requested_by)]
    own = [f"{name} {what}, and duties are separated" for name, what in done if name == approver]
    theirs = [
        f"{name}, a service, {what}, and {approver} may write here: duties are separated"
        for name, what in done
        if name in at_hand
    ]
    return (*own, *theirs)


def duties_against(session: Session, item: Item, sign_off: SignOff, approver: str) -> tuple[str, ...]:
    """Why somebody may not answer for an item under its rules; empty when they may, or when duties are not separated.

    Work of a service account is work of whoever can start it: of everybody who may write on the project.
    """
    if not rules_of(session, item, sign_off).separation_of_duties:
        return ()
    made_by, requested_by = maker_of(signed(session, item)), requesters_of(session, item, sign_off)
    services = select(User.name).where(User.kind == UserKind.SERVICE, col(User.name).in_([made_by, *requested_by]))
    at_hand = session.exec(services).all() if may(session, Actor(approver), Right.WRITE, item.project_id) else ()
    return mixed_duties(approver, made_by, requested_by, kind=item.kind, at_hand=at_hand)


def expired(session: Session, sign_off: SignOff, at: datetime) -> tuple[str, ...]:
    """That the time is over for which an approval of this round holds; empty when it is not, or when there is no end."""
    until = sign_off.approved_until
    if until is None or moment_of(session, at) < until:
        return ()
    return (f"the approval expired on {until:%Y-%m-%d %H:%M} UTC",)


def _objections(
    session: Session, item: Item, sign_off: SignOff, approval: FinalApproval, at: datetime
) -> tuple[str, ...]:
    return (*expired(session, sign_off, at), *duties_against(session, item, sign_off, approval.author))


def _unsaid(session: Session, item: Item, approval: FinalApproval) -> tuple[str, ...]:
    """Why an approval is none that its author has given: the last line on it says something else, or there is none.

    Whoever only writes into its table writes no such line, and nobody seals one but the transaction of an act. What
    this very transaction has written is sealed when it ends.
    """
    own = session.info.get(NOTED, ())
    last = session.exec(
        select(AuditEvent)
        .where(AuditEvent.subject == item.path, col(AuditEvent.tag).in_(_ON_APPROVAL))
        .where(or_(col(AuditEvent.number).is_not(None), col(AuditEvent.id).in_(own)))
        .order_by(col(AuditEvent.id).desc())
        .limit(1)
    ).first()
    given = (approval.author, approval.edited_at or approval.created_at)
    approving = (Tag.SIGN_OFF_APPROVE, Tag.SIGN_OFF_EDIT_TO_APPROVED)
    if last is not None and last.tag in approving and (last.actor, last.at) == given:
        return ()
    return (f"no line of the audit trail says that {approval.author} approved it",)


def current_approval(session: Session, sign_off: SignOff) -> FinalApproval | None:
    """The final approval of the round that goes on; none before it is given."""
    return session.exec(
        select(FinalApproval)
        .where(FinalApproval.item_id == sign_off.item_id, FinalApproval.round == sign_off.round)
        .execution_options(populate_existing=True)
    ).first()


def look_at(session: Session, row: ModelVersion | Bundle, artifacts: Path) -> Content:
    """What a version or a bundle consists of now: its row read again, its files hashed again."""
    row = again(session, row)
    manifest = row.manifest
    recorded: dict[str, str] = manifest.get("files", {})
    found = {name: _hash_of(artifacts / row.folder / name) for name in recorded}
    differences = [
        f"{name} is not what was recorded (expected {recorded[name]}, found {found[name]})"
        for name in sorted(recorded)
        if found[name] != recorded[name]
    ]
    if (record := content.altered(session, row)) is not None:
        differences.append(record.clause)
    differences += [
        f"the {part} of the version are not those of its manifest" for part in content.differing_copies(row)
    ]
    return Content(digest({**manifest, "files": found}), tuple(differences))


def _hash_of(file: Path) -> str:
    """SHA-256 of a file, or why there is none."""
    try:
        return file_sha256(file)
    except FileNotFoundError:
        return "no file"
    except OSError as error:
        return f"an unreadable file: {error.strerror}"
