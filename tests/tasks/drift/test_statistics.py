"""Every statistic is what SciPy and Evidently compute where the definitions agree, and holds where theirs breaks."""

from __future__ import annotations

import subprocess
import sys
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from tasks.drift import contingency, statistics
from tasks.drift.kolmogorov import kolmogorov_p_value

values = arrays(np.float64, st.integers(1, 40), elements=st.integers(-8, 8).map(lambda n: n / 4))
counts = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=2, max_size=12).map(
    lambda rows: tuple(np.array(side) for side in zip(*rows, strict=True))
)
some_on_both = counts.filter(lambda sides: min(side.sum() for side in sides) > 0)


def gap(reference, current):
    return statistics.gap_between(np.sort(reference), np.sort(current))


def wasserstein(reference, current):
    return statistics.wasserstein(gap(reference, current).area, statistics.deviation(np.sort(reference)))


@given(values, values)
def test_ks_agrees_with_scipy_ties_included(reference, current):
    expected = stats.ks_2samp(reference, current, method="asymp")
    assert gap(reference, current).ks == pytest.approx(expected.statistic)
    ours = statistics.ks_p_value(gap(reference, current).ks, reference.size, current.size)
    # One row against one is half a row to SciPy, of which it knows no distribution.
    asymptotic = 1 if np.isnan(expected.pvalue) else expected.pvalue
    # Two samples that do not overlap are the most that few rows can prove; the asymptotic value goes below.
    if expected.statistic > 0:
        asymptotic = max(asymptotic, min(1, 2 / comb(reference.size + current.size, current.size)))
    assert ours == pytest.approx(asymptotic, abs=1e-3 if min(reference.size, current.size) < 4 else 1e-9)


@given(values, values)
def test_wasserstein_agrees_with_scipy(reference, current):
    if np.ptp(reference) == 0:
        return
    expected = stats.wasserstein_distance(reference, current) / np.std(reference)
    assert wasserstein(reference, current) == pytest.approx(expected)
    assert gap(current, reference).area == pytest.approx(gap(reference, current).area)


@given(st.lists(st.tuples(st.integers(5, 80), st.integers(5, 80)), min_size=2, max_size=12))
def test_chi2_agrees_with_scipy_where_enough_is_expected(rows):
    reference, current = (np.array(side) for side in zip(*rows, strict=True))
    expected = stats.chi2_contingency(np.stack([reference, current]), correction=False)
    if expected.expected_freq.min() >= 5:
        assert contingency.chi2_p_value(reference, current) == pytest.approx(expected.pvalue)
        effect = stats.contingency.association(np.stack([reference, current]), method="cramer", correction=False)
        assert contingency.homogeneity(reference, current).cramers_v == pytest.approx(effect, abs=1e-9)


@given(st.tuples(st.integers(0, 4), st.integers(1, 200)), st.tuples(st.integers(0, 4), st.integers(1, 200)))
def test_two_levels_of_which_few_rows_are_expected_are_tested_exactly(reference, current):
    table = np.array([reference, current])
    expected = stats.fisher_exact(table).pvalue if table.sum(axis=0).min() else 1
    sides = table.sum(axis=1)
    if (np.outer(sides, table.sum(axis=0)) < 5 * table.sum()).any():
        assert contingency.chi2_p_value(*table) == pytest.approx(expected)


@pytest.mark.parametrize(("reference", "current", "expected"), [
    ([50_000, 0], [99, 1], 0.001996), ([49_999, 1], [999, 1], 0.038832),
])  # fmt: skip
def test_one_row_of_a_lone_rare_level_proves_no_more_than_one_row_can(reference, current, expected):
    assert contingency.chi2_p_value(np.array(reference), np.array(current)) == pytest.approx(expected, rel=1e-3)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=30))
def test_after_putting_levels_together_cochran_s_rule_holds_or_two_are_left(rows):
    table = np.array(rows).T
    table = table[:, table.sum(axis=0) > 0]
    if min(table.sum(axis=1), default=0) == 0 or table.shape[1] < 2:
        return
    merged = np.stack(contingency.in_cells(*table))
    assert merged.sum(axis=1).tolist() == table.sum(axis=1).tolist()
    expected = np.sort(table.sum(axis=1).min() * merged.sum(axis=0) / table.sum())
    assert merged.shape[1] == 2 or (expected[0] >= 1 and np.mean(expected < 5) <= 0.2)


@pytest.mark.parametrize(("n", "m"), [(50_000, 100), (50_000, 1_000), (1_000, 1_000), (200, 50)])
@pytest.mark.parametrize("rare", [
    [0.0005], [0.005], [0.02], [0.1], [0.01, 0.001], [0.3, 0.01, 0.005, 0.001], list(0.14 / np.arange(1, 201)),
])  # fmt: skip
def test_chi2_raises_no_false_alarms_however_rare_levels_and_unequal_sides_are(n, m, rare):
    random = np.random.default_rng(n + m)
    shares = np.append(rare, 1 - sum(rare))
    draws = zip(*(random.multinomial(rows, shares, size=400) for rows in (n, m)), strict=True)
    p_values = np.array([contingency.chi2_p_value(*draw) for draw in draws])
    # 0.065, which is what whole numbers make of 0.05 where ten rows are expected, and three standard errors; five of
    # 400 below 0.001 happen once in 1,000 times.
    assert np.mean(p_values < 0.05) < 0.1
    assert np.sum(p_values < 0.001) <= 4


def test_chi2_still_sees_levels_that_are_rare_one_by_one():
    reference, current = np.full(200, 50), np.repeat([2, 0], 100)
    assert contingency.chi2_p_value(reference, current) < 0.001


@pytest.mark.parametrize(("levels", "rows"), [(5, 1000), (200, 100), (10_000, 1000)])
def test_chi2_does_not_alarm_by_itself_however_many_levels(levels, rows):
    random = np.random.default_rng(levels)
    shares = 1 / np.arange(1, levels + 1)
    draws = [[random.multinomial(n, shares / shares.sum()) for n in (10_000, rows)] for _ in range(200)]
    assert np.mean([contingency.chi2_p_value(*draw) < 0.05 for draw in draws]) < 0.1


@given(some_on_both)
def test_jensen_shannon_agrees_with_scipy(sides):
    assert statistics.jensen_shannon(*sides) == pytest.approx(jensenshannon(*sides, base=2), abs=1e-7)


@given(some_on_both)
def test_psi_is_symmetric_finite_and_not_negative(sides):
    found = statistics.psi(*sides)
    assert np.isfinite(found)
    assert found >= 0
    assert found == pytest.approx(statistics.psi(*reversed(sides)))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_agrees_with_scipy(p_values):
    found = statistics.benjamini_hochberg(np.array(p_values))
    assert found == pytest.approx(stats.false_discovery_control(p_values))


@given(values, values)
def test_quantile_bins_hold_every_row_once(reference, current):
    edges = statistics.quantile_edges(np.sort(reference))
    assert (np.diff(edges) > 0).all()
    for side in (reference, current):
        found = statistics.counts_between(np.sort(side), edges)
        assert found.sum() == side.size
        assert len(found) == len(edges) + 1


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_quantile_bins_tell_two_values_apart_however_rare_one_is(share):
    column = np.sort(np.arange(100) < 100 * share).astype(float)
    found = statistics.counts_between(column, statistics.quantile_edges(column))
    assert sorted(found[found > 0]) == sorted([100 * share, 100 - 100 * share])


@pytest.mark.parametrize("scale", [1e-100, 1e-6, 1.0, 1e100])
def test_psi_and_wasserstein_see_a_shift_at_any_scale(scale):
    random = np.random.default_rng(0)
    reference, current = np.sort(random.random(500) * scale), np.sort((random.random(500) + 0.5) * scale)
    edges = statistics.quantile_edges(reference)
    binned = [statistics.counts_between(side, edges) for side in (reference, current)]
    assert statistics.psi(*binned) > 0.25
    assert wasserstein(reference, current) == pytest.approx(1.73, abs=0.2)


def test_one_outlier_in_the_reference_does_not_hide_a_shift_from_psi():
    random = np.random.default_rng(0)
    reference, current = np.sort(np.append(random.normal(size=1000), 1e9)), np.sort(random.normal(2, 1, 1000))
    edges = statistics.quantile_edges(reference)
    assert statistics.psi(*(statistics.counts_between(side, edges) for side in (reference, current))) > 0.25
    assert statistics.ks_p_value(gap(reference, current).ks, 1001, 1000) < 1e-10


@pytest.mark.parametrize("empty", [0, 1])
def test_a_side_without_rows_is_refused(empty):
    sides = [np.array([3, 4]), np.array([3, 4])]
    sides[empty] = np.array([0, 0])
    for statistic in (statistics.psi, statistics.jensen_shannon, contingency.chi2_p_value):
        with pytest.raises(ValueError, match="a side has no rows"):
            statistic(*sides)


@pytest.mark.parametrize("seed", range(5))
def test_evidently_agrees_on_its_own_inputs_where_definitions_agree(seed):
    from evidently.legacy.calculations.stattests import (
        jensenshannon_stat_test,
        ks_stat_test,
        psi_stat_test,
        wasserstein_stat_test,
    )
    from evidently.legacy.calculations.stattests.registry import get_stattest
    from evidently.legacy.core import ColumnType

    def evidently(test, reference, current, kind):
        run = get_stattest(reference, current, kind, test.name)
        return run(reference, current, kind, 0.1).drift_score

    random = np.random.default_rng(seed)
    reference, current = pd.Series(random.normal(size=900)), pd.Series(random.normal(0.1, 1, 800))
    numerical, categorical = ColumnType.Numerical, ColumnType.Categorical
    assert wasserstein(reference, current) == pytest.approx(
        evidently(wasserstein_stat_test, reference, current, numerical)
    )
    # Evidently asks for the exact distribution, we for that of many rows.
    assert statistics.ks_p_value(gap(reference, current).ks, 900, 800) == pytest.approx(
        evidently(ks_stat_test, reference, current, numerical), abs=0.02
    )
    levels = [pd.Series(random.integers(0, 6, n).astype(str)) for n in (900, 800)]
    tables = [side.value_counts().sort_index().to_numpy() for side in levels]
    assert statistics.psi(*tables) == pytest.approx(evidently(psi_stat_test, *levels, categorical))
    # Evidently's logarithm is the natural one, ours has base 2.
    assert statistics.jensen_shannon(*tables) * np.sqrt(np.log(2)) == pytest.approx(
        evidently(jensenshannon_stat_test, *levels, categorical)
    )


@pytest.mark.parametrize("rows", [1, 2, 7, 30, 140, 141, 500, 2_000, 50_000])
def test_the_kolmogorov_distribution_is_scipy_s_without_importing_it(rows):
    distances = np.unique(np.clip(np.append(np.linspace(0.001, 1, 40), np.linspace(0, 3, 40) / np.sqrt(rows)), 0, 1))
    expected = stats.kstwo.sf(distances, rows)
    found = [kolmogorov_p_value(float(distance), rows) for distance in distances]
    assert found == pytest.approx(expected, abs=1e-9 if rows <= 140 else 2e-4)
    tail = (expected < 1e-3) & (expected > 1e-9)
    assert np.array(found)[tail] == pytest.approx(expected[tail], rel=0.02)


def test_importing_the_statistics_does_not_import_scipy_stats():
    code = "import sys, numpy as np; from tasks.drift.columns import *; from tasks.drift.kolmogorov import *;"
    code += "kolmogorov_p_value(.1, 50); print('scipy.stats' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
