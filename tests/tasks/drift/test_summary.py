"""What people are told besides the numbers is true, and says why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from governance.project_file import Drift
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import measure_columns
from tasks.drift.null import draw_null
from tasks.drift.profile import fit_profile, with_handling
from tasks.drift.scan import scan_frame
from tasks.drift.summary import doubt_about_rate, promise, warnings_about
from tests.tasks.drift.comparing import compare_frames

NUMERICAL, CATEGORICAL = Handling.NUMERICAL, Handling.CATEGORICAL
SCHEMA = Schema(
    (Column("a", NUMERICAL), Column("b", CATEGORICAL)), "y", PredictionType.BINARY, ("no", "yes"), None, {}
)  # fmt: skip
DEFAULT = FalseAlarmRate()


def frame(seed, rows):
    random = np.random.default_rng(seed)
    return pd.DataFrame({"a": random.normal(size=rows), "b": pd.Series(random.choice(list("xy"), rows), dtype="str")})


def doubts(profile, rows, rate=DEFAULT):
    current = scan_frame(profile, frame(2, rows))
    return doubt_about_rate(promise(profile, rate, rows), measure_columns(profile, current, rate))


@pytest.fixture(scope="module")
def profile():
    return fit_profile(frame(1, 1_000), SCHEMA)


def test_no_doubt_where_the_rate_holds(profile):
    assert doubts(profile, 200) == []


def test_a_rate_below_what_the_draws_can_say_is_doubted_for_that(profile):
    drawn = frame(1, 1_000)
    few = draw_null({"a": drawn["a"].to_numpy()}, {"b": (drawn["b"] == "x").to_numpy(np.int64)}, draws=200)
    (doubt,) = doubts(replace(profile, null=few), 200)
    assert "can't be promised: 1 %: its null" in doubt
    assert "drawn 200 times, which is enough for 5 % and more" in doubt
    assert "rows" not in doubt


@pytest.mark.parametrize(("rows", "said"), [(1, "the batch has 1 row, and"), (29, "the batch has 29 rows, and")])
def test_a_small_batch_is_doubted_for_its_rows(profile, rows, said):
    (doubt,) = doubts(profile, rows)
    assert said in doubt
    assert "takes 30" in doubt


def test_a_small_reference_is_doubted_for_its_rows():
    (doubt,) = doubts(fit_profile(frame(1, 400), SCHEMA), 200)
    assert "the reference has 400 rows, and a promise takes 500" in doubt
    (doubt,) = doubts(fit_profile(frame(1, 1_000), SCHEMA, calibrate=False), 200)
    assert "has no null distribution" in doubt


def test_columns_that_are_handled_otherwise_are_doubted_by_name(profile):
    forced = with_handling(profile, frame(1, 1_000), SCHEMA, {"a": CATEGORICAL})
    (doubt,) = doubts(forced, 200)
    assert "can't be promised for a: " in doubt
    assert "another handling" in doubt


@pytest.mark.parametrize("handling", [NUMERICAL, CATEGORICAL])
@pytest.mark.parametrize(("here", "there", "said"), [
    ([1.0, 2.0], [None, None], "in these rows"), ([None, None], [1.0, 2.0], "in the reference"),
    ([None, None], [None, None], "in the reference and in these rows"), ([1.0, None], [None, 2.0], None), ([], [], None),
])  # fmt: skip
def test_a_column_without_any_value_is_named(handling, here, there, said):
    schema = Schema((Column("temp", handling),), "y", PredictionType.BINARY, ("no", "yes"), None, {})
    sides = [pd.DataFrame({"temp": pd.Series(side, dtype="float64")}) for side in (here, there)]
    profile = fit_profile(sides[0], schema, calibrate=False)
    (column,) = measure_columns(profile, scan_frame(profile, sides[1]), DEFAULT)
    found = [warning for warning in warnings_about(column) if "no value" in warning]
    assert found == ([f"column 'temp' has no value {said}"] if said else [])


@pytest.mark.parametrize(("twins", "sentence"), [
    (300, "300 rows of the batch are also in the reference; the drift model leaves them out"), (0, None),
])  # fmt: skip
def test_rows_that_are_also_in_the_reference_are_told(twins, sentence):
    here, there = frame(1, 600), frame(2, 600)
    there = pd.concat([here[:twins], there[twins:]])
    found = compare_frames(here, there, SCHEMA, Drift(), seed=1, at=datetime(2017, 4, 1, tzinfo=UTC))
    assert found.details["rows"]["twins"] == twins
    assert [note for note in found.notes if "also in the reference" in note] == ([sentence] if sentence else [])
