"""The first bytes of a file: the names of its columns, and what is wrong when they can't be read."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from governance.errors import UnreadableFile

_STRETCH_BYTES: Final = 1 << 20


def csv_header(path: Path, separator: str) -> list[str]:
    """The first record of a CSV file, without a byte order mark.

    Raises:
        UnreadableFile: the file has only empty lines, is not UTF-8, or its first record has no end.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next((record for record in csv.reader(file, delimiter=separator) if record), None)
    except UnicodeDecodeError as error:
        raise not_utf8(path) from error
    except csv.Error as error:
        raise UnreadableFile(path, f"its header can't be read ({error})", "write a header in the first line") from error
    if header is None:
        raise UnreadableFile(path, "it is empty", "write it again, with a header and at least one row")
    return header


def parquet_header(path: Path) -> list[str]:
    """The names of the columns of a Parquet file. Raises :class:`UnreadableFile`."""
    try:
        with pq.ParquetFile(path) as file:
            return [str(name) for name in file.schema_arrow.names]
    except (pa.ArrowException, OSError) as error:
        raise not_parquet(path, error) from error


def not_parquet(path: Path, error: Exception) -> UnreadableFile:
    """What to say of a Parquet file that can't be read to its end."""
    reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".") if str(error) else type(error).__name__
    return UnreadableFile(
        path, f"it is truncated, damaged or not Parquet ({reason})", "write it again, or copy it again to its end"
    )


def not_utf8(path: Path) -> UnreadableFile:
    """What to say of a text file that is not UTF-8: where the first wrong byte is."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = passed = 0
    with path.open("rb") as file:
        while True:
            stretch = file.read(_STRETCH_BYTES)
            kept = len(decoder.getstate()[0])
            try:
                decoder.decode(stretch, final=not stretch)
            except UnicodeDecodeError as error:
                # The decoder counts from the bytes it had kept of the stretch before.
                offset = passed - kept + error.start
                line = lines + stretch[: max(0, error.start - kept)].count(b"\n") + 1
                byte = error.object[error.start]
                return UnreadableFile(
                    path, f"it is not UTF-8: byte {offset:,} (0x{byte:02x}) in line {line:,}", "save it as UTF-8"
                )
            if not stretch:
                return UnreadableFile(path, "it is not UTF-8", "save it as UTF-8")
            passed += len(stretch)
            lines += stretch.count(b"\n")
