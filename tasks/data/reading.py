"""Files as frames: typed by handling, in chunks, whatever the format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import SchemaMismatch, UnreadableFile
from governance.vocabulary import Handling
from tasks.data.batches import iterate_tables
from tasks.data.conversion import convert
from tasks.data.headers import not_parquet
from tasks.data.queries import Digest
from tasks.data.sources import Source, read_header, require_columns

CHUNK_ROWS: Final = 65_536


def iterate_chunks(
    source: Source,
    columns: Mapping[str, Handling],
    *,
    chunk_rows: int = CHUNK_ROWS,
    digest: Digest | None = None,
) -> Iterator[pd.DataFrame]:
    """Stream a file or a query, typed. The header is looked at at once, the rows as they are asked for.

    Args:
        source: The file.
        columns: The columns wanted, and as what.
        chunk_rows: Rows per frame, at least 1; memory is bounded by them.
        digest: Is fed every row of a query, with all its columns.

    Returns:
        Frames with the columns in the order asked for: NUMERICAL float64, DATE ``datetime64[us, UTC]``, all others
        ``str``; NaN (NaT) is missing, as are the texts in :data:`tasks.data.conversion.MISSING`. The index is the
        position in the file, from 0, so that row = index + 1.

    Raises:
        UnreadableFile: absent, empty, without rows, ragged, truncated, or not UTF-8.
        SchemaMismatch: a column is missing or doubled; or a value is not what its column holds, with its row.
    """
    header = _checked_header(source, columns, chunk_rows)
    return _typed_chunks(source, dict(columns), list(columns) or header[:1], chunk_rows, digest)


def _checked_header(source: Source, columns: Mapping[str, Handling], chunk_rows: int) -> list[str]:
    if chunk_rows < 1:
        raise ValueError(f"chunk_rows is {chunk_rows}: take at least 1")
    header = read_header(source)
    require_columns(source, header, columns)
    return header


def _typed_chunks(
    source: Source, columns: Mapping[str, Handling], names: list[str], chunk_rows: int, digest: Digest | None
) -> Iterator[pd.DataFrame]:
    start = 0
    for table in iterate_tables(source, names, chunk_rows, digest):
        frame = _typed(source, columns, table, start)
        start += table.num_rows
        yield frame
    if start == 0:
        raise without_rows(source)


def iterate_with_originals(
    source: Source, columns: Mapping[str, Handling], *, chunk_rows: int = CHUNK_ROWS
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """Stream a file twice in one pass: as it is, and typed.

    Args:
        source: The file.
        columns: The columns wanted typed, and as what.
        chunk_rows: Rows per pair of frames, at least 1.

    Returns:
        Pairs of frames with the same rows and the same index. The first has every column of the file as it is
        written: CSV as text, also what means missing; Parquet in its own types, so that integers with missing values
        stay integers. The second is what :func:`iterate_chunks` gives.

    Raises:
        UnreadableFile, SchemaMismatch: as :func:`iterate_chunks`.
    """
    header = _checked_header(source, columns, chunk_rows)
    return _pairs(source, dict(columns), header, chunk_rows)


def _pairs(
    source: Source, columns: Mapping[str, Handling], header: list[str], chunk_rows: int
) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    start = 0
    for table in iterate_tables(source, header, chunk_rows):
        # ArrowDtype, because pandas' own integers can't be missing.
        original = table.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
        frame = _typed(source, columns, table, start)
        original.index = frame.index
        start += table.num_rows
        yield original, frame
    if start == 0:
        raise without_rows(source)


def without_rows(source: Source) -> UnreadableFile:
    """What to say of a file with a header and nothing else."""
    return UnreadableFile(source.path, "it has a header but no rows", "write at least one row")


def _typed(source: Source, columns: Mapping[str, Handling], table: pa.Table, start: int) -> pd.DataFrame:
    arrays: dict[str, pa.Array] = {}
    problems: list[SchemaMismatch] = []
    for name, handling in columns.items():
        try:
            arrays[name] = convert(source, name, handling, table.column(name), start + 1)
        except SchemaMismatch as problem:
            problems.append(problem)
    if problems:  # The first row of the file, so that the chunk size does not decide which error is told.
        raise min(problems, key=lambda problem: problem.row or 0)
    frame: pd.DataFrame = pa.table(arrays).to_pandas() if arrays else pd.DataFrame(index=range(table.num_rows))
    frame.index = pd.RangeIndex(start, start + table.num_rows)
    return frame


def read_frame(source: Source, columns: Mapping[str, Handling], digest: Digest | None = None) -> pd.DataFrame:
    """All rows of a file or a query at once, as by :func:`iterate_chunks`, which says what is taken and raised."""
    return pd.concat(list(iterate_chunks(source, columns, digest=digest)))


def count_rows(source: Source) -> int:
    """Number of data rows, 0 if there is only a header; a chunk of one column is in memory at a time.

    Raises:
        UnreadableFile: absent, empty, ragged, truncated, or not UTF-8.
        SchemaMismatch: two columns have the same name.
    """
    header = read_header(source)
    if source.format == "parquet":
        try:
            return int(pq.read_metadata(source.path).num_rows)
        except (pa.ArrowException, OSError) as error:
            raise not_parquet(source.path, error) from error
    return sum(table.num_rows for table in iterate_tables(source, header[:1], CHUNK_ROWS))
