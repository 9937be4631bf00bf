"""Numbers don't depend on the order of the rows, to the last bit."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isnan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file import CostMatrix
from governance.vocabulary import Averaging, PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.resampling import positions_by_content
from tasks.metrics.sums import rounded_to_add, stable_sum, sums_by

from .test_weights import example


@pytest.mark.parametrize("rows", [200, 3_000])
@pytest.mark.parametrize("way", ["plain", "weights", "blocks", "both"])
@pytest.mark.parametrize("kind", PredictionType)
def test_every_metric_and_its_interval(kind, way, rows):
    random = np.random.default_rng(5)
    classes, target, scored = example(kind, rows)
    days = np.sort(random.integers(0, 20, rows))
    if kind is PredictionType.REGRESSION:
        target = target + days
    else:  # a bad day in every three
        target = target.where(days % 3 > 0, scored["prediction"].to_numpy())
    settings = {
        "weights": random.exponential(size=rows) if way in ("weights", "both") else None,
        "blocks": days if way in ("blocks", "both") else None,
    }
    fixed = {"cost_matrix": CostMatrix(true_positive=0.3) if kind is PredictionType.BINARY else None}
    fixed["averaging"] = Averaging.WEIGHTED if kind is PredictionType.MULTICLASS else Averaging.MACRO
    order = random.permutation(rows)
    before = measure_performance(kind, classes, target, scored, 0.5, **settings, **fixed)
    after = measure_performance(
        kind, classes, target.iloc[order], scored.iloc[order], 0.5,
        **{name: None if side is None else side[order] for name, side in settings.items()}, **fixed,
    )  # fmt: skip
    assert before == after


numbers = st.floats(allow_nan=False, allow_infinity=False, width=64)


@settings(max_examples=150, deadline=None)
@given(st.lists(numbers, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_sum_is_the_same_in_any_order_and_close_to_the_exact_one(values, random):
    found = stable_sum(np.array(values))
    exact = sum(map(Fraction, values))
    largest = Fraction(max(map(abs, values)))
    if abs(exact) < Fraction(1.7e308):
        assert abs(Fraction(found) - exact) <= largest * Fraction(2) ** -50 + abs(exact) * Fraction(2) ** -52
    random.shuffle(values)
    assert stable_sum(np.array(values)) == found


def test_sums_of_what_is_infinite_or_too_large_are_infinite_and_no_error():
    assert stable_sum(np.array([1e308, 1e308, 1e308])) == inf
    assert stable_sum(np.array([-1e308, -1e308, 1.0])) == -inf
    assert stable_sum(np.array([1.0, inf])) == inf
    assert isnan(stable_sum(np.array([-inf, inf])))
    assert stable_sum(np.array([5e-324, 5e-324])) == 1e-323
    assert stable_sum(np.array([])) == 0


def test_sums_by_group_are_the_sums_of_the_groups():
    random = np.random.default_rng(0)
    codes, values = random.integers(0, 7, 5_000), random.standard_cauchy(5_000)
    expected = [stable_sum(values[codes == code]) for code in range(7)]
    assert sums_by(codes, values, 7) == pytest.approx(expected, rel=1e-12)


def test_products_of_rounded_numbers_with_counts_are_exact():
    random = np.random.default_rng(0)
    counts = random.multinomial(50, np.full(50, 1 / 50), 20).astype(float)
    totals = random.normal(size=(50, 3))
    rounded = rounded_to_add(totals, 50)
    assert rounded == pytest.approx(totals, rel=1e-9)
    order = random.permutation(50)
    assert (counts @ rounded == counts[:, order] @ rounded[order]).all()


def test_places_follow_what_rows_hold():
    random = np.random.default_rng(0)
    columns = [random.normal(size=500), random.integers(0, 3, 500).astype(float)]
    order = random.permutation(500)
    place = positions_by_content(columns, 1)
    assert (positions_by_content([column[order] for column in columns], 1) == place[order]).all()
    assert sorted(place) == list(range(500))
    assert (positions_by_content(columns, 2) != place).mean() > 0.9


def test_equal_rows_are_spread_over_the_places_like_any_others():
    place = positions_by_content([np.repeat([0.0, 1.0], [900, 100])], 1) % 10
    assert len(set(np.bincount(place[900:], minlength=10))) > 2
    assert pd.Series(place[900:]).nunique() == 10
