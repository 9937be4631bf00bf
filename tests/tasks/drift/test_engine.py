"""Input and prediction drift as a whole, and the private names of Evidently that they lean on."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from governance.project_file import Drift
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.findings import measure_input_drift, measure_prediction_drift
from tasks.metrics.catalogue import info

AT = datetime(2013, 4, 1, tzinfo=UTC)
SCHEMA = Schema(
    features=(Column("steady", Handling.NUMERICAL), Column("moved", Handling.NUMERICAL),
              Column("level.name", Handling.CATEGORICAL), Column("empty", Handling.NUMERICAL)),
    target="y", prediction_type=PredictionType.BINARY, classes=("no", "yes"), time_column=None,
    categories={"level.name": ("a", "b", "c")},
)  # fmt: skip


def frame(seed, shift=0.0, levels="abc", rows=400):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "steady": random.normal(size=rows), "moved": random.normal(shift, 1, rows),
        "level.name": pd.Series(random.choice(list(levels), rows), dtype="str"), "empty": np.full(rows, np.nan),
        "prediction": pd.Series(random.choice(["no", "yes"], rows, p=[0.7 - shift / 10, 0.3 + shift / 10]), dtype="str"),
    })  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return measure_input_drift(frame(1), frame(2, 1.0, "abcd"), SCHEMA, Drift(), seed=7, at=AT)


def test_every_number_is_in_the_catalogue_and_has_a_value_or_a_reason(found):
    assert len({m.name for m in found.measurements}) == len(found.measurements)
    for m in found.measurements:
        assert info(m.name).name == m.name
        assert (m.value is None) == bool(m.reason)
        assert isinstance(m.value, float | None)


def test_what_moved_is_found_and_what_did_not_is_not(found):
    value = {m.name: m.value for m in found.measurements}
    drifted = {column["name"] for column in found.details["columns"] if column["drifted"]}
    assert drifted == {"moved", "level.name"}
    assert value["drifted_columns"] == 2
    # Both sides of the empty column are missing throughout: tested, and equal.
    assert value["drifted_columns_share"] == 0.5
    assert value["data_drift_lower"] > 0.55
    importances = found.details["importances"]
    assert set(sorted(importances, key=importances.get)[-2:]) == {"moved", "level.name"}
    # Shares, as those of the model they are held against.
    assert sum(importances.values()) == pytest.approx(1)


def test_warnings_name_unseen_levels(found):
    assert "column 'level.name' has levels that were never seen before: d" in found.warnings


def test_details_and_snapshot_are_strict_json(found):
    def refuse(constant):
        raise AssertionError(constant)

    json.dumps(found.details, allow_nan=False)
    json.loads(found.snapshot, parse_constant=refuse)


def test_columns_that_are_ignored_are_neither_measured_nor_learned_from():
    settings = Drift(handling={"moved": Handling.IGNORED, "empty": Handling.IGNORED})
    found = measure_input_drift(frame(1), frame(2, 3.0), SCHEMA, settings, seed=7, at=AT)
    assert {m.name.split(".")[1] for m in found.measurements if m.name.startswith("column_drift")} == {
        "steady",
        "level",
    }
    assert next(m.value for m in found.measurements if m.name == "data_drift") < 0.6
    assert found.details["ignored"] == ["moved", "empty"]


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_are_reasons_and_not_an_exception(rows):
    found = measure_input_drift(frame(1), frame(2, rows=rows), SCHEMA, Drift(), seed=7, at=AT)
    assert next(m for m in found.measurements if m.name == "data_drift").reason
    assert json.loads(found.snapshot)


@pytest.mark.parametrize("measure", [measure_input_drift, measure_prediction_drift])
def test_a_snapshot_is_never_dated_by_default(measure):
    assert inspect.signature(measure).parameters["at"].default is inspect.Parameter.empty


def test_prediction_drift_comes_with_its_snapshot():
    found = measure_prediction_drift(frame(1), frame(2, 1.0), SCHEMA, at=AT)
    assert {"prediction_drift.psi", "fugacity.yes.current"} <= {m.name for m in found.measurements}
    assert set(found.details) == {"fugacity", "densities", "column"}
    assert json.loads(found.snapshot)["name"] == "prediction drift"


def test_contract_with_evidently(found):
    """Score, test status, dumps and loads, restore of the stock calculation: all on private names."""
    from evidently.core.report import Snapshot
    from evidently.metrics.column_statistics import (
        DriftedColumnCalculation,
        DriftedColumnsCount,
        ValueDrift,
        ValueDriftCalculation,
    )

    snapshot = Snapshot.loads(found.snapshot)
    assert json.loads(snapshot.dumps())["metric_results"].keys() == json.loads(found.snapshot)["metric_results"].keys()
    assert snapshot._timestamp == AT
    assert "data_drift" in json.loads(found.snapshot)["metadata"]
    columns = {column["name"]: column for column in found.details["columns"]}
    drifts = {
        m["config"]["column"]: m for m in snapshot.dict()["metrics"] if m["config"]["type"].endswith("ValueDrift")
    }
    assert {name: m["value"] for name, m in drifts.items()} == {
        name: column["corrected_p_value"] for name, column in columns.items()
    }
    assert {m["config"]["threshold"] for m in drifts.values()} == {0.05}
    failed = {t["name"] for t in snapshot.dict()["tests"] if t["status"] == "FAIL"}
    assert failed == {"Value drift for moved", "Value drift for level.name"}
    assert ValueDrift.__calculation_type__ is ValueDriftCalculation
    assert DriftedColumnsCount.__calculation_type__ is DriftedColumnCalculation


def test_what_reports_usage_is_not_even_imported(found):
    assert found.snapshot
    assert not {"evidently.telemetry", "iterative_telemetry"} & set(sys.modules)


def test_stock_reports_still_work_after_ours(found):
    from evidently import Report
    from evidently.metrics import ValueDrift

    side = pd.DataFrame({"x": np.arange(50.0)})
    stock = Report([ValueDrift(column="x", method="ks")]).run(side, side)
    assert stock.dict()["metrics"][0]["value"] == pytest.approx(1)


def test_two_threads_do_not_disturb_each_other():
    sides = [(frame(1), frame(2, 1.0)), (frame(1), frame(3))]
    alone = [measure_prediction_drift(*side, SCHEMA, at=AT).details for side in sides]
    together = {}

    def measure(position):
        together[position] = [measure_prediction_drift(*sides[position], SCHEMA, at=AT).details for _ in range(5)]

    threads = [threading.Thread(target=measure, args=(n,)) for n in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {n: [alone[n]] * 5 for n in (0, 1)}


def test_evidently_is_imported_by_the_engine_only_and_not_before_it_is_needed():
    root = Path(__file__).parents[3]
    doors = [f.relative_to(root).as_posix() for f in (root / "tasks").rglob("*.py")
             if any(line.strip().startswith(("import evidently", "from evidently")) for line in f.read_text().splitlines())]  # fmt: skip
    assert doors == ["tasks/drift/engine.py"]
    code = "import sys, tasks.drift.findings; print({'evidently', 'pandas', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
