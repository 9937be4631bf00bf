"""Predictions are compared without labels, for every kind of model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, Measurement, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.performance import performance_drift
from tasks.drift.prediction import compare_predictions as compare_counted
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_frame
from tasks.metrics.catalogue import info


def compare_predictions(reference, current, schema):
    here, there = (frame.assign(a=0.0) for frame in (reference, current))
    profile = fit_profile(here, schema, calibrate=False)
    return compare_counted(profile, scan_frame(profile, there), schema)


def schema(kind, classes):
    return Schema((Column("a", Handling.NUMERICAL),), "y", kind, classes, None, {})


BINARY = schema(PredictionType.BINARY, ("no", "yes"))
MULTICLASS = schema(PredictionType.MULTICLASS, ("a", "b", "c"))
REGRESSION = schema(PredictionType.REGRESSION, ())


def scored(*counts, labels=("no", "yes"), probability=None):
    predictions = np.repeat(np.array(list(labels), dtype=object), counts)
    frame = pd.DataFrame({"prediction": pd.Series(predictions, dtype="str")})
    return frame if probability is None else frame.assign(proba_yes=probability, proba_no=1 - probability)


def values_of(found):
    return {m.name: m.value for m in found.measurements}


def test_fugacity_is_the_share_per_class_and_its_relative_change():
    found = values_of(compare_predictions(scored(80, 20), scored(70, 30), BINARY))
    assert {name: value for name, value in found.items() if name.startswith("fugacity.")} == pytest.approx({
        "fugacity.no.reference": 80, "fugacity.no.current": 70, "fugacity.no.relative_change": -12.5,
        "fugacity.yes.reference": 20, "fugacity.yes.current": 30, "fugacity.yes.relative_change": 50,
    })  # fmt: skip


def test_the_classes_are_tested_as_scipy_does():
    found = values_of(compare_predictions(scored(80, 20), scored(60, 40), BINARY))
    expected = stats.chi2_contingency([[80, 20], [60, 40]], correction=False).pvalue
    assert found["prediction_drift.chi2_p_value"] == pytest.approx(expected)
    assert found["prediction_drift.psi"] == pytest.approx(-0.2 * np.log(60 / 80) + 0.2 * np.log(40 / 20))


def test_a_class_that_nobody_predicted_before_has_no_relative_change():
    found = compare_predictions(scored(9, 0, 1, labels="abc"), scored(5, 3, 2, labels="abc"), MULTICLASS)
    gone = next(m for m in found.measurements if m.name == "fugacity.b.relative_change")
    assert gone.value is None
    assert "no reference row is predicted 'b'" in gone.reason
    assert values_of(found)["fugacity.b.current"] == 30


def test_regression_is_looked_at_by_decile_of_the_reference():
    side = pd.DataFrame({"prediction": np.arange(100.0)})
    found = compare_predictions(side, side + 20, REGRESSION)
    measured = values_of(found)
    assert [measured[f"fugacity.decile_{n}.reference"] for n in range(1, 11)] == [10] * 10
    assert measured["fugacity.decile_1.current"] == 0
    assert measured["fugacity.decile_10.current"] == 30
    assert measured["prediction_drift.ks_p_value"] < 0.05
    assert found.fugacity["decile_1"]["up_to"] == 9


def test_probabilities_drift_before_the_classes_do():
    random = np.random.default_rng(0)
    sides = [scored(500, 0, probability=random.random(500) * top) for top in (0.3, 0.45)]
    found = compare_predictions(*sides, BINARY)
    measured = values_of(found)
    assert measured["prediction_drift.psi"] == pytest.approx(0)
    assert measured["prediction_drift.probability_psi"] > 0.25
    assert measured["prediction_drift.probability_ks_p_value"] < 1e-6
    for density in found.densities.values():
        assert np.sum(np.diff(density["edges"]) * density["current"]) == pytest.approx(1)


@pytest.mark.parametrize(("kind", "frame"), [
    (BINARY, scored(5, 5, probability=np.full(10, 0.5))), (MULTICLASS, scored(5, 5, labels="ab")),
    (REGRESSION, pd.DataFrame({"prediction": [1e300, -1e300, np.nan]})),
    (REGRESSION, pd.DataFrame({"prediction": [1e-300] * 4})),
])  # fmt: skip
def test_every_measurement_is_in_the_catalogue_and_empty_sides_are_reasons(kind, frame):
    for there in (frame, frame.iloc[:0]):
        for found in (compare_predictions(frame, there, kind), compare_predictions(there, frame, kind)):
            for m in found.measurements:
                assert info(m.name).name == m.name
                assert (m.value is None) == bool(m.reason)
                assert m.value is None or np.isfinite(m.value)


def test_predictions_must_be_there():
    without = scored(1, 1).rename(columns={"prediction": "p"})
    for sides in ((scored(1, 1), without), (without, scored(1, 1))):
        with pytest.raises(SchemaMismatch, match="the predictions are missing"):
            compare_predictions(*sides, BINARY)


@pytest.mark.parametrize("rows", [1_000, 70_000])
def test_deciles_and_densities_hold_for_few_rows_and_for_many(rows):
    random = np.random.default_rng(0)
    sides = [pd.DataFrame({"prediction": random.normal(size=n)}) for n in (5_000, rows)]
    found = compare_predictions(*sides, REGRESSION)
    edges = np.sort(sides[0]["prediction"])[np.arange(500, 5_000, 500) - 1]
    expected = np.diff(np.searchsorted(np.sort(sides[1]["prediction"]), edges, side="right"), prepend=0)
    measured = values_of(found)
    assert [measured[f"fugacity.decile_{n}.current"] for n in range(1, 10)] == pytest.approx(100 * expected / rows)
    density = found.densities["prediction"]
    there, _ = np.histogram(sides[1]["prediction"], density["edges"], density=True)
    assert density["current"] == pytest.approx(there, abs=0.005)


def test_performance_drift_is_signed_and_adds_up_the_uncertainties():
    before = [Measurement("roc_auc", 0.80, 0.77, 0.83), Measurement("log_loss", 0.4)]
    after = [Measurement("roc_auc", 0.70, 0.66, 0.73, rows=50), Measurement("log_loss", None, reason="why not")]
    auc, loss = performance_drift(before, after)
    assert (auc.name, auc.value, auc.rows) == ("roc_auc_drift", pytest.approx(-0.1), 50)
    assert (auc.lower, auc.upper) == (pytest.approx(-0.15), pytest.approx(-0.1 + np.hypot(0.03, 0.03)))
    assert (loss.value, loss.reason) == (None, "the current data has no log_loss: why not")


def test_a_metric_of_one_side_only_has_no_drift_and_says_so():
    found = performance_drift([Measurement("lift", 2.0)], [Measurement("mcc", 0.5)])
    assert [(m.name, m.value) for m in found] == [("mcc_drift", None), ("lift_drift", None)]
    assert found[0].reason == "the reference has no mcc"
