"""The drift model is at chance on two halves of the same data and certain on separated data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm
from sklearn.model_selection import StratifiedKFold

from governance.project_file import Drift
from governance.vocabulary import DriftModel, Handling
from tasks.drift.classifiers import RECIPES
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
    assert found.importances["number"] > 0.95
    assert sum(found.importances.values()) == pytest.approx(1)


def no_drift(rows, seed):
    random = np.random.default_rng(seed)
    return [ColumnPair(str(n), Handling.NUMERICAL, *random.normal(size=(2, rows))) for n in range(6)]


def judged_without_drift(rows, repeats):
    """How often p is below 0.05 and the interval holds 0.5, and the variance of hits in that of coins."""
    found = [measure_global_drift(no_drift(rows, seed), Drift(), seed=seed) for seed in range(repeats)]
    drift = [f.measurements[0] for f in found]
    alarms = np.mean([values_of(f)["data_drift_p_value"] < 0.05 for f in found])
    held = np.mean([m.lower <= 0.5 <= m.upper for m in drift])
    return alarms, held, np.var([m.value for m in drift]) * 4 * drift[0].rows


def hits_of_directions(split, seed):
    """Hits of the simplest classifier, the direction from one mean to the other, where there is nothing to find."""
    random = np.random.default_rng(seed)
    rows, is_current = random.normal(size=(200, 10)), np.arange(200) >= 100
    right = []
    for fitted_on, measured_on in split(is_current, seed):
        sign = np.where(is_current[fitted_on], 1, -1)
        score = rows[measured_on] @ (sign @ rows[fitted_on])
        right.append((score > 0) == is_current[measured_on])
    return np.concatenate(right)


def inflation_of(split):
    """Variance of the number of hits, in that of as many coins."""
    hits = [hits_of_directions(split, seed) for seed in range(800)]
    return np.var([h.sum() for h in hits]) / (hits[0].size / 4)


def test_hits_on_the_folds_of_boosting_are_independent_coins_where_nothing_drifted():
    assert inflation_of(RECIPES[DriftModel.GRADIENT_BOOSTING].split) == pytest.approx(1, abs=0.15)
    assert inflation_of(RECIPES[DriftModel.RANDOM_FOREST].split) == pytest.approx(1, abs=0.15)


def test_in_cross_validation_they_would_not_be():
    def cross_validation(is_current, seed):
        return StratifiedKFold(3, shuffle=True, random_state=seed).split(np.empty(is_current.size), is_current)

    # Two rows judge each other: 1 + 2 / pi for a linear classifier.
    assert inflation_of(cross_validation) == pytest.approx(1 + 2 / np.pi, abs=0.25)


@pytest.mark.slow
def test_false_alarms_of_boosting_are_as_rare_as_they_say():
    repeats = 220
    alarms, held, inflation = judged_without_drift(100, repeats)
    error = np.sqrt(0.05 * 0.95 / repeats)
    assert alarms < 0.05 + 2.6 * error
    assert held > 0.95 - 2.6 * error
    assert inflation < 1 + 2.6 * np.sqrt(2 / repeats)


def test_boosting_is_never_measured_on_what_any_earlier_fold_was_learned_from():
    is_current = np.arange(400) >= 200
    parts = list(RECIPES[DriftModel.GRADIENT_BOOSTING].split(is_current, 1))
    assert len(parts) == 3
    learned_from = set()
    for fitted_on, measured_on in parts:
        learned_from |= set(fitted_on)
        assert not learned_from & set(measured_on)
        assert is_current[measured_on].mean() == 0.5


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("apart", [0.5, 1.5, 3.0])
def test_accuracy_comes_near_the_best_there_is(model, apart):
    """Of two normal distributions no classifier is right more often than Phi(distance / 2)."""
    random = np.random.default_rng(1)
    pairs = [
        ColumnPair("moved", Handling.NUMERICAL, random.normal(size=3000), random.normal(apart, 1, 3000)),
        ColumnPair("noise", Handling.NUMERICAL, random.normal(size=3000), random.normal(size=3000)),
    ]
    found = values_of(measure_global_drift(pairs, Drift(model=model), seed=1))
    best = norm.cdf(apart / 2)
    assert best - 0.05 < found["data_drift"] < best + 0.025
    area = norm.cdf(apart / np.sqrt(2))
    assert found["data_drift_auc"] == pytest.approx(area, abs=0.05)


@pytest.mark.parametrize("model", MODELS)
def test_accuracy_on_levels_is_half_and_half_of_how_far_their_shares_differ(model):
    random = np.random.default_rng(2)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    sides = (pd.Series(random.choice(list("abcd"), 3000, p=p), dtype="str") for p in (shares, shares[::-1]))
    found = values_of(
        measure_global_drift([encode_pair("c", Handling.CATEGORICAL, *sides)], Drift(model=model), seed=1)
    )
    assert found["data_drift"] == pytest.approx(0.5 + np.abs(shares - shares[::-1]).sum() / 4, abs=0.03)


def test_boosting_learns_from_few_rows_too():
    pair = ColumnPair("x", Handling.NUMERICAL, np.arange(40.0), np.arange(40.0) + 100)
    assert values_of(measure_global_drift([pair], Drift(), seed=1))["data_drift"] > 0.95


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
    assert found.measurements[0].rows == 300  # the first of four folds is learned from only
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


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_the_rows_changes_no_digit(model):
    pairs = pairs_of(400, shift=0.4, rows_current=300)
    random = np.random.default_rng(9)
    orders = random.permutation(400), random.permutation(300)
    shuffled = [
        ColumnPair(pair.name, pair.handling, pair.reference[orders[0]], pair.current[orders[1]], pair.levels)
        for pair in pairs
    ]
    settings = Drift(model=model, importances=True)
    assert measure_global_drift(pairs, settings, seed=3) == measure_global_drift(shuffled, settings, seed=3)


def test_the_forest_adds_up_its_votes_in_one_order():
    pairs = pairs_of(300, shift=0.3)
    found = {
        values_of(measure_global_drift(pairs, Drift(model=DriftModel.RANDOM_FOREST), seed=3))["data_drift_auc"]
        for _ in range(3)
    }
    assert len(found) == 1


def test_importances_are_there_without_drift_where_they_are_asked_for():
    pairs = no_drift(300, seed=5)
    assert values_of(measure_global_drift(pairs, Drift(), seed=3))["data_drift_p_value"] >= 0.05
    assert measure_global_drift(pairs, Drift(), seed=3).importances == {}
    assert set(measure_global_drift(pairs, Drift(importances=True), seed=3).importances) == {p.name for p in pairs}


def with_rows_of_the_reference(pairs, rows):
    return [
        ColumnPair(p.name, p.handling, p.reference, np.concatenate([p.reference[:rows], p.current]), p.levels)
        for p in pairs
    ]


def test_rows_of_the_reference_in_the_current_data_are_left_out_and_counted():
    pairs = no_drift(900, seed=5)
    found = measure_global_drift(with_rows_of_the_reference(pairs, 500), Drift(), seed=3)
    assert found.twins == 500
    assert found.rows_per_side == 400
    assert values_of(found)["data_drift_p_value"] > 0.01
    assert measure_global_drift(pairs, Drift(), seed=3).twins == 0


def test_left_in_they_would_hide_drift():
    random = np.random.default_rng(2)
    pairs = [ColumnPair(str(n), Handling.NUMERICAL, *random.normal(size=(2, 600))) for n in range(3)]
    pairs[0].current[:] += 0.5
    found = measure_global_drift(with_rows_of_the_reference(pairs, 400), Drift(), seed=3)
    assert found.twins == 400
    assert values_of(found)["data_drift_p_value"] < 0.05


def test_where_every_current_row_is_of_the_reference_nothing_can_be_told():
    pairs = with_rows_of_the_reference([ColumnPair("a", Handling.NUMERICAL, np.arange(500.0), np.empty(0))], 300)
    found = measure_global_drift(pairs, Drift(), seed=3)
    assert found.twins == 300
    assert all(m.value is None and "200 of the reference" in m.reason for m in found.measurements)


def test_equal_rows_of_a_table_of_few_levels_are_no_twins():
    random = np.random.default_rng(2)
    pairs = [ColumnPair(str(n), Handling.CATEGORICAL, *random.integers(0, 40, (2, 500)) * 1.0) for n in range(2)]
    assert measure_global_drift(pairs, Drift(), seed=3).twins == 0


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
