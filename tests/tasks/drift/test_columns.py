"""A column is measured whatever is in it, and none takes another with it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.errors import SchemaMismatch
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import CheckOutcome, Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import measure_columns
from tasks.drift.encoding import ordered_values
from tasks.drift.histogram import MISSING, NAMED_BINS, OTHER
from tasks.drift.pairs import pair_columns
from tasks.drift.profile import ReferenceProfile, fit_column
from tasks.drift.tallies import CurrentColumns

NUMERICAL, CATEGORICAL, DATE, TEXT = Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE, Handling.TEXT


def compare(handlings, reference, current, known=()):
    rows = len(next(iter(reference.values())))
    columns = {name: fit_column(name, how, reference[name], known) for name, how in handlings.items()}
    profile = ReferenceProfile(rows, columns, {})
    counted = CurrentColumns(profile)
    counted.add(pd.DataFrame(current))
    return measure_columns(profile, counted, FalseAlarmRate())


def measure(handling, reference, current, known=()):
    dtype = {NUMERICAL: "float64", CATEGORICAL: "str", TEXT: "str", DATE: "datetime64[us, UTC]"}[handling]
    here, there = ({"c": pd.Series(side, dtype=dtype)} for side in (reference, current))
    found = compare({"c": handling}, here, there, known)[0]
    return found, {m.name.removeprefix("column_drift.c."): m for m in found.measurements}


def values_of(measured):
    return {name: m.value for name, m in measured.items()}


def test_equal_sides_have_no_drift():
    for handling, side in ((NUMERICAL, np.arange(50)), (CATEGORICAL, list("abc") * 20)):
        found, measured = measure(handling, side, side)
        assert not found.drifted
        assert found.verdict is CheckOutcome.OK
        assert values_of(measured) == {
            name: 1.0 if name.endswith("p_value") else pytest.approx(0, abs=1e-7) for name in measured
        }


@pytest.mark.parametrize("handling", [NUMERICAL, CATEGORICAL])
def test_missing_values_are_drift_though_the_rest_is_equal(handling):
    side = ["1", "2"] * 100
    gone = ["1", "2", None, None] * 50
    found, measured = measure(handling, side, gone)
    assert found.drifted
    assert measured["missing_share_change"].value == 0.5
    assert measured["psi"].value > 0.25
    assert found.bins[-1] == MISSING
    assert found.current_shares[-1] == 0.5


@pytest.mark.parametrize(("reference", "current", "side"), [
    ([None] * 30, [1.0] * 30, "reference"), ([1.0] * 30, [None] * 30, "current"), ([None] * 30, [None] * 30, "reference"),
])  # fmt: skip
def test_a_column_without_any_value_is_measured_by_what_is_missing(reference, current, side):
    found, measured = measure(NUMERICAL, reference, current)
    assert measured["ks_p_value"].reason == measured["wasserstein"].reason == f"every {side} value is missing"
    assert measured["psi"].value is not None
    assert found.drifted == (reference != current)


@pytest.mark.parametrize("handling", [NUMERICAL, CATEGORICAL, DATE, TEXT])
@pytest.mark.parametrize(("reference", "current"), [([], ["2013"]), (["2013"], []), ([], [])])
def test_a_side_without_rows_is_a_reason(handling, reference, current):
    found, measured = measure(handling, reference, current)
    assert values_of(measured) == dict.fromkeys(measured)
    assert all(m.reason for m in measured.values())
    assert found.p_value is None
    assert found.verdict is CheckOutcome.EMPTY
    assert not found.drifted


@pytest.mark.parametrize("handling", [NUMERICAL, CATEGORICAL, DATE])
def test_one_row_on_either_side_is_enough(handling):
    found, measured = measure(handling, ["2013"], ["2013"])
    assert None not in values_of(measured).values()
    assert not found.drifted


def test_a_constant_that_moves_is_drift_though_it_has_no_standard_deviation():
    found, measured = measure(NUMERICAL, [1.0] * 50, [2.0] * 50)
    assert found.drifted
    assert measured["wasserstein"].reason.startswith("the reference is constant")
    assert measured["jensen_shannon"].value == 1
    assert measure(NUMERICAL, [1.0] * 50, [1.0] * 50)[1]["wasserstein"].value == 0


def test_infinite_values_leave_only_wasserstein_undefined():
    _, measured = measure(NUMERICAL, [1.0, 2.0, np.inf], [1.0, 2.0, 3.0])
    assert [name for name, m in measured.items() if m.value is None] == ["wasserstein"]


def test_ten_thousand_levels_do_not_alarm_by_themselves_and_keep_few_bins():
    random = np.random.default_rng(0)
    sides = [random.integers(0, 10_000, 10_000).astype(str) for _ in range(2)]
    found, measured = measure(CATEGORICAL, *sides)
    assert not found.drifted
    assert measured["psi"].value < 0.1
    assert len(found.bins) == NAMED_BINS + 1
    assert found.bins[-1] == OTHER
    assert sum(found.reference_shares) == pytest.approx(1)


def levels_of(count):
    return lambda random, rows: random.integers(0, count, rows).astype(str)


def drawn_ids(random, rows):
    return random.integers(0, 10**12, rows).astype(str)


def counted_up(rows_of_both):
    """Identifiers in the order in which they were given: the alphabet knows which side has one."""
    return [
        np.arange(start, start + rows).astype(str) for start, rows in zip((10**6, 2 * 10**6), rows_of_both, strict=True)
    ]


@pytest.mark.parametrize(("draw", "rows"), [
    (levels_of(100), (1_000, 100)), (levels_of(3_000), (5_000, 1_000)), (levels_of(3_000), (1_000, 1_000)),
    (drawn_ids, (2_000, 500)),
])  # fmt: skip
def test_quiet_levels_alarm_no_more_often_than_stated_however_many_there_are(draw, rows):
    random = np.random.default_rng(7)
    found = [measure(CATEGORICAL, *(draw(random, size) for size in rows)) for _ in range(150)]
    for statistic in ("chi2_p_value", "p_value"):
        alarms = np.mean([measured[statistic].value < 0.05 for _, measured in found])
        assert alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(found))
    assert np.mean([measured["cramers_v"].value for _, measured in found]) < 0.35


def test_identifiers_that_are_counted_up_are_no_drift():
    _, measured = measure(CATEGORICAL, *counted_up((2_000, 500)))
    assert min(measured["chi2_p_value"].value, measured["p_value"].value) > 0.05
    assert measured["cramers_v"].value < 0.35


def test_more_new_identifiers_than_are_kept_are_no_drift_and_say_what_can_t_be_tested():
    found, measured = measure(CATEGORICAL, *counted_up((20_000, 120_000)))
    assert found.verdict is CheckOutcome.OK
    assert "more than 100,000 levels are new" in measured["chi2_p_value"].reason
    assert measured["cramers_v"].value is None
    assert found.bins.count(OTHER) == 1
    assert sum(found.current_shares) == pytest.approx(1)
    assert measured["psi"].value < 0.1


def test_new_levels_that_are_too_many_to_be_kept_are_drift_where_the_reference_has_few():
    found, measured = measure(
        CATEGORICAL, list("abcd") * 5_000, [*(["a"] * 60_000), *counted_up((0, 110_000))[1]], ("x",)
    )
    assert found.verdict is CheckOutcome.ERROR
    assert measured["new_category_share"].value == pytest.approx(110 / 170)
    assert found.bins.count(OTHER) == 1


def test_a_level_that_is_called_like_a_bin_is_told_from_it():
    found, _ = measure(CATEGORICAL, ["(other)", "(missing)", "a", None] * 5, ["(other)", "(missing)", "a", None] * 5)
    assert sorted(found.bins) == ["'(missing)'", "'(other)'", MISSING, "a"]


def test_a_rare_level_among_three_is_tested_though_few_of_it_are_expected():
    _, measured = measure(CATEGORICAL, ["a"] * 49_990 + ["b"] * 5 + [None] * 5, ["a"] * 50 + ["b"] * 25 + [None] * 25)
    assert measured["chi2_p_value"].value < 1e-20


def test_a_new_frequent_level_keeps_its_own_bin_among_ten_thousand():
    side = [str(n) for n in range(10_000)]
    found, measured = measure(CATEGORICAL, side, [*side[:6_000], *(["new"] * 4_000)])
    assert found.drifted
    assert "new" in found.bins
    assert measured["psi"].value > 0.25


def test_unseen_levels_are_named_unless_training_saw_them():
    assert measure(CATEGORICAL, ["a", "b"], ["a", "c", "d"])[0].unseen == ("c", "d")
    assert measure(CATEGORICAL, ["a", "b"], ["a", "c", "d"], ("a", "b", "c"))[0].unseen == ("d",)


def test_unseen_levels_are_named_most_frequent_first():
    assert measure(CATEGORICAL, ["a"] * 4, ["b", "c", "c", "d", "d", "d"])[0].unseen == ("d", "c", "b")


def test_one_missing_value_in_a_small_batch_is_no_alarm():
    """Against 50,000 rows without any, the chi² approximation would say 1e-110."""
    random = np.random.default_rng(0)
    found, measured = measure(NUMERICAL, random.normal(size=50_000), [*random.normal(size=99), None])
    assert measured["missing_p_value"].value == pytest.approx(1 / 501, rel=0.01)
    # Five times that, since missing values are one of several things that are looked at.
    assert found.p_value == pytest.approx(5 / 501, rel=0.01)


def test_a_column_that_is_nearly_all_missing_is_measured_by_the_few_values_it_has():
    random = np.random.default_rng(0)
    rows, values = 5_000, 50

    def side(shift):
        return np.append(np.full(rows - values, np.nan), random.normal(shift, 1, values))

    still, _ = measure(NUMERICAL, side(0), side(0))
    moved, measured = measure(NUMERICAL, side(0), side(3))
    assert not still.drifted
    assert moved.drifted
    assert measured["missing_share_change"].value == 0
    assert moved.reference_shares[-1] == 0.99
    assert measured["psi"].value < 0.1  # one row in a hundred moved


def test_dates_are_compared_as_moments_and_shown_as_dates():
    days = pd.date_range("2013-01-01", periods=100, tz="UTC")
    found, measured = measure(DATE, days, days + pd.Timedelta(days=300))
    assert found.drifted
    assert measured["wasserstein"].value == pytest.approx(300 / days.to_series().std(ddof=0).days, rel=0.05)
    assert "2013-01" in found.bins[0]


def test_texts_are_compared_by_their_length():
    assert measure(TEXT, ["ab", "abc"] * 50, ["x" * 90] * 100)[0].drifted


def test_a_column_that_is_not_what_it_is_said_to_be_harms_no_other():
    texts, numbers = pd.Series(["x", "1"] * 20, dtype="str"), pd.Series(np.arange(40.0))
    here = {"broken": texts, "broken later": numbers, "sound": numbers}
    there = {"broken": texts, "broken later": texts, "sound": numbers + 30}
    *broken, sound = compare(dict.fromkeys(here, NUMERICAL), here, there)
    assert all("it is not numerical" in m.reason for column in broken for m in column.measurements)
    assert [len(column.measurements) for column in broken] == [len(sound.measurements)] * 2
    assert sound.drifted


def test_a_hundred_columns_without_drift_raise_no_alarm_thanks_to_the_correction():
    random = np.random.default_rng(5)
    here, there = ({str(n): pd.Series(random.normal(size=300)) for n in range(100)} for _ in range(2))
    found = compare(dict.fromkeys(here, NUMERICAL), here, there)
    assert sum(column.p_value < 0.05 for column in found) > 0
    assert sum(column.drifted for column in found) == 0


def test_the_verdict_follows_the_false_alarm_rate():
    here = {"c": pd.Series(np.arange(100.0))}
    profile = ReferenceProfile(100, {"c": fit_column("c", NUMERICAL, here["c"])}, {})
    counted = CurrentColumns(profile)
    counted.add(pd.DataFrame({"c": np.linspace(23, 99, 100)}))
    p_value = measure_columns(profile, counted, FalseAlarmRate())[0].p_value
    assert 0.005 < p_value < 0.05
    for rate, verdict in (
        (FalseAlarmRate(error=0.005, warning=0.05), CheckOutcome.WARNING),
        (FalseAlarmRate(error=0.05, warning=0.1), CheckOutcome.ERROR),
        (FalseAlarmRate(error=0.005, warning=0.005), CheckOutcome.OK),
    ):
        assert measure_columns(profile, counted, rate)[0].verdict is verdict


def test_what_is_out_of_range_and_what_is_new_is_told_as_a_share():
    _, measured = measure(NUMERICAL, [1.0, 2.0, 3.0], [0.0, 2.0, 4.0, np.inf, None])
    assert measured["out_of_range_share"].value == 0.75
    _, measured = measure(CATEGORICAL, ["a", "b"], ["a", "c", "d", None], ("c",))
    assert measured["new_category_share"].value == 0.25


@pytest.mark.parametrize("scale", [1e-300, 1e-6, 1.0, 1e300])
@pytest.mark.parametrize("rows", [500, 70_000])
def test_a_shift_is_seen_at_any_scale(scale, rows):
    random = np.random.default_rng(0)
    found, measured = measure(NUMERICAL, random.random(500) * scale, (random.random(rows) + 0.5) * scale)
    assert found.drifted
    assert found.exact == (rows == 500)
    assert measured["psi"].value > 0.25
    assert measured["wasserstein"].value == pytest.approx(1.73, abs=0.2)


def measure_columns_of(side):
    found = compare({"c": NUMERICAL}, {"c": side}, {"c": side})[0]
    return next(m.value for m in found.measurements if m.name.endswith("psi"))


def test_what_pandas_may_bring_is_understood():
    from decimal import Decimal

    for side in (
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([Decimal("1.5"), None, Decimal("2.5")], dtype="object"),
    ):
        assert np.isnan(ordered_values(side, NUMERICAL)).tolist() == [False, True, False]
        assert measure_columns_of(side) == 0


SCHEMA = Schema(
    features=(Column("a", NUMERICAL), Column("b", CATEGORICAL)), target="y", prediction_type=PredictionType.BINARY,
    classes=("0", "1"), time_column=None, categories={"b": ("x", "y")},
)  # fmt: skip
FRAME = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "y": ["0", "1"], "noise": [0.0, 0.0]})


def test_only_the_features_of_the_model_are_looked_at():
    assert [pair.name for pair in pair_columns(FRAME, FRAME, SCHEMA, {})] == ["a", "b"]
    assert [pair.name for pair in pair_columns(FRAME, FRAME, SCHEMA, {"b": Handling.IGNORED})] == ["a"]
    assert pair_columns(FRAME, FRAME, SCHEMA, {"a": CATEGORICAL})[0].handling is CATEGORICAL


def test_a_feature_that_is_missing_is_an_error():
    with pytest.raises(SchemaMismatch, match="the current data, column 'b'"):
        pair_columns(FRAME, FRAME.drop(columns="b"), SCHEMA, {})
    with pytest.raises(SchemaMismatch, match=r"drift\.handling names a column that is no feature"):
        pair_columns(FRAME, FRAME, SCHEMA, {"noise": Handling.IGNORED})
