"""What stock Evidently gets wrong, shown on it, and that the engine does not share it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from governance.errors import SchemaMismatch
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling, PredictionType
from tasks.data.conform import to_target
from tasks.data.schema import Column, Schema, canonical_label
from tasks.drift.columns import measure_columns
from tasks.drift.engine import evidently_score, take_snapshot
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_frame
from tasks.metrics.performance import measure_performance

AT = datetime(2013, 4, 1, tzinfo=UTC)
NUMERICAL, CATEGORICAL = Handling.NUMERICAL, Handling.CATEGORICAL
ROWS = 2_000
RANDOM = np.random.default_rng(11)
NORMAL, AGAIN = RANDOM.normal(size=ROWS), RANDOM.normal(size=ROWS)


def ours(reference, current, handling=NUMERICAL):
    """The columns as the engine measures them, by name."""
    here, there = pd.DataFrame(reference), pd.DataFrame(current)
    schema = Schema(tuple(Column(name, handling) for name in here), "y", PredictionType.BINARY, ("0", "1"), None)
    profile = fit_profile(here, schema, calibrate=False)
    return {one.name: one for one in measure_columns(profile, scan_frame(profile, there), FalseAlarmRate())}


def value(column, statistic):
    return next(m.value for m in column.measurements if m.name.rpartition(".")[2] == statistic)


def stock_report(metrics, reference, current, **lists):
    """A report as Evidently makes it; ``lists`` are the column lists of its definition, else it infers them."""
    from evidently import DataDefinition, Dataset, Report

    definition = DataDefinition(**lists) if lists else None
    sides = [Dataset.from_pandas(pd.DataFrame(side), definition) for side in (current, reference)]
    return Report(metrics).run(*sides).dict()


def drift_preset():
    from evidently.presets import DataDriftPreset

    return [DataDriftPreset()]


def columns_of(report):
    return {m["config"]["column"] for m in report["metrics"] if m["config"]["type"].endswith("ValueDrift")}


def stock_default(reference, current, kind="num"):
    """Whether the test that Evidently chooses by default calls it drift."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    sides = pd.Series(reference), pd.Series(current)
    test = get_stattest(*sides, ColumnType(kind), None)
    return test(*sides, ColumnType(kind), None).drifted


@pytest.mark.parametrize("nothing", [np.full(ROWS, np.nan), None], ids=["all missing", "no rows"])
def test_a_column_without_values_costs_stock_the_report_and_us_that_column(nothing):
    current = {"good": NORMAL + 1, "bad": nothing} if nothing is not None else {"good": [], "bad": []}
    with pytest.raises(Exception, match=r".+"):
        stock_report(drift_preset(), {"good": NORMAL, "bad": NORMAL}, current,
                     numerical_columns=["good", "bad"], categorical_columns=[])  # fmt: skip
    found = ours({"good": NORMAL, "bad": NORMAL}, pd.DataFrame(current, dtype="float64"))
    if nothing is None:
        assert all(m.value is not None or m.reason for one in found.values() for m in one.measurements)
    else:
        assert found["good"].drifted
        assert found["bad"].drifted  # of its missing values
        assert next(m for m in found["bad"].measurements if m.name.endswith("ks_p_value")).reason
    assert json.loads(take_snapshot("input drift", list(found.values()), [], AT))["metric_results"]


def test_missing_values_are_dropped_by_stock_and_a_drift_to_us():
    half = np.where(np.arange(ROWS) % 2, AGAIN, np.nan)
    assert not stock_default(NORMAL, half)
    found = ours({"x": NORMAL}, {"x": half})["x"]
    assert found.drifted
    assert value(found, "missing_p_value") < 1e-100


def test_infinite_values_are_dropped_by_stock_and_out_of_range_to_us():
    bursting = np.where(np.arange(ROWS) % 10 == 0, np.inf, AGAIN)
    assert not evidently_score("ks", pd.Series(NORMAL), pd.Series(bursting), NUMERICAL).drifted
    found = ours({"x": NORMAL}, {"x": bursting})["x"]
    assert found.drifted
    assert value(found, "out_of_range_share") == pytest.approx(0.1, abs=0.01)


def test_a_column_that_is_absent_is_ignored_by_stock_and_refused_by_us():
    report = stock_report(drift_preset(), {"a": NORMAL, "gone": NORMAL}, {"a": AGAIN})
    assert columns_of(report) == {"a"}
    with pytest.raises(SchemaMismatch, match="gone"):
        ours({"a": NORMAL, "gone": NORMAL}, {"a": AGAIN})


FOREIGN = {
    "Int64": lambda numbers: pd.array(np.rint(numbers * 10), dtype="Int64"),
    "boolean": lambda numbers: pd.array(numbers > 0.5, dtype="boolean"),
    "Decimal": lambda numbers: [Decimal(f"{number:.3f}") for number in numbers],
}


@pytest.mark.parametrize("kind", ["Int64", "boolean"])
def test_nullable_types_are_skipped_by_stock(kind):
    report = stock_report(drift_preset(), {"a": NORMAL, "x": FOREIGN[kind](NORMAL)},
                          {"a": AGAIN, "x": FOREIGN[kind](AGAIN + 1)})  # fmt: skip
    assert "x" not in columns_of(report)


@pytest.mark.parametrize("kind", FOREIGN)
def test_nullable_and_foreign_types_are_measured_by_us(kind):
    found = ours({"x": FOREIGN[kind](NORMAL)}, {"x": FOREIGN[kind](AGAIN + 1)})["x"]
    assert found.drifted


def test_truth_values_as_numbers_break_stock_and_not_us():
    with pytest.raises(Exception, match=r".+"):
        stock_report(drift_preset(), {"x": NORMAL > 0}, {"x": AGAIN > 1}, numerical_columns=["x"])
    assert ours({"x": NORMAL > 0}, {"x": AGAIN > 1})["x"].drifted


def test_a_small_scale_hides_a_shift_from_stock_and_not_from_us():
    small = NORMAL * 1e-6, (AGAIN + 10) * 1e-6
    assert not stock_default(*small)
    found = ours({"x": small[0]}, {"x": small[1]})["x"]
    assert found.drifted
    assert value(found, "wasserstein") == pytest.approx(10, abs=0.5)


def test_a_huge_scale_hides_a_shift_from_stock_and_not_from_us():
    huge = NORMAL * 1e300, (AGAIN + 10) * 1e300
    with np.errstate(all="ignore"):
        assert not stock_default(*huge)
    found = ours({"x": huge[0]}, {"x": huge[1]})["x"]
    assert found.drifted
    assert value(found, "wasserstein") == pytest.approx(10, abs=0.5)


def with_outlier(values, outlier):
    return np.append(values, outlier)


@pytest.mark.parametrize("name", ["wasserstein", "psi", "jensenshannon"])
def test_one_outlier_hides_two_deviations_from_stock(name):
    reference, current = with_outlier(NORMAL, 1e5), AGAIN + 2
    assert not evidently_score(name, pd.Series(reference), pd.Series(current), NUMERICAL).drifted


def test_one_outlier_hides_nothing_from_us():
    found = ours({"x": with_outlier(NORMAL, 1e5)}, {"x": AGAIN + 2})["x"]
    assert found.drifted
    assert value(found, "psi") > 0.25
    assert value(found, "jensen_shannon") > 0.3
    assert value(found, "ks_statistic") > 0.6


def test_a_doubled_lognormal_is_hidden_from_the_bins_of_stock_and_not_from_ours():
    random = np.random.default_rng(4)
    reference, current = random.lognormal(0, 2, ROWS), 2 * random.lognormal(0, 2, ROWS)
    for name in ("psi", "jensenshannon"):
        assert not evidently_score(name, pd.Series(reference), pd.Series(current), NUMERICAL).drifted
    found = ours({"x": reference}, {"x": current})["x"]
    assert found.drifted
    assert value(found, "psi") > 0.1


@pytest.mark.parametrize(
    ("draw", "kind", "handling"),
    [
        (lambda random, rows: random.normal(size=rows), "num", NUMERICAL),
        (lambda random, rows: random.integers(0, 20, rows).astype(str), "cat", CATEGORICAL),
    ],
    ids=["normal", "20 categories"],
)
def test_small_batches_without_drift_alarm_stock_more_often_than_not_and_us_at_the_stated_rate(draw, kind, handling):
    random = np.random.default_rng(9)
    reference = draw(random, 10_000)
    batches = [draw(random, 100) for _ in range(60)]
    assert np.mean([stock_default(reference, batch, kind) for batch in batches]) > 0.5
    schema = Schema((Column("x", handling),), "y", PredictionType.BINARY, ("0", "1"), None)
    profile = fit_profile(pd.DataFrame({"x": reference}), schema)
    p_values = [
        measure_columns(profile, scan_frame(profile, pd.DataFrame({"x": batch})), FalseAlarmRate())[0].p_value
        for batch in batches
    ]
    # Of 60 at 5 %: more than 8 with a probability below 1 %.
    assert sum(p_value < 0.05 for p_value in p_values) <= 8


def test_the_chi_squared_of_stock_takes_the_reference_for_exact_and_ours_does_not():
    random = np.random.default_rng(2)
    pairs = [[random.integers(0, 5, 500).astype(str) for _ in range(2)] for _ in range(150)]
    stock = np.mean([evidently_score("chisquare", *map(pd.Series, pair), CATEGORICAL).drifted for pair in pairs])
    found = [value(ours({"x": here}, {"x": there}, CATEGORICAL)["x"], "chi2_p_value") for here, there in pairs]
    assert stock > 0.2
    assert np.mean(np.array(found) < 0.05) < 0.11  # 5 % and three standard errors


def binary(target, probability, prediction=None):
    frame = pd.DataFrame({"proba_0": 1 - probability, "proba_1": probability})
    frame["prediction"] = np.where(probability >= 0.5, "1", "0") if prediction is None else prediction
    threshold = 0.5 if prediction is None else None
    found = measure_performance(PredictionType.BINARY, ("0", "1"), pd.Series(target), frame, threshold)
    return {m.name: m for m in found}


def stock_binary(target, probability, metrics, prediction=None, positive="1"):
    from evidently import BinaryClassification

    frame = {"y": target, "p": probability}
    labels = {}
    if prediction is not None:
        frame["prediction"], labels = prediction, {"prediction_labels": "prediction"}
    task = BinaryClassification(target="y", prediction_probas="p", pos_label=positive, **labels)
    lists = {"numerical_columns": ["p"], "categorical_columns": [name for name in frame if name != "p"]}
    return stock_report(metrics, frame, frame, classification=[task], **lists)


PROBABILITY = np.random.default_rng(3).random(200)


def test_one_class_breaks_the_preset_of_stock_and_is_a_reason_to_us():
    from evidently.presets import ClassificationPreset

    target = np.full(200, "1")
    with pytest.raises(Exception, match=r".+"):
        stock_binary(target, PROBABILITY, [ClassificationPreset()])
    found = binary(target, PROBABILITY)
    assert found["roc_auc"].value is None
    assert found["roc_auc"].reason
    assert found["accuracy"].value == pytest.approx(np.mean(PROBABILITY >= 0.5))


def test_stock_ignores_predicted_labels_beside_probabilities_and_we_do_not():
    from evidently.metrics import Accuracy

    target = by_another_threshold = np.where(PROBABILITY > 0.3, "1", "0")
    report = stock_binary(target, PROBABILITY, [Accuracy()], by_another_threshold)
    assert report["metrics"][0]["value"] < 0.9
    assert binary(target, PROBABILITY, by_another_threshold)["accuracy"].value == 1


KNOWN = np.arange(200) % 4 > 0


@pytest.mark.parametrize(
    ("target", "positive"),
    [(pd.Series((PROBABILITY > 0.5).astype(float)).where(KNOWN), 1.0), (pd.Series(PROBABILITY > 0.5), True)],
    ids=["missing labels", "truth values"],
)
def test_labels_that_are_missing_or_truth_values_break_stock(target, positive):
    from evidently.metrics import Accuracy

    with pytest.raises(Exception, match=r".+"):
        stock_binary(target, PROBABILITY, [Accuracy()], positive=positive)


def test_labels_that_are_missing_or_truth_values_do_not_break_us():
    schema = Schema((Column("x", NUMERICAL),), "y", PredictionType.BINARY, ("false", "true"), None)
    target = to_target(
        pd.Series(PROBABILITY > 0.5).astype(object).where(KNOWN).map(canonical), schema, Path("rows.csv")
    )
    labelled = target.notna().to_numpy()
    scored = pd.DataFrame({"proba_true": PROBABILITY, "proba_false": 1 - PROBABILITY, "prediction": "true"})[labelled]
    found = measure_performance(PredictionType.BINARY, schema.classes, target[labelled], scored, 0.5)
    accuracy = next(m for m in found if m.name == "accuracy")
    assert (accuracy.value, accuracy.rows) == (1, KNOWN.sum())


def canonical(value):
    return value if pd.isna(value) else canonical_label(value)


def test_infinite_predictions_are_dropped_by_stock_and_told_by_us():
    from evidently import Regression
    from evidently.metrics import RMSE

    target, predicted = NORMAL, np.where(np.arange(ROWS) % 2, NORMAL, np.inf)
    report = stock_report([RMSE()], {"y": target, "p": predicted}, {"y": target, "p": predicted},
                          numerical_columns=["y", "p"], regression=[Regression(target="y", prediction="p")])  # fmt: skip
    assert report["metrics"][0]["value"] == 0
    found = measure_performance(
        PredictionType.REGRESSION, (), pd.Series(target), pd.DataFrame({"prediction": predicted}), None
    )
    rmse = next(m for m in found if m.name == "rmse")
    assert rmse.value is None or not np.isfinite(rmse.value)
