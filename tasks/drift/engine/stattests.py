"""Evidently's own statistical tests, by their names, on one column."""

from __future__ import annotations

import math
from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pandas as pd

from governance.errors import NotFound
from governance.vocabulary import Handling
from tasks.drift.engine.deferring import deferred

with deferred("evidently"):
    from evidently.legacy.calculations import stattests
    from evidently.legacy.core import ColumnType

    for _module in iter_modules(stattests.__path__):  # each registers its tests where it is imported
        import_module(f"{stattests.__name__}.{_module.name}")
    from evidently.legacy.calculations.stattests.registry import _registered_stat_tests

if TYPE_CHECKING:
    Values = pd.Series[Any]

REFUSED: Final = {"empirical_mmd": "it takes minutes for 3,000 rows"}
"""Tests that are registered and not offered, and why."""

_SEED: Final = 1337
"""Of the tests that draw."""


class EvidentlyScore(NamedTuple):
    """What a test says: its score, whether it calls that drift, and from which threshold."""

    score: float
    drifted: bool
    threshold: float


def evidently_score(name: str, reference: Values, current: Values, handling: Handling) -> EvidentlyScore:
    """Run one of Evidently's tests, at its own default threshold, on the values that are present.

    The tests are Evidently's, and so are their weaknesses: what is missing or infinite does not count, and some know
    neither the number of rows nor a scale below 0.001.

    Args:
        name: As Evidently names it: ``ks``, ``wasserstein``, ``psi``, …
        reference: Shape (rows,): numbers, dates, labels or texts, as ``handling`` says; nullable types too.
        current: Shape (rows,), likewise.
        handling: Not ``ignored``. A test for numbers sees a date as seconds since 1970 and a text as its length.

    Returns:
        Score, drifted and threshold; whether a high or a low score is drift differs from test to test.

    Raises:
        NotFound: there is no such test, or it is not offered; names the nearest ones.
        ValueError: the test is not for such columns, a side has no values, or the test gave no number.

    >>> evidently_score("ks", pd.Series([1.0, 2, 3, 4] * 5), pd.Series([1.0, 2, 3, 4] * 5), Handling.NUMERICAL)
    EvidentlyScore(score=1.0, drifted=False, threshold=0.05)
    """
    test, kind = _test_for(name, handling)
    sides = [_values(side, kind, handling) for side in (reference, current)]
    for side, values in zip(("reference", "current"), sides, strict=True):
        if values.empty:
            raise ValueError(f"there are no {side} values")
    before = np.random.get_state()  # some of the tests draw from the global generator
    np.random.seed(_SEED)
    try:
        result = test(*sides, kind, None)
    except Exception as failed:  # whatever breaks in there is about this column only
        raise ValueError(f"Evidently's {name} failed: {type(failed).__name__}: {failed}") from failed
    finally:
        np.random.set_state(before)
    score = float(result.drift_score)
    if not math.isfinite(score):
        raise ValueError(f"Evidently's {name} gave {score}")
    return EvidentlyScore(score, bool(result.drifted), float(result.actual_threshold))


def _test_for(name: str, handling: Handling) -> tuple[Any, Any]:
    """The test, and the type of column that it is to take the values for."""
    # One of them has capitals in its name; project.yaml has none.
    offered = {known.lower(): kinds for known, kinds in _registered_stat_tests.items() if known not in REFUSED}
    if name.lower() not in offered:
        why = f"{REFUSED[name]}; choose another" if name in REFUSED else "name one of them"
        raise NotFound("test of Evidently", name, get_close_matches(name, offered, n=5) or sorted(offered), why)
    kinds = {
        Handling.CATEGORICAL: (ColumnType.Categorical,),
        Handling.TEXT: (ColumnType.Text, ColumnType.Numerical),
    }.get(handling, (ColumnType.Numerical,))
    for kind in kinds:
        if kind in offered[name.lower()]:
            return offered[name.lower()][kind], kind
    fitting = sorted(other for other, of_kind in offered.items() if any(kind in of_kind for kind in kinds))
    raise ValueError(f"Evidently's {name} is not for {handling} columns; these are: {', '.join(fitting)}")


def _values(side: Values, kind: Any, handling: Handling) -> Values:
    """What is present, as the plain types that Evidently copes with."""
    present = side.dropna().reset_index(drop=True)
    if kind is not ColumnType.Numerical:
        return present.astype(str).astype(object)
    if handling is Handling.DATE:
        seconds = pd.to_datetime(present, utc=True).to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
        return pd.Series(seconds)
    if handling is Handling.TEXT:
        return present.astype(str).str.len().astype(np.float64)
    numbers = pd.to_numeric(present).astype(np.float64)
    return numbers[np.isfinite(numbers)]
