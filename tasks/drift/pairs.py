"""One column of both sides in numbers: encoded once, used by the statistics and by the drift model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling
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
        unseen: Up to ten levels that are in the current data only, the most frequent first.
        problem: Why the column can't be used; empty when it can.
    """

    name: str
    handling: Handling
    reference: Floats
    current: Floats
    levels: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
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
        SchemaMismatch: a feature is absent from a side, or ``handling`` names no feature.
    """
    features = {column.name: column.handling for column in schema.features}
    for name in handling:
        if name not in features:
            raise SchemaMismatch(
                "project.yaml", name, "drift.handling names a column that is no feature", "remove it there"
            )
    for side, frame in (("reference", reference), ("current data", current)):
        for name in features:
            if name not in frame:
                raise SchemaMismatch(
                    f"the {side}", name, "the feature is missing", "add the column, or train a version without it"
                )
    wanted = {name: handling.get(name, own) for name, own in features.items()}
    return [
        encode_pair(name, how, reference[name], current[name], schema.categories.get(name))
        for name, how in wanted.items()
        if how is not Handling.IGNORED
    ]


def encode_pair(
    name: str, handling: Handling, reference: pd.Series, current: pd.Series, known: tuple[str, ...] | None = None
) -> ColumnPair:
    """Encode one column of both sides.

    Args:
        name: Of the column.
        handling: Not ``ignored``.
        reference: Shape (rows,).
        current: Shape (rows,).
        known: Categorical: the levels that count as seen besides those of the reference.
    """
    if handling is Handling.CATEGORICAL:
        return _encode_levels(name, reference, current, known or ())
    encode = {Handling.NUMERICAL: _numbers, Handling.DATE: _seconds, Handling.TEXT: _characters}[handling]
    try:
        return ColumnPair(name, handling, encode(reference), encode(current))
    except (ValueError, TypeError) as unusable:
        nothing = np.empty(0)
        return ColumnPair(name, handling, nothing, nothing, problem=f"it is not {handling.value}: {unusable}")


def _encode_levels(name: str, reference: pd.Series, current: pd.Series, known: tuple[str, ...]) -> ColumnPair:
    import pandas as pd

    from tasks.data.conform import unseen_levels

    both = pd.concat([reference, current], ignore_index=True)
    if not isinstance(both.dtype, pd.StringDtype):
        both = both.where(both.isna(), both.astype(str)).astype("str")
    codes, levels = pd.factorize(both, sort=True)
    numbers = np.where(codes < 0, np.nan, codes.astype(np.float64))
    here, there = numbers[: len(reference)], numbers[len(reference) :]
    seen = np.bincount(here[~np.isnan(here)].astype(np.int64), minlength=len(levels)) > 0
    texts = tuple(str(level) for level in levels)
    unseen: list[str] = []
    if not seen.all():
        before = (text for text, is_seen in zip(texts, seen, strict=True) if is_seen)
        unseen = unseen_levels(both.iloc[len(reference) :], [*known, *before])
    return ColumnPair(name, Handling.CATEGORICAL, here, there, texts, tuple(unseen))


def _numbers(values: pd.Series) -> Floats:
    import pandas as pd

    # object and nullable columns hold None, pd.NA and Decimal; what is no number raises and names its position
    return cast(Floats, pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan))


def _seconds(values: pd.Series) -> Floats:
    import pandas as pd

    moments = pd.to_datetime(values, utc=True)
    seconds = moments.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
    return np.where(moments.isna().to_numpy(), np.nan, seconds)


def _characters(values: pd.Series) -> Floats:
    return cast(Floats, values.str.len().to_numpy(dtype=np.float64, na_value=np.nan))
