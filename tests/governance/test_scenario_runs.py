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
from governance.errors import ActRefused, ChangedMeanwhile, NotAllowed, NotFound
from governance.processes import is_alive
from governance.registry import find_project
from governance.scenario_runs import (
    Planned,
    abort_run,
    beat,
    close_run,
    effect_of,
    find_finished,
    find_open_run,
    keep_effect,
    last_runs,
    missed_times,
    newest_aborted,
    open_run,
    record_step,
    require_going_on,
    skip_run,
    steps_of,
)
from governance.tables import AuditEvent, ScenarioRun, StepEffect, StepRun
from governance.vocabulary import BACKFILL, ScenarioOutcome, StepKind, StepOutcome
from tests.governance.installation import close
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


PLAN = [Planned(kind, kind, asked="this") for kind in list(StepKind)[:3]]


def keep(world: World, run: ScenarioRun, position: int, **result: Any) -> None:
    with transaction(world.engine) as session:
        keep_effect(
            session,
            run.id or 0,
            root=run.root_id or run.id or 0,
            position=position,
            step=PLAN[position],
            result=result,
            at=datetime.now(UTC),
        )


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

    began = begin(world, is_alive=dead)
    # Since when the process runs is not asked: a clock that was set forward would make it a later one.
    assert asked == [(begun.process_id, began.started_at)]


def test_a_run_that_was_taken_for_dead_does_nothing_more(world: World) -> None:
    run = begin(world)
    with transaction(world.engine) as session:
        require_going_on(session, run.id or 0)
    keep_step(world, run)
    abort(world, run)
    with transaction(world.engine) as session, pytest.raises(ChangedMeanwhile, match="ended ABORTED because it hangs"):
        require_going_on(session, run.id or 0)
    with pytest.raises(ChangedMeanwhile, match="found one that ended ABORTED"):
        keep_step(world, run, 1)
    assert [step.position for step in world.read(StepRun)] == [0]


def test_a_run_that_goes_on_with_an_interrupted_one_takes_over_what_it_has_done(world: World) -> None:
    first = begin(world, plan=PLAN)
    keep_step(world, first, 0)
    keep(world, first, 1, version=4)
    abort(world, first)
    second = begin(world, plan=PLAN, continue_run=first.id)
    assert second.root_id == first.id
    with Session(world.engine) as session:
        (taken,) = steps_of(session, second)
        assert (taken.position, taken.outcome, taken.result) == (0, StepOutcome.WARNING, {"evaluation": "e1"})
        assert effect_of(session, first.id or 0, 1) == {"version": 4}
        assert effect_of(session, first.id or 0, 2) is None


def test_a_run_that_was_interrupted_twice_goes_on_with_all_of_it(world: World) -> None:
    first = begin(world, plan=PLAN)
    keep_step(world, first, 0)
    abort(world, first)
    second = begin(world, plan=PLAN, continue_run=first.id)
    keep_step(world, second, 1)
    abort(world, second)
    third = begin(world, plan=PLAN, continue_run=first.id)
    assert third.root_id == first.id
    with Session(world.engine) as session:
        assert [step.position for step in steps_of(session, third)] == [0, 1]


def test_a_run_begins_anew_when_nobody_says_that_it_goes_on(world: World) -> None:
    first = begin(world, plan=PLAN)
    keep_step(world, first)
    abort(world, first)
    second = begin(world, plan=PLAN)
    assert second.root_id is None
    with Session(world.engine) as session:
        assert steps_of(session, second) == []


def test_what_has_ended_by_itself_is_not_gone_on_with(world: World) -> None:
    first = begin(world)
    end(world, first, ScenarioOutcome.FAILED)
    with pytest.raises(ActRefused, match="'continue' is refused: it ended FAILED"):
        begin(world, continue_run=first.id)
    second = begin(world)
    abort(world, second)
    end(world, begin(world, continue_run=second.id))
    with pytest.raises(ActRefused, match="which went on with it, ended SUCCESS"):
        begin(world, continue_run=second.id)
    with pytest.raises(NotFound, match="no run '99'"):
        begin(world, continue_run=99)


def test_a_run_whose_scenario_has_other_steps_by_now_is_not_gone_on_with(world: World) -> None:
    first = begin(world, plan=PLAN)
    keep_step(world, first)
    abort(world, first)
    with pytest.raises(ActRefused, match="not those that it has done; run it anew"):
        begin(world, plan=PLAN[1:], continue_run=first.id)


@pytest.mark.parametrize(
    "plan",
    [
        [PLAN[0], PLAN[1]._replace(asked="that"), PLAN[2]],
        [PLAN[0], PLAN[1]._replace(name="another"), PLAN[2]],
        [PLAN[0], PLAN[1]._replace(kind=StepKind.SQL), PLAN[2]],
        PLAN[:1],
    ],
    ids=["asked something else", "of another name", "of another kind", "no more"],
)
def test_work_that_a_step_had_begun_is_taken_for_that_of_no_other_step(world: World, plan: list[Planned]) -> None:
    first = begin(world, plan=PLAN, flow_run_id="f1")
    keep_step(world, first)
    keep(world, first, 1, version=4)
    abort(world, first)
    with pytest.raises(
        ActRefused, match=r"step 'run_checks' had begun its work, and it is declared otherwise now; run it"
    ):
        begin(world, plan=plan, continue_run=first.id)
    assert begin(world, plan=plan, flow_run_id="f1").root_id is None, "what Prefect tries again begins anew"


def test_a_run_that_is_given_something_else_does_not_go_on_with_it(world: World) -> None:
    first = begin(world, plan=PLAN, flow_run_id="f1")
    keep_step(world, first)
    abort(world, first)
    with pytest.raises(ActRefused, match=r"it was given part='2017_06', and now part='2017_07'; give it the same"):
        begin(world, plan=PLAN, continue_run=first.id, parameters={"part": "2017_07"})
    with pytest.raises(ActRefused, match=r"it was given part='2017_06', and now nothing"):
        begin(world, plan=PLAN, continue_run=first.id, parameters={})
    assert begin(world, plan=PLAN, flow_run_id="f1", parameters={"part": "2017_07"}).root_id is None


def test_a_run_that_goes_on_with_one_of_a_backfill_is_one_of_the_backfill(world: World) -> None:
    first = begin(world, trigger=BACKFILL)
    abort(world, first)
    with Session(world.engine) as session, pytest.raises(NotFound, match="no interrupted run of 'daily'"):
        newest_aborted(session, "credit", "daily")
    second = begin(world, continue_run=first.id)
    assert (second.trigger, second.root_id) == (BACKFILL, first.id)
    assert world.read(AuditEvent)[-1].after == {"run": second.id, "trigger": BACKFILL, "goes_on_with": first.id}
    abort(world, second)

    own = begin(world)
    abort(world, own)
    abort(world, begin(world, trigger=BACKFILL))
    with Session(world.engine) as session:
        assert newest_aborted(session, "credit", "daily").id == own.id


def test_what_has_ended_well_with_all_its_steps_is_found_by_whoever_tries_it_again(world: World) -> None:
    def finished(**changes: Any) -> int | None:
        asked: dict[str, Any] = {"plan": PLAN[:2], "parameters": {"part": "2017_06"}, "flow_run_id": None}
        with Session(world.engine) as session:
            found = find_finished(session, "daily", **{**asked, "tried_before": run.id, **changes})
            return None if found is None else found.id

    run = begin(world, plan=PLAN[:2], flow_run_id="f1")
    keep_step(world, run, 0)
    assert finished() is None, "it goes on"
    keep_step(world, run, 1)
    end(world, run, ScenarioOutcome.WARNING)
    assert finished() == finished(tried_before=None, flow_run_id="f1") == run.id
    assert finished(plan=PLAN) is None, "a step is missing"
    assert finished(parameters={}) is None, "it was given something else"
    assert finished(tried_before=None, flow_run_id="f2") is None
    failed = begin(world, plan=PLAN[:2])
    for position in range(2):
        keep_step(world, failed, position)
    end(world, failed, ScenarioOutcome.FAILED)
    assert finished(tried_before=failed.id) is None, "what failed is done again"


def test_a_prefect_run_that_died_goes_on_by_itself_and_one_that_failed_begins_anew(world: World) -> None:
    first = begin(world, plan=PLAN, flow_run_id="f1")
    keep_step(world, first)
    second = begin(world, plan=PLAN, flow_run_id="f1")
    assert second.root_id == first.id
    end(world, second)
    third = begin(world, plan=PLAN, flow_run_id="f1")  # Prefect had not heard of the end
    assert third.root_id == first.id
    end(world, third, ScenarioOutcome.FAILED)
    assert begin(world, plan=PLAN, flow_run_id="f1").root_id is None


def test_what_a_step_has_done_is_kept_in_the_transaction_that_does_it(world: World) -> None:
    run = begin(world)
    with pytest.raises(ZeroDivisionError), transaction(world.engine) as session:
        keep_effect(session, run.id or 0, root=run.id or 0, position=0, step=PLAN[0], result={}, at=datetime.now(UTC))
        raise ZeroDivisionError
    assert world.read(StepEffect) == []
    keep(world, run, 0, version=4)
    keep(world, run, 0, version=4, environment="prod")
    assert [effect.result for effect in world.read(StepEffect)] == [{"version": 4, "environment": "prod"}]


def test_a_run_that_was_ended_can_keep_nothing_that_it_does(world: World) -> None:
    run = begin(world)
    abort(world, run)
    with pytest.raises(ChangedMeanwhile, match="it hangs"):
        keep(world, run, 0, version=4)
    assert world.read(StepEffect) == []


def test_a_step_is_recorded_once_however_often_it_is_asked_for(world: World) -> None:
    run = begin(world)
    keep_step(world, run)
    keep_step(world, run)
    assert len(world.read(StepRun)) == 1


def test_a_run_shows_signs_of_life_until_it_ends(world: World) -> None:
    run, later = begin(world), datetime(2038, 1, 1, tzinfo=UTC)
    assert run.beat_at == run.started_at
    with transaction(world.engine) as session:
        assert beat(session, run.id or 0, at=later)
    assert world.read(ScenarioRun)[0].beat_at == later
    end(world, run)
    with transaction(world.engine) as session:
        assert not beat(session, run.id or 0, at=datetime.now(UTC))


def test_times_that_were_let_pass_are_counted_until_the_schedule_runs_again(world: World) -> None:
    def skip(missed: datetime | None) -> None:
        with transaction(world.engine) as session:
            project = find_project(session, "credit")
            skip_run(
                session, project, "daily", trigger="schedule", reason="late", missed=missed, actor=WILL, at=datetime.now(UTC)
            )  # fmt: skip

    def missed() -> int:
        with Session(world.engine) as session:
            return missed_times(session, find_project(session, "credit"), "daily")

    assert missed() == 0
    for hour in (6, 7):
        skip(datetime(2017, 6, 1, hour, tzinfo=UTC))
    skip(None)  # another run went on
    end(world, begin(world))  # by hand, between them
    assert missed() == 2
    assert [tag for tag, _ in world.trail()].count(Tag.SCENARIO_SKIPPED) == 3
    begun = begin(world, trigger="schedule", missed=missed())
    assert (begun.missed, missed()) == (2, 0)


def test_whoever_may_not_write_ends_no_run(world: World) -> None:
    run = begin(world)
    close(world)
    otto = Actor("otto")  # a reader
    with pytest.raises(NotAllowed, match="otto may not write on project 'credit'"):
        abort(world, run, otto)
    with pytest.raises(NotAllowed), transaction(world.engine) as session:
        close_run(session, run, ScenarioOutcome.SUCCESS, actor=otto, at=datetime.now(UTC))
    assert world.read(ScenarioRun)[0].outcome is None
    assert abort(world, run, SYSTEM).outcome is ScenarioOutcome.ABORTED


def test_only_an_interrupted_run_that_is_the_latest_is_offered_to_go_on_with(world: World) -> None:
    def newest() -> ScenarioRun:
        with Session(world.engine) as session:
            return newest_aborted(session, "credit", "daily")

    with pytest.raises(NotFound, match="no interrupted run of 'daily'; run it anew"):
        newest()
    run = begin(world)
    abort(world, run)
    assert newest().id == run.id
    end(world, begin(world))
    with pytest.raises(NotFound):
        newest()
