"""Applying a fitted model to rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from governance.vocabulary import PredictionType
from tasks.data.conform import model_matrix
from tasks.learning.threads import one_thread

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from tasks.data.schema import Schema


CORRECT: Final = "prediction_correct"
"""Name of the column that says of judged rows whether the class was predicted rightly."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What is needed to predict.

    Args:
        pipeline: Fitted, takes frames of :func:`tasks.data.conform.model_matrix`.
        schema: Features and classes.
        threshold: Binary only: probability of the positive class from which a row is positive, 0 to 1.
    """

    pipeline: Pipeline
    schema: Schema
    threshold: float | None


def output_columns(schema: Schema) -> list[str]:
    """Names of the columns that :func:`predict` makes."""
    return ["prediction", *(f"proba_{label}" for label in schema.classes)]


def predict(model: FittedModel, frame: pd.DataFrame) -> pd.DataFrame:
    """The model's predictions, row by row.

    Args:
        model: What to apply.
        frame: Shape (rows, ...): at least the features, typed as ``tasks.data.reading`` types them; may be empty.

    Returns:
        Shape (rows, 1 + classes), with the index of ``frame``: ``prediction`` (label as text, or float64) and for
        classification ``proba_<class>`` per class of the schema, 0 to 1, in its order. Binary: positive from the
        threshold on (0.5 without one); multiclass: the most probable class, the first of equals.
        A class of which there was no row to fit on has the probability 0.
    """
    import pandas as pd

    schema = model.schema
    if schema.prediction_type is PredictionType.REGRESSION:
        with one_thread():
            numbers = [] if frame.empty else model.pipeline.predict(model_matrix(frame, schema)).ravel()
        return pd.DataFrame({"prediction": pd.Series(numbers, index=frame.index, dtype="float64")})
    probabilities = _probabilities(model, frame)
    if schema.prediction_type is PredictionType.BINARY:
        labels = labels_at(0.5 if model.threshold is None else model.threshold, probabilities[:, 1], schema)
    else:
        labels = pd.array(list(schema.classes), dtype="str").take(probabilities.argmax(axis=1))
    scored = pd.DataFrame(probabilities, columns=output_columns(schema)[1:], index=frame.index)
    scored.insert(0, "prediction", labels)
    return scored


def labels_at(threshold: float, probability: NDArray[np.float64], schema: Schema) -> Any:
    """Which of two classes a row is of: the positive one from the threshold on.

    Args:
        threshold: 0 to 1.
        probability: Shape (rows,), of the positive class.
        schema: Of a binary model.

    Returns:
        Shape (rows,), an array of text of pandas.
    """
    import pandas as pd

    return pd.array(list(schema.classes), dtype="str").take((probability >= threshold).astype(int))


def _probabilities(model: FittedModel, frame: pd.DataFrame) -> NDArray[np.float64]:
    """Shape (rows, classes of the schema), in its order."""
    import numpy as np

    found = np.zeros((len(frame), len(model.schema.classes)))
    if len(frame):
        places = [model.schema.classes.index(str(label)) for label in model.pipeline.classes_]
        with one_thread():
            probabilities = model.pipeline.predict_proba(model_matrix(frame, model.schema))
        # Calibrated and summed probabilities leave [0, 1] by a rounding error now and then.
        found[:, places] = np.clip(probabilities, 0.0, 1.0)
    return found
