"""Evaluations are recorded with every metric, overwritten by id only, and read as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from governance.audit import Tag
from governance.database import transaction
from governance.errors import NotFound, UnusableName
from governance.evaluations import (
    evaluations_of,
    find_evaluation,
    find_store,
    latest_evaluation,
    metrics_of,
    metrics_table,
    record_check_results,
    record_evaluation,
    require_own_id,
    side_by_side,
)
from governance.tables import METRICS_LONG, CheckResult, Evaluation, ModelVersion
from governance.vocabulary import CheckOutcome, Measurement
from tests.governance.world import ROSA, World

DRIFT = Measurement("data_drift", 0.61, 0.58, 0.64, 2_000)


@dataclass(frozen=True)
class Found:
    name: str = "Data Drift < 0.4"
    type: str = "numeric_range"
    metric: str = "data_drift"
    outcome: CheckOutcome = CheckOutcome.ERROR
    value: float | None = 0.61
    bounds: dict[str, float] = field(default_factory=lambda: {"maximum": 0.4})
    message: str = "0.61 is above the maximum 0.4"


def evaluate(
    world: World, version: ModelVersion | None, id: str, *, store: str = "monthly", **changes: Any
) -> Evaluation:
    details: dict[str, Any] = {
        "name": id,
        "data": "current",
        "data_fingerprint": "0" * 64,
        "rows": 100,
        "sampled_rows": 50,
        "labelled_rows": None,
        "labels": {"team": "fraud"},
        "warnings": [],
        "folder": f"evaluations/{id}",
        "files": {"sample.parquet": "1" * 64},
        "measurements": [DRIFT],
        **changes,
    }
    with transaction(world.engine) as session:
        found = find_store(session, "credit", store)
        return record_evaluation(session, found, version, id=id, actor=ROSA, at=world.now(), **details)


def test_an_evaluation_keeps_every_metric_with_its_interval(world: World) -> None:
    evaluate(world, world.version(), "e1")
    with Session(world.engine) as session:
        found = latest_evaluation(session, find_store(session, "credit", "monthly"))
        assert (found.id, found.labels) == ("e1", {"team": "fraud"})
        assert metrics_of(session, found) == {"data_drift": DRIFT}
    assert world.trail()[-1] == (Tag.EVALUATION_RECORDED, "rosa")


def test_a_value_that_is_no_number_is_recorded_as_none_with_the_reason(world: World) -> None:
    broken = [Measurement("rmse", math.nan, lower=-math.inf), Measurement("r2", None, reason="constant target")]
    evaluation = evaluate(world, world.version(), "e1", measurements=broken)
    with Session(world.engine) as session:
        found = metrics_of(session, evaluation)
    assert (found["rmse"].value, found["rmse"].lower) == (None, None)
    assert found["rmse"].reason == "the value is nan, not a finite number"
    assert found["r2"].reason == "constant target"


def test_an_id_that_is_there_already_is_overwritten_and_its_checks_stay(world: World) -> None:
    version = world.version()
    first = evaluate(world, version, "e1")
    with transaction(world.engine) as session:
        record_check_results(session, first, [Found()], actor=ROSA, at=world.now())
    second = evaluate(world, version, "e1", folder="evaluations/e1-again", measurements=[Measurement("auc", 0.9)])
    with Session(world.engine) as session:
        assert [one.folder for one in session.exec(select(Evaluation))] == ["evaluations/e1-again"]
        assert list(metrics_of(session, second)) == ["auc"]
        kept = session.exec(select(CheckResult).where(CheckResult.evaluation_id == second.id))
        assert [result.outcome for result in kept] == [CheckOutcome.ERROR]
    assert [tag for tag, _ in world.trail()][-3:] == [Tag.EVALUATION_RECORDED, Tag.CHECKS_RUN, Tag.EVALUATION_REPLACED]


def test_a_version_of_another_model_is_refused(world: World) -> None:
    world.register(project="debit")
    with pytest.raises(NotFound, match="store's model"):
        evaluate(world, world.version(project="debit"), "e1")


def test_the_latest_evaluation_is_the_one_made_last(world: World) -> None:
    with Session(world.engine) as session, pytest.raises(NotFound, match="driftgate evaluate"):
        latest_evaluation(session, find_store(session, "credit", "monthly"))
    version = world.version()
    for id in ("b", "a"):
        evaluate(world, version, id)
    with Session(world.engine) as session:
        assert latest_evaluation(session, find_store(session, "credit", "monthly")).id == "a"


def test_the_table_has_one_row_per_metric_of_one_project(world: World) -> None:
    world.register(project="debit")
    version = world.version()
    evaluate(world, version, "e1")
    evaluate(world, version, "e2", measurements=[DRIFT, Measurement("auc", 0.9)])
    with Session(world.engine) as session:
        table = metrics_table(session, "credit")
        assert [(row["evaluation"], row["metric"]) for row in table] == [
            ("e1", "data_drift"),
            ("e2", "auc"),
            ("e2", "data_drift"),
        ]
        assert {(row["project"], row["store"], row["model"], row["version"]) for row in table} == {
            ("credit", "monthly", "fraud", 1)
        }
        assert all(row["computed_at"].tzinfo is UTC for row in table)
        assert metrics_table(session, "credit", "monthly") == table
        assert metrics_table(session, "credit", "weekly") == metrics_table(session, "debit") == []


def test_any_other_tool_reads_the_same_table_from_the_database(world: World) -> None:
    standalone = {"standalone": {"prediction_type": "binary"}}
    world.register(stores={"monthly": {"model": "fraud"}, "theirs": standalone})
    evaluate(world, world.version(), "e1", measurements=[DRIFT, Measurement("auc", None, reason="one class")])
    evaluate(world, None, "e2", store="theirs")
    names = [column["name"] for column in inspect(world.engine).get_columns("metrics_long")]
    assert names == [column.name for column in METRICS_LONG.c]
    with Session(world.engine) as session:
        table = metrics_table(session, "credit")
        rows = session.connection().execute(text("SELECT * FROM metrics_long ORDER BY evaluation, metric")).all()
    # The labels are JSON, the moment has a type of its own in each database.
    assert [list(row)[:-2] for row in rows] == [list(row.values())[:-2] for row in table]
    assert [row["labels"] for row in table] == [{"team": "fraud"}] * 3
    assert [list(row)[:5] for row in rows] == [
        ["e1", "credit", "monthly", "fraud", 1],
        ["e1", "credit", "monthly", "fraud", 1],
        ["e2", "credit", "theirs", None, None],
    ]


def test_what_a_standalone_store_judges_has_no_version_and_what_another_one_judges_has_one(world: World) -> None:
    world.register(stores={"monthly": {"model": "fraud"}, "theirs": {"standalone": {"prediction_type": "binary"}}})
    version = world.version()
    with pytest.raises(NotFound, match="of a model: name its version"):
        evaluate(world, None, "e1")
    with pytest.raises(NotFound, match="standalone: record its evaluations without a version"):
        evaluate(world, version, "e1", store="theirs")
    assert world.read(Evaluation) == []
    evaluate(world, None, "e1", store="theirs")
    evaluate(world, None, "e1", store="theirs", name="again", folder="evaluations/again")
    (found,) = world.read(Evaluation)
    assert (found.version_id, found.name) == (None, "again")
    with Session(world.engine) as session:
        (item,) = side_by_side(session, [session.get_one(Evaluation, "e1")])
    assert (item.model, item.version, item.store, item.labels) == (None, None, "theirs", {"team": "fraud"})
    assert item.metrics == {"data_drift": DRIFT}


@pytest.mark.parametrize("id", ["", "a/b", "..", "two words", "-x", "x" * 65, "a\n", "ü"])
def test_an_id_that_could_be_no_part_of_a_path_is_refused_before_anything_is_written(world: World, id: str) -> None:
    with pytest.raises(UnusableName, match="at most 64 letters, digits, dots, dashes and underscores"):
        evaluate(world, world.version(), id)
    assert world.read(Evaluation) == []


def test_an_id_belongs_to_one_store(world: World) -> None:
    world.register(stores={"monthly": {"model": "fraud"}, "weekly": {"model": "fraud"}})
    version = world.version()
    evaluate(world, version, "2026-01.final")
    with Session(world.engine) as session:
        require_own_id(session, find_store(session, "credit", "monthly"), "2026-01.final")
        with pytest.raises(UnusableName, match="store 'monthly' has it already; choose another"):
            require_own_id(session, find_store(session, "credit", "weekly"), "2026-01.final")
    with pytest.raises(UnusableName):
        evaluate(world, version, "2026-01.final", store="weekly", folder="evaluations/other")


def test_an_evaluation_is_found_by_its_id_before_its_name_and_by_its_name_the_latest(world: World) -> None:
    world.register(stores={"monthly": {"model": "fraud"}, "weekly": {"model": "fraud"}})
    version = world.version()
    for id, store, name in (("e1", "monthly", "January"), ("e2", "weekly", "January"), ("e3", "monthly", "e1")):
        evaluate(world, version, id, store=store, name=name)
    with Session(world.engine) as session:
        monthly = find_store(session, "credit", "monthly")
        assert find_evaluation(session, "credit", "e1").id == "e1"
        assert find_evaluation(session, "credit", "January").id == "e2"
        assert find_evaluation(session, "credit", "January", monthly).id == "e1"
        assert [one.id for one in evaluations_of(session, monthly, last=5)] == ["e3", "e1"]
        assert [one.id for one in evaluations_of(session, monthly, last=1)] == ["e3"]
        with pytest.raises(NotFound, match=r"known: e3, e1\); name one by its id"):
            find_evaluation(session, "credit", "e2", monthly)
        with pytest.raises(NotFound, match="'e1'; make one with"):
            find_evaluation(session, "debit", "e1")


def test_tens_of_thousands_of_metrics_are_recorded_at_once(world: World) -> None:
    many = [Measurement(f"column_drift.c{n}.psi", n / 7, rows=n) for n in range(20_000)]
    evaluation = evaluate(world, world.version(), "e1", measurements=many)
    with Session(world.engine) as session:
        assert list(metrics_of(session, evaluation).values()) == sorted(many, key=lambda found: found.name)


def test_check_results_keep_the_value_and_the_bounds_that_held(world: World) -> None:
    evaluation = evaluate(world, world.version(), "e1")
    with transaction(world.engine) as session:
        record_check_results(session, evaluation, [Found(), Found(name="2", value=None)], actor=ROSA, at=world.now())
    first, second = world.read(CheckResult)
    assert (first.value, first.bounds, first.outcome) == (0.61, {"maximum": 0.4}, CheckOutcome.ERROR)
    assert (second.name, second.value) == ("2", None)


@pytest.mark.parametrize("statement", ["UPDATE check_result SET outcome = 'OK'", "DELETE FROM check_result"])
def test_the_database_itself_keeps_what_checks_found_for_ever(world: World, statement: str) -> None:
    evaluation = evaluate(world, world.version(), "e1")
    with transaction(world.engine) as session:
        record_check_results(session, evaluation, [Found()], actor=ROSA, at=world.now())
    with pytest.raises(IntegrityError, match="never changed or removed"), transaction(world.engine) as session:
        session.connection().execute(text(statement))
    assert [result.outcome for result in world.read(CheckResult)] == [CheckOutcome.ERROR]
