"""Columns that have an order as numbers, whatever they came as: pandas or Arrow, typed or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from governance.vocabulary import Handling
from tasks.drift.levels import AnyColumn, as_arrow, distinct_objects, is_of_arrow, level_positions
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

UNUSABLE: Final = (ValueError, TypeError, ArithmeticError, NotImplementedError)
"""What a column raises that can't be read as its handling says."""


def ordered_values(column: AnyColumn, handling: Handling) -> Floats:
    """A column that has an order, as numbers.

    Args:
        column: n values, of any type; where none is there, all are missing, whatever the type.
        handling: NUMERICAL gives the number, DATE the seconds since 1970 (no zone counts as UTC), TEXT the number of
            characters.

    Returns:
        Shape (n,), NaN missing; infinite numbers stay.

    Raises:
        ValueError, TypeError, ArithmeticError, NotImplementedError: a value is not what the handling says. Of several
            the one that is first in alphabetical order is named, so that the order of rows makes no difference.

    >>> import pandas as pd
    >>> ordered_values(pd.Series([1, None], dtype="Int64"), Handling.NUMERICAL).tolist()
    [1.0, nan]
    """
    encode = {Handling.NUMERICAL: _numbers, Handling.DATE: _seconds, Handling.TEXT: _characters}[handling]
    return encode(column)


def problem_with(handling: Handling, unusable: Exception) -> str:
    """What to say of a column that raised one of :data:`UNUSABLE`."""
    return f"it is not {handling.value}: {unusable}"


def _numbers(column: AnyColumn) -> Floats:
    import pandas as pd

    if isinstance(column, pd.Series) and not is_of_arrow(column):
        if column.dtype == np.float64:
            return cast(Floats, column.to_numpy())
        if isinstance(column.dtype, pd.CategoricalDtype):
            return _by_category(column, _numbers)
        if column.dtype.kind in "mMc":
            return _nothing_or_refuse(bool(column.isna().all()), len(column), column.dtype)
        if pd.api.types.is_numeric_dtype(column.dtype):
            return cast(Floats, column.to_numpy(dtype=np.float64, na_value=np.nan))
        return _read(*distinct_objects(column), _number_of_object, _A_NUMBER)
    import pyarrow as pa
    import pyarrow.compute as pc

    array = as_arrow(column)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _by_entry(array, _numbers)
    if pa.types.is_temporal(kind) or pa.types.is_nested(kind):
        return _nothing_or_refuse(array.null_count == len(array), len(array), kind)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        from tasks.data.conversion import number_of

        texts = _if_all_are_numbers(array)
        # Decimals too: what their digits write is the nearest number, and a division is not always.
        return _read_texts(array, number_of, _A_NUMBER) if texts is None else texts
    return cast(Floats, pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _if_all_are_numbers(array: pa.Array) -> Floats | None:
    """Texts that Arrow can read as numbers, which is much faster than one by one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from tasks.data.conversion import MISSING

    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        return None
    nothing = pc.is_in(array, value_set=pa.array(sorted(MISSING), array.type))
    try:
        trimmed = pc.utf8_trim_whitespace(pc.if_else(nothing, pa.scalar(None, array.type), array))
        return cast(Floats, trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None


def _seconds(column: AnyColumn) -> Floats:
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.Series) and not is_of_arrow(column):
        if column.dtype.kind == "M":
            moments = pd.to_datetime(column, utc=True)
            microseconds = moments.to_numpy(dtype="datetime64[us]").astype(np.int64)
            return np.where(moments.isna().to_numpy(), np.nan, microseconds / 1e6)
        if isinstance(column.dtype, pd.CategoricalDtype):
            return _by_category(column, _seconds)
        if not pd.api.types.is_numeric_dtype(column.dtype):
            return _read(*distinct_objects(column), _moment_of_object, _A_DATE) / 1e6
    array = as_arrow(column)
    if pa.types.is_dictionary(array.type):
        return _by_entry(array, _seconds)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        zone = array.type.tz if pa.types.is_timestamp(array.type) else None
        in_microseconds = array.cast(pa.timestamp("us", zone), safe=False)
        seconds = in_microseconds.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) / 1e6
        return np.where(array.is_null().to_numpy(zero_copy_only=False), np.nan, seconds)
    from tasks.data.conversion import moment_of

    return _read_texts(array, moment_of, _A_DATE) / 1e6


def _characters(column: AnyColumn) -> Floats:
    import pandas as pd

    if isinstance(column, pd.Series) and isinstance(column.dtype, pd.StringDtype):
        return cast(Floats, column.str.len().to_numpy(dtype=np.float64, na_value=np.nan))
    texts, positions = level_positions(column)
    return np.array([*map(len, texts), np.nan], dtype=np.float64)[positions]


_A_NUMBER, _A_DATE = "a number", "an ISO date like 2017-06-30"


def _nothing_or_refuse(nothing: bool, rows: int, kind: object) -> Floats:
    if not nothing:
        raise TypeError(f"it holds {kind}")
    return np.full(rows, np.nan)


def _read_texts(array: pa.Array, read: Callable[[Any], float | None], what: str) -> Floats:
    from tasks.data.conversion import distinct_values

    return _read(*distinct_values(array), read, what)


def _read(
    values: Sequence[object], positions: NDArray[np.int64], read: Callable[[Any], float | None], what: str
) -> Floats:
    """Read each distinct value once, NaN where there is none."""
    from tasks.data.conversion import shortened

    numbers = [read(value) for value in values]
    wrong = [shortened(str(value)) for value, number in zip(values, numbers, strict=True) if number is None]
    if wrong:
        raise ValueError(f"{min(wrong)} is not {what}")
    of_value = np.array([*numbers, np.nan], dtype=np.float64)
    return of_value[positions]


def _number_of_object(value: object) -> float | None:
    from tasks.data.conversion import MISSING, number_of

    if isinstance(value, str) and value in MISSING:
        return np.nan
    try:
        return None if isinstance(value, np.datetime64 | np.timedelta64) else number_of(value)
    except (TypeError, ValueError, ArithmeticError):  # a list, a text in bytes, an integer beyond any float
        return None


def _moment_of_object(value: object) -> float | None:
    from tasks.data.conversion import MISSING, moment_of

    return np.nan if isinstance(value, str) and value in MISSING else moment_of(value)


def _by_category(column: Any, encode: Callable[[AnyColumn], Floats]) -> Floats:
    import pandas as pd

    codes = column.cat.codes.to_numpy()
    return _spread(codes, len(column.cat.categories), lambda used: encode(pd.Series(column.cat.categories[used])))


def _by_entry(array: pa.DictionaryArray, encode: Callable[[AnyColumn], Floats]) -> Floats:
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return _spread(codes, len(array.dictionary), lambda used: encode(array.dictionary.take(used)))


def _spread(codes: NDArray[Any], entries: int, encode: Callable[[NDArray[np.intp]], Floats]) -> Floats:
    """Encode the entries of a dictionary that rows have, and spread them over the rows."""
    used = np.flatnonzero(np.bincount(codes.astype(np.int64) + 1, minlength=entries + 1)[1:])
    of_entry: Floats = np.full(entries + 1, np.nan)
    of_entry[used] = encode(used)
    return of_entry[codes.astype(np.int64)]
