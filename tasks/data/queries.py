"""Rows of a database as streams of Arrow batches of text, as CSV gives them; the one door to databases that are not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote, quote_plus

import pyarrow as pa

from governance.errors import SchemaMismatch, UnreadableFile

if TYPE_CHECKING:
    from sqlalchemy import URL, CursorResult, Engine

_TRUTH: Final = {True: "true", False: "false"}

_READS: Final = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|WITH)\b", re.IGNORECASE | re.DOTALL)
"""Beginning of a statement that is no write by its first word; comments and parentheses before it."""

_ONLY_READ: Final = {"sqlite": "PRAGMA query_only = ON"} | dict.fromkeys(
    ("postgresql", "mysql", "mariadb", "oracle"), "SET TRANSACTION READ ONLY"
)
"""What each database is told first, so that it refuses every write; others know nothing of that kind."""

_SECRET_NAME: Final = re.compile("pass|pwd|secret|token|key|credential", re.IGNORECASE)
"""How parameters of an address are called whose values no error may tell."""

_SHORTEST_MASKED: Final = 4
"""Characters of a password from which on asterisks are put in its place; of errors of others nothing is told."""

LOOK_UP_AFTER: Final = 100_000
"""Instructions of SQLite, about a millisecond, after which it lets Python have a look."""


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
        header: What :func:`query_header` found when it was first asked; empty before.
    """

    name: str
    statement: str
    address: str = field(repr=False)
    header: list[str] = field(default_factory=list, init=False, repr=False, compare=False)


def query_header(query: Query) -> list[str]:
    """The names of the columns that a query gives, in its order; asked of the database once. Raises :class:`UnreadableFile`."""
    if not query.header:
        with _running(query, 1) as result:
            query.header[:] = _names(result)
    return [*query.header]


def _names(result: CursorResult[Any]) -> list[str]:
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
        UnreadableFile: the database can't be reached, or says no; or the query has other columns than before.
        SchemaMismatch: a value is of bytes, with its row.
    """
    first_row = 1
    with _running(query, chunk_rows) as result:
        header = _names(result)
        if query.header and header != query.header:
            raise UnreadableFile(
                query.name, "its columns changed while it was read", "try again, or name them in the query"
            )
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
    """The result of a query, open.

    A statement has to begin with SELECT or WITH, and SQLite, PostgreSQL, MySQL, MariaDB and Oracle are told to refuse
    what writes all the same. Elsewhere, and of what functions do outside of the database, only the rights of the user
    in the address hold it back.
    """
    from sqlalchemy.exc import SQLAlchemyError

    if _READS.match(query.statement) is None:
        raise UnreadableFile(query.name, "it does not begin with SELECT or WITH", "write a query that only reads")
    engine = open_engine(query)
    try:
        with stoppable(engine), ExitStack() as stack:
            yield _asked(query, engine, buffered_rows, stack)
    except SQLAlchemyError as error:
        raise said_no(query, engine.url, error) from None


def open_engine(query: Query) -> Engine:
    """An engine for the address of a query, which keeps no connection. Raises: UnreadableFile, without the address."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import NoSuchModuleError
    from sqlalchemy.pool import NullPool

    # What is raised here may quote any part of the address, the password as well: neither told, nor given as a cause.
    try:
        url = make_url(query.address)
        if url.get_backend_name() != "sqlite" or (url.database and Path(url.database).is_file()):
            return create_engine(url, poolclass=NullPool)
        # SQLite would make an empty file of that name.
        problem, remedy = f"there is no database {url.database!r}", "correct the address"
    except (ImportError, NoSuchModuleError):
        problem, remedy = "there is no driver for the address of its database", "install it, or correct the address"
    except Exception:
        problem, remedy = "the address of its database is no SQLAlchemy URL", "write it as dialect://user@host/database"
    raise UnreadableFile(query.name, problem, remedy)


@contextmanager
def stoppable(engine: Engine) -> Iterator[None]:
    """Inside, statements on connections that the engine makes end when Python is stopped: by a limit of time, or Ctrl-C.

    Other drivers wait in Python, which is told of a signal there. SQLite works in the process itself, and Python hears
    of nothing until it asks; what is raised then it takes for a mere wish to stop, so that is kept and raised again.

    Raises:
        BaseException: whatever the statement was stopped by.
    """
    from sqlalchemy import event

    stopped_by: list[BaseException] = []
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def lets_look(connection: Any, _record: object) -> None:
            looks = _looks(stopped_by)
            next(looks)
            connection.set_progress_handler(looks.__next__, LOOK_UP_AFTER)

    try:
        yield
    except Exception:
        if stopped_by:
            raise stopped_by[0] from None
        raise


def _looks(stopped_by: list[BaseException]) -> Iterator[bool]:
    """Whether to stop, at each look. A generator that was begun is inside its ``try`` when Python goes on in it."""
    while True:
        try:
            yield bool(stopped_by)
        except GeneratorExit:  # the connection was closed
            return
        except BaseException as stop:  # raised again by who waits for the statement
            stopped_by.append(stop)


def _asked(query: Query, engine: Engine, buffered_rows: int, stack: ExitStack) -> CursorResult[Any]:
    """The result of a query, open as long as the stack is."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        connection = stack.enter_context(engine.connect())
        if (only_read := _ONLY_READ.get(engine.dialect.name)) is not None:
            connection.exec_driver_sql(only_read)
        # As it is written: a colon in it is no parameter, nor is a percent sign.
        streaming = connection.execution_options(stream_results=True, max_row_buffer=buffered_rows, no_parameters=True)
        return streaming.exec_driver_sql(query.statement.strip().rstrip(";"))
    except SQLAlchemyError:
        raise
    except Exception as error:  # a driver that does not know a parameter of the address, for one
        raise said_no(query, engine.url, error) from None


def said_no(query: Query, url: URL, error: Exception) -> UnreadableFile:
    """What a database, or its driver, said, as an error of ours that tells no password."""
    told = _without_secrets(" ".join(str(getattr(error, "orig", None) or error).split()), query.address, url)
    detail = f" ({told[:300].rstrip('.')})" if told else ""
    return UnreadableFile(
        query.name, f"its database says no{detail}", "correct the query, or the address of the database"
    )


def _without_secrets(told: str, address: str, url: URL) -> str:
    """What a database said, with asterisks for what no error may tell; nothing where that can't be known."""
    secrets = _secrets(address, url)
    # With a second @ the password may go on in what is read as the host; and a short one is found in any word.
    if address.count("@") > 1 or any(len(secret) < _SHORTEST_MASKED for secret in secrets):
        return ""
    for secret in secrets:
        told = told.replace(secret, "***")
    return told


def _secrets(address: str, url: URL) -> list[str]:
    """Passwords of an address, as they are and in every way in which they may be written; the longest first."""
    plain = [str(url.password)] if url.password else []
    for name, values in url.query.items():
        if _SECRET_NAME.search(name):
            plain += [values] if isinstance(values, str) else values
    written = re.search(r"://[^/@:]*:([^@]*)@", address)
    forms = {form for each in plain for form in (each, quote(each), quote(each, safe=""), quote_plus(each))}
    return sorted({form for form in (*forms, written and written[1], address) if form}, key=len, reverse=True)
