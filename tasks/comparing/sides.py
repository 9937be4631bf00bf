"""Predictions of two versions for the same rows, as the comparison takes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from governance.vocabulary import PredictionType
from tasks.metrics.classification import Codes, surprises
from tasks.metrics.inputs import codes_of, column_of, numbers_of, probabilities_of

if TYPE_CHECKING:
    import pandas as pd

    from tasks.metrics.intervals import Floats

_BY_LABELS = frozenset({"accuracy", "precision", "recall", "f1", "mcc", "hamming_loss", "cost_gain"})
"""Metrics that look at predicted classes, and not at probabilities."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What is true, and what the two sides say; 0 is the champion, 1 the challenger.

    Args:
        prediction_type: What is predicted.
        classes: Canonical labels; empty for regression.
        target: Shape (rows,): codes of the classes, or numbers.
        predicted: Per side, shape (rows,), likewise.
        probabilities: Per side, shape (rows, classes); empty for regression.
    """

    prediction_type: PredictionType
    classes: tuple[str, ...]
    target: Codes | Floats
    predicted: tuple[Codes | Floats, ...]
    probabilities: tuple[Floats, ...]

    @classmethod
    def of(
        cls,
        prediction_type: PredictionType,
        classes: tuple[str, ...],
        target: pd.Series,
        champion: pd.DataFrame,
        challenger: pd.DataFrame,
    ) -> Self:
        """Read them. Raises: ValueError for what can't be used, or when there are no rows."""
        if not len(target):
            raise ValueError("there are no rows")
        both = champion, challenger
        if prediction_type is PredictionType.REGRESSION:
            numbers = tuple(numbers_of(column_of(side, "prediction"), "prediction") for side in both)
            return cls(prediction_type, (), numbers_of(target, "target"), numbers, ())
        codes = tuple(codes_of(column_of(side, "prediction"), classes, "prediction") for side in both)
        probabilities = tuple(probabilities_of(side, classes) for side in both)
        return cls(prediction_type, classes, codes_of(target, classes, "target"), codes, probabilities)

    def probability(self, side: int) -> Floats:
        """Shape (rows,), of the positive class of two."""
        return self.probabilities[side][:, 1]

    def given(self, side: int) -> Floats:
        """Shape (rows,), the probability that the true class was given."""
        codes = self.target.astype(np.int64)
        return np.asarray(self.probabilities[side][np.arange(codes.size), codes], dtype=np.float64)

    def differences(self, metric: str) -> Floats:
        """Shape (rows,): how much more the challenger is off by than the champion, to see whether days differ in that."""
        if self.prediction_type is PredictionType.REGRESSION:
            losses = [np.abs(self.target - side) for side in self.predicted]
        elif metric in _BY_LABELS:
            losses = [(self.target != side).astype(np.float64) for side in self.predicted]
        else:
            losses = [surprises(self.given(side)) for side in (0, 1)]
        return np.asarray(losses[1] - losses[0], dtype=np.float64)

    def contents(self) -> list[Floats]:
        """What is known of every row, so that the order of the rows does not matter."""
        columns = [self.target, *self.predicted, *(column for side in self.probabilities for column in side.T)]
        return [np.asarray(column, dtype=np.float64) for column in columns]

    def fewest(self, metric: str) -> int:
        """Rows that the metric hangs on: those of the smallest class for what is said of single classes, else all."""
        if self.prediction_type is PredictionType.REGRESSION or metric in {"accuracy", "hamming_loss", "log_loss"}:
            return int(self.target.size)
        counts = np.bincount(self.target.astype(np.int64))
        return int(counts[counts > 0].min())
