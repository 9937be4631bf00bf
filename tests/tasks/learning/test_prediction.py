from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.data.conform import model_matrix
from tasks.learning.fit import train_model
from tasks.learning.prediction import FittedModel, predict


@pytest.fixture(params=["binary", "multiclass", "regression"])
def trained(request, rows, schema, settings):
    return train_model(rows(request.param), "m", settings(request.param), schema(request.param), "f.csv")


def test_predictions_keep_the_index_and_the_order_of_the_classes(trained, rows):
    frame = rows(trained.schema.prediction_type.value, seed=1).set_index(np.arange(400) * 3)
    scored = predict(trained.fitted, frame)
    assert list(scored.columns) == ["prediction", *(f"proba_{label}" for label in trained.schema.classes)]
    assert scored.index.equals(frame.index)
    if trained.schema.classes:
        assert np.allclose(scored.iloc[:, 1:].sum(axis=1), 1)
        assert set(scored["prediction"]) <= set(trained.schema.classes)


def test_no_rows_give_no_predictions_of_the_same_types(trained, rows):
    frame = rows(trained.schema.prediction_type.value)
    empty, full = predict(trained.fitted, frame.iloc[:0]), predict(trained.fitted, frame)
    assert len(empty) == 0
    assert (empty.dtypes == full.dtypes).all()


def test_a_row_is_positive_from_the_threshold_on(rows, schema, settings):
    trained = train_model(rows(), "m", settings(), schema(), "f.csv")
    frame = rows(seed=1)
    probability = predict(trained.fitted, frame)["proba_yes"]
    for threshold in (0.0, float(probability.iloc[7]), 0.9, 1.0):
        scored = predict(replace(trained.fitted, threshold=threshold), frame)
        assert ((scored["prediction"] == "yes") == (probability >= threshold)).all()


def test_a_class_that_was_never_fitted_on_has_the_probability_zero(rows, schema, settings):
    frame, expected = rows("multiclass"), schema("multiclass")
    known = frame[frame["target"] != "low"]
    pipeline = train_model(known, "m", settings("multiclass"), expected, "f.csv").pipeline
    scored = predict(FittedModel(pipeline, expected, None), frame)
    assert (scored["proba_low"] == 0).all()
    assert np.array_equal(scored["proba_middle"], pipeline.predict_proba(model_matrix(frame, expected))[:, 1])
