from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible
from governance.project_file import Split
from governance.vocabulary import Handling
from tasks.data.schema import Column
from tasks.learning.fit import train_model
from tasks.learning.prediction import predict


def refused(kind_of_error, frame, settings, schema) -> str:
    with pytest.raises(kind_of_error) as caught:
        train_model(frame, "fraud", settings, schema, "may.csv")
    return str(caught.value)


def value(model, metric):
    return next(m.value for m in model.measurements if m.name == metric)


@pytest.mark.parametrize(
    ("kind", "metric", "at_least"),
    [("binary", "roc_auc", 0.8), ("multiclass", "roc_auc", 0.75), ("regression", "r2", 0.4)],
)
def test_the_default_learns_from_mixed_columns_with_missing_values(kind, metric, at_least, rows, schema, settings):
    frame = rows(kind, rows=1500)
    model = train_model(frame, "m", settings(kind), schema(kind, frame), "f.csv")
    assert value(model, metric) > at_least
    assert (model.train_rows, model.test_rows, model.dropped_rows) == (1200, 300, 0)
    assert list(model.importances) == model.schema.feature_names
    assert sum(model.importances.values()) == pytest.approx(1)
    assert set(sorted(model.importances, key=model.importances.get)[-2:]) == {"amount", "age"}


def test_the_same_rows_and_settings_give_the_same_model(rows, schema, settings):
    first, second = (train_model(rows(), "m", settings(), schema(), "f.csv") for _ in range(2))
    assert first.measurements == second.measurements
    assert first.importances == second.importances
    pd.testing.assert_frame_equal(first.reference, second.reference)


def test_rows_without_a_label_are_dropped_and_counted(rows, schema, settings):
    frame = rows()
    frame.loc[frame.index[::4], "target"] = np.nan
    model = train_model(frame, "m", settings(), schema(), "f.csv")
    assert (model.dropped_rows, model.train_rows + model.test_rows) == (100, 300)
    assert model.reference["target"].notna().all()


def test_the_reference_is_the_test_part_with_predictions_in_the_order_of_the_rows(rows, schema, settings):
    frame = rows()
    model = train_model(frame, "m", settings(), schema(), "f.csv")
    reference = model.reference
    assert list(reference.columns) == [
        "amount", "age", "country", "merchant", "opened", "target", "when", "prediction", "proba_no", "proba_yes",
    ]  # fmt: skip
    assert len(reference) == model.test_rows == 80
    inputs = list(reference.columns[:7])
    original = frame.set_index("when").loc[reference["when"]].reset_index()[inputs]
    pd.testing.assert_frame_equal(reference[inputs], original)
    assert reference["when"].map({when: i for i, when in enumerate(frame["when"])}).is_monotonic_increasing
    pd.testing.assert_frame_equal(reference.iloc[:, 7:], predict(model.fitted, reference))


def test_the_reference_has_at_most_the_rows_asked_for(rows, schema, settings):
    frame = rows(rows=700)
    whole = train_model(frame, "m", settings(), schema(frame=frame), "f.csv").reference
    some = train_model(frame, "m", settings(reference_rows=100), schema(frame=frame), "f.csv").reference
    assert (len(whole), len(some)) == (140, 100)
    assert set(some["when"]) < set(whole["when"])


def test_a_split_by_time_measures_on_the_latest_rows(rows, schema, settings):
    frame = rows()
    model = train_model(frame, "m", settings(split=Split(method="time", test_share=0.25)), schema(), "f.csv")
    assert set(model.reference["when"]) == set(frame["when"].nlargest(100))
    assert model.reference["when"].is_monotonic_increasing


def test_refitting_on_all_rows_changes_the_pipeline_and_nothing_that_was_measured(rows, schema, settings):
    once = train_model(rows(), "m", settings(), schema(), "f.csv")
    twice = train_model(rows(), "m", settings(refit_on_full=True), schema(), "f.csv")
    assert once.measurements == twice.measurements
    assert once.importances == twice.importances
    assert once.diagnostics == twice.diagnostics
    pd.testing.assert_frame_equal(once.reference, twice.reference)
    fresh = rows(seed=1)
    assert not predict(once.fitted, fresh)["proba_yes"].equals(predict(twice.fitted, fresh)["proba_yes"])


def test_the_threshold_of_the_greatest_f1_beats_a_half_under_imbalance(rows, schema, settings):
    frame = rows(rows=1500)
    rare = (frame["amount"].fillna(0) + frame["age"].fillna(0) + np.random.default_rng(3).normal(size=1500)) > 2.6
    frame["target"] = pd.Series(np.where(rare, "yes", "no"), dtype="str")
    half, best = (
        train_model(frame, "m", settings(threshold=threshold), schema(frame=frame), "f.csv")
        for threshold in (0.5, "max_f1")
    )
    assert half.threshold == 0.5
    assert best.threshold is not None
    assert best.threshold < 0.5
    assert value(best, "f1") > value(half, "f1")
    assert value(best, "roc_auc") == value(half, "roc_auc")


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_only_binary_models_have_a_threshold(kind, rows, schema, settings):
    assert train_model(rows(kind), "m", settings(kind), schema(kind), "f.csv").threshold is None


def test_too_few_rows_of_a_class_to_choose_a_threshold_are_refused(rows, schema, settings):
    frame = rows()
    frame["target"] = pd.Series(["yes"] * 5 + ["no"] * 395, dtype="str")
    said = refused(TrainingImpossible, frame, settings(threshold="max_f1"), schema())
    assert "class 'yes' has 4 rows" in said


def test_progress_names_every_stage_and_never_goes_back(rows, schema, settings):
    told = []
    train_model(
        rows(),
        "m",
        settings(refit_on_full=True),
        schema(),
        "f.csv",
        progress=lambda stage, done: told.append((stage, done)),
    )
    assert told[0] == ("splitting", 0.0)
    assert told[-1] == ("done", 1.0)
    assert "fitting again on all rows" in dict(told)
    assert all(earlier[1] < later[1] for earlier, later in pairwise(told))


def test_a_feature_that_is_missing_in_the_part_to_fit_on_is_left_out_with_a_warning(rows, schema, settings):
    frame = rows().sort_values("when", ignore_index=True)
    frame.loc[:320, ["age", "country"]] = np.nan
    model = train_model(frame, "m", settings(split=Split(method="time")), schema(), "f.csv")
    assert model.importances["age"] == model.importances["country"] == 0
    assert "age, country" in {d.name: d.message for d in model.diagnostics}["feature_left_out"]


def test_a_class_with_a_single_row_is_fitted_on_and_harms_nothing(rows, schema, settings):
    frame = rows("multiclass")
    frame.loc[frame["target"] == "high", "target"] = "middle"
    frame.loc[7, "target"] = "high"
    model = train_model(frame, "m", settings("multiclass"), schema("multiclass"), "f.csv")
    assert "high" in model.pipeline.classes_
    assert value(model, "accuracy") > 0.5


def test_no_label_at_all_is_refused(rows, schema, settings):
    frame = rows().assign(target=np.nan)
    assert "none of the 400 rows has a label" in refused(NoUsableTarget, frame, settings(), schema())


def test_a_handful_of_labels_is_refused(rows, schema, settings):
    frame = rows()
    frame.loc[19:, "target"] = np.nan
    assert "19 rows with a label, fewer than 20" in refused(TrainingImpossible, frame, settings(), schema())


def test_twenty_labels_are_enough(rows, schema, settings):
    frame = rows(rows=20).assign(target=pd.Series(["no", "yes"] * 10, dtype="str"))
    assert train_model(frame, "m", settings(), schema(), "f.csv").train_rows == 16


def test_classes_of_a_row_or_two_are_refused(rows, schema, settings):
    labels = [f"c{i // 2:02}" for i in range(20)]
    frame = rows("multiclass", rows=20).assign(target=pd.Series(labels, dtype="str"))
    many = replace(schema("multiclass"), classes=tuple(sorted(set(labels))))
    assert "every class has fewer than 5 rows" in refused(TrainingImpossible, frame, settings("multiclass"), many)


@pytest.mark.parametrize(("kind", "constant"), [("binary", "no"), ("regression", 1.5)])
def test_a_target_that_never_varies_is_refused(kind, constant, rows, schema, settings):
    frame = rows(kind).assign(target=constant)
    assert f"have the same target, {constant}" in refused(TrainingImpossible, frame, settings(kind), schema(kind))


def test_a_row_without_a_time_is_named_by_its_place_in_the_file(rows, schema, settings):
    frame = rows()
    frame.loc[3, "target"] = np.nan
    frame.loc[20, "when"] = pd.NaT
    said = refused(SchemaMismatch, frame, settings(split=Split(method="time")), schema())
    assert "may.csv, column 'when', row 21:" in said


@pytest.mark.parametrize("name", ["proba_yes", "prediction_correct"])
def test_a_feature_or_weight_named_as_an_output_is_refused(rows, schema, settings, name):
    expected, frame = replace(schema(), features=(*schema().features, Column(name, Handling.NUMERICAL))), rows()
    frame[name] = 0.5
    for said in (
        refused(SchemaMismatch, frame, settings(), expected),
        refused(SchemaMismatch, frame, settings(weight_column=name), schema()),
    ):
        assert f"{name!r}: the column is named as an output" in said


def test_what_an_estimator_does_not_like_becomes_a_sentence(rows, schema, settings):
    wrong_value = settings(parameters={"learning_rate": -1})
    assert "default fails with: The 'learning_rate' parameter" in refused(
        TrainingImpossible, rows(), wrong_value, schema()
    )
    negative = settings(estimator="sklearn.naive_bayes.MultinomialNB")
    assert "Negative values in data" in refused(TrainingImpossible, rows(), negative, schema())
