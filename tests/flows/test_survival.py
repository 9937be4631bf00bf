"""Whatever dies, hangs, fills up or goes away: a run ends, says why, and the next one goes on with it."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import Scheduled
from sqlalchemy import create_engine, make_url, text
from sqlmodel import select

from flows.scenario import run_scenario
from governance import registry, scenario_runs
from governance.audit import Actor
from governance.errors import UnreadableFile
from governance.processes import is_alive, this_machine
from governance.project_file import load_project
from governance.settings import settings
from governance.tables import AuditEvent, CheckResult, Evaluation, ScenarioRun, StepRun
from governance.vocabulary import ScenarioOutcome
from tasks import edge, survival
from tasks.survival import SignsOfLife, abort_dead_runs, showing_life
from tests.soak import PROJECT, make_project

pytestmark = pytest.mark.prefect

ADA = Actor("ada")
SCENARIO = "scenario-1"

DIES = """\
import os, sys
import tasks.step
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from flows.scenario import run_scenario

if sys.argv[3] == "before the first step is recorded":
    tasks.step._record = lambda *details: os.kill(os.getpid(), 9)
if sys.argv[3] == "before the scenario around it knows":
    record = tasks.step._record
    tasks.step._record = lambda run, *details: os.kill(os.getpid(), 9) if run.name == "all" else record(run, *details)
with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
    run_scenario(sys.argv[1], sys.argv[2], actor="ada")
"""


@pytest.fixture
def place(home, prefect_api, monkeypatch):
    """A small project in the current folder."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    return make_project(home)


def change(place, edit):
    file = place / "project.yaml"
    declared = yaml.safe_load(file.read_text())
    edit(declared)
    file.write_text(yaml.safe_dump(declared, sort_keys=False))


def calling(function, **scenario):
    """The scenario calls two functions."""

    def edit(declared):
        steps = [{"name": name, "kind": "python", "function": function} for name in ("First", "Second")]
        declared["scenarios"][SCENARIO] |= {"steps": steps, **scenario}

    return edit


def judging(declared):
    return declared["scenarios"][SCENARIO]["steps"][0]


def inside_another(place):
    """Another scenario runs the scenario."""
    outer = {"name": "All", "steps": [{"name": "Inner", "kind": "run_scenario", "scenario": SCENARIO}]}
    change(place, lambda declared: declared["scenarios"].update(all=outer))


def run(place, scenario=SCENARIO, **parameters):
    state = run_scenario(str(place), scenario, actor="ada", return_state=True, **parameters)
    return state, state.result(raise_on_failure=False)


def begin(place, scenario=SCENARIO, **changes):
    details = {"trigger": "manual", "parameters": {}, "host": this_machine(), "process_id": os.getpid()} | changes
    with edge.known(load_project(place), ADA) as session:
        project = registry.find_project(session, PROJECT)
        return scenario_runs.open_run(
            session, project, scenario, **details, is_alive=is_alive, actor=ADA, at=edge.now()
        )  # fmt: skip


def recorded(table):
    with edge.reading() as session:
        return session.exec(select(table).order_by(table.id)).all()


def killed(place, scenario, moment):
    """Run a scenario in a process that is killed."""
    gone = subprocess.run([sys.executable, "-c", DIES, str(place), scenario, moment], check=False, capture_output=True, cwd=Path(__file__).parents[2])  # fmt: skip
    assert gone.returncode == -9, gone.stderr.decode()[-2000:]


def in_prefect(run):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run.flow_run_id).state


def test_what_was_done_before_a_kill_is_not_done_again(place):
    killed(place, SCENARIO, "before the first step is recorded")
    (died,) = recorded(ScenarioRun)
    assert (died.outcome, recorded(StepRun)) == (None, [])
    (evaluation,) = recorded(Evaluation)

    change(place, lambda declared: judging(declared).update(data="before"))
    _, refused = run(place, continue_run=died.id)
    assert "step 'Judge' had begun its work, and it is declared otherwise now; run it anew" in str(refused)
    change(place, lambda declared: judging(declared).pop("data"))
    change(place, lambda declared: judging(declared).update(retries=2))
    state, ended = run(place, continue_run=died.id)

    died, now = recorded(ScenarioRun)
    assert (died.outcome, died.reason) == (
        ScenarioOutcome.ABORTED, f"process {died.process_id} on {this_machine()} ended without ending the run",
    )  # fmt: skip
    assert (in_prefect(died).name, in_prefect(died).message) == ("Crashed", died.reason)
    assert (now.root_id, now.outcome, state.name) == (died.id, ScenarioOutcome.SUCCESS, "Completed")
    assert [step["outcome"] for step in ended["steps"]] == ["SUCCESS"] * 3
    assert ended["steps"][0]["message"] == f"evaluation {evaluation.id} of now"
    assert recorded(Evaluation) == [evaluation]
    assert len(recorded(CheckResult)) == 2

    run(place)  # anew
    assert len(recorded(Evaluation)) == 2


def test_a_scenario_inside_another_goes_on_where_it_was_killed(place):
    (place / "counting.py").write_text(
        "import os\n"
        "from pathlib import Path\n"
        "def rows(run: int) -> dict:\n"
        "    if (die := Path(__file__).with_name('die')).exists():\n"
        "        die.unlink()\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return {'run': run}\n"
    )
    (place / "die").touch()
    inside_another(place)
    killed(place, "all", "in a step")
    assert [run.outcome for run in recorded(ScenarioRun)] == [None, None]

    _, ended = run(place, "all", continue_run=recorded(ScenarioRun)[0].id)

    assert ended["outcome"] == "SUCCESS"
    died_outside, died_inside, outside, inside = recorded(ScenarioRun)
    assert {died_outside.outcome, died_inside.outcome} == {ScenarioOutcome.ABORTED}
    assert (outside.root_id, inside.root_id) == (died_outside.id, died_inside.id)
    assert len(recorded(Evaluation)) == 1
    taken = [step for step in recorded(StepRun) if step.run_id == inside.id]
    assert [(step.name, step.result.get("run")) for step in taken] == [("Judge", None), ("Check", None), ("Call", inside.id)]  # fmt: skip


def test_a_scenario_that_had_ended_inside_another_is_not_run_once_more(place):
    inside_another(place)
    killed(place, "all", "before the scenario around it knows")
    died, inner = recorded(ScenarioRun)
    assert (died.outcome, inner.outcome) == (None, ScenarioOutcome.SUCCESS)

    _, ended = run(place, "all", continue_run=died.id)

    assert [step["message"] for step in ended["steps"]] == [
        f"run {inner.id} of {SCENARIO}: SUCCESS: run {inner.id} had ended before this was tried again"
    ]
    assert [(run.scenario, run.outcome) for run in recorded(ScenarioRun)] == [
        ("all", ScenarioOutcome.ABORTED), (SCENARIO, ScenarioOutcome.SUCCESS), ("all", ScenarioOutcome.SUCCESS),
    ]  # fmt: skip


def test_of_a_run_that_is_aborted_the_scenario_inside_does_nothing_more(place):
    (place / "aborting.py").write_text(
        "from pathlib import Path\n"
        "from tests.flows.test_survival import abort_all\n"
        "def abort():\n"
        "    with Path(__file__).with_name('called').open('a') as called:\n"
        "        called.write('.')\n"
        "    abort_all()\n"
    )
    change(place, calling("aborting.py:abort"))
    inside_another(place)
    state, ended = run(place, "all")
    assert (place / "called").read_text() == "."
    assert (state.name, ended["outcome"], ended["steps"]) == ("Cancelled", "ABORTED", [])
    outer, inner = recorded(ScenarioRun)
    assert (outer.outcome, outer.reason) == (ScenarioOutcome.ABORTED, "wrong month")
    assert (inner.outcome, inner.reason) == (
        ScenarioOutcome.ABORTED, f"run {outer.id} of all, which had started it, ended ABORTED because wrong month",
    )  # fmt: skip


def test_a_scenario_inside_a_run_that_is_aborted_waits_no_longer_for_another_run_of_it(place):
    inside_another(place)
    other = begin(place)
    aborting = threading.Timer(1, abort_all, [10])
    aborting.start()
    _, ended = run(place, "all")
    aborting.join()
    assert ended["outcome"] == "ABORTED"
    assert [(run.scenario, run.outcome) for run in recorded(ScenarioRun)] == [
        (SCENARIO, None), ("all", ScenarioOutcome.ABORTED),
    ]  # fmt: skip
    assert recorded(ScenarioRun)[0].id == other.id


def abort_all(seconds=0):
    """Somebody aborts the run of the scenario around it, once it is there."""
    give_up_at = time.monotonic() + seconds
    while True:
        with edge.transaction() as session:
            for going_on in scenario_runs.runs_going_on(session, PROJECT, "all"):
                scenario_runs.abort_run(session, going_on, reason="wrong month", actor=ADA, at=edge.now())
                return
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


def test_signs_of_life_go_on_whatever_goes_wrong(place, monkeypatch):
    begun, beat = begin(place), scenario_runs.beat

    def wrong(*_args, **_more):
        monkeypatch.setattr(scenario_runs, "beat", beat)
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(scenario_runs, "beat", wrong)
    with showing_life(begun.id, every_seconds=0.1):
        time.sleep(1)
    assert scenario_runs.beat is beat
    assert recorded(ScenarioRun)[0].beat_at > begun.beat_at


def test_a_run_that_ended_well_stays_so_when_prefect_goes_away_at_the_very_end(place, monkeypatch):
    def away(**_more):
        raise ConnectionError("nobody is there")

    change(place, without_work)
    monkeypatch.setattr("tasks.scenario.get_client", away)
    state, ended = run(place)
    assert (state.name, ended["outcome"]) == ("Completed", "SUCCESS")


def without_work(declared):
    declared["scenarios"][SCENARIO]["steps"][1:] = []
    judging(declared)["run_if"] = "never"


def test_a_run_of_another_machine_is_dead_when_it_shows_no_sign_of_life_to_whoever_watches(place):
    begun = begin(place, host="elsewhere", process_id=1)
    clock = [0.0]
    watcher = SignsOfLife(lambda: clock[0])
    assert abort_dead_runs(watcher) == []
    clock[0] = 80
    with edge.transaction() as session:
        assert scenario_runs.beat(session, begun.id, at=edge.now() - timedelta(days=2))  # its clock was set back
    assert abort_dead_runs(watcher) == []
    clock[0] = 160
    assert abort_dead_runs(watcher) == []
    clock[0] = 171
    assert abort_dead_runs(watcher) == [begun.id]
    (ended,) = recorded(ScenarioRun)
    assert ended.reason == "process 1 on elsewhere showed no sign of life for 91 s"
    assert abort_dead_runs(watcher) == []


def test_a_clock_that_jumps_ends_no_run(place, monkeypatch):
    begun = begin(place)
    watcher = SignsOfLife()
    monkeypatch.setattr(edge, "now", lambda: datetime.now(UTC) + timedelta(days=30))
    assert abort_dead_runs(watcher) == []
    with edge.transaction() as session:  # since a forward jump, this process seems to be younger than its run
        session.get_one(ScenarioRun, begun.id).beat_at = datetime(2001, 1, 1, tzinfo=UTC)
    assert [abort_dead_runs(watcher) for _ in range(2)] == [[], []]


def test_a_run_that_waits_takes_the_place_of_one_that_is_found_dead(place, monkeypatch):
    begin(place, host="elsewhere", process_id=1)
    monkeypatch.setattr(survival, "DEAD_AFTER_SECONDS", 0.5)
    _, ended = run(place)
    assert ended["outcome"] == "SUCCESS"
    assert [run.outcome for run in recorded(ScenarioRun)] == [ScenarioOutcome.ABORTED, ScenarioOutcome.SUCCESS]


def test_a_locked_database_is_waited_for(place):
    (place / "locking.py").write_text(
        "import sqlite3, threading\n"
        "from governance.settings import settings\n"
        "def lock():\n"
        "    other = sqlite3.connect(settings().database.removeprefix('sqlite:///'), check_same_thread=False)\n"
        "    other.execute('BEGIN IMMEDIATE')\n"
        "    threading.Timer(1, other.close).start()\n"
    )
    change(place, calling("locking.py:lock"))
    begun = time.monotonic()
    _, ended = run(place)
    assert (ended["outcome"], len(recorded(StepRun))) == ("SUCCESS", 2)
    assert time.monotonic() - begun > 2


@pytest.mark.postgresql
@pytest.mark.parametrize("copies", ["postgresql"], indirect=True)
def test_a_database_that_is_away_is_waited_for(place, database_url, monkeypatch):
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", database_url)
    settings.cache_clear()
    begun = begin(place, "other")
    (place / "away.py").write_text("from tests.flows.test_survival import send_away\ndef leave(): send_away(1.5)\n")
    change(place, calling("away.py:leave"))
    with showing_life(begun.id, every_seconds=0.2):
        _, ended = run(place)
        assert (ended["outcome"], len(recorded(StepRun))) == ("SUCCESS", 2)
        seen = recorded(ScenarioRun)[0].beat_at
        time.sleep(0.6)
        assert recorded(ScenarioRun)[0].beat_at > seen, "signs of life are shown again"


def send_away(seconds):
    """Close the database to everybody, and open it again later."""
    url = make_url(settings().database)
    admin = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")

    def allow(connections):
        with admin.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS {connections}"))
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )

    allow(False)
    threading.Timer(seconds, allow, [True]).start()


@contextmanager
def files_of_at_most(size):
    """As on a full disk: no file grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_fails_the_step_with_what_to_do_and_leaves_nothing_behind(place):
    run(place)
    score = np.random.default_rng(1).uniform(size=30_000)
    frame = pd.DataFrame({"amount": score, "score": score, "guess": (score > 0.5).astype(int), "repaid": 1})
    frame.assign(**{f"more_{n}": score * n for n in range(12)}).to_csv(place / "now.csv", index=False)
    database = Path(settings().database.removeprefix("sqlite:///"))
    with sqlite3.connect(database) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with files_of_at_most(database.stat().st_size + 500_000):
        state, ended = run(place)
    assert (state.name, ended["outcome"]) == ("Failed", "FAILED")
    assert "it can't be written (" in ended["steps"][0]["message"]
    assert ended["steps"][0]["message"].endswith("make room on the disk, or see to the permissions.")
    assert len(recorded(Evaluation)) == len(list((settings().artifacts_folder / "evaluations").glob("*/*/*"))) == 1


def test_a_run_whose_end_can_not_be_recorded_says_so_and_is_found_dead_later(place, monkeypatch):
    monkeypatch.setattr(edge, "RUN_PATIENCE_SECONDS", 0.0)
    (place / "filling.py").write_text(
        "import resource\n"
        "def fill(): resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))\n"
    )
    change(place, calling("filling.py:fill"))
    with files_of_at_most(resource.RLIM_INFINITY):
        state, refused = run(place)
    assert isinstance(refused, UnreadableFile)
    assert "the end of step 'First' can't be recorded there" in state.message
    assert "driftgate scenario run --continue" in state.message
    (left,) = recorded(ScenarioRun)
    assert (left.outcome, recorded(StepRun)) == (None, [])
    times = iter([0.0, 901.0])
    watcher = SignsOfLife(lambda: next(times))
    assert [abort_dead_runs(watcher) for _ in range(2)] == [[], [left.id]]


def test_a_run_that_is_cancelled_in_prefect_stops_at_its_next_step_and_keeps_what_it_did(place, monkeypatch):
    monkeypatch.setattr(survival, "BEAT_SECONDS", 0.1)
    (place / "cancelling.py").write_text(
        "import time\n"
        "from prefect.client.orchestration import get_client\n"
        "from prefect.runtime import flow_run\n"
        "from prefect.states import Cancelling\n"
        "def cancel():\n"
        "    with get_client(sync_client=True) as client:\n"
        "        client.set_flow_run_state(flow_run.id, Cancelling())\n"
        "    time.sleep(1)\n"
    )
    change(place, calling("cancelling.py:cancel"))
    change(place, lambda declared: declared["scenarios"][SCENARIO]["steps"].insert(0, {"name": "Rest", "kind": "run_checks", "store": "watch-scenario-1", "run_if": "never"}))  # fmt: skip
    state, ended = run(place)
    assert (state.name, state.message) == ("Cancelled", "ABORTED: it was cancelled in Prefect")
    assert [step["name"] for step in ended["steps"]] == ["Rest"]
    assert in_prefect(recorded(ScenarioRun)[0]).name == "Cancelled"


def test_somebody_aborts_a_run_and_it_is_gone_on_with_from_the_command_line(place, driftgate):
    begin(place)
    going_on = driftgate("scenario", "last-runs")
    assert "still running, last sign of life at" in going_on.words
    aborted = driftgate("scenario", "abort", SCENARIO, "--reason", "wrong month", "--json")
    assert (aborted.code, aborted.document["outcome"]) == (0, "ABORTED")
    assert aborted.document["reason"] == "ada aborted it: wrong month"
    assert "ended ABORTED because ada aborted it: wrong month" in driftgate("scenario", "abort", 1).words
    assert "There is no run going on of" in driftgate("scenario", "abort").words

    done = driftgate("scenario", "run", "--continue", "--json")
    assert (done.code, done.document["root"], done.document["outcome"]) == (0, 1, "SUCCESS"), done.err
    assert "It went on with run 1." in driftgate("scenario", "last-runs").words
    assert "run it anew, without --continue" in driftgate("scenario", "run", "--continue").words
    assert [event.actor for event in recorded(AuditEvent) if event.tag == "scenario:aborted"] == ["ada"]


@pytest.fixture
def scheduled(place):
    """Perform the scenario as its schedule would have it, for a time so many hours ago."""
    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name(run_scenario.name)
        parameters = {"project": str(place), "scenario": SCENARIO, "actor": "ada", "trigger": "schedule"}
        deployment = client.create_deployment(flow, f"{place.parent.name}", parameters=parameters)
        now = datetime.now(UTC)

        def schedule(*hours):
            return [
                client.create_flow_run_from_deployment(deployment, state=Scheduled(scheduled_time=now - timedelta(hours=ago)), parameters=parameters)
                for ago in hours
            ]  # fmt: skip

        yield lambda *hours: [
            run_flow(run_scenario, flow_run=one, parameters=parameters, return_type="state") for one in schedule(*hours)
        ]


def test_of_the_times_that_were_missed_the_last_one_is_caught_up_on(place, scheduled):
    change(place, lambda declared: declared["scenarios"][SCENARIO].update(schedule={"cron": "0 * * * *"}))
    states = scheduled(3, 2, 1)
    assert [state.name for state in states] == ["Cancelled", "Cancelled", "Completed"]
    assert states[0].message.endswith("; the later one stands for it")
    assert states[2].message == "SUCCESS; it stands for 3 missed"
    (only,) = recorded(ScenarioRun)
    assert (only.missed, only.trigger) == (3, "schedule")
    assert [event.tag for event in recorded(AuditEvent)].count("scenario:skipped") == 2


def test_times_that_were_missed_are_not_caught_up_on_where_the_schedule_says_so(place, scheduled):
    change(place, lambda declared: declared["scenarios"][SCENARIO].update(schedule={"cron": "0 * * * *", "catch_up": "skip"}))  # fmt: skip
    states = scheduled(2, 1, 0, 0)
    assert [state.name for state in states] == ["Cancelled", "Cancelled", "Completed", "Completed"]
    assert "what is missed is not caught up on" in states[1].message
    assert [run.missed for run in recorded(ScenarioRun)] == [2, 0]


def test_a_late_time_at_which_another_run_went_on_is_missed_too(place, scheduled):
    change(place, without_work)
    change(place, lambda declared: declared["scenarios"][SCENARIO].update(schedule={"cron": "0 * * * *"}, collision="skip"))  # fmt: skip
    other = begin(place)
    assert [state.name for state in scheduled(0, 1)] == ["Cancelled", "Cancelled"]
    with edge.transaction() as session:
        scenario_runs.close_run(session, other, ScenarioOutcome.SUCCESS, actor=ADA, at=edge.now())
    (state,) = scheduled(0)
    assert state.message == "SUCCESS; it stands for 1 missed"
