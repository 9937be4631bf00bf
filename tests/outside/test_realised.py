"""Performance as other tools print it for the same rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.vocabulary import PredictionType
from tasks.metrics import measure_performance
from tests.outside.data import FOLDER, at_hand, expected, printed

pytestmark = at_hand

PRINTED_METRICS = ("roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "average_precision")
CLASSES = ("0", "1")


def binary(target: pd.Series, probability: pd.Series, prediction: pd.Series) -> dict[str, float | None]:
    scored = pd.DataFrame({"prediction": prediction.astype(int).astype(str), "proba_1": probability})
    labels = target.astype(int).astype(str)
    return {m.name: m.value for m in measure_performance(PredictionType.BINARY, CLASSES, labels, scored, None)}


def test_car_loan_equals_the_tables_printed_in_nannymls_documentation() -> None:
    rows = pd.read_parquet(FOLDER / "car_loan/analysis_with_target.parquet")
    table = printed("car_loan", "published_nannyml_docs_realised.txt", "period='analysis'")
    assert len(table) == 10
    for number, cells in enumerate(table):
        chunk = rows[number * 5_000 : (number + 1) * 5_000]
        ours = binary(chunk["repaid"], chunk["y_pred_proba"], chunk["y_pred"])
        # Nine columns say which chunk it is; then come five per metric, the value second.
        values = dict(zip(PRINTED_METRICS, (float(cell) for cell in cells[10::5]), strict=True))
        for metric in ours.keys() & values.keys():
            assert ours[metric] == pytest.approx(values[metric], abs=5.1e-7), (number, metric)
        assert len(ours.keys() & values.keys()) == 6


FROM_SCIKIT_LEARN = {
    "sk_roc_auc": "roc_auc", "sk_ap": "average_precision", "sk_logloss": "log_loss", "sk_accuracy": "accuracy", "sk_f1": "f1",
}  # fmt: skip


def flights() -> dict[str, pd.DataFrame]:
    """Period: labelled rows with ``label``, ``proba_1`` and ``prediction``."""
    labels = pd.read_parquet(FOLDER / "nycflights13/flights_prepared.parquet", columns=["row_id", "late15"])
    rows = pd.read_parquet(FOLDER / "nycflights13/model_scores.parquet").merge(labels, on="row_id")
    rows = rows.dropna(subset="late15").rename(columns={"late15": "label"})
    periods = rows["split"].str.replace("_", "-").where(rows["split"].str.startswith("2013"), "reference")
    return dict(iter(rows.groupby(periods)))


def electricity() -> dict[str, pd.DataFrame]:
    """Likewise, by month."""
    rows = pd.read_parquet(FOLDER / "elec2/elec2.parquet").rename(columns={"target": "label"})
    return {
        "reference (drift: null control, two halves)": rows[rows["split"] == "reference"],
        **dict(iter(rows[rows["split"] == "production"].groupby("month"))),
    }


@pytest.mark.parametrize(("dataset", "periods", "size"), [("nycflights13", flights, 10), ("elec2", electricity, 24)])
def test_binary_metrics_equal_scikit_learns_on_the_stored_probabilities(dataset, periods, size) -> None:
    found = {period: binary(rows["label"], rows["proba_1"], rows["prediction"]) for period, rows in periods().items()}
    for theirs, ours in FROM_SCIKIT_LEARN.items():
        table = expected(dataset, theirs)
        assert len(table) == size
        for period, (value, tolerance) in table.items():
            assert found[period][ours] == pytest.approx(value, abs=tolerance), (period, ours)


FROM_EVIDENTLY = {
    "current_mean_abs_error": ("mae", 1.0), "current_mean_abs_perc_error": ("mape", 100.0),
    "current_rmse": ("rmse", 1.0), "current_r2_score": ("r2", 1.0),
}  # fmt: skip


def test_bike_sharing_equals_evidentlys_printed_report() -> None:
    rows = pd.read_csv(FOLDER / "bike_sharing/bike_hour_scored_evidently_rf.csv")
    for theirs, (ours, unit) in FROM_EVIDENTLY.items():
        for period, (value, tolerance) in expected("bike_sharing", theirs).items():
            first, _, last = period.partition("..")
            days = rows["dteday"]
            # A month is named by its beginning; of a week the report took the rows up to the first hour of the last day.
            chosen = rows[days.str.startswith(first)] if not last else rows[(days >= first) & (days <= last)]
            chosen = chosen[chosen["split"] == "production"]
            measured = {
                m.name: m.value
                for m in measure_performance(
                    PredictionType.REGRESSION, (), chosen["cnt"].astype(float), chosen[["prediction"]], None
                )
            }
            assert measured[ours] is not None
            assert unit * measured[ours] == pytest.approx(value, abs=tolerance), (period, ours, len(chosen))


def test_the_no_change_classifier_is_as_good_as_published() -> None:
    target = pd.read_parquet(FOLDER / "elec2/elec2.parquet")["target"].to_numpy()
    yesterday, today = target[:-1], target[1:]
    scored = pd.DataFrame({"prediction": yesterday.astype(str)})
    found = measure_performance(PredictionType.BINARY, CLASSES, pd.Series(today.astype(str)), scored, None)
    accuracy = next(m.value for m in found if m.name == "accuracy")
    ((value, tolerance),) = expected("elec2", "no_change_classifier_accuracy").values()
    assert accuracy == pytest.approx(value, abs=tolerance)
    ((share, within),) = expected("elec2", "majority_share_DOWN").values()
    assert np.mean(target == 0) == pytest.approx(share, abs=within)
