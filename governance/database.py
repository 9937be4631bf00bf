"""The one way to the database: opened and migrated, then used one transaction at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from sqlalchemy import Connection, Engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlmodel import Session, create_engine

from governance import chain
from governance.errors import UnreadableFile
from governance.settings import make_for_owner

MIGRATIONS_FOLDER: Final = Path(__file__).parent / "migrations"

_MIGRATION_LOCK: Final = 0x6472696674
"""Key of PostgreSQL's advisory lock that one migration at a time holds ("drift" in ASCII)."""

_WRITING: Final = "driftgate_writing"
_READING: Final = "driftgate_reading"
_AUDIT_KEY: Final = "driftgate_audit_key"
_LONGEST_PAUSE: Final = "driftgate_longest_pause"

_PATIENCE: Final = "driftgate_patience"

_POOLED: Final = 50
"""Connections of a process to a file, more than a server has threads: whoever reads needs one while others wait to write."""

_POOL_SECONDS: Final = 10.0
"""How long to wait for a connection when all are taken."""

_PATIENCE_SECONDS: Final = 30.0
"""How long a transaction waits for another one that writes."""

_FIRST_CHAINED: Final = "0004"
"""The revision from which on the lines of the audit trail are a chain."""

NOTED: Final = "noted"
"""In the ``info`` of a session: the numbers of the audit lines that its transaction has written so far."""
_REMEDY: Final = "correct DRIFTGATE_DATABASE_URL or DRIFTGATE_HOME"


def open_database(url: str, *, audit_key: bytes, longest_pause: timedelta | None = None) -> Engine:
    """Connect to a database and bring its tables to the state this code needs.

    A database that does not exist yet is made (SQLite) or filled (PostgreSQL). Several processes may open the same
    one at once: one migrates, the others wait. When there is nothing to migrate, that costs one query.

    Args:
        url: As SQLAlchemy writes it, e.g. ``sqlite:////srv/driftgate/driftgate.db``; see ``Settings.database``.
        audit_key: Seals the lines of the audit trail; see ``Settings.audit_key_bytes``.
        longest_pause: Acts that come later after the last one are refused, and on PostgreSQL those ahead of the
            server's clock; see :mod:`governance.chain`. None where times are invented.

    Returns:
        An engine for :func:`transaction`. One per process is enough; threads may share it.

    Raises:
        UnreadableFile: nothing answers there, it is not a database, or a later driftgate has written it.
    """
    try:
        is_file = url.startswith("sqlite")
        engine = create_engine(
            url,
            connect_args={"timeout": _PATIENCE_SECONDS} if is_file else {},
            **({"pool_size": _POOLED} if is_file else {}),
            pool_timeout=_POOL_SECONDS,
            pool_pre_ping=True,
            execution_options={_AUDIT_KEY: audit_key, _LONGEST_PAUSE: longest_pause},
        )
        if engine.dialect.name == "sqlite":
            _make_sqlite_behave(engine)
            _make_private(Path(engine.url.database or ""))
        if _revision(engine) != head_revision():
            _migrate(engine)
    except (SQLAlchemyError, OSError) as error:
        problem = " ".join(str(getattr(error, "orig", None) or error).split())
        raise UnreadableFile(_without_password(url), problem, _REMEDY) from error
    return engine


@contextmanager
def transaction(engine: Engine, *, patience: float = _PATIENCE_SECONDS) -> Iterator[Session]:
    """One transaction: kept when the block ends, undone when an exception leaves it; its audit lines are sealed last.

    Rows stay usable after the block. On SQLite the write lock is taken at once, so that what is read inside can't
    change before it is written; others wait.

    Args:
        engine: Of the database.
        patience: Seconds to wait for whoever writes; a lock that is not to be had by then is an OperationalError.
    """
    with Session(engine, expire_on_commit=False) as session, session.begin():
        connection = session.connection(execution_options={_WRITING: True, _PATIENCE: patience})
        if engine.dialect.name == "postgresql" and patience != _PATIENCE_SECONDS:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(patience * 1000)}")
        yield session
        session.flush()
        options = connection.get_execution_options()
        noted = session.info.pop(NOTED, ())
        chain.seal(connection, noted, options[_AUDIT_KEY], longest_pause=options[_LONGEST_PAUSE])


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One look at one state of the database, however long it takes; nobody waits for it, and it can't write.

    Rows stay usable after the block.
    """
    options: dict[str, Any] = {_READING: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Session(engine, expire_on_commit=False) as session, session.begin():
        session.connection(execution_options=options)
        yield session


def _make_private(file: Path) -> None:
    """An empty file that only its owner reads: hashes of passwords will be in it. One that is there stays as it is."""
    make_for_owner(file.parent)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def head_revision() -> str:
    """The revision this code needs: the number in the name of the latest file of migrations."""
    return max(file.name for file in (MIGRATIONS_FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    """The revision the database is at; none when it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _migrate(engine: Engine) -> None:
    """Upgrade under a lock that outlives no process."""
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            _upgrade(connection)
        return
    file = Path(engine.url.database or "")
    with FileLock(f"{file}.lock"):
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Kept in the file: readers no longer wait for a writer, nor a writer for readers.
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        with engine.connect().execution_options(**{_WRITING: True}) as connection, _tables_may_be_remade(connection):
            _upgrade(connection)


@contextmanager
def _tables_may_be_remade(connection: Connection) -> Iterator[None]:
    """One transaction in which a table can make way for a new one of its name, as SQLite itself advises.

    Dropping the old one would count as removing its rows, which others point to. That all of them point to something
    is asked at the end instead.
    """
    set_up = connection.connection.dbapi_connection
    if set_up is None:
        raise AssertionError("a connection that was just opened is open")
    cursor = set_up.cursor()
    try:
        for setting in ("foreign_keys = OFF", "legacy_alter_table = ON"):  # no effect once a transaction has begun
            cursor.execute(f"PRAGMA {setting}")
        with connection.begin():
            yield
            astray = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
            if astray is not None:
                table, row, parent, _ = astray
                problem = f"row {row} of its table {table} points to no row of {parent}"
                raise UnreadableFile(str(connection.engine.url.database), problem, "restore it from a backup")
    finally:
        for setting in ("foreign_keys = ON", "legacy_alter_table = OFF"):
            cursor.execute(f"PRAGMA {setting}")


def _upgrade(connection: Connection) -> None:
    found = _revision_of(connection)
    needed = head_revision()
    if found is not None and found > needed:
        raise UnreadableFile(
            connection.engine.url.render_as_string(hide_password=True),
            f"a later driftgate has written it (revision {found}, known up to {needed})",
            "update driftgate",
        )
    if found == needed:
        return
    # Imported here, since a database at head, which is every one but the first time, needs none of it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, needed)
    if (found or "") < _FIRST_CHAINED <= needed:
        chain.seal_history(connection, connection.get_execution_options()[_AUDIT_KEY])


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "the address of the database"


def _make_sqlite_behave(engine: Engine) -> None:
    """Foreign keys hold, triggers see every change, and a transaction begins when we say so, not when pysqlite does."""

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        connection.isolation_level = None
        for setting in ("foreign_keys = ON", "recursive_triggers = ON"):
            connection.execute(f"PRAGMA {setting}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if options.get(_READING) else 'OFF'}")
            patience = options.get(_PATIENCE, _PATIENCE_SECONDS)
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(patience * 1000)}")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITING) else "BEGIN")
