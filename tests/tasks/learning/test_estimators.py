from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from governance.errors import TrainingImpossible
from governance.vocabulary import PredictionType
from tasks.data.conform import model_matrix
from tasks.data.schema import Schema
from tasks.learning.estimators import build_pipeline

LOGISTIC = "sklearn.linear_model.LogisticRegression"


def refused(settings, schema) -> str:
    with pytest.raises(TrainingImpossible) as caught:
        build_pipeline(settings, schema, "fraud")
    return str(caught.value)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("named", [False, True])
def test_unseen_categories_and_missing_values_never_raise(kind, named, rows, schema, settings):
    path = {"regression": "sklearn.linear_model.Ridge"}.get(kind, LOGISTIC)
    frame, expected = rows(kind), schema(kind)
    pipeline = build_pipeline(settings(kind, **({"estimator": path} if named else {})), expected, "m")
    pipeline.fit(model_matrix(frame, expected), frame["target"].to_numpy(dtype=object))
    strange = frame.assign(country="Atlantis", merchant="nobody")
    empty = frame.assign(amount=np.nan, age=np.nan, country=None, merchant=None)
    empty["opened"] = empty["opened"].mask(empty["opened"].notna())
    for data in (strange, empty, strange.iloc[:1], empty.iloc[:1]):
        answer = pipeline.predict(model_matrix(data, expected))
        assert len(answer) == len(data)
        assert not pd.isna(answer).any()


def test_many_levels_are_encoded_by_the_target_without_seeing_their_own_label(rows, schema, settings):
    frame = rows(rows=600)
    frame["merchant"] = pd.Series([f"m{i}" for i in range(600)], dtype="str")  # every level once: nothing to learn
    expected = schema(frame=frame)
    encode = build_pipeline(settings(), expected, "m")["encode"]
    labels = frame["target"].to_numpy(dtype=object)
    encoded = encode.fit_transform(model_matrix(frame, expected), labels)
    target_means = encoded[:, 1]  # after the codes of country
    positive = labels == "yes"
    # Encoded with their own labels, the two classes would lie far apart.
    assert abs(target_means[positive].mean() - target_means[~positive].mean()) < 0.02


def test_few_levels_are_split_natively(rows, schema, settings):
    frame, expected = rows(), schema()
    pipeline = build_pipeline(settings(), expected, "m")
    pipeline.fit(model_matrix(frame, expected), frame["target"].to_numpy(dtype=object))
    assert pipeline["estimator"].is_categorical_.tolist() == [True, False, False, False, False]


def test_the_seed_of_the_split_makes_two_fits_the_same(rows, schema, settings):
    frame, expected = rows(), schema()
    forest = settings(estimator="sklearn.ensemble.RandomForestClassifier", parameters={"n_estimators": 5})
    for chosen in (settings(), forest):
        pipeline = build_pipeline(chosen, expected, "m")
        matrix, labels = model_matrix(frame, expected), frame["target"].to_numpy(dtype=object)
        first, second = (clone(pipeline).fit(matrix, labels).predict_proba(matrix) for _ in range(2))
        assert np.array_equal(first, second)


def test_a_classifier_without_probabilities_is_calibrated(rows, schema, settings):
    frame, expected = rows(), schema()
    pipeline = build_pipeline(settings(estimator="sklearn.svm.LinearSVC"), expected, "m")
    pipeline.fit(model_matrix(frame, expected), frame["target"].to_numpy(dtype=object))
    assert np.allclose(pipeline.predict_proba(model_matrix(frame, expected)).sum(axis=1), 1)


def test_weights_of_classes_may_be_named_by_numbers_as_yaml_reads_them(schema, settings):
    chosen = settings(estimator=LOGISTIC, parameters={"class_weight": {0: 1, 1: 10}})
    assert build_pipeline(chosen, schema(), "m")["estimator"].class_weight == {"0": 1, "1": 10}


def test_parameters_go_to_the_default_estimator_too(schema, settings):
    estimator = build_pipeline(settings(parameters={"max_iter": 7}), schema(), "m")["estimator"]
    assert (estimator.max_iter, estimator.learning_rate) == (7, 0.06)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("os.system", "not one of scikit-learn"),
        ("subprocess.Popen", "not one of scikit-learn"),
        ("sklearnx.Evil", "not one of scikit-learn"),
        ("LogisticRegression", "not one of scikit-learn"),
        ("sklearn.nothing.Here", "there is no module"),
        ("sklearn.linear_model.LogisticRegresion", "write sklearn.linear_model.LogisticRegression"),
        ("sklearn.ensemble.__name__", "there is no estimator"),
        ("sklearn.datasets.load_iris", "there is no estimator"),
        ("sklearn.linear_model.LinearRegression", "is a regressor; choose a classifier"),
        ("sklearn.cluster.KMeans", "neither"),
        ("sklearn.ensemble.VotingClassifier", "can't be made from these parameters"),
    ],
)
def test_what_is_no_classifier_of_scikit_learn_is_refused_with_a_sentence(path, said, schema, settings):
    assert said in refused(settings(estimator=path), schema())


def test_a_classifier_is_refused_for_a_regression_target(schema, settings):
    assert "is a classifier; choose a regressor" in refused(
        settings("regression", estimator=LOGISTIC), schema("regression")
    )


def test_an_unknown_parameter_is_refused_with_the_nearest_that_exists(schema, settings):
    assert "write 'max_iter'" in refused(settings(parameters={"maxiter": 5}), schema())
    assert "has no parameter 'zzz'; use one of" in refused(
        settings(estimator=LOGISTIC, parameters={"zzz": 5}), schema()
    )


def test_the_categorical_features_follow_from_the_handling(schema, settings):
    assert "say features.handling" in refused(settings(parameters={"categorical_features": [0]}), schema())


def test_a_model_without_features_is_refused(settings):
    nothing = Schema((), "target", PredictionType.BINARY, ("no", "yes"), None)
    assert "no feature is left" in refused(settings(), nothing)
