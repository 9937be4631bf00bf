"""Emergency overrides: one asks, another one agrees, and a third looks at it afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlmodel import Session, col, select

from governance import registry
from governance.audit import Actor
from governance.errors import ActivationRefused, ActRefused, ChangedMeanwhile, DriftgateError
from governance.listing import Listing, Page
from governance.tables import EnvironmentRow, ModelRow, ModelVersion, Override
from governance.web.activations import ActivationTold, activation_told
from governance.web.documents import Line, Sent, Text, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, Number, visible_override, visible_project, visible_version

ROUTES: Final = Routes("overrides", "A version goes live without an approval: two people say so, a third reviews it.")

OVERRIDES: Final = Listing(
    {
        "id": col(Override.id),
        "environment": col(EnvironmentRow.name),
        "model": col(ModelRow.name),
        "version": col(ModelVersion.number),
        "requested_by": col(Override.requested_by),
        "requested_at": col(Override.requested_at),
        "confirmed_by": col(Override.confirmed_by),
        "reviewed_by": col(Override.reviewed_by),
    },
    key=col(Override.id),
    default_sort="-id",
)


class OverrideTold(Told):
    """An override, as far as it has come."""

    id: int
    model: str
    version: int
    environment: str
    content_digest: str
    reason: str
    requested_by: str
    requested_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    reviewed_by: str | None
    review: str
    reviewed_at: datetime | None


class OverrideSent(Sent):
    """What is asked for, and why it can't wait."""

    model_config = example(model="fraud", version=3, environment="prod", reason="version 2 rejects every card")

    model: Line
    version: int = Field(ge=1, le=2**31 - 1)
    environment: Line
    reason: Text


class ReviewSent(Sent):
    """What somebody thinks of it afterwards."""

    model_config = example(comment="Right: the outage cost more.")

    comment: Text


@ROUTES.lists("/projects/{project}/overrides", OVERRIDES, OverrideTold)
def list_overrides(act: Act, project: Name, wanted: Wanted) -> Page[Any]:
    """The overrides on a project, latest first."""
    found = visible_project(act, project)
    query = (
        select(Override, EnvironmentRow.name, ModelRow.name, ModelVersion.number)
        .join(EnvironmentRow, col(Override.environment_id) == EnvironmentRow.id)
        .join(ModelVersion, col(Override.version_id) == ModelVersion.id)
        .join(ModelRow, col(ModelVersion.model_id) == ModelRow.id)
        .where(EnvironmentRow.project_id == found.id)
    )
    page = wanted.page(act.session, query, OVERRIDES)
    rows = [
        row.model_dump() | {"environment": environment, "model": model, "version": number}
        for row, environment, model, number in page.rows
    ]
    return Page(rows, page.next)


@ROUTES.reads("/overrides/{override}", OverrideTold)
def show_override(act: Act, override: Number) -> dict[str, Any]:
    """One override."""
    return _told(act, visible_override(act, override))


@ROUTES.makes("/projects/{project}/overrides", OverrideTold)
def request_override(act: Act, project: Name, body: OverrideSent) -> dict[str, Any]:
    """Ask that a version goes live without an approval; nothing goes live by asking."""
    version = visible_version(act, project, body.model, body.version)
    environment = registry.find_environment(act.session, project, body.environment)
    made = registry.request_override(
        act.session,
        version,
        environment,
        reason=body.reason,
        artifacts=act.house.artifacts,
        actor=act.actor,
        at=act.at,
    )
    return _told(act, made)


def _note_refused(
    session: Session, refused: DriftgateError, actor: Actor, at: datetime, given: Mapping[str, Any]
) -> None:
    if isinstance(refused, ActRefused | ActivationRefused | ChangedMeanwhile):
        override = registry.find_override(session, given["override"])
        registry.note_refused_confirmation(session, override, refused, actor=actor, at=at)


@ROUTES.makes("/overrides/{override}/confirm", ActivationTold, after_refusal=_note_refused)
def confirm_override(act: Act, override: Number) -> ActivationTold:
    """Say yes to what somebody else asked for; the version is active afterwards."""
    found = visible_override(act, override)
    activation = registry.confirm_override(
        act.session, found, artifacts=act.house.artifacts, actor=act.actor, at=act.at
    )
    return activation_told(act.session, activation)


@ROUTES.makes("/overrides/{override}/review", OverrideTold)
def review_override(act: Act, override: Number, body: ReviewSent) -> dict[str, Any]:
    """Write down what somebody who did not ask for it thinks of it."""
    found = visible_override(act, override)
    return _told(act, registry.review_override(act.session, found, comment=body.comment, actor=act.actor, at=act.at))


def _told(act: Act, override: Override) -> dict[str, Any]:
    version = act.session.get_one(ModelVersion, override.version_id)
    return override.model_dump() | {
        "model": act.session.get_one(ModelRow, version.model_id).name,
        "version": version.number,
        "environment": act.session.get_one(EnvironmentRow, override.environment_id).name,
    }
