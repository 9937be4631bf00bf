"""Arrow columns made into what driftgate computes with. CSV and Parquet meet here, so that both read alike."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as type_is

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling
from tasks.data.schema import canonical_label
from tasks.data.sources import Source

MISSING: Final = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
"""Texts that mean that there is no value."""

MOMENT: Final = pa.timestamp("us", "UTC")

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TRUTH: Final = {"true": 1.0, "false": 0.0}
_ZERO_FRACTION: Final = re.compile(r"\.0+$")
_EXPECTED: Final = {Handling.NUMERICAL: "a number", Handling.DATE: "an ISO date like 2017-06-30"}

Found = TypeVar("Found", int, float)


def convert(source: Source, name: str, handling: Handling, column: pa.ChunkedArray, first_row: int) -> pa.Array:
    """One column of a chunk, in the type of its handling.

    Args:
        source: Where it comes from, for the error.
        name: Of the column.
        handling: NUMERICAL gives float64, DATE timestamps in UTC (those without zone count as UTC), CATEGORICAL and
            TEXT canonical text, IGNORED text as it is written; null is missing.
        column: n values, of any type.
        first_row: 1-based data row of the first value.

    Returns:
        n values.

    Raises:
        SchemaMismatch: the first value that is no number or no date, or is infinite, with its row.
    """
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], array.type)
    if type_is.is_dictionary(array.type):
        array = array.dictionary_decode()
    if handling is Handling.NUMERICAL:
        return _numbers(source, name, array, first_row)
    if handling is Handling.DATE:
        return _moments(source, name, array, first_row)
    levels, positions = distinct_values(array)
    write = str if handling is Handling.IGNORED else canonical_label
    return _spread([write(level) for level in levels], positions, pa.string())


def distinct_values(array: pa.Array) -> tuple[list[Any], np.ndarray]:
    """The values that occur, and for every row which of them it has.

    Returns:
        Numbers and truth values as they are, everything else as text, nothing missing among them; and n positions
        in that list, int64, -1 where the value is missing.

    Example:
        >>> levels, positions = distinct_values(pa.array(["b", "NA", "b", None]))
        >>> levels, positions.tolist()
        (['b'], [0, -1, 0, -1])
    """
    encoded = _plain(array).dictionary_encode()
    positions = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    # NumPy's scalars, because a float32 is written with its own digits and not with those of the nearest float64.
    floating = type_is.is_floating(encoded.dictionary.type)
    values = list(encoded.dictionary.to_numpy()) if floating else encoded.dictionary.to_pylist()
    present = [value not in MISSING if isinstance(value, str) else value == value for value in values]  # noqa: PLR0124
    if all(present):
        return values, positions
    renumbered = np.append(np.where(present, np.cumsum(present) - 1, -1), -1)
    return [value for value, there in zip(values, present, strict=True) if there], renumbered[positions]


def number_of(value: object) -> float | None:
    """The number that a value is or that its text writes, possibly infinite; ``None`` when it is none.

    Example:
        >>> [number_of(value) for value in (" 5", "1e3", "True", "inf", "5 kg", "1_000")]
        [5.0, 1000.0, 1.0, inf, None, None]
    """
    if isinstance(value, str):
        text = value.strip()
        if "_" in text:  # Python's way to group digits, which nobody else's files mean.
            return None
        try:
            return float(text)
        except ValueError:
            return _TRUTH.get(text.lower())
    return float(value)  # type: ignore[arg-type]


def moment_of(value: object) -> int | None:
    """Microseconds since 1970 in UTC of an ISO date or time; ``None`` when it is none.

    Example:
        >>> [moment_of(value) for value in ("1970-01-02", "1970-01-01T01:00:00+01:00", "yesterday")]
        [86400000000, 0, None]
    """
    try:
        moment = datetime.fromisoformat(str(value).strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return (moment - _BEGINNING) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None


def _plain(array: pa.Array) -> pa.Array:
    """The same values in a type that can be encoded: numbers and truth values as they are, the rest as text."""
    kind = array.type
    if type_is.is_dictionary(kind):
        return _plain(array.dictionary_decode())
    if type_is.is_integer(kind) or type_is.is_boolean(kind) or type_is.is_float64(kind) or type_is.is_float32(kind):
        return array
    if type_is.is_float16(kind):
        return array.cast(pa.float32())
    if type_is.is_timestamp(kind):
        return _timestamp_texts(array)
    try:
        return array.cast(pa.string())
    except pa.ArrowException:  # Lists, structures, bytes that are no text.
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())


def _timestamp_texts(array: pa.Array) -> pa.Array:
    """Timestamps as pandas writes them to CSV: no zero fractions, the zone as +00:00."""
    zone = "" if array.type.tz is None else "+00:00"
    texts = array.cast(pa.timestamp("us"), safe=False).cast(pa.string()).to_pylist()
    return pa.array([None if text is None else _ZERO_FRACTION.sub("", text) + zone for text in texts], pa.string())


def _numbers(source: Source, name: str, array: pa.Array, first_row: int) -> pa.Array:
    kind = array.type
    if type_is.is_temporal(kind) or type_is.is_nested(kind):
        raise SchemaMismatch(
            source.path, name, f"it holds {kind} where numbers are needed",
            "write numbers, or change its handling under features.handling",
        )  # fmt: skip
    if type_is.is_integer(kind) or type_is.is_floating(kind) or type_is.is_boolean(kind):
        if type_is.is_boolean(kind):
            array = array.cast(pa.uint8())
        numbers = array.cast(pa.float64(), safe=False)
        values = numbers.to_numpy(zero_copy_only=False)
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise _infinite(source, name, str(values[infinite[0]]), first_row + int(infinite[0]))
        return pa.array(values, pa.float64(), from_pandas=True)
    texts = _plain(array)
    try:
        numbers = pc.utf8_trim_whitespace(texts).cast(pa.float64())
        if bool(pc.all(pc.is_finite(numbers).fill_null(True)).as_py() in (True, None)):
            return numbers
    except pa.ArrowInvalid:
        pass  # Some value needs a closer look, or is no number; the slow way tells which.
    levels, positions = distinct_values(texts)
    found: list[float] = _each(source, name, Handling.NUMERICAL, levels, positions, first_row, number_of)
    infinite_levels = {number for number, value in enumerate(found) if math.isinf(value)}
    for position, level in enumerate(positions if infinite_levels else ()):
        if int(level) in infinite_levels:
            raise _infinite(source, name, str(levels[level]), first_row + position)
    return _spread([None if math.isnan(value) else value for value in found], positions, pa.float64())


def _infinite(source: Source, name: str, value: str, row: int) -> SchemaMismatch:
    return SchemaMismatch(
        source.path, name, f"the value {value!r} is infinite", "write a number, or leave it empty", row
    )


def _moments(source: Source, name: str, array: pa.Array, first_row: int) -> pa.Array:
    if type_is.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(MOMENT)
    if type_is.is_date(array.type):
        return array.cast(pa.timestamp("us")).cast(MOMENT)
    levels, positions = distinct_values(array)
    moments: list[int] = _each(source, name, Handling.DATE, levels, positions, first_row, moment_of)
    return _spread(moments, positions, pa.int64()).cast(MOMENT)


def _each(
    source: Source,
    name: str,
    handling: Handling,
    levels: Sequence[object],
    positions: np.ndarray,
    first_row: int,
    read: Callable[[object], Found | None],
) -> list[Found]:
    found: list[Found | None] = [read(level) for level in levels]
    wrong = np.flatnonzero(np.array([*(value is None for value in found), False])[positions])
    if wrong.size:
        value = str(levels[positions[wrong[0]]])
        raise SchemaMismatch(
            source.path,
            name,
            f"{shortened(value)} is not {_EXPECTED[handling]}",
            "correct the value, or change the column's handling under features.handling",
            first_row + int(wrong[0]),
        )
    return [value for value in found if value is not None]


def shortened(value: str) -> str:
    """A value in quotes, cut when it is long."""
    return repr(value if len(value) <= 60 else value[:59] + "…")


def _spread(levels: Sequence[object], positions: np.ndarray, kind: pa.DataType) -> pa.Array:
    """For every row its level; null where the position is -1."""
    indices = pa.array(positions, pa.int64(), mask=positions < 0)
    return pa.array(levels, kind).take(indices)
