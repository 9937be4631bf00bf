"""Evidently's interface and its report, as somebody at the terminal asks for them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from deployments.cli import record
from governance import evaluations, registry
from governance.artifacts import file_sha256, write_folder
from governance.settings import settings
from governance.vocabulary import CheckOutcome, Handling, Measurement, PredictionType
from tasks import edge
from tasks.data.schema import Column, Schema

ROOT = Path(__file__).parents[3]
SCHEMA = Schema((Column("amount", Handling.NUMERICAL),), "repaid", PredictionType.BINARY, ("0", "1"), None)


def rows(shift):
    amounts = np.random.default_rng(3).normal(shift, 1, 200)
    predicted = pd.Series(np.where(amounts > 0, "1", "0"), dtype="str")
    return pd.DataFrame({"amount": amounts, "prediction": predicted, "repaid": predicted})


def snapshot(at):
    from tasks.drift.columns import ColumnDrift
    from tasks.drift.engine import take_snapshot

    amount = ColumnDrift("amount", Handling.NUMERICAL, (), 0.001, corrected_p_value=0.001, drifted=True,
                         verdict=CheckOutcome.ERROR, bins=("low", "high"), reference_shares=(0.5, 0.5),
                         current_shares=(0.1, 0.9))  # fmt: skip
    return take_snapshot("input drift", [amount], [Measurement("data_drift", 0.7, 0.6, 0.8, 400)], at)


@pytest.fixture
def evaluated(project: Path) -> list[str]:
    """Ids of three evaluations of one version, the latest last."""
    declared, actor, root = record.find_project(None), record.acting(None), settings().artifacts_folder
    with edge.known(declared, actor) as session:
        with write_folder(root, "models/1") as folder:
            rows(0).to_parquet(folder / "reference.parquet")
            files = {"reference.parquet": file_sha256(folder / "reference.parquet")}
        manifest = {"files": files, "schema": SCHEMA.to_json(), "data": {"name": "training"}, "rows": {}}
        version = registry.record_version(
            session, registry.find_model(session, "loans", "default"), folder="models/1", manifest=manifest,
            metrics=[Measurement("roc_auc", 0.8)], diagnostics=[], actor=actor, at=edge.now(),
        )  # fmt: skip
        made = []
        for number in range(3):
            at, identity = edge.now() + timedelta(seconds=number), f"e{number}"
            with write_folder(root, f"evaluations/{identity}") as folder:
                rows(1).to_parquet(folder / "sample.parquet")
                (folder / "input_drift.snapshot.json").write_text(snapshot(at))
                files = {file.name: file_sha256(file) for file in folder.iterdir()}
            evaluations.record_evaluation(
                session, evaluations.find_store(session, "loans", "drift"), version, id=identity, name=f"Day {number}",
                data="current", data_fingerprint="0" * 64, rows=200, sampled_rows=200, labelled_rows=None,
                labels={"team": "credit"}, warnings=[], folder=f"evaluations/{identity}", files=files,
                measurements=[Measurement("data_drift", 0.7)], actor=actor, at=at,
            )  # fmt: skip
            made.append(identity)
    return made


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(port, path, body=None):
    address = f"http://127.0.0.1:{port}/api/{path}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.timeout(120)
def test_the_interface_shows_each_store_with_its_latest_snapshots_and_stops_when_told(evaluated, home):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli.main", "evidently", "ui", "--port", str(port), "--last", "2",
         "--project", str(home)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Whoever starts it need not forbid it to report usage.
        env={name: text for name, text in os.environ.items() if name != "DO_NOT_TRACK"},
    )  # fmt: skip
    try:
        said = []
        while not said or "Ready" not in said[-1]:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            said.append(line.strip())
        assert f"Evidently: http://127.0.0.1:{port}" in said
        (store,) = asked(port, "projects")
        assert store["name"] == "loans / drift"
        snapshots = asked(port, f"projects/{store['id']}/snapshots")
        assert {one["metadata"]["evaluation"] for one in snapshots} == {"e1", "e2"}  # the latest two of three
        assert {one["metadata"]["team"] for one in snapshots} == {"credit"}
        assert {one["name"] for one in snapshots} == {"input drift of current"}
        page = asked(port, f"projects/{store['id']}/{snapshots[0]['id']}/data")
        assert "amount: drift detected" in json.dumps(page)
        dashboard = asked(port, f"v2/dashboards/{store['id']}")
        panel = next(one for one in dashboard["panels"] if one["title"] == "Data drift")
        series = asked(port, f"v2/snapshots/{store['id']}/data_series_batch", {"series_filter": panel["values"]})
        assert [point["values"] for point in series["series"]] == [[0.7, 0.7]]
        assert {"127.0.0.1"} == {one.laddr.ip for one in psutil.Process(process.pid).net_connections("inet")}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out.strip()) == (0, "Stopped."), err
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    with pytest.raises(OSError, match="refused"):
        asked(port, "projects")


def test_without_a_snapshot_there_is_nothing_to_show(driftgate, project) -> None:
    found = driftgate("evidently", "ui", "--port", free_port())
    assert found.code == 2
    assert "driftgate evaluate" in found.words


def test_a_port_that_is_taken_is_refused_before_anything_is_read(driftgate, evaluated) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = driftgate("evidently", "ui", "--port", taken.getsockname()[1])
    assert found.code == 2
    assert "taken" in found.words


def test_a_snapshot_that_was_altered_is_not_shown(driftgate, evaluated) -> None:
    (settings().artifacts_folder / "evaluations/e2/input_drift.snapshot.json").write_text("{}")
    found = driftgate("evidently", "ui", "--port", free_port())
    assert found.code == 1
    assert "input_drift.snapshot.json is not what was recorded" in found.words


@pytest.mark.parametrize("name", ["e1", "Day 1"])
def test_the_report_of_an_evaluation_is_one_file(driftgate, evaluated, home, name) -> None:
    found = driftgate("evidently", "report", name, "--output", home / "report.html", "--json")
    assert found.code == 0, found.err
    assert found.document == {"evaluation": "e1", "output": str(home / "report.html"), "left_out": {}}
    page = (home / "report.html").read_text()
    assert "amount" in page
    assert "<script src=" not in page


def test_the_report_of_a_standalone_evaluation_compares_with_nothing(driftgate, project, home) -> None:
    alone = "stores:\n  alone: {data: training, standalone: {prediction_type: binary}}\n"
    project.write_text(project.read_text().replace("stores:\n", alone))
    at, actor = edge.now() + timedelta(seconds=9), record.acting(None)
    with edge.known(record.find_project(None), actor) as session:
        with write_folder(settings().artifacts_folder, "evaluations/alone") as folder:
            rows(1).to_parquet(folder / "sample.parquet")
            (folder / "details.json").write_text(
                json.dumps({"judged_by": {"threshold": None, "schema": SCHEMA.to_json()}})
            )
            files = {file.name: file_sha256(file) for file in folder.iterdir()}
        evaluations.record_evaluation(
            session, evaluations.find_store(session, "loans", "alone"), None, id="alone", name="Alone", data="current",
            data_fingerprint="0" * 64, rows=200, sampled_rows=200, labelled_rows=None, labels={}, warnings=[],
            folder="evaluations/alone", files=files, measurements=[], actor=actor, at=at,
        )  # fmt: skip
    found = driftgate("evidently", "report", "alone", "--output", home / "report.html")
    assert found.code == 0, found.err
    assert "amount" in (home / "report.html").read_text()


def test_an_unknown_evaluation_is_refused_with_those_there_are(driftgate, evaluated, home) -> None:
    found = driftgate("evidently", "report", "e9", "--output", home / "report.html")
    assert found.code == 2
    assert "'e9'" in found.words
    assert "e2" in found.words
    assert not (home / "report.html").exists()


def test_a_sample_that_was_altered_is_not_drawn(driftgate, evaluated, home) -> None:
    (settings().artifacts_folder / "evaluations/e1/sample.parquet").write_bytes(b"")
    found = driftgate("evidently", "report", "e1", "--output", home / "report.html")
    assert found.code == 1
    assert "sample.parquet is not what was recorded" in found.words
