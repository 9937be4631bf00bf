"""Metrics that the project brings itself, beside what they say of the reference."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest

from governance.vocabulary import PredictionType
from tasks.data.schema import Schema
from tasks.judging.measuring import measure_custom

SCHEMA = Schema((), "late", PredictionType.BINARY, ("0", "1"), None)
CODE = """
def right(y_true, y_pred, probabilities, sample, reference):
    return (y_true == y_pred).mean()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.py").write_text(CODE)
    return tmp_path


def rows(right, count=400):
    target = pd.Series(np.where(np.arange(count) % 2 == 0, "1", "0"))
    wrong = np.arange(count) >= right * count
    return pd.DataFrame({"late": target, "prediction": target.where(~wrong, target.map({"1": "0", "0": "1"}))})


def test_a_custom_metric_has_a_drift_with_an_interval_and_its_file_is_on_record(folder):
    found = measure_custom({"share": "own.py:right"}, folder, SCHEMA, rows(0.7), rows(0.9))
    share, drift = found.measurements
    assert (share.name, share.value) == ("custom.share", 0.7)
    assert (drift.name, drift.value) == ("custom.share_drift", pytest.approx(-0.2))
    assert drift.lower < -0.2 < drift.upper < 0
    assert found.details["custom_metrics"] == {
        "share": {"function": "own.py:right", "sha256": hashlib.sha256(CODE.encode()).hexdigest()}
    }


def test_rows_of_the_reference_without_a_label_are_left_out(folder):
    reference = rows(0.9)
    reference.loc[reference.index[-40:], "late"] = None  # those that are predicted wrong
    found = measure_custom({"share": "own.py:right"}, folder, SCHEMA, rows(0.7), reference)
    assert found.measurements[1].value == pytest.approx(-0.3)


@pytest.mark.parametrize("reference", [None, rows(0.9).drop(columns="late"), rows(0.9).drop(columns="prediction")])
def test_without_labels_of_the_reference_there_is_no_drift_and_it_says_so(folder, reference):
    share, drift = measure_custom({"share": "own.py:right"}, folder, SCHEMA, rows(0.7), reference).measurements
    assert (share.value, drift.value, drift.reason) == (0.7, None, "the reference has no custom.share")


def test_what_can_not_be_loaded_has_no_drift_and_no_hash(folder):
    found = measure_custom({"gone": "gone.py:f"}, folder, SCHEMA, rows(0.7), rows(0.9))
    assert [m.value for m in found.measurements] == [None, None]
    (warning,) = found.warnings
    assert warning.startswith("custom.gone has no value: gone.py")
    assert found.details["custom_metrics"]["gone"]["sha256"] is None
