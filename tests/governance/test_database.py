"""A database is opened, migrated and used one transaction at a time."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import SQLModel, select

from governance.audit import Actor, Tag, count_events, note
from governance.database import MIGRATIONS_FOLDER, head_revision, open_database, reading, transaction
from governance.errors import UnreadableFile
from governance.processes import is_alive
from governance.tables import AuditEvent

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
        "import sys; from governance.database import open_database; open_database(sys.argv[1]); "
        "sys.exit('alembic' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(Path.cwd())}
    assert subprocess.run([sys.executable, "-c", script, database_url], check=False, env=environment).returncode == 0


def test_a_database_of_a_later_release_is_refused(database: Engine, database_url: str) -> None:
    with transaction(database) as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnreadableFile, match=r"revision 9999, known up to \d{4}.*update driftgate"):
        open_database(database_url)


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////proc/nowhere/d.db", "postgresql+psycopg://me:secret@127.0.0.1:1/x"]
)
def test_what_can_not_be_opened_is_named_without_its_password(url: str) -> None:
    with pytest.raises(UnreadableFile, match="DRIFTGATE_DATABASE_URL") as refusal:
        open_database(url)
    assert "secret" not in str(refusal.value)


def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database at all, " * 100)
    with pytest.raises(UnreadableFile, match="file is not a database"):
        open_database(f"sqlite:///{file}")
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


def events(database: Engine) -> list[AuditEvent]:
    with reading(database) as session:
        return list(session.exec(select(AuditEvent)))


def test_a_process_is_alive_until_it_ends_and_a_later_one_is_another() -> None:
    now = datetime.now(UTC)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid, since=now + timedelta(seconds=5))
        assert not is_alive(process.pid, since=now - timedelta(days=365))
    assert not is_alive(process.pid, since=now)
