"""A metric that stays where it has been."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from governance.project_file import TypicalRange
from governance.vocabulary import CheckOutcome
from tasks.checks import Evidence, run_check
from tests.tasks.checks.evidence import evidence, metrics


def typical(**settings):
    return TypicalRange(name="t", type="typical_range", metric="m", **settings)


@pytest.mark.parametrize(
    ("before", "says"),
    [
        ([], "5 more evaluations with a value, 0 of 5 are there"),
        ([1.0, None, 2.0], "3 more evaluations with a value, 2 of 5 are there"),
        ([1.0, 2.0, 3.0, 4.0, None], "1 more evaluation with a value, 4 of 5 are there"),
    ],
)
def test_while_it_learns_it_is_empty_and_says_how_many_are_still_to_come(before, says):
    found = run_check(typical(), evidence(0.5, *before))
    assert (found.outcome, found.value) == (CheckOutcome.EMPTY, 0.5)
    assert found.message == f"m is 0.5; what is typical is still to learn: {says}"
    assert found.bounds == {"learned_from": len([v for v in before if v is not None]), "learning_runs": 5}


def test_without_a_value_of_its_own_it_is_empty_however_much_was_learned():
    found = run_check(typical(), evidence(None, *range(9)))
    assert (found.outcome, found.message) == (CheckOutcome.EMPTY, "m has no value: it is not a number")


BEFORE = [1.0, 2.0, 3.0, 4.0, 5.0]
"""Quartiles 2 and 4: fences at 1.5 ranges are -1 and 7, at 3 ranges -4 and 10."""


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(-4.1, "ERROR"), (-4, "WARNING"), (-1.1, "WARNING"), (-1, "OK"), (3, "OK"), (7, "OK"), (7.1, "WARNING"), (10, "WARNING"), (10.1, "ERROR")],
)  # fmt: skip
def test_the_bounds_are_multiples_of_the_interquartile_range_beyond_the_quartiles(value, outcome):
    found = run_check(typical(), evidence(value, *BEFORE))
    assert found.outcome == outcome
    assert found.bounds == {
        "learned_from": 5, "minimum": -4.0, "maximum": 10.0, "soft_minimum": -1.0, "soft_maximum": 7.0,
    }  # fmt: skip


def test_it_says_what_was_broken_and_from_how_many_it_learned():
    assert run_check(typical(), evidence(11, *BEFORE)).message == (
        "m is 11, above the maximum of 10, as learned from 5 evaluations"
    )


def test_without_a_soft_factor_nothing_warns():
    check = typical(factor=1.0, soft_factor=None)
    assert [run_check(check, evidence(v, *BEFORE)).outcome.value for v in (6, 6.1)] == ["OK", "ERROR"]


def test_only_so_many_evaluations_back_are_learned_from():
    old = [100.0, 200.0, 300.0]
    found = run_check(typical(lookback=5), evidence(3, *BEFORE, *old))
    assert found.bounds["maximum"] == 10.0
    one_is_empty = run_check(typical(lookback=5), evidence(3, None, *BEFORE))
    assert one_is_empty.outcome is CheckOutcome.EMPTY, "an evaluation without a value is looked at too"


@pytest.mark.parametrize(("value", "outcome"), [(0.5, "OK"), (0.5 + 1e-12, "OK"), (0.5001, "WARNING"), (90, "WARNING"), (-90, "WARNING")])  # fmt: skip
def test_after_nothing_but_the_same_value_a_change_warns_and_never_errs(value, outcome):
    found = run_check(typical(), evidence(value, *[0.5] * 6))
    assert found.outcome == outcome
    assert "all 6 values before were 0.5" in found.message
    assert ("how far is too far is not known" in found.message) is (outcome == "WARNING")


def test_where_most_values_are_the_same_the_others_still_count_as_seen():
    found = [run_check(typical(), evidence(v, 0, 0, 0, 0, 0, 0, 2)) for v in (0, 1, 2, 3)]
    assert [one.outcome.value for one in found] == ["OK", "OK", "OK", "WARNING"]
    assert found[-1].bounds == {"learned_from": 7, "soft_minimum": 0, "soft_maximum": 2}
    assert "most of the 7 values before were the same, all between 0 and 2" in found[-1].message


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=20), st.floats(-1e6, 1e6), st.integers(-8, 8))
def test_another_unit_changes_nothing(before, value, exponent):
    """Values times a power of two: the digits stay, so not even rounding may decide otherwise."""
    assume(np.subtract(*np.quantile(before, [0.75, 0.25])) > 1e-3)
    scale = 2.0**exponent
    found = run_check(typical(), evidence(value, *before))
    scaled = run_check(typical(), evidence(value * scale, *(v * scale for v in before)))
    assert found.outcome is scaled.outcome


def test_quiet_batches_seldom_alarm_and_a_jump_does():
    random = np.random.default_rng(7)
    quiet = [run_check(typical(), evidence(*random.normal(0.5, 0.01, 21))).outcome for _ in range(400)]
    assert quiet.count(CheckOutcome.ERROR) <= 4, "a hundredth"
    assert run_check(typical(), evidence(0.6, *random.normal(0.5, 0.01, 20))).outcome is CheckOutcome.ERROR


def test_evaluations_that_never_had_the_metric_are_passed_over():
    history = [metrics(m=value) if value else metrics(n=1.0) for value in (1.0, None, 2.0, 3.0, 4.0, 5.0)]
    assert run_check(typical(), Evidence(metrics(m=3.0), history)).bounds["learned_from"] == 5
