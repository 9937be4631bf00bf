"""What is measured is what the catalogue says, for every kind of model: no name more, none less."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from governance.project_file import Drift
from governance.project_file.watched import CostMatrix
from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.drift.columns import statistics_of
from tasks.drift.findings import measure_prediction_drift
from tasks.drift.performance import performance_drift
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_frame
from tasks.metrics import measure_performance
from tasks.metrics.catalogue import COLUMN_STATISTICS, FUGACITY, METRICS, info, is_of_part
from tests.tasks.drift.comparing import compare_frames

CLASSES = {PredictionType.BINARY: ("0", "1"), PredictionType.MULTICLASS: ("a", "b", "c"), PredictionType.REGRESSION: ()}
FEATURES = {
    "number.one": Handling.NUMERICAL, "level": Handling.CATEGORICAL, "day": Handling.DATE, "words": Handling.TEXT
}  # fmt: skip


def side(kind, seed, rows=300):
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "number.one": random.normal(size=rows), "level": pd.Series(random.choice(list("xyz"), rows), dtype="str"),
        "day": pd.Timestamp("2017-01-01", tz="UTC") + pd.to_timedelta(random.integers(0, 90, rows), unit="D"),
        "words": pd.Series(random.choice(["a", "bb", "ccc"], rows), dtype="str"),
    })  # fmt: skip
    if kind is PredictionType.REGRESSION:
        return frame.assign(target=random.random(rows) + 1, prediction=random.random(rows) + 1)
    classes = np.array(CLASSES[kind])
    probabilities = random.dirichlet(np.ones(len(classes)), rows)
    target, predicted = (pd.Series(classes[code], dtype="str")
                         for code in (random.integers(0, len(classes), rows), probabilities.argmax(axis=1)))  # fmt: skip
    frame = frame.assign(target=target, prediction=predicted)
    return frame.assign(**{f"proba_{name}": probabilities[:, code] for code, name in enumerate(classes)})


@pytest.fixture(scope="module", params=list(PredictionType))
def measured(request):
    kind = request.param
    schema = Schema(tuple(Column(*f) for f in FEATURES.items()), "target", kind, CLASSES[kind], "day", {})
    reference, current = side(kind, 1), side(kind, 2)
    at = datetime(2017, 4, 1, tzinfo=UTC)
    profile = fit_profile(reference, schema, calibrate=False)
    costs = CostMatrix(true_positive=2, false_positive=-1) if kind is PredictionType.BINARY else None
    performance = [
        measure_performance(kind, CLASSES[kind], s["target"], s, None, cost_matrix=costs) for s in (reference, current)
    ]
    return kind, [
        *compare_frames(reference, current, schema, Drift(), seed=1, at=at).measurements,
        *measure_prediction_drift(profile, scan_frame(profile, current), schema, at=at).measurements,
        *performance[1],
        *performance_drift(*performance),
    ]


def test_every_name_is_known_and_meant_for_the_kind_of_model(measured):
    kind, measurements = measured
    names = [m.name for m in measurements]
    assert len(set(names)) == len(names)
    for name in names:
        assert info(name).name == name
        assert kind in info(name).prediction_types


def test_everything_in_the_catalogue_is_measured(measured):
    kind, measurements = measured
    names = {m.name for m in measurements}
    fixed = {m.name for m in METRICS.values() if kind in m.prediction_types}
    of_drift = {f"{name}_drift" for name in fixed if METRICS[name].needs_labels}
    assert {name for name in names if not is_of_part(name)} == fixed | of_drift
    assert {n.rpartition(".")[2] for n in names if n.startswith("column_drift.")} == set(COLUMN_STATISTICS)
    assert {n.rpartition(".")[2] for n in names if n.startswith("fugacity.")} == set(FUGACITY)


def test_every_performance_metric_and_its_drift_has_an_interval(measured):
    _, measurements = measured
    of_labels = [m for m in measurements if info(m.name).needs_labels]
    assert [m.name for m in of_labels if m.lower is None or m.upper is None] == []
    assert all(m.lower < m.value < m.upper or m.name.startswith("calibration") for m in of_labels)


@pytest.mark.parametrize("handling", [how for how in Handling if how is not Handling.IGNORED])
def test_what_is_measured_on_a_column_is_what_the_catalogue_has_for_its_handling(handling, measured):
    _, measurements = measured
    column = next(name for name, own in FEATURES.items() if own is handling)
    found = [m.name.rpartition(".")[2] for m in measurements if m.name.startswith(f"column_drift.{column}.")]
    assert found == statistics_of(handling)
