"""The null distribution keeps the stated rate of false alarms, and nothing but the rows decides it."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.drift import resampling
from tasks.drift.canonical import canonical_order
from tasks.drift.null import DRAWS, NullDistribution, draw_null, tail_p_value
from tasks.drift.scores import score_of_levels, score_of_ordered
from tasks.metrics.row_keys import row_keys

NOTHING = 0


def columns(random, rows):
    common = random.normal(size=rows)
    some = np.where(random.random(rows) < 0.1, np.nan, common + random.normal(size=rows))
    return (
        {"number": random.lognormal(size=rows), "some": some, "counted": random.poisson(2, rows) * 1.0},
        {"level": random.integers(0, 20, rows), "rare": random.integers(0, 400, rows)},
    )


def of_numbers(reference, current):
    here, there = (np.sort(side[~np.isnan(side)]) for side in (reference, current))
    both = np.concatenate([here, there])
    gap = np.searchsorted(here, both, "right") / here.size - np.searchsorted(there, both, "right") / there.size
    missing = reference.size - here.size, current.size - there.size
    beyond = int((there < here[0]).sum()), int((there > here[-1]).sum())
    return float(score_of_ordered(np.abs(gap).max(), here.size, there.size, *missing, *beyond))


def of_levels(reference, current):
    here, there = (np.bincount(side, minlength=400) for side in (reference, current))
    new = int(there[here == 0].sum())
    return score_of_levels(here, there, NOTHING, NOTHING, new, reference.size, int((here == 1).sum()))


def judged(null, reference, current, rows):
    scores = {name: of_numbers(reference[0][name], current[0][name]) for name in reference[0]}
    scores |= {name: of_levels(reference[1][name], current[1][name]) for name in reference[1]}
    return {name: null.p_value(name, score, rows) for name, score in scores.items()}


@pytest.fixture(scope="module")
def quiet():
    """p-values of batches that did not drift, of 200 rows (between two sizes), from thirty references."""
    random = np.random.default_rng(11)
    of_columns, of_all = [], []
    for _ in range(30):
        reference = columns(random, 1_500)
        null = draw_null(*reference, draws=500, seed=int(random.integers(1_000)))
        for _ in range(15):
            p_values = judged(null, reference, columns(random, 200), 200)
            of_columns.append(list(p_values.values()))
            of_all.append(null.largest_p_value(p_values, 200))
    return np.array(of_columns), np.array(of_all)


@pytest.mark.parametrize(("rate", "within"), [(0.05, 0.015), (0.01, 0.006)])
def test_columns_alarm_as_rarely_as_stated(quiet, rate, within):
    assert np.mean(quiet[0] < rate) == pytest.approx(rate, abs=within)


def test_the_most_surprising_column_alarms_as_rarely_as_stated(quiet):
    assert 0.02 <= np.mean(quiet[1] < 0.05) <= 0.085


def test_a_shift_is_seen():
    random = np.random.default_rng(5)
    reference, current = columns(random, 2_000), columns(random, 300)
    null = draw_null(*reference, draws=500)
    current[0]["number"] *= 2
    current[1]["level"][:40] = 0
    p_values = judged(null, reference, current, 300)
    assert max(p_values["number"], p_values["level"]) < 0.001
    assert null.largest_p_value(p_values, 300) < 0.01


def test_the_scores_of_the_null_are_those_of_a_real_comparison():
    random = np.random.default_rng(2)
    ordered, levels = columns(random, 700)
    batches = resampling.draw_rows(700, 300, 40, seed=1)
    found = dict(resampling.scores_of_batches(ordered, levels, np.arange(700), batches, (30, 300), lambda _: None))
    for place, size in enumerate((30, 300)):
        for draw, batch in enumerate(batches[:, :size]):
            rest = np.setdiff1d(np.arange(700), batch)
            for name, values in ordered.items():
                assert found[name][place, draw] == pytest.approx(of_numbers(values[rest], values[batch]), abs=1e-4)
            for name, codes in levels.items():
                assert found[name][place, draw] == pytest.approx(of_levels(codes[rest], codes[batch]), abs=1e-4)


def test_missing_levels_are_scored_as_in_a_real_comparison():
    random = np.random.default_rng(4)
    codes = random.integers(-1, 2, 600)
    batches = resampling.draw_rows(600, 100, 30, seed=1)
    found = dict(resampling.scores_of_batches({}, {"c": codes}, np.arange(600), batches, (100,), lambda _: None))["c"]
    for draw, batch in enumerate(batches):
        here, there = np.delete(codes, batch), codes[batch]
        counts = [np.bincount(side[side >= 0], minlength=2) for side in (here, there)]
        missing = [int((side < 0).sum()) for side in (here, there)]
        expected = score_of_levels(*counts, *missing, 0, int(counts[0].sum()), 0)
        assert found[0, draw] == pytest.approx(expected, abs=1e-4)


def test_the_order_of_the_rows_makes_no_difference():
    random = np.random.default_rng(8)
    ordered, levels = columns(random, 900)
    order = random.permutation(900)
    one = draw_null(ordered, levels, draws=100)
    shuffled = draw_null(
        {name: values[order] for name, values in ordered.items()},
        {name: codes[order] for name, codes in levels.items()},
        draws=100,
    )
    assert np.array_equal(one.scores, shuffled.scores)
    assert np.array_equal(one.smallest, shuffled.smallest)


def test_what_is_stored_comes_back():
    null = draw_null({"a b": np.arange(200.0), "é\0": np.arange(200.0) ** 2}, {}, draws=100)
    again = NullDistribution.from_arrays(null.to_arrays())
    assert (again.columns, again.sizes, again.reference_rows) == (null.columns, null.sizes, null.reference_rows)
    assert again.p_value("é\0", 1.5, 77) == null.p_value("é\0", 1.5, 77)
    assert again.largest_p_value({"a b": 0.03}, 77) == null.largest_p_value({"a b": 0.03}, 77)


def test_a_p_value_never_rises_with_the_score_and_is_never_0():
    null = np.sort(np.random.default_rng(1).exponential(size=500)).astype(np.float32)
    p_values = tail_p_value(null, np.linspace(0, 300, 5_000))
    assert (np.diff(p_values) <= 0).all()
    assert p_values.min() > 0


def test_a_coarse_null_is_conservative_between_its_values():
    null = np.array([0.0] * 900 + [2.0] * 100, dtype=np.float32)
    assert tail_p_value(null, np.array([1.5]))[0] > 0.99
    assert tail_p_value(null, np.array([2.0]))[0] == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize(
    ("rows", "draws", "rate", "batch", "promised"),
    [
        (600, 1_000, 0.01, 100, True),
        (600, 1_000, 0.01, 29, False),
        (600, 100, 0.01, 100, False),
        (400, 1_000, 0.05, 100, False),
        (600, 1_000, 0.05, 600, True),
        (600, 1_000, 0.05, 601, False),
    ],
)
def test_what_is_promised(rows, draws, rate, batch, promised):
    assert draw_null({"a": np.arange(rows * 1.0)}, {}, draws=draws).promised(rate, batch) is promised


def test_the_default_draws_can_promise_the_default_rates():
    assert DRAWS * 0.01 >= 10


@pytest.mark.parametrize("values", [np.zeros(80), np.full(80, np.nan), np.array([np.inf, -np.inf] * 40)])
def test_a_column_that_says_nothing_harms_no_other(values):
    null = draw_null({"odd": values, "good": np.arange(80.0)}, {}, draws=100)
    assert null.p_value("odd", 0.0, 30) > 0.5
    assert null.p_value("good", 9.0, 30) < 1e-4
    assert null.largest_p_value({"good": null.p_value("good", 9.0, 30)}, 30) < 1e-3


@pytest.mark.parametrize("rows", [2, 3, 10, 59])
def test_a_tiny_reference_has_one_size(rows):
    null = draw_null({"a": np.arange(rows * 1.0)}, {"b": np.arange(rows)}, draws=100)
    assert null.sizes == ((30,) if rows >= 60 else (rows // 2,))
    assert 0 < null.p_value("b", 0.5, 5) <= 1


def test_without_columns_or_rows_there_is_nothing_to_draw():
    with pytest.raises(ValueError, match="no column"):
        draw_null({}, {})
    with pytest.raises(ValueError, match="fewer than two rows"):
        draw_null({"a": np.array([1.0])}, {})
    with pytest.raises(ValueError, match="no column was tested"):
        draw_null({"a": np.arange(90.0)}, {}, draws=100).largest_p_value({"other": 0.1}, 50)


def test_a_large_reference_is_thinned_to_what_positions_of_16_bits_hold():
    null = draw_null({"a": np.arange(70_000.0)}, {}, draws=100)
    assert null.reference_rows == 70_000
    assert null.p_value("a", 0.0, 1_000) > 0.9


def test_progress_ends_at_1():
    told = []
    draw_null({"a": np.arange(90.0), "b": np.arange(90.0)}, {}, draws=100, progress=told.append)
    assert told == [0.5, 1.0]


def test_equal_rows_and_only_they_have_equal_keys():
    keys = row_keys([np.array([1.0, np.nan, 1.0, 0.0]), np.array([2.0, 0.0, 2.0, np.nan])])
    assert keys[0] == keys[2]
    assert len(set(keys.tolist())) == 3
    assert sorted(canonical_order(keys).tolist()) == [0, 1, 2, 3]
