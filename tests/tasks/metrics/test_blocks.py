"""Where rows of a day hang together, intervals are as wide as that makes them; where not, they stay as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import f_oneway

from governance.project_file import CostMatrix
from governance.vocabulary import PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.days import blocks_of, hang_together

from .test_weights import example

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION
REPEATS = 60
DAYS, PER_DAY = 60, 20


def of_days(kind, days, per_day, random):
    """Rows whose days have good and bad luck in common."""
    luck = np.repeat(random.normal(size=days), per_day)
    rows, blocks = luck.size, np.repeat(np.arange(days), per_day)
    if kind is REGRESSION:
        predicted = random.normal(size=rows) + 8
        target = predicted + 0.5 * random.normal(size=rows) + 0.5 * luck
        return (), pd.Series(target), pd.DataFrame({"prediction": predicted}), blocks
    codes = random.integers(0, 2 if kind is BINARY else 3, rows)
    scores = random.normal(size=(rows, codes.max() + 1))
    scores[np.arange(rows), codes] += 1.2 + luck
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    classes = ("no", "yes") if kind is BINARY else ("a", "b", "c")
    scored = pd.DataFrame(probabilities, columns=[f"proba_{name}" for name in classes])
    labels = np.array(classes)
    return classes, pd.Series(labels[codes]), scored.assign(prediction=labels[probabilities.argmax(axis=1)]), blocks


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", PredictionType)
def test_intervals_of_days_hold_the_truth_about_as_often_as_they_say(kind, weighted):
    random = np.random.default_rng(7)
    costs = CostMatrix(true_positive=3, false_positive=-1) if kind is BINARY else None

    def measure(days, per_day):
        classes, target, scored, blocks = of_days(kind, days, per_day, random)
        weights = random.exponential(size=len(target)) if weighted else None
        found = measure_performance(
            kind, classes, target, scored, 0.5, weights=weights, cost_matrix=costs, blocks=blocks
        )
        return {m.name: m for m in found}

    truth = measure(10_000, 10)
    held = dict.fromkeys(truth, 0)
    for _ in range(REPEATS):
        for name, m in measure(DAYS, PER_DAY).items():
            held[name] += m.lower <= truth[name].value <= m.upper
    shares = {name: count / REPEATS for name, count in held.items()}
    assert min(shares.values()) >= 0.85, shares
    assert np.mean(list(shares.values())) >= 0.9, shares  # taken as independent, such rows give 0.55 to 0.8


@pytest.mark.parametrize("kind", PredictionType)
def test_weighted_intervals_of_rows_hold_the_truth_about_as_often_as_they_say(kind):
    random = np.random.default_rng(1)

    def measure(rows):
        classes, target, scored = example(kind, rows, int(random.integers(1 << 30)))
        found = measure_performance(kind, classes, target, scored, 0.5, weights=random.random(rows) + 0.1)
        return {m.name: m for m in found}

    truth = measure(100_000)
    held = dict.fromkeys(truth, 0)
    for _ in range(REPEATS):
        for name, m in measure(1_500).items():
            held[name] += m.lower <= truth[name].value <= m.upper
    shares = {name: count / REPEATS for name, count in held.items()}
    assert min(shares.values()) >= 0.85, shares


def test_days_that_are_less_alike_than_chance_makes_them_change_nothing():
    classes, target, scored = example(BINARY, 600)
    order = np.argsort((scored["prediction"] != target).to_numpy(), kind="stable")
    target, scored = (side.iloc[order].reset_index(drop=True) for side in (target, scored))
    blocks = np.arange(600) % 30  # every day has its share of the mistakes
    assert not hang_together(np.where(scored["prediction"] == target, 0.0, 1.0), blocks)
    given = measure_performance(BINARY, classes, target, scored, None, blocks=blocks)
    assert given == measure_performance(BINARY, classes, target, scored, None)


def test_the_rule_is_whether_the_f_statistic_is_above_1():
    random = np.random.default_rng(0)
    blocks = np.repeat(np.arange(10), 15)
    for _ in range(100):
        losses = random.random(150)
        statistic = f_oneway(*(losses[blocks == block] for block in range(10))).statistic
        assert hang_together(losses, blocks) == (statistic > 1)


@pytest.mark.parametrize("luck", [0.0, 0.15])
def test_few_days_with_moderate_luck_have_intervals_that_hold(luck):
    """Where blocks were used only when the luck is significant, 8 days with moderate luck gave 0.85 and less."""
    random = np.random.default_rng(3)
    held = []
    for _ in range(400):
        losses = random.normal(size=160) * 0.5 + luck * np.repeat(random.normal(size=8), 20)
        target, scored = pd.Series(losses), pd.DataFrame({"prediction": np.zeros(160)})
        found = measure_performance(REGRESSION, (), target, scored, None, blocks=np.repeat(np.arange(8), 20))
        mae = next(m for m in found if m.name == "mae")
        held.append(mae.lower <= np.sqrt(2 / np.pi * (0.25 + luck**2)) <= mae.upper)
    assert np.mean(held) >= 0.92


def test_few_days_constant_losses_and_single_rows_are_no_reason_to_draw_blocks():
    random = np.random.default_rng(0)
    assert not hang_together(np.repeat([0.0, 9.0], 50) + random.random(100), np.repeat([0, 1], 50))
    assert not hang_together(np.zeros(100), np.repeat(np.arange(10), 10))
    assert not hang_together(random.random(100), np.arange(100))
    assert hang_together(np.repeat(np.arange(10.0), 10) * 1e300, np.repeat(np.arange(10), 10))


def test_a_day_is_one_of_utc_and_rows_without_a_time_are_a_block():
    hours = pd.date_range("2017-01-01 20:00", periods=200, freq="h", tz="UTC")
    times = pd.Series(hours).where(np.arange(200) > 3)
    found = blocks_of(times)
    assert pd.Series(found).nunique() == 1 + hours[4:].normalize().nunique()
    for same in (times.dt.tz_convert("Asia/Tokyo"), times.dt.tz_localize(None)):
        assert np.array_equal(found, blocks_of(same))
    assert len(set(found[:4])) == 1


def test_rows_without_a_time_are_no_day():
    times = pd.Series(pd.date_range("2017-01-01", periods=4, freq="D").repeat(5))
    assert blocks_of(pd.concat([times, pd.Series([pd.NaT] * 5)])) is None
    single = pd.Series(pd.date_range("2017-01-01", periods=20, freq="D"))
    assert blocks_of(pd.concat([single, pd.Series([pd.NaT] * 5)])) is None


@pytest.mark.parametrize("times", [
    pd.date_range("2017-01-01", periods=20, freq="D"), pd.date_range("2017-01-01", periods=90, freq="h"),
])  # fmt: skip
def test_a_row_a_day_or_too_few_days_make_no_blocks(times):
    assert blocks_of(pd.Series(times)) is None


def test_blocks_are_as_many_as_rows():
    classes, target, scored = example(BINARY, 10)
    with pytest.raises(ValueError, match="10 targets and 3 blocks"):
        measure_performance(BINARY, classes, target, scored, None, blocks=np.arange(3))
