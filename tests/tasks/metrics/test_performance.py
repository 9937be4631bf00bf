"""What can't be measured says why, and takes nothing else with it."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from governance.errors import NotFound
from governance.project_file import CostMatrix
from governance.vocabulary import PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.catalogue import METRICS, info, is_of_part, performance_metrics

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION
CLASSES = ("0", "1")


def binary(target, predicted, probability=None, threshold=None):
    columns = {"prediction": predicted} | ({} if probability is None else {"proba_1": probability})
    found = measure_performance(BINARY, CLASSES, pd.Series(target, dtype="str"), pd.DataFrame(columns), threshold)
    return {m.name: m for m in found}


def unmeasured(found):
    return {name for name, m in found.items() if m.value is None}


@pytest.mark.parametrize("kind", PredictionType)
def test_every_metric_of_the_catalogue_is_measured_in_its_order(kind):
    classes = {BINARY: CLASSES, MULTICLASS: ("0", "1", "2"), REGRESSION: ()}[kind]
    target = pd.Series([1.0, 2.0]) if kind is REGRESSION else pd.Series(["0", "1"])
    costs = CostMatrix(true_positive=1) if kind is BINARY else None
    found = measure_performance(kind, classes, target, pd.DataFrame({"prediction": target}), None, cost_matrix=costs)
    assert [m.name for m in found] == [m.name for m in performance_metrics(kind)]


@pytest.mark.parametrize("kind", PredictionType)
def test_without_rows_nothing_is_measured_and_nothing_breaks(kind):
    found = measure_performance(kind, CLASSES, pd.Series([], dtype="str"), pd.DataFrame({"prediction": []}), 0.5)
    assert all(m.value is None and m.reason == "there are no rows with a label" for m in found)


def test_without_probabilities_only_what_needs_them_is_missing():
    found = binary(["0", "1", "1"], ["0", "1", "0"])
    assert unmeasured(found) == {"roc_auc", "average_precision", "log_loss", "calibration_loss", "lift"}
    assert found["roc_auc"].reason == "there is no column 'proba_1'"


def test_one_class_in_the_target_leaves_ranking_and_correlation_undefined():
    found = binary(["0", "0"], ["0", "0"], [0.1, 0.2])
    assert unmeasured(found) == {"precision", "recall", "f1", "roc_auc", "average_precision", "mcc", "lift"}
    assert found["accuracy"].value == 1


def test_a_constant_prediction_has_no_precision_and_no_correlation():
    found = binary(["0", "1"], ["0", "0"])
    assert (found["precision"].value, found["mcc"].value, found["recall"].value) == (None, 0, 0)
    assert found["precision"].reason == "no row is predicted positive"


def test_the_threshold_decides_and_overrules_the_column():
    assert binary(["1", "0"], ["0", "0"], [0.4, 0.1], threshold=0.4)["accuracy"].value == 1
    assert binary(["1", "0"], ["0", "0"], [0.4, 0.1])["accuracy"].value == 0.5


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.1, 1.1])
def test_a_value_that_is_no_probability_is_named_with_its_row(wrong):
    found = binary(["0", "1", "1"], ["0", "1", "1"], [0.1, wrong, 0.9])
    assert "first in row 2" in found["log_loss"].reason
    assert found["accuracy"].value == 1


@pytest.mark.parametrize(("target", "predicted", "part"), [
    (["0", "maybe"], ["0", "1"], "the target of 1 rows can't be used: in row 2, 'maybe' is none"),
    (["0", "1"], ["0", np.nan], "the prediction of 1 rows can't be used: in row 2, the label is missing"),
])  # fmt: skip
def test_labels_that_the_model_does_not_know_are_named(target, predicted, part):
    assert part in binary(target, predicted)["accuracy"].reason


@pytest.mark.parametrize(("target", "undefined"), [
    ([0.0, 1.0, 2.0], {"mape"}),
    ([-5.0, 1.0, 2.0], {"rmsle"}),
    ([2.0, 2.0, 2.0], {"r2", "explained_variance", "pearson"}),
])  # fmt: skip
def test_regression_metrics_fail_one_by_one(target, undefined):
    found = measure_performance(REGRESSION, (), pd.Series(target), pd.DataFrame({"prediction": [1.0, 2.0, 3.0]}), None)
    assert {m.name for m in found if m.value is None} == undefined
    assert all(m.reason for m in found if m.value is None)


def test_overflow_is_a_reason_and_not_infinity():
    found = measure_performance(
        REGRESSION, (), pd.Series([1e300, -1e300]), pd.DataFrame({"prediction": [0.0, 0.0]}), None
    )
    by_name = {m.name: m for m in found}
    assert by_name["mse"].value is None
    assert by_name["mae"].value == 1e300


def test_intervals_hold_their_value():
    random = np.random.default_rng(0)
    target = random.random(500) < 0.3
    probability = np.clip(0.3 * target + 0.7 * random.random(500), 0, 1)
    found = binary(np.where(target, "1", "0"), np.where(probability > 0.5, "1", "0"), probability)
    with_interval = {name for name, m in found.items() if m.lower is not None}
    assert with_interval == set(found)
    assert all(found[name].lower < found[name].value < found[name].upper for name in with_interval)


def scored_rows(rows, classes, seed=0):
    random = np.random.default_rng(seed)
    codes = random.integers(0, len(classes), rows)
    scores = np.exp(random.normal(size=(rows, len(classes))) + 1.2 * (codes[:, None] == np.arange(len(classes))))
    probabilities = scores / scores.sum(axis=1, keepdims=True)
    labels = np.array(list(classes))
    scored = pd.DataFrame(probabilities, columns=[f"proba_{name}" for name in classes])
    return pd.Series(labels[codes]), scored.assign(prediction=labels[probabilities.argmax(axis=1)])


def test_the_seed_of_the_bootstrap_is_an_argument_and_fixed():
    rows = MULTICLASS, ("a", "b", "c"), *scored_rows(200, "abc"), None
    assert measure_performance(*rows) == measure_performance(*rows)
    moved = {
        m.name for m, n in zip(measure_performance(*rows), measure_performance(*rows, seed=2), strict=True) if m != n
    }
    assert moved == {"precision", "recall", "f1", "mcc"}


@pytest.mark.parametrize("classes", [("0", "1"), tuple("abcde")])
def test_all_metrics_of_ten_thousand_rows_take_less_than_a_second(classes):
    rows = scored_rows(10_000, classes)
    started = time.process_time()
    measure_performance(BINARY if len(classes) == 2 else MULTICLASS, classes, *rows, None)
    assert time.process_time() - started < 1


def test_what_every_row_says_the_same_of_has_no_interval():
    found = binary(["0", "1"] * 5, ["0", "1"] * 5, [0.1, 0.9] * 5)
    assert (found["mcc"].value, found["mcc"].lower) == (1, None)
    # The ranking is right too, and ten rows are no proof that it always is.
    assert (found["roc_auc"].value, found["roc_auc"].upper) == (1, 1)
    assert found["roc_auc"].lower < 0.6


def test_targets_and_rows_must_be_as_many():
    with pytest.raises(ValueError, match="2 targets and 1 scored rows"):
        measure_performance(BINARY, CLASSES, pd.Series(["0", "1"]), pd.DataFrame({"prediction": ["0"]}), None)


def test_the_catalogue_tells_the_whole_from_its_parts():
    assert is_of_part("column_drift.age.psi")
    assert is_of_part("fugacity.late.current")
    assert not any(map(is_of_part, METRICS))


@pytest.mark.parametrize("name", [
    *METRICS, *(f"{m.name}_drift" for m in METRICS.values() if m.needs_labels),
    "column_drift.a.b.psi", "column_drift.x.missing_share_change", "fugacity.late.relative_change",
])  # fmt: skip
def test_the_catalogue_knows(name):
    assert info(name).name == name
    assert info(name).title


@pytest.mark.parametrize(
    "name", ["roc", "data_drift_drift", "column_drift.age", "column_drift.age.mean", "fugacity.late.x", ""]
)
def test_the_catalogue_refuses_what_it_does_not_know_and_suggests(name):
    with pytest.raises(NotFound, match="known: "):
        info(name)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-6])
def test_regression_metrics_hold_at_any_scale_that_has_them(scale):
    random = np.random.default_rng(0)
    target = random.gamma(3, size=200)
    predicted = target * random.gamma(9, 1 / 9, size=200)

    def measure(factor):
        scored = pd.DataFrame({"prediction": predicted * factor})
        return {m.name: m for m in measure_performance(REGRESSION, (), pd.Series(target * factor), scored, None)}

    plain, scaled = measure(1.0), measure(scale)
    for name in ("r2", "explained_variance", "pearson", "mape"):
        assert scaled[name].value == pytest.approx(plain[name].value)
        assert scaled[name].lower == pytest.approx(plain[name].lower)
    for name in ("mae", "rmse"):
        assert scaled[name].value / scale == pytest.approx(plain[name].value)
        assert scaled[name].upper / scale == pytest.approx(plain[name].upper)
    if scale == 1e300:
        assert scaled["mse"].reason == "the value is beyond floating point"


@pytest.mark.parametrize("weights", [None, np.array([2.0])])
@pytest.mark.parametrize("kind", PredictionType)
def test_a_single_row_has_values_where_it_can_and_never_an_error(kind, weights):
    target = pd.Series([3.0]) if kind is REGRESSION else pd.Series(["1"])
    scored = pd.DataFrame({"prediction": target}).assign(proba_0=0.2, proba_1=0.8, proba_2=0.0)
    classes = {BINARY: CLASSES, MULTICLASS: ("0", "1", "2"), REGRESSION: ()}[kind]
    found = measure_performance(kind, classes, target, scored, 0.5, weights=weights)
    assert all(m.reason for m in found if m.value is None)
    assert {m.name for m in found if m.value is not None} > ({"mae"} if kind is REGRESSION else {"accuracy"})


def test_certain_probabilities_that_are_wrong_have_a_finite_log_loss():
    found = binary(["0", "1"] * 10, ["1", "0"] * 10, [1.0, 0.0] * 10)
    assert found["log_loss"].value == pytest.approx(-np.log(np.finfo(float).eps))
    assert (found["roc_auc"].value, found["calibration_loss"].value) == (0, 1)


@pytest.mark.parametrize("way", ["plain", "weights", "blocks"])
def test_constant_probabilities_rank_nothing(way):
    random = np.random.default_rng(0)
    target = pd.Series(random.choice(["0", "1"], 200))
    scored = pd.DataFrame({"prediction": ["1"] * 200, "proba_1": 0.5})
    settings = {
        "weights": random.exponential(size=200) if way == "weights" else None,
        "blocks": np.repeat(np.arange(20), 10) if way == "blocks" else None,
    }
    found = {m.name: m for m in measure_performance(BINARY, CLASSES, target, scored, 0.5, **settings)}
    assert found["roc_auc"].value == pytest.approx(0.5)
    assert found["lift"].value == pytest.approx(1)
    assert found["mcc"].value == 0


def test_the_gain_is_that_of_the_cost_matrix():
    costs = CostMatrix(true_positive=10, false_positive=-1, false_negative=-5, true_negative=1)
    target, predicted = pd.Series(list("1100")), list("1010")
    found = measure_performance(
        BINARY, CLASSES, target, pd.DataFrame({"prediction": predicted}), None, cost_matrix=costs
    )
    gain = next(m for m in found if m.name == "cost_gain")
    assert gain.value == (10 - 5 - 1 + 1) / 4
    assert gain.lower <= gain.value <= gain.upper
    assert "cost_gain" not in {m.name for m in measure_performance(
        BINARY, CLASSES, target, pd.DataFrame({"prediction": predicted}), None
    )}  # fmt: skip
