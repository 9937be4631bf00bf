"""A scenario runs once at a time, and a run that died is said to be dead."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import Session

from governance.audit import SYSTEM, Actor, Tag
from governance.database import transaction
from governance.errors import ChangedMeanwhile
from governance.processes import is_alive
from governance.registry import find_project
from governance.scenario_runs import (
    abort_run,
    close_run,
    find_open_run,
    last_runs,
    open_run,
    record_step,
    require_going_on,
    steps_of,
)
from governance.tables import ScenarioRun, StepRun
from governance.vocabulary import ScenarioOutcome, StepKind, StepOutcome
from tests.governance.world import WILL, World


def begin(world: World, scenario: str = "daily", **changes: Any) -> ScenarioRun:
    details: dict[str, Any] = {
        "trigger": "manual",
        "parameters": {"part": "2017_06"},
        "host": "here",
        "process_id": os.getpid(),
        "is_alive": is_alive,
    }
    with transaction(world.engine) as session:
        project = find_project(session, "credit")
        return open_run(session, project, scenario, **{**details, **changes}, actor=WILL, at=datetime.now(UTC))


def end(world: World, run: ScenarioRun, outcome: ScenarioOutcome = ScenarioOutcome.SUCCESS) -> ScenarioRun:
    with transaction(world.engine) as session:
        return close_run(session, run, outcome, actor=WILL, at=datetime.now(UTC))


def abort(world: World, run: ScenarioRun, actor: Actor = SYSTEM) -> ScenarioRun:
    with transaction(world.engine) as session:
        return abort_run(session, run, reason="it hangs", actor=actor, at=datetime.now(UTC))


def keep_step(world: World, run: ScenarioRun, position: int = 0) -> None:
    kind, now = list(StepKind)[position], datetime.now(UTC)
    with transaction(world.engine) as session:
        record_step(
            session, run, position=position, name=kind, kind=kind, outcome=StepOutcome.WARNING, message="one check is EMPTY",
            result={"evaluation": "e1"}, started_at=now, ended_at=now,
        )  # fmt: skip


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_is_kept_with_its_steps(world: World) -> None:
    run = begin(world)
    for position in range(2):
        keep_step(world, run, position)
    ended = end(world, run, ScenarioOutcome.WARNING)
    assert (ended.outcome, ended.reason) == (ScenarioOutcome.WARNING, "")
    assert ended.ended_at is not None
    with Session(world.engine) as session:
        (found,) = last_runs(session, "credit", "daily")
        assert [step.name for step in steps_of(session, found)] == ["build_evaluation", "run_checks"]
        assert found.parameters == {"part": "2017_06"}
    assert [tag for tag, _ in world.trail()][-2:] == [Tag.SCENARIO_STARTED, Tag.SCENARIO_ENDED]


def test_a_second_run_waits_for_the_first_to_end(world: World) -> None:
    first = begin(world)
    with pytest.raises(ChangedMeanwhile, match=f"run {first.id}, begun .* by process {os.getpid()} on here"):
        begin(world)
    begin(world, "weekly")
    end(world, first)
    begin(world)


def test_a_run_whose_process_died_becomes_aborted_with_the_reason(world: World) -> None:
    died = dead_process()
    begin(world, process_id=died)
    begin(world)
    with Session(world.engine) as session:
        now, then = last_runs(session, "credit")
    assert now.outcome is None
    assert (then.outcome, then.reason) == (
        ScenarioOutcome.ABORTED,
        f"process {died} on here ended without ending the run",
    )
    assert world.trail()[-2:] == [(Tag.SCENARIO_ABORTED, "driftgate"), (Tag.SCENARIO_STARTED, "will")]


def test_a_run_on_another_machine_is_not_taken_for_dead(world: World) -> None:
    begin(world, host="elsewhere", process_id=dead_process())
    with pytest.raises(ChangedMeanwhile):
        begin(world)


def test_a_prefect_run_that_is_tried_again_replaces_its_first_try(world: World) -> None:
    begin(world, flow_run_id="f1")
    begin(world, flow_run_id="f1")
    with Session(world.engine) as session:
        assert last_runs(session, "credit")[1].reason == "its Prefect run was started again"


def test_a_run_ends_once(world: World) -> None:
    run = begin(world)
    end(world, run)
    with pytest.raises(ChangedMeanwhile, match="one that ended SUCCESS"):
        end(world, run, ScenarioOutcome.FAILED)


def test_of_a_prefect_run_that_was_tried_again_the_try_that_goes_on_is_aborted(world: World) -> None:
    begin(world, flow_run_id="f1")
    second = begin(world, flow_run_id="f1")
    with transaction(world.engine) as session:
        found = find_open_run(session, "f1")
        assert found is not None and found.id == second.id
        abort_run(session, found, reason="cancelled", actor=SYSTEM, at=datetime.now(UTC))
    with Session(world.engine) as session:
        assert find_open_run(session, "f1") is None
        assert [run.reason for run in last_runs(session, "credit")] == [
            "cancelled",
            "its Prefect run was started again",
        ]


def test_a_person_can_abort_a_run_and_is_named(world: World) -> None:
    aborted = abort(world, begin(world), WILL)
    assert (aborted.outcome, aborted.reason) == (ScenarioOutcome.ABORTED, "it hangs")
    assert aborted.ended_at is not None
    assert world.trail()[-1] == (Tag.SCENARIO_ABORTED, "will")
    with pytest.raises(ChangedMeanwhile, match="one that ended ABORTED because it hangs"):
        abort(world, aborted, WILL)


def test_whether_a_process_lives_is_asked_of_whoever_opens_the_run(world: World) -> None:
    begun = begin(world)
    asked: list[tuple[int, datetime]] = []

    def dead(process_id: int, *, since: datetime) -> bool:
        asked.append((process_id, since))
        return False

    begin(world, is_alive=dead)
    assert asked == [(os.getpid(), begun.started_at)]


def test_a_run_that_was_taken_for_dead_does_nothing_more(world: World) -> None:
    run = begin(world)
    with transaction(world.engine) as session:
        require_going_on(session, run)
    keep_step(world, run)
    abort(world, run)
    with transaction(world.engine) as session, pytest.raises(ChangedMeanwhile, match="ended ABORTED because it hangs"):
        require_going_on(session, run)
    with pytest.raises(ChangedMeanwhile, match="found one that ended ABORTED"):
        keep_step(world, run, 1)
    assert [step.position for step in world.read(StepRun)] == [0]
