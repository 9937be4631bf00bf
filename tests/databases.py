"""Databases that are as new for every test, and cost little."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, make_url, text

from governance.database import open_database
from tests.workplace import KEY

SHAPE: Final = """
    SELECT md5(string_agg(name || ' ' || written, ',' ORDER BY name, written)) FROM (
        SELECT 'class ' || oid AS name, xmin::text AS written FROM pg_class WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT 'trigger ' || oid, xmin::text FROM pg_trigger
        UNION ALL SELECT 'function ' || oid, xmin::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION ALL SELECT 'constraint ' || oid, xmin::text FROM pg_constraint
        UNION ALL SELECT 'column ' || attrelid || ' ' || attnum, attribute.xmin::text
            FROM pg_attribute AS attribute JOIN pg_class ON pg_class.oid = attrelid
            WHERE relnamespace = 'public'::regnamespace AND attnum > 0
    ) AS part
"""
"""Changes with everything in a database but its rows."""

REMEMBER: Final = """
    DO $$ DECLARE one record; BEGIN
        CREATE SCHEMA kept;
        FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TABLE kept.%I AS TABLE public.%I', one.name, one.name);
        END LOOP;
        CREATE TABLE kept."sequences of tables" AS
            SELECT sequencename AS name, coalesce(last_value, 1) AS at, last_value IS NOT NULL AS used
            FROM pg_sequences WHERE schemaname = 'public';
    END $$
"""

RESTORE: Final = """
    DO $$ DECLARE one record; BEGIN
        SET LOCAL session_replication_role = replica;  -- triggers and keys keep out of it
        FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('DELETE FROM public.%I', one.name);
            EXECUTE format('INSERT INTO public.%I SELECT * FROM kept.%I', one.name, one.name);
        END LOOP;
        PERFORM setval(format('public.%I', name), at, used) FROM kept."sequences of tables";
    END $$
"""


class Files:
    """Copies of one SQLite file, each in the folder of its test."""

    def __init__(self, template: Path) -> None:
        self.template = template

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """Address of a copy that nobody has touched."""
        yield f"sqlite:///{shutil.copy(self.template, folder / 'driftgate.db')}"

    @contextmanager
    def opened(self, url: str) -> Iterator[Engine]:
        """The copy, open."""
        engine = open_database(url, audit_key=KEY)
        yield engine
        engine.dispose()


class Copies:
    """Copies of one PostgreSQL database, one after the other under the same name.

    Putting back the few rows that a test has written takes a tenth of what a new copy takes. Where a test has changed
    more than rows there is a new copy.
    """

    def __init__(self, server: str, template: str) -> None:
        self.server, self.template, self.name = server, template, f"{template}_copy"
        self.url = address(server, self.name)
        self._engine: Engine | None = None
        self._shape: str | None = None

    @contextmanager
    def fresh(self, folder: Path) -> Iterator[str]:
        """Address of a copy that nobody has touched."""
        if not self._restored():
            on_server(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
            on_server(self.server, f"CREATE DATABASE {self.name} TEMPLATE {self.template} STRATEGY FILE_COPY")
            with self._administering() as connection:
                connection.execute(text(REMEMBER))
                self._shape = connection.execute(text(SHAPE)).scalar_one()
        yield self.url

    @contextmanager
    def opened(self, url: str) -> Iterator[Engine]:
        """The copy, open."""
        self._engine = self._engine or open_database(url, audit_key=KEY)
        yield self._engine
        self._engine.dispose()

    def _restored(self) -> bool:
        """Whether the copy that is there is as it was."""
        if self._shape is None:
            return False
        with self._administering() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            if connection.execute(text(SHAPE)).scalar_one() != self._shape:
                return False
            connection.execute(text(RESTORE))
        return True

    @contextmanager
    def _administering(self) -> Iterator[Connection]:
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def address(server: str, database: str) -> str:
    """Of a database on a server."""
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def on_server(server: str, statement: str) -> None:
    """Have a server do something outside of a transaction."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
