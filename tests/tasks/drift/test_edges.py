"""Whatever a column holds, it is measured rightly or says why not, it harms no other, and drift is drift only there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from unittest.mock import patch

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from governance.errors import SchemaMismatch
from governance.project_file import Drift
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling
from tasks.drift import tallies
from tasks.drift.columns import measure_column, measure_columns
from tasks.drift.profile import fit_column, fit_profile
from tasks.drift.profile_file import profile_to_bytes
from tasks.drift.scan import scan_frame
from tasks.drift.summary import table_of
from tasks.drift.tallies import EXACT_ROWS, NEW_LEVELS, CurrentColumns, tally_of
from tests.tasks.drift.comparing import compare_frames, measure, schema_of

NUMERICAL, CATEGORICAL, DATE, TEXT = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT
AT = datetime(2013, 4, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def reasons_of(handling, reference, current):
    tally = tally_of(fit_column("c", handling, pd.Series(reference)))
    tally.add(pd.Series(current))
    return {m.name.rpartition(".")[2]: m.reason for m in measure_column(tally).measurements if m.value is None}


def is_silent(table):
    """Whether it says that nothing has changed."""
    said = {name: value for name, value in table["statistics"].items() if value is not None}
    assert said.pop("p_value") == 1
    return all(value == (1 if name.endswith("p_value") else pytest.approx(0, abs=1e-7)) for name, value in said.items())


def alarms(table):
    """Whether the column by itself is drift: its p-value is a valid one without any calibration."""
    return table["p_value"] < 0.001


NORMAL = np.random.default_rng(1).normal(size=600)
AGAIN = np.random.default_rng(2).normal(size=500)
DAYS = pd.Series(pd.date_range("2013-01-01", periods=600, freq="h", tz="UTC"))
LARGEST = float(np.finfo(np.float64).max)

LIKE = {
    "ties": (NUMERICAL, [1.0, 2.0, 2.0] * 50, [3.0, 2.0, 3.0] * 50),
    "one value each": (NUMERICAL, [1.0] * 50, [1.1] * 50),
    "zero that is no longer zero": (NUMERICAL, [0.0] * 50, [5e-324, 1e-310] * 25),
    "all missing": (NUMERICAL, [1.0] * 50, [None] * 50),
    "no longer missing": (NUMERICAL, [None] * 50, [1.0] * 50),
    "plus and minus infinity": (NUMERICAL, [np.inf, 1.0] * 50, [-np.inf, 1.0] * 50),
    "infinity alone": (NUMERICAL, [np.inf] * 50, [-np.inf] * 50),
    "huge": (NUMERICAL, NORMAL * 1e300, AGAIN * 1e300 + 1e300),
    "both ends": (NUMERICAL, [-LARGEST, LARGEST, 0.0] * 50, [-LARGEST, LARGEST, LARGEST] * 50),
    "tiny": (NUMERICAL, NORMAL * 1e-6, AGAIN * 1e-6 + 1e-6),
    "an outlier in the reference": (NUMERICAL, np.append(NORMAL, 1e12), AGAIN + 2),
    "the largest number in the reference": (NUMERICAL, np.append(NORMAL, LARGEST), AGAIN + 2),
    "nullable integers": (NUMERICAL, pd.array([1, 2, None] * 50, "Int64"), pd.array([2, 3, None] * 50, "Int64")),
    "truth values": (NUMERICAL, [True, False] * 50, [True, True] * 50),
    "decimals": (NUMERICAL, [Decimal("0.1"), None] * 50, [Decimal("0.2"), None] * 50),
    "dates": (DATE, DAYS, DAYS.dt.tz_convert(BERLIN) + timedelta(days=9)),
    "dates before 1970": (DATE, DAYS - timedelta(days=40_000), DAYS - timedelta(days=39_990)),
    "texts": (TEXT, ["", "ä", None] * 50, ["ää", "äää", None] * 50),
    "mixed levels": (CATEGORICAL, pd.Series([1, "1", 2.5, None] * 50, dtype="object"),
                     pd.Series([True, "x", 2.5, None] * 50, dtype="object")),
    "one level": (CATEGORICAL, ["a"] * 50, ["b"] * 50),
    "empty texts": (CATEGORICAL, ["a", ""] * 50, ["", ""] * 50),
}  # fmt: skip
each = pytest.mark.parametrize(("handling", "reference", "current"), LIKE.values(), ids=LIKE)


@each
@pytest.mark.parametrize("kept", [EXACT_ROWS, 0])
def test_what_is_as_before_is_no_drift_and_what_is_not_is(handling, reference, current, kept):
    with patch.object(tallies, "EXACT_ROWS", kept):
        for side in (reference, current):
            assert is_silent(measure(handling, side, pd.Series(side)[::-1]))
        assert alarms(measure(handling, reference, current))
        assert alarms(measure(handling, current, reference))


@each
def test_every_statistic_of_it_is_a_number_or_a_reason(handling, reference, current):
    tally = tally_of(fit_column("c", handling, pd.Series(reference)))
    tally.add(pd.Series(current))
    for m in measure_column(tally).measurements:
        assert (m.value is None) == bool(m.reason)
        assert m.value is None or np.isfinite(m.value)


@each
def test_one_row_is_measured_and_is_no_proof(handling, reference, current):
    reference, current = pd.Series(reference), pd.Series(current)
    for here, there in ((reference, current[:1]), (reference[:1], current), (reference[:1], current[:1])):
        table = measure(handling, here, there)
        assert None not in (table["p_value"], table["statistics"]["psi"], table["statistics"]["missing_share_change"])
        # One row among n is anywhere with a probability of 1 / n; the limiting distribution of KS falls a little short.
        assert table["p_value"] >= 0.8 / (len(here) + len(there))


def strange_frames():
    here = {name: list(pd.Series(LIKE[name][1])[:100]) for name in LIKE}
    there = {name: list(pd.Series(LIKE[name][2])[:100]) for name in LIKE}
    frames = []
    for columns, moved in ((here, NORMAL[:100]), (there, AGAIN[:100] + 3)):
        frame = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})
        frames.append(frame.assign(calm=(NORMAL if columns is here else AGAIN)[:100], moved=moved))
    return frames, {name: handling for name, (handling, _, _) in LIKE.items()} | dict.fromkeys(
        ("calm", "moved"), NUMERICAL
    )


def tables(profile, current):
    return {column.name: table_of(column) for column in measure_columns(profile, current, FalseAlarmRate())}


def test_strange_columns_change_no_bit_of_their_neighbours():
    (here, there), handlings = strange_frames()
    together = fit_profile(here, schema_of(handlings), calibrate=False)
    found = tables(together, scan_frame(together, there))
    assert len(found) == len(LIKE) + 2
    for name in ("calm", "moved"):
        alone = fit_profile(here, schema_of({name: NUMERICAL}), calibrate=False)
        by_itself = tables(alone, scan_frame(alone, there))[name]
        assert by_itself["statistics"] == found[name]["statistics"]
        assert by_itself["drifted"] == found[name]["drifted"] == (name == "moved")


def test_a_whole_comparison_of_strange_columns_succeeds_and_one_with_nothing_says_so():
    (here, there), handlings = strange_frames()
    profile = fit_profile(here, schema_of(handlings))
    for frame in (there, there.iloc[:0]):
        found = compare_frames(here, frame, schema_of(handlings), Drift(), seed=1, at=AT, profile=profile)
        by_name = {m.name: m for m in found.measurements}
        assert all((m.value is None) == bool(m.reason) for m in found.measurements)
        assert [by_name[f"column_drift.{name}.p_value"].value is None for name in handlings] == [
            frame is not there
        ] * len(handlings)
        if frame is there:
            drifted = {table["name"] for table in found.details["columns"] if table["drifted"]}
            assert "calm" not in drifted
            assert "moved" in drifted
            assert by_name["columns_p_value"].value < 0.01
            assert by_name["data_drift"].value > 0.9
        else:
            assert by_name["columns_p_value"].reason
            assert by_name["data_drift"].reason


@pytest.mark.parametrize("row", range(5))
def test_a_column_with_hardly_a_value_does_not_stop_the_drift_model(row):
    """Whichever rows the model is fitted on: the only one with a value may not be among them."""
    here, there = (pd.DataFrame({"moved": side, "rare": np.nan}) for side in (NORMAL[:100], AGAIN[:100] + 3))
    here.loc[row, "rare"] = 1.0
    found = compare_frames(here, there, schema_of(dict.fromkeys(here, NUMERICAL)), Drift(), seed=1, at=AT)
    assert next(m for m in found.measurements if m.name == "data_drift").value > 0.8


@settings(max_examples=30, deadline=None)
@given(st.integers(-900, 900), st.integers(0, 99))
def test_the_scale_of_a_column_changes_no_bit(exponent, seed):
    random = np.random.default_rng(seed)
    reference, current = random.normal(size=50), random.normal(0.5, 1, 70)
    for kept in (EXACT_ROWS, 0):
        with patch.object(tallies, "EXACT_ROWS", kept):
            plain, scaled = (measure(NUMERICAL, np.ldexp(reference, by), np.ldexp(current, by)) for by in (0, exponent))
        assert scaled["statistics"] == plain["statistics"]
        assert (scaled["ks_bound"], scaled["reference_shares"]) == (plain["ks_bound"], plain["reference_shares"])


def test_a_column_far_from_0_is_as_far_from_its_reference_as_one_near_it():
    """Whole even numbers next to 2**53: each is a float, and so are all their differences."""
    reference, current = np.arange(500.0) % 8 * 2, np.arange(300.0) % 8 * 2 + 4
    near, far = (measure(NUMERICAL, reference + start, current + start)["statistics"] for start in (0, 2.0**53))
    assert far == pytest.approx(near, rel=1e-9)


@pytest.mark.parametrize("value", [1e160, 1e300, LARGEST])
def test_one_absurd_current_value_leaves_the_distance_defined(value):
    current = np.append(AGAIN, value)
    distance = measure(NUMERICAL, NORMAL, current)["statistics"]["wasserstein"]
    if value == LARGEST:
        assert distance is None or distance == pytest.approx(value / current.size / NORMAL.std(), rel=1e-6)
        assert "constant" not in reasons_of(NUMERICAL, NORMAL, current).get("wasserstein", "")
    else:
        assert distance == pytest.approx(value / current.size / NORMAL.std(), rel=1e-6)


def test_one_absurd_current_value_does_not_hide_a_shift_of_small_ones():
    reference, current = NORMAL * 1e-20, np.append(AGAIN + 2, 0) * 1e-20
    current[-1] = LARGEST
    table = measure(NUMERICAL, reference, current)
    assert table["statistics"]["ks_statistic"] == pytest.approx(stats.ks_2samp(reference, current).statistic)
    assert alarms(table)


@pytest.mark.parametrize("values", [
    [LARGEST] * 3, [-LARGEST] * 3, [1.5e308] * 3, [-LARGEST, LARGEST], [5e-324] * 3, [0.0, 5e-324], [-0.0, 0.0],
    [np.inf] * 3, [-np.inf, np.inf], [1e-310, 2e-310],
], ids=str)  # fmt: skip
def test_a_reference_at_the_ends_of_what_a_float_can_hold_has_a_profile(values):
    for kept in (EXACT_ROWS, 0):
        with patch.object(tallies, "EXACT_ROWS", kept):
            assert is_silent(measure(NUMERICAL, values, values))
            assert alarms(measure(NUMERICAL, values * 40, [17.0] * 100))


@pytest.mark.parametrize("rows", [500, EXACT_ROWS + 1])
def test_a_constant_that_moves_has_no_distance_however_many_rows_say_so(rows):
    for here, there in ((0.0, 1.0), (0.0, 0.1), (3.0, 3.25), (0.1, 0.0), (1e300, 1e-300)):
        assert is_silent(measure(NUMERICAL, [here] * 50, np.full(rows, here)))
        table = measure(NUMERICAL, [here] * 50, np.full(rows, there))
        assert table["statistics"]["wasserstein"] is None
        assert table["statistics"]["ks_statistic"] == 1
        assert alarms(table)


def test_fractions_beyond_a_reference_of_whole_numbers_are_as_far_as_they_are():
    table = measure(NUMERICAL, [0.0, 1.0] * 50, np.full(EXACT_ROWS + 1, 5.5))
    assert table["statistics"]["wasserstein"] == pytest.approx(10, abs=table["wasserstein_bound"] + 1e-9)


def test_a_narrow_column_far_from_0_keeps_the_stated_bound():
    random = np.random.default_rng(7)
    worst = 0.0
    for _ in range(150):
        reference, current = (1e9 + 1e-3 * random.normal(size=rows) for rows in (10, 500))
        with patch.object(tallies, "EXACT_ROWS", 0):
            table = measure(NUMERICAL, reference, current)
        exact = stats.ks_2samp(reference, current).statistic
        worst = max(worst, exact - table["statistics"]["ks_statistic"] - table["ks_bound"])
    assert worst < 1e-12


@pytest.mark.parametrize("rows", [500, EXACT_ROWS + 1])
def test_infinities_are_counted_as_what_they_are(rows):
    random = np.random.default_rng(8)
    reference = np.append(random.normal(size=400), [np.inf] * 20 + [-np.inf] * 10)
    current = random.normal(size=rows)
    current[: rows // 10] = np.inf
    table = measure(NUMERICAL, reference, current)
    expected = stats.ks_2samp(reference, current).statistic
    assert table["statistics"]["ks_statistic"] == pytest.approx(expected, abs=table["ks_bound"] + 1e-12)
    assert table["statistics"]["wasserstein"] is None
    assert table["statistics"]["out_of_range_share"] == 0
    assert measure(NUMERICAL, NORMAL, current)["statistics"]["out_of_range_share"] >= 0.1


@pytest.mark.parametrize("shift", [0.0, 2.0])
@pytest.mark.parametrize("outlier", [1e5, 1e150, 1e300])
def test_an_outlier_in_the_reference_hides_nothing_from_many_rows_either(shift, outlier):
    current = np.random.default_rng(9).normal(shift, 1, EXACT_ROWS + 1)
    table = measure(NUMERICAL, np.append(NORMAL, outlier), current)
    assert not table["exact"]
    # 600 rows of the reference: KS of 0.055 is the 5 % limit
    assert (table["statistics"]["ks_statistic"] > 0.6) == (table["statistics"]["psi"] > 0.25) == bool(shift)


IDENTIFIERS = pa.DictionaryArray.from_arrays(np.arange(100_000), np.arange(100_000).astype(str))


@cache
def many_levels():
    """A hundred thousand, twice each."""
    return fit_column("c", CATEGORICAL, pd.Series(np.tile(np.arange(100_000), 2)))


def against_many_levels(*chunks):
    tally = tally_of(many_levels())
    for chunk in chunks:
        tally.add(chunk)
    return table_of(measure_column(tally))


def test_a_hundred_thousand_levels_are_calm_when_they_stay_and_drift_when_they_go():
    same = against_many_levels(IDENTIFIERS, IDENTIFIERS)
    assert is_silent(same)
    assert len(same["bins"]) < 100
    gone = against_many_levels(*[pd.Series(np.arange(50_000))] * 4)
    assert alarms(gone)
    assert gone["statistics"]["chi2_p_value"] < 1e-10
    assert gone["statistics"]["new_category_share"] == 0


def test_more_new_levels_than_are_kept_are_counted_whatever_their_order_and_chunks():
    new = pd.Series(-np.arange(1, NEW_LEVELS + 2))
    whole = against_many_levels(new)
    assert whole["statistics"]["new_category_share"] == 1
    assert whole["unseen"] == []
    assert alarms(whole)
    assert against_many_levels(new[60_000:], new[:60_000][::-1]) == whole


def two_columns(name, frame):
    return pd.concat([frame, frame[[name]]], axis=1)


@pytest.mark.parametrize("name", ["a", "prediction"])
def test_a_doubled_column_is_refused_by_name_on_either_side(name):
    frame = pd.DataFrame({"a": [1.0, 2.0], "prediction": ["no", "yes"]})
    schema = schema_of({"a": NUMERICAL})
    twice = two_columns(name, frame)
    profile = fit_profile(frame, schema, calibrate=False)
    for refused in (
        lambda: fit_profile(twice, schema, calibrate=False),
        lambda: scan_frame(profile, twice),
        lambda: CurrentColumns(profile).add(twice),
        lambda: CurrentColumns(profile).add(pa.Table.from_arrays([twice.iloc[:, n] for n in range(3)], list(twice))),
    ):
        with pytest.raises(SchemaMismatch, match=f"column '{name}'.*2 columns have this name"):
            refused()


def test_a_comparison_without_a_feature_is_refused_by_name_and_one_more_column_is_nothing():
    here = pd.DataFrame({"a": NORMAL[:100], "b": NORMAL[100:200]})
    schema = schema_of({"a": NUMERICAL, "b": NUMERICAL})
    with pytest.raises(SchemaMismatch, match="the current data, column 'b'"):
        compare_frames(here, here[["a"]], schema, Drift(), seed=1, at=AT)
    profile = fit_profile(here, schema, calibrate=False)
    more = here.assign(noise=[[1]] * 100)
    assert tables(profile, scan_frame(profile, more)) == tables(profile, scan_frame(profile, here))


EXTREMES = st.one_of(
    st.sampled_from([-np.inf, -1e300, -1.0, -5e-324, -0.0, 0.0, 5e-324, 0.1, 1.0, 1.0 + 2**-52, 1e300, np.inf, np.nan]),
    st.floats(-3, 3), st.integers(-3, 3).map(float),
)  # fmt: skip
extremes = arrays(np.float64, st.integers(0, 40), elements=EXTREMES)


@settings(max_examples=60, deadline=None)
@given(extremes, extremes, st.integers(0, 40), st.randoms(use_true_random=False), st.sampled_from([0, 10, EXACT_ROWS]))
def test_order_chunks_and_parts_change_no_bit_of_the_strangest_numbers(reference, current, cut, random, kept):
    shuffled, other = (
        pd.Series(random.sample(side.tolist(), side.size), dtype="float64") for side in (current, reference)
    )
    schema = schema_of({"c": NUMERICAL})
    here, mixed = (fit_profile(pd.DataFrame({"c": side}), schema, calibrate=False) for side in (reference, other))
    assert profile_to_bytes(mixed) == profile_to_bytes(here)
    with patch.object(tallies, "EXACT_ROWS", kept):
        whole = tables(here, scan_frame(here, pd.DataFrame({"c": current})))
        one, two = CurrentColumns(mixed), CurrentColumns(mixed)
        one.add(pd.DataFrame({"c": shuffled[cut:]}))
        two.add(pd.DataFrame({"c": shuffled[:cut]}))
        two.merge(one)
        assert tables(mixed, two) == whole
