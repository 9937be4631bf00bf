"""Frames brought into the shape that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from governance.errors import SchemaMismatch
from governance.project_file import Features
from governance.vocabulary import Handling, OnFailure, PredictionType
from tasks.data.conversion import shortened
from tasks.data.schema import GREATEST_WEIGHT, Schema, canonical_label
from tasks.data.sources import Source

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
    unseen = {
        name: unseen_levels(frame[name], levels) for name, levels in schema.categories.items() if name in frame.columns
    }
    return {name: levels for name, levels in unseen.items() if levels}


def unseen_levels(values: pd.Series, known: Iterable[str]) -> list[str]:
    """Up to 10 levels of a column, as text, that are not among the known ones; the most frequent first."""
    strange = values[values.notna() & ~values.isin(list(known))]
    return [str(level) for level in strange.value_counts().index[:NAMED_LEVELS]]


def require_known_categories(rows: pd.DataFrame, schema: Schema, features: Features, source: Source) -> None:
    """Where the model refuses categories that training never saw. Elsewhere the drift of the column tells them.

    Args:
        rows: As :func:`tasks.data.reading.iterate_chunks` types them, with its index.
        schema: Of the model.
        features: Its settings.
        source: Where the rows come from, for the error.

    Raises:
        SchemaMismatch: a category is new and ``on_unseen_category`` is ``fail``; names the first row that has one.
    """
    if features.on_unseen_category is OnFailure.WARN:
        return
    for column, levels in unseen_categories(rows, schema).items():
        first = int(np.flatnonzero(rows[column].isin(levels).to_numpy())[0])
        raise SchemaMismatch(
            source.path,
            column,
            f"training never saw {', '.join(map(shortened, levels))}",
            "retrain with it, or set features.on_unseen_category: warn",
            int(rows.index[first]) + 1,
        )


def require_weights(values: pd.Series, source: Source) -> None:
    """Refuse a weight that is missing, negative or beyond reckoning: what the row counts would be anybody's guess.

    Args:
        values: n weights, float64, with the index of the reader.
        source: Where they come from, for the error.

    Raises:
        SchemaMismatch: names the first such row.
    """
    found = values.to_numpy(np.float64)
    wrong = np.flatnonzero(~((found >= 0) & (found <= GREATEST_WEIGHT)))
    if wrong.size:
        value = found[wrong[0]]
        problem = "negative" if value < 0 else f"more than {GREATEST_WEIGHT:g}"
        raise SchemaMismatch(
            source.path,
            str(values.name),
            "the weight is missing" if np.isnan(value) else f"the weight {value:g} is {problem}",
            "write 0 for rows that shall not count" if not value > 0 else "write it in a greater unit",
            int(values.index[wrong[0]]) + 1,
        )


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
