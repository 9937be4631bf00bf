"""Scores hold as p-values by themselves, agree with SciPy, and survive every edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tasks.drift import scores

shares = st.tuples(st.integers(0, 60), st.integers(0, 400), st.integers(0, 60), st.integers(0, 90))


@given(shares)
def test_a_scarce_share_is_tested_as_fisher_does(table):
    hits_here, others_here, hits, others = table
    found = float(scores.share_p_value(hits_here, others_here, hits, others))
    rows, all_hits, current = sum(table), hits_here + hits, hits + others
    if rows == 0 or 0 in (all_hits, rows - all_hits, current, rows - current):
        assert found == 1
    elif min(current, rows - current) * min(all_hits, rows - all_hits) / rows < scores.EXACT_BELOW:
        assert found == pytest.approx(stats.fisher_exact([[hits_here, others_here], [hits, others]]).pvalue, rel=1e-6)
    else:
        expected = stats.chi2_contingency([[hits_here, others_here], [hits, others]], correction=False).pvalue
        assert found == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=3, max_size=9))
def test_homogeneity_agrees_with_scipy(table):
    here, there = (np.array(side) for side in zip(*table, strict=True))
    expected = stats.chi2_contingency([here, there], correction=False).pvalue
    assert float(scores.homogeneity_p_value(here, there)) == pytest.approx(expected, abs=1e-12)


def test_an_array_of_draws_is_scored_as_each_draw_by_itself():
    present, missing = np.array([95, 90, 100]), np.array([5, 10, 0])
    ks, below, above = np.array([0.1, 0.2, 0.05]), np.array([0, 1, 2]), np.array([1, 0, 0])
    together = scores.score_of_ordered(ks, 1000 - present, present, 20 - missing, missing, below, above)
    alone = [
        float(
            scores.score_of_ordered(
                ks[i], 1000 - present[i], present[i], 20 - missing[i], missing[i], below[i], above[i]
            )
        )
        for i in range(3)
    ]
    assert together.tolist() == alone


@given(st.integers(0, 30), st.integers(30, 200), st.integers(0, 300))
def test_more_new_levels_or_values_beyond_are_never_less_surprising(beyond, current, once):
    p_value = scores.end_p_value([beyond, beyond + 1], 500, current + 1)
    assert 0 < p_value[1] <= p_value[0] <= 1
    p_value = scores.new_level_p_value([beyond, beyond + 1], current, 500, once, once // 2)
    assert 0 <= p_value[1] <= p_value[0] <= 1


def test_values_beyond_the_reference_are_as_rare_as_their_p_value_says():
    random = np.random.default_rng(1)
    values = random.normal(size=(20_000, 60))
    beyond = (values[:, 50:] > values[:, :50].max(axis=1, keepdims=True)).sum(axis=1)
    for count in (1, 2, 3):
        assert np.mean(beyond >= count) == pytest.approx(float(scores.end_p_value(count, 50, 10)), rel=0.15)


@given(st.lists(st.integers(0, 2_000), max_size=600), st.integers(0, 5_000))
def test_cells_hold_enough_rows_and_every_level_has_one(counts, smaller):
    counts = np.array(counts, dtype=np.int64)
    smaller = min(smaller, int(counts.sum()) // 2)
    cells = scores.cells_of_levels(counts, smaller)
    assert cells.size == counts.size
    used = np.unique(cells)
    assert used.tolist() == list(range(used.size))
    assert used.size <= scores.MOST_CELLS
    if used.size > 1:
        expected = np.bincount(cells, weights=counts) * smaller / counts.sum()
        assert expected.min() >= scores.FEWEST_EXPECTED - 1e-9


@given(st.permutations(range(12)))
def test_cells_do_not_depend_on_the_order_of_levels_that_differ_in_frequency(order):
    counts = np.array([900, 400, 200, 100, 70, 50, 30, 20, 11, 7, 3, 1])
    assert scores.cells_of_levels(counts[order], 100).tolist() == scores.cells_of_levels(counts, 100)[order].tolist()


def test_the_score_alone_is_a_valid_p_value():
    random = np.random.default_rng(6)
    found = []
    for _ in range(2_000):
        here, there = np.sort(random.normal(size=200)), np.sort(random.normal(size=50))
        both = np.concatenate([here, there])
        gap = np.searchsorted(here, both, "right") / 200 - np.searchsorted(there, both, "right") / 50
        beyond = (there < here[0]).sum(), (there > here[-1]).sum()
        found.append(scores.score_of_ordered(np.abs(gap).max(), 200, 50, 0, 0, *beyond))
    assert 0.01 <= np.mean(10 ** -np.array(found) < 0.05) <= 0.06


def test_nothing_on_a_side_is_no_surprise():
    assert float(scores.score_of_ordered(0.0, 0, 0, 10, 10, 0, 0)) == 0
    assert scores.score_of_levels(np.array([], dtype=np.int64), np.array([], dtype=np.int64), 5, 5, 0, 0, 0) == 0


def test_what_cannot_be_more_surprising_scores_a_finite_number():
    assert float(scores.score_of_ordered(1.0, 10**6, 10**6, 0, 0, 0, 10**6)) == pytest.approx(300, abs=1)
    assert scores.score_of_levels(np.array([10**6, 0]), np.array([0, 10**6]), 0, 0, 10**6, 10**6, 0) <= 300


@pytest.mark.parametrize(("missing", "least"), [(1, 0.0), (3, 3.0), (50, 30.0)])
def test_missing_values_that_the_reference_has_not_surprise_as_fisher_says(missing, least):
    found = float(scores.score_of_ordered(0.0, 10_000, 100 - missing, 0, missing, 0, 0))
    expected = stats.fisher_exact([[0, 10_000], [missing, 100 - missing]]).pvalue / scores.OF_MISSING
    assert found == pytest.approx(max(0.0, -np.log10(expected)))
    assert found >= least


def test_frequent_levels_of_the_reference_are_no_drift_because_chance_made_them_frequent():
    random = np.random.default_rng(3)
    surprises = []
    for _ in range(100):
        here, there = (np.bincount(random.integers(0, 3_000, rows), minlength=3_000) for rows in (10_000, 1_000))
        new = int(there[here == 0].sum())
        surprises.append(scores.score_of_levels(here, there, 0, 0, new, 10_000, int((here == 1).sum())))
    assert np.mean(np.array(surprises) > 2) <= 0.05


def test_levels_that_the_reference_missed_by_chance_are_no_surprise_in_a_larger_batch():
    random = np.random.default_rng(4)
    surprises = []
    for _ in range(400):
        here, there = (np.bincount(random.integers(0, 200, rows), minlength=200) for rows in (1_000, 5_000))
        seen = [int((here == times).sum()) for times in (1, 2)]
        surprises.append(float(scores.new_level_p_value(there[here == 0].sum(), 5_000, 1_000, *seen)))
    assert np.mean(np.array(surprises) < 0.01) <= 0.02
    assert np.mean(np.array(surprises) < 0.05) <= 0.08


def test_a_column_of_identifiers_has_nothing_to_compare():
    reference = np.ones(500, dtype=np.int64)
    too_many = scores.score_of_levels(reference, np.zeros(500, dtype=np.int64), 0, 0, 200_000, 500, 500, 200_000)
    assert too_many < 1
