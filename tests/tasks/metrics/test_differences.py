"""Differences to the reference, and how sure they are."""

from __future__ import annotations

import numpy as np
import pytest

from governance.vocabulary import Measurement
from tasks.drift.performance import performance_drift
from tasks.metrics.intervals import wilson


def difference(before, after):
    return performance_drift([Measurement("accuracy", *before)], [Measurement("accuracy", *after)])[0]


def test_the_ends_add_up_as_squares():
    found = difference((0.75, 0.71, 0.78), (0.5, 0.47, 0.54))
    assert (found.name, found.value) == ("accuracy_drift", -0.25)
    assert found.lower == pytest.approx(-0.25 - np.hypot(0.03, 0.03))
    assert found.upper == pytest.approx(-0.25 + np.hypot(0.04, 0.04))


@pytest.mark.parametrize(("before", "after"), [
    ((0.75,), (0.5, 0.4, 0.7)), ((0.75, 0.7, 0.85), (0.5,)), ((0.75,), (0.5,)),
])  # fmt: skip
def test_a_side_without_an_interval_gives_a_difference_without_one(before, after):
    found = difference(before, after)
    assert (found.value, found.lower, found.upper) == (-0.25, None, None)


def test_a_metric_of_one_side_only_says_which_side_has_none():
    found = performance_drift(
        [Measurement("f1", None, reason="no row is positive"), Measurement("mcc", 0.1)],
        [Measurement("f1", 0.3, rows=7)],
    )
    assert [(m.name, m.value, m.reason) for m in found] == [
        ("f1_drift", None, "the reference has no f1: no row is positive"),
        ("mcc_drift", None, "the current data has no mcc"),
    ]
    assert found[0].rows == 7


def test_a_difference_beyond_floating_point_is_a_reason():
    found = difference((-1.7e308,), (1.7e308,))
    assert (found.value, found.reason) == (None, "the difference is beyond floating point")
    assert difference((0.0, -1.7e308, 1.7e308), (0.0, -1.7e308, 1.7e308)) == Measurement("accuracy_drift", 0.0)


def test_intervals_of_differences_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(500):
        before, after = (wilson(int(random.binomial(rows, share)), rows) for rows, share in ((200, 0.9), (80, 0.8)))
        found = difference(before, after)
        held += found.lower <= -0.1 <= found.upper
    assert 0.925 <= held / 500 <= 0.975
