"""Metrics of the user's own: a function in a file beside project.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from math import isfinite, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from governance.errors import DriftgateError
from governance.vocabulary import Measurement
from tasks.functions import in_words, load_function, place_of
from tasks.metrics.intervals import CONFIDENCE
from tasks.metrics.resampling import SEED, positions_by_content

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Function = Callable[..., float]
"""Takes (y_true, y_pred, probabilities, sample, reference)."""

GROUPS: Final = 20
"""Of rows, each left out once for the interval."""
FEWEST_ROWS: Final = 100
"""With fewer there is no interval."""


def load_custom_metric(where: str, folder: Path) -> Function:
    """The metric that ``file.py:function`` names. Arguments and errors: :func:`tasks.functions.load_function`."""
    return load_function(where, folder, "custom_metrics")


def sha256_of_custom_metric(where: str, folder: Path) -> str | None:
    """SHA-256 of the file that ``file.py:function`` names, as hexadecimal digits; ``None`` when there is no such file."""
    try:
        path, _ = place_of(where, folder, "custom_metrics")
        return sha256(path.read_bytes()).hexdigest()
    except (DriftgateError, OSError):
        return None


def measure_custom_metrics(
    metrics: Mapping[str, str],
    folder: Path,
    y_true: pd.Series,
    y_pred: pd.Series,
    probabilities: pd.DataFrame | None,
    sample: pd.DataFrame,
    reference: pd.DataFrame | None,
    *,
    seed: int = SEED,
) -> list[Measurement]:
    """Every custom metric as ``custom.<name>``. What fails says why, and takes nothing else with it.

    From 100 rows on there is an interval at 95 %: the function is called again 20 times, each time without another
    twentieth of the rows (delete-a-group jackknife). It takes rows as independent: where those of a day hang together,
    the interval is too narrow. Weights are not applied: a function that wants them finds their column in ``sample``.

    Args:
        metrics: Name, and ``file.py:function``.
        folder: Of ``project.yaml``.
        y_true: Shape (rows,), labels as text or float64, none missing.
        y_pred: Shape (rows,), predictions, likewise.
        probabilities: Shape (rows, classes), a column per class; ``None`` where there are none.
        sample: Kept rows with all their columns; where its index is that of ``y_true``, they are the same rows, and
            are left out together.
        reference: Rows of the reference; ``None`` where there is none.
        seed: Of the groups.

    Raises:
        ValueError: ``y_true``, ``y_pred`` and ``probabilities`` are not as many rows.

    Source: P. S. Kott, The delete-a-group jackknife, Journal of Official Statistics 17 (2001).
    """
    rows = len(y_true)
    if len(y_pred) != rows or (probabilities is not None and len(probabilities) != rows):
        raise ValueError("labels, predictions and probabilities have to be the same rows")
    if probabilities is not None and probabilities.shape[1] == 0:
        probabilities = None
    same_rows = sample.index.equals(y_true.index)
    groups = None
    found = []
    for name, where in metrics.items():
        try:
            function = load_custom_metric(where, folder)
        except DriftgateError as error:
            found.append(Measurement(f"custom.{name}", None, rows=rows, reason=str(error)))
            continue
        if groups is None:
            groups = _groups(y_true, y_pred, probabilities, seed)

        def of_rows(kept: NDArray[np.bool_] | None, function: Function = function) -> float:
            # Copies, so that no function writes into what is recorded, or what the next one is given.
            parts = [part if part is None or kept is None else part[kept] for part in (y_true, y_pred, probabilities)]
            parts += [sample if kept is None or not same_rows else sample[kept], reference]
            return _number(function(*(None if part is None else part.copy() for part in parts)))

        found.append(_measure(f"custom.{name}", of_rows, groups, rows))
    return found


def _measure(
    name: str, of_rows: Callable[[NDArray[np.bool_] | None], float], groups: NDArray[np.int64], rows: int
) -> Measurement:
    if rows == 0:
        return Measurement(name, None, rows=0, reason="there are no rows with a label")
    try:
        value = of_rows(None)
    except (Exception, SystemExit) as error:
        return Measurement(name, None, rows=rows, reason=in_words(error))
    if rows < FEWEST_ROWS:
        return Measurement(name, value, rows=rows)
    try:
        without = np.array([of_rows(groups != group) for group in range(GROUPS)])
    except (Exception, SystemExit):
        # Defined on all rows, but not on every part of them: the value stands, without an interval.
        return Measurement(name, value, rows=rows)
    from scipy.special import stdtrit

    deviation = sqrt((GROUPS - 1) / GROUPS * float(np.sum((without - without.mean()) ** 2)))
    half = float(stdtrit(GROUPS - 1, 0.5 + CONFIDENCE / 2)) * deviation
    if not isfinite(half):
        return Measurement(name, value, rows=rows)
    return Measurement(name, value, value - half, value + half, rows)


def _groups(y_true: pd.Series, y_pred: pd.Series, probabilities: pd.DataFrame | None, seed: int) -> NDArray[np.int64]:
    """Shape (rows,): a group per row, by what the row holds and not by where it is."""
    import pandas as pd

    # A number of 53 bits is one of floating point too.
    contents = [
        (pd.util.hash_pandas_object(side, index=False).to_numpy() >> np.uint64(11)).astype(np.float64)
        for side in (y_true, y_pred)
    ]
    if probabilities is not None:
        contents += [probabilities[name].to_numpy(np.float64, na_value=np.nan) for name in probabilities]
    return positions_by_content(contents, seed) % GROUPS


def _number(value: object) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"the function returned {_shown(value)} instead of a number")
    number = float(value)
    if not isfinite(number):
        raise ValueError(f"the function returned {number}")
    return number


def _shown(value: object) -> str:
    """A value as Python writes it where that is short, else its type: the function is not ours, nor is what it returns."""
    if isinstance(value, str | bool | int | float | complex | None):
        return repr(value if not isinstance(value, str) or len(value) <= 60 else f"{value[:59]}…")
    return f"a value of type {type(value).__name__}"
