"""Every statistic of a whole column is what SciPy and Evidently say about the same values, missing ones included."""

from __future__ import annotations

from collections import Counter
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from scipy.spatial.distance import jensenshannon

from governance.vocabulary import Handling
from tasks.drift import tallies
from tasks.drift.columns import measure_column
from tasks.drift.histogram import MISSING
from tasks.drift.profile import fit_column
from tasks.drift.tallies import EXACT_ROWS, tally_of

NUMERICAL, CATEGORICAL, DATE, TEXT = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT

quarters = st.integers(-12, 12).map(lambda n: n / 4)
with_gaps = arrays(np.float64, st.integers(1, 40), elements=st.one_of(quarters, quarters, st.just(np.nan)))
some_present = with_gaps.filter(lambda side: not np.isnan(side).all())


def measure(handling, reference, current):
    """The column, and its statistics by their short names."""
    tally = tally_of(fit_column("c", handling, pd.Series(reference)))
    tally.add(pd.Series(current))
    found = measure_column(tally)
    return found, {m.name.rpartition(".")[2]: m.value for m in found.measurements}


def present(side):
    return side[~np.isnan(side)]


def labels(reference, side):
    """For every value the bin that it falls in: between deciles of the reference, or a decile that is several, or none.

    Written down another way than the engine does it, without arithmetic on edges.
    """
    deciles = np.quantile(present(reference), np.arange(1, 10) / 10, method="inverted_cdf")
    own = {value for value, times in Counter(deciles.tolist()).items() if times > 1}
    between = np.searchsorted(np.unique(deciles), side)
    return [
        MISSING if np.isnan(value) else f"{value}" if value in own else f"bin {place}"
        for value, place in zip(side.tolist(), between.tolist(), strict=True)
    ]


def in_bins(reference, current):
    """Rows of both sides in the bins that either uses."""
    sides = [Counter(labels(reference, side)) for side in (reference, current)]
    used = sorted({*sides[0], *sides[1]})
    return [np.array([side[name] for name in used]) for side in sides]


def psi_by_hand(here, there):
    shares = [np.maximum(side, 0.5) / side.sum() for side in (here, there)]
    return np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0]))


@given(some_present, some_present)
def test_numbers_with_ties_and_gaps_agree_with_scipy(reference, current):
    found, measured = measure(NUMERICAL, reference, current)
    here, there = present(reference), present(current)
    assert measured["ks_statistic"] == pytest.approx(stats.ks_2samp(here, there, method="asymp").statistic)
    if np.ptp(here):
        expected = stats.wasserstein_distance(here, there) / np.std(here)
        assert measured["wasserstein"] == pytest.approx(expected)
    else:
        assert measured["wasserstein"] == (0 if (there == here[0]).all() else None)
    binned = in_bins(reference, current)
    assert measured["psi"] == pytest.approx(psi_by_hand(*binned), abs=1e-12)
    assert measured["jensen_shannon"] == pytest.approx(jensenshannon(*binned, base=2), abs=1e-7)
    gone = [int(np.isnan(side).sum()) for side in (reference, current)]
    table = [[gone[0], here.size], [gone[1], there.size]]
    assert measured["missing_p_value"] == pytest.approx(stats.fisher_exact(table).pvalue)
    assert measured["missing_share_change"] == gone[1] / current.size - gone[0] / reference.size
    outside = (there < here.min()) | (there > here.max())
    assert measured["out_of_range_share"] == outside.mean()
    assert found.exact
    assert sum(found.reference_shares) == pytest.approx(1)
    assert sum(found.current_shares) == pytest.approx(1)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("rows", [60, 3_000])
def test_the_p_value_of_kolmogorov_and_smirnov_is_scipy_s_asymptotic_one(shift, rows):
    random = np.random.default_rng(rows)
    reference, current = random.normal(size=5_000), random.normal(shift, 1, rows)
    expected = stats.ks_2samp(reference, current, method="asymp").pvalue
    assert measure(NUMERICAL, reference, current)[1]["ks_p_value"] == pytest.approx(expected, rel=0.02, abs=2e-4)


@pytest.mark.parametrize("many", [False, True])
def test_missing_values_in_many_rows_are_tested_with_chi2(many):
    random = np.random.default_rng(1)
    sides = [np.where(random.random(4_000) < share, np.nan, random.random(4_000)) for share in (0.1, 0.12)]
    if many:  # on the grid, and with a share of its own
        sides[1] = np.tile(sides[1], 20)
    table = [[np.isnan(side).sum(), (~np.isnan(side)).sum()] for side in sides]
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert measure(NUMERICAL, *sides)[1]["missing_p_value"] == pytest.approx(expected)


@pytest.mark.parametrize("draw", [
    lambda random, n: random.normal(size=n), lambda random, n: random.poisson(2, n).astype(float),
    lambda random, n: np.where(random.random(n) < 0.6, 0.0, random.lognormal(size=n)),
], ids=["normal", "few values", "mostly zero"])  # fmt: skip
def test_psi_is_evidently_s_on_the_same_bins(draw):
    from tasks.drift.engine import evidently_score

    random = np.random.default_rng(2)
    sides = [draw(random, rows) for rows in (3_000, 2_000)]
    for side in sides:
        side[random.random(side.size) < 0.1] = np.nan
    assert min(map(np.min, in_bins(*sides))) > 0  # Evidently fills empty bins otherwise than we do
    theirs = evidently_score("psi", *(pd.Series(labels(sides[0], side)) for side in sides), CATEGORICAL)
    assert measure(NUMERICAL, *sides)[1]["psi"] == pytest.approx(theirs.score, rel=1e-9)


def as_rows(counts, levels="abcdefghijkl"):
    return pd.Series(np.repeat([*levels[: len(counts) - 1], None], counts), dtype="str")


@given(st.lists(st.tuples(st.integers(5, 80), st.integers(5, 80)), min_size=2, max_size=10))
def test_levels_agree_with_scipy_and_missing_is_one_of_them(rows):
    here, there = (np.array(side) for side in zip(*rows, strict=True))
    table = np.stack([here, there])
    expected = stats.chi2_contingency(table, correction=False)
    assume(expected.expected_freq.min() >= 5)
    _, measured = measure(CATEGORICAL, as_rows(here), as_rows(there))
    assert measured["chi2_p_value"] == pytest.approx(expected.pvalue)
    effect = stats.contingency.association(table, method="cramer", correction=False)
    assert measured["cramers_v"] == pytest.approx(effect, abs=1e-9)
    assert measured["psi"] == pytest.approx(psi_by_hand(here, there), abs=1e-12)
    assert measured["jensen_shannon"] == pytest.approx(jensenshannon(here, there, base=2), abs=1e-7)
    gone = np.array([[side[-1], side[:-1].sum()] for side in table])
    scarce = gone.sum(axis=1).min() * gone.sum(axis=0).min() / gone.sum() < 25
    test = stats.fisher_exact(gone) if scarce else stats.chi2_contingency(gone, correction=False)
    assert measured["missing_p_value"] == pytest.approx(test.pvalue)


@given(st.tuples(st.integers(1, 200), st.integers(0, 4)), st.tuples(st.integers(1, 200), st.integers(0, 4)))
def test_a_rare_second_level_is_tested_as_fisher_does(reference, current):
    table = np.array([reference, current])
    assume(table[:, 1].sum() and (np.outer(table.sum(axis=1), table.sum(axis=0)) < 5 * table.sum()).any())
    sides = (pd.Series(np.repeat(["often", "rarely"], side), dtype="str") for side in table)
    assert measure(CATEGORICAL, *sides)[1]["chi2_p_value"] == pytest.approx(stats.fisher_exact(table).pvalue)


def test_texts_and_dates_are_what_scipy_says_of_lengths_and_seconds():
    random = np.random.default_rng(3)
    lengths = [random.poisson(rate, rows) for rate, rows in ((8, 900), (9, 700))]
    seconds = [random.integers(0, 10**6, rows) + start for start, rows in ((0, 900), (10**5, 700))]
    texts = [pd.Series(["ä" * n for n in side], dtype="str") for side in lengths]
    dates = [pd.Series(pd.to_datetime(side, unit="s", utc=True)) for side in seconds]
    for handling, columns, (here, there) in ((TEXT, texts, lengths), (DATE, dates, seconds)):
        _, measured = measure(handling, *columns)
        assert measured["ks_statistic"] == pytest.approx(stats.ks_2samp(here, there, method="asymp").statistic)
        assert measured["wasserstein"] == pytest.approx(stats.wasserstein_distance(here, there) / np.std(here))


DRAWS = {
    "normal": lambda random, rows: random.normal(size=rows),
    "lognormal": lambda random, rows: np.exp(2 * random.normal(size=rows)),
    "whole": lambda random, rows: random.poisson(6, rows).astype(float),
    "mostly zero": lambda random, rows: np.where(random.random(rows) < 0.7, 0.0, random.normal(size=rows)),
    "outlier": lambda random, rows: np.append(random.normal(size=rows - 1), 1e12),
    "tiny": lambda random, rows: 1e-6 * random.normal(size=rows),
}


@pytest.mark.parametrize("rows", [EXACT_ROWS, EXACT_ROWS + 1])
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_one_row_more_than_is_kept_changes_nothing_beyond_the_stated_bounds(draw, rows):
    random = np.random.default_rng(4)
    reference, current = draw(random, 5_000), 1.1 * draw(random, rows)
    found, measured = measure(NUMERICAL, reference, current)
    assert found.exact == (rows == EXACT_ROWS)
    ks = stats.ks_2samp(reference, current, method="asymp").statistic
    assert ks - found.ks_bound - 1e-12 <= measured["ks_statistic"] <= ks + 1e-12
    distance = stats.wasserstein_distance(reference, current) / np.std(reference)
    assert measured["wasserstein"] == pytest.approx(distance, abs=found.wasserstein_bound + 1e-9)
    assert (found.ks_bound, found.wasserstein_bound) == (0, 0) if found.exact else found.ks_bound < 0.002
    binned = in_bins(reference, current)
    assert measured["psi"] == pytest.approx(psi_by_hand(*binned), rel=1e-12)
    assert measured["jensen_shannon"] == pytest.approx(jensenshannon(*binned, base=2), abs=1e-9)


awkward = [
    quarters, st.integers(-40, 40).map(float), st.floats(-3, 3).map(lambda x: round(x, 3)),
    st.integers(0, 50).map(lambda n: n * 86_400.0), st.sampled_from([0.0, 0.1, 1e9, -1e9, 3.0]),
    st.floats(-1, 1).map(lambda x: 1e9 + x),
]  # fmt: skip
samples = st.one_of(*(arrays(np.float64, st.integers(1, 60), elements=element) for element in awkward))


@settings(max_examples=200, deadline=None)
@given(samples, samples)
def test_the_grid_keeps_its_bounds_whatever_the_two_sides_are(reference, current):
    exact, by_value = measure(NUMERICAL, reference, current)
    with patch.object(tallies, "EXACT_ROWS", 0):
        found, by_cell = measure(NUMERICAL, reference, current)
    assert (exact.exact, found.exact) == (True, False)
    ks = stats.ks_2samp(reference, current, method="asymp").statistic
    assert ks - found.ks_bound - 1e-12 <= by_cell["ks_statistic"] <= ks + 1e-12
    if not np.ptp(reference):
        assert by_cell["wasserstein"] == by_value["wasserstein"]
    else:
        distance = stats.wasserstein_distance(reference, current) / np.std(reference)
        slack = 1e-6 * max(1, distance)  # NumPy's own standard deviation of values near 1e9 has no more digits
        assert by_cell["wasserstein"] == pytest.approx(distance, abs=found.wasserstein_bound + slack)
    same = set(by_value) - {"p_value", "ks_statistic", "ks_p_value", "wasserstein"}
    assert {name: by_cell[name] for name in same} == {name: by_value[name] for name in same}
