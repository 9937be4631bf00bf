"""Tables that leave: written chunk by chunk, and there only when they are whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import NotFound, UnreadableFile
from tasks.data.sources import ENDINGS, Format


class ScoredWriter:
    """Writes frames to one CSV or Parquet file.

    The bytes go to a hidden temporary name beside the file, are flushed to the disk, and take the file's name at the
    end, over a file that was there. After an exception nothing remains, and a file that was there is as it was. When
    no frame was written there is no file.

    Args:
        path: The file; its folder must exist.
        format: How to write it; by default as the ending says.
        separator: Between the columns of a CSV file; by default as the ending says.

    Raises:
        NotFound: the folder does not exist.
        UnreadableFile: no format is given and the ending tells none; or it can't be written, on opening, writing or
            closing.
        ValueError: a frame has other columns than the first.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     with ScoredWriter(Path(folder) / "scored.csv") as writer:
        ...         writer.write(pd.DataFrame({"prediction": ["late"]}))
        ...         writer.write(pd.DataFrame({"prediction": ["punctual"]}))
        ...     (Path(folder) / "scored.csv").read_text().split()
        ['prediction', 'late', 'punctual']
    """

    def __init__(self, path: Path, format: Format | None = None, separator: str | None = None) -> None:
        by_ending = ENDINGS.get(path.suffix.lower())
        if format is None and by_ending is None:
            raise UnreadableFile(
                path, f"its ending {path.suffix!r} tells no format", f"let it end in one of {', '.join(ENDINGS)}"
            )
        if not path.parent.is_dir():
            raise NotFound("folder", str(path.parent), (), "make it first")
        ending_format, ending_separator = by_ending or ("csv", ",")
        self.path = path
        self.rows = 0
        self._format: Format = format or ending_format
        self._separator = separator or ending_separator
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        self._columns: list[str] = []
        self._file: BinaryIO | None = None
        self._parquet: Any = None

    def __enter__(self) -> Self:
        with self._refused_by_the_system():
            self._file = self._temporary.open("xb")
        return self

    def write(self, frame: pd.DataFrame) -> None:
        """Add rows. The first frame decides the columns and, in Parquet, their types; the index is not written."""
        if self._file is None:
            raise ValueError(f"{self.path} is not open: write inside of 'with'")
        names = [str(name) for name in frame.columns]
        first = not self._columns
        if not first and names != self._columns:
            raise ValueError(f"{self.path}: the frame has the columns {names}, the first one had {self._columns}")
        self._columns = names
        self.rows += len(frame)
        with self._refused_by_the_system():
            if self._format == "parquet":
                self._write_parquet(self._file, frame)
            else:
                self._write_csv(self._file, frame, header=first)

    def _write_csv(self, file: BinaryIO, frame: pd.DataFrame, *, header: bool) -> None:
        frame.to_csv(
            file,
            index=False,
            header=header,
            sep=self._separator,
            encoding="utf-8",
            lineterminator="\n",
            # Always whole: pandas would leave out the time of day where a chunk has only midnights.
            date_format="%Y-%m-%dT%H:%M:%S.%f%z",
        )

    def _write_parquet(self, file: BinaryIO, frame: pd.DataFrame) -> None:
        if self._parquet is None:
            schema = pa.Schema.from_pandas(frame, preserve_index=False)
            texts = [pa.field(each.name, pa.string()) if pa.types.is_null(each.type) else each for each in schema]
            self._parquet = pq.ParquetWriter(file, pa.schema(texts))
        self._parquet.write_table(pa.Table.from_pandas(frame, schema=self._parquet.schema, preserve_index=False))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._refused_by_the_system():
                self._close(self._file, complete=kind is None and bool(self._columns))
        finally:
            self._file = self._parquet = None
            with suppress(OSError):  # a name that is too long, or a folder that went away: it never came to be
                self._temporary.unlink()

    @contextmanager
    def _refused_by_the_system(self) -> Iterator[None]:
        """What the system says no to, as one sentence about the file that was asked for."""
        try:
            yield
        except OSError as error:
            raise UnreadableFile(
                self.path,
                f"it can't be written ({error.strerror or error})",
                "make room on the disk, or name a place that you may write to",
            ) from error

    def _close(self, file: BinaryIO | None, *, complete: bool) -> None:
        if file is None:
            return
        with file:
            if self._parquet is not None:
                self._parquet.close()
            file.flush()
            os.fsync(file.fileno())
        if complete:
            self._temporary.replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
