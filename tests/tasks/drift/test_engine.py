"""Snapshots, tests by name and the report, and the private names of Evidently that they lean on."""

from __future__ import annotations

import ast
import gc
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
from scipy import stats

from governance.errors import NotFound
from governance.vocabulary import CheckOutcome, Handling, Measurement, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import ColumnDrift
from tasks.drift.engine import evidently_score, take_snapshot
from tasks.drift.engine.report import visual_report

ROOT = Path(__file__).parents[3]
AT = datetime(2013, 4, 1, tzinfo=UTC)
NUMERICAL, CATEGORICAL, DATE, TEXT = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT


def column(name, p_value, corrected, verdict, handling=NUMERICAL):
    drifted = corrected is not None and corrected < 0.05
    return ColumnDrift(
        name=name, handling=handling, measurements=(Measurement(f"column_drift.{name}.psi", None, reason="no value"),),
        p_value=p_value, corrected_p_value=corrected, drifted=drifted, verdict=verdict,
        bins=("(-∞, 0]", "(0, ∞)"), reference_shares=(0.5, 0.5), current_shares=(0.25, 0.75),
    )  # fmt: skip


COLUMNS = [
    column("steady", 0.6, 0.7, CheckOutcome.OK),
    column("suspicious", 0.02, 0.08, CheckOutcome.WARNING),
    column("moved", 1e-9, 1e-8, CheckOutcome.ERROR),
    column("level.name", 1e-5, 1e-4, CheckOutcome.ERROR, CATEGORICAL),
    column("empty", None, None, CheckOutcome.EMPTY),
]
MEASURED = [
    Measurement("data_drift", 0.71, 0.68, 0.74, 800),
    Measurement("mae", 1.25, 1.2, 1.3, 400),
    Measurement("roc_auc", None, reason="all rows are of one class"),
    Measurement("roc_auc_drift", -0.02),
    Measurement("column_drift.moved.psi", 0.4),
]


@pytest.fixture(scope="module")
def snapshot():
    return take_snapshot("input drift", COLUMNS, MEASURED, AT)


def values(snapshot, metric, key):
    of_type = [m for m in json.loads(snapshot)["metric_results"].values()
               if m["metric_value_location"]["metric"]["params"]["type"].endswith(f":{metric}")]  # fmt: skip
    return {m["metric_value_location"]["metric"]["params"][key]: m for m in of_type}


def test_the_test_of_a_column_fails_when_it_drifted_and_warns_when_it_would_have_alone(snapshot):
    from evidently.core.report import Snapshot

    status = {t["name"].removeprefix("Value drift for "): t["status"] for t in Snapshot.loads(snapshot).dict()["tests"]}
    assert {name: word.name if hasattr(word, "name") else word for name, word in status.items()} == {
        "steady": "SUCCESS", "suspicious": "WARNING", "moved": "FAIL", "level.name": "FAIL",
    }  # fmt: skip


def test_a_number_of_the_whole_is_a_metric_that_can_be_charted_with_its_interval(snapshot):
    measured = values(snapshot, "Measured", "name")
    assert {name: m["value"] for name, m in measured.items()} == {
        "data_drift": 0.71, "mae": 1.25, "roc_auc_drift": -0.02,
    }  # fmt: skip
    assert measured["mae"]["display_name"] == "Mean absolute error"
    assert "1.25 (1.2 to 1.3)" in json.dumps(measured["mae"]["widget"], ensure_ascii=False)
    assert "400 rows" in json.dumps(measured["mae"]["widget"])


def test_what_has_no_value_is_in_the_metadata_with_its_reason(snapshot):
    metadata = json.loads(snapshot)["metadata"]
    assert metadata["roc_auc"] == "no value: all rows are of one class"
    assert metadata["column empty"] == "not tested: no value"
    assert float(metadata["data_drift"]) == 0.71
    assert "column_drift.moved.psi" not in metadata


def test_a_snapshot_of_performance_alone_has_no_count_of_columns():
    performance = take_snapshot("performance", [], MEASURED, AT)
    assert set(values(performance, "Measured", "name")) == {"data_drift", "mae", "roc_auc_drift"}
    assert not values(performance, "DriftedColumnsCount", "drift_share")


def test_a_snapshot_is_strict_json(snapshot):
    def refuse(constant):
        raise AssertionError(constant)

    json.loads(snapshot, parse_constant=refuse)


def test_thirty_columns_are_quick_and_small():
    many = [column(f"x{number}", 0.5, 0.6, CheckOutcome.OK) for number in range(30)]
    assert len(take_snapshot("input drift", many, MEASURED, AT)) < 150_000


def test_a_snapshot_is_never_dated_by_default():
    for function in (take_snapshot, visual_report):
        assert inspect.signature(function).parameters["at"].default is inspect.Parameter.empty


def test_contract_with_evidently(snapshot, tmp_path):
    """Score, test status, dumps and loads, add_run, restore of the stock calculation: all on private names."""
    from evidently.core.report import Snapshot
    from evidently.metrics.column_statistics import (
        DriftedColumnCalculation,
        DriftedColumnsCount,
        ValueDrift,
        ValueDriftCalculation,
    )
    from evidently.ui.workspace import Workspace

    loaded = Snapshot.loads(snapshot)
    assert json.loads(loaded.dumps()) == json.loads(snapshot)
    assert loaded._timestamp == AT
    drifts = {m["config"]["column"]: m for m in loaded.dict()["metrics"] if m["config"]["type"].endswith("ValueDrift")}
    assert {name: m["value"] for name, m in drifts.items()} == {
        one.name: one.corrected_p_value for one in COLUMNS if one.p_value is not None
    }
    assert {m["config"]["threshold"] for m in drifts.values()} == {0.05}
    count = next(m for m in loaded.dict()["metrics"] if "DriftedColumnsCount" in m["config"]["type"])
    assert count["value"] == {"count": 2.0, "share": 0.5}
    assert ValueDrift.__calculation_type__ is ValueDriftCalculation
    assert DriftedColumnsCount.__calculation_type__ is DriftedColumnCalculation
    assert "Value drift for moved" in loaded.get_html_str(as_iframe=False)

    workspace = Workspace.create(str(tmp_path))
    project = workspace.create_project("store")
    workspace.add_run(project.id, loaded)
    assert len(workspace.list_runs(project.id)) == 1


def test_stock_calculations_are_back_after_an_error():
    from evidently.metrics.column_statistics import ValueDrift, ValueDriftCalculation

    with pytest.raises(NotFound, match="no_such_metric"):
        take_snapshot("broken", COLUMNS, [Measurement("no_such_metric", 1.0)], AT)
    assert ValueDrift.__calculation_type__ is ValueDriftCalculation


def test_stock_reports_still_work_after_ours(snapshot):
    from evidently import Report
    from evidently.metrics import ValueDrift

    side = pd.DataFrame({"x": np.arange(50.0)})
    stock = Report([ValueDrift(column="x", method="ks")]).run(side, side)
    assert stock.dict()["metrics"][0]["value"] == pytest.approx(1)


def test_threads_do_not_disturb_each_other():
    together = {}

    def drifts(n):
        found = values(take_snapshot(str(n), COLUMNS[n:], MEASURED, AT), "ValueDrift", "column")
        return {name: drift["value"] for name, drift in found.items()}

    alone = [drifts(n) for n in range(3)]

    def snap(n):
        together[n] = [drifts(n) for _ in range(3)]

    threads = [threading.Thread(target=snap, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {n: [alone[n]] * 3 for n in range(3)}


def test_no_more_of_evidently_is_imported_than_a_snapshot_needs_and_the_rest_comes_when_asked_for():
    code = """
import sys, gc, tasks.drift.engine
lean = set(sys.modules)
assert gc.isenabled()
assert not [m for m in lean if m.startswith(("evidently.ui", "evidently.llm", "litestar", "nltk"))], "not lean"
assert sum(m.split(".")[0] == "evidently" for m in lean) < 120
import evidently
assert evidently.__version__ == "0.7.23"
assert evidently.Report is sys.modules["evidently.core.report"].Report
assert evidently.presets.DataDriftPreset.__module__ == "evidently.presets.drift"
assert "DataDriftPreset" in dir(evidently.presets)
from evidently.metrics import *
assert RocAuc.__name__ == "RocAuc"
try:
    evidently.nothing
except AttributeError as error:
    assert "no attribute 'nothing'" in str(error)
else:
    raise AssertionError
assert not {"evidently.telemetry", "iterative_telemetry"} & lean
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_collector_is_left_as_it_was():
    from tasks.drift.engine.deferring import deferred

    gc.disable()
    try:
        with deferred("evidently"):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with deferred("evidently"):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_evidently_is_imported_by_the_engine_only_and_through_its_door_and_not_before_it_is_needed():
    engine = ROOT / "tasks" / "drift" / "engine"
    doors = {"tasks.drift.engine", "tasks.drift.engine.report", "tasks.drift.engine.workspace"}
    for room in ("flows", "tasks", "governance", "deployments"):
        for file in (ROOT / room).rglob("*.py"):
            if file.is_relative_to(engine):
                continue
            imports = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                       if isinstance(node, ast.Import | ast.ImportFrom)]  # fmt: skip
            named = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
            named |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
            assert not {name for name in named if name.split(".")[0] == "evidently"}, file
            assert {name for name in named if name.startswith("tasks.drift.engine")} <= doors, file
    code = "import sys, tasks.drift.findings; print({'evidently', 'pandas', 'sklearn'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# --- Evidently's tests by name ---------------------------------------------------------------------------------------

RANDOM = np.random.default_rng(5)
HERE, THERE = RANDOM.normal(size=300), RANDOM.normal(0.4, 1, 200)


def test_a_test_by_name_gives_what_scipy_gives():
    found = evidently_score("ks", pd.Series(HERE), pd.Series(THERE), NUMERICAL)
    assert found.score == pytest.approx(stats.ks_2samp(HERE, THERE).pvalue)
    assert found == (found.score, True, 0.05)
    found = evidently_score("cramer_von_mises", pd.Series(HERE), pd.Series(THERE), NUMERICAL)
    assert found.score == pytest.approx(stats.cramervonmises_2samp(HERE, THERE).pvalue, abs=1e-6)


@pytest.mark.parametrize("name", ["anderson", "cramer_von_mises", "ed", "es", "hellinger", "jensenshannon", "kl_div",
                                  "ks", "mannw", "psi", "t_test", "wasserstein"])  # fmt: skip
def test_every_test_for_numbers_runs_and_calls_a_great_shift_drift(name):
    assert evidently_score(name, pd.Series(HERE), pd.Series(THERE + 5), NUMERICAL).drifted


@pytest.mark.parametrize("name", ["chisquare", "g_test", "hellinger", "jensenshannon", "kl_div", "psi", "tvd", "z",
                                  "fisher_exact"])  # fmt: skip
def test_every_test_for_categories_runs_and_calls_a_great_shift_drift(name):
    here, there = pd.Series(["a", "b"] * 100), pd.Series(["a"] * 190 + ["b"] * 10)
    assert evidently_score(name, here, there, CATEGORICAL).drifted


@pytest.mark.parametrize("name", ["abs_text_content_drift", "perc_text_content_drift"])
def test_texts_are_compared_by_their_content(name):
    here = pd.Series([f"the parcel number {n} came late" for n in range(60)])
    there = pd.Series([f"thank you for the quick answer {n}" for n in range(60)])
    assert evidently_score(name, here, there, TEXT).drifted
    assert evidently_score("ks", here, there, TEXT).score < 1


@pytest.mark.parametrize(
    "reference",
    [
        pd.Series([1, 2, 3, None, 5] * 20, dtype="Int64"),
        pd.Series([True, False, None, True, True] * 20, dtype="boolean"),
        pd.Series([np.inf, 1.0, 2.0, np.nan, -np.inf] * 20),
        pd.Series([__import__("decimal").Decimal(n % 7) for n in range(100)]),
        pd.Series(pd.date_range("2020-01-01", periods=100, tz="Europe/Paris")),
    ],
    ids=["Int64", "boolean", "infinities", "Decimal", "dates"],
)
def test_nullable_and_foreign_types_are_no_obstacle(reference):
    handling = DATE if isinstance(reference.dtype, pd.DatetimeTZDtype) else NUMERICAL
    assert evidently_score("ks", reference, reference, handling).score == pytest.approx(1)


def test_an_unknown_test_is_refused_with_the_nearest_and_a_slow_one_with_the_reason():
    side = pd.Series(HERE)
    with pytest.raises(NotFound, match=r"'wassertein'.*wasserstein"):
        evidently_score("wassertein", side, side, NUMERICAL)
    with pytest.raises(NotFound, match="takes minutes"):
        evidently_score("empirical_mmd", side, side, NUMERICAL)


def test_a_test_that_can_say_nothing_gives_a_reason():
    side = pd.Series(HERE)
    with pytest.raises(ValueError, match="ks is not for categorical columns; these are: chisquare"):
        evidently_score("ks", side, side, CATEGORICAL)
    with pytest.raises(ValueError, match="no current values"):
        evidently_score("ks", side, pd.Series([np.nan, np.inf]), NUMERICAL)
    with pytest.raises(ValueError, match="t_test gave nan"):
        evidently_score("t_test", pd.Series([1.0]), pd.Series([2.0]), NUMERICAL)


def test_a_test_leaves_the_generator_of_the_caller_alone():
    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    evidently_score("ks", pd.Series(HERE), pd.Series(THERE), NUMERICAL)
    assert np.random.random() == expected


# --- The visual report -----------------------------------------------------------------------------------------------


def sides(rows=300):
    random = np.random.default_rng(1)

    def side(shift):
        probability = random.random(rows)
        return pd.DataFrame({
            "amount": random.normal(shift, 1, rows), "country": random.choice(list("abc"), rows),
            "empty": np.full(rows, np.nan), "when": pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows), "h"),
            "count": pd.array([None, *range(1, rows)], dtype="Int64"),
            "prediction": np.where(probability > 0.3, "yes", "no"), "proba_yes": probability,
            "y": np.where(random.random(rows) < probability, "yes", "no"),
        })  # fmt: skip

    return side(0.0), side(0.5)


def schema(prediction_type=PredictionType.BINARY, classes=("no", "yes")):
    handling = {"amount": NUMERICAL, "country": CATEGORICAL, "empty": NUMERICAL, "when": DATE, "count": NUMERICAL}
    features = tuple(Column(name, how) for name, how in handling.items())
    return Schema(features, "y", prediction_type, classes, None)


def test_the_report_shows_every_column_that_can_be_shown_and_says_what_it_leaves_out():
    found = visual_report(*sides(), schema(), AT)
    assert found.left_out == {"empty": "the current data have no value"}
    assert found.html.lstrip().lower().startswith(("<!doctype html", "<html"))
    for word in ("amount", "country", "when", "count", "empty is left out", "RocAuc"):
        assert word in found.html, word
    assert "<script src=" not in found.html


def test_a_column_of_the_wrong_kind_takes_no_other_with_it():
    reference, current = sides()
    found = visual_report(reference, current.assign(amount="plenty"), schema(), AT)
    assert set(found.left_out) == {"amount", "empty"}
    assert "country" in found.html


def test_a_report_without_labels_without_a_reference_and_of_few_rows_is_still_a_report():
    reference, current = sides()
    assert "performance" not in visual_report(reference, current.drop(columns="y"), schema(), AT).left_out
    assert "amount" in visual_report(None, current, schema(), AT).html
    assert "amount" in visual_report(reference, current.head(1), schema(), AT).html


def test_regression_and_multiclass_have_their_performance():
    reference, current = sides()
    for one in (reference, current):
        one["prediction"], one["y"] = one["amount"], one["amount"] * 2
    found = visual_report(reference, current, schema(PredictionType.REGRESSION, ()), AT)
    assert set(found.left_out) == {"empty"}
    assert "R2" in found.html
    for one in (reference, current):
        one["prediction"], one["y"] = one["country"], np.roll(one["country"], 1)
    found = visual_report(reference, current, schema(PredictionType.MULTICLASS, ("a", "b", "c")), AT)
    assert set(found.left_out) == {"empty"}
    assert "Confusion Matrix" in found.html
