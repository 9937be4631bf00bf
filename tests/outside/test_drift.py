"""Drift as other tools print it for the same rows, and none where there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, wasserstein_distance

from governance.project_file import Drift
from governance.vocabulary import DriftModel, Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.engine import evidently_score
from tasks.drift.global_score import measure_global_drift
from tasks.drift.pairs import pair_columns
from tests.outside.data import FOLDER, at_hand, expected
from tests.tasks.drift.comparing import compare_frames

pytestmark = at_hand

NUMERICAL, CATEGORICAL = Handling.NUMERICAL, Handling.CATEGORICAL
AT = datetime(2026, 1, 1, tzinfo=UTC)


def schema_of(frame: pd.DataFrame, names: list[str]) -> Schema:
    """Texts and truth values are categories, everything else is a number."""
    kinds = {name: NUMERICAL if frame[name].dtype.kind in "if" else CATEGORICAL for name in names}
    return Schema(tuple(Column(n, kind) for n, kind in kinds.items()), "y", PredictionType.BINARY, ("0", "1"), None)


def typed(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """As the reader types it."""
    texts = [column.name for column in schema.features if column.handling is CATEGORICAL]
    return frame.astype(dict.fromkeys(texts, "str"))


def data_drift(
    reference: pd.DataFrame, current: pd.DataFrame, schema: Schema, model: DriftModel, seed: int = 1
) -> float:
    pairs = pair_columns(typed(reference, schema), typed(current, schema), schema, {})
    value = measure_global_drift(pairs, Drift(model=model), seed=seed).measurements[0].value
    assert value is not None
    return value


def test_car_loan_columns_equal_nannymls() -> None:
    reference = pd.read_parquet(FOLDER / "car_loan/reference.parquet")
    analysis = pd.read_parquet(FOLDER / "car_loan/analysis_with_target.parquet")
    peer = pd.read_csv(FOLDER / "car_loan/peer_nannyml_univariate_by_chunk.csv")
    peer = peer[peer["chunk__period"] == "analysis"].reset_index(drop=True)
    names = ["car_value", "debt_to_income_ratio", "driver_tenure", "loan_length", "salary_range", "size_of_downpayment"]
    schema = schema_of(reference, names)
    for number in range(10):
        chunk = analysis[number * 5_000 : (number + 1) * 5_000]
        found = compare_frames(typed(reference, schema), typed(chunk, schema), schema, Drift(), seed=1, at=AT)
        ours = {m.name.removeprefix("column_drift."): m.value for m in found.measurements}
        for column in schema.features:
            name = column.name
            if column.handling is NUMERICAL:
                spread = float(np.std(reference[name]))
                statistic = peer.loc[number, f"{name}__kolmogorov_smirnov__value"]
                assert ours[f"{name}.ks_statistic"] == pytest.approx(statistic, abs=2e-4), (number, name)
                distance = peer.loc[number, f"{name}__wasserstein__value"]
                assert ours[f"{name}.wasserstein"] * spread == pytest.approx(
                    wasserstein_distance(reference[name], chunk[name]), rel=1e-9
                )
                # Of a large reference NannyML compares histograms, and so is off by some per cent itself.
                assert ours[f"{name}.wasserstein"] * spread == pytest.approx(distance, rel=0.05), (number, name)
            else:
                distance = peer.loc[number, f"{name}__jensen_shannon__value"]
                assert ours[f"{name}.jensen_shannon"] == pytest.approx(distance, abs=1e-9), (number, name)
        drifted = ours["columns_p_value"] is not None and ours["columns_p_value"] < 1e-6
        assert drifted == (number >= 5), "the data drift from the sixth chunk on"


EVIDENTLYS = {"K-S p_value": "ks", "chi-square p_value": "chisquare", "Z-test p_value": "z"}


def test_bike_sharing_equals_evidentlys_report_where_its_tests_are_asked_for() -> None:
    rows = pd.read_csv(FOLDER / "bike_sharing/bike_hour_scored_evidently_rf.csv")
    peer = pd.read_csv(FOLDER / "bike_sharing/peer_evidently067_drift.csv")
    reference = rows[rows["split"] == "reference"]
    compared = 0
    for (start, end), window in peer.groupby(["start", "end"]):
        current = rows[(rows["dteday"] >= start) & (rows["dteday"] <= end) & (rows["split"] == "production")]
        if len(current) != window["rows"].iloc[0]:
            continue
        for row in window.itertuples():
            handling = NUMERICAL if row.type == "num" else CATEGORICAL
            found = evidently_score(EVIDENTLYS[row.test], reference[row.column], current[row.column], handling)
            assert found.score == pytest.approx(row.score, abs=1e-6), (start, row.column)
            compared += 1
    assert compared >= 11 * 23


def test_the_published_week_of_bike_sharing_to_every_printed_digit() -> None:
    rows = pd.read_csv(FOLDER / "bike_sharing/bike_hour_scored_evidently_rf.csv")
    published = pd.read_csv(FOLDER / "bike_sharing/published_evidently_data_drift_2011-02-12_18.csv")
    days = rows["dteday"]
    reference, current = rows[rows["split"] == "reference"], rows[(days >= "2011-02-12") & (days <= "2011-02-18")]
    for row in published.itertuples():
        found = evidently_score("ks", reference[row.column_name], current[row.column_name], NUMERICAL)
        assert found.score == pytest.approx(row.drift_score, abs=5.1e-7)
        assert found.drifted == (row.data_drift == "Detected")


FLIGHT_FEATURES = [
    "weekday", "hour", "sched_dep_time", "sched_arr_time", "carrier", "origin", "dest", "distance", "plane_year",
    "manufacturer", "seats", "engine", "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip",
    "pressure", "visib",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["nycflights13", "elec2"])
def test_the_forest_agrees_with_the_plugin(dataset: str) -> None:
    reference, periods, schema = flights() if dataset == "nycflights13" else electricity()
    table = expected(dataset, "dataiku_drift_accuracy")
    for period, current in periods.items():
        value, tolerance = table[period]
        ours = data_drift(ten_thousand(reference), ten_thousand(current), schema, DriftModel.RANDOM_FOREST)
        assert ours == pytest.approx(value, abs=tolerance), period
    assert len(periods) == len(table) - 1, "all but the reference"


@pytest.mark.parametrize("model", list(DriftModel))
def test_two_halves_of_the_same_rows_cant_be_told_apart(model: DriftModel) -> None:
    rows = pd.read_parquet(FOLDER / "elec2/elec2.parquet")
    rows = rows[rows["split"] == "reference"]
    schema = schema_of(rows, ["day", "period", "nswprice", "nswdemand"])
    rejected, hits, trials = 0, 0.0, 0
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(rows))
        half = len(rows) // 2
        here, there = rows.iloc[order[:half]], rows.iloc[order[half : 2 * half]]
        pairs = pair_columns(typed(here, schema), typed(there, schema), schema, {})
        found = {m.name: m for m in measure_global_drift(pairs, Drift(model=model), seed=seed).measurements}
        accuracy, measured_on = found["data_drift"].value, found["data_drift"].rows
        assert accuracy is not None
        assert measured_on is not None
        hits, trials = hits + accuracy * measured_on, trials + measured_on
        rejected += (found["data_drift_p_value"].value or 0.0) < 0.05
    # Of 20 tests at 5 %, more than four reject in 3 of 1,000 cases.
    assert rejected <= 4
    assert binomtest(round(hits), trials, 0.5).pvalue > 0.001


def ten_thousand(rows: pd.DataFrame) -> pd.DataFrame:
    """As many rows as the plugin looks at, at most."""
    return rows if len(rows) <= 10_000 else rows.sample(10_000, random_state=1)


def flights() -> tuple[pd.DataFrame, dict[str, pd.DataFrame], Schema]:
    rows = pd.read_parquet(FOLDER / "nycflights13/flights_prepared.parquet")
    scored = pd.read_parquet(FOLDER / "nycflights13/model_scores.parquet", columns=["row_id", "split"])
    rows = rows.merge(scored, on="row_id")
    periods = {period.replace("_", "-"): part for period, part in rows.groupby("split") if period[:4] == "2013"}
    reference = rows[rows["split"] == "reference_test_2013_q1"]
    return reference, periods, schema_of(rows, FLIGHT_FEATURES)


def electricity() -> tuple[pd.DataFrame, dict[str, pd.DataFrame], Schema]:
    rows = pd.read_parquet(FOLDER / "elec2/elec2.parquet")
    periods = dict(iter(rows[(rows["split"] == "production") & (rows["month"] < "1998-12")].groupby("month")))
    names = ["day", "period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"]
    return rows[rows["split"] == "reference"], periods, schema_of(rows, names)
