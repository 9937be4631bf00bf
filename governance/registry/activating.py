"""The one way in which a version becomes active: the gate, then one transaction that only one can win."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from governance import gate, people
from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.errors import ActivationRefused, ActRefused, ChangedMeanwhile, ConfirmationNeeded, NotFound
from governance.gate import Verdict
from governance.registry.finding import path_of
from governance.tables import Activation, ActiveVersion, EnvironmentRow, ModelRow, ModelVersion, Override
from governance.tables.columns import key_of
from governance.vocabulary import GateDecision, Right


def activate(
    session: Session,
    version: ModelVersion,
    environment: EnvironmentRow,
    *,
    artifacts: Path,
    actor: Actor,
    at: datetime,
    confirm: bool = False,
    expected_revision: int | None = None,
) -> Activation:
    """Make a version the active one of its model in an environment, if the gate lets it.

    When it is the active one already and the gate still lets it, nothing is written.

    Args:
        session: Of the act.
        version: Which.
        environment: Where.
        artifacts: Folder of the artifact store; the version's files are hashed again.
        actor: Who activates.
        at: When.
        confirm: Whether the actor says yes to what the gate warns of; that is recorded.
        expected_revision: Revision of the active version that the actor has looked at, 0 when there was none; none
            takes whatever is there.

    Returns:
        The activation that holds now.

    Raises:
        ActivationRefused: the gate says no; ``reasons`` names every one.
        ConfirmationNeeded: the gate wants ``confirm``.
        ChangedMeanwhile: somebody else was first; nothing was written.
    """
    return _make_active(
        session,
        version,
        environment,
        artifacts=artifacts,
        actor=actor,
        at=at,
        confirm=confirm,
        expected_revision=expected_revision,
        tag=Tag.VERSION_ACTIVATED,
    )


def activate_against_the_gate(
    session: Session,
    override: Override,
    version: ModelVersion,
    environment: EnvironmentRow,
    *,
    artifacts: Path,
    actor: Actor,
    at: datetime,
) -> Activation:
    """Make a version active that only lacks an approval, since two people have taken it on themselves.

    Raises:
        ActivationRefused: the gate says no for another reason than a missing approval.
        ActRefused: the gate lets the version through, or it is active there, so that there is nothing to override.
    """
    return _make_active(
        session, version, environment, artifacts=artifacts, actor=actor, at=at, confirm=False, expected_revision=None,
        tag=Tag.OVERRIDE_CONFIRMED, override=override,
    )  # fmt: skip


def roll_back(
    session: Session,
    model: ModelRow,
    environment: EnvironmentRow,
    *,
    artifacts: Path,
    actor: Actor,
    at: datetime,
    to: int | None = None,
    confirm: bool = False,
    expected_revision: int | None = None,
) -> Activation:
    """Make an earlier version active again, through the same gate.

    Args:
        session: Of the act.
        model: Whose version.
        environment: Where.
        artifacts: Folder of the artifact store.
        actor: Who rolls back.
        at: When.
        to: Number of a version that was active there before; default: the one that was active before the current one
            was first put there, so that going back twice goes back two versions.
        confirm: As for :func:`activate`.
        expected_revision: As for :func:`activate`.

    Raises:
        NotFound: no version, or not that one, was active there before.
        ActivationRefused: as for :func:`activate`, as are the others.
    """
    activations = select(Activation).where(Activation.model_id == model.id, Activation.environment_id == environment.id)
    history = [activation.version_id for activation in session.exec(activations.order_by(col(Activation.id)))]
    earlier = {session.get_one(ModelVersion, key).number: key for key in dict.fromkeys(history[:-1])}
    current = history[-1] if history else None
    before = [key for key in _way_here(history) if key != current]
    wanted = earlier.get(to) if to is not None else before[-1] if before else None
    if wanted is None or wanted == current:
        raise NotFound(
            f"earlier version of model {model.name!r} in environment {environment.name!r}",
            "" if to is None else str(to),
            [str(number) for number, key in sorted(earlier.items()) if key != current],
            "activate one with 'driftgate version activate'",
        )
    return _make_active(
        session,
        session.get_one(ModelVersion, wanted),
        environment,
        artifacts=artifacts,
        actor=actor,
        at=at,
        confirm=confirm,
        expected_revision=expected_revision,
        tag=Tag.VERSION_ROLLED_BACK,
    )


def note_refusal(
    session: Session,
    refusal: ActivationRefused | ConfirmationNeeded | ChangedMeanwhile,
    *,
    environment: str,
    actor: Actor,
    at: datetime,
    bundle: str | None = None,
) -> None:
    """Write down that an activation was refused; in a transaction of its own, since the act's was undone.

    Args:
        session: Of that transaction.
        refusal: Of a version, or of the bundle or one of its versions.
        environment: Where.
        actor: Who was refused.
        at: When.
        bundle: Path of the bundle that should have become active; none: it was about one version.
    """
    note(
        session,
        Tag.VERSION_ACTIVATION_REFUSED if bundle is None else Tag.BUNDLE_ACTIVATION_REFUSED,
        bundle or refusal.subject,
        actor=actor,
        at=at,
        after={"environment": environment, "refusal": type(refusal).__name__, "sentence": str(refusal)},
    )


def _make_active(
    session: Session,
    version: ModelVersion,
    environment: EnvironmentRow,
    *,
    artifacts: Path,
    actor: Actor,
    at: datetime,
    confirm: bool,
    expected_revision: int | None,
    tag: Tag,
    override: Override | None = None,
) -> Activation:
    """Return the activation that holds: of what is active already, the earlier one with what the gate said then."""
    subject = path_of(session, version)
    people.hold_people_still(session)
    if override is None:
        require(session, actor, Right.WRITE, environment.project_id)
    verdict = gate.inspect(session, version, environment, artifacts, at=at)
    if override is not None:
        verdict = _overridden(verdict, override, version, subject)
    if verdict.decision is GateDecision.REFUSED:
        raise ActivationRefused(subject, environment.name, verdict.reasons)
    if verdict.decision is GateDecision.CONFIRMATION_NEEDED and not confirm:
        raise ConfirmationNeeded(subject, environment.name, verdict.reasons)

    current = _active(session, version.model_id, key_of(environment))
    revision = 0 if current is None else current.revision
    if expected_revision is not None and expected_revision != revision:
        raise _changed(subject, environment, expected_revision, revision)
    if current is not None and current.version_id == version.id:
        if override is not None:
            raise ActRefused(subject, "override", (f"it is active in {environment.name!r} already",))
        return session.get_one(Activation, current.activation_id)

    activation = Activation(
        model_id=version.model_id,
        environment_id=key_of(environment),
        version_id=key_of(version),
        previous_version_id=None if current is None else current.version_id,
        decision=verdict.decision,
        reasons=list(verdict.reasons),
        confirmed=verdict.decision is GateDecision.CONFIRMATION_NEEDED,
        override_id=None if override is None else override.id,
        activated_by=actor.name,
        activated_at=at,
    )
    session.add(activation)
    session.flush()
    if not _take(session, activation, revision):
        raise _changed(subject, environment, revision, revision + 1)
    before = None if current is None else session.get_one(ModelVersion, activation.previous_version_id).number
    note(
        session,
        tag,
        subject,
        actor=actor,
        at=at,
        before={"environment": environment.name, "version": before, "revision": revision},
        after={
            "environment": environment.name,
            "version": version.number,
            "revision": revision + 1,
            "decision": activation.decision,
            "confirmed": activation.confirmed,
            "reasons": activation.reasons,
            "content_digest": version.manifest_digest,
            **({} if override is None else _agreed(override)),
        },
    )
    return activation


def _overridden(verdict: Verdict, override: Override, version: ModelVersion, subject: str) -> Verdict:
    """The verdict after two people have taken a missing approval on themselves; any other no stays a no."""
    if override.content_digest != version.manifest_digest:
        other = f"it was asked for other content (asked {override.content_digest}, found {version.manifest_digest})"
        return Verdict(GateDecision.REFUSED, (other,))
    if verdict.decision is GateDecision.REFUSED:
        reasons = (*verdict.reasons, f"{override.requested_by} and {override.confirmed_by} override: {override.reason}")
        return Verdict(GateDecision.OVERRIDDEN, reasons) if verdict.overridable else verdict
    raise ActRefused(subject, "override", ("the gate does not refuse it: activate it",))


def _agreed(override: Override) -> dict[str, Any]:
    """What two people have agreed upon, for the audit trail."""
    return override.model_dump(mode="json", include={"reason", "requested_by", "confirmed_by"}) | {
        "override": override.id
    }


def _take(session: Session, activation: Activation, revision: int) -> bool:
    """Put the version of an activation in place, if the revision is still the one that was looked at."""
    place = {"model_id": activation.model_id, "environment_id": activation.environment_id}
    taken = {"version_id": activation.version_id, "activation_id": key_of(activation), "revision": revision + 1}
    if revision == 0:
        try:
            with session.begin_nested():
                session.add(ActiveVersion(**place, **taken))
        except IntegrityError:
            # Either somebody else was first, or the database itself refuses what passed the gate: that is no race.
            if _active(session, activation.model_id, activation.environment_id) is None:
                raise
            return False
        return True
    updated = session.exec(
        update(ActiveVersion)
        .filter_by(**place, revision=revision)
        .values(**taken)
        .execution_options(synchronize_session=False)
    )
    return updated.rowcount == 1


def _active(session: Session, model_id: int, environment_id: int) -> ActiveVersion | None:
    """What is active now, with the revision that decides races; none before the first."""
    return session.get(ActiveVersion, (model_id, environment_id), populate_existing=True)


def _way_here(history: list[int]) -> list[int]:
    """The versions that were active, without those from which people went back.

    Example:
        >>> _way_here([1, 2, 3, 2])
        [1, 2]
    """
    way: list[int] = []
    for key in history:
        way = way[: way.index(key)] if key in way else way
        way.append(key)
    return way


def _changed(subject: str, environment: EnvironmentRow, expected: int, found: int) -> ChangedMeanwhile:
    return ChangedMeanwhile(subject, f"activation number {expected} in {environment.name!r}", f"number {found}")
