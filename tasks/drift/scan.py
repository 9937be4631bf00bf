"""Current rows from a frame or a file, counted column by column on all cores, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Final, cast

from governance.vocabulary import Handling
from tasks.data.telling import Progress, say_nothing
from tasks.drift.cores import on_all_cores
from tasks.drift.required import CURRENT, column_names, require_features, require_once
from tasks.drift.tallies import ColumnTally, CurrentColumns, OrderedTally

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tasks.data.sources import Source
    from tasks.drift.profile import ReferenceProfile

BATCH_ROWS: Final = 131_072
"""Rows of one column that are decoded at a time; memory is bounded by them."""

_AS_LEVELS: Final = frozenset({Handling.CATEGORICAL, Handling.TEXT})
"""Columns that are read as dictionaries: each level once, and numbers for the rows."""

Counted = tuple[str, ColumnTally]


def scan_frame(
    profile: ReferenceProfile, frame: pd.DataFrame, *, threads: int | None = None, progress: Progress | None = None
) -> CurrentColumns:
    """Count a frame for a profile, its columns side by side on all cores.

    Args:
        profile: What the rows will be compared with.
        frame: As ``tasks/data/reading.py`` types it; of its columns only the profiled ones are looked at.
        threads: How many; default: as many as there are cores. The counts don't depend on it.
        progress: Told what is being done and the share of it, 0 to 1.

    Raises:
        SchemaMismatch: a feature is missing, or a feature or a prediction is doubled.

    >>> import pandas as pd
    >>> from tasks.drift.profile import ReferenceProfile, fit_column
    >>> profile = ReferenceProfile(2, {"age": fit_column("age", Handling.NUMERICAL, pd.Series([1.0, 2.0]))}, {})
    >>> scan_frame(profile, pd.DataFrame({"age": [1.0, 3.0], "noise": [0, 0]})).rows
    2
    """
    current = CurrentColumns(profile)
    names = column_names(frame)
    require_features(CURRENT, names, current.columns)
    require_once(CURRENT, names, [*current.columns, *current.predictions])
    found = _tallies(current, names)
    _count_each(lambda each: _count_and_sort(each[1], frame[each[0]]), found, threads, progress)
    current.count_rows(len(frame))
    return current


def scan_file(
    profile: ReferenceProfile, source: Source, *, threads: int | None = None, progress: Progress | None = None
) -> CurrentColumns:
    """Count a file for a profile in one pass, whatever its format.

    Args:
        profile: What the rows will be compared with.
        source: The file, or the query. Parquet is read column by column, anything else chunk by chunk; values that
            are not what their column should hold make that column a problem, and no other.
        threads: How many columns are counted at a time; default: as many as there are cores.
        progress: Told what is being done and the share of it, if it is known.

    Raises:
        UnreadableFile: absent, empty, ragged, truncated, or not in its format.
        SchemaMismatch: a feature is missing or a column doubled.
    """
    if source.format == "parquet":
        return scan_parquet(profile, source, threads=threads, progress=progress)
    from tasks.data.batches import iterate_tables

    tell = progress or say_nothing
    current, names = _begin(profile, source)
    found = _tallies(current, names)
    # Of no column: the first one says how many rows there are.
    read = list(dict.fromkeys(name for name, _ in found)) or names[:1]
    for table in iterate_tables(source, read, BATCH_ROWS):
        _count_each(_from(table), found, threads, None)
        current.count_rows(table.num_rows)
        tell(f"counting current values, {current.rows:,} rows so far", None)
    return current


def _count_and_sort(tally: ColumnTally, column: pd.Series) -> None:
    """Sorting is most of what exact statistics take, and can be done side by side: here, before they ask for it."""
    tally.add(column)
    if isinstance(tally, OrderedTally) and tally.exact:
        tally.sorted_values()


def _from(table: pa.Table) -> Callable[[Counted], None]:
    return lambda each: each[1].add(table.column(each[0]))


def _begin(profile: ReferenceProfile, source: Source) -> tuple[CurrentColumns, list[str]]:
    """Nothing counted yet, and the columns of the file, which has every feature."""
    from tasks.data.sources import read_header, require_columns

    names = read_header(source)
    current = CurrentColumns(profile)
    require_columns(source, names, current.columns)
    return current, names


def scan_parquet(
    profile: ReferenceProfile, source: Source, *, threads: int | None = None, progress: Progress | None = None
) -> CurrentColumns:
    """Count a Parquet file for a profile: each column by itself, batch by batch, and no column that is not profiled.

    Args:
        profile: What the rows will be compared with.
        source: The file.
        threads: How many columns are read at a time; default: as many as there are cores.
        progress: Told what is being done and the share of it, 0 to 1.

    Raises:
        UnreadableFile: absent, empty, or not Parquet.
        SchemaMismatch: a feature is missing or doubled.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tasks.data.headers import not_parquet

    current, names = _begin(profile, source)
    found = _tallies(current, names)
    try:
        metadata = pq.read_metadata(source.path)
        as_levels = [name for name, tally in found if tally.profile.handling in _AS_LEVELS]
        with closing(_OpenFiles(source, metadata, as_levels)) as files:
            _count_each(files.read, found, threads, progress)
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(source.path, error) from error
    current.count_rows(metadata.num_rows)
    return current


def _tallies(current: CurrentColumns, names: list[str]) -> list[Counted]:
    """Columns that are to be counted, the slow ones first, so that no core is left with one at the end."""
    wanted = [*current.columns.items(), *((n, t) for n, t in current.predictions.items() if n in names)]
    return sorted(wanted, key=lambda each: each[1].profile.handling not in _AS_LEVELS)


class _OpenFiles:
    """A Parquet file, opened once by each thread that reads it: opening it costs more than a short column does."""

    def __init__(self, source: Source, metadata: pq.FileMetaData, as_levels: list[str]) -> None:
        self._source, self._metadata, self._as_levels = source, metadata, as_levels
        self._of_thread = threading.local()
        self._opened: list[pq.ParquetFile] = []

    def read(self, column: Counted) -> None:
        """Count one column, batch by batch."""
        name, tally = column
        for batch in self._of_this_thread().iter_batches(BATCH_ROWS, columns=[name], use_threads=False):
            tally.add(batch.column(0))

    def close(self) -> None:
        """Close what any thread has opened."""
        for file in self._opened:
            file.close()

    def _of_this_thread(self) -> pq.ParquetFile:
        if not hasattr(self._of_thread, "file"):
            import pyarrow.parquet as pq

            self._of_thread.file = pq.ParquetFile(
                self._source.path, metadata=self._metadata, read_dictionary=self._as_levels, pre_buffer=False
            )
            self._opened.append(self._of_thread.file)
        return cast("pq.ParquetFile", self._of_thread.file)


def _count_each(
    count: Callable[[Counted], None], columns: list[Counted], threads: int | None, progress: Progress | None
) -> None:
    tell = progress or say_nothing
    for done, _ in enumerate(on_all_cores(count, columns, threads), start=1):
        tell("counting current values", done / len(columns))
