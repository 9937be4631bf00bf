"""A value means the same in whatever type it comes, and one of a wrong type is a problem of its column alone."""

from __future__ import annotations

from datetime import date, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling
from tasks.drift import tallies
from tasks.drift.columns import measure_columns
from tasks.drift.profile import fit_column, fit_profile
from tasks.drift.scan import scan_frame
from tasks.drift.summary import table_of
from tasks.drift.tallies import EXACT_ROWS, CurrentColumns, tally_of
from tests.tasks.drift.comparing import measure, schema_of

NUMERICAL, CATEGORICAL, DATE, TEXT = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
DAYS = pd.Series(pd.date_range("2013-01-01", periods=600, freq="h", tz="UTC"))


def is_silent(table):
    """Whether it says that nothing has changed."""
    said = {name: value for name, value in table["statistics"].items() if value is not None}
    assert said.pop("p_value") == 1
    return all(value == (1 if name.endswith("p_value") else pytest.approx(0, abs=1e-7)) for name, value in said.items())


def tables(profile, current):
    return {column.name: table_of(column) for column in measure_columns(profile, current, FalseAlarmRate())}


@pytest.mark.parametrize(("handling", "reference", "current"), [
    (NUMERICAL, [1.0, 2.0], pd.Series(["1", "x"], dtype="str")), (NUMERICAL, [1.0, 2.0], pd.Series([10**400, 1], dtype="object")),
    (NUMERICAL, [1.0, 2.0], pa.array([b"1", b"2"], pa.binary(1))), (NUMERICAL, [1.0, 2.0], pa.array([[1], [2]])),
    (DATE, DAYS[:2], pd.Series(["yesterday", None], dtype="str")), (DATE, DAYS[:2], pd.Series([1.0, 2.0])),
    (TEXT, ["a", "bb"], pd.Series([1.0, 2.0])), (TEXT, ["a", "bb"], pd.Series([True, False])),
    (CATEGORICAL, ["a", "b"], pd.Series([["a"], ["b"]])), (CATEGORICAL, ["a", "b"], pd.Series([{"a": 1}, {}])),
], ids=["text", "a huge integer", "bytes", "lists of numbers", "no date", "no date but numbers", "no text but numbers",
        "no text but truth values", "lists", "dictionaries"])  # fmt: skip
def test_values_of_a_wrong_kind_are_the_problem_of_their_column_alone(handling, reference, current):
    calm = [1.0, 2.0]
    sides = [(reference, current)] if isinstance(current, pa.Array) else [(reference, current), (current, reference)]
    for here, there in sides:
        frame = pd.DataFrame({"strange": here, "calm": calm})
        profile = fit_profile(frame, schema_of({"strange": handling, "calm": NUMERICAL}), calibrate=False)
        counted = CurrentColumns(profile)
        rows = {"strange": there, "calm": calm}
        counted.add(pa.table(rows) if isinstance(there, pa.Array) else pd.DataFrame(rows))
        found = tables(profile, counted)
        assert found["calm"]["statistics"]["ks_statistic"] == 0
        assert found["strange"]["bins"] or found["strange"]["p_value"] is None


NUMBERS = [1.0, 0.0, np.nan, 1.0]
TYPED = {
    "Int64": pd.Series([1, 0, None, 1], dtype="Int64"), "boolean": pd.Series([True, False, None, True], dtype="boolean"),
    "Float32": pd.Series(NUMBERS, dtype="Float32"), "object": pd.Series([True, 0, None, 1.0], dtype="object"),
    "Decimal": pd.Series([Decimal(1), Decimal("0.0"), None, Decimal("1.00")], dtype="object"),
    "category": pd.Series(NUMBERS).astype("category"), "pyarrow": pd.Series([1, 0, None, 1], dtype="int8[pyarrow]"),
    "arrow decimals": pa.array([Decimal(1), Decimal(0), None, Decimal(1)], pa.decimal128(9, 2)),
    "arrow dictionary": pa.array([1, 0, None, 1], pa.int16()).dictionary_encode(),
}  # fmt: skip


@pytest.mark.parametrize("typed", TYPED.values(), ids=TYPED)
def test_numbers_are_the_same_numbers_in_any_type(typed):
    assert measure(NUMERICAL, NUMBERS, typed) == measure(NUMERICAL, NUMBERS, NUMBERS)


@pytest.mark.parametrize("typed", [TYPED[name] for name in TYPED if "ecimal" not in name and name != "object"])
def test_whole_numbers_are_the_same_levels_in_any_type(typed):
    levels = ["1", "0", None, "1"] if getattr(typed, "dtype", "") != "boolean" else ["true", "false", None, "true"]
    assert measure(CATEGORICAL, levels, typed) == measure(CATEGORICAL, levels, levels)


def test_integers_beyond_the_digits_of_a_float_are_the_nearest_float_on_both_sides():
    large = [2**53 + 1, 2**60 + 3, None]
    for typed in (pd.Series(large, dtype="Int64"), pa.array(large), pd.Series(large, dtype="object")):
        assert is_silent(measure(NUMERICAL, pd.Series(large, dtype="Int64"), typed))


def test_decimals_of_arrow_are_the_numbers_that_their_digits_write():
    """As Parquet files are read for training, through text; a last digit off would put prices outside of their bins."""
    prices = [Decimal(cents).scaleb(-2) for cents in range(10_000, 11_000)]
    table = measure(NUMERICAL, [float(price) for price in prices], pa.array(prices, pa.decimal128(9, 2)))
    assert table["statistics"]["ks_statistic"] == 0
    assert table["statistics"]["out_of_range_share"] == 0


ZONED = {
    "the same moments elsewhere": DAYS.dt.tz_convert(NEW_YORK), "no zone is UTC": DAYS.dt.tz_localize(None),
    "nanoseconds": DAYS.astype("datetime64[ns, UTC]"), "objects": DAYS.dt.tz_convert(BERLIN).astype("object"),
    "text": DAYS.dt.tz_convert(BERLIN).map(pd.Timestamp.isoformat),
    "arrow": pa.array(DAYS.dt.tz_convert(BERLIN)), "arrow dictionary": pa.array(DAYS).dictionary_encode(),
    "arrow text": pa.array(DAYS.dt.tz_convert(BERLIN).map(pd.Timestamp.isoformat)),
    "datetimes of several zones": pd.Series([
        day.to_pydatetime().astimezone(timezone(timedelta(hours=number % 5))) for number, day in enumerate(DAYS)
    ], dtype="object"),
}  # fmt: skip


@pytest.mark.parametrize("moments", ZONED.values(), ids=ZONED)
def test_a_zone_is_another_way_to_write_the_same_moment(moments):
    assert is_silent(measure(DATE, DAYS, moments))


def test_dates_without_a_time_are_midnight_and_a_shift_of_zone_is_a_shift():
    midnights = pd.Series(pd.date_range("1969-12-01", periods=60, tz="UTC"))
    for typed in (pa.array([day.date() for day in midnights]), pd.Series([day.date() for day in midnights])):
        assert is_silent(measure(DATE, midnights, typed))
    ends = [date(1, 1, 1), date(9999, 12, 31)]
    assert is_silent(measure(DATE, pd.Series(ends), pa.array(ends)))
    shifted = DAYS.dt.tz_localize(None).dt.tz_localize(timezone(timedelta(hours=-5)))
    seconds = measure(DATE, DAYS, shifted)["statistics"]["wasserstein"] * np.std(np.arange(600) * 3_600)
    assert seconds == pytest.approx(5 * 3_600)


MIXED = [1, 1.0, "1", "1.0", np.float32(1), True, "True", "true", np.True_, 0.5, "0.5", None, "x"]


def test_levels_of_mixed_types_are_what_their_text_says():
    expected = ["1"] * 5 + ["true"] * 4 + ["0.5"] * 2 + [None, "x"]
    for values in (MIXED, MIXED[::-1]):
        mixed = pd.Series(values, dtype="object")
        assert is_silent(measure(CATEGORICAL, expected, mixed))
        assert measure(CATEGORICAL, mixed, mixed) == measure(CATEGORICAL, expected, expected)


@settings(max_examples=30, deadline=None)
@given(st.permutations(MIXED), st.integers(0, len(MIXED)))
def test_the_order_in_which_mixed_types_come_changes_nothing(values, cut):
    chunks = pd.Series(values[:cut], dtype="object"), pd.Series(values[cut:], dtype="object")
    reference = ["1", "true", "0.5", None]
    assert measure(CATEGORICAL, reference, *chunks) == measure(CATEGORICAL, reference, pd.Series(MIXED, dtype="object"))


@pytest.mark.parametrize("typed", [
    pd.Series([0.1, 0.7], dtype="float32"), pd.Series([0.1, 0.7], dtype="float32").astype("category"),
    pa.array([0.1, 0.7], pa.float32()), pa.array([0.1, 0.7], pa.float32()).dictionary_encode(),
], ids=["frame", "category", "arrow", "dictionary"])  # fmt: skip
def test_a_short_float_is_a_level_with_its_own_digits(typed):
    assert is_silent(measure(CATEGORICAL, ["0.1", "0.7"], typed))


@pytest.mark.parametrize("typed", [pa.array([b"a", b"b"]), pa.array([b"a", b"b"]).dictionary_encode()])
def test_bytes_that_are_text_are_the_same_level_in_a_dictionary(typed):
    assert is_silent(measure(CATEGORICAL, ["a", "b"], typed))


ARROW = {
    "number": (NUMERICAL, pa.float64(), lambda random, n: np.round(random.normal(size=n), 1)),
    "whole": (NUMERICAL, pa.int32(), lambda random, n: random.integers(0, 9, n)),
    "day": (DATE, pa.timestamp("us", BERLIN), lambda random, n: random.integers(0, 90, n) * 86_400_000_000),
    "level": (CATEGORICAL, pa.string(), lambda random, n: random.choice(["a", "b", "1.0", "true", "NA"], n)),
    "code": (CATEGORICAL, pa.int64(), lambda random, n: random.integers(0, 5, n)),
    "words": (TEXT, pa.large_string(), lambda random, n: random.choice(["ä", "bb", "ccc"], n)),
}  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(0, 200), seed=st.integers(0, 99), gaps=st.sampled_from([0.0, 0.3, 1.0]),
    cuts=st.lists(st.integers(0, 200), max_size=4).map(sorted), kept=st.sampled_from([0, 60, EXACT_ROWS]),
)  # fmt: skip
def test_dictionaries_of_arrow_are_what_the_same_frame_is_to_the_last_bit(rows, seed, gaps, cuts, kept):
    random = np.random.default_rng(seed)

    def plain(rows):
        return pa.table({
            name: pa.array(draw(random, rows), mask=random.random(rows) < gaps).cast(kind)
            for name, (_, kind, draw) in ARROW.items()
        })  # fmt: skip

    def as_typed(table):
        """As the frame of a version has it: MISSING texts gone, levels in canonical text."""
        frame = table.to_pandas()
        return frame.assign(level=frame["level"].replace({"NA": None, "1.0": "1"}))

    reference = as_typed(plain(150))
    profile = fit_profile(
        reference, schema_of({name: handling for name, (handling, _, _) in ARROW.items()}), calibrate=False
    )
    table = plain(rows)
    bounds = [0, *(min(cut, rows) for cut in cuts), rows]
    pieces = [table.slice(start, end - start) for start, end in pairwise(bounds)]
    # Each piece has a dictionary of its own, in the order in which its values come.
    encoded = [pa.table({c: piece[c].combine_chunks().dictionary_encode() for c in ARROW}) for piece in pieces]
    with patch.object(tallies, "EXACT_ROWS", kept):
        expected = tables(profile, scan_frame(profile, as_typed(table)))
        for chunks in ([pa.concat_tables(encoded)], encoded):
            counted = CurrentColumns(profile)
            for chunk in chunks:
                counted.add(chunk)
            assert tables(profile, counted) == expected


@pytest.mark.parametrize("nothing", [
    pd.Series([pd.NaT, pd.NaT]), pd.Series([np.nan, None], dtype="float64"), pd.Series([None, np.nan], dtype="object"),
    pd.Series([None, None], dtype="str"), pa.array([None, None]), pa.array([None, None], pa.timestamp("us")),
    pa.array([None, float("nan")], pa.float32(), from_pandas=False), pd.Series([None, None], dtype="Int64"),
    pd.Series([pd.NA, pd.NaT], dtype="object"), pd.Series([pd.NaT, pd.NaT]).astype("category"),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("handling", [NUMERICAL, DATE, TEXT, CATEGORICAL])
def test_a_column_without_a_value_is_missing_whatever_its_type(handling, nothing):
    reference = {NUMERICAL: [1.0, 2.0], DATE: DAYS[:2], TEXT: ["a", "b"], CATEGORICAL: ["a", "b"]}[handling]
    assert measure(handling, reference, nothing)["statistics"]["missing_share_change"] == 1


@pytest.mark.parametrize("moments", [DAYS[:2], pa.array(DAYS[:2]), DAYS[:2].astype("object")])
def test_dates_are_no_numbers(moments):
    assert measure(NUMERICAL, [1.0, 2.0], moments)["p_value"] is None


def test_no_time_among_numbers_is_a_missing_number():
    mixed = pd.Series([1.0, pd.NaT, 2.0], dtype="object")
    assert measure(NUMERICAL, [1.0, None, 2.0], mixed) == measure(NUMERICAL, [1.0, None, 2.0], [1.0, None, 2.0])


WRONG = ["zebra", "1", "ape", "2", "monkey", None]


@given(st.permutations(WRONG), st.integers(0, len(WRONG)), st.booleans(), st.sampled_from([NUMERICAL, DATE]))
def test_the_problem_is_the_same_in_any_order_and_in_any_chunks(values, cut, arrow, handling):
    def reason(*chunks):
        tally = tally_of(fit_column("c", handling, pd.Series([None, None], dtype="float64")))
        for chunk in chunks:
            tally.add(pa.array(chunk, pa.string()) if arrow else pd.Series(chunk, dtype="object"))
        return tally.problem

    expected = "'ape' is not a number" if handling is NUMERICAL else "'1' is not an ISO date"
    assert reason(values[:cut], values[cut:]) == reason(WRONG)
    assert expected in reason(WRONG)


def test_numbers_forced_to_be_texts_are_as_long_as_they_are_written_in_a_frame_and_in_a_file():
    numbers = pd.Series([1.0, 22.0, 2.5, None])
    expected = measure(TEXT, ["a", "bb", "ccc", None], ["a", "bb", "ccc", None])
    assert measure(TEXT, numbers, pa.array(numbers, from_pandas=True)) == expected
    assert is_silent(measure(TEXT, pd.Series([True, False]), pa.array([True, False])))


def test_an_entry_of_a_dictionary_that_no_row_has_harms_nobody():
    entries = pa.DictionaryArray.from_arrays([0, 1], ["1", "2", "x"])
    category = pd.Series(pd.Categorical(["1", "2"], categories=["x", "2", "1"]))
    for typed in (entries, category):
        assert is_silent(measure(NUMERICAL, [1.0, 2.0], typed))
