"""Past periods, by a scenario and by a store: in order, once each, and nothing that is active moves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine
from sqlmodel import select

from flows.backfill import backfill
from flows.evaluate import evaluate
from flows.scenario import run_scenario
from governance import registry, scenario_runs
from governance.audit import Actor
from governance.errors import NotFound, UnusableName
from governance.items import item_of
from governance.processes import is_alive, this_machine
from governance.project_file import load_project
from governance.tables import (
    ActiveVersion,
    CheckResult,
    Evaluation,
    Metric,
    ModelVersion,
    ScenarioRun,
    SignOff,
    StepRun,
)
from governance.vocabulary import Every, ScenarioOutcome
from tasks import edge
from tasks.backfill import done_meanwhile, plan_backfill
from tasks.check import run_checks

pytestmark = pytest.mark.prefect

STORE, MODEL = "mes_for_input_drift", "authorization"

ROOT = Path(__file__).parents[2]


def made_by(place, **parameters):
    """The state in which a backfill ends, and its summary."""
    state = backfill(place.project, actor="ada", return_state=True, **parameters)
    return state, state.result(raise_on_failure=False)


def of_store(place, **parameters):
    return made_by(place, store=STORE, **parameters)


def on_record(place) -> list[Evaluation]:
    """The evaluations, in the order in which they were made."""
    with place.record() as session:
        return list(session.exec(select(Evaluation).order_by(Evaluation.evaluated_at)))


def checked(place) -> list[str]:
    """Which evaluations were held against the checks, in that order."""
    with place.record() as session:
        return [result.evaluation_id for result in session.exec(select(CheckResult).order_by(CheckResult.id))]


def outcomes(ended) -> list[tuple[str, str, bool]]:
    return [(each["period"], each["outcome"], each["left_out"]) for each in ended["periods"]]


def own_data(place, **months: Path | None) -> None:
    """The data of this test alone: the tutorial's files, but for those that are named (none: there is no such file)."""
    shared = place.folder / "data"
    files = {file.name: file for file in shared.resolve().iterdir()}
    shared.unlink()
    shared.mkdir()
    for month, file in months.items():
        name = f"transactions_prepared_2017_{month.removeprefix('m')}.csv"
        files.pop(name)
        if file is not None:
            files[name] = file
    for name, file in files.items():
        (shared / name).symlink_to(file)


def test_a_store_is_filled_period_by_period_oldest_first_and_checked_as_it_goes(live):
    state, ended = of_store(live, first="04", last="05", checks=True)

    # The tutorial's check always errs; a period that fails stops none of the others.
    assert outcomes(ended) == [("04", "FAILED", False), ("05", "FAILED", False)]
    assert (state.name, state.message) == ("Failed", "2 of 2 periods done (2 FAILED)")
    found = on_record(live)
    assert [(e.name, e.data, e.labels["period"], e.labels["model:version"]) for e in found] == [
        ("04", "monthly:04", "04", "1"),
        ("05", "monthly:05", "05", "1"),
    ]
    assert checked(live) == [each["evaluation"] for each in ended["periods"]] == [e.id for e in found]


def test_what_is_on_record_is_left_out_and_made_anew_only_when_that_is_asked_for(live):
    of_store(live, first="05", last="05")
    _, second = of_store(live, first="04", last="05")
    assert outcomes(second) == [("04", "SUCCESS", False), ("05", "SUCCESS", True)]
    before = on_record(live)

    state, third = of_store(live, first="04", last="05")
    assert (third["done"], third["left_out"], state.name) == (0, 2, "Completed")
    assert on_record(live) == before

    _, fourth = of_store(live, first="05", last="05", again=True)
    assert outcomes(fourth) == [("05", "SUCCESS", False)]
    after = on_record(live)
    assert {e.id for e in after} == {e.id for e in before}
    assert after[-1].folder != next(e for e in before if e.id == after[-1].id).folder


def test_only_the_checks_remain_where_a_backfill_was_killed_before_them(live):
    of_store(live, first="04", last="04")
    before = on_record(live)
    _, ended = of_store(live, first="04", last="04", checks=True)
    assert (ended["done"], on_record(live)) == (1, before)
    assert checked(live) == [before[0].id]

    _, ended = of_store(live, first="04", last="04", checks=True)
    assert outcomes(ended) == [("04", "FAILED", True)]
    _, ended = of_store(live, first="04", last="04", checks=True, retry_failed=True)
    assert outcomes(ended) == [("04", "FAILED", False)]
    assert len(on_record(live)) == 1


def test_what_a_check_makes_of_an_absent_value_holds_when_the_backfill_is_begun_again_too(live):
    absent = {"name": "absent", "type": "numeric_range", "metric": "custom.nothing", "maximum": 1}
    for empty, expected in (("error", "FAILED"), ("ok", "SUCCESS")):
        live.change(lambda p, empty=empty: p["stores"][STORE].update(checks=[{**absent, "empty": empty}]))
        _, first = of_store(live, first="04", last="04", checks=True, again=True)
        _, second = of_store(live, first="04", last="04", checks=True)
        assert (outcomes(first), outcomes(second)) == ([("04", expected, False)], [("04", expected, True)])


def test_a_period_that_cannot_be_judged_stops_none_of_the_others(live, tmp_path):
    (tmp_path / "half.csv").write_text("transaction_id,purchase_date\n1\n")
    own_data(live, m05=tmp_path / "half.csv")
    state, ended = of_store(live, first="05", last="06")
    assert outcomes(ended) == [("05", "FAILED", False), ("06", "WARNING", False)]
    assert "there is no such column" in ended["periods"][0]["message"]
    assert (state.name, ended["failed"]) == ("Failed", 1)
    assert [e.name for e in on_record(live)] == ["06"]

    own = live.folder / "data" / "transactions_prepared_2017_05.csv"
    own.unlink()
    own.symlink_to(live.folder / "data" / "transactions_prepared_2017_04.csv")
    _, mended = of_store(live, first="05", last="06")
    assert outcomes(mended) == [("05", "SUCCESS", False), ("06", "WARNING", True)]


def test_a_range_of_one_file_is_judged_as_the_file_of_that_month_is(live):
    months = [pd.read_csv(live.folder / "data" / f"transactions_prepared_2017_{m}.csv") for m in ("04", "05")]
    pd.concat(months).to_csv(live.folder / "purchases.csv", index=False)
    live.change(lambda project: project["data"].update(purchases={"path": "purchases.csv"}))

    _, ended = of_store(live, data="purchases", first="2017-04-01", last="2017-05-01", every=Every.MONTH)
    assert outcomes(ended) == [("2017-04-01..2017-05-01", "SUCCESS", False)]
    (april,) = on_record(live)
    assert april.data == "purchases:2017-04-01..2017-05-01"
    assert (april.rows, april.sampled_rows) == (len(months[0]) + len(months[1]), len(months[0]))
    assert (april.labels["data:from"], april.labels["data:to"]) == ("2017-04-01", "2017-04-30")

    of_file = evaluate(live.project, STORE, "monthly:04", actor="ada")
    with live.record() as session:
        of_range = {m.name: m.value for m in session.exec(select(Metric).where(Metric.evaluation_id == april.id))}
    assert of_range["data_drift"] == pytest.approx(of_file["metrics"]["data_drift"])


def test_a_version_that_does_not_exist_judges_nothing(live):
    _, refused = of_store(live, version="7")
    assert isinstance(refused, NotFound)
    assert on_record(live) == []


def with_steps(place, *steps, edit=lambda project: None):
    """The tutorial's scenario with other steps, and the project edited besides."""

    def change(project):
        project["scenarios"]["retrain-model"]["steps"] = list(steps)
        edit(project)

    place.change(change)


EVALUATE = {"name": "Evaluate", "kind": "build_evaluation", "store": STORE}
CHECK = {"name": "Check", "kind": "run_checks", "store": STORE, "on_failure": "warn"}


def runs_on_record(place) -> list[ScenarioRun]:
    with place.record() as session:
        return list(session.exec(select(ScenarioRun).order_by(ScenarioRun.id)))


def test_a_scenario_is_run_period_by_period_and_checks_what_it_has_just_judged(live):
    evaluate(live.project, STORE, "monthly:12", actor="ada")
    with_steps(live, EVALUATE, CHECK)
    state, ended = made_by(live, data="monthly", first="04", last="05")

    assert outcomes(ended) == [("04", "WARNING", False), ("05", "WARNING", False)]
    assert state.message == "2 of 2 periods done (2 WARNING)"
    assert [(run.trigger, run.parameters) for run in runs_on_record(live)] == [
        ("backfill", {"period": "04", "data": "monthly:04"}),
        ("backfill", {"period": "05", "data": "monthly:05"}),
    ]
    own, april, may = on_record(live)
    assert "period" not in own.labels
    assert (april.labels["period"], may.labels["period"]) == ("04", "05")
    assert checked(live) == [april.id, may.id]
    # The latest evaluation is still the one that was made in its own time.
    assert run_checks(live.project, STORE, "ada")["evaluation"] == own.id

    _, again = made_by(live, first="04", last="05")  # the series is the one that its steps read
    assert (again["done"], again["left_out"]) == (0, 2)
    assert len(runs_on_record(live)) == 2


def test_nothing_that_is_active_changes_and_nobody_is_asked_or_told(live):
    def eager(project):
        project["models"][MODEL]["activation"] = {"policy": "always", "environment": "dev"}
        project["channels"] = {"team": {"url_variable": "TEAM_CHANNEL_URL"}}

    with_steps(
        live,
        {"name": "Train", "kind": "train", "model": MODEL, "data": "training + monthly:latest"},
        {"name": "Go live", "kind": "activate", "model": MODEL, "environment": "dev"},
        {"name": "Ask", "kind": "request_sign_off", "model": MODEL},
        {"name": "Tell", "kind": "notify", "channel": "team", "message": "${data} is done"},
        edit=eager,
    )
    with live.record() as session:
        before = session.exec(select(ActiveVersion)).all()

    _, ended = made_by(live, first="04", last="04")

    assert outcomes(ended) == [("04", "SUCCESS", False)]
    with live.record() as session:
        steps = session.exec(select(StepRun).order_by(StepRun.position)).all()
        assert [step.outcome for step in steps] == ["SUCCESS", "SKIPPED", "SKIPPED", "SKIPPED"]
        assert "a backfill leaves what is active as it is" in steps[1].message
        second = session.exec(select(ModelVersion).where(ModelVersion.number == 2)).one()
        assert second.manifest["data"]["name"] == "training + monthly:04"
        assert session.get(SignOff, item_of(session, second).id).status == "NOT_STARTED"
        assert session.exec(select(ActiveVersion)).all() == before


def test_a_scenario_over_ranges_of_a_query_judges_the_rows_of_each(live, tmp_path, monkeypatch):
    columns = pd.read_csv(live.folder / "data" / "transactions_prepared_2017_04.csv", nrows=400)
    later = columns.assign(purchase_date=columns["purchase_date"].str.replace("2017-04", "2017-07"))
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    pd.concat([columns, later]).to_sql("purchases", engine, index=False)
    monkeypatch.setenv("SHOP_URL", str(engine.url))
    engine.dispose()
    query = {"query": "SELECT * FROM purchases", "url_variable": "SHOP_URL"}
    with_steps(live, EVALUATE | {"data": "shop"}, edit=lambda project: project["data"].update(shop=query))

    _, ended = made_by(live, data="shop", first="2017-07-01", last="2017-08-01", every=Every.MONTH)
    assert [each["run"] for each in ended["periods"]] == [1]
    with live.record() as session:
        judged = session.exec(select(Evaluation)).one()
        assert (judged.rows, judged.sampled_rows) == (800, 400)
        assert judged.labels["period"] == "2017-07-01..2017-08-01"


def test_a_backfill_that_is_killed_goes_on_where_it_was_and_leaves_nothing_twice(live):
    (live.folder / "pause.py").write_text(
        "import pathlib, time\n\n\n"
        "def pause(data: str) -> dict:\n"
        "    here = pathlib.Path(__file__).parent / data.replace(':', '_')\n"
        "    if data == 'monthly:04' and not here.exists():\n"
        "        here.touch()\n"
        "        time.sleep(300)\n"
        "    return {'data': data}\n"
    )
    pause = {"name": "Pause", "kind": "python", "function": "pause.py:pause", "arguments": {"data": "${data}"}}
    with_steps(live, EVALUATE, pause)
    call = f"from flows.backfill import backfill; backfill({live.project!r}, first='04', last='05', actor='ada')"
    killed = subprocess.Popen([sys.executable, "-c", call], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1500):
            if (live.folder / "monthly_04").exists():
                break
            assert killed.poll() is None
            time.sleep(0.1)
    finally:
        killed.kill()
        killed.wait()
    assert [run.outcome for run in runs_on_record(live)] == [None]
    (judged,) = on_record(live)

    state, ended = made_by(live, first="04", last="05")

    assert state.name == "Completed"
    assert outcomes(ended) == [("04", "SUCCESS", False), ("05", "SUCCESS", False)]
    killed_run, april, may = runs_on_record(live)
    assert (killed_run.outcome, april.root_id, may.root_id) == ("ABORTED", killed_run.id, None)
    assert [(e.id == judged.id, e.labels["period"]) for e in on_record(live)] == [(True, "04"), (False, "05")]


def test_a_run_of_a_backfill_that_somebody_goes_on_with_stays_one_of_the_backfill(live):
    (live.folder / "stop.py").write_text(
        "from tests.flows.test_backfill import abort_once\ndef stop(run: int): abort_once(run, __file__)\n"
    )
    stop = {"name": "Stop", "kind": "python", "function": "stop.py:stop", "arguments": {"run": "${run}"}}
    go_live = {"name": "Go live", "kind": "activate", "model": MODEL, "environment": "dev"}
    with_steps(live, stop, EVALUATE, go_live)
    _, ended = made_by(live, data="monthly", first="04", last="04")
    assert outcomes(ended) == [("04", "FAILED", False)]
    (aborted,) = runs_on_record(live)
    assert aborted.outcome is ScenarioOutcome.ABORTED

    ended = run_scenario(live.project, continue_run=aborted.id, actor="ada")

    assert [step["outcome"] for step in ended["steps"]] == ["SUCCESS", "SUCCESS", "SKIPPED"]
    assert ended["steps"][2]["message"] == "a backfill leaves what is active as it is"
    _, again = runs_on_record(live)
    assert (again.trigger, again.root_id, again.parameters) == ("backfill", aborted.id, aborted.parameters)
    (judged,) = on_record(live)
    assert (judged.data, judged.labels["period"]) == ("monthly:04", "04")


def abort_once(run, file):
    """The first time, somebody aborts the run."""
    marker = Path(file).with_suffix(".done")
    if marker.exists():
        return
    marker.touch()
    with edge.transaction() as session:
        begun = scenario_runs.hold_run(session, run)
        scenario_runs.abort_run(session, begun, reason="wrong month", actor=Actor("ada"), at=edge.now())


def test_what_another_backfill_does_meanwhile_is_done(live):
    rest = {"name": "Rest", "kind": "build_evaluation", "store": STORE, "run_if": "never"}
    with_steps(live, rest)
    stretch = {"data": "monthly", "first": "04", "last": "04", "every": None, "store": None, "scenario": None}
    plan = plan_backfill.fn(
        live.project, **stretch, version="active", checks=False, again=True, retry_failed=False, actor="ada"
    )
    with edge.known(load_project(live.folder), Actor("ada")) as session:
        other = scenario_runs.open_run(
            session, registry.find_project(session, "credit_card_fraud"), "retrain-model", trigger="backfill",
            parameters={"period": "04", "data": "monthly:04"}, host=this_machine(), process_id=os.getpid(),
            is_alive=is_alive, actor=Actor("ada"), at=edge.now(),
        )  # fmt: skip
    assert done_meanwhile(plan, plan.remaining[0]) is None

    def end():
        with edge.transaction() as session:
            scenario_runs.close_run(session, other, ScenarioOutcome.WARNING, actor=Actor("ada"), at=edge.now())

    ending = threading.Timer(2, end)
    ending.start()
    _, ended = made_by(live, data="monthly", first="04", last="04")
    ending.join()
    assert outcomes(ended) == [("04", "WARNING", False)]
    assert ended["periods"][0]["run"] == other.id
    assert [run.id for run in runs_on_record(live)] == [other.id]
    assert done_meanwhile(plan, plan.remaining[0]).run == other.id


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"first": "13"}, "no part 'monthly:13'"),
        ({"first": "06", "last": "04"}, "exchange --from and --to"),
        ({"data": "training"}, "--every month, week or day"),
        ({"data": "monthly", "every": Every.MONTH, "first": "2017-04-01", "last": "2017-05-01"}, "leave --every out"),
        ({"data": "training", "every": Every.DAY, "first": "April", "last": "2017-05-01"}, "no day of the calendar"),
        ({"data": "training", "every": Every.WEEK}, "add --from DAY and --to DAY"),
    ],
)
def test_periods_that_cannot_be_meant_are_refused_before_anything_runs(live, wrong, said):
    _, refused = of_store(live, **wrong)
    assert isinstance(refused, NotFound | UnusableName)
    assert said in str(refused)
    assert on_record(live) == []


def test_the_command_answers_with_one_document_and_draws_a_bar_while_it_runs(live, capsys):
    from deployments.cli.main import run

    arguments = ["scenario", "backfill", "--project", live.project, "--store", STORE, "--from", "12", "--as", "ada"]
    assert run([*arguments, "--json"]) == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert [each["period"] for each in document["periods"]] == ["12"]
    assert "12: " in told.err
    assert run(arguments) == 0
    assert "0 done, 1 on record already, 0 failed." in capsys.readouterr().out
    assert run([*arguments, "--checks"]) == 1
