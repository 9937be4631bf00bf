"""Rows of a database as streams of Arrow batches of text, as CSV gives them; the one door to databases that are not ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pyarrow as pa

from governance.errors import SchemaMismatch, UnreadableFile

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

_TRUTH: Final = {True: "true", False: "false"}


class Digest(Protocol):
    """A hash that is fed, such as those of ``hashlib``."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a database.

    Args:
        name: As people name it; what errors call it.
        statement: One SELECT. Without an ORDER BY databases give rows in any order, and a sample is one of them.
        address: SQLAlchemy URL. Never shown, nor told in an error.
    """

    name: str
    statement: str
    address: str = field(repr=False)


def query_header(query: Query) -> list[str]:
    """The names of the columns that a query gives, in its order. Raises :class:`UnreadableFile`."""
    with _running(query, 1) as result:
        return [str(name) for name in result.keys()]  # noqa: SIM118  a result is no mapping


def query_batches(
    query: Query, names: Sequence[str], chunk_rows: int, digest: Digest | None = None
) -> Iterator[pa.RecordBatch]:
    """Stream some columns of a query; the database keeps the rows that were not fetched yet.

    Args:
        query: Whose header has been read.
        names: The columns wanted; each is among those of the query.
        chunk_rows: Rows per batch, at least 1.
        digest: Is fed every row with all its columns, and first their names.

    Yields:
        Batches with the columns in the order of ``names``, all of text: truth values as ``true`` and ``false``, dates
        and times in ISO form, everything else as Python writes it; null where there is no value.

    Raises:
        UnreadableFile: the database can't be reached, or says no.
        SchemaMismatch: a value is of bytes, with its row.
    """
    first_row = 1
    with _running(query, chunk_rows) as result:
        header = [str(name) for name in result.keys()]  # noqa: SIM118
        places = [header.index(name) for name in names]
        if digest is not None:
            digest.update(repr(header).encode())
        for rows in result.partitions(chunk_rows):
            if digest is not None:
                for row in rows:
                    digest.update(repr(tuple(row)).encode())
            columns = [
                _texts(query, name, [row[place] for row in rows], first_row)
                for name, place in zip(names, places, strict=True)
            ]
            first_row += len(rows)
            yield pa.RecordBatch.from_arrays(columns, names=list(names))


def _texts(query: Query, name: str, values: Sequence[Any], first_row: int) -> pa.Array:
    for position, value in enumerate(values):
        if isinstance(value, bytes | bytearray | memoryview):
            raise SchemaMismatch(
                query.name,
                name,
                "the value is of bytes",
                "leave the column out of the query, or write it as text there",
                first_row + position,
            )
    return pa.array([value if value is None or type(value) is str else _text(value) for value in values], pa.string())


def _text(value: object) -> str:
    if isinstance(value, bool):
        return _TRUTH[value]
    return value.isoformat() if isinstance(value, date | time) else str(value)


@contextmanager
def _running(query: Query, buffered_rows: int) -> Iterator[CursorResult[Any]]:
    """The result of a query, open. What a statement might have changed is rolled back."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        url = make_url(query.address)
    except ArgumentError:
        # Without its cause, which might quote the address.
        raise UnreadableFile(
            query.name, "the address of its database is no SQLAlchemy URL", "write it as dialect://user@host/database"
        ) from None
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        # SQLite would make an empty file of that name.
        raise UnreadableFile(query.name, f"there is no database {url.database!r}", "correct the address")
    secrets = [secret for secret in (query.address, url.password) if secret]
    try:
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            # As it is written: a colon in it is no parameter, nor is a percent sign.
            streaming = connection.execution_options(
                stream_results=True, max_row_buffer=buffered_rows, no_parameters=True
            )
            yield streaming.exec_driver_sql(query.statement.strip().rstrip(";"))
    except (SQLAlchemyError, ImportError) as error:
        told = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".")
        for secret in secrets:
            told = told.replace(secret, "***")
        raise UnreadableFile(
            query.name, f"its database says no ({told[:300]})", "correct the query, or the address of the database"
        ) from None
