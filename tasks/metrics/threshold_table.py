"""What a binary model would be worth at every threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.inputs import codes_of, require_weights
from tasks.metrics.intervals import Floats
from tasks.metrics.sums import sums_by

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file import CostMatrix

THRESHOLDS: Final = tuple(step / 100 for step in range(101))


def threshold_table(
    target: pd.Series,
    probability: Floats,
    classes: tuple[str, ...],
    *,
    weights: Floats | None = None,
    cost_matrix: CostMatrix | None = None,
) -> list[dict[str, Any]]:
    """The metrics of the confusion table at the thresholds 0.00, 0.01, …, 1.00.

    Args:
        target: Shape (rows,), labels as text, none missing.
        probability: Shape (rows,), of the positive class, 0 to 1.
        classes: (negative, positive).
        weights: Shape (rows,), how much each row counts; a row of weight 0 counts nowhere.
        cost_matrix: What a row is worth; without it there is no ``cost_gain``.

    Returns:
        101 rows, by threshold: ``threshold``, the shares of all rows ``true_positives``, ``false_positives``,
        ``false_negatives``, ``true_negatives``, and the metrics ``accuracy``, ``precision``, ``recall``, ``f1``,
        ``mcc`` and ``cost_gain``, ``None`` where one is not defined. No row when there are no rows.

    Raises:
        ValueError: a label is none of the classes, a probability or weight can't be used.

    >>> import pandas as pd
    >>> table = threshold_table(pd.Series(["no", "yes"]), np.array([0.2, 0.8]), ("no", "yes"))
    >>> table[50]["threshold"], table[50]["accuracy"], table[0]["precision"], table[100]["precision"]
    (0.5, 1.0, 0.5, None)
    """
    positive = codes_of(target, classes, "target") == 1
    scores = np.asarray(probability, dtype=np.float64)
    if scores.shape != positive.shape or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("every label needs a probability, between 0 and 1")
    counted = None if weights is None else require_weights(weights, scores.size)
    total = float(scores.size) if counted is None else sums_by(np.zeros(scores.size, np.int64), counted, 1)[0]
    if total <= 0:
        return []
    # How many thresholds each row reaches; then how much is at or above each of them.
    reached = np.searchsorted(np.array(THRESHOLDS), scores, side="right").astype(np.int64)
    above = [_at_or_above(reached[side], None if counted is None else counted[side]) for side in (positive, ~positive)]
    true_positives, false_positives = (side[1:] / total for side in above)
    positives, negatives = (float(side[0]) / total for side in above)
    table = []
    for place, threshold in enumerate(THRESHOLDS):
        tp, fp = float(true_positives[place]), float(false_positives[place])
        fn, tn = positives - tp, negatives - fp
        row: dict[str, Any] = {
            "threshold": threshold,
            "true_positives": tp,
            "false_positives": fp,
            "false_negatives": fn,
            "true_negatives": tn,
            "accuracy": tp + tn,
            "precision": _ratio(tp, tp + fp),
            "recall": _ratio(tp, positives),
            "f1": _ratio(2 * tp, positives + tp + fp),
            "mcc": _correlation(tp, fp, fn, tn),
        }
        if cost_matrix is not None:
            row["cost_gain"] = (
                cost_matrix.true_positive * tp
                + cost_matrix.false_positive * fp
                + cost_matrix.false_negative * fn
                + cost_matrix.true_negative * tn
            )
        table.append(row)
    return table


def _at_or_above(reached: NDArray[np.int64], weights: Floats | None) -> Floats:
    """Shape (102,): what counts at or above each threshold, and before them everything."""
    size = len(THRESHOLDS) + 1
    ending = np.bincount(reached, minlength=size) if weights is None else sums_by(reached, weights, size)
    return np.asarray(np.cumsum(ending[::-1])[::-1], dtype=np.float64)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _correlation(tp: float, fp: float, fn: float, tn: float) -> float | None:
    """Matthews correlation; 0 for a constant prediction, none for a target of one class."""
    positives, negatives, above, below = tp + fn, fp + tn, tp + fp, fn + tn
    if positives <= 0 or negatives <= 0:
        return None
    if above <= 0 or below <= 0:
        return 0.0
    return float((tp * tn - fp * fn) / np.sqrt(positives * negatives * above * below))
