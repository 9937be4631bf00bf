"""Every way to evaluate, as a flow and as it is on record."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from sqlalchemy import create_engine
from sqlmodel import select

from flows.evaluate import evaluate
from flows.score import score
from governance.errors import NotFound, SchemaMismatch, UnusableName
from governance.settings import settings
from governance.tables import Evaluation, Metric, ModelVersion
from tasks import edge
from tasks.drift import profile
from tasks.drift.engine.report import visual_report
from tasks.judging import references
from tasks.load import require_name
from tasks.versions import open_evaluation

pytestmark = pytest.mark.prefect

TRUTH, INPUT = "mes_for_ground_truth", "mes_for_input_drift"


def change_store(place, name=TRUTH, **fields):
    place.change(lambda project: project["stores"][name].update(fields))


def details_of(place, made) -> dict:
    with place.record() as session:
        folder = session.get_one(Evaluation, made["id"]).folder
    return json.loads((settings().artifacts_folder / folder / "details.json").read_text())


def evaluations_on_record(place) -> int:
    with place.record() as session:
        return len(session.exec(select(Evaluation)).all())


def test_all_rows_are_judged_where_full_is_asked_for(live):
    change_store(live, sampling={"method": "full", "kept_rows": 100})
    made = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    assert made["rows"] == made["sampled_rows"] > 1_000
    assert details_of(live, made)["sampling"] == {
        "total": made["rows"], "eligible": made["rows"], "judged": made["rows"], "kept": 100,
    }  # fmt: skip
    assert made["labels"]["data:from"].startswith("2017-04")
    with live.record() as session:
        accuracy = session.get_one(Metric, (made["id"], "accuracy"))
        assert accuracy.rows == made["labelled_rows"] > 100
        assert set(session.exec(select(ModelVersion)).one().manifest["files"]) == {
            "model.skops", "profile.npz", "reference.parquet", "report.json",
        }  # fmt: skip


def test_an_evaluation_is_called_as_somebody_wants(live):
    change_store(live, labels={"team": "fraud"})
    made = evaluate(
        live.project, TRUTH, "monthly:04", name="April", id="april", labels={"campaign": "spring"}, actor="ada"
    )
    assert (made["id"], made["name"]) == ("april", "April")
    assert made["labels"] | {"team": "fraud", "campaign": "spring", "model:version": "1"} == made["labels"]


def test_an_id_that_is_there_is_overwritten_with_all_its_files(live):
    first = evaluate(live.project, TRUTH, "monthly:04", id="latest", actor="ada")
    with live.record() as session:
        old = settings().artifacts_folder / session.get_one(Evaluation, "latest").folder
    second = evaluate(live.project, TRUTH, "monthly:05", id="latest", actor="ada")
    assert first["data"] != second["data"]
    assert evaluations_on_record(live) == 1
    assert not old.exists()
    assert details_of(live, second)["sampling"]["total"] == second["rows"]
    with pytest.raises(UnusableName, match="has it already"):
        evaluate(live.project, INPUT, "monthly:04", id="latest", actor="ada")
    with pytest.raises(UnusableName):
        evaluate(live.project, TRUTH, "monthly:04", id="../latest", actor="ada")


def test_another_threshold_is_another_precision_on_both_sides(live):
    usual = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    high = evaluate(live.project, TRUTH, "monthly:04", threshold=0.9, actor="ada")
    assert high["metrics"]["recall"] < usual["metrics"]["recall"]
    assert high["metrics"]["roc_auc"] == usual["metrics"]["roc_auc"]
    row = next(row for row in details_of(live, high)["performance"] if row["metric"] == "recall")
    assert row["reference"]["value"] < 0.5, "the reference, too, is measured at 0.9"
    assert row["current"]["value"] - row["reference"]["value"] == pytest.approx(high["metrics"]["recall_drift"])
    with pytest.raises(UnusableName, match="no probability"):
        evaluate(live.project, TRUTH, "monthly:04", threshold=1.5, actor="ada")


def test_predictions_that_the_data_bring_are_judged_like_our_own(live, tmp_path):
    own = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    score(live.project, "monthly:04", str(tmp_path / "scored.csv"), actor="ada")
    change_store(live, skip_scoring=True)
    brought = evaluate(live.project, TRUTH, str(tmp_path / "scored.csv"), actor="ada")
    assert brought["metrics"] == pytest.approx(own["metrics"], nan_ok=True)
    assert not [warning for warning in brought["warnings"] if "is new" in warning]
    with pytest.raises(SchemaMismatch, match="column 'prediction': there is no such column"):
        evaluate(live.project, TRUTH, "monthly:04", actor="ada")


def test_scored_rows_and_metrics_are_written_where_somebody_asks(live, tmp_path):
    scored, metrics = tmp_path / "scored.parquet", tmp_path / "metrics.csv"
    made = evaluate(live.project, TRUTH, "monthly:04", scored=str(scored), metrics=str(metrics), actor="ada")
    rows = pd.read_parquet(scored)
    assert len(rows) == made["sampled_rows"]
    assert {"prediction", "proba_0", "proba_1", "prediction_correct"} <= set(rows)
    one = pd.read_csv(metrics)
    assert one["roc_auc"].tolist() == pytest.approx([made["metrics"]["roc_auc"]])
    assert one["evaluation_id"].tolist() == [made["id"]]


def test_segments_and_fairness_are_measured_where_the_store_asks_for_them(live):
    header = pd.read_csv(live.folder / "data/train_2017_q1.csv", nrows=0)
    column = next(name for name in header if name == "signature_provided")
    change_store(live, segments=[{"column": column}], fairness=[{"attribute": column}])
    made = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    assert any(name.startswith(f"segment.{column}.") and made["metrics"][name] is not None for name in made["metrics"])
    assert any(name.startswith(f"fairness.{column}.") and made["metrics"][name] is not None for name in made["metrics"])
    assert {"segments", "fairness"} <= set(details_of(live, made))


@pytest.mark.parametrize(
    ("policy", "module"),
    [("on_drift_failure", "measure_input_drift"), ("on_performance_failure", "measures_of")],
)
def test_what_fails_ends_the_evaluation_unless_the_store_says_warn(live, monkeypatch, policy, module):
    def fails(*_arguments, **_options):
        raise ZeroDivisionError("no luck")

    monkeypatch.setattr(f"tasks.evaluate.{module}", fails)
    with pytest.raises(ZeroDivisionError):
        evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    assert evaluations_on_record(live) == 0
    change_store(live, **{policy: "warn"})
    made = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    assert any("could not be measured: ZeroDivisionError: no luck" in warning for warning in made["warnings"])
    assert ("data_drift" in made["metrics"]) == (policy == "on_performance_failure")
    assert ("roc_auc" in made["metrics"]) == (policy == "on_drift_failure")


def test_the_rows_of_a_query_are_judged_like_those_of_the_file(live, monkeypatch, tmp_path):
    file = next(live.folder.glob("data/transactions_prepared_2017_04*"))
    database = f"sqlite:///{tmp_path}/purchases.db"
    engine = create_engine(database)
    pd.read_csv(file, dtype=str).to_sql("april", engine, index=False)
    engine.dispose()

    def ask(project):
        project["data"]["purchases"] = {"query": "SELECT * FROM april ORDER BY rowid", "url_variable": "PURCHASES_URL"}

    by_file = evaluate(live.project, TRUTH, "monthly:04", actor="ada")
    live.change(ask)
    with pytest.raises(NotFound, match="environment variable 'PURCHASES_URL'"):
        evaluate(live.project, TRUTH, "purchases", actor="ada")
    monkeypatch.setenv("PURCHASES_URL", database)
    by_query = evaluate(live.project, TRUTH, "purchases", actor="ada")
    assert by_query["metrics"] == by_file["metrics"]
    assert by_query["data"] == "purchases"


# Standalone.


@pytest.fixture
def elsewhere(workplace):
    """Predictions of a model that was trained elsewhere; no model is declared."""
    random = np.random.default_rng(3)

    def rows(count, shift=0.0):
        amount = random.gamma(2, 50, count) + shift
        probability = 1 / (1 + np.exp(-(amount - 100) / 30))
        return pd.DataFrame(
            {
                "customer": [f"c{row}" for row in range(count)],
                "amount": amount.round(2),
                "kind": random.choice(["car", "house"], count),
                "score": probability.round(4),
                "guess": np.where(probability >= 0.5, "yes", "no"),
                "repaid": np.where(random.random(count) < probability, "yes", "no"),
            }
        )

    rows(1_500).to_csv(workplace.folder / "before.csv", index=False)
    rows(800, shift=40).to_csv(workplace.folder / "now.csv", index=False)

    def declare(**standalone):
        own = {
            "prediction_type": "binary", "prediction": "guess", "probabilities": {"yes": "score"}, "target": "repaid",
        } | standalone  # fmt: skip
        declared = {
            "project": "elsewhere",
            "data": {"before": {"path": "before.csv"}, "now": {"path": "now.csv"}},
            "stores": {"watch": {"data": "now", "standalone": {k: v for k, v in own.items() if v is not None}}},
        }
        (workplace.folder / "project.yaml").write_text(yaml.safe_dump(declared))

    workplace.declare = declare
    return workplace


def test_predictions_of_a_foreign_model_are_held_against_a_reference(elsewhere):
    elsewhere.declare(reference="before")
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert made["version"] is None
    assert "model:version" not in made["labels"]
    assert made["metrics"]["data_drift"] > 0.55
    assert made["metrics"]["column_drift.amount.psi"] > 0.1
    assert "column_drift.customer.psi" not in made["metrics"], "an identifier is not watched"
    assert made["metrics"]["roc_auc"] > 0.7
    assert made["metrics"]["roc_auc_drift"] is not None
    assert made["metrics"]["prediction_drift.psi"] > 0
    with elsewhere.record() as session:
        assert session.get_one(Evaluation, made["id"]).version_id is None


def test_a_reference_is_profiled_once_and_again_where_what_was_kept_is_damaged(elsewhere, monkeypatch):
    elsewhere.declare(reference="before")
    fitted = []
    monkeypatch.setattr(references, "fit_profile", lambda *given, **named: fitted.append(1) or fit(*given, **named))
    fit = profile.fit_profile
    first, second = (evaluate(elsewhere.project, "watch", actor="ada")["metrics"] for _ in range(2))
    assert len(fitted) == 1
    assert first == second
    (kept,) = settings().artifacts_folder.rglob("profiles/*/profile.npz")
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    assert evaluate(elsewhere.project, "watch", actor="ada")["metrics"] == first
    frame = pd.read_csv(elsewhere.folder / "before.csv")
    frame.iloc[:-1].to_csv(elsewhere.folder / "before.csv", index=False)
    evaluate(elsewhere.project, "watch", actor="ada")
    assert len(fitted) == 3


def test_a_column_that_drifted_is_shown_beside_what_it_means_to_the_model(live):
    change_store(live, name=INPUT, drift={"importances": True})
    made = evaluate(live.project, INPUT, "monthly:04", actor="ada")
    found = details_of(live, made)["importances"]
    with live.record() as session:
        folder = session.exec(select(ModelVersion)).one().folder
    of_model = json.loads((settings().artifacts_folder / folder / "report.json").read_text())["importances"]
    assert {column: each["model"] for column, each in found.items()} == of_model
    assert sum(each["drift_model"] for each in found.values()) == pytest.approx(1)


def test_both_sides_of_an_evaluation_are_as_they_were_compared(live):
    made = evaluate(live.project, TRUTH, "monthly:04", threshold=0.9, actor="ada")
    with live.record() as session:
        row, version = session.get_one(Evaluation, made["id"]), session.exec(select(ModelVersion)).one()
        judged = open_evaluation(row, version, settings().artifacts_folder)
    positive = judged.schema.classes[1]
    for side in (judged.reference, judged.sample):
        assert ((side["prediction"] == positive) == (side[f"proba_{positive}"] >= 0.9)).all()


def test_what_a_standalone_evaluation_looked_at_is_known_without_its_reference(elsewhere):
    elsewhere.declare(reference="before")
    made = evaluate(elsewhere.project, "watch", actor="ada")
    with elsewhere.record() as session:
        judged = open_evaluation(session.get_one(Evaluation, made["id"]), None, settings().artifacts_folder)
    assert judged.reference is None
    assert {"amount", "kind"} <= set(judged.schema.feature_names)
    assert visual_report(None, judged.sample, judged.schema, edge.now()).html


def test_a_constant_of_the_reference_that_varies_now_has_drifted(elsewhere):
    elsewhere.declare(reference="before")
    for name, values in (("before", [3]), ("now", [3, 4])):
        file = elsewhere.folder / f"{name}.csv"
        frame = pd.read_csv(file)
        frame.assign(rate=np.resize(values, len(frame)), plan=np.resize([f"p{v}" for v in values], len(frame))).to_csv(
            file, index=False
        )
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert made["metrics"]["column_drift.rate.p_value"] < 1e-6
    assert made["metrics"]["column_drift.plan.p_value"] < 1e-6
    assert [warning for warning in made["warnings"] if "'customer' is not measured: identifier" in warning]


def test_days_before_and_after_the_years_of_python_are_told(elsewhere):
    frame = pd.read_csv(elsewhere.folder / "now.csv")
    days = np.resize(["0001-01-01", "9999-12-31"], len(frame))
    frame.assign(day=days).to_csv(elsewhere.folder / "now.csv", index=False)
    elsewhere.declare(time_column="day")
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert (made["labels"]["data:from"], made["labels"]["data:to"]) == ("0001-01-01", "9999-12-31")


def test_a_threshold_where_there_are_no_probabilities_is_refused(elsewhere):
    elsewhere.declare(reference="before", probabilities={})
    with pytest.raises(SchemaMismatch, match="column 'proba_yes': the threshold"):
        evaluate(elsewhere.project, "watch", threshold=0.7, actor="ada")


def test_what_could_not_be_recorded_leaves_no_folder(elsewhere, monkeypatch):
    def fails(*_arguments, **_options):
        raise ZeroDivisionError("no luck")

    elsewhere.declare()
    monkeypatch.setattr("governance.evaluations.record_evaluation", fails)
    with pytest.raises(ZeroDivisionError):
        evaluate(elsewhere.project, "watch", actor="ada")
    assert not list(settings().artifacts_folder.rglob("sample.parquet"))


@pytest.mark.parametrize("name", ["a\0b", "a\x1b[31m", "a\ud800", "x" * 201])
def test_a_name_that_can_not_be_shown_is_none(name):
    with pytest.raises(UnusableName, match="evaluation name"):
        require_name(name)


def test_a_name_that_can_not_be_shown_is_refused_before_anything_is_computed(elsewhere):
    elsewhere.declare()
    with pytest.raises(UnusableName, match="it has control characters"):
        evaluate(elsewhere.project, "watch", name="a\0b", actor="ada")
    assert evaluations_on_record(elsewhere) == 0


def test_a_custom_metric_without_a_value_is_warned_of(elsewhere):
    elsewhere.declare(custom_metrics={"profit": "gone.py:f"})
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert [warning for warning in made["warnings"] if warning.startswith("custom.profit has no value: gone.py")]


def test_without_a_reference_there_is_performance_and_no_drift(elsewhere):
    elsewhere.declare()
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert made["metrics"]["roc_auc"] > 0.7
    assert not [name for name in made["metrics"] if name.startswith(("data_drift", "column_drift", "prediction_drift"))]


def test_without_labels_there_is_drift_and_no_performance(elsewhere):
    elsewhere.declare(reference="before", target=None)
    made = evaluate(elsewhere.project, "watch", actor="ada")
    assert made["metrics"]["data_drift"] > 0.55
    assert "roc_auc" not in made["metrics"]
    assert made["labelled_rows"] is None


def test_a_prediction_nobody_can_read_is_refused_before_anything_is_written(elsewhere):
    elsewhere.declare()
    frame = pd.read_csv(elsewhere.folder / "now.csv")
    frame.loc[4, "guess"] = None
    frame.to_csv(elsewhere.folder / "now.csv", index=False)
    with pytest.raises(SchemaMismatch, match="column 'guess', row 5: the prediction is missing"):
        evaluate(elsewhere.project, "watch", actor="ada")
    assert evaluations_on_record(elsewhere) == 0
    assert not list((settings().artifacts_folder).rglob("sample.parquet"))
