"""Columns as numbers or as counted levels, whatever they came as: pandas or Arrow, typed or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from governance.vocabulary import Handling
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

AnyColumn: TypeAlias = Any
"""A Series of pandas, or an Array or ChunkedArray of Arrow, which ships no types."""


def ordered_values(column: AnyColumn, handling: Handling) -> Floats:
    """A column that has an order, as numbers.

    Args:
        column: n values, of any type.
        handling: NUMERICAL gives the number, DATE the seconds since 1970 (no zone counts as UTC), TEXT the number of
            characters.

    Returns:
        Shape (n,), NaN missing; infinite numbers stay.

    Raises:
        ValueError, TypeError: a value is not what the handling says.

    >>> import pandas as pd
    >>> ordered_values(pd.Series([1, None], dtype="Int64"), Handling.NUMERICAL).tolist()
    [1.0, nan]
    """
    encode = {Handling.NUMERICAL: _numbers, Handling.DATE: _seconds, Handling.TEXT: _characters}[handling]
    return encode(column)


def counted_levels(column: AnyColumn) -> tuple[dict[str, int], int]:
    """The levels of a column with their rows, and the rows that are missing.

    Args:
        column: n values, of any type. Dictionary arrays are counted by code.

    Returns:
        Canonical text of each level: its rows; and the number of missing rows. Texts that mean that there is no value
        (:data:`tasks.data.conversion.MISSING`) count as missing.

    >>> import pyarrow as pa
    >>> counted_levels(pa.array(["b", None, "a", "b"]))
    ({'b': 2, 'a': 1}, 1)
    """
    texts, positions = level_positions(column)
    counts = np.bincount(positions + 1, minlength=len(texts) + 1)
    found = {text: int(rows) for text, rows in zip(texts, counts[1:], strict=True) if rows}
    return found, int(counts[0])


def level_positions(column: AnyColumn) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct levels of a column in canonical text, and for every row which of them it has.

    Returns:
        The texts, each once; and shape (n,), the position in them, -1 where the value is missing.

    >>> import pandas as pd
    >>> texts, positions = level_positions(pd.Series([2.0, None, 2.0]))
    >>> texts, positions.tolist()
    (['2'], [0, -1, 0])
    """
    from tasks.data.conversion import MISSING
    from tasks.data.schema import canonical_label

    values, codes = _factorized(column)
    code_of: dict[str, int] = {}
    code_by_value = np.empty(len(values) + 1, dtype=np.int64)
    code_by_value[-1] = -1  # where the code -1 of a missing value leads
    for position, value in enumerate(values):
        text = None if _is_missing(value) else canonical_label(value)
        missing = text is None or text in MISSING
        code_by_value[position] = -1 if missing else code_of.setdefault(cast(str, text), len(code_of))
    if np.array_equal(code_by_value, np.append(np.arange(len(values)), -1)):
        return list(code_of), codes
    return list(code_of), code_by_value[codes]


def _is_missing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124


def _factorized(column: AnyColumn) -> tuple[list[Any], NDArray[np.int64]]:
    """Distinct values as they are, and positions in them with -1 for what is missing."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.Series):
        if isinstance(column.dtype, pd.StringDtype) and column.dtype.storage == "pyarrow":
            column = cast(Any, column.array)._pa_array
        elif isinstance(column.dtype, pd.CategoricalDtype):
            return column.cat.categories.tolist(), column.cat.codes.to_numpy().astype(np.int64)
        else:
            codes, values = pd.factorize(column, use_na_sentinel=True)
            # NumPy's scalars stay: a float32 is written with its own digits.
            return list(values), codes.astype(np.int64)
    array = one_array(column)
    if not pa.types.is_dictionary(array.type):
        from tasks.data.conversion import distinct_values

        return distinct_values(array)
    positions = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return array.dictionary.to_pylist(), positions


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A chunked column in one piece; of dictionary arrays with one dictionary."""
    import pyarrow as pa

    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    if not column.num_chunks:
        return pa.array([], column.type)
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    joined = column.combine_chunks()
    return joined.chunk(0) if isinstance(joined, pa.ChunkedArray) else joined


def _numbers(column: AnyColumn) -> Floats:
    import pandas as pd

    if isinstance(column, pd.Series):
        if column.dtype == np.float64:
            return cast(Floats, column.to_numpy())
        # object and nullable columns hold None, pd.NA and Decimal; what is no number raises and names its position
        return cast(Floats, pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan))
    import pyarrow as pa
    import pyarrow.compute as pc

    array = one_array(column)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _by_level(array, _numbers)
    if pa.types.is_temporal(kind) or pa.types.is_nested(kind):
        raise TypeError(f"it holds {kind}")
    if pa.types.is_boolean(kind):
        array = array.cast(pa.uint8())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _numbers_in_texts(array)
    elif pa.types.is_null(kind):
        return np.full(len(array), np.nan)
    return cast(Floats, pc.cast(array, pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _numbers_in_texts(array: pa.Array) -> Floats:
    from tasks.data.conversion import number_of

    return _read_texts(array, number_of, "a number")


def _read_texts(array: pa.Array, read: Callable[[object], float | None], what: str) -> Floats:
    """Read each distinct text once, NaN where there is none."""
    from tasks.data.conversion import distinct_values, shortened

    levels, positions = distinct_values(array)
    numbers = [read(level) for level in levels]
    for level, number in zip(levels, numbers, strict=True):
        if number is None:
            raise ValueError(f"{shortened(str(level))} is not {what}")
    of_level = np.array([*numbers, np.nan], dtype=np.float64)
    return cast(Floats, of_level[positions])


def _by_level(array: pa.DictionaryArray, encode: Any) -> Floats:
    """Encode the dictionary, and spread it over the rows."""
    of_level = np.append(encode(array.dictionary), np.nan)
    return cast(Floats, of_level[array.indices.fill_null(-1).to_numpy(zero_copy_only=False)])


def _seconds(column: AnyColumn) -> Floats:
    import pandas as pd

    if not isinstance(column, pd.Series):
        import pyarrow as pa

        array = one_array(column)
        if pa.types.is_dictionary(array.type):
            return _by_level(array, _seconds)
        if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
            zone = array.type.tz if pa.types.is_timestamp(array.type) else None
            moments = array.cast(pa.timestamp("us", zone), safe=False)
            seconds = moments.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False) / 1e6
            return np.where(array.is_null().to_numpy(zero_copy_only=False), np.nan, seconds)
        if pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type):
            raise TypeError(f"it holds {array.type}")
        from tasks.data.conversion import moment_of

        return _read_texts(array, moment_of, "an ISO date like 2017-06-30") / 1e6
    if pd.api.types.is_numeric_dtype(column.dtype):
        raise TypeError(f"it holds {column.dtype}")
    moments_here = pd.to_datetime(column, utc=True)
    microseconds = moments_here.to_numpy(dtype="datetime64[us]").astype(np.int64)
    return np.where(moments_here.isna().to_numpy(), np.nan, microseconds / 1e6)


def _characters(column: AnyColumn) -> Floats:
    import pandas as pd

    if isinstance(column, pd.Series):
        if column.isna().all():
            return np.full(len(column), np.nan)
        return cast(Floats, column.str.len().to_numpy(dtype=np.float64, na_value=np.nan))
    texts, positions = level_positions(column)
    return np.array([*map(len, texts), np.nan], dtype=np.float64)[positions]
