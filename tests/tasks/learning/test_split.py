from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.project_file import Split
from tasks.learning.split import split_rows

LABELS = st.lists(st.sampled_from("abc"), min_size=2, max_size=120)
SHARES = st.floats(0.05, 0.5)


def divide(labels: list[str], share: float = 0.2, seed: int = 1, *, stratify: bool = True):
    target = pd.Series(labels, dtype="str")
    return split_rows(target.to_frame(), target, None, Split(test_share=share, seed=seed), stratify)


@given(LABELS, SHARES, st.booleans())
def test_every_row_is_in_exactly_one_part_and_none_is_empty(labels, share, stratify):
    train, test = divide(labels, share, stratify=stratify)
    assert sorted([*train, *test]) == list(range(len(labels)))
    assert len(train) and len(test)


@given(LABELS, SHARES)
def test_a_stratified_split_keeps_the_share_of_every_class_to_a_row_and_leaves_a_row_to_fit_on(labels, share):
    train, test = divide(labels, share)
    if len(set(labels)) == len(labels):
        return
    test_rows = min(max(round(len(labels) * share), 1), len(labels) - 1)
    for label in set(labels):
        size, found = labels.count(label), sum(labels[i] == label for i in test)
        assert found <= size * test_rows / len(labels) + 1
        assert found >= min(size * test_rows / len(labels), size - 1) - 1
        assert any(labels[i] == label for i in train)


def test_the_share_of_a_stratified_split_is_exact():
    train, test = divide(["a"] * 90 + ["b"] * 10)
    assert (len(train), len(test)) == (80, 20)
    assert sum(i >= 90 for i in test) == 2


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    labels = ["a", "b"] * 50
    first, again, other = divide(labels, seed=1), divide(labels, seed=1), divide(labels, seed=2)
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


@given(st.lists(st.integers(0, 30), min_size=2, max_size=100), SHARES)
def test_the_test_part_of_a_split_by_time_is_the_latest(days, share):
    time = pd.Series(pd.to_datetime("2024-01-01", utc=True) + pd.to_timedelta(days, unit="D"))
    train, test = split_rows(time.to_frame(), time, time, Split(method="time", test_share=share), stratify=False)
    assert sorted([*train, *test]) == list(range(len(days)))
    in_order = time.iloc[[*train, *test]]
    assert in_order.is_monotonic_increasing
    assert len(test) == min(max(round(len(days) * share), 1), len(days) - 1)


def test_a_split_by_time_without_times_is_an_error():
    target = pd.Series(["a", "b"])
    with pytest.raises(ValueError, match="time of every row"):
        split_rows(target.to_frame(), target, None, Split(method="time"), stratify=False)


def test_one_row_is_not_divided():
    with pytest.raises(ValueError, match="1 rows can't be divided"):
        divide(["a"])
