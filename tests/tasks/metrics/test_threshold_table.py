"""The table over thresholds says at each what the metrics say at that threshold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file import CostMatrix
from governance.vocabulary import PredictionType
from tasks.metrics import measure_performance
from tasks.metrics.threshold_table import threshold_table

CLASSES = ("no", "yes")
COSTS = CostMatrix(true_positive=5, false_positive=-2, false_negative=-7, true_negative=0.5)
METRICS = ("accuracy", "precision", "recall", "f1", "mcc", "cost_gain")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CLASSES), st.integers(0, 100).map(lambda n: n / 100), st.sampled_from([0.0, 0.5, 1.0, 3.0])),
        min_size=1, max_size=40,
    ).filter(lambda rows: any(weight for *_, weight in rows)),
    st.booleans(),
)  # fmt: skip
def test_every_row_agrees_with_the_metrics_at_its_threshold(rows, weighted):
    labels, probability, weights = (np.array(side) for side in zip(*rows, strict=True))
    target, weights = pd.Series(labels), weights if weighted else None
    table = threshold_table(target, probability, CLASSES, weights=weights, cost_matrix=COSTS)
    assert [row["threshold"] for row in table] == [step / 100 for step in range(101)]
    scored = pd.DataFrame({"prediction": labels, "proba_yes": probability})
    for row in table[::10]:
        found = measure_performance(
            PredictionType.BINARY, CLASSES, target, scored, row["threshold"], weights=weights, cost_matrix=COSTS
        )
        expected = {m.name: m.value for m in found if m.name in METRICS}
        for name in METRICS:
            if expected[name] is None:
                assert row[name] is None
            else:
                assert row[name] == pytest.approx(expected[name], abs=1e-9)


def test_without_rows_or_with_weights_of_zero_it_is_empty():
    assert threshold_table(pd.Series([], dtype="str"), np.array([]), CLASSES) == []
    assert threshold_table(pd.Series(["no"]), np.array([0.5]), CLASSES, weights=np.zeros(1)) == []


def test_without_costs_there_is_no_gain():
    assert "cost_gain" not in threshold_table(pd.Series(["no"]), np.array([0.5]), CLASSES)[0]


@pytest.mark.parametrize("wrong", [np.nan, -0.1, 1.5])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        threshold_table(pd.Series(["no", "yes"]), np.array([0.5, wrong]), CLASSES)
