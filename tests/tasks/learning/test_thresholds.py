from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tasks.learning.thresholds import threshold_of_greatest_f1


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(np.linspace(0, 1, 21))), min_size=1, max_size=60))
def test_no_other_threshold_has_a_greater_f1(pairs):
    positive, probability = np.array([p for p, _ in pairs]), np.array([q for _, q in pairs])
    if not positive.any():
        return
    chosen = threshold_of_greatest_f1(positive, probability)

    def f1(threshold):
        return f1_score(positive, probability >= threshold, zero_division=0)

    assert 0 <= chosen <= 1
    assert f1(chosen) >= max(f1(t) for t in np.linspace(0, 1, 21)) - 1e-12
