"""Columns as counted levels, whatever they came as: pandas or Arrow, typed or not."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

AnyColumn: TypeAlias = Any
"""A Series of pandas, or an Array or ChunkedArray of Arrow, which ships no types."""


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

    values, codes = distinct(column)
    code_of: dict[str, int] = {}
    code_by_value = np.empty(len(values) + 1, dtype=np.int64)
    code_by_value[-1] = -1  # where the code -1 of a missing value leads
    for position, value in enumerate(values):
        text = canonical_label(value)
        code_by_value[position] = -1 if text in MISSING else code_of.setdefault(text, len(code_of))
    if np.array_equal(code_by_value, np.append(np.arange(len(values)), -1)):
        return list(code_of), codes
    return list(code_of), code_by_value[codes]


def distinct(column: AnyColumn) -> tuple[list[Any], NDArray[np.int64]]:
    """The values that occur in a column, as they are, and for every row which of them it has.

    Returns:
        Values, none of them missing; numbers as NumPy's scalars, because a float32 is written with its own digits.
        And shape (n,), the position in them, -1 where the value is missing.
    """
    import pandas as pd
    import pyarrow as pa

    from tasks.data.conversion import distinct_values

    if isinstance(column, pd.Series):
        kind = column.dtype
        if isinstance(kind, pd.CategoricalDtype):
            return _by_code(distinct(pd.Series(column.cat.categories)), column.cat.codes.to_numpy())
        plain: Any = getattr(cast(Any, kind), "numpy_dtype", kind)  # of Int64 and the like, which know missing values
        if plain in _NUMBERS and not isinstance(kind, pd.ArrowDtype):
            codes, values = pd.factorize(column, use_na_sentinel=True)
            return list(np.asarray(values, dtype=plain)), codes.astype(np.int64)
        if not is_of_arrow(column) and kind.kind not in "mM":
            return distinct_objects(column)
    array = as_arrow(column)
    if pa.types.is_large_string(array.type):  # the texts of pandas; the others are made shorter one by one
        array = array.dictionary_encode()
    if not pa.types.is_dictionary(array.type):
        return distinct_values(array)
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return _by_code(distinct_values(array.dictionary), codes)


_NUMBERS = frozenset(map(np.dtype, ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]))


def distinct_objects(column: pd.Series) -> tuple[list[Any], NDArray[np.int64]]:
    """As :func:`distinct`, for values of any types: 1, 1.0, True and "1" are four, which pandas would take for two."""
    codes: dict[Hashable, int] = {}
    values: list[Any] = []
    positions = np.empty(len(column), dtype=np.int64)
    for row, value in enumerate(column):
        if _is_missing(value):
            positions[row] = -1
            continue
        # What can't be a key is told apart by its text, which is what becomes of it in the end.
        key = (type(value), value if isinstance(value, Hashable) else str(value))
        try:
            code = codes.setdefault(key, len(values))
        except TypeError:  # a tuple of lists calls itself hashable
            code = codes.setdefault((type(value), str(value)), len(values))
        if code == len(values):
            values.append(value)
        positions[row] = code
    return values, positions


def is_of_arrow(column: pd.Series) -> bool:
    """Whether a Series of pandas holds an array of Arrow."""
    import pandas as pd

    kind = column.dtype
    return isinstance(kind, pd.ArrowDtype) or (isinstance(kind, pd.StringDtype) and kind.storage == "pyarrow")


def as_arrow(column: AnyColumn) -> pa.Array:
    """A column as one array of Arrow; a chunked one of dictionaries gets one dictionary."""
    import pandas as pd
    import pyarrow as pa

    if isinstance(column, pd.Series):
        column = cast(Any, column.array)._pa_array if is_of_arrow(column) else pa.Array.from_pandas(column)
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


def _by_code(levels: tuple[list[Any], NDArray[np.int64]], codes: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Rows that name an entry of a dictionary, of which each entry names a value."""
    values, of_entry = levels
    return values, np.append(of_entry, -1)[codes]


def _is_missing(value: object) -> bool:
    import pandas as pd

    return value is None or (pd.api.types.is_scalar(value) and bool(pd.isna(cast(Any, value))))
