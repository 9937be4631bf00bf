"""The registry as a list: every version with where its review stands, where it is active, and the metric to focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from governance.authorisation import visible_projects
from governance.listing import DEFAULT_PAGE, Listing, Page, below, equals, page_of
from governance.tables import (
    ActiveVersion,
    EnvironmentRow,
    Evaluation,
    Item,
    Metric,
    ModelRow,
    ModelVersion,
    ProjectRow,
    SignOff,
)
from governance.vocabulary import Actor, ItemState, SignOffStatus


@dataclass(frozen=True, slots=True)
class RegistryLine:
    """One version, as the registry shows it.

    Args:
        version_id: Key of the version.
        item_id: Key of its item.
        path: project/model/number.
        project: Name.
        model: Name.
        number: Of the version.
        state: Whether governance has taken it up.
        status: Of its sign-off.
        active_in: Environments in which it is active, by name.
        metric: The metric to focus.
        value: Of the metric when the version was trained; none: it has none.
        latest_value: Of the metric in the latest evaluation of the version; none: it has none.
        trained_by: Who.
        trained_at: When.
    """

    version_id: int
    item_id: int
    path: str
    project: str
    model: str
    number: int
    state: ItemState
    status: SignOffStatus
    active_in: tuple[str, ...]
    metric: str
    value: float | None
    latest_value: float | None
    trained_by: str
    trained_at: datetime


def _active_in(environment: str) -> ColumnElement[bool]:
    place = equals("active_in", EnvironmentRow.name)(environment)
    here = col(ActiveVersion.environment_id) == col(EnvironmentRow.id)
    return exists().where(col(ActiveVersion.version_id) == col(ModelVersion.id), here, place)


REGISTRY: Final = Listing(
    {
        "path": Item.path,
        "project": ProjectRow.name,
        "model": ModelRow.name,
        "number": ModelVersion.number,
        "state": Item.state,
        "status": SignOff.status,
        "trained_by": ModelVersion.trained_by,
        "trained_at": ModelVersion.trained_at,
    },
    key=Item.id,
    default_sort="-trained_at",
    filters={"below": below("below", Item.path), "active_in": _active_in},
)
"""What the registry can be sorted and filtered by."""


def list_registry(
    session: Session,
    *,
    actor: Actor,
    metric: str | None = None,
    filters: Mapping[str, str] | None = None,
    sort: str | None = None,
    limit: int = DEFAULT_PAGE,
    after: str | None = None,
) -> Page[RegistryLine]:
    """One page of all versions of the projects that somebody may read.

    Args:
        session: To read with.
        actor: Who looks.
        metric: Which to show; none: the metric to focus of each model.
        filters: Of :data:`REGISTRY`, e.g. ``project``, ``status``, ``below`` (a path), ``active_in`` (an environment).
        sort: Of :data:`REGISTRY`.
        limit: Most versions of the page.
        after: ``next`` of the page before.
    """
    query: Any = (
        sqlalchemy.select(
            col(Item.version_id), col(Item.id), col(Item.path), col(ProjectRow.name), col(ModelRow.name),
            col(ModelVersion.number), col(Item.state), col(SignOff.status), col(ModelRow.metric_to_focus),
            col(ModelVersion.trained_by), col(ModelVersion.trained_at),
        )
        .join(Item, col(Item.version_id) == col(ModelVersion.id))
        .join(SignOff, col(SignOff.item_id) == col(Item.id))
        .join(ModelRow, col(ModelRow.id) == col(ModelVersion.model_id))
        .join(ProjectRow, col(ProjectRow.id) == col(ModelRow.project_id))
    )  # fmt: skip
    visible = visible_projects(session, actor)
    if visible is not None:
        query = query.where(col(ProjectRow.id).in_(visible))
    page = page_of(session, query, REGISTRY, sort=sort, filters=filters, limit=limit, after=after)
    focus = {version: metric or own for version, *_, own, _, _ in page.rows}
    active, latest = _environments_of(session, list(focus)), _latest_values(session, focus)
    # What is long is read for the rows of the page only, and not sorted with all the others.
    measured = dict(
        session.exec(select(ModelVersion.id, ModelVersion.metrics).where(col(ModelVersion.id).in_(focus))).all()
    )
    lines = [
        RegistryLine(
            version_id=version,
            item_id=item,
            path=path,
            project=project,
            model=model,
            number=number,
            state=state,
            status=status,
            active_in=active.get(version, ()),
            metric=focus[version],
            value=_measured(measured[version], focus[version]),
            latest_value=latest.get(version),
            trained_by=trained_by,
            trained_at=trained_at,
        )
        for version, item, path, project, model, number, state, status, _, trained_by, trained_at in page.rows
    ]
    return Page(lines, page.next)


def _environments_of(session: Session, versions: Sequence[int]) -> dict[int, tuple[str, ...]]:
    query = (
        select(ActiveVersion.version_id, EnvironmentRow.name)
        .join(EnvironmentRow, col(EnvironmentRow.id) == ActiveVersion.environment_id)
        .where(col(ActiveVersion.version_id).in_(versions))
        .order_by(EnvironmentRow.name)
    )
    found: dict[int, tuple[str, ...]] = {}
    for version, name in session.exec(query):
        found[version] = (*found.get(version, ()), name)
    return found


def _latest_values(session: Session, focus: Mapping[int, str]) -> dict[int, float | None]:
    """Version: the value of its metric in its latest evaluation."""
    of_version = aliased(Evaluation)
    latest = (
        select(of_version.id)
        .where(col(of_version.version_id) == ModelVersion.id)
        .order_by(col(of_version.evaluated_at).desc(), col(of_version.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(ModelVersion.id, Metric.name, Metric.value)
        .join(Metric, col(Metric.evaluation_id) == latest)
        .where(col(ModelVersion.id).in_(focus), col(Metric.name).in_(set(focus.values())))
    )
    return {key: value for key, name, value in session.exec(query) if key is not None and focus[key] == name}


def _measured(metrics: Sequence[Mapping[str, Any]], name: str) -> float | None:
    return next((metric["value"] for metric in metrics if metric["name"] == name), None)
