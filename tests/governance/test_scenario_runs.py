"""A scenario runs once at a time, and a run that died is said to be dead."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import Session

from governance.audit import Tag
from governance.database import transaction
from governance.errors import ChangedMeanwhile
from governance.registry import find_project
from governance.scenario_runs import close_run, last_runs, open_run, record_step, steps_of
from governance.tables import ScenarioRun
from governance.vocabulary import ScenarioOutcome, StepKind, StepOutcome
from tests.governance.world import WILL, World


def begin(world: World, scenario: str = "daily", **changes: Any) -> ScenarioRun:
    details = {"trigger": "manual", "parameters": {"part": "2017_06"}, "host": "here", "process_id": os.getpid()}
    with transaction(world.engine) as session:
        project = find_project(session, "credit")
        return open_run(session, project, scenario, **{**details, **changes}, actor=WILL, at=datetime.now(UTC))


def end(world: World, run: ScenarioRun, outcome: ScenarioOutcome = ScenarioOutcome.SUCCESS) -> ScenarioRun:
    with transaction(world.engine) as session:
        return close_run(session, run, outcome, actor=WILL, at=datetime.now(UTC), reason="done")


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_is_kept_with_its_steps(world: World) -> None:
    run = begin(world)
    now = datetime.now(UTC)
    with transaction(world.engine) as session:
        for position, kind in enumerate([StepKind.BUILD_EVALUATION, StepKind.RUN_CHECKS]):
            record_step(
                session, run, position=position, name=kind, kind=kind, outcome=StepOutcome.WARNING, message="one check is EMPTY",
                result={"evaluation": "e1"}, started_at=now, ended_at=now,
            )  # fmt: skip
    ended = end(world, run, ScenarioOutcome.WARNING)
    assert (ended.outcome, ended.reason) == (ScenarioOutcome.WARNING, "done")
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
