"""Model versions: what each consists of, what the gate says to it, and making it active."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlmodel import col, select

from governance import registry
from governance.items import item_of
from governance.listing import Listing, Page
from governance.tables import ActiveVersion, EnvironmentRow, ModelVersion
from governance.vocabulary import GateDecision
from governance.web.activations import ActivationTold, activation_told, note_refused_activation
from governance.web.documents import Line, MeasurementTold, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, Number, visible_model, visible_version

ROUTES: Final = Routes("versions", "Trained artifacts. Never changed after they are written; training is a command.")

VERSIONS: Final = Listing(
    {
        "number": col(ModelVersion.number),
        "trained_by": col(ModelVersion.trained_by),
        "trained_at": col(ModelVersion.trained_at),
        "id": col(ModelVersion.id),
    },
    key=col(ModelVersion.id),
    default_sort="-number",
)

OF_A_VERSION: Final = "/projects/{project}/models/{model}/versions/{version}"


class VersionTold(Told):
    """A model version."""

    id: int
    number: int
    manifest_digest: str = Field(description="What a sign-off approves.")
    trained_by: str
    trained_at: datetime


class WholeVersionTold(VersionTold):
    """A model version with all it consists of."""

    item_id: int
    active_in: list[str]
    manifest: dict[str, Any]
    metrics: list[MeasurementTold]
    diagnostics: list[dict[str, Any]]


class VerdictTold(Told):
    """What the gate says."""

    decision: GateDecision
    reasons: list[str]
    overridable: bool = Field(description="Whether two people may take this no on themselves.")


class VerdictsTold(Told):
    """What the gate says in each environment."""

    environments: dict[str, VerdictTold]


class ActivationSent(Sent):
    """Where a version becomes active."""

    model_config = example(environment="prod", confirm=False)

    environment: Line
    confirm: bool = Field(default=False, description="Yes to what the gate warns of; recorded.")


@ROUTES.lists("/projects/{project}/models/{model}/versions", VERSIONS, VersionTold)
def list_versions(act: Act, project: Name, model: Name, wanted: Wanted) -> Page[ModelVersion]:
    """The versions of a model, latest first."""
    found = visible_model(act, project, model)
    return wanted.page(act.session, select(ModelVersion).where(ModelVersion.model_id == found.id), VERSIONS)


@ROUTES.reads(OF_A_VERSION, WholeVersionTold)
def show_version(act: Act, project: Name, model: Name, version: Number) -> dict[str, Any]:
    """One version with its manifest, metrics and diagnostics."""
    found = visible_version(act, project, model, version)
    query = (
        select(EnvironmentRow.name)
        .join(ActiveVersion, col(ActiveVersion.environment_id) == EnvironmentRow.id)
        .where(ActiveVersion.version_id == found.id)
        .order_by(EnvironmentRow.name)
    )
    more = {"item_id": item_of(act.session, found).id, "active_in": list(act.session.exec(query))}
    return found.model_dump() | more


@ROUTES.reads(f"{OF_A_VERSION}/verdicts", VerdictsTold)
def show_verdicts(act: Act, project: Name, model: Name, version: Number) -> dict[str, Any]:
    """What the gate would say now in each environment. The files are hashed again."""
    found = visible_version(act, project, model, version)
    return {"environments": registry.verdicts(act.session, found, act.house.artifacts, at=act.at)}


@ROUTES.makes(f"{OF_A_VERSION}/activate", ActivationTold, after_refusal=note_refused_activation, conditional=True)
def activate_version(act: Act, project: Name, model: Name, version: Number, body: ActivationSent) -> ActivationTold:
    """Make a version the active one, if the gate lets it. If-Match: ``revision`` of what is active there."""
    found = visible_version(act, project, model, version)
    where = registry.find_environment(act.session, project, body.environment)
    activation = registry.activate(
        act.session,
        found,
        where,
        artifacts=act.house.artifacts,
        actor=act.actor,
        at=act.at,
        confirm=body.confirm,
        expected_revision=act.expected_revision,
    )
    return activation_told(act.session, activation)
