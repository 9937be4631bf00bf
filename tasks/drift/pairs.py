"""One column of both sides in numbers: what the drift model learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from governance.vocabulary import Handling
from tasks.drift.encoding import UNUSABLE, ordered_values, problem_with
from tasks.drift.levels import level_positions
from tasks.drift.profile import wanted_handling
from tasks.drift.required import CURRENT, REFERENCE, require_features, require_once
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd

    from tasks.data.schema import Schema


@dataclass(frozen=True, slots=True, eq=False)
class ColumnPair:
    """A column on the reference and on the current side.

    Args:
        name: Of the column.
        handling: How drift treats it.
        reference: Shape (rows,), float64, NaN missing: the number, seconds since 1970 of a date, the code of a level
            (position in ``levels``), or the number of characters of a text.
        current: Shape (rows,), likewise.
        levels: Categorical: the levels that occur on either side, in alphabetical order; else empty.
        problem: Why the column can't be used; empty when it can.
    """

    name: str
    handling: Handling
    reference: Floats
    current: Floats
    levels: tuple[str, ...] = ()
    problem: str = ""


def pair_columns(
    reference: pd.DataFrame, current: pd.DataFrame, schema: Schema, handling: Mapping[str, Handling]
) -> list[ColumnPair]:
    """Encode the model's input features of both sides, in the order of the schema.

    Args:
        reference: Shape (rows, ...), as ``tasks/data/reading.py`` types it.
        current: Likewise.
        schema: Of the model; its features are looked at, and nothing else.
        handling: Forces the handling of a column in drift; ``ignored`` leaves it out.

    Returns:
        One pair per feature that is not ignored. One that can't be encoded carries the problem.

    Raises:
        SchemaMismatch: a feature is absent from a side or doubled, or ``handling`` names no feature.
    """
    wanted = wanted_handling(schema, handling)
    for side, frame in ((REFERENCE, reference), (CURRENT, current)):
        require_features(side, frame.columns, wanted)
        require_once(side, frame.columns, wanted)
    return [
        encode_pair(name, how, reference[name], current[name])
        for name, how in wanted.items()
        if how is not Handling.IGNORED
    ]


def encode_pair(name: str, handling: Handling, reference: pd.Series, current: pd.Series) -> ColumnPair:
    """Encode one column of both sides.

    Args:
        name: Of the column.
        handling: Not ``ignored``.
        reference: Shape (rows,).
        current: Shape (rows,).

    >>> import pandas as pd
    >>> encode_pair("c", Handling.CATEGORICAL, pd.Series(["b", None]), pd.Series(["a"])).reference.tolist()
    [1.0, nan]
    """
    try:
        if handling is Handling.CATEGORICAL:
            return _pair_levels(name, reference, current)
        return ColumnPair(name, handling, ordered_values(reference, handling), ordered_values(current, handling))
    except UNUSABLE as unusable:
        nothing = np.empty(0)
        return ColumnPair(name, handling, nothing, nothing, problem=problem_with(handling, unusable))


def _pair_levels(name: str, reference: pd.Series, current: pd.Series) -> ColumnPair:
    sides = [level_positions(side) for side in (reference, current)]
    levels = sorted({text for texts, _ in sides for text in texts})
    code_of = {level: float(code) for code, level in enumerate(levels)}
    codes = [np.array([*(code_of[text] for text in texts), np.nan])[positions] for texts, positions in sides]
    return ColumnPair(name, Handling.CATEGORICAL, codes[0], codes[1], tuple(levels))
