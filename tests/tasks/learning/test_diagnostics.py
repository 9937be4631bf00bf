from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from governance.project_file import Split
from governance.vocabulary import Measurement, PredictionType
from tasks.learning.diagnostics import RULES, Evidence, diagnose
from tasks.learning.fit import train_model


def labels(*counts: tuple[str, int]) -> pd.Series:
    return pd.Series([label for label, n in counts for _ in range(n)], dtype="str")


GOOD = Evidence(
    PredictionType.BINARY,
    train_target=labels(("no", 1200), ("yes", 800)),
    test_target=labels(("no", 300), ("yes", 200)),
    test_predictions=labels(("no", 320), ("yes", 180)),
    train_measurements=[Measurement("roc_auc", 0.90)],
    test_measurements=[Measurement("roc_auc", 0.85, 0.82, 0.88)],
    importances={"a": 0.6, "b": 0.4},
)
NUMBERS = np.random.default_rng(0).normal(size=2500)
GOOD_REGRESSION = replace(
    GOOD,
    prediction_type=PredictionType.REGRESSION,
    train_target=pd.Series(NUMBERS[:2000]),
    test_target=pd.Series(NUMBERS[2000:]),
    test_predictions=pd.Series(NUMBERS[2000:] / 2),
    train_measurements=[Measurement("r2", 0.8)],
    test_measurements=[Measurement("r2", 0.7), Measurement("mse", 0.3)],
)


def auc(value: float | None, lower: float | None = None, upper: float | None = None) -> list[Measurement]:
    return [Measurement("roc_auc", value, lower, upper)]


TRIGGERS = [
    ("test_set_too_small", replace(GOOD, test_target=labels(("no", 240), ("yes", 159)))),
    ("test_set_too_small", replace(GOOD, test_target=labels(("no", 991), ("yes", 9)))),
    ("test_set_too_small", replace(GOOD, test_target=labels(("no", 500)))),
    ("test_set_too_small", replace(GOOD_REGRESSION, test_target=pd.Series(NUMBERS[:399]))),
    ("few_training_rows", replace(GOOD, train_target=labels(("no", 599), ("yes", 400)))),
    ("target_distribution_differs", replace(GOOD, test_target=labels(("no", 200), ("yes", 300)))),
    ("target_distribution_differs", replace(GOOD, test_target=labels(("no", 300), ("other", 200)))),
    ("target_distribution_differs", replace(GOOD_REGRESSION, test_target=GOOD_REGRESSION.test_target + 0.3)),
    ("strong_imbalance", replace(GOOD, train_target=labels(("no", 2101), ("yes", 100)))),
    ("rows_dropped", replace(GOOD, dropped_rows=2501)),
    ("feature_left_out", replace(GOOD, left_out=["empty"])),
    ("overfit", replace(GOOD, train_measurements=auc(0.96))),
    ("overfit", replace(GOOD_REGRESSION, train_measurements=[Measurement("r2", 0.91)])),
    ("leakage", replace(GOOD, test_measurements=auc(0.981, 0.97, 0.99))),
    ("leakage", replace(GOOD, importances={"a": 0.81, "b": 0.19})),
    ("leakage", replace(GOOD_REGRESSION, importances={"a": 0.81, "b": 0.19})),
    ("no_better_than_dummy", replace(GOOD, test_measurements=auc(0.52, 0.49, 0.55))),
    ("no_better_than_dummy", replace(GOOD, test_measurements=auc(0.5))),
    ("no_better_than_dummy", replace(GOOD_REGRESSION, test_measurements=[Measurement("mse", 1.2)])),
    ("negative_r2", replace(GOOD_REGRESSION, test_measurements=[Measurement("r2", -0.001)])),
    ("almost_constant_prediction", replace(GOOD, test_predictions=labels(("no", 481), ("yes", 19)))),
    ("almost_constant_prediction", replace(GOOD, test_predictions=labels(("no", 500)))),
]
QUIET = [
    GOOD,
    GOOD_REGRESSION,
    replace(GOOD, test_target=labels(("no", 240), ("yes", 160)), test_predictions=labels(("no", 240), ("yes", 160))),
    replace(GOOD, train_target=labels(("no", 600), ("yes", 400))),
    replace(GOOD, train_target=labels(("no", 2000), ("yes", 100)), test_target=labels(("no", 500), ("yes", 25))),
    replace(GOOD, dropped_rows=2500),
    replace(GOOD, train_measurements=auc(0.949)),
    # The interval of the test part reaches the other value: nothing is proven.
    replace(GOOD, train_measurements=auc(0.96), test_measurements=auc(0.85, 0.7, 0.97)),
    replace(GOOD, test_measurements=auc(0.98, 0.97, 0.99), train_measurements=auc(0.98)),
    replace(GOOD, importances={"a": 0.8, "b": 0.2}),
    replace(GOOD, importances={"only": 1.0}),
    replace(GOOD, test_measurements=auc(0.55, 0.51, 0.59), train_measurements=auc(0.6)),
    replace(GOOD, test_measurements=auc(None), train_measurements=[]),
    replace(GOOD, test_predictions=labels(("no", 480), ("yes", 20))),
    # One in a hundred, and the model finds half of them: rarely predicted, yet no constant.
    replace(
        GOOD,
        train_target=labels(("no", 1900), ("yes", 100)),
        test_target=labels(("no", 475), ("yes", 25)),
        test_predictions=labels(("no", 488), ("yes", 12)),
    ),
    replace(GOOD_REGRESSION, train_measurements=[Measurement("r2", 0.89)]),
    replace(
        GOOD_REGRESSION, test_measurements=[Measurement("r2", 0.0), Measurement("mse", 0.9)], train_measurements=[]
    ),
]


@pytest.mark.parametrize(("name", "evidence"), TRIGGERS)
def test_a_diagnostic_is_made_with_a_sentence_that_says_why(name, evidence):
    messages = {d.name: d.message for d in diagnose(evidence)}
    assert name in messages
    assert messages[name].endswith(".")
    assert any(c.isdigit() for c in messages[name]) or name == "feature_left_out"


@pytest.mark.parametrize("evidence", QUIET)
def test_on_this_side_of_every_limit_there_is_silence(evidence):
    assert diagnose(evidence) == []


def test_every_rule_has_a_trigger():
    assert {name for name, _ in TRIGGERS} == set(RULES)


def test_what_a_useless_model_leans_on_is_no_leakage():
    useless = replace(GOOD, test_measurements=auc(0.5, 0.45, 0.55), importances={"a": 1.0, "b": 0.0})
    assert {d.name for d in diagnose(useless)} == {"no_better_than_dummy", "overfit"}


def trained(frame, settings, schema) -> set[str]:
    return {d.name for d in train_model(frame, "m", settings, schema, "f.csv").diagnostics}


def test_a_sound_model_has_no_diagnostics(rows, schema, settings):
    frame = rows(rows=2500)
    assert trained(frame, settings(), schema(frame=frame)) == set()


def test_a_feature_that_is_the_target_is_called_leakage(rows, schema, settings):
    frame = rows(rows=2500)
    frame["amount"] = (frame["target"] == "yes").astype(float)
    assert "leakage" in trained(frame, settings(), schema(frame=frame))


def test_a_target_of_pure_noise_is_called_no_better_than_a_dummy(rows, schema, settings):
    frame = rows(rows=2500)
    frame["target"] = pd.Series(np.random.default_rng(5).choice(["no", "yes"], 2500), dtype="str")
    assert "no_better_than_dummy" in trained(frame, settings(), schema(frame=frame))


def test_a_tree_without_limits_is_called_overfit(rows, schema, settings):
    frame = rows(rows=2500)
    tree = settings(estimator="sklearn.tree.DecisionTreeClassifier")
    assert "overfit" in trained(frame, tree, schema(frame=frame))


def test_a_target_that_changes_with_time_is_noticed_by_a_split_by_time(rows, schema, settings):
    frame = rows(rows=2500).sort_values("when", ignore_index=True)
    frame.loc[2000:, "target"] = np.where(np.arange(500) % 10 == 0, "no", "yes")
    by_time = settings(split=Split(method="time"))
    assert "target_distribution_differs" in trained(frame, by_time, schema(frame=frame))
