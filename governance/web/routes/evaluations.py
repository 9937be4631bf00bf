"""Evaluations of the stores of a project, and every metric of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlmodel import col, select

from governance.listing import Listing, Page, equals
from governance.tables import CheckResult, Evaluation, Metric, StoreRow
from governance.vocabulary import CheckOutcome
from governance.web.documents import MeasurementTold, Told
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name, visible_evaluation, visible_project

ROUTES: Final = Routes("evaluations", "Verdicts on batches of rows. Made by flows and commands; read here.")

EVALUATIONS: Final = Listing(
    {
        "id": col(Evaluation.id),
        "store": col(StoreRow.name),
        "evaluated_at": col(Evaluation.evaluated_at),
    },
    key=col(Evaluation.id),
    default_sort="-evaluated_at",
    filters={  # no index has them in order
        "name": equals("name", col(Evaluation.name)),
        "data": equals("data", col(Evaluation.data)),
        "evaluated_by": equals("evaluated_by", col(Evaluation.evaluated_by)),
    },
)
METRICS: Final = Listing(
    {"name": col(Metric.name), "value": col(Metric.value)}, key=col(Metric.name), default_sort="name"
)
CHECKS: Final = Listing(
    {
        "id": col(CheckResult.id),
        "name": col(CheckResult.name),
        "metric": col(CheckResult.metric),
        "outcome": col(CheckResult.outcome),
        "checked_at": col(CheckResult.checked_at),
    },
    key=col(CheckResult.id),
    default_sort="-id",
)


class EvaluationTold(Told):
    """One verdict on one batch of rows."""

    id: str
    name: str
    store: str
    data: str
    rows: int
    sampled_rows: int
    labelled_rows: int | None
    labels: dict[str, str]
    warnings: list[str]
    evaluated_by: str
    evaluated_at: datetime


class CheckTold(Told):
    """What a check found, with the value and the bounds that held then."""

    id: int
    name: str
    type: str
    metric: str
    outcome: CheckOutcome
    value: float | None
    bounds: dict[str, float]
    message: str
    checked_at: datetime


@ROUTES.lists("/projects/{project}/evaluations", EVALUATIONS, EvaluationTold)
def list_evaluations(act: Act, project: Name, wanted: Wanted) -> Page[Any]:
    """The evaluations of all stores of a project, latest first."""
    found = visible_project(act, project)
    query = select(Evaluation, StoreRow.name).join(StoreRow).where(StoreRow.project_id == found.id)
    page = wanted.page(act.session, query, EVALUATIONS)
    return Page([row.model_dump() | {"store": store} for row, store in page.rows], page.next)


@ROUTES.reads("/evaluations/{evaluation}", EvaluationTold)
def show_evaluation(act: Act, evaluation: Name) -> dict[str, Any]:
    """One evaluation."""
    found = visible_evaluation(act, evaluation)
    return found.model_dump() | {"store": act.session.get_one(StoreRow, found.store_id).name}


@ROUTES.lists("/evaluations/{evaluation}/metrics", METRICS, MeasurementTold)
def list_metrics(act: Act, evaluation: Name, wanted: Wanted) -> Page[Metric]:
    """Every metric of an evaluation."""
    found = visible_evaluation(act, evaluation)
    return wanted.page(act.session, select(Metric).where(Metric.evaluation_id == found.id), METRICS)


@ROUTES.lists("/evaluations/{evaluation}/checks", CHECKS, CheckTold)
def list_checks(act: Act, evaluation: Name, wanted: Wanted) -> Page[CheckResult]:
    """What the checks found on an evaluation, latest first."""
    found = visible_evaluation(act, evaluation)
    return wanted.page(act.session, select(CheckResult).where(CheckResult.evaluation_id == found.id), CHECKS)
