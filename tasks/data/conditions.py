"""Which rows are looked at at all: conditions on single columns, decided on typed chunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from governance.errors import SchemaMismatch
from governance.project_file import RowCondition, Store
from governance.vocabulary import Handling
from tasks.data.conversion import moment_of, number_of, shortened
from tasks.data.schema import canonical_label
from tasks.data.sources import Source, require_time_column

Mask = NDArray[np.bool_]

_KIND: Final = {Handling.NUMERICAL: "numbers", Handling.DATE: "dates"}


def columns_of(conditions: Sequence[RowCondition], known: Mapping[str, Handling]) -> dict[str, Handling]:
    """As what to read the columns of conditions.

    Args:
        conditions: Of a sampling.
        known: Columns that are read anyway, which keep their handling.

    Returns:
        The others: numbers or dates where a bound is one, text elsewhere.

    Example:
        >>> columns_of([RowCondition(column="age", at_least=18.0), RowCondition(column="kind", equals="car")], {})
        {'age': <Handling.NUMERICAL: 'numerical'>, 'kind': <Handling.CATEGORICAL: 'categorical'>}
    """
    columns: dict[str, Handling] = {}
    for condition in conditions:
        if condition.column in known:
            continue
        bounds = [bound for bound in (condition.at_least, condition.below) if bound is not None]
        if not bounds:
            columns.setdefault(condition.column, Handling.CATEGORICAL)
        else:
            dates = isinstance(bounds[0], str) and number_of(bounds[0]) is None
            columns[condition.column] = Handling.DATE if dates else Handling.NUMERICAL
    return columns


def fulfilling(
    chunk: pd.DataFrame, conditions: Sequence[RowCondition], handling: Mapping[str, Handling], source: Source
) -> Mask:
    """Which rows fulfil all conditions.

    A row without a value fulfils ``none_of`` and ``missing: true``, and nothing else.

    Args:
        chunk: Shape (n, ...), typed by :func:`tasks.data.reading.iterate_chunks`, with its index.
        conditions: Any number.
        handling: As what each column of a condition was read.
        source: Where the rows come from, for the error.

    Returns:
        Shape (n,).

    Raises:
        SchemaMismatch: a condition says something that the column can't be, such as a date of a column of numbers.

    Example:
        >>> from pathlib import Path
        >>> ages = pd.DataFrame({"age": [17.0, 18.0, np.nan]})
        >>> adults = [RowCondition(column="age", at_least=18)]
        >>> fulfilling(ages, adults, {"age": Handling.NUMERICAL}, Source("people", Path("people.csv"), "csv")).tolist()
        [False, True, False]
    """
    kept = np.ones(len(chunk), dtype=bool)
    for condition in conditions:
        kept &= _Column(chunk[condition.column], handling[condition.column], source).fulfils(condition)
    return kept


def within(store: Store, source: Source, time_column: str | None) -> Store:
    """The settings of a store, with the time that is meant of its data among the conditions on rows.

    Raises:
        UnusableName: no column says when a row happened.
    """
    if source.between is None:
        return store
    condition = source.between.condition(require_time_column(source, time_column))
    sampling = store.sampling.model_copy(update={"where": [*store.sampling.where, condition]})
    return store.model_copy(update={"sampling": sampling})


class _Column:
    """The values of one column, comparable with what a condition says."""

    def __init__(self, values: pd.Series, handling: Handling, source: Source) -> None:
        self.values, self.handling, self.source = values, handling, source
        self.missing: Mask = values.isna().to_numpy()

    def fulfils(self, condition: RowCondition) -> Mask:
        kept = np.ones(len(self.values), dtype=bool)
        if condition.equals is not None:
            kept &= self._is_one_of([condition.equals])
        if condition.one_of is not None:
            kept &= self._is_one_of(condition.one_of)
        if condition.none_of is not None:
            kept &= ~self._is_one_of(condition.none_of)
        if condition.at_least is not None:
            values, bound = self._measured(condition.at_least)
            kept &= values >= bound
        if condition.below is not None:
            values, bound = self._measured(condition.below)
            kept &= values < bound
        if condition.missing is not None:
            kept &= self.missing == condition.missing
        return kept

    def _is_one_of(self, labels: Sequence[str]) -> Mask:
        if self.handling is Handling.NUMERICAL:
            return np.isin(self.values.to_numpy(np.float64), [self._read(label, number_of) for label in labels])
        if self.handling is Handling.DATE:
            moments = [self._read(label, moment_of) for label in labels]
            return np.isin(_microseconds(self.values), moments) & ~self.missing
        found: Mask = self.values.isin([canonical_label(label) for label in labels]).to_numpy()
        return found

    def _measured(self, bound: float | str) -> tuple[NDArray[Any], float]:
        """The values as float64, NaN where there is none, and the bound in their unit."""
        if self.handling is Handling.NUMERICAL:
            return self.values.to_numpy(np.float64), self._read(bound, number_of)
        if self.handling is Handling.DATE:
            moments = np.where(self.missing, np.nan, _microseconds(self.values).astype(np.float64))
            return moments, self._read(bound if isinstance(bound, str) else str(bound), moment_of)
        # A category that is a number, as a code may be.
        read = moment_of if isinstance(bound, str) and number_of(bound) is None else number_of
        levels = {level: read(level) for level in self.values.dropna().unique()}
        for level, value in levels.items():
            if value is None:
                self._refuse_value(level, bound)
        return self.values.map(levels).to_numpy(np.float64, na_value=np.nan), self._read(bound, read)

    def _read(self, said: float | str, read: Callable[[object], float | None]) -> float:
        value = read(said)
        if value is None:
            raise SchemaMismatch(
                self.source.path,
                str(self.values.name),
                f"it holds {_KIND[self.handling]}, and the condition under sampling.where says {shortened(str(said))}",
                "correct the condition",
            )
        return value

    def _refuse_value(self, level: str, bound: float | str) -> None:
        first = int(np.flatnonzero((self.values == level).to_numpy())[0])
        raise SchemaMismatch(
            self.source.path,
            str(self.values.name),
            f"{shortened(level)} can't be held against the bound {bound} under sampling.where",
            "correct the value, or say with equals or one_of which rows are meant",
            int(self.values.index[first]) + 1,
        )


def _microseconds(values: pd.Series) -> NDArray[np.int64]:
    return values.astype("datetime64[us, UTC]").astype("int64").to_numpy(np.int64).astype(np.int64)
