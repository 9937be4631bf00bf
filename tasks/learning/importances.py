"""How much a model leans on each feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from governance.vocabulary import PredictionType
from tasks.data.conform import model_matrix
from tasks.learning.threads import one_thread
from tasks.metrics.classification import log_loss
from tasks.metrics.regression import mse

if TYPE_CHECKING:
    from tasks.learning.prediction import FittedModel

MOST_ROWS: Final = 5_000
REPEATS: Final = 3
MANY_FEATURES: Final = 50
"""From here on each feature is permuted once only, to stay quick."""


def measure_importances(model: FittedModel, frame: pd.DataFrame, target: pd.Series, seed: int) -> dict[str, float]:
    """Permutation importance of every feature: how much the loss grows when its values are shuffled over the rows.

    The loss is the log loss for classes, the squared error for numbers; at most 5,000 rows are used.

    Args:
        model: Fitted on other rows than these.
        frame: Shape (rows, ...), typed as ``tasks.data.reading`` types it.
        target: Shape (rows,), none missing; rows of a class that the pipeline never saw are left out.
        seed: Of the rows chosen and of the shuffling.

    Returns:
        The share of each feature in the sum of all growths, 0 to 1, in the order of the schema. A feature
        without which the model is no worse has 0; when that is true of all, all have 0.

    Source:
        Breiman (2001), Random Forests; Fisher, Rudin, Dominici (2019), All Models are Wrong, but Many are Useful.
    """
    random = np.random.default_rng(seed)
    regression = model.schema.prediction_type is PredictionType.REGRESSION
    usable = np.arange(len(frame))
    if not regression:
        usable = np.flatnonzero(target.isin(list(model.pipeline.classes_)).to_numpy())
    rows = np.sort(random.permutation(usable)[:MOST_ROWS])
    names = model.schema.feature_names
    if len(rows) == 0:
        return dict.fromkeys(names, 0.0)
    matrix, truth = model_matrix(frame.iloc[rows], model.schema), target.iloc[rows]
    repeats = REPEATS if len(names) < MANY_FEATURES else 1
    # All repeats of a feature are predicted in one call: a call costs more than its rows do.
    stacked, truths = pd.concat([matrix] * repeats, ignore_index=True), pd.concat([truth] * repeats)
    growth = {}
    with one_thread():
        before = _loss(model, stacked, truths)
        for name in names:
            order = np.concatenate([random.permutation(len(rows)) for _ in range(repeats)])
            shuffled = stacked.assign(**{name: matrix[name].iloc[order].set_axis(stacked.index)})
            growth[name] = max(_loss(model, shuffled, truths) - before, 0.0)
    total = sum(growth.values())
    return {name: value / total if total > 0 else 0.0 for name, value in growth.items()}


def _loss(model: FittedModel, matrix: pd.DataFrame, truth: pd.Series) -> float:
    """Log loss, or mean squared error."""
    if model.schema.prediction_type is PredictionType.REGRESSION:
        return mse(truth.to_numpy(dtype=np.float64), model.pipeline.predict(matrix).ravel()).value
    places = pd.Index(map(str, model.pipeline.classes_)).get_indexer(pd.Index(truth))
    return log_loss(places.astype(np.int64), model.pipeline.predict_proba(matrix)).value
