"""All performance metrics of one set of scored rows. One that can't be computed never takes others with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from governance.vocabulary import Measurement, PredictionType
from tasks.metrics import classification, ranking, regression
from tasks.metrics.bootstrap import SEED
from tasks.metrics.catalogue import performance_metrics
from tasks.metrics.intervals import Estimate, Floats

if TYPE_CHECKING:
    import pandas as pd

Computation = Callable[[], Estimate]


def measure_performance(
    prediction_type: PredictionType,
    classes: tuple[str, ...],
    target: pd.Series,
    scored: pd.DataFrame,
    threshold: float | None,
    *,
    seed: int = SEED,
) -> list[Measurement]:
    """Every performance metric that the catalogue has for the prediction type, in its order.

    Args:
        prediction_type: What the model predicts.
        classes: Canonical labels: (negative, positive), or all of them; empty for regression.
        target: Shape (rows,), without missing values; labels as text, or float64.
        scored: Shape (rows, ...), in the order of ``target``: ``prediction``, and ``proba_<class>`` for classes.
        threshold: Binary only: rows with at least this probability count as positive; ``None``, or no column of
            probabilities: the column ``prediction`` says it.
        seed: Of the intervals that come from a bootstrap.

    Returns:
        One measurement per metric, without value and with the reason where it is not defined on these rows.
        The intervals are two-sided at 95 %; there is none where these rows can't give one, such as a single row.

    Raises:
        ValueError: ``target`` and ``scored`` differ in length.

    >>> import pandas as pd
    >>> scored = pd.DataFrame({"prediction": ["yes", "no"], "proba_yes": [0.8, 0.3]})
    >>> found = measure_performance(PredictionType.BINARY, ("no", "yes"), pd.Series(["yes", "no"]), scored, 0.5)
    >>> found[0].name, found[0].value, found[0].rows
    ('accuracy', 1.0, 2)
    """
    if len(target) != len(scored):
        raise ValueError(f"{len(target)} targets and {len(scored)} scored rows: they must be the same rows")
    computations = {
        PredictionType.BINARY: lambda: _binary(classes, target, scored, threshold, seed),
        PredictionType.MULTICLASS: lambda: _multiclass(classes, target, scored, seed),
        PredictionType.REGRESSION: lambda: _regression(target, scored),
    }[prediction_type]()
    return [_measure(m.name, computations[m.name], len(target)) for m in performance_metrics(prediction_type)]


def _measure(name: str, compute: Computation, rows: int) -> Measurement:
    if rows == 0:
        return Measurement(name, None, rows=0, reason="there are no rows with a label")
    try:
        # What overflows is reported below; a warning on the side would tell nobody.
        with np.errstate(over="ignore", invalid="ignore"):
            value, lower, upper = compute()
    except (ValueError, ArithmeticError) as undefined:
        return Measurement(name, None, rows=rows, reason=str(undefined))
    if not isfinite(value):
        return Measurement(name, None, rows=rows, reason="the value is beyond floating point")
    if lower is None or upper is None or not (isfinite(lower) and isfinite(upper)):
        return Measurement(name, value, rows=rows)
    return Measurement(name, value, lower, upper, rows)


def _binary(
    classes: tuple[str, ...], target: pd.Series, scored: pd.DataFrame, threshold: float | None, seed: int
) -> Mapping[str, Computation]:
    # Each input is looked at once, and only when a metric asks for it: what is missing harms only who needs it.
    true = cache(lambda: _codes(target, classes, "target"))
    probability = cache(lambda: _probabilities(scored, classes[1:])[:, 0])

    @cache
    def predicted() -> classification.Codes:
        if threshold is None or f"proba_{classes[1]}" not in scored:
            return _codes(_column(scored, "prediction"), classes, "prediction")
        return (probability() >= threshold).astype(np.int64)

    ranked = (
        ranking.roc_auc,
        ranking.average_precision,
        classification.calibration_loss,
        ranking.lift,
    )
    return {
        **_of_table(lambda: classification.confusion(true(), predicted(), 2), seed),
        **{f.__name__: partial(lambda f: f(true() == 1, probability()), f) for f in ranked},
        "log_loss": lambda: classification.log_loss(true(), np.column_stack([1 - probability(), probability()])),
    }


def _multiclass(
    classes: tuple[str, ...], target: pd.Series, scored: pd.DataFrame, seed: int
) -> Mapping[str, Computation]:
    true = cache(lambda: _codes(target, classes, "target"))
    predicted = cache(lambda: _codes(_column(scored, "prediction"), classes, "prediction"))
    probabilities = cache(lambda: _probabilities(scored, classes))

    return {
        **_of_table(lambda: classification.confusion(true(), predicted(), len(classes)), seed),
        "roc_auc": lambda: ranking.roc_auc_of_pairs(true(), probabilities()),
        "average_precision": lambda: ranking.average_precision_of_classes(true(), probabilities()),
        "calibration_loss": lambda: classification.calibration_loss_of_classes(true(), probabilities()),
        "log_loss": lambda: classification.log_loss(true(), probabilities()),
    }


def _of_table(make_table: Callable[[], classification.Table], seed: int) -> Mapping[str, Computation]:
    table = cache(make_table)
    drawn = classification.precision, classification.recall, classification.f1, classification.mcc
    return {
        "accuracy": lambda: classification.accuracy(table()),
        "hamming_loss": lambda: classification.hamming_loss(table()),
        **{f.__name__: partial(lambda f: f(table(), seed), f) for f in drawn},
    }


def _regression(target: pd.Series, scored: pd.DataFrame) -> Mapping[str, Computation]:
    true = cache(lambda: _finite(target, "target"))
    predicted = cache(lambda: _finite(_column(scored, "prediction"), "prediction"))
    metrics = (
        regression.explained_variance,
        regression.mape,
        regression.mae,
        regression.mse,
        regression.rmse,
        regression.rmsle,
        regression.r2,
        regression.pearson,
    )
    return {f.__name__: partial(lambda f: f(true(), predicted()), f) for f in metrics}


def _column(scored: pd.DataFrame, name: str) -> pd.Series:
    if name not in scored:
        raise ValueError(f"there is no column {name!r}")
    return scored[name]


def _codes(labels: pd.Series, classes: tuple[str, ...], side: str) -> classification.Codes:
    """Positions of the labels in ``classes``."""
    import pandas as pd

    codes: classification.Codes = pd.Index(classes).get_indexer(pd.Index(labels)).astype(np.int64)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        label = labels.iloc[row]
        known = f"known are {', '.join(classes)}"
        problem = "the label is missing" if pd.isna(label) else f"{label!r} is none of the model's classes ({known})"
        raise ValueError(f"the {side} of {int((codes < 0).sum()):,} rows can't be used: in row {row + 1:,}, {problem}")
    return codes


def _probabilities(scored: pd.DataFrame, classes: tuple[str, ...]) -> Floats:
    """Shape (rows, classes). Raises ``ValueError`` when a column is absent or a value no probability."""
    columns = [_column(scored, f"proba_{name}").to_numpy(np.float64) for name in classes]
    found: Floats = np.column_stack(columns)
    wrong = ~((found >= 0) & (found <= 1)).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"the probabilities of {int(wrong.sum()):,} rows are missing or not between 0 and 1, "
            f"first in row {int(np.argmax(wrong)) + 1:,}"
        )
    return found


def _finite(values: pd.Series, side: str) -> Floats:
    found: Floats = values.to_numpy(np.float64)
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise ValueError(
            f"the {side} of {int(wrong.sum()):,} rows is missing or infinite, first in row {int(np.argmax(wrong)) + 1:,}"
        )
    return found
