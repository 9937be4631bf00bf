"""What is said of an activation, and what is written down of one that was refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session

from governance import registry
from governance.audit import Actor
from governance.errors import ActivationRefused, ChangedMeanwhile, ConfirmationNeeded, DriftgateError
from governance.tables import Activation, ActiveVersion, EnvironmentRow, ModelVersion
from governance.vocabulary import GateDecision
from governance.web.documents import Told


class ActivationTold(Told):
    """What is active now in an environment, and what the gate said to it."""

    id: int
    environment: str
    version: int
    decision: GateDecision
    reasons: list[str]
    confirmed: bool
    activated_by: str
    activated_at: datetime
    revision: int


def activation_told(session: Session, activation: Activation) -> ActivationTold:
    """An activation that holds, with the revision that the next one may name."""
    active = session.get_one(ActiveVersion, (activation.model_id, activation.environment_id), populate_existing=True)
    return ActivationTold.model_validate(
        activation.model_dump()
        | {
            "environment": session.get_one(EnvironmentRow, activation.environment_id).name,
            "version": session.get_one(ModelVersion, activation.version_id).number,
            "revision": active.revision,
        }
    )


def note_refused_activation(
    session: Session, refused: DriftgateError, actor: Actor, at: datetime, given: Mapping[str, Any]
) -> None:
    """Write down that the gate, or somebody who was first, has kept a version or a bundle from becoming active."""
    if isinstance(refused, ActivationRefused | ConfirmationNeeded | ChangedMeanwhile):
        bundle = f"{given['project']}/bundle-{given['bundle']}" if "bundle" in given else None
        where = given["body"].environment
        registry.note_refusal(session, refused, environment=where, actor=actor, at=at, bundle=bundle)
