"""Files and queries as streams of Arrow batches of a given size: Parquet in its own types, all others as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from governance.errors import UnreadableFile
from tasks.data.headers import not_parquet, not_utf8
from tasks.data.queries import Digest, query_batches
from tasks.data.sources import Source

_BLOCK_BYTES: Final = 1 << 20
"""How much of a CSV file, or of a column of a Parquet file, is read at once; also the longest row of CSV that can be read.
Arrow reads up to 32 of them ahead."""


def iterate_tables(
    source: Source, names: Sequence[str], chunk_rows: int, digest: Digest | None = None
) -> Iterator[pa.Table]:
    """Stream some columns of a file or of a query.

    Args:
        source: A file whose header has been read.
        names: The columns wanted; each is in the file.
        chunk_rows: Rows per table, at least 1; the last table may have fewer. At no time are there more rows in
            memory than these and the blocks of the file that are read ahead.
        digest: Is fed every row of a query, with all its columns. Files are hashed by their bytes.

    Yields:
        Tables with the columns in the order of ``names``: of text for CSV and queries, of the file's own types for
        Parquet.

    Raises:
        UnreadableFile: ragged rows, bytes that are not UTF-8, pages that are damaged, a database that says no.
    """
    batches = _batches(source, names, chunk_rows, digest)
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows < chunk_rows:
            continue
        table = pa.Table.from_batches(waiting)
        whole = rows - rows % chunk_rows
        for start in range(0, whole, chunk_rows):
            yield table.slice(start, chunk_rows).select(list(names))
        rows -= whole
        waiting = table.slice(whole).to_batches() if rows else []
    if rows:
        yield pa.Table.from_batches(waiting).select(list(names))


def _batches(source: Source, names: Sequence[str], chunk_rows: int, digest: Digest | None) -> Iterator[pa.RecordBatch]:
    if source.query is not None:
        return query_batches(source.query, names, chunk_rows, digest)
    return _parquet_batches(source, names, chunk_rows) if source.format == "parquet" else _csv_batches(source, names)


def _csv_batches(source: Source, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    ragged: list[pyarrow.csv.InvalidRow] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    try:
        with (
            pa.OSFile(str(source.path)) as file,
            pyarrow.csv.open_csv(
                file,
                # Only without threads does a ragged row know its number.
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=source.separator, newlines_in_values=True, invalid_row_handler=note
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(names), column_types=dict.fromkeys(names, pa.string())
                ),
            ) as reader,
        ):
            yield from reader
    except (pa.ArrowException, OSError) as error:
        if "Empty CSV file" in str(error):  # A header without even a line end: there are no rows.
            return
        raise _csv_problem(source, error, ragged) from error


def _csv_problem(source: Source, error: Exception, ragged: Sequence[pyarrow.csv.InvalidRow]) -> UnreadableFile:
    if ragged:
        row = ragged[0]
        return UnreadableFile(
            source.path,
            # Arrow counts the header as the first row.
            f"row {row.number - 1:,} has {row.actual_columns} values where the header has {row.expected_columns} names",
            f"correct the row, and quote values that contain {source.separator!r} or a line end",
        )
    if "UTF8" in str(error):
        return not_utf8(source.path)
    if "straddling" in str(error):
        return UnreadableFile(
            source.path,
            f"it has a row of more than {_BLOCK_BYTES >> 20} MiB",
            "look for a quote that is opened and never closed",
        )
    return UnreadableFile(source.path, f"it is not CSV ({error})", "write it again")


def _parquet_batches(source: Source, names: Sequence[str], chunk_rows: int) -> Iterator[pa.RecordBatch]:
    try:
        # So that pages are read as they are needed, and neither a row group nor a column of it at once.
        with pq.ParquetFile(source.path, pre_buffer=False, buffer_size=_BLOCK_BYTES) as file:
            yield from file.iter_batches(batch_size=chunk_rows, columns=list(names))
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(source.path, error) from error
