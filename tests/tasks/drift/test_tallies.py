"""Neither the order of the rows nor chunks nor threads can change what is measured, not even its last bit."""

from __future__ import annotations

from functools import cache
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import SchemaMismatch
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift import tallies
from tasks.drift.columns import measure_columns
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_frame
from tasks.drift.summary import table_of
from tasks.drift.tallies import CurrentColumns

FEATURES = {
    "number": Handling.NUMERICAL, "heavy": Handling.NUMERICAL, "whole": Handling.NUMERICAL, "day": Handling.DATE,
    "level": Handling.CATEGORICAL, "many": Handling.CATEGORICAL, "words": Handling.TEXT,
}  # fmt: skip
SCHEMA = Schema(
    tuple(Column(*f) for f in FEATURES.items()), "y", PredictionType.BINARY, ("no", "yes"), None,
    {"level": tuple("abcd")},
)  # fmt: skip


def rows_of(seed, rows, shift=0.0):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "number": random.normal(shift, 1, rows), "heavy": np.exp(2 * random.normal(size=rows)),
        "whole": random.poisson(5 + shift, rows).astype(float),
        "day": pd.Timestamp("2017-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 90, rows), unit="D"),
        "level": pd.Series(random.choice(list("abcx"), rows), dtype="str"),
        "many": pd.Series(random.integers(0, 3_000, rows).astype(str), dtype="str"),
        "words": pd.Series(random.choice(["a", "bb", "ccc"], rows), dtype="str"),
        "prediction": pd.Series(random.choice(["no", "yes"], rows), dtype="str"), "proba_yes": random.random(rows),
    })  # fmt: skip
    frame.loc[random.random(rows) < 0.05, ["number", "level", "day"]] = None
    frame.loc[random.random(rows) < 0.01, "heavy"] = np.inf
    return frame


@cache
def profile():
    return fit_profile(rows_of(1, 3_000), SCHEMA, calibrate=False)


def everything(current):
    tables = [table_of(column) for column in measure_columns(profile(), current, FalseAlarmRate())]
    predicted = {name: (t.rows, t.missing) for name, t in current.predictions.items()}
    return tables, predicted, current.rows


def in_chunks(frame, sizes, *, as_arrow=False, parts=1):
    counted = [CurrentColumns(profile()) for _ in range(parts)]
    start = 0
    for number, size in enumerate([*sizes, len(frame)]):
        chunk = frame.iloc[start : start + size]
        start += size
        if len(chunk):
            counted[number % parts].add(pa.Table.from_pandas(chunk, preserve_index=False) if as_arrow else chunk)
    first, *others = counted
    for other in others:
        first.merge(other)
    return first


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(0, 600), seed=st.integers(0, 50), exact_rows=st.sampled_from([50, 300, 65_536]),
    new_levels=st.sampled_from([3, 100_000]), sizes=st.lists(st.integers(0, 300), max_size=6),
    as_arrow=st.booleans(), parts=st.integers(1, 3), threads=st.integers(1, 3),
)  # fmt: skip
def test_order_chunks_parts_and_threads_change_no_bit(
    rows, seed, exact_rows, new_levels, sizes, as_arrow, parts, threads
):
    frame = rows_of(seed, rows, shift=1.0)
    shuffled = frame.sample(frac=1, random_state=seed)
    with patch.object(tallies, "EXACT_ROWS", exact_rows), patch.object(tallies, "NEW_LEVELS", new_levels):
        whole = everything(scan_frame(profile(), frame, threads=threads))
        assert everything(in_chunks(shuffled, sizes, as_arrow=as_arrow, parts=parts)) == whole


@pytest.mark.parametrize("rows", [65_536, 65_537, 200_000])
def test_many_rows_in_any_order_give_the_same_bits(rows):
    frame = rows_of(3, rows, shift=0.5)
    whole = scan_frame(profile(), frame)
    assert [whole.columns["heavy"].exact, whole.columns["whole"].exact] == [rows == 65_536] * 2
    shuffled = in_chunks(frame.sample(frac=1, random_state=1), [rows // 3, 1, 70_000], parts=2)
    assert everything(shuffled) == everything(whole)


def test_what_the_grid_says_is_what_every_value_says_within_the_stated_bounds():
    frame = rows_of(4, 40_000, shift=0.2)
    exact = measure_columns(profile(), scan_frame(profile(), frame), FalseAlarmRate())
    with patch.object(tallies, "EXACT_ROWS", 1_000):
        on_grid = measure_columns(profile(), scan_frame(profile(), frame), FalseAlarmRate())
    for one, other in zip(exact, on_grid, strict=True):
        if one.handling is Handling.CATEGORICAL:
            continue
        assert (one.exact, other.exact) == (True, False)
        here, there = ({m.name.rpartition(".")[2]: m.value for m in c.measurements} for c in (one, other))
        assert here["ks_statistic"] - other.ks_bound - 1e-12 <= there["ks_statistic"] <= here["ks_statistic"] + 1e-12
        assert other.ks_bound < 0.002
        if here["wasserstein"] is None:
            assert there["wasserstein"] is None
        else:
            assert there["wasserstein"] == pytest.approx(here["wasserstein"], abs=other.wasserstein_bound + 1e-9)
            assert other.wasserstein_bound < 0.01
        same = set(here) - {"ks_statistic", "ks_p_value", "wasserstein", "p_value"}
        assert {name: there[name] for name in same} == {name: here[name] for name in same}


def test_whole_numbers_and_whole_days_are_exact_on_the_grid_too():
    with patch.object(tallies, "EXACT_ROWS", 1_000):
        found = measure_columns(profile(), scan_frame(profile(), rows_of(4, 20_000)), FalseAlarmRate())
    bounds = {column.name: column.ks_bound for column in found if not column.exact}
    assert (bounds["whole"], bounds["day"], bounds["words"]) == (0, 0, 0)


def test_too_many_new_levels_are_counted_together():
    with patch.object(tallies, "NEW_LEVELS", 2):
        counted = scan_frame(profile(), rows_of(1, 100).assign(many=[f"new {n}" for n in range(100)]))
    tally = counted.columns["many"]
    assert (tally.new_rows, tally.new_levels(), tally.too_many_new) == (100, {}, True)
    column = next(c for c in measure_columns(profile(), counted, FalseAlarmRate()) if c.name == "many")
    assert column.drifted
    assert column.unseen == ()


def test_predictions_may_come_with_the_features_or_by_themselves():
    frame = rows_of(5, 100)
    together, apart = CurrentColumns(profile()), CurrentColumns(profile())
    together.add(frame)
    apart.add(frame[list(FEATURES)])
    apart.add(frame[["prediction", "proba_yes"]])
    assert everything(apart) == everything(together)
    assert apart.rows == 100


def test_a_chunk_without_a_feature_or_with_one_twice_is_refused():
    frame = rows_of(5, 10)
    for add in (CurrentColumns(profile()).add, lambda rows: scan_frame(profile(), rows)):
        with pytest.raises(SchemaMismatch, match=r"'heavy'.*is missing"):
            add(frame.drop(columns="heavy"))
        with pytest.raises(SchemaMismatch, match="2 columns have this name"):
            add(pd.concat([frame, frame[["heavy"]]], axis=1))


@pytest.mark.parametrize("column", [
    pa.array([True, None, False]), pa.array([1, None, 0], pa.int8()), pa.array(["1", None, "0"]),
    pa.array(["1.0", "NA", "0"]), pa.array(["1", None, "0"]).dictionary_encode(), pa.array([1.0, np.nan, 0.0]),
    pd.Series([1, None, 0], dtype="Int64"), pd.Series([True, None, False], dtype="boolean"),
    pd.Series([True, None, False], dtype="object"), pd.Series(["1", None, "0"], dtype="str").astype("category"),
])  # fmt: skip
def test_one_column_means_the_same_however_it_is_typed(column):
    from tasks.drift.encoding import ordered_values
    from tasks.drift.levels import counted_levels

    numbers = column if not isinstance(getattr(column, "dtype", None), pd.CategoricalDtype) else column.astype("str")
    assert ordered_values(numbers, Handling.NUMERICAL).tolist() == pytest.approx([1, np.nan, 0], nan_ok=True)
    levels, missing = counted_levels(column)
    assert sorted(levels.values()) == [1, 1]
    assert missing == 1
