"""Rows are divided in one way on all sides, whatever type they come as."""

from __future__ import annotations

from datetime import UTC, datetime
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file import Segmentation
from tasks.segments.segmentation import one_sided_p_value, split_rows


def split(reference, current, quantiles=None, dtype=None):
    sides = {"reference": pd.Series(reference, dtype=dtype), "current": pd.Series(current, dtype=dtype)}
    return split_rows(Segmentation(column="c", quantiles=quantiles), sides, bounds_of="reference")


def texts(found, side="current"):
    return [found.labels[code] for code in found.codes[side]]


def test_a_value_is_one_segment_whatever_type_a_side_has():
    found = split([1, 2, 2], ["2", "1.0", None])
    assert found.labels == ("1", "2", "(missing)")
    assert texts(found, "reference") == ["1", "2", "2"]
    assert texts(found) == ["2", "1", "(missing)"]


@pytest.mark.parametrize("dtype", ["str", "object", "category", "string"])
def test_missing_values_are_a_segment_of_their_own(dtype):
    found = split(["a", "b"], ["b", None, "a"], dtype=dtype)
    assert texts(found) == ["b", "(missing)", "a"]
    assert found.text(found.missing) == "without a value"


def test_a_value_that_reads_like_a_missing_one_is_another_segment():
    found = split(["(missing)"], ["(missing)", None])
    assert found.labels == ("(missing)", "((missing))")
    assert found.missing == 1


def test_booleans_numbers_and_moments_can_be_values():
    assert split([True], [False, True]).labels == ("false", "true")
    assert split([1.5], [2.0, 1.5]).labels == ("1.5", "2")
    assert len(split([datetime(2013, 1, 1, tzinfo=UTC)], [datetime(2013, 1, 2, tzinfo=UTC)]).labels) == 2


def test_quantile_bounds_are_those_of_the_reference_and_hold_their_upper_end():
    found = split(range(1, 101), [1, 25, 25.5, 50, 75, 76, 1e9, -1e9, np.nan, np.inf], quantiles=4)
    assert found.edges.tolist() == [25, 50, 75]
    assert found.codes["current"].tolist() == [0, 0, 1, 1, 2, 3, 3, 0, 4, 3]
    assert found.counts("reference").tolist() == [25, 25, 25, 25, 0]
    assert [found.bounds(code) for code in (0, 1, 3, 4)] == [(None, 25), (25, 50), (75, None), (None, None)]
    assert [found.text(code) for code in range(4)] == ["up to 25", "(25, 50]", "(50, 75]", "above 75"]


def test_ties_make_fewer_quantiles_and_a_frequent_value_its_own():
    found = split([0.0] * 80 + list(range(1, 21)), [0.0, -1.0, 5.0], quantiles=4)
    assert found.codes["current"][0] not in found.codes["current"][1:]
    assert [found.text(code) for code in found.codes["current"].tolist()] == ["0", "below 0", "above 0"]


def test_dates_have_quantiles():
    days = pd.date_range("2013-01-01", periods=100, tz="UTC")
    found = split(days, days, quantiles=2)
    assert found.counts("current").tolist() == [50, 50]
    assert found.text(0) == "up to 2013-02-19T00:00:00"


@pytest.mark.parametrize(("reference", "reason"), [
    (["a", "b"], "quantiles need a numerical column, and 'c' is none"),
    ([np.nan, np.nan], "'c' has no value of which there could be quantiles"),
])  # fmt: skip
def test_quantiles_need_numbers(reference, reason):
    with pytest.raises(ValueError, match=reason):
        split(reference, [1.0], quantiles=2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=True, width=16), min_size=1, max_size=40), st.integers(2, 20))
def test_every_row_is_in_exactly_one_segment(values, quantiles):
    for wanted in (None, quantiles):
        if wanted and all(np.isnan(values)):
            continue
        found = split(values, values, wanted)
        assert found.counts("current").sum() == len(values)
        assert found.codes["current"].min() >= 0
        assert found.codes["current"].tolist() == found.codes["reference"].tolist()


@given(st.integers(0, 6), st.integers(0, 6), st.integers(1, 8))
def test_the_chance_of_being_on_one_side_only_is_that_of_drawing_without_replacement(rows, more, other):
    side = rows + more
    assert one_sided_p_value(rows, side, other) == pytest.approx(comb(side, rows) / comb(side + other, rows))
