"""A database is opened, migrated and used one transaction at a time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlmodel import SQLModel, select

from governance.audit import Actor, Tag, count_events, note
from governance.database import MIGRATIONS_FOLDER, head_revision, open_database, reading, transaction
from governance.errors import UnreadableFile
from governance.processes import is_alive
from governance.tables import AuditEvent
from tests.governance.world import World
from tests.workplace import KEY

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANN = Actor("ann")


def test_the_migrations_make_what_the_tables_say(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_number_of_the_latest_file_is_the_head_and_the_line_has_no_branches() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS_FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [head_revision()]
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")
        assert not hasattr(script.module, "downgrade")


def test_opening_again_changes_nothing_and_needs_no_alembic(database_url: str) -> None:
    script = (
        "import sys; from governance.database import open_database; open_database(sys.argv[1], audit_key=b'k'); "
        "sys.exit('alembic' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path.cwd())}
    assert subprocess.run([sys.executable, "-c", script, database_url], check=False, env=environment).returncode == 0


def test_a_database_of_a_later_release_is_refused(database: Engine, database_url: str) -> None:
    with transaction(database) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnreadableFile, match=r"revision 9999, known up to \d{4}.*update driftgate"):
        open_database(database_url, audit_key=KEY)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////proc/nowhere/d.db", "postgresql+psycopg://me:secret@127.0.0.1:1/x"]
)
def test_what_can_not_be_opened_is_named_without_its_password(url: str) -> None:
    with pytest.raises(UnreadableFile, match="DRIFTGATE_DATABASE_URL") as refusal:
        open_database(url, audit_key=KEY)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, " * 100)
    with pytest.raises(UnreadableFile, match="file is not a database"):
        open_database(f"sqlite:///{file}", audit_key=KEY)
    assert file.read_text() == "not a database at all, " * 100


def test_an_exception_undoes_the_whole_transaction(database: Engine) -> None:
    with pytest.raises(ZeroDivisionError), transaction(database) as session:
        note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)
        raise ZeroDivisionError
    assert events(database) == []


def test_foreign_keys_hold(database: Engine) -> None:
    with pytest.raises(IntegrityError), transaction(database) as session:
        session.connection().execute(
            text("INSERT INTO assignment (project_id, person, role, \"group\") VALUES (77, 'ann', 'writer', '')")
        )


def test_times_come_back_in_utc_and_a_time_without_zone_is_refused(database: Engine) -> None:
    with transaction(database) as session:
        note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)
    (event,) = events(database)
    assert (event.at, event.at.tzinfo) == (NOW, UTC)
    with pytest.raises(Exception, match="no time zone"), transaction(database) as session:
        note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW.replace(tzinfo=None))


def test_events_are_counted_of_one_project_only(database: Engine) -> None:
    with transaction(database) as session:
        for subject in ("credit", "credit/fraud/1", "credit_card/fraud/1", "creditXcard"):
            note(session, Tag.VERSION_RECORDED, subject, actor=ANN, at=NOW, after={"n": 1})
        assert count_events(session, "credit") == 2
        assert count_events(session, "credit_card") == 1
        assert count_events(session, "debit") == 0


def test_whoever_reads_keeps_nobody_from_writing_and_sees_one_state(database: Engine) -> None:
    with reading(database) as session:
        assert count_events(session, "credit") == 0
        with transaction(database) as other:
            note(other, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)
        assert count_events(session, "credit") == 0
    assert len(events(database)) == 1


def test_whoever_reads_can_not_write_and_the_next_one_can(database: Engine) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), reading(database) as session:
        note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)
    assert events(database) == []
    for _ in range(2):
        with transaction(database) as session:
            note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)
    assert len(events(database)) == 2


def test_whoever_reads_is_answered_while_many_wait_to_write(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'driftgate.db'}", audit_key=KEY)
    with closing(sqlite3.connect(tmp_path / "driftgate.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writers = [Thread(target=note_once, args=(engine,)) for _ in range(40)]
        for writer in writers:
            writer.start()
        while engine.pool.checkedout() < len(writers):  # type: ignore[attr-defined]
            sleep(0.01)
        assert [len(events(engine)) for _ in range(5)] == [0] * 5
        other.execute("ROLLBACK")
    for writer in writers:
        writer.join()
    assert len(events(engine)) == len(writers)
    engine.dispose()


def note_once(engine: Engine) -> None:
    with transaction(engine) as session:
        note(session, Tag.PROJECT_REGISTERED, "credit", actor=ANN, at=NOW)


def test_who_has_little_patience_is_refused_and_the_next_one_has_more(database: Engine) -> None:
    with database.connect().execution_options(driftgate_writing=True) as other:
        other.execute(text("INSERT INTO user_group (name, revision) VALUES ('office', 1)"))
        began = monotonic()
        with pytest.raises(OperationalError), transaction(database, patience=0.1) as session:
            session.execute(text("INSERT INTO user_group (name, revision) VALUES ('office', 1)"))
        assert monotonic() - began < 10
        waiting = Thread(target=note_once, args=(database,))
        waiting.start()
        waiting.join(0.3)
        other.rollback()
    waiting.join()
    assert len(events(database)) == 1


def events(database: Engine) -> list[AuditEvent]:
    with reading(database) as session:
        return list(session.exec(select(AuditEvent)))


def test_a_process_is_alive_until_it_ends_and_a_later_one_is_another() -> None:
    now = datetime.now(UTC)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid, since=now + timedelta(seconds=5))
        assert not is_alive(process.pid, since=now - timedelta(days=365))
    assert not is_alive(process.pid, since=now)


@pytest.mark.parametrize("copies", ["sqlite"], indirect=True)
class TestAPlainConnectionToSQLite:
    """Without the settings of :mod:`governance.database`; there REPLACE removes rows and asks no trigger on DELETE."""

    @pytest.fixture
    def connection(self, world: World) -> Iterator[sqlite3.Connection]:
        """Activations 1 and 2 hold in dev (of versions 1 and 2), 3 in prod; 4 is of prod as well and unused."""
        first, second = world.approved_version(), world.approved_version()
        world.activate(first, "dev"), world.activate(second, "dev"), world.activate(first, "prod")
        with closing(sqlite3.connect(str(world.engine.url.database), isolation_level=None)) as connection:
            columns = "model_id, environment_id, version_id, decision, reasons, confirmed, activated_by, activated_at"
            connection.execute(f"INSERT INTO activation ({columns}) SELECT {columns} FROM activation WHERE id = 3")
            yield connection

    @pytest.mark.parametrize(
        ("activation", "revision"),
        [
            pytest.param(1, 99, id="an older activation"),
            pytest.param(2, 2, id="the activation that holds"),
            pytest.param(4, 99, id="a later activation"),
        ],
    )
    @pytest.mark.parametrize("verb", ["REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT"])
    def test_an_active_version_is_not_written_over(
        self, connection: sqlite3.Connection, verb: str, activation: int, revision: int
    ) -> None:
        self.refuses(
            connection,
            f"{verb} INTO active_version (model_id, environment_id, version_id, activation_id, revision) "
            f"SELECT model_id, environment_id, version_id, id, {revision} FROM activation WHERE id = {activation}",
            "an active version is changed in its place, never written over",
        )

    def test_an_active_version_does_not_make_way_for_one_elsewhere(
        self, world: World, connection: sqlite3.Connection
    ) -> None:
        in_test = (
            f"SELECT model_id, {world.environment('test').id}, version_id, 'ALLOWED', '[]', 0, 'otto', activated_at"
        )
        columns = "model_id, environment_id, version_id, decision, reasons, confirmed, activated_by, activated_at"
        connection.execute(f"INSERT INTO activation ({columns}) {in_test} FROM activation WHERE id = 3")
        columns = "model_id, environment_id, version_id, activation_id, revision"
        wanted = "SELECT {}, model_id, environment_id, version_id, id, 1 FROM activation WHERE id = 5"
        prod = "(SELECT rowid FROM active_version WHERE activation_id = 3)"
        sentence = "an active version is changed in its place, never written over"
        self.refuses(connection, f"REPLACE INTO active_version (rowid, {columns}) {wanted.format(prod)}", sentence)
        self.refuses(
            connection,
            "UPDATE OR REPLACE active_version SET activation_id = 4, revision = 2, "
            "rowid = (SELECT rowid FROM active_version WHERE activation_id = 2) WHERE activation_id = 3",
            "only an activation that the gate let through",
        )
        # With a row number of its own it goes in: that is what was refused.
        connection.execute(f"REPLACE INTO active_version (rowid, {columns}) {wanted.format(77)}")
        assert connection.execute("SELECT count(*) FROM active_version").fetchone() == (3,)

    @pytest.mark.parametrize(
        ("key", "number", "folder"),
        [
            pytest.param("1", "77", "'elsewhere'", id="id"),
            pytest.param("'1'", "77", "'elsewhere'", id="id as text"),
            pytest.param("77", "number", "'elsewhere'", id="number"),
            pytest.param("NULL", "number", "'elsewhere'", id="number, next id"),
            pytest.param("77", "'1'", "'elsewhere'", id="number as text"),
            pytest.param("77", "77", "folder", id="folder"),
            pytest.param("NULL", "77", "folder", id="folder, next id"),
        ],
    )
    def test_a_model_version_is_not_written_over(
        self, connection: sqlite3.Connection, key: str, number: str, folder: str
    ) -> None:
        rest = "manifest, manifest_digest, metrics, diagnostics, trained_by, trained_at"
        values = f"{key}, {number}, {folder}, model_id, {rest}"
        self.refuses(
            connection,
            f"REPLACE INTO model_version (id, number, folder, model_id, {rest}) "
            f"SELECT {values} FROM model_version WHERE number = 1",
            "a model version is never changed",
        )

    def refuses(self, connection: sqlite3.Connection, statement: str, sentence: str) -> None:
        """Whatever the statement wanted, both tables are as they were."""
        before = self.rows(connection)
        with pytest.raises(sqlite3.IntegrityError, match=sentence):
            connection.execute(statement)
        assert self.rows(connection) == before

    def rows(self, connection: sqlite3.Connection) -> list[object]:
        return [
            *connection.execute("SELECT rowid, * FROM active_version ORDER BY rowid"),
            *connection.execute("SELECT * FROM model_version ORDER BY id"),
        ]
