"""Models: what is active of each, what was, and going back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import Field
from sqlmodel import col, select

from governance import registry
from governance.listing import Listing, Page
from governance.tables import Activation, ActiveVersion, EnvironmentRow, ModelRow, ModelVersion
from governance.vocabulary import GateDecision, PredictionType
from governance.web.activations import ActivationTold, activation_told, note_refused_activation
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, visible_model, visible_project

ROUTES: Final = Routes("models", "Saved models of a project, and which version of each is active where.")

MODELS: Final = Listing(
    {"name": col(ModelRow.name), "prediction_type": col(ModelRow.prediction_type), "id": col(ModelRow.id)},
    key=col(ModelRow.id),
    default_sort="name",
)
ACTIVE: Final = Listing(
    {
        "environment": col(EnvironmentRow.name),
        "version": col(ModelVersion.number),
        "environment_id": col(ActiveVersion.environment_id),
    },
    key=col(ActiveVersion.environment_id),
    default_sort="environment",
)
ACTIVATIONS: Final = Listing(
    {
        "id": col(Activation.id),
        "environment": col(EnvironmentRow.name),
        "version": col(ModelVersion.number),
        "decision": col(Activation.decision),
        "activated_by": col(Activation.activated_by),
        "activated_at": col(Activation.activated_at),
    },
    key=col(Activation.id),
    default_sort="-id",
)


class ModelTold(Told):
    """A saved model."""

    id: int
    name: str
    target: str
    prediction_type: PredictionType
    metric_to_focus: str
    created_at: datetime


class ActiveTold(Told):
    """Which version is active in an environment; ``revision`` counts the activations there."""

    environment: str
    version: int
    revision: int


class PastActivationTold(Told):
    """One activation."""

    id: int
    environment: str
    version: int
    decision: GateDecision
    reasons: list[str]
    confirmed: bool
    activated_by: str
    activated_at: datetime


class RollBackSent(Sent):
    """Where to go back."""

    model_config = example(environment="prod", to=1, confirm=False)

    environment: Line
    to: int | None = Field(default=None, ge=1, le=2**31 - 1, description="Default: what was active before.")
    confirm: bool = Field(default=False, description="Yes to what the gate warns of; recorded.")


@ROUTES.lists("/projects/{project}/models", MODELS, ModelTold)
def list_models(act: Act, project: Name, wanted: Wanted) -> Page[ModelRow]:
    """The models of a project."""
    found = visible_project(act, project)
    return wanted.page(act.session, select(ModelRow).where(ModelRow.project_id == found.id), MODELS)


@ROUTES.reads("/projects/{project}/models/{model}", ModelTold)
def show_model(act: Act, project: Name, model: Name) -> ModelRow:
    """One model."""
    return visible_model(act, project, model)


@ROUTES.lists("/projects/{project}/models/{model}/active", ACTIVE, ActiveTold)
def list_active_versions(act: Act, project: Name, model: Name, wanted: Wanted) -> Page[Any]:
    """Which version is active where."""
    found = visible_model(act, project, model)
    query = (
        select(ActiveVersion, EnvironmentRow.name, ModelVersion.number)
        .join(EnvironmentRow, col(ActiveVersion.environment_id) == EnvironmentRow.id)
        .join(ModelVersion, col(ActiveVersion.version_id) == ModelVersion.id)
        .where(ActiveVersion.model_id == found.id)
    )
    page = wanted.page(act.session, query, ACTIVE)
    rows = [ActiveTold(environment=name, version=number, revision=row.revision) for row, name, number in page.rows]
    return Page(rows, page.next)


@ROUTES.lists("/projects/{project}/models/{model}/activations", ACTIVATIONS, PastActivationTold)
def list_activations(act: Act, project: Name, model: Name, wanted: Wanted) -> Page[Any]:
    """Every activation there ever was, latest first."""
    found = visible_model(act, project, model)
    query = (
        select(Activation, EnvironmentRow.name, ModelVersion.number)
        .join(EnvironmentRow, col(Activation.environment_id) == EnvironmentRow.id)
        .join(ModelVersion, col(Activation.version_id) == ModelVersion.id)
        .where(Activation.model_id == found.id)
    )
    page = wanted.page(act.session, query, ACTIVATIONS)
    rows = [row.model_dump() | {"environment": name, "version": number} for row, name, number in page.rows]
    return Page(rows, page.next)


@ROUTES.makes(
    "/projects/{project}/models/{model}/roll-back",
    ActivationTold,
    after_refusal=note_refused_activation,
    conditional=True,
)
def roll_back(act: Act, project: Name, model: Name, body: RollBackSent) -> ActivationTold:
    """Make an earlier version active again, through the same gate."""
    found = visible_model(act, project, model)
    where = registry.find_environment(act.session, project, body.environment)
    activation = registry.roll_back(
        act.session,
        found,
        where,
        artifacts=act.house.artifacts,
        actor=act.actor,
        at=act.at,
        to=body.to,
        confirm=body.confirm,
        expected_revision=act.expected_revision,
    )
    return activation_told(act.session, activation)
