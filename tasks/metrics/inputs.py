"""Columns of scored rows as the metrics take them; what can't be used is said with its row. pandas where used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.data.schema import GREATEST_WEIGHT
from tasks.metrics.classification import Codes
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd


def codes_of(labels: pd.Series, classes: tuple[str, ...], side: str) -> Codes:
    """Positions of the labels in ``classes``.

    Args:
        labels: Shape (rows,).
        classes: Canonical labels.
        side: What the labels are, for the error.

    Raises:
        ValueError: a label is missing, or none of the classes.

    >>> import pandas as pd
    >>> codes_of(pd.Series(["yes", "no"]), ("no", "yes"), "target").tolist()
    [1, 0]
    """
    import pandas as pd

    codes: Codes = pd.Index(classes).get_indexer(pd.Index(labels)).astype(np.int64)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        label = labels.iloc[row]
        known = f"known are {', '.join(classes)}"
        problem = "the label is missing" if pd.isna(label) else f"{label!r} is none of the model's classes ({known})"
        raise ValueError(f"the {side} of {int((codes < 0).sum()):,} rows can't be used: in row {row + 1:,}, {problem}")
    return codes


def probabilities_of(scored: pd.DataFrame, classes: tuple[str, ...]) -> Floats:
    """The columns ``proba_<class>``, shape (rows, classes).

    Raises:
        ValueError: a column is absent, or a value is no probability.

    >>> import pandas as pd
    >>> probabilities_of(pd.DataFrame({"proba_yes": [0.5]}), ("yes",)).tolist()
    [[0.5]]
    """
    columns = [column_of(scored, f"proba_{name}").to_numpy(np.float64, na_value=np.nan) for name in classes]
    found: Floats = np.column_stack(columns)
    wrong = ~((found >= 0) & (found <= 1)).all(axis=1)
    if wrong.any():
        raise ValueError(
            f"the probabilities of {int(wrong.sum()):,} rows are missing or not between 0 and 1, "
            f"first in row {int(np.argmax(wrong)) + 1:,}"
        )
    return found


def numbers_of(values: pd.Series, side: str) -> Floats:
    """Finite numbers.

    Raises:
        ValueError: one is missing or infinite.

    >>> import pandas as pd
    >>> numbers_of(pd.Series([1, 2]), "target").tolist()
    [1.0, 2.0]
    """
    found: Floats = values.to_numpy(np.float64, na_value=np.nan)
    wrong = ~np.isfinite(found)
    if wrong.any():
        raise ValueError(
            f"the {side} of {int(wrong.sum()):,} rows is missing or infinite, first in row {int(np.argmax(wrong)) + 1:,}"
        )
    return found


def column_of(scored: pd.DataFrame, name: str) -> pd.Series:
    """A column of the scored rows.

    Raises:
        ValueError: there is none of that name.

    >>> import pandas as pd
    >>> column_of(pd.DataFrame({"prediction": [1.0]}), "prediction").name
    'prediction'
    """
    if name not in scored:
        raise ValueError(f"there is no column {name!r}")
    return scored[name]


def require_weights(weights: Floats, rows: int) -> Floats:
    """Weights as a plain array.

    Args:
        weights: Shape (rows,), 0 to 1e100; 0: the row counts nowhere.
        rows: How many there have to be.

    Raises:
        ValueError: one is negative, missing or more than 1e100, or they are not as many as the rows.

    >>> require_weights(np.array([1, 2]), 2).tolist()
    [1.0, 2.0]
    """
    found: Floats = np.asarray(weights, dtype=np.float64)
    if found.shape != (rows,):
        raise ValueError(f"{found.size:,} weights and {rows:,} rows: every row needs one")
    wrong = ~((found >= 0) & (found <= GREATEST_WEIGHT))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"the weight of {int(wrong.sum()):,} rows is negative, missing or more than "
            f"{GREATEST_WEIGHT:g}: row {row + 1:,} has {found[row]:g}"
        )
    return found
