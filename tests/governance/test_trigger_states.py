"""What triggers saw is kept once, and the record tells them what has happened in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from governance import trigger_states
from governance.audit import SYSTEM
from governance.database import transaction
from governance.errors import ActivationRefused, ChangedMeanwhile
from governance.processes import is_alive
from governance.registry import find_environment, find_project, note_refusal
from governance.scenario_runs import close_run, open_run
from governance.tables import ModelVersion, TriggerState
from governance.tables.columns import key_of
from governance.trigger_states import Approval
from governance.vocabulary import BACKFILL, ScenarioOutcome, SignOffAction
from tests.governance.world import FINN, NOON, WILL, World


def keep(world: World, seen: Mapping[str, Any], before: TriggerState | None, trigger: str = "files") -> TriggerState:
    with transaction(world.engine) as session:
        project = key_of(find_project(session, "credit"))
        return trigger_states.remember(session, project, "daily", trigger, seen, before=before, at=world.now())


def run_scenario(world: World, scenario: str, outcome: ScenarioOutcome | None, trigger: str = "manual") -> int:
    with transaction(world.engine) as session:
        run = open_run(
            session, find_project(session, "credit"), scenario, trigger=trigger, parameters={}, host="here",
            process_id=os.getpid(), is_alive=is_alive, actor=WILL, at=world.now(),
        )  # fmt: skip
        if outcome is not None:
            close_run(session, run, outcome, actor=WILL, at=world.now())
        return key_of(run)


def approvals(world: World, after: int = 0) -> list[Approval]:
    with Session(world.engine) as session:
        return trigger_states.approvals_after(session, "credit", after)


def settled(world: World, approval: Approval, environment: str = "prod") -> bool:
    with Session(world.engine) as session:
        return trigger_states.is_settled(session, "credit", approval, environment)


def test_what_was_seen_is_found_again_and_replaced(world: World) -> None:
    first = keep(world, {"files": 1}, None)
    second = keep(world, {"files": 2}, first)
    with Session(world.engine) as session:
        found = trigger_states.find_state(session, first.project_id, "daily", "files")
        assert found is not None
        assert (found.id, found.seen, found.looked_at) == (first.id, {"files": 2}, second.looked_at)
        assert trigger_states.find_state(session, first.project_id, "weekly", "files") is None


def test_of_two_watchers_the_slower_one_writes_nothing(world: World) -> None:
    first = keep(world, {"files": 1}, None)
    with pytest.raises(ChangedMeanwhile):
        keep(world, {"files": 9}, None)
    keep(world, {"files": 2}, first)
    with pytest.raises(ChangedMeanwhile):
        keep(world, {"files": 9}, first)
    assert [state.seen for state in world.read(TriggerState)] == [{"files": 2}]


def test_what_triggers_saw_that_are_no_more_is_forgotten(world: World) -> None:
    keep(world, {}, None, "files")
    kept = keep(world, {}, None, "rows")
    with transaction(world.engine) as session:
        assert trigger_states.forget_others(session, kept.project_id, {("daily", "rows"), ("daily", "new")}) == 1
    assert [state.trigger for state in world.read(TriggerState)] == ["rows"]


def test_the_runs_of_another_scenario_are_told_once_they_have_ended_but_not_those_of_a_backfill(world: World) -> None:
    good = run_scenario(world, "daily", ScenarioOutcome.SUCCESS)
    run_scenario(world, "daily", ScenarioOutcome.SUCCESS, trigger=BACKFILL)
    run_scenario(world, "weekly", ScenarioOutcome.SUCCESS)
    bad = run_scenario(world, "daily", ScenarioOutcome.FAILED)
    run_scenario(world, "daily", None)
    with Session(world.engine) as session:
        project = key_of(find_project(session, "credit"))
        ended = [
            [(run.id, run.outcome) for run in trigger_states.runs_ended_after(session, project, "daily", number)]
            for number in (0, good, bad)
        ]
        assert ended == [[(good, "SUCCESS"), (bad, "FAILED")], [(bad, "FAILED")], []]
        assert trigger_states.last_ended_run(session, project, "daily") == bad
        assert trigger_states.last_ended_run(session, project, "never") == 0


def test_an_approval_is_told_and_a_rejection_is_not(world: World) -> None:
    world.approved_version()
    rejected = world.version()
    world.sign(rejected, SignOffAction.REQUEST_APPROVAL, WILL)
    world.sign(rejected, SignOffAction.REJECT, FINN)
    assert [(one.model, one.version, one.by) for one in approvals(world)] == [("fraud", 1, "finn")]
    world.sign(rejected, SignOffAction.EDIT_TO_APPROVED, FINN)
    first, second = approvals(world)
    assert (second.version, approvals(world, after=first.number), approvals(world, after=second.number)) == (
        2,
        [second],
        [],
    )
    with Session(world.engine) as session:
        assert trigger_states.end_of_trail(session) == second.number


def test_an_approval_is_settled_in_an_environment_where_any_version_of_its_model_became_active_since(
    world: World,
) -> None:
    older, newer = world.approved_version(), world.approved_version()
    _, approval = approvals(world)
    assert not settled(world, approval)
    world.activate(older, "dev")
    assert not settled(world, approval), "that was elsewhere"
    world.activate(older)
    assert settled(world, approval), "somebody wanted another one more"
    world.activate(newer, "dev")
    assert settled(world, approval, "dev")


def test_an_approval_is_settled_where_its_version_was_refused_and_not_where_another_one_was(world: World) -> None:
    first, second = world.approved_version(), world.approved_version()
    one, other = approvals(world)
    with transaction(world.engine) as session:
        place = find_environment(session, "credit", "prod")
        path = f"credit/fraud/{session.get_one(ModelVersion, second.id).number}"
        refusal = ActivationRefused(path, place.name, ["it has expired"])
        note_refusal(session, refusal, environment=place.name, actor=SYSTEM, at=NOON + timedelta(days=1))
    assert first.id != second.id
    assert (settled(world, one), settled(world, other)) == (False, True)
