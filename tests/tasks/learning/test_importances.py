from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest

from tasks.learning import importances
from tasks.learning.fit import train_model
from tasks.learning.importances import measure_importances


@pytest.fixture(scope="module")
def model(rows, schema, settings):
    return train_model(rows(), "m", settings(), schema(), "f.csv").fitted


def test_importances_are_shares_seeded_and_zero_for_what_makes_no_difference(model, rows):
    frame = rows(seed=1)
    frame["opened"] = frame["opened"].iloc[0]  # the same in every row: shuffling changes nothing
    first, again = (measure_importances(model, frame, frame["target"], seed=5) for _ in range(2))
    assert first == again
    assert first["opened"] == 0
    assert sum(first.values()) == pytest.approx(1)
    assert min(first.values()) >= 0


def test_only_so_many_rows_are_looked_at(model, rows, monkeypatch):
    seen = []
    matrix = importances.model_matrix
    monkeypatch.setattr(
        importances, "model_matrix", lambda frame, schema: seen.append(len(frame)) or matrix(frame, schema)
    )
    frame = rows(rows=6_000, seed=1)
    started = time.perf_counter()
    measure_importances(model, frame, frame["target"], seed=5)
    assert seen == [5_000]
    assert time.perf_counter() - started < 30


def test_rows_of_a_class_that_was_never_fitted_on_are_left_out(model, rows):
    frame = rows(seed=1)
    strange = pd.Series("other", index=frame.index, dtype="str")
    assert set(measure_importances(model, frame, strange, seed=5).values()) == {0.0}
    some = frame["target"].where(np.arange(400) % 2 == 0, "other")
    found = measure_importances(model, frame, some, seed=5)
    assert sum(found.values()) == pytest.approx(1)
