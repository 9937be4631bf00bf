"""What a difference proves, and what it still proves when many were looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from governance.vocabulary import Measurement
from tasks.metrics.intervals import wilson
from tasks.segments.comparing import corrected, holm, p_value_of


def test_an_interval_that_ends_at_zero_has_a_p_value_of_a_twentieth():
    assert p_value_of(Measurement("m", 3.0, 0.0, 9.0)) == pytest.approx(0.05)
    assert p_value_of(Measurement("m", -3.0, -9.0, 0.0)) == pytest.approx(0.05)
    assert p_value_of(Measurement("m", 0.0, -1.0, 1.0)) == 1


@pytest.mark.parametrize("difference", [Measurement("m", None, reason="none"), Measurement("m", 1.0)])
def test_without_an_interval_nothing_is_tested(difference):
    assert p_value_of(difference) is None


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_what_its_paper_says(p_values):
    found = holm(np.array(p_values))
    worst, in_order = 0.0, sorted(range(len(p_values)), key=lambda n: p_values[n])
    for rank, n in enumerate(in_order):
        worst = max(worst, min(1.0, p_values[n] * (len(p_values) - rank)))
        assert found[n] == pytest.approx(worst)


def test_what_could_not_be_tested_does_not_count_among_the_tests():
    assert corrected([None, 0.02, None, 0.5]) == [None, 0.04, None, 0.5]
    assert corrected([None]) == [None]


@pytest.mark.parametrize(("share", "rows"), [(0.5, 100), (0.9, 100), (0.97, 100), (0.9, 2_000)])
def test_of_two_shares_that_are_equal_five_in_a_hundred_differ(share, rows):
    """Small segments against everything else, also where nearly all rows are right."""
    random = np.random.default_rng(0)
    sides = random.binomial(rows, share, 4_000), random.binomial(20_000, share, 4_000)
    found = [
        p_value_of(
            Measurement("m", *wilson(int(one), rows)).minus(Measurement("m", *wilson(int(other), 20_000)), "difference")
        )
        for one, other in zip(*sides, strict=True)
    ]
    assert 0.03 < np.mean(np.array(found) < 0.05) < 0.065
    assert np.mean(np.array(found) < 0.0025) < 0.0075  # where Holm looks, with twenty segments


@pytest.mark.parametrize("days", [5, 20])
def test_of_few_days_the_tail_is_that_of_student(days):
    """Where Holm looks, with twenty segments, the normal distribution gives 4 false alarms too many of 5 days."""
    random = np.random.default_rng(0)
    means = random.normal(size=(20_000, days))
    half = stdtrit(days - 1, 0.975) * means.std(axis=1, ddof=1) / np.sqrt(days)
    found = [
        p_value_of(Measurement("m", value, value - width, value + width), days - 1)
        for value, width in zip(means.mean(axis=1), half, strict=True)
    ]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.01)
    assert np.mean(np.array(found) < 0.0025) == pytest.approx(0.0025, abs=0.0012)
    assert p_value_of(Measurement("m", 3.0, 0.0, 9.0), days - 1) == pytest.approx(0.05)
