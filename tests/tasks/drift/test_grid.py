"""The grid maps values in order, splits at its cuts exactly, and holds whatever a float can hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tasks.drift.grid import CellCounter, fit_grid
from tasks.drift.statistics import quantile_edges

anything = st.floats(allow_nan=False)
steps = st.integers(-500, 500).map(float)
samples = st.one_of(
    arrays(np.float64, st.integers(1, 80), elements=element)
    for element in (anything, steps, steps.map(lambda n: n * 86_400), st.floats(-1e-300, 1e-300), st.floats(0, 1))
)


@settings(max_examples=200)
@given(samples, st.one_of(samples, st.just(np.array([-np.inf, -1e308, -5e-324, 0.0, 5e-324, 1e308, np.inf]))))
def test_cells_follow_the_order_of_the_values_and_end_at_the_cuts(reference, current):
    reference, current = np.sort(reference), np.sort(current)
    counter = CellCounter(fit_grid(reference))
    counter.count(current)
    counts = counter.counts()
    cells = counter.cell_of(current)
    assert (np.diff(cells) >= 0).all()
    assert ((cells >= 0) & (cells < counter.cells)).all()
    assert np.bincount(cells, minlength=counter.cells).tolist() == counts.tolist()
    edges = quantile_edges(reference)
    until = np.cumsum(counts)[counter.cell_of(edges)]
    assert until.tolist() == np.searchsorted(current, edges, side="right").tolist()
    assert counter.bounds().size == counter.cells - 1


@given(samples)
def test_a_value_lies_within_the_bounds_of_its_cell(reference):
    reference = np.sort(reference[np.isfinite(reference)])
    if not reference.size:
        return
    counter = CellCounter(fit_grid(reference))
    cells, bounds = counter.cell_of(reference), counter.bounds()
    low, high = np.append(-np.inf, bounds)[cells], np.append(bounds, np.inf)[cells]
    slack = 1e-9 * np.maximum(np.abs(reference[0]), np.abs(reference[-1]))
    assert (low - slack <= reference).all()
    assert (reference <= high + slack).all()


@pytest.mark.parametrize("draw", ["normal", "lognormal", "pareto", "uniform"])
def test_no_cell_holds_much_of_a_reference_however_skewed(draw):
    random = np.random.default_rng(0)
    reference = np.sort({
        "normal": random.normal(size=50_000), "lognormal": np.exp(2 * random.normal(size=50_000)),
        "pareto": random.pareto(1, 50_000), "uniform": random.random(50_000),
    }[draw])  # fmt: skip
    counter = CellCounter(fit_grid(reference))
    counter.count(reference)
    assert counter.counts().max() <= 50_000 * 0.001


def test_a_frequent_value_has_a_cell_of_its_own():
    random = np.random.default_rng(0)
    reference = np.sort(np.append(np.zeros(500), random.lognormal(size=500)))
    counter = CellCounter(fit_grid(reference))
    zero, tiny, below = counter.cell_of(np.array([0.0, 5e-324, -5e-324]))
    assert len({zero, tiny, below}) == 3
