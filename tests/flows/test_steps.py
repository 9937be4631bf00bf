"""Every kind of step in a real run: what it does, how it shows, and what becomes of it when it can't."""

from __future__ import annotations

import csv
import json
import logging
import sqlite3

import pytest
from sqlmodel import select

from deployments.cli.main import run as driftgate
from flows.activate import activate
from flows.scenario import run_scenario
from flows.train import train
from governance import registry, scenario_runs
from governance.errors import TrainingImpossible, UnusableValue
from governance.tables import Activation, ActiveVersion, ModelVersion, Report, ScenarioRun, StepRun
from tasks import edge
from tasks.improvement import settle_activation
from tests.governance.http_receiver import http_receiver

pytestmark = pytest.mark.prefect

MODEL = "authorization"
TRAIN = {"name": "Train", "kind": "train", "model": MODEL, "data": "training + monthly:06"}
PAIR = "training + monthly:06"

QUICK = {"threshold": 0.5, "parameters": {"max_iter": 15}}
"""A model that takes a second."""

CODE = """
def count(rows: int, names: list[str], factor: float = 2) -> dict:
    print("counting")
    return {"rows": rows * factor, "longest": max(names, key=len)}

def fail(why: str):
    raise LookupError(why)
"""


def scenario_of(workplace, *steps, **more):
    def edit(project):
        project["models"][MODEL].update(QUICK)
        project["scenarios"] = {"main": {"name": "Main", "steps": list(steps)}, **more.pop("beside", {})}
        for key, value in more.items():
            project[key] = value

    workplace.change(edit)


def run(workplace, scenario="main", **parameters):
    state = run_scenario(workplace.project, scenario, return_state=True, actor="ada", **parameters)
    return state, state.result(raise_on_failure=False)


def steps_on_record(workplace, number):
    with workplace.record() as session:
        kept = scenario_runs.steps_of(session, session.get_one(ScenarioRun, number))
        return {step.name: step for step in kept}


def outcomes(ended):
    return {step["name"]: step["outcome"] for step in ended["steps"]}


def messages(ended):
    return {step["name"]: step["message"] for step in ended["steps"]}


def test_what_one_step_gives_the_next_one_takes(live, monkeypatch):
    (live.folder / "steps.py").write_text(CODE)
    database = live.folder / "orders.db"
    with sqlite3.connect(database) as made:
        made.execute("CREATE TABLE batch (name TEXT, scored INTEGER)")
    monkeypatch.setenv("ORDERS_URL", f"sqlite:///{database}")
    scenario_of(
        live,
        {"name": "Score", "kind": "score", "model": MODEL, "data": "monthly:04", "output": "scored-${run}.csv"},
        {
            "name": "Count", "kind": "python", "function": "steps.py:count",
            "arguments": {"rows": "${steps['Score'].result.rows}", "names": ["${project}", "x"]},
        },
        {
            "name": "Book", "kind": "sql", "url_variable": "ORDERS_URL",
            "statement": "INSERT INTO batch VALUES (:name, :scored)",
            "parameters": {"name": "it's ${steps['Score'].result.data}", "scored": "${steps['Count'].result.rows}"},
        },
        {
            "name": "Look", "kind": "sql", "url_variable": "ORDERS_URL",
            "statement": "SELECT name, scored FROM batch",
        },
        {"name": "Document", "kind": "export_document", "model": MODEL, "output": "version.html"},
    )  # fmt: skip
    state, ended = run(live)
    assert (state.name, ended["outcome"]) == ("Completed", "SUCCESS")
    steps = steps_on_record(live, ended["run"])
    rows = steps["Score"].result["rows"]
    with (live.folder / f"scored-{ended['run']}.csv").open() as file:
        assert sum(1 for _ in csv.DictReader(file)) == rows
    assert steps["Count"].result == {"rows": 2 * rows, "longest": "credit_card_fraud"}
    assert steps["Book"].result["rows_affected"] == 1
    assert steps["Look"].result["rows"] == [{"name": "it's monthly:04", "scored": 2 * rows}]
    assert messages(ended)["Document"].startswith("the document of version 1 is in ")
    page = (live.folder / "version.html").read_text()
    assert "credit_card_fraud / authorization / version 1" in page


def test_the_document_of_a_version_is_written_by_a_command_too(live, capsys):
    file = live.folder / "documents" / "version-1.md"
    where = ("--project", live.project, "--output")
    assert driftgate(["version", "document", "1", *where, str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == str(file)
    written = file.read_text()
    for chapter in ("Summary", "Design", "Data", "Thresholds", "Sign-off", "Activations", "Lineage"):
        assert f"\n## {chapter}\n" in written
    assert "approve | WAITING\\_FOR\\_APPROVAL | APPROVED" in written
    assert driftgate(["version", "document", *where, str(live.folder / "version.pdf")]) != 0
    assert "its ending '.pdf' tells no language" in " ".join(capsys.readouterr().err.split())


def test_a_function_that_fails_fails_its_step_with_type_and_words(live):
    (live.folder / "steps.py").write_text(CODE)
    scenario_of(
        live,
        {"name": "Fail", "kind": "python", "function": "steps.py:fail", "arguments": {"why": "no rows"}},
        {
            "name": "Wrong",
            "kind": "python",
            "function": "steps.py:count",
            "arguments": {"rows": "many"},
            "run_if": "always",
        },
    )
    _, ended = run(live)
    assert set(outcomes(ended).values()) == {"FAILED"}
    assert messages(ended)["Fail"] == "LookupError: no rows"
    assert "argument 'rows' of steps.py:count: input should be a valid integer" in messages(ended)["Wrong"]


def test_words_that_no_database_can_keep_fail_their_step_and_the_next_one_runs(live):
    (live.folder / "steps.py").write_text(
        'def fail(): raise ValueError("bad \\ud800 \\x00 text")\n'
        "class Leaving(BaseException): pass\n"
        "def leave(): raise Leaving\n"
        'def give(): return {"a\\x00": ["b\\x00"]}\n'
    )
    names = ("fail", "leave", "give")
    scenario_of(
        live,
        *({"name": name, "kind": "python", "function": f"steps.py:{name}", "run_if": "always"} for name in names),
    )
    logging.disable()  # who runs the tests can't take such words from a log either
    try:
        _, ended = run(live)
    finally:
        logging.disable(logging.NOTSET)
    assert outcomes(ended) == {"fail": "FAILED", "leave": "FAILED", "give": "SUCCESS"}
    steps = steps_on_record(live, ended["run"])
    assert steps["fail"].message == "ValueError: bad \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} text"
    assert steps["leave"].message == "RuntimeError: the function left with Leaving"
    assert steps["give"].result == {"a\N{REPLACEMENT CHARACTER}": ["b\N{REPLACEMENT CHARACTER}"]}


def test_a_scenario_runs_another_one_as_a_run_of_its_own_and_takes_its_outcome(live):
    child = {
        "name": "Child",
        "variables": {"where": "nowhere"},
        "steps": [
            {
                "name": "Inside",
                "kind": "python",
                "function": "steps.py:fail",
                "arguments": {"why": "${variables.where}"},
            }
        ],
    }
    (live.folder / "steps.py").write_text(CODE)
    call = {"name": "Call", "kind": "run_scenario", "scenario": "child", "parameters": {"where": "here in ${scenario}"}}
    scenario_of(
        live, call, {**call, "name": "Call kindly", "run_if": "always", "on_failure": "warn"}, beside={"child": child}
    )
    _, ended = run(live)
    assert outcomes(ended) == {"Call": "FAILED", "Call kindly": "WARNING"}
    assert messages(ended)["Call"] == f"run {ended['run'] + 1} of child: FAILED: Inside"
    with live.record() as session:
        parent, first, second = session.exec(select(ScenarioRun).order_by(ScenarioRun.id))
        assert [one.scenario for one in (parent, first, second)] == ["main", "child", "child"]
        assert (first.trigger, first.outcome, first.started_by) == ("run_scenario main", "FAILED", "ada")
        assert len({one.flow_run_id for one in (parent, first, second)}) == 3
        inside = session.exec(select(StepRun).where(StepRun.run_id == first.id)).one()
        assert inside.message == "LookupError: here in main"


def test_a_message_arrives_and_a_dead_channel_is_a_warning(live, monkeypatch):
    say = {"name": "Say", "kind": "notify", "channel": "team", "message": "Look at ${scenario}\n\n<now>"}
    with http_receiver() as receiver:
        monkeypatch.setenv("TEAM_URL", receiver.url)
        monkeypatch.setenv("DEAD_URL", "json://127.0.0.1:9/hook")
        scenario_of(
            live, say, {**say, "name": "Say to nobody", "channel": "dead"},
            channels={"team": {"url_variable": "TEAM_URL"}, "dead": {"url_variable": "DEAD_URL"}},
        )  # fmt: skip
        _, ended = run(live)
    assert ended["outcome"] == "WARNING"
    assert outcomes(ended) == {"Say": "SUCCESS", "Say to nobody": "WARNING"}
    assert messages(ended)["Say"] == "sent through team"
    assert messages(ended)["Say to nobody"].startswith("not sent through dead yet: ")
    assert receiver.titles == ["credit_card_fraud: main"]
    with live.record() as session:
        sent, waiting = session.exec(select(Report).order_by(Report.id))
        assert sent.text == "Look at main\n\n<now>"
        assert sent.html == "<p>Look at main</p><p>&lt;now&gt;</p>"
        assert (sent.run_id, sent.sent_at is None, waiting.next_attempt_at is None) == (ended["run"], False, False)


def test_a_timeout_of_a_socket_while_a_message_is_sent_is_a_warning_and_not_that_of_the_step(live, monkeypatch):
    def times_out(*_args, **_more):
        raise TimeoutError("timed out")

    monkeypatch.setenv("TEAM_URL", "json://127.0.0.1:9/hook")
    monkeypatch.setattr("governance.reports.sending.deliver", times_out)
    say = {"name": "Say", "kind": "notify", "channel": "team", "message": "hello"}
    scenario_of(live, say, channels={"team": {"url_variable": "TEAM_URL"}})
    _, ended = run(live)
    assert outcomes(ended) == {"Say": "WARNING"}
    assert messages(ended)["Say"].startswith("not sent through team yet: ")
    with live.record() as session:
        assert session.exec(select(Report)).one().next_attempt_at is not None


def test_a_new_version_of_the_same_data_is_refused_unless_the_project_allows_it(live):
    same = {**TRAIN, "data": "training"}
    scenario_of(live, same)
    _, ended = run(live)
    assert ended["outcome"] == "FAILED"
    assert messages(ended)["Train"] == (
        "model 'authorization': the training data training are, byte for byte, those of version 1, so that there is "
        "nothing new to learn from them; add new rows, such as the latest part of a series, or write same_data: allow "
        "under models.authorization."
    )
    with live.record() as session:
        assert session.exec(select(ModelVersion.number)).all() == [1]
    by_hand = train(live.project, actor="ada")
    assert (by_hand["version"], by_hand["trained_before"]) == (2, 1)
    with pytest.raises(TrainingImpossible, match="those of version 2"):
        train(live.project, actor="ada", same_data=None)


def activation(workplace, **settings):
    """The model's policy; the scenario trains."""

    def edit(project):
        project["models"][MODEL].update(QUICK, activation=settings)
        project["scenarios"] = {"main": {"name": "Main", "steps": [TRAIN]}}

    workplace.change(edit)


def active(workplace):
    with workplace.record() as session:
        return registry.active_versions(session, registry.find_model(session, "credit_card_fraud", MODEL))


def test_a_policy_passes_through_the_gate_like_everybody_else(live):
    activation(live, policy="always", environment="prod")
    _, refused = run(live)
    assert outcomes(refused) == {"Train": "WARNING"}
    assert "version 2 is trained; the gate refused: " in messages(refused)["Train"]
    assert "the sign-off is NOT_STARTED" in messages(refused)["Train"]
    assert active(live) == {"prod": 1}


def test_if_better_activates_what_is_better_and_leaves_what_is_not(live):
    # A tree stump of a model first: whatever is learned after it is better.
    def stump(project):
        stumps = {"max_iter": 1, "max_leaf_nodes": 2, "learning_rate": 0.1}
        project["models"][MODEL].update(QUICK, parameters=stumps)

    live.change(stump)
    train(live.project, actor="ada")
    activate(live.project, "2", "dev", actor="ada")
    activation(live, policy="if_better", environment="dev")
    _, better = run(live)
    assert outcomes(better) == {"Train": "SUCCESS"}
    assert active(live) == {"dev": 3, "prod": 1}
    message = messages(better)["Train"]
    assert message.startswith("version 3 is active in dev: ROC AUC 0.")
    assert "of version 2 on the same" in message
    assert "with 95 % confidence (DeLong" in message
    assert "such rows show a gain of 0.0" in message
    assert "rows that version 2 was fitted on" in message

    found = steps_on_record(live, better["run"])["Train"].result["improvement"]
    measured = found["measured"]
    # Of the three months of the quarter four of five rows, since version 2 was fitted on them; of June none.
    assert found["left_out_rows"] / (found["left_out_rows"] + measured["rows"]) == pytest.approx(0.6, abs=0.1)
    assert measured["gain"] > measured["lower"] > 0

    # The same data and the same settings make the same model: no gain, and nothing changes.
    live.change(
        lambda p: (
            p["models"][MODEL].update(
                QUICK, activation={"policy": "if_better", "environment": "dev"}, same_data="allow"
            ),
            p.update(scenarios={"main": {"name": "Main", "steps": [TRAIN]}}),
        )
    )
    _, same = run(live)
    assert outcomes(same) == {"Train": "SUCCESS"}
    assert "version 4 is trained, and is not activated: ROC AUC" in messages(same)["Train"]
    assert "not more than 0 with 95 % confidence" in messages(same)["Train"]
    assert active(live) == {"dev": 3, "prod": 1}


def test_where_nothing_is_active_the_first_one_goes_through_the_gate(live):
    activation(live, policy="if_better", environment="dev")
    _, first = run(live)
    assert messages(first)["Train"] == "version 2 is active in dev: no version is active to compare with"
    assert active(live) == {"dev": 2, "prod": 1}


def test_what_was_activated_before_an_interruption_is_not_activated_again(live):
    activation(live, policy="always", environment="dev")
    made = train(live.project, data=PAIR, actor="ada")
    activated = activate(live.project, "2", "dev", actor="ada")
    settled = settle_activation.fn(live.project, {**made, **activated}, "ada")
    assert settled == {"outcome": "SUCCESS", "message": "is active in dev", "activated": True}
    with live.record() as session:
        assert len(session.exec(select(Activation)).all()) == 2


def test_a_version_that_became_active_meanwhile_is_not_replaced_by_what_was_held_against_another(live):
    activation(live, policy="if_better", environment="dev")
    made = train(live.project, data=PAIR, actor="ada")
    activate(live.project, "1", "dev", actor="ada")
    settled = settle_activation.fn(live.project, made, "ada")
    assert settled["outcome"] == "WARNING"
    assert "expected activation number 0 in 'dev', found number 1" in settled["message"]
    assert active(live) == {"dev": 1, "prod": 1}


def test_a_backfill_leaves_what_is_active_as_it_is_and_tells_nobody(live):
    def edit(project):
        project["models"][MODEL].update(QUICK, activation={"policy": "always", "environment": "dev"})
        project["channels"] = {"team": {"url_variable": "TEAM_URL"}}
        steps = [
            TRAIN,
            {"name": "Ask", "kind": "request_sign_off", "model": MODEL},
            {"name": "Go live", "kind": "activate", "model": MODEL, "environment": "dev"},
            {"name": "Say", "kind": "notify", "channel": "team", "message": "done"},
        ]
        project["scenarios"] = {"main": {"name": "Main", "steps": steps}}

    live.change(edit)
    _, refused = run(live, trigger="backfill")
    assert isinstance(refused, UnusableValue), "anybody could say so"
    with edge.over_the_past():
        _, ended = run(live, trigger="backfill")
    assert outcomes(ended) == {"Train": "SUCCESS", "Ask": "SKIPPED", "Go live": "SKIPPED", "Say": "SKIPPED"}
    assert messages(ended)["Go live"] == "a backfill leaves what is active as it is"
    with live.record() as session:
        assert len(session.exec(select(ActiveVersion)).all()) == 1
        assert session.exec(select(Report)).all() == []
