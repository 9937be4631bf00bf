"""The registry as a list: every version with its review, where it is active, and its metric."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from governance.audit import Actor
from governance.database import reading, transaction
from governance.listing import Page
from governance.registry import REGISTRY, RegistryLine, list_registry
from governance.tables import Assignment, ProjectRow, User
from governance.vocabulary import Measurement, Role, SignOffAction
from tests.governance.test_evaluations import evaluate
from tests.governance.world import NOON, WILL, World


def listed(world: World, actor: Actor = WILL, **asked: object) -> Page[RegistryLine]:
    with reading(world.engine) as session:
        return list_registry(session, actor=actor, **asked)  # type: ignore[arg-type]


@pytest.fixture
def filled(world: World) -> World:
    """Two projects; of the first, one version is live, one waits, one is new."""
    first, second, _ = world.approved_version(), world.version(), world.version()
    world.activate(first, "prod"), world.activate(first, "dev")
    world.sign(second, SignOffAction.REQUEST_APPROVAL, WILL)
    evaluate(world, first, "e1", measurements=[Measurement("roc_auc", 0.7), Measurement("data_drift", 0.2)])
    evaluate(world, first, "e2", measurements=[Measurement("roc_auc", 0.6)])
    world.register(project="debit")
    world.version(project="debit")
    return world


def test_a_line_says_where_a_version_stands(filled: World) -> None:
    line = listed(filled, filters={"active_in": "prod"}).rows[0]
    assert (line.path, line.project, line.model, line.number) == ("credit/fraud/1", "credit", "fraud", 1)
    assert (line.state, line.status, line.active_in) == ("GOVERNABLE", "APPROVED", ("dev", "prod"))
    assert (line.metric, line.value, line.latest_value) == ("roc_auc", 0.9, 0.6)
    assert (line.trained_by, line.trained_at > NOON) == ("will", True)


def test_the_metric_can_be_chosen(filled: World) -> None:
    (line,) = listed(filled, metric="log_loss", filters={"active_in": "prod"}).rows
    assert (line.metric, line.value, line.latest_value) == ("log_loss", None, None)


@pytest.mark.parametrize(
    ("filters", "paths"),
    [
        ({}, ["debit/fraud/1", "credit/fraud/3", "credit/fraud/2", "credit/fraud/1"]),
        ({"project": "debit"}, ["debit/fraud/1"]), ({"status": "WAITING_FOR_APPROVAL"}, ["credit/fraud/2"]),
        ({"active_in": "dev"}, ["credit/fraud/1"]), ({"active_in": "test"}, []),
        ({"below": "credit/fraud/3"}, ["credit/fraud/3"]), ({"number": "1", "model": "fraud"}, ["debit/fraud/1", "credit/fraud/1"]),
        ({"trained_by": "will", "state": "HIDDEN"}, []),
    ],
)  # fmt: skip
def test_filters(filled: World, filters: dict[str, str], paths: list[str]) -> None:
    assert [line.path for line in listed(filled, filters=filters).rows] == paths


@pytest.mark.parametrize("sort", [sign + name for name in REGISTRY.columns for sign in ("", "-")])
def test_every_order_has_every_version_once(filled: World, sort: str) -> None:
    first = listed(filled, sort=sort, limit=2)
    rest = listed(filled, sort=sort, limit=2, after=first.next)
    assert len({line.path for line in (*first.rows, *rest.rows)}) == 4
    assert rest.next is None


def test_people_see_the_projects_that_they_may_read(filled: World) -> None:
    with transaction(filled.engine) as session:
        session.add_all([User(name=name, created_at=NOON + timedelta(days=1)) for name in ("rita", "otto")])
        key = session.exec(select(ProjectRow.id).where(ProjectRow.name == "debit")).one()
        session.add(Assignment(project_id=key, person="rita", role=Role.READER))
    assert [line.path for line in listed(filled, Actor("rita")).rows] == ["debit/fraud/1"]
    assert listed(filled, Actor("otto")).rows == []
