"""From which probability on a row counts as positive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from governance.errors import TrainingImpossible
from governance.vocabulary import PredictionType

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from governance.project_file import ModelSettings
    from tasks.data.schema import Schema

MAX_F1: Final = "max_f1"
FOLDS: Final = 3
FEWEST_ROWS_OF_CLASS: Final = 10


def choose_threshold(
    pipeline: Pipeline,
    matrix: pd.DataFrame,
    labels: NDArray[np.str_],
    settings: ModelSettings,
    schema: Schema,
    model_name: str,
) -> float | None:
    """The threshold of the settings; for ``max_f1`` the one with the greatest F1 out of fold.

    Args:
        pipeline: Unfitted; fitted three times, each time on two thirds of the rows.
        matrix: Part to fit on, shape (rows, features).
        labels: Shape (rows,), canonical labels.
        settings: ``threshold`` and ``split.seed``.
        schema: The classes.
        model_name: For the errors.

    Returns:
        0 to 1; ``None`` unless binary.

    Raises:
        TrainingImpossible: too few rows of a class to choose from.
    """
    if schema.prediction_type is not PredictionType.BINARY:
        return None
    if settings.threshold != MAX_F1:
        return float(settings.threshold)
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < FEWEST_ROWS_OF_CLASS:
        raise TrainingImpossible(
            model_name,
            f"class {str(classes[counts.argmin()])!r} has {counts.min()} rows, fewer than the {FEWEST_ROWS_OF_CLASS} "
            "that choosing a threshold needs",
            "give the threshold as a number",
        )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=settings.split.seed)
    probabilities = cross_val_predict(pipeline, matrix, labels, cv=folds, method="predict_proba")
    positive = schema.classes[1]
    return threshold_of_greatest_f1(labels == positive, probabilities[:, list(classes).index(positive)])


def threshold_of_greatest_f1(positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    """The lowest of the thresholds whose F1 is greatest; a row is positive from the threshold on.

    Args:
        positive: Shape (rows,), at least one true.
        probability: Shape (rows,), of being positive, 0 to 1.

    >>> threshold_of_greatest_f1(np.array([False, False, True, True]), np.array([0.1, 0.2, 0.3, 0.9]))
    0.3
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(positive, probability)
    # F1 = 2 / (1/p + 1/r), written so that p = r = 0 gives 0; the last point belongs to no threshold.
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], np.finfo(float).tiny)
    return float(thresholds[int(np.argmax(f1))])
