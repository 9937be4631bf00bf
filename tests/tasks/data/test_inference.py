from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible, UnreadableFile
from governance.project_file import ModelSettings
from governance.vocabulary import Handling
from tasks.data.inference import ColumnProfile, infer_schema, profile_columns
from tasks.data.sources import Source
from tasks.data.tally import DISTINCT_CAP

FLIGHTS = Path(__file__).parents[4] / "shared/data/nycflights13/flights_prepared.parquet"

ROWS = 60
RANDOM = np.random.default_rng(5)
NUMBERS = RANDOM.normal(size=ROWS)
COLUMNS = {
    "continuous": (NUMBERS, Handling.NUMERICAL),
    "continuous_id": (NUMBERS, Handling.NUMERICAL),
    "whole_floats_in_order": (np.arange(ROWS) * 1000.0, Handling.NUMERICAL),
    "count": (RANDOM.integers(0, 9, ROWS), Handling.NUMERICAL),
    "different_amounts": (RANDOM.permutation(10**6)[:ROWS], Handling.NUMERICAL),
    "row": (np.arange(ROWS) + 7, Handling.IGNORED),
    "backwards": (np.arange(ROWS)[::-1] * 3, Handling.IGNORED),
    "shuffled": (RANDOM.permutation(ROWS), Handling.IGNORED),
    "customer_id": (RANDOM.permutation(10**6)[:ROWS], Handling.IGNORED),
    "shopId": (RANDOM.integers(0, 9, ROWS), Handling.CATEGORICAL),
    "zip": ([f"0{n}" for n in RANDOM.integers(1000, 1009, ROWS)], Handling.CATEGORICAL),
    "padded": ([f"00{n}" for n in RANDOM.integers(1, 9, ROWS)], Handling.CATEGORICAL),
    "error code": (RANDOM.integers(0, 9, ROWS), Handling.CATEGORICAL),
    "hash": ([f"x{n:07x}" for n in RANDOM.permutation(10**6)[:ROWS]], Handling.IGNORED),
    "comment": ([f"this customer said rather many things {n}" for n in range(ROWS)], Handling.TEXT),
    "long_answer": (["I would rather not say it here"] * 30 + ["I have no opinion on that matter"] * 30, Handling.CATEGORICAL),
    "colour": (["red", "green", "blue"] * 20, Handling.CATEGORICAL),
    "flag": ([True, False] * 30, Handling.CATEGORICAL),
    "day": (pd.date_range("2017-01-01", periods=ROWS).strftime("%Y-%m-%d"), Handling.DATE),
    "moment": (pd.date_range("2017-01-01", periods=ROWS, tz="UTC", freq="h"), Handling.DATE),
    "nothing": ([None] * ROWS, Handling.IGNORED),
    "same": (["x"] * ROWS, Handling.IGNORED),
    "sometimes": (["x", None] * 30, Handling.CATEGORICAL),
    "one_missing": ([None, *range(1, ROWS)], Handling.IGNORED),
}  # fmt: skip


@pytest.fixture(params=["csv", "parquet"])
def source(request, tmp_path) -> Source:
    frame = pd.DataFrame({name: pd.Series(values) for name, (values, _) in COLUMNS.items()})
    path = tmp_path / f"x.{request.param}"
    frame.to_csv(path, index=False) if request.param == "csv" else frame.to_parquet(path, index=False)
    return Source("x", path, request.param)


def profile(source: Source, name: str, **options) -> ColumnProfile:
    return {found.name: found for found in profile_columns(source, **options)}[name]


@pytest.mark.parametrize("chunk_rows", [7, 1000])
def test_columns_are_handled_as_people_would(source, chunk_rows):
    found = {found.name: found for found in profile_columns(source, chunk_rows=chunk_rows)}
    assert {name: each.handling for name, each in found.items()} == {
        name: handling for name, (_, handling) in COLUMNS.items()
    }
    assert all(each.rows == ROWS and each.reason for each in found.values())
    assert "missing" in found["nothing"].reason
    assert found["same"].reason == "constant: always 'x'"
    assert (found["colour"].distinct, found["sometimes"].missing) == (3, 30)
    assert all("identifier" in found[name].reason for name in ("row", "backwards", "shuffled", "customer_id", "hash"))


def test_a_forced_handling_is_not_questioned(source):
    assert profile(source, "row", forced={"row": Handling.NUMERICAL}).handling is Handling.NUMERICAL
    with pytest.raises(SchemaMismatch, match="nearest is 'row'"):
        profile_columns(source, {"rows": Handling.NUMERICAL})


def test_a_header_without_rows_has_no_profile(csv):
    with pytest.raises(UnreadableFile, match="no rows"):
        profile_columns(csv("a,b\n"))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=20, max_size=50, unique=True), st.booleans())
def test_continuous_floats_are_never_called_identifiers(tmp_path, values, ordered):
    frame = pd.DataFrame({"customer_id": sorted(values) if ordered else values})
    frame.to_parquet(tmp_path / "x.parquet")
    frame.to_csv(tmp_path / "x.csv", index=False)
    for kind in ("csv", "parquet"):
        found = profile_columns(Source("x", tmp_path / f"x.{kind}", kind))[0]
        assert found.handling is Handling.NUMERICAL


def test_a_long_column_is_counted_up_to_the_cap_and_still_known_as_identifier(tmp_path):
    rows = DISTINCT_CAP + 50_000
    names = pd.Series([f"u{n}" for n in range(rows)])
    pd.DataFrame({"user": names, "level": ["a", "b"] * (rows // 2)}).to_parquet(tmp_path / "x.parquet")
    user, level = profile_columns(Source("x", tmp_path / "x.parquet", "parquet"))
    assert (user.handling, user.distinct) == (Handling.IGNORED, DISTINCT_CAP)
    assert (level.handling, level.distinct) == (Handling.CATEGORICAL, 2)


def test_parquet_types_have_their_handling(parquet):
    money = pa.array([1, 2, 3], pa.int64()).cast(pa.decimal128(21, 2))
    found = profile_columns(
        parquet(
            m=money,
            c=pa.array(["a", "b", "a"]).dictionary_encode(),
            z=pa.array([1, 2, 3], pa.timestamp("us", "Asia/Tokyo")),
        )
    )
    assert [each.handling for each in found] == [Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["31/12/2024", "1/2/2025"], "dates not in ISO form: write them as 2024-12-31"),
        (["01/02/24 05:00 PM", "02/02/24 06:30 AM"], "dates not in ISO form"),
        (["31.12.2024", "01.01.2025 08:15"], "dates not in ISO form"),
        (["2024/12/31", "2024/01/01"], "dates not in ISO form"),
        (["3 Mar 2024", "Apr 4, 2024"], "dates not in ISO form"),
        (["2024-12-31", "31/12/2024"], "dates not in ISO form"),
        (["1,2345", "-0,5", "7"], "decimal commas: write 1.23"),
        (["1.234,56", "17,0"], "decimal commas: write 1.23"),
        (["1,234", "12,345,678.9", "950"], "commas in numbers: write 1234 or 1.234"),
    ],
)
def test_dates_and_numbers_in_another_writing_are_ignored_with_a_remedy(tmp_path, values, reason):
    rows = [*values * 30, None]
    pd.DataFrame({"z": rows, "n": range(len(rows))}).to_csv(tmp_path / "x.csv", index=False)
    z = profile(Source("x", tmp_path / "x.csv", "csv"), "z", chunk_rows=7)
    assert z.handling is Handling.IGNORED
    assert reason in z.reason


@pytest.mark.parametrize("values", [["1.2.3", "1.3.0"], ["a,1", "b,2"], ["12/24", "1/2"], ["10-12", "13-19"]])
def test_codes_that_only_look_a_little_like_dates_or_numbers_are_categories(tmp_path, values):
    pd.DataFrame({"z": values * 30}).to_csv(tmp_path / "x.csv", index=False)
    assert profile(Source("x", tmp_path / "x.csv", "csv"), "z").handling is Handling.CATEGORICAL


def test_a_foreign_writing_that_is_forced_is_not_questioned(tmp_path):
    pd.DataFrame({"z": ["31/12/2024", "1/2/2025"]}).to_csv(tmp_path / "x.csv", index=False)
    source = Source("x", tmp_path / "x.csv", "csv")
    assert profile(source, "z", forced={"z": Handling.CATEGORICAL}).handling is Handling.CATEGORICAL


def test_durations_are_ignored(parquet):
    (found,) = profile_columns(parquet(took=pa.array([1, 2, 2], pa.duration("s"))))
    assert (found.handling, found.reason) == (Handling.IGNORED, "durations: write them as numbers, e.g. of seconds")


# ---- infer_schema ----

BASE = {"n": NUMBERS, "colour": ["red", "green", None] * 20, "row_id": range(ROWS), "note": COLUMNS["comment"][0]}


def training(folder: Path, **columns: object) -> Source:
    frame = pd.DataFrame({name: pd.Series(values) for name, values in {**BASE, "y": [0, 1] * 30, **columns}.items()})
    frame.to_csv(folder / "train.csv", index=False)
    return Source("training", folder / "train.csv", "csv")


def asked(prediction_type: str = "binary", **changes: object) -> ModelSettings:
    return ModelSettings.model_validate({"target": "y", "prediction_type": prediction_type, **changes})


def test_a_schema_has_the_useful_columns_the_classes_and_the_levels(tmp_path):
    source = training(tmp_path, day=["2017-06-30", "2017-07-01"] * 30)
    schema = infer_schema(source, "m", asked(time_column="day"))
    assert schema.handling == {"n": Handling.NUMERICAL, "colour": Handling.CATEGORICAL}
    assert (schema.target, schema.classes, schema.time_column) == ("y", ("0", "1"), "day")
    assert schema.categories == {"colour": ("green", "red")}


def test_the_time_column_is_a_feature_only_when_included(tmp_path):
    source = training(tmp_path, day=["2017-06-30", "2017-07-01"] * 30)
    schema = infer_schema(source, "m", asked(time_column="day", features={"include": ["day", "n"]}))
    assert schema.handling == {"day": Handling.DATE, "n": Handling.NUMERICAL}
    with pytest.raises(SchemaMismatch, match="as feature it is categorical; set its handling to date"):
        infer_schema(
            source, "m", asked(time_column="day", features={"include": ["day"], "handling": {"day": "categorical"}})
        )
    with pytest.raises(SchemaMismatch, match=r"column 'colour', row 1: 'red' is not an ISO date"):
        infer_schema(source, "m", asked(time_column="colour"))


def test_include_exclude_and_handling_are_respected(tmp_path):
    source = training(tmp_path)
    features = {"exclude": ["n"], "handling": {"row_id": "numerical", "colour": "ignored"}}
    assert infer_schema(source, "m", asked(features=features)).handling == {"row_id": Handling.NUMERICAL}
    features = {"include": ["colour"], "exclude": ["n"]}
    assert infer_schema(source, "m", asked(features=features)).feature_names == ["colour"]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"target": "yy"}, "yy"),
        ({"time_column": "days"}, "days"),
        ({"features": {"include": ["m"]}}, "m"),
        ({"features": {"exclude": ["gone"]}}, "gone"),
        ({"features": {"handling": {"colours": "text"}}}, "colours"),
    ],
)
def test_a_name_that_is_not_in_the_file_is_refused(tmp_path, changes, column):
    with pytest.raises(SchemaMismatch, match=f"column '{column}': there is no such column"):
        infer_schema(training(tmp_path), "m", asked(**changes))


@pytest.mark.parametrize(
    ("values", "problem"), [([None] * ROWS, "all values are missing"), ([4] * ROWS, "all rows have the same value")]
)
@pytest.mark.parametrize("handling", [{}, {"z": "numerical"}])
def test_an_empty_or_constant_feature_is_refused_unless_excluded(tmp_path, values, problem, handling):
    source = training(tmp_path, z=values)
    with pytest.raises(SchemaMismatch, match=f"column 'z': {problem}; exclude it under features.exclude"):
        infer_schema(source, "m", asked(features={"handling": handling}))
    assert "z" not in infer_schema(source, "m", asked(features={"exclude": ["z"]})).feature_names


def test_stray_text_among_numbers_is_refused_with_its_row_unless_meant(tmp_path):
    source = training(tmp_path, z=[*map(str, NUMBERS[:-1]), "n.a."])
    with pytest.raises(SchemaMismatch, match=r"column 'z', row 60: nearly all values are numbers, but here is 'n.a.'"):
        infer_schema(source, "m", asked())
    meant = infer_schema(source, "m", asked(features={"handling": {"z": "categorical"}}))
    assert meant.handling["z"] is Handling.CATEGORICAL
    with pytest.raises(SchemaMismatch, match=r"row 60: 'n.a.' is not a number"):
        infer_schema(source, "m", asked(features={"handling": {"z": "numerical"}}))


def test_a_stray_text_among_dates_is_refused(tmp_path):
    days = [*pd.date_range("2017-01-01", periods=ROWS - 1).strftime("%Y-%m-%d"), "soon"]
    with pytest.raises(SchemaMismatch, match=r"row 60: nearly all values are dates, but here is 'soon'"):
        infer_schema(training(tmp_path, z=days), "m", asked())


def test_an_infinite_feature_is_refused(tmp_path):
    with pytest.raises(SchemaMismatch, match=r"column 'z', row 2: the value 'inf' is infinite"):
        infer_schema(training(tmp_path, z=[0.5, np.inf] * 30), "m", asked())


def test_an_identifier_is_refused_only_when_it_is_asked_for(tmp_path):
    with pytest.raises(SchemaMismatch, match=r"column 'row_id': it is included, but looks useless"):
        infer_schema(training(tmp_path), "m", asked(features={"include": ["n", "row_id"]}))


def test_a_model_without_features_is_impossible(tmp_path):
    with pytest.raises(TrainingImpossible, match=r"model 'm': no column of .* is left"):
        infer_schema(training(tmp_path), "m", asked(features={"exclude": ["n", "colour"]}))


@pytest.mark.parametrize(
    ("labels", "changes", "classes"),
    [
        (["no", "yes"], {}, ("no", "yes")),
        (["no", "yes"], {"positive_class": "no"}, ("yes", "no")),
        ([9, 10], {}, ("9", "10")),
        ([1.0, 0.0], {}, ("0", "1")),
        ([True, False], {}, ("false", "true")),
        ([True, False], {"positive_class": "False"}, ("true", "false")),
        (["b", "a", "c"], {"prediction_type": "multiclass"}, ("a", "b", "c")),
        ([1.5, 2.5, 3.5], {"prediction_type": "regression"}, ()),
    ],
)
def test_classes_are_canonical_and_the_positive_one_is_last(tmp_path, labels, changes, classes):
    source = training(tmp_path, y=[*(labels * ROWS)[: ROWS - 1], None])
    assert infer_schema(source, "m", asked(**changes)).classes == classes


@pytest.mark.parametrize(
    ("labels", "changes", "problem"),
    [
        ([None], {}, "no row has a label"),
        ([None], {"prediction_type": "regression"}, "no row has a label"),
        ([1], {}, "all labels are the same"),
        ([1, 2, 3], {}, r"it has 3 classes \(1, 2, 3\) where a binary model has two; set prediction_type: multiclass"),
        ([1, 2], {"positive_class": "yes"}, "no row has the positive class 'yes'; set positive_class to '1' or '2'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, labels, changes, problem):
    with pytest.raises(NoUsableTarget, match=f"target 'y': {problem}"):
        infer_schema(training(tmp_path, y=(labels * ROWS)[:ROWS]), "m", asked(**changes))


def test_a_continuous_target_has_no_classes(tmp_path):
    rows = pd.DataFrame({"n": range(0, 4000, 2), "y": np.linspace(0, 1, 2000)}).sample(frac=1, random_state=0)
    rows.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(NoUsableTarget, match=r"more than 1,000 different labels; set prediction_type: regression"):
        infer_schema(Source("x", tmp_path / "x.csv", "csv"), "m", asked("multiclass"))


def test_text_as_regression_target_is_named(tmp_path):
    with pytest.raises(SchemaMismatch, match=r"column 'y', row 1: 'low' is not a number"):
        infer_schema(training(tmp_path, y=["low", "high"] * 30), "m", asked("regression"))


def test_too_many_levels_are_not_kept(tmp_path):
    rows = 25_000
    frame = pd.DataFrame(
        {"many": [f"v{n // 2}" for n in range(rows)], "few": ["a", "b"] * (rows // 2), "y": [0, 1] * (rows // 2)}
    )
    frame.to_parquet(tmp_path / "x.parquet")
    schema = infer_schema(Source("x", tmp_path / "x.parquet", "parquet"), "m", asked())
    assert schema.handling["many"] is Handling.CATEGORICAL
    assert set(schema.categories) == {"few"}


@pytest.mark.skipif(not FLIGHTS.is_file(), reason="the flights are not here")
def test_real_flights_are_understood():
    settings = asked(target="late15", time_column="date", features={"exclude": ["dep_delay", "arr_delay", "cancelled"]})
    schema = infer_schema(Source("flights", FLIGHTS, "parquet"), "late", settings)
    categorical = {name for name, handling in schema.handling.items() if handling is Handling.CATEGORICAL}
    assert categorical == {"carrier", "tailnum", "origin", "dest", "manufacturer", "engine"}
    assert "row_id" not in schema.feature_names
    assert {schema.handling[name] for name in ("hour", "plane_year", "wind_gust", "distance")} == {Handling.NUMERICAL}
    assert schema.classes == ("0", "1")
    assert schema.categories["origin"] == ("EWR", "JFK", "LGA")
