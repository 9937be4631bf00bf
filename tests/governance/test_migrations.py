"""A database that an earlier release has filled is brought to this one: nothing is lost, and it refuses what it did."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from governance import database
from governance.database import head_revision, open_database, transaction
from governance.errors import UnreadableFile
from governance.evaluations import find_store, metrics_table, record_check_results, record_evaluation
from governance.vocabulary import Measurement
from tests.governance.test_evaluations import Found, evaluate
from tests.governance.world import ROSA, World
from tests.workplace import KEY

BEFORE = ("0001", "0002")


def open_at(revision: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database as the release of that revision had it."""
    with monkeypatch.context() as patch:
        patch.setattr(database, "head_revision", lambda: revision)
        return open_database(url, audit_key=KEY)


def fill(engine: Engine, folder: Any) -> World:
    """A project with two approved versions, one of them live and then replaced, and evaluations that were checked."""
    world = World(engine, folder)
    world.register()
    first, second = world.approved_version(), world.approved_version()
    world.activate(first)
    world.activate(second)
    for number, version in enumerate((first, second)):
        made = evaluate(world, version, f"e{number}", measurements=[Measurement("data_drift", 0.5 + number / 10)])
        with transaction(engine) as session:
            record_check_results(session, made, [Found()], actor=ROSA, at=world.now())
    return world


def everything(engine: Engine) -> dict[str, list[Any]]:
    with engine.connect() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(text(f'SELECT * FROM "{table.name}"')).all()))
            for table in SQLModel.metadata.sorted_tables
        }


@pytest.mark.parametrize("revision", BEFORE)
def test_every_row_of_an_earlier_release_survives(
    empty_url: str, tmp_path: Any, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_at(revision, empty_url, monkeypatch)
    fill(old, tmp_path)
    before = everything(old)
    indexes = {name: sorted(map(repr, inspect(old).get_indexes(name))) for name in ("store", "evaluation")}
    old.dispose()
    new = open_database(empty_url, audit_key=KEY)
    assert everything(new) == before
    assert sum(map(len, before.values())) > 30
    assert {name: sorted(map(repr, inspect(new).get_indexes(name))) for name in indexes} == indexes
    with new.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).all() == [(head_revision(),)]
    with transaction(new) as session:
        table = metrics_table(session, "credit")
    assert [(row["evaluation"], row["version"], row["value"]) for row in table] == [("e0", 1, 0.5), ("e1", 2, 0.6)]
    new.dispose()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE check_result SET outcome = 'OK'", "never changed or removed"),
        ("DELETE FROM activation", "never changed or removed"),
        ("DELETE FROM audit_event", "never changed or removed"),
        ("UPDATE model_version SET manifest_digest = 'x'", "a model version is never changed"),
        ("DELETE FROM model_version", "ever active is never removed"),
        ("UPDATE active_version SET version_id = 1", "only an activation that the gate let through"),
        ("DELETE FROM active_version", "replaced, never removed"),
        # Keys into and out of the tables that were made anew.
        ("DELETE FROM store", "(?i)foreign key"),
        ("DELETE FROM evaluation", "(?i)foreign key"),
        ("UPDATE store SET model_id = 77", "(?i)foreign key"),
        ("UPDATE evaluation SET version_id = 77", "(?i)foreign key"),
        ("UPDATE evaluation SET folder = 'the same'", "(?i)unique"),
        ("INSERT INTO store (project_id, model_id, name, performance) SELECT project_id, NULL, name, performance "
         "FROM store", "(?i)unique"),
    ],
)  # fmt: skip
def test_what_the_database_refused_before_it_refuses_after(
    empty_url: str, tmp_path: Any, statement: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_at("0002", empty_url, monkeypatch)
    fill(old, tmp_path)
    old.dispose()
    new = open_database(empty_url, audit_key=KEY)
    before = everything(new)
    with pytest.raises(IntegrityError, match=sentence), transaction(new) as session:
        session.connection().execute(text(statement))
    assert everything(new) == before
    new.dispose()


def test_a_store_of_an_earlier_release_may_become_standalone(
    empty_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_at("0002", empty_url, monkeypatch)
    fill(old, tmp_path)
    old.dispose()
    world = World(open_database(empty_url, audit_key=KEY), tmp_path, acts=100)
    world.register(stores={"monthly": {"standalone": {"prediction_type": "binary"}}})
    with transaction(world.engine) as session:
        record_evaluation(
            session, find_store(session, "credit", "monthly"), None, id="e9", name="e9", data="scored",
            data_fingerprint="0" * 64, rows=10, sampled_rows=10, labelled_rows=None, labels={}, warnings=[],
            folder="evaluations/e9", files={}, measurements=[Measurement("accuracy", 0.9)], actor=ROSA, at=world.now(),
        )  # fmt: skip
    with transaction(world.engine) as session:
        found = metrics_table(session, "credit")
    assert [(row["model"], row["version"], row["metric"]) for row in found] == [
        ("fraud", 1, "data_drift"), ("fraud", 2, "data_drift"), (None, None, "accuracy"),
    ]  # fmt: skip
    world.engine.dispose()


def test_a_view_that_somebody_has_made_survives(empty_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_at("0002", empty_url, monkeypatch)
    fill(old, tmp_path)
    with transaction(old) as session:
        session.connection().execute(text("CREATE VIEW our_own AS SELECT id, data FROM evaluation"))
    old.dispose()
    new = open_database(empty_url, audit_key=KEY)
    with new.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM our_own")).scalar() == 2
    new.dispose()


@pytest.mark.parametrize("empty_url", ["sqlite"], indirect=True)
class TestOnSQLite:
    """Where a table is made anew with the foreign keys off."""

    def test_the_keys_hold_again_on_the_very_connection_that_migrated(self, empty_url: str) -> None:
        engine = open_database(empty_url, audit_key=KEY)
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA legacy_alter_table")).scalar() == 0
        with pytest.raises(IntegrityError, match="FOREIGN KEY"), transaction(engine) as session:
            session.connection().execute(text("INSERT INTO store (project_id, name, performance) VALUES (77, 'x', 0)"))
        engine.dispose()

    def test_rows_that_point_to_nothing_stop_it_and_the_file_stays_as_it_was(
        self, empty_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = open_at("0002", empty_url, monkeypatch)
        fill(old, tmp_path)
        with old.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("PRAGMA foreign_keys = OFF"))
            connection.execute(text("UPDATE metric SET evaluation_id = 'gone' WHERE evaluation_id = 'e0'"))
        before = everything(old)
        old.dispose()
        with pytest.raises(UnreadableFile, match=r"row .* of its table metric points to no row of evaluation; restore"):
            open_database(empty_url, audit_key=KEY)
        still = open_at("0002", empty_url, monkeypatch)
        assert everything(still) == before
        still.dispose()
