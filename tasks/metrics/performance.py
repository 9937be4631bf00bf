"""All performance metrics of one set of scored rows. One that can't be computed never takes others with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import Averaging, Measurement, PredictionType
from tasks.metrics import calibration, classification, ranking, ranking_of_classes, regression
from tasks.metrics.bootstrap import Drawn, Table, draw_margins
from tasks.metrics.catalogue import performance_metrics
from tasks.metrics.days import hang_together
from tasks.metrics.inputs import codes_of, column_of, numbers_of, probabilities_of, require_weights
from tasks.metrics.intervals import Estimate, Floats
from tasks.metrics.losses import mean_of_losses
from tasks.metrics.resampling import SEED, Resampling
from tasks.metrics.threshold_table import threshold_table

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file import CostMatrix

__all__ = ["measure_performance", "threshold_table"]

Computation = Callable[[], Estimate]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows that count, and how."""

    target: pd.Series
    scored: pd.DataFrame
    weights: Floats | None
    blocks: NDArray[np.int64] | None
    seed: int

    def resampling(self, contents: list[Floats], losses: Floats) -> Resampling | None:
        """How intervals are drawn; ``None`` where rows count the same and are independent."""
        if self.blocks is not None and hang_together(losses, self.blocks):
            return Resampling.of_blocks(self.weights, self.blocks, self.seed)
        if self.weights is not None:
            return Resampling.of_rows(self.weights, contents, self.seed)
        return None


def measure_performance(
    prediction_type: PredictionType,
    classes: tuple[str, ...],
    target: pd.Series,
    scored: pd.DataFrame,
    threshold: float | None,
    *,
    weights: Floats | None = None,
    averaging: Averaging = Averaging.MACRO,
    cost_matrix: CostMatrix | None = None,
    blocks: NDArray[np.int64] | None = None,
    seed: int = SEED,
) -> list[Measurement]:
    """Every performance metric that the catalogue has for the prediction type, in its order.

    The order of the rows changes nothing, to the last bit.

    Args:
        prediction_type: What the model predicts.
        classes: Canonical labels: (negative, positive), or all of them; empty for regression.
        target: Shape (rows,), without missing values; labels as text, or float64.
        scored: Shape (rows, ...), in the order of ``target``: ``prediction``, and ``proba_<class>`` for classes.
        threshold: Binary only: rows with at least this probability count as positive; ``None``, or no column of
            probabilities: the column ``prediction`` says it.
        weights: Shape (rows,), how much each row counts, not negative; a row of weight 0 counts nowhere. Metrics are
            scikit-learn's with ``sample_weight``.
        averaging: Of precision, recall, F1, average precision and calibration loss of more than two classes.
        cost_matrix: Binary only: what a row is worth; without it there is no ``cost_gain``.
        blocks: Shape (rows,), the block of each row, such as its day (:func:`tasks.metrics.days.blocks_of`). Where
            the losses of rows of a block are more alike than those of others, blocks are drawn for the intervals.
        seed: Of the intervals that come from a bootstrap.

    Returns:
        One measurement per metric, without value and with the reason where it is not defined on these rows; its
        ``rows`` are those that count. The intervals are two-sided at 95 %; there is none where these rows can't give
        one, such as a single row.

    Raises:
        ValueError: ``target``, ``scored``, ``weights`` and ``blocks`` differ in length, or a weight is negative or
            missing.

    >>> import pandas as pd
    >>> scored = pd.DataFrame({"prediction": ["yes", "no"], "proba_yes": [0.8, 0.3]})
    >>> found = measure_performance(PredictionType.BINARY, ("no", "yes"), pd.Series(["yes", "no"]), scored, 0.5)
    >>> found[0].name, found[0].value, found[0].rows
    ('accuracy', 1.0, 2)
    """
    if len(target) != len(scored):
        raise ValueError(f"{len(target)} targets and {len(scored)} scored rows: they must be the same rows")
    if blocks is not None and len(blocks) != len(target):
        raise ValueError(f"{len(target)} targets and {len(blocks)} blocks: every row needs one")
    rows = _counting(target, scored, weights, blocks, seed)
    computations = {
        PredictionType.BINARY: lambda: _binary(classes, rows, threshold, cost_matrix),
        PredictionType.MULTICLASS: lambda: _multiclass(classes, rows, averaging),
        PredictionType.REGRESSION: lambda: _regression(rows),
    }[prediction_type]()
    return [
        _measure(m.name, computations[m.name], len(rows.target))
        for m in performance_metrics(prediction_type)
        if m.name in computations
    ]


def _counting(
    target: pd.Series,
    scored: pd.DataFrame,
    weights: Floats | None,
    blocks: NDArray[np.int64] | None,
    seed: int,
) -> _Rows:
    """Without the rows of weight 0; weights that are all the same are none."""
    if weights is None:
        return _Rows(target, scored, None, blocks, seed)
    counted = require_weights(weights, len(target))
    counts = counted > 0
    if not counts.all():
        target, scored, counted = target[counts], scored[counts], counted[counts]
        blocks = None if blocks is None else blocks[counts]
    if not counted.size or float(np.ptp(counted)) == 0:
        return _Rows(target, scored, None, blocks, seed)
    # Only their ratios matter; a power of two changes none, and sums of them stay in floating point.
    return _Rows(target, scored, np.ldexp(counted, -int(np.frexp(counted.max())[1])), blocks, seed)


def _measure(name: str, compute: Computation, rows: int) -> Measurement:
    if rows == 0:
        return Measurement(name, None, rows=0, reason="there are no rows with a label")
    try:
        # What overflows is reported below; a warning on the side would tell nobody.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            value, lower, upper = compute()
    except (ValueError, ArithmeticError) as undefined:
        return Measurement(name, None, rows=rows, reason=str(undefined))
    if not isfinite(value):
        return Measurement(name, None, rows=rows, reason="the value is beyond floating point")
    if lower is None or upper is None or not (isfinite(lower) and isfinite(upper)):
        return Measurement(name, value, rows=rows)
    return Measurement(name, value, lower, upper, rows)


# Each input is looked at once, and only when a metric asks for it: what is missing harms only who needs it.


def _binary(
    classes: tuple[str, ...], rows: _Rows, threshold: float | None, cost_matrix: CostMatrix | None
) -> Mapping[str, Computation]:
    scored, positive_column = rows.scored, f"proba_{classes[1]}"
    true = cache(lambda: codes_of(rows.target, classes, "target"))
    probability = cache(lambda: probabilities_of(scored, classes[1:])[:, 0])

    @cache
    def predicted() -> classification.Codes:
        if threshold is None or positive_column not in scored:
            return codes_of(column_of(scored, "prediction"), classes, "prediction")
        return (probability() >= threshold).astype(np.int64)

    @cache
    def given() -> Floats:
        return np.where(true() == 1, probability(), 1 - probability())

    @cache
    def of_probabilities() -> Resampling | None:
        return rows.resampling([true().astype(np.float64), probability()], classification.surprises(given()))

    @cache
    def of_labels() -> Resampling | None:
        if positive_column in scored and threshold is not None:
            return of_probabilities()
        labels = true(), predicted()
        return rows.resampling([side.astype(np.float64) for side in labels], (labels[0] != labels[1]) * 1.0)

    ranked = cache(lambda: ranking.rank(true() == 1, probability(), of_probabilities()))
    return {
        **_of_table(true, predicted, of_labels, 2, rows, Averaging.MACRO, cost_matrix),
        "roc_auc": lambda: ranking.roc_auc_of(ranked()),
        "average_precision": lambda: ranking.average_precision_of(ranked()),
        "lift": lambda: ranking.lift_of(ranked()),
        "calibration_loss": lambda: calibration.calibration_loss(true() == 1, probability(), of_probabilities()),
        "log_loss": lambda: mean_of_losses(classification.surprises(given()), of_probabilities()),
    }


def _multiclass(classes: tuple[str, ...], rows: _Rows, averaging: Averaging) -> Mapping[str, Computation]:
    true = cache(lambda: codes_of(rows.target, classes, "target"))
    predicted = cache(lambda: codes_of(column_of(rows.scored, "prediction"), classes, "prediction"))
    probabilities = cache(lambda: probabilities_of(rows.scored, classes))

    @cache
    def of_probabilities() -> Resampling | None:
        given = probabilities()[np.arange(len(rows.target)), true()]
        return rows.resampling([true().astype(np.float64), *probabilities().T], classification.surprises(given))

    @cache
    def of_labels() -> Resampling | None:
        labels = true(), predicted()
        return rows.resampling([side.astype(np.float64) for side in labels], (labels[0] != labels[1]) * 1.0)

    ranked = cache(lambda: ranking_of_classes.rank_classes(true(), probabilities(), averaging, of_probabilities()))

    def roc_auc() -> Estimate:
        found = ranked().roc_auc
        if found is None:
            raise ValueError("the target holds one class only")
        return found

    return {
        **_of_table(true, predicted, of_labels, len(classes), rows, averaging),
        "roc_auc": roc_auc,
        "average_precision": lambda: ranked().average_precision,
        "calibration_loss": lambda: calibration.calibration_loss_of_classes(
            true(), probabilities(), averaging, of_probabilities()
        ),
        "log_loss": lambda: classification.log_loss(true(), probabilities(), of_probabilities()),
    }


def _of_table(
    true: Callable[[], classification.Codes],
    predicted: Callable[[], classification.Codes],
    resampling: Callable[[], Resampling | None],
    classes: int,
    rows: _Rows,
    averaging: Averaging,
    cost_matrix: CostMatrix | None = None,
) -> Mapping[str, Computation]:
    @cache
    def tables() -> tuple[Table, Drawn | None]:
        table = classification.confusion(true(), predicted(), classes, rows.weights)
        drawn = resampling()
        return table, None if drawn is None else draw_margins(true(), predicted(), classes, drawn)

    averaged = classification.precision, classification.recall, classification.f1
    computations: dict[str, Computation] = {
        "accuracy": lambda: classification.accuracy(*tables()),
        "hamming_loss": lambda: classification.hamming_loss(*tables()),
        "mcc": lambda: classification.mcc(tables()[0], rows.seed, tables()[1]),
        **{f.__name__: partial(lambda f: f(tables()[0], rows.seed, averaging, tables()[1]), f) for f in averaged},
    }
    if cost_matrix is not None:
        computations["cost_gain"] = lambda: classification.cost_gain(tables()[0], cost_matrix, rows.seed, tables()[1])
    return computations


def _regression(rows: _Rows) -> Mapping[str, Computation]:
    true = cache(lambda: numbers_of(rows.target, "target"))
    predicted = cache(lambda: numbers_of(column_of(rows.scored, "prediction"), "prediction"))
    drawn = cache(lambda: rows.resampling([true(), predicted()], np.abs(true() - predicted())))
    return {f.__name__: partial(lambda f: f(true(), predicted(), drawn()), f) for f in regression.METRICS}
