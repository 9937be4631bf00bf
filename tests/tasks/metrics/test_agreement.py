"""Our metrics are scikit-learn's, wherever both are defined."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, pearsonr
from sklearn import metrics

from governance.vocabulary import PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.calibration import calibration_loss
from tasks.metrics.intervals import wilson
from tasks.metrics.ranking import lift_of, rank, roc_auc_of

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION


def measured(*arguments) -> dict[str, float | None]:
    return {m.name: m.value for m in measure_performance(*arguments)}


binary_rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20)), min_size=4, max_size=60
).filter(lambda rows: len({positive for positive, _ in rows}) == 2)


@settings(max_examples=60, deadline=None)
@given(binary_rows, st.sampled_from([0.2, 0.5, 0.8]))
def test_binary_metrics_agree_with_scikit_learn_ties_included(rows, threshold):
    positive, probability = (np.array(side) for side in zip(*rows, strict=True))
    predicted = probability >= threshold
    target = pd.Series(np.where(positive, "yes", "no"))
    scored = pd.DataFrame({"prediction": np.where(predicted, "yes", "no"), "proba_yes": probability})
    found = measured(BINARY, ("no", "yes"), target, scored, threshold)
    both = positive, predicted
    expected = {
        "accuracy": metrics.accuracy_score(*both),
        "recall": metrics.recall_score(*both),
        "f1": metrics.f1_score(*both),
        "mcc": metrics.matthews_corrcoef(*both),
        "hamming_loss": metrics.hamming_loss(*both),
        "roc_auc": metrics.roc_auc_score(positive, probability),
        "average_precision": metrics.average_precision_score(positive, probability),
        "log_loss": metrics.log_loss(positive, probability),
    }
    if predicted.any():
        expected["precision"] = metrics.precision_score(*both)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=12, max_size=60), st.integers(0, 99)
)
def test_multiclass_metrics_agree_with_scikit_learn(rows, seed):
    target, predicted = (pd.Series(side + tuple("abc")) for side in zip(*rows, strict=True))
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), len(target))
    scored = pd.DataFrame(probabilities, columns=["proba_a", "proba_b", "proba_c"]).assign(prediction=predicted)
    found = measured(MULTICLASS, ("a", "b", "c"), target, scored, None)
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(target, predicted),
            "precision": metrics.precision_score(target, predicted, average="macro"),
            "recall": metrics.recall_score(target, predicted, average="macro"),
            "f1": metrics.f1_score(target, predicted, average="macro"),
            "roc_auc": metrics.roc_auc_score(target, probabilities, multi_class="ovo"),
            "average_precision": metrics.average_precision_score(target, probabilities),
            "log_loss": metrics.log_loss(target, probabilities),
            "mcc": metrics.matthews_corrcoef(target, predicted),
            "hamming_loss": metrics.hamming_loss(target, predicted),
            "calibration_loss": found["calibration_loss"],
        }
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0, 1e4)), min_size=4, max_size=40))
def test_regression_metrics_agree_with_scikit_learn(rows):
    target, predicted = (np.array(side) for side in zip(*rows, strict=True))
    found = measured(REGRESSION, (), pd.Series(target), pd.DataFrame({"prediction": predicted}), None)
    expected = {
        "mae": metrics.mean_absolute_error(target, predicted),
        "mse": metrics.mean_squared_error(target, predicted),
        "rmse": metrics.root_mean_squared_error(target, predicted),
        "mape": metrics.mean_absolute_percentage_error(target, predicted),
        "rmsle": metrics.root_mean_squared_log_error(target, predicted),
    }
    if target.std() > 1e-3 * target.mean():
        expected["r2"] = metrics.r2_score(target, predicted)
        expected["explained_variance"] = metrics.explained_variance_score(target, predicted)
        if predicted.std() > 1e-3 * predicted.mean():
            expected["pearson"] = pearsonr(target, predicted).statistic
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.integers(1, 5000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_intervals_agree_with_scipy(trials, share, confidence):
    successes = int(share * trials)
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson(successes, trials, confidence)[1:] == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_pearson_interval_agrees_with_scipy():
    random = np.random.default_rng(0)
    target = random.normal(size=80)
    predicted = target + random.normal(size=80)
    found = measure_performance(REGRESSION, (), pd.Series(target), pd.DataFrame({"prediction": predicted}), None)[-1]
    expected = pearsonr(target, predicted).confidence_interval()
    assert (found.lower, found.upper) == pytest.approx((expected.low, expected.high))


def test_delong_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(1)
    truth = 0.760250  # of two normal distributions one standard deviation apart
    held = 0
    for _ in range(400):
        positive = np.arange(200) < 60
        found = roc_auc_of(rank(positive, random.normal(size=200) + positive))
        held += found.lower <= truth <= found.upper
    assert 0.92 <= held / 400 <= 0.98


def test_lift_does_not_depend_on_the_order_of_ties():
    positive = np.array([True, False, True, False, False])
    assert lift_of(rank(positive, np.full(5, 0.3))).value == pytest.approx(1)
    assert lift_of(rank(positive[::-1], np.full(5, 0.3))).value == pytest.approx(1)


def test_calibration_loss_is_zero_for_calibrated_probabilities_and_the_gap_otherwise():
    positive = np.arange(100) < 25
    assert calibration_loss(positive, np.full(100, 0.25)).value == pytest.approx(0)
    assert calibration_loss(positive, np.full(100, 0.85)).value == pytest.approx(0.6)


def test_nothing_warns():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measured(REGRESSION, (), pd.Series([1e300, -1e300]), pd.DataFrame({"prediction": [0.0, 1e300]}), None)
