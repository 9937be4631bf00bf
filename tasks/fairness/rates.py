"""Rates per group, as Fairlearn computes them, and how sure each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Measurement
from tasks.metrics.intervals import CONFIDENCE, Floats, wilson
from tasks.metrics.sums import sums_by

SELECTION, TRUE_POSITIVE, FALSE_POSITIVE = "selection_rate", "true_positive_rate", "false_positive_rate"
RATES = (SELECTION, TRUE_POSITIVE, FALSE_POSITIVE)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Rows counted by group, by whether they are positive, and by whether they are predicted so.

    Args:
        weights: Shape (groups, 2, 2), sums of the weights; without weights, rows.
        squares: Shape (groups, 2, 2), sums of the squared weights.
    """

    weights: Floats
    squares: Floats


def count_cells(
    groups: NDArray[np.int64], positive: NDArray[np.bool_], selected: NDArray[np.bool_], weights: Floats, of: int
) -> Cells:
    """Count rows; the order of the rows changes no bit of the sums.

    Args:
        groups: Shape (rows,), group of each row, 0 to ``of`` - 1.
        positive: Shape (rows,), whether the row is of the class in question.
        selected: Shape (rows,), whether it is predicted so.
        weights: Shape (rows,), above 0.
        of: Number of groups.
    """
    cells = (groups * 4 + positive * 2 + selected).astype(np.int64)
    sums, squares = (sums_by(cells, values, 4 * of).reshape(of, 2, 2) for values in (weights, weights**2))
    return Cells(sums, squares)


@dataclass(frozen=True, slots=True, eq=False)
class GroupRates:
    """One rate of every group.

    Args:
        name: ``selection_rate``, ``true_positive_rate`` or ``false_positive_rate``.
        labels: Of the groups.
        values: Shape (groups,), 0 to 1; NaN where the rate is not defined.
        trials: Shape (groups,), rows that it is a share of; with weights, the effective ones, (sum w)² / sum w².
        largest_difference: Between two groups, 0 to 1; ``None`` with fewer than two groups that have the rate.
        smallest_ratio: Of two groups, 0 to 1; ``None`` likewise, or when no group's rate is above 0.
    """

    name: str
    labels: tuple[str, ...]
    values: Floats
    trials: Floats
    largest_difference: float | None
    smallest_ratio: float | None

    @property
    def defined(self) -> NDArray[np.int64]:
        """Positions of the groups that have the rate."""
        return np.flatnonzero(~np.isnan(self.values))

    def limits(self, group: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Wilson interval of a group's rate."""
        trials = max(1, int(self.trials[group] + 1e-9))
        found = wilson(float(self.values[group]) * trials, trials, confidence)
        return float(found.lower or 0.0), 1.0 if found.upper is None else float(found.upper)

    def measurement(self, group: int, confidence: float = CONFIDENCE) -> Measurement:
        """The rate of one group with its interval."""
        rows = int(self.trials[group] + 1e-9)
        if np.isnan(self.values[group]):
            return Measurement(self.name, None, rows=rows, reason=f"the group has no {_WHOLE[self.name]}")
        value = float(self.values[group])
        lower, upper = self.limits(group, confidence)
        return Measurement(self.name, value, min(lower, value), max(upper, value), rows)


_WHOLE = {SELECTION: "rows", TRUE_POSITIVE: "positives", FALSE_POSITIVE: "negatives"}


def rates_of(name: str, cells: Cells, labels: Sequence[str]) -> GroupRates:
    """One rate of every group, and how far the groups are apart, through ``fairlearn.metrics.MetricFrame``.

    Fairlearn calls a rate 0 that has nothing to be a share of (no positives in the group); such a group is left out
    here. It gets every distinct kind of row once, with the number of rows as weight, so that a million rows cost nothing.

    Args:
        name: One of ``RATES``.
        cells: Rows by group, truth and prediction.
        labels: Of the groups.
    """
    whole = {SELECTION: slice(None), TRUE_POSITIVE: slice(1, 2), FALSE_POSITIVE: slice(0, 1)}[name]
    weight, squares = (side[:, whole].sum(axis=(1, 2)) for side in (cells.weights, cells.squares))
    defined = np.flatnonzero(weight > 0)
    values, trials = np.full(len(labels), np.nan), np.zeros(len(labels))
    if not defined.size:
        return GroupRates(name, tuple(labels), values, trials, None, None)
    trials[defined] = weight[defined] ** 2 / squares[defined]
    frame = _metric_frame(name, cells.weights, defined)
    values[defined] = np.clip(frame.by_group[name].reindex(defined).to_numpy(np.float64), 0.0, 1.0)
    difference = ratio = None
    if defined.size > 1:
        difference = float(frame.difference()[name])
        ratio = float(frame.ratio()[name]) if values[defined].max() > 0 else None
    return GroupRates(name, tuple(labels), values, trials, difference, ratio)


def _metric_frame(name: str, weights: Floats, groups: NDArray[np.int64]) -> Any:
    from fairlearn import metrics

    group, positive, selected = (axis for axis in np.nonzero(weights))
    kept = np.isin(group, groups)
    function = partial(getattr(metrics, name), pos_label=1)
    return metrics.MetricFrame(
        metrics={name: function},
        y_true=positive[kept],
        y_pred=selected[kept],
        sensitive_features=group[kept],
        sample_params={name: {"sample_weight": weights[group, positive, selected][kept]}},
    )
