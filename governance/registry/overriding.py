"""The emergency: a version goes live without an approval because two people say so, and it is looked at afterwards.

Two people can go against a missing, an expired and a withheld approval, also against a rejection or an abandonment;
never against content that is not what was recorded or approved, nor with an approval that nobody has given.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select, update

from governance import gate, people
from governance.audit import Actor, Tag, note
from governance.authorisation import holders, may, may_hold, require, standing_of
from governance.errors import ActivationRefused, ActRefused, ChangedMeanwhile, NotFound
from governance.items import item_of
from governance.notices import tell
from governance.registry.activating import activate_against_the_gate
from governance.registry.finding import path_of
from governance.tables import Activation, EnvironmentRow, ModelVersion, Override, SignOff
from governance.tables.columns import key_of
from governance.vocabulary import GateDecision, Right, Role

LIFETIME: Final = timedelta(hours=24)
"""How long an override that was asked for can be confirmed: an emergency of yesterday is looked at again."""


def request_override(
    session: Session,
    version: ModelVersion,
    environment: EnvironmentRow,
    *,
    reason: str,
    artifacts: Path,
    actor: Actor,
    at: datetime,
) -> Override:
    """Ask that a version goes live without an approval; nothing goes live by asking. Final approvers are told.

    Args:
        session: Of the act.
        version: Which.
        environment: Where.
        reason: Why it can't wait; for the person who confirms, and for the review afterwards.
        artifacts: Folder of the artifact store; the gate is asked, and hashes the version's files.
        actor: Who asks: a contributor to the project, and a person.
        at: When.

    Raises:
        NotAllowed: the actor may not write on the project.
        ActRefused: there is no reason, or the gate does not refuse the version, or it refuses it for what nobody can
            take on themselves.
    """
    require(session, actor, Right.WRITE, environment.project_id)
    environment = session.get_one(EnvironmentRow, environment.id, populate_existing=True)
    subject = path_of(session, version)
    reasons = [] if reason.strip() else ["no reason is given: say why it can't wait"]
    if not may_hold(session, Actor(actor.name), Role.APPROVER):
        reasons.append(f"{actor.name} is no person: two people answer for it")
    verdict = gate.inspect(session, version, environment, artifacts, at=at)
    if verdict.decision is not GateDecision.REFUSED:
        reasons.append(f"the gate of {environment.name!r} does not refuse it: activate it without")
    elif not verdict.overridable:
        reasons += verdict.reasons
    if reasons:
        raise ActRefused(subject, "request override", reasons)
    override = Override(
        version_id=key_of(version),
        environment_id=key_of(environment),
        content_digest=gate.again(session, version).manifest_digest,
        reason=reason.strip(),
        requested_by=actor.name,
        requested_at=at,
    )
    session.add(override)
    session.flush()
    after = {"override": override.id, "environment": environment.name, "reason": override.reason}
    note(session, Tag.OVERRIDE_REQUESTED, subject, actor=actor, at=at, after=after)
    line = f"{subject}: {actor.name} asks to override the gate of {environment.name}"
    body = f"{line}\n\n{override.reason}\n\nIt can be confirmed until {at + LIFETIME:%Y-%m-%d %H:%M} UTC."
    _tell(session, environment, (Role.APPROVER,), {actor.name}, line, body, at)
    return override


def confirm_override(
    session: Session, override: Override, *, artifacts: Path, actor: Actor, at: datetime
) -> Activation:
    """Say yes to what somebody else asked for; the version is active afterwards, and a third person is told to look.

    Args:
        session: Of the act.
        override: What was asked for; it serves once, and for :data:`LIFETIME`.
        artifacts: Folder of the artifact store; the version's files are hashed again.
        actor: Who confirms: a final approver of the project, and not who asked. Where duties are separated, nobody
            who trained the version or asked for its sign-off either, nor who could have had a service do that.
        at: When.

    Raises:
        ActRefused: the actor may not, or it was asked for too long ago, or the gate needs no override.
        ActivationRefused: the gate says no for another reason than a missing approval.
        ChangedMeanwhile: it was confirmed already.
    """
    override = session.get_one(Override, override.id, populate_existing=True)
    version = session.get_one(ModelVersion, override.version_id, populate_existing=True)
    environment = session.get_one(EnvironmentRow, override.environment_id, populate_existing=True)
    subject = path_of(session, version)
    people.hold_people_still(session)
    if override.confirmed_by is not None:
        raise ChangedMeanwhile(f"override {override.id} of {subject}", "waiting", "confirmed already")
    reasons = []
    if Role.APPROVER not in standing_of(session, environment.project_id, actor).roles:
        reasons.append(f"{actor.name} is not a final approver of the project")
    if actor.name == override.requested_by:
        reasons.append(f"{actor.name} asked for it, and a second person has to agree")
    item = item_of(session, version)
    sign_off = session.get_one(SignOff, item.id, populate_existing=True)
    # Who may not approve a version may not take its approval on themselves either.
    reasons += gate.duties_against(session, item, sign_off, actor.name)
    if at >= override.requested_at + LIFETIME:
        hours = LIFETIME // timedelta(hours=1)
        reasons.append(f"it was asked for more than {hours} hours ago: look at it again, and ask again")
    if reasons:
        raise ActRefused(subject, "confirm override", reasons)
    confirmed = {"confirmed_by": actor.name, "confirmed_at": at}
    if not _take(session, override, col(Override.confirmed_by), confirmed):
        raise ChangedMeanwhile(f"override {override.id} of {subject}", "waiting", "confirmed already")
    override = session.get_one(Override, override.id, populate_existing=True)
    activation = activate_against_the_gate(
        session, override, version, environment, artifacts=artifacts, actor=actor, at=at
    )
    line = f"{subject}: {override.requested_by} and {actor.name} have overridden the gate of {environment.name}"
    body = f"{line}\n\n{override.reason}\n\nSomebody else reviews it: override {override.id}."
    involved = {override.requested_by, actor.name}
    _tell(session, environment, (Role.APPROVER, Role.ADMINISTRATOR), involved, line, body, at)
    return activation


def review_override(session: Session, override: Override, *, comment: str, actor: Actor, at: datetime) -> Override:
    """Write down what a third person thinks of an override, after the fact.

    Args:
        session: Of the act.
        override: One that was confirmed; it is reviewed once.
        comment: Whether it was right, and what follows.
        actor: A final approver or an administrator who neither asked for it nor confirmed it.
        at: When.

    Raises:
        ActRefused: it was not confirmed, or there is no comment, or the actor may not.
        ChangedMeanwhile: it was reviewed already.
    """
    override = session.get_one(Override, override.id, populate_existing=True)
    version = session.get_one(ModelVersion, override.version_id)
    environment = session.get_one(EnvironmentRow, override.environment_id)
    subject = path_of(session, version)
    reasons = [] if override.confirmed_by else ["nobody has confirmed it"]
    if actor.name in {override.requested_by, override.confirmed_by}:
        reasons.append(f"{actor.name} {'asked for' if actor.name == override.requested_by else 'confirmed'} it")
    if not comment.strip():
        reasons.append("no comment is given: say whether it was right")
    approves = Role.APPROVER in standing_of(session, environment.project_id, actor).roles
    if not approves and not may(session, actor, Right.ADMINISTER, environment.project_id):
        reasons.append(f"{actor.name} is neither a final approver nor an administrator")
    if reasons:
        raise ActRefused(subject, "review override", reasons)
    reviewed = {"reviewed_by": actor.name, "review": comment.strip(), "reviewed_at": at}
    if not _take(session, override, col(Override.reviewed_by), reviewed):
        raise ChangedMeanwhile(f"override {override.id} of {subject}", "not reviewed", "reviewed already")
    after = {"override": override.id, "review": comment.strip()}
    note(session, Tag.OVERRIDE_REVIEWED, subject, actor=actor, at=at, after=after)
    return session.get_one(Override, override.id, populate_existing=True)


def note_refused_confirmation(
    session: Session,
    override: Override,
    refusal: ActRefused | ActivationRefused | ChangedMeanwhile,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    """Write down that somebody could not confirm an override; in a transaction of its own, since the act's was undone.

    Who has no part in the project but to read it, or none at all, does not write into its trail by trying.
    """
    project_id = session.get_one(EnvironmentRow, override.environment_id).project_id
    if not standing_of(session, project_id, actor).rights - {Right.READ}:
        return
    subject = path_of(session, session.get_one(ModelVersion, override.version_id))
    after = {
        "environment": session.get_one(EnvironmentRow, override.environment_id).name,
        "override": override.id,
        "refusal": type(refusal).__name__,
        "sentence": str(refusal),
    }
    note(session, Tag.VERSION_ACTIVATION_REFUSED, subject, actor=actor, at=at, after=after)


def find_override(session: Session, number: int, *, project_id: int | None = None) -> Override:
    """The override of that number, on a project if one is named. Raises: NotFound."""
    found = session.get(Override, number, populate_existing=True)
    elsewhere = found is not None and session.get_one(EnvironmentRow, found.environment_id).project_id != project_id
    if found is None or (project_id is not None and elsewhere):
        raise NotFound("override", str(number), (), "ask for one with 'driftgate override request'")
    return found


def list_overrides(session: Session, project_id: int) -> list[Override]:
    """The overrides on a project, latest first."""
    query = select(Override).join(EnvironmentRow).where(EnvironmentRow.project_id == project_id)
    return list(session.exec(query.order_by(col(Override.id).desc())))


def _take(session: Session, override: Override, still_empty: Any, values: dict[str, Any]) -> bool:
    """Write into an override what nobody has written there yet; false when somebody has."""
    taken = session.exec(
        update(Override)
        .where(col(Override.id) == override.id, still_empty.is_(None))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return taken.rowcount == 1


def _tell(
    session: Session,
    environment: EnvironmentRow,
    roles: Iterable[Role],
    but: set[str],
    line: str,
    body: str,
    at: datetime,
) -> None:
    people = {name for role in roles for name in holders(session, role, environment.project_id)}
    tell(session, sorted(people - but), subject=line, body=body, at=at)
