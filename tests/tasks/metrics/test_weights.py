"""Weighted metrics are scikit-learn's with sample_weight; rows of weight 0 count nowhere."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from governance.project_file import CostMatrix
from governance.vocabulary import Averaging, PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.ranking import lift_of, rank

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION
COSTS = CostMatrix(true_positive=5, false_positive=-2, false_negative=-7, true_negative=0.5)

weights = st.one_of(st.just(0.0), st.floats(0.01, 100), st.integers(1, 5).map(float))
binary_rows = st.lists(
    st.tuples(st.booleans(), st.integers(0, 20).map(lambda n: n / 20), weights), min_size=4, max_size=50
).filter(lambda rows: len({positive for positive, _, weight in rows if weight}) == 2)


def measured(*arguments, **settings):
    return {m.name: m.value for m in measure_performance(*arguments, **settings)}


def binary_frame(positive, probability, threshold=0.5):
    target = pd.Series(np.where(positive, "yes", "no"))
    return target, pd.DataFrame(
        {"prediction": np.where(probability >= threshold, "yes", "no"), "proba_yes": probability}
    )


@settings(max_examples=80, deadline=None)
@given(binary_rows, st.sampled_from([0.2, 0.5, 0.8]))
def test_binary_metrics_agree_with_scikit_learn(rows, threshold):
    positive, probability, weight = (np.array(side) for side in zip(*rows, strict=True))
    rows = binary_frame(positive, probability, threshold)
    found = measured(BINARY, ("no", "yes"), *rows, threshold, weights=weight, cost_matrix=COSTS)
    kept = weight > 0
    positive, probability, weight = positive[kept], probability[kept], weight[kept]
    predicted = probability >= threshold
    both = positive, predicted
    gains = np.where(positive, np.where(predicted, 5, -7), np.where(predicted, -2, 0.5))
    expected = {
        "accuracy": metrics.accuracy_score(*both, sample_weight=weight),
        "recall": metrics.recall_score(*both, sample_weight=weight),
        "f1": metrics.f1_score(*both, sample_weight=weight),
        "mcc": metrics.matthews_corrcoef(*both, sample_weight=weight),
        "hamming_loss": metrics.hamming_loss(*both, sample_weight=weight),
        "roc_auc": metrics.roc_auc_score(positive, probability, sample_weight=weight),
        "average_precision": metrics.average_precision_score(positive, probability, sample_weight=weight),
        "log_loss": metrics.log_loss(positive, probability, sample_weight=weight),
        "cost_gain": np.average(gains, weights=weight),
    }
    if predicted.any():
        expected["precision"] = metrics.precision_score(*both, sample_weight=weight)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("averaging", Averaging)
@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), weights), min_size=9, max_size=50),
    seed=st.integers(0, 99),
)
def test_multiclass_metrics_agree_with_scikit_learn(averaging, rows, seed):
    target, predicted, weight = (list(side) for side in zip(*rows, strict=True))
    target, predicted = np.array(target + list("abc")), np.array(predicted + list("abc"))
    weight = np.array([*weight, 0.5, 1, 2])
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(3), len(target))
    scored = pd.DataFrame(probabilities, columns=["proba_a", "proba_b", "proba_c"]).assign(prediction=predicted)
    found = measured(MULTICLASS, ("a", "b", "c"), pd.Series(target), scored, None, weights=weight, averaging=averaging)
    kept = weight > 0
    target, predicted, probabilities, weight = target[kept], predicted[kept], probabilities[kept], weight[kept]
    averaged = {"average": averaging.value, "sample_weight": weight, "zero_division": 0}
    pairs = [
        metrics.roc_auc_score(target[either] == one, probabilities[either, "abc".index(one)], sample_weight=weight[either])
        for one, other in permutations("abc", 2)
        for either in [np.isin(target, [one, other])]
    ]  # fmt: skip
    expected = {
        "accuracy": metrics.accuracy_score(target, predicted, sample_weight=weight),
        "precision": metrics.precision_score(target, predicted, **averaged),
        "recall": metrics.recall_score(target, predicted, **averaged),
        "f1": metrics.f1_score(target, predicted, **averaged),
        "roc_auc": np.mean(pairs),
        "average_precision": metrics.average_precision_score(
            target, probabilities, average=averaging.value, sample_weight=weight
        ),
        "log_loss": metrics.log_loss(target, probabilities, sample_weight=weight),
        "mcc": metrics.matthews_corrcoef(target, predicted, sample_weight=weight),
        "hamming_loss": metrics.hamming_loss(target, predicted, sample_weight=weight),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0, 1e4), weights), min_size=4, max_size=40).filter(
    lambda rows: sum(weight > 0 for *_, weight in rows) > 1
))  # fmt: skip
def test_regression_metrics_agree_with_scikit_learn(rows):
    target, predicted, weight = (np.array(side) for side in zip(*rows, strict=True))
    found = measured(REGRESSION, (), pd.Series(target), pd.DataFrame({"prediction": predicted}), None, weights=weight)
    both = target, predicted
    expected = {
        "mae": metrics.mean_absolute_error(*both, sample_weight=weight),
        "mse": metrics.mean_squared_error(*both, sample_weight=weight),
        "rmse": metrics.root_mean_squared_error(*both, sample_weight=weight),
        "mape": metrics.mean_absolute_percentage_error(*both, sample_weight=weight),
        "rmsle": metrics.root_mean_squared_log_error(*both, sample_weight=weight),
    }
    covariance = np.cov(target, predicted, aweights=weight, ddof=0)
    if covariance[0, 0] > 1e-6 * np.mean(target) ** 2:
        expected["r2"] = metrics.r2_score(*both, sample_weight=weight)
        expected["explained_variance"] = metrics.explained_variance_score(*both, sample_weight=weight)
        if covariance[1, 1] > 1e-6 * np.mean(predicted) ** 2:
            expected["pearson"] = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(binary_rows)
def test_lift_of_whole_weights_is_that_of_as_many_rows(rows):
    positive, probability, weight = (np.array(side) for side in zip(*rows, strict=True))
    times = np.ceil(weight).astype(int)
    repeated = lift_of(rank(np.repeat(positive, times), np.repeat(probability, times))).value
    found = measured(BINARY, ("no", "yes"), *binary_frame(positive, probability), 0.5, weights=times.astype(float))
    assert found["lift"] == pytest.approx(repeated)


@pytest.mark.parametrize("kind", PredictionType)
def test_rows_of_weight_zero_count_nowhere_and_equal_weights_change_nothing(kind):
    classes, target, scored = example(kind, 300)
    plain = measure_performance(kind, classes, target, scored, 0.5, cost_matrix=costs(kind))
    doubled = [pd.concat([side, side], ignore_index=True) for side in (target, scored)]
    weights = np.repeat([3.0, 0.0], 300)
    assert measure_performance(kind, classes, *doubled, 0.5, weights=weights, cost_matrix=costs(kind)) == plain


@pytest.mark.parametrize("kind", PredictionType)
def test_the_scale_of_weights_does_not_matter(kind):
    classes, target, scored = example(kind, 200)
    weights = np.random.default_rng(3).exponential(size=200)
    found = [
        measure_performance(kind, classes, target, scored, 0.5, weights=weights * scale)
        for scale in (1.0, 2.0**300, 2.0**-900)
    ]
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", PredictionType)
def test_every_weighted_metric_has_an_interval_that_holds_it(kind):
    classes, target, scored = example(kind, 400)
    weights = np.random.default_rng(3).exponential(size=400)
    found = measure_performance(kind, classes, target, scored, 0.5, weights=weights, cost_matrix=costs(kind))
    assert [m.name for m in found if m.lower is None] == []
    assert all(m.lower <= m.value <= m.upper and m.lower < m.upper for m in found)


@pytest.mark.parametrize(("wrong", "part"), [
    ([1.0, -1.0], "row 2 has -1"), ([np.nan, 1.0], "row 1 has nan"), ([1.0, np.inf], "row 2 has inf"),
    ([1e308, 1.0], "row 1 has 1e\\+308"),
    ([1.0], "1 weights and 2 rows"),
])  # fmt: skip
def test_a_weight_that_is_none_is_refused(wrong, part):
    with pytest.raises(ValueError, match=part):
        measure_performance(
            BINARY, ("no", "yes"), *binary_frame(np.array([True, False]), np.array([0.9, 0.2])), 0.5,
            weights=np.array(wrong),
        )  # fmt: skip


@pytest.mark.parametrize("kind", PredictionType)
def test_when_all_rows_weigh_nothing_every_metric_says_so(kind):
    classes, target, scored = example(kind, 5)
    found = measure_performance(kind, classes, target, scored, 0.5, weights=np.zeros(5))
    assert {(m.value, m.rows, m.reason) for m in found} == {(None, 0, "there are no rows with a label")}


def costs(kind):
    return COSTS if kind is BINARY else None


def example(kind, rows, seed=0):
    random = np.random.default_rng(seed)
    if kind is REGRESSION:
        target = random.gamma(3, size=rows)
        return (), pd.Series(target), pd.DataFrame({"prediction": target * random.gamma(9, 1 / 9, size=rows)})
    classes = ("no", "yes") if kind is BINARY else ("a", "b", "c")
    codes = random.integers(0, len(classes), rows)
    scores = np.exp(random.normal(size=(rows, len(classes))) + 1.2 * (codes[:, None] == np.arange(len(classes))))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    labels = np.array(classes)
    scored = pd.DataFrame(probabilities, columns=[f"proba_{name}" for name in classes])
    return classes, pd.Series(labels[codes]), scored.assign(prediction=labels[probabilities.argmax(axis=1)])
