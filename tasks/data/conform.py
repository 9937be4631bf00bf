"""Frames brought into the shape that a model was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, PredictionType
from tasks.data.conversion import shortened
from tasks.data.schema import Schema, canonical_label

NAMED_LEVELS: Final = 10
"""How many unseen levels of a column are named."""


def model_matrix(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """What estimators see.

    Args:
        frame: Rows as :func:`tasks.data.reading.iterate_chunks` types them; other columns are left out.
        schema: Of the model.

    Returns:
        The features in the order of the schema, index kept: NUMERICAL float64, DATE float64 seconds since 1970,
        CATEGORICAL object; NaN is missing.

    Raises:
        SchemaMismatch: a feature is not in the frame.

    Example:
        >>> from governance.vocabulary import PredictionType
        >>> from tasks.data.schema import Column
        >>> schema = Schema((Column("day", Handling.DATE),), "late", PredictionType.BINARY, ("0", "1"), None)
        >>> days = pd.to_datetime(pd.Series(["1970-01-02", None]), utc=True)
        >>> model_matrix(pd.DataFrame({"day": days}), schema)["day"].tolist()
        [86400.0, nan]
    """
    columns = {}
    for column in schema.features:
        if column.name not in frame.columns:
            raise SchemaMismatch(
                "the rows to be scored", column.name, "there is no such column", "read the file with this feature"
            )
        columns[column.name] = _as_the_model_sees_it(frame[column.name], column.handling)
    return pd.DataFrame(columns, index=frame.index)


def _as_the_model_sees_it(values: pd.Series, handling: Handling) -> pd.Series:
    if handling is Handling.NUMERICAL:
        return values.astype("float64")
    if handling is Handling.DATE:
        microseconds = values.astype("datetime64[us, UTC]").astype("int64").to_numpy()
        return pd.Series(np.where(values.isna(), np.nan, microseconds / 1e6), index=values.index)
    return values.astype(object).where(values.notna(), np.nan)


def unseen_categories(frame: pd.DataFrame, schema: Schema) -> dict[str, list[str]]:
    """Categorical feature: up to 10 levels that training never saw, the most frequent first.

    Features whose levels were too many to keep, and those without unseen levels, are absent.
    """
    unseen = {}
    for name, levels in schema.categories.items():
        if name in frame.columns:
            strange = frame[name][frame[name].notna() & ~frame[name].isin(levels)]
            unseen[name] = [str(level) for level in strange.value_counts().index[:NAMED_LEVELS]]
    return {name: levels for name, levels in unseen.items() if levels}


def to_target(values: pd.Series, schema: Schema, file: str | Path) -> pd.Series:
    """Labels as the model knows them.

    Args:
        values: n labels, the index as the reader gives it; NaN where a row has none.
        schema: Of the model.
        file: Where they come from, for the error.

    Returns:
        n values, index kept: canonical labels (``str``) for classification, float64 for regression; NaN is missing.

    Raises:
        SchemaMismatch: a label that training never knew, or a regression target that is no finite number, with its row.
    """
    if schema.prediction_type is PredictionType.REGRESSION:
        numbers = pd.to_numeric(values, errors="coerce").astype("float64")
        wrong = (numbers.isna() & values.notna()) | np.isinf(numbers)
        if wrong.any():
            raise _strange_label(values, wrong, schema, file, "is not a finite number", "correct it, or leave it empty")
        return numbers
    written = {value: canonical_label(value) for value in values.dropna().unique()}
    labels = values.astype(object).map(written).astype("str")
    wrong = labels.notna() & ~labels.isin(schema.classes)
    if wrong.any():
        known = f"training knew only {', '.join(schema.classes[:10])}{', …' if len(schema.classes) > 10 else ''}"
        remedy = "correct it, leave it empty, or train a version on data that have it"
        raise _strange_label(values, wrong, schema, file, f"is a label that training never knew ({known})", remedy)
    return labels


def _strange_label(
    values: pd.Series, wrong: pd.Series, schema: Schema, file: str | Path, problem: str, remedy: str
) -> SchemaMismatch:
    position = int(np.flatnonzero(wrong.to_numpy())[0])
    place = values.index[position] if pd.api.types.is_integer_dtype(values.index.dtype) else position
    value = shortened(str(values.iloc[position]))
    return SchemaMismatch(file, schema.target, f"{value} {problem}", remedy, int(place) + 1)
