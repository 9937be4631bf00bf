"""Real processes want the same at the same time, on both databases: one wins, the others are told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, inspect

from governance.audit import Actor
from governance.database import head_revision, open_database, transaction
from governance.errors import ChangedMeanwhile, Refused, TransitionNotAllowed
from governance.signoff import Request, sign
from governance.tables import Activation, ActiveVersion, AuditEvent, FinalApproval, ModelVersion, ScenarioRun
from governance.vocabulary import SignOffAction
from tests.governance.world import FINN, WILL, World
from tests.workplace import KEY

COMPETITOR = Path(__file__).with_name("competitor.py")
ROOT = Path(__file__).parents[2]


def race(engine_url: str, artifacts: Path, *wishes: tuple[str, dict[str, Any]]) -> list[str]:
    """Start one process per wish, let all go at once, and return what each said, sorted."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(COMPETITOR), what, engine_url, str(artifacts), json.dumps(details)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        for what, details in wishes
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sorted(process.communicate(timeout=60)[0].strip() for process in processes)


@pytest.fixture
def url(database: Engine) -> Iterator[str]:
    yield database.url.render_as_string(hide_password=False)


def test_one_of_two_first_activations_wins(world: World, url: str) -> None:
    world.approved_version(), world.approved_version()
    wishes = [("activate", {"version": number, "revision": 0}) for number in (1, 2)]
    assert race(url, world.artifacts, *wishes) == ["ChangedMeanwhile", "won"]
    assert len(world.read(Activation)) == 1
    (active,) = world.read(ActiveVersion)
    assert (active.revision, active.version_id) == (1, world.read(Activation)[0].version_id)


def test_one_of_two_later_activations_wins(world: World, url: str) -> None:
    for _ in range(3):
        version = world.approved_version()
    world.activate(version)
    wishes = [("activate", {"version": number, "revision": 1}) for number in (1, 2)]
    assert race(url, world.artifacts, *wishes) == ["ChangedMeanwhile", "won"]
    assert [a.previous_version_id for a in world.read(Activation)] == [None, version.id]
    assert [a.revision for a in world.read(ActiveVersion)] == [2]


def test_one_of_two_final_approvals_wins(world: World, url: str) -> None:
    world.sign(world.version(), SignOffAction.REQUEST_APPROVAL, WILL)
    wishes = [
        ("approve", {"version": 1, "revision": 1, "actor": "finn"}),
        ("reject", {"version": 1, "revision": 1, "actor": "flora"}),
    ]
    assert race(url, world.artifacts, *wishes) == ["ChangedMeanwhile", "won"]
    (approval,) = world.read(FinalApproval)
    decided = [event for event in world.read(AuditEvent) if event.tag in {"sign_off:approve", "sign_off:reject"}]
    assert [event.actor for event in decided] == [approval.author]


def test_a_move_that_waited_for_another_is_told_that_it_came_too_late(world: World) -> None:
    version = world.version()
    world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
    told: list[Exception] = []

    def reject() -> None:
        try:
            world.sign(version, SignOffAction.REJECT, Actor("flora"))
        except Refused as refusal:
            told.append(refusal)

    late = Thread(target=reject)
    with transaction(world.engine) as session:
        approve = Request(world.item(version), SignOffAction.APPROVE, FINN)
        sign(session, approve, artifacts=world.artifacts, at=world.now())
        late.start()
        late.join(timeout=0.5)
        assert late.is_alive()
    late.join()
    # SQLite lets nobody look before the first has ended; on PostgreSQL both have looked at the same revision.
    expected = TransitionNotAllowed if world.engine.dialect.name == "sqlite" else ChangedMeanwhile
    assert [type(refusal) for refusal in told] == [expected]
    assert [approval.author for approval in world.read(FinalApproval)] == ["finn"]


def test_versions_recorded_at_once_get_numbers_of_their_own(world: World, url: str) -> None:
    wishes = [("record", {"actor": name, "turns": 10}) for name in ("ann", "bob", "cid")]
    assert race(url, world.artifacts, *wishes) == ["won"] * 3
    assert sorted(version.number for version in world.read(ModelVersion)) == list(range(1, 31))


def test_one_of_two_runs_of_a_scenario_begins(world: World, url: str) -> None:
    assert race(url, world.artifacts, ("run", {}), ("run", {})) == ["ChangedMeanwhile", "won"]
    assert len(world.read(ScenarioRun)) == 1


def test_several_processes_may_open_an_empty_database_at_once(empty_url: str, tmp_path: Path) -> None:
    assert race(empty_url, tmp_path, *[("open", {})] * 4) == ["won"] * 4
    engine = open_database(empty_url, audit_key=KEY)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [(head_revision(),)]
    assert inspect(engine).has_table("active_version")
    engine.dispose()
