"""The drift model is at chance on two halves of the same data and certain on separated data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from governance.project_file import Drift
from governance.vocabulary import DriftModel, Handling
from tasks.drift.global_score import FEWEST_ROWS, measure_global_drift, transformed_score
from tasks.drift.pairs import ColumnPair, encode_pair

FLIGHTS = Path(__file__).parents[3].parent / "shared" / "data" / "nycflights13"
MODELS = list(DriftModel)


def pairs_of(rows, shift=0.0, seed=0, rows_current=None):
    random = np.random.default_rng(seed)
    there = rows_current or rows
    levels = [pd.Series(random.integers(0, 30, n).astype(str), dtype="str") for n in (rows, there)]
    numbers = random.normal(size=rows), random.normal(shift, 1, there)
    numbers[0][::7] = numbers[1][::7] = np.nan
    return [
        ColumnPair("number", Handling.NUMERICAL, *numbers),
        ColumnPair("noise", Handling.NUMERICAL, random.normal(size=rows), random.normal(size=there)),
        encode_pair("level", Handling.CATEGORICAL, *levels),
    ]


def values_of(found):
    return {m.name: m.value for m in found.measurements}


@pytest.mark.parametrize("model", MODELS)
def test_two_halves_of_the_same_data_can_not_be_told_apart(model):
    found = values_of(measure_global_drift(pairs_of(1500), Drift(model=model), seed=3))
    assert found["data_drift"] == pytest.approx(0.5, abs=0.04)
    assert found["data_drift_auc"] == pytest.approx(0.5, abs=0.08)
    assert found["data_drift_p_value"] > 0.01


@pytest.mark.parametrize("model", MODELS)
def test_separated_data_are_always_told_apart_and_the_culprit_is_named(model):
    found = measure_global_drift(pairs_of(1500, shift=30), Drift(model=model), seed=3)
    # Every seventh number is missing on both sides, and those rows are a guess.
    assert values_of(found)["data_drift"] == pytest.approx(1 - 1 / 14, abs=0.02)
    assert found.importances["number"] > 95
    assert sum(found.importances.values()) == pytest.approx(100)


def test_boosting_sees_that_a_dependence_is_gone_where_every_column_is_as_before():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 4000))
    pairs = [
        ColumnPair("a", Handling.NUMERICAL, a, a),
        ColumnPair("b", Handling.NUMERICAL, a + b / 3, (a + b / 3)[::-1]),
    ]
    assert values_of(measure_global_drift(pairs, Drift(), seed=1))["data_drift_lower"] > 0.6


def test_the_interval_and_the_p_value_are_those_of_scipy():
    found = {m.name: m for m in measure_global_drift(pairs_of(600, 0.5), Drift(confidence=0.9), seed=1).measurements}
    drift = found["data_drift"]
    right = round(drift.value * drift.rows)
    interval = binomtest(right, drift.rows).proportion_ci(0.9, method="wilson")
    assert (drift.lower, drift.upper) == pytest.approx((interval.low, interval.high))
    assert (found["data_drift_lower"].value, found["data_drift_upper"].value) == (drift.lower, drift.upper)
    expected = binomtest(right, drift.rows, alternative="greater").pvalue
    assert found["data_drift_p_value"].value == pytest.approx(expected)
    assert found["data_drift_score"].value == transformed_score(drift.value)


def test_the_larger_side_is_sampled_down_with_the_seed():
    pairs = pairs_of(900, rows_current=200)
    found = measure_global_drift(pairs, Drift(), seed=1)
    assert found.rows_per_side == 200
    assert found.measurements[0].rows == 400
    assert found == measure_global_drift(pairs, Drift(), seed=1)
    assert values_of(found) != values_of(measure_global_drift(pairs, Drift(), seed=2))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1e300])
def test_drift_is_seen_at_any_scale(model, scale):
    random = np.random.default_rng(0)
    pair = ColumnPair("x", Handling.NUMERICAL, random.random(200) * scale, (random.random(200) + 2) * scale)
    assert values_of(measure_global_drift([pair], Drift(model=model), seed=1))["data_drift"] > 0.95


@pytest.mark.parametrize("model", MODELS)
def test_columns_that_are_constant_or_empty_or_missing_on_one_side_do_no_harm(model):
    ones, nothing = np.ones(100), np.full(100, np.nan)
    pairs = [
        ColumnPair("constant", Handling.NUMERICAL, ones, ones),
        ColumnPair("empty", Handling.NUMERICAL, nothing, nothing),
        ColumnPair("broken", Handling.NUMERICAL, np.empty(0), np.empty(0), problem="no number"),
    ]
    found = measure_global_drift(pairs, Drift(model=model), seed=1)
    assert values_of(found)["data_drift"] == pytest.approx(0.5, abs=0.02)
    assert found.unusable == {"broken": "no number"}
    gone = ColumnPair("gone", Handling.CATEGORICAL, np.zeros(100), nothing, levels=("a",))
    assert values_of(measure_global_drift([*pairs, gone], Drift(model=model), seed=1))["data_drift"] == 1


@pytest.mark.parametrize(("pairs", "reason"), [
    ([], "no input feature can be used"),
    ([ColumnPair("x", Handling.NUMERICAL, np.ones(FEWEST_ROWS - 1), np.ones(50))], "needs 10 rows on each side"),
    ([ColumnPair("x", Handling.NUMERICAL, np.full(50, np.nan), np.full(50, np.nan))], "is missing"),
])  # fmt: skip
def test_what_can_not_be_learned_from_is_a_reason(pairs, reason):
    found = measure_global_drift(pairs, Drift(), seed=1)
    assert all(m.value is None and reason in m.reason for m in found.measurements)


def test_the_score_is_the_plugin_s():
    assert [round(transformed_score(a), 2) for a in (0.0, 0.504, 0.883, 0.941, 1.0)] == [0.0, 0.01, 0.69, 0.85, 1.0]


@pytest.mark.skipif(not FLIGHTS.exists(), reason="the shared data are not here")
@pytest.mark.parametrize("month", [4, 12])
def test_the_forest_finds_what_the_public_plugin_found_on_real_flights(month):
    expected = pd.read_csv(FLIGHTS / "peer_drift_plugin_and_sklearn_by_month.csv").set_index("month")
    flights = pd.read_parquet(FLIGHTS / "flights_prepared.parquet")
    # Identifiers, what is known only afterwards, and the month, which would tell the sides apart by itself.
    never = ["row_id", "tailnum", "flight", "date", "month", "late15", "dep_delay", "arr_delay", "cancelled"]
    scored = pd.read_parquet(FLIGHTS / "model_scores.parquet")
    unfitted = scored.loc[scored["split"] == "reference_test_2013_q1", "row_id"]
    reference = flights[flights["row_id"].isin(unfitted)]
    current = flights[flights["month"] == month]
    pairs = []
    for name in [c for c in flights.columns if c not in never]:
        number = pd.api.types.is_numeric_dtype(flights[name])
        handling = Handling.NUMERICAL if number else Handling.CATEGORICAL
        sides = (side[name].sample(10_000, random_state=0) for side in (reference, current))
        pairs.append(encode_pair(name, handling, *sides))
    found = values_of(measure_global_drift(pairs, Drift(model="random_forest"), seed=1337))
    assert found["data_drift"] == pytest.approx(expected.loc[f"2013-{month:02}", "dku_drift_accuracy"], abs=0.03)
