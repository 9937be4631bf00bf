"""The evaluations before one, as checks look at them: of the same store, the same series first, no more than asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import Session

from governance.evaluations import find_evaluation, labels_of_period, metrics_before
from governance.vocabulary import Measurement
from tests.governance.test_evaluations import evaluate
from tests.governance.world import World

Put = Callable[..., None]


@pytest.fixture
def put(world: World) -> Put:
    world.register(stores={"monthly": {"model": "fraud"}, "weekly": {"model": "fraud"}})
    version = world.version()

    def one(id: str, value: float | None, *, store: str = "monthly", period: str | None = None) -> None:
        measured = [Measurement("data_drift", value), Measurement("roc_auc", 0.9)]
        labels = {"team": "fraud"} if period is None else labels_of_period(period)
        evaluate(world, version, id, store=store, labels=labels, measurements=measured)

    return one


def before(world: World, id: str, last: int = 9) -> list[float | None]:
    with Session(world.engine) as session:
        found = metrics_before(session, find_evaluation(session, "credit", id), last=last, names={"data_drift"})
        assert all(set(metrics) == {"data_drift"} for metrics in found)
        return [metrics["data_drift"].value for metrics in found]


def test_the_one_before_comes_first_and_later_ones_and_other_stores_do_not_count(world: World, put: Put) -> None:
    put("e1", 0.1)
    put("w1", 9.0, store="weekly")
    put("e2", None)
    put("e3", 0.3)
    put("e4", 0.4)
    assert before(world, "e4") == [0.3, None, 0.1]
    assert before(world, "e4", last=2) == [0.3, None]
    assert before(world, "e2") == [0.1]
    assert before(world, "e1") == before(world, "e4", last=0) == []


def test_one_that_was_made_again_is_the_latest(world: World, put: Put) -> None:
    for id, value in (("e1", 0.1), ("e2", 0.2), ("e1", 0.3)):
        put(id, value)
    assert before(world, "e1") == [0.2]
    assert before(world, "e2") == []


def test_a_backfill_in_between_does_not_pass_for_the_one_before_but_can_be_learned_from(world: World, put: Put) -> None:
    put("now1", 0.1)
    put("may", 5.0, period="05")
    put("june", 6.0, period="06")
    put("now2", 0.2)
    assert before(world, "now2") == [0.1, 6.0, 5.0]
    assert before(world, "now2", last=1) == [0.1]
    assert before(world, "june") == [5.0, 0.1], "a period is compared with the period before"


def test_without_names_every_metric_comes(world: World, put: Put) -> None:
    put("e1", 0.1)
    put("e2", 0.2)
    with Session(world.engine) as session:
        (found,) = metrics_before(session, find_evaluation(session, "credit", "e2"), last=20)
        assert set(found) == {"data_drift", "roc_auc"}
        assert found["roc_auc"] == Measurement("roc_auc", 0.9)
