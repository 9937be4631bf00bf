"""Evaluations of past periods don't pass for the latest."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from governance.database import transaction
from governance.errors import NotFound
from governance.evaluations import (
    check_results_of,
    evaluation_of_period,
    find_store,
    labels_of_period,
    latest_evaluation,
    record_check_results,
)
from governance.tables import Evaluation
from governance.vocabulary import CheckOutcome
from tests.governance.test_evaluations import Found, evaluate
from tests.governance.world import ROSA, World


def backfill(world: World, id: str, period: str) -> Evaluation:
    return evaluate(world, world.version(), id, labels=labels_of_period(period))


def test_the_latest_evaluation_is_the_last_of_its_own_time_where_there_is_one(world: World) -> None:
    backfill(world, "b1", "04")
    with Session(world.engine) as session:
        assert latest_evaluation(session, find_store(session, "credit", "monthly")).id == "b1"
    evaluate(world, world.version(), "e1")
    backfill(world, "b2", "05")
    with Session(world.engine) as session:
        assert latest_evaluation(session, find_store(session, "credit", "monthly")).id == "e1"


def test_a_period_is_found_by_its_name_the_one_made_last_and_only_those_of_a_backfill(world: World) -> None:
    evaluate(world, world.version(), "e1", labels={"period": "06"})
    for id, period in (("b1", "04"), ("b2", "05"), ("b3", "04")):
        backfill(world, id, period)
    with Session(world.engine) as session:
        store = find_store(session, "credit", "monthly")
        assert [evaluation_of_period(session, store, period).id for period in ("04", "05")] == ["b3", "b2"]
        with pytest.raises(NotFound, match="evaluation of period '06' in store 'monthly'"):
            evaluation_of_period(session, store, "06")


def test_of_checks_that_were_run_twice_the_last_results_are_told(world: World) -> None:
    evaluation = backfill(world, "b1", "04")
    with Session(world.engine) as session:
        assert check_results_of(session, evaluation) == []
    for outcome in (CheckOutcome.ERROR, CheckOutcome.OK):
        with transaction(world.engine) as session:
            found = session.get_one(Evaluation, "b1")
            record_check_results(session, found, [Found(outcome=outcome)], actor=ROSA, at=world.now())
    with Session(world.engine) as session:
        assert [result.outcome for result in check_results_of(session, evaluation)] == ["OK"]
    again = backfill(world, "b1", "04")
    with Session(world.engine) as session:
        assert check_results_of(session, again) == []
