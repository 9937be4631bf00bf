"""The emergency: a version goes live without an approval because two people say so, and it is looked at afterwards."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select, update

from governance.audit import Actor, Tag, note
from governance.authorisation import require, standing_of
from governance.errors import ActRefused, ChangedMeanwhile, NotFound
from governance.gate import mixed_duties
from governance.registry.activating import activate_against_the_gate
from governance.registry.finding import path_of
from governance.tables import Activation, EnvironmentRow, ModelRow, ModelVersion, Override
from governance.tables.columns import key_of
from governance.vocabulary import Right, Role


def request_override(
    session: Session, version: ModelVersion, environment: EnvironmentRow, *, reason: str, actor: Actor, at: datetime
) -> Override:
    """Ask that a version goes live without an approval; nothing goes live by asking.

    Args:
        session: Of the act.
        version: Which.
        environment: Where.
        reason: Why it can't wait; for the person who confirms, and for the review afterwards.
        actor: Who asks: a writer of the project.
        at: When.

    Raises:
        NotAllowed: the actor may not write on the project.
        ActRefused: there is no reason, or the environment is of another project.
    """
    require(session, actor, Right.WRITE, environment.project_id)
    subject = path_of(session, version)
    reasons = [] if reason.strip() else ["no reason is given: say why it can't wait"]
    if session.get_one(ModelRow, version.model_id).project_id != environment.project_id:
        reasons.append(f"environment {environment.name!r} belongs to another project than the version")
    if reasons:
        raise ActRefused(subject, "override", reasons)
    override = Override(
        version_id=key_of(version),
        environment_id=key_of(environment),
        content_digest=version.manifest_digest,
        reason=reason.strip(),
        requested_by=actor.name,
        requested_at=at,
    )
    session.add(override)
    session.flush()
    after = {"override": override.id, "environment": environment.name, "reason": override.reason}
    note(session, Tag.OVERRIDE_REQUESTED, subject, actor=actor, at=at, after=after)
    return override


def confirm_override(
    session: Session, override: Override, *, artifacts: Path, actor: Actor, at: datetime
) -> Activation:
    """Say yes to what somebody else asked for; the version is active afterwards.

    Args:
        session: Of the act.
        override: What was asked for; it serves once.
        artifacts: Folder of the artifact store; the version's files are hashed again.
        actor: Who confirms: a final approver of the project, and not who asked.
        at: When.

    Raises:
        ActRefused: the actor is no final approver, or the one who asked, or the gate needs no override.
        ActivationRefused: the gate says no for another reason than a missing approval.
        ChangedMeanwhile: it was confirmed already.
    """
    version = session.get_one(ModelVersion, override.version_id, populate_existing=True)
    environment = session.get_one(EnvironmentRow, override.environment_id, populate_existing=True)
    subject = path_of(session, version)
    reasons = []
    if Role.APPROVER not in standing_of(session, environment.project_id, actor).roles:
        reasons.append(f"{actor.name} is not a final approver of the project")
    reasons += mixed_duties(actor.name, "", [override.requested_by])
    if reasons:
        raise ActRefused(subject, "confirm override", reasons)
    taken = session.exec(
        update(Override)
        .where(col(Override.id) == override.id, col(Override.confirmed_by).is_(None))
        .values(confirmed_by=actor.name, confirmed_at=at)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        raise ChangedMeanwhile(f"override {override.id} of {subject}", "waiting", "confirmed already")
    override = session.get_one(Override, override.id, populate_existing=True)
    return activate_against_the_gate(session, override, version, environment, artifacts=artifacts, actor=actor, at=at)


def review_override(session: Session, override: Override, *, comment: str, actor: Actor, at: datetime) -> Override:
    """Write down what somebody who did not ask for it thinks of an override, after the fact.

    Raises:
        ActRefused: it was not confirmed, or the actor asked for it, or is neither final approver nor administrator.
        ChangedMeanwhile: it was reviewed already.
    """
    version = session.get_one(ModelVersion, override.version_id)
    environment = session.get_one(EnvironmentRow, override.environment_id)
    subject = path_of(session, version)
    reasons = [] if override.confirmed_by else ["nobody has confirmed it"]
    if actor.name == override.requested_by:
        reasons.append(f"{actor.name} asked for it")
    if not comment.strip():
        reasons.append("no comment is given: say whether it was right")
    if not standing_of(session, environment.project_id, actor).roles & {Role.APPROVER, Role.ADMINISTRATOR}:
        reasons.append(f"{actor.name} is neither a final approver nor an administrator")
    if reasons:
        raise ActRefused(subject, "review override", reasons)
    taken = session.exec(
        update(Override)
        .where(col(Override.id) == override.id, col(Override.reviewed_by).is_(None))
        .values(reviewed_by=actor.name, review=comment.strip(), reviewed_at=at)
        .execution_options(synchronize_session=False)
    )
    if taken.rowcount != 1:
        raise ChangedMeanwhile(f"override {override.id} of {subject}", "not reviewed", "reviewed already")
    after = {"override": override.id, "review": comment.strip()}
    note(session, Tag.OVERRIDE_REVIEWED, subject, actor=actor, at=at, after=after)
    return session.get_one(Override, override.id, populate_existing=True)


def find_override(session: Session, number: int) -> Override:
    """The override of that number. Raises: NotFound."""
    found = session.get(Override, number, populate_existing=True)
    if found is None:
        raise NotFound("override", str(number), (), "ask for one with 'driftgate override request'")
    return found


def list_overrides(session: Session, project_id: int) -> list[Override]:
    """The overrides on a project, latest first."""
    query = select(Override).join(EnvironmentRow).where(EnvironmentRow.project_id == project_id)
    return list(session.exec(query.order_by(col(Override.id).desc())))
