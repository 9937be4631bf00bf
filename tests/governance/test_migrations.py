"""A database that an earlier release has filled is brought to this one: nothing is lost, and it refuses what it did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from governance import database
from governance.audit import SYSTEM, verify
from governance.database import head_revision, open_database, reading, transaction
from governance.errors import ActivationRefused, UnreadableFile
from governance.evaluations import find_store, metrics_table, record_evaluation
from governance.tables import Feedback, FinalApproval, Item, ModelVersion, SignOff
from governance.vocabulary import FeedbackVerdict, Measurement, SignOffAction
from tests.governance.earlier import OLD_TABLES, STATUSES, everything, fill
from tests.governance.world import FINN, ROSA, WILL, World
from tests.workplace import KEY

BEFORE = ("0001", "0002", "0003")
ROLES = {"writer": "contributor", "final_approver": "approver"}


def open_at(revision: str, url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The database as the release of that revision had it."""
    with monkeypatch.context() as patch:
        patch.setattr(database, "head_revision", lambda: revision)
        return open_database(url, audit_key=KEY)


@pytest.fixture(params=BEFORE)
def migrated(request: Any, empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A world that an earlier release has made, after its migration."""
    old = open_at(request.param, empty_url, monkeypatch)
    fill(old, tmp_path)
    old.dispose()
    engine = open_database(empty_url, audit_key=KEY)
    yield World(engine, tmp_path, acts=100)
    engine.dispose()


@pytest.mark.parametrize("revision", BEFORE)
def test_every_row_of_an_earlier_release_survives(
    empty_url: str, tmp_path: Path, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_at(revision, empty_url, monkeypatch)
    fill(old, tmp_path)
    before = everything(old)
    old.dispose()
    new = open_database(empty_url, audit_key=KEY)
    after = everything(new)
    items = {row["version_id"]: row["id"] for row in after["item"]}
    for table in OLD_TABLES:
        assert before[table]
        expected = before[table]
        if table in {"sign_off", "feedback", "final_approval"}:
            expected = [{**row, "item_id": items[row["version_id"]]} for row in expected]
            for row in expected:
                del row["version_id"]
        if table == "assignment":
            expected = [row | {"role": ROLES.get(row["role"], row["role"])} for row in expected]
        kept = [{name: row[name] for name in expected[0]} for row in after[table]]
        assert sorted(kept, key=repr) == sorted(
            ({name: row[name] for name in expected[0]} for row in expected), key=repr
        )
    assert after["alembic_version"] == [{"version_num": head_revision()}]
    with reading(new) as session:
        found = [(row["evaluation"], row["version"], row["value"]) for row in metrics_table(session, "credit")]
    assert found == [("e0", 1, 0.5), ("e1", 2, 0.6)]
    new.dispose()


def test_everything_is_an_item_and_keeps_its_sign_off(migrated: World) -> None:
    paths = {item.path: item for item in migrated.read(Item)}
    assert set(paths) == {"credit", "credit/fraud", *(f"credit/fraud/{number}" for number in STATUSES)}
    assert {item.state for item in paths.values()} == {"GOVERNABLE"}
    assert paths["credit/fraud/3"].parent_id == paths["credit/fraud"].id
    assert paths["credit/fraud"].parent_id == paths["credit"].id
    standing = {sign_off.item_id: sign_off for sign_off in migrated.read(SignOff)}
    assert {number: standing[paths[f"credit/fraud/{number}"].id].status for number in STATUSES} == STATUSES
    assert standing[paths["credit/fraud/8"].id].round == 2
    assert standing[paths["credit/fraud/7"].id].status_before_abandon == "WAITING_FOR_FEEDBACK"


def test_the_gate_and_the_sign_off_go_on_where_they_were(migrated: World) -> None:
    versions = {version.number: version for version in migrated.read(ModelVersion)}
    for number in (3, 4, 5, 6, 7):
        with pytest.raises(ActivationRefused):
            migrated.activate(versions[number], "prod")
    assert migrated.activate(versions[8], "prod").previous_version_id == versions[2].id
    migrated.sign(versions[5], SignOffAction.APPROVE, FINN)
    migrated.activate(versions[5], "prod")
    spoken = {"group": "risk", "verdict": FeedbackVerdict.APPROVED}
    migrated.sign(versions[4], SignOffAction.ADD_FEEDBACK, ROSA, **spoken)
    migrated.sign(versions[7], SignOffAction.CANCEL_ABANDON, WILL)
    migrated.sign(versions[7], SignOffAction.ADD_FEEDBACK, ROSA, **spoken)
    migrated.sign(versions[8], SignOffAction.RESET, WILL)
    assert migrated.version().number == 9


def test_keys_continue_after_the_last_ones(migrated: World) -> None:
    last = {kind: max(row.id for row in migrated.read(kind)) for kind in (Feedback, FinalApproval, Item, ModelVersion)}
    versions = {version.number: version for version in migrated.read(ModelVersion)}
    migrated.sign(versions[4], SignOffAction.ADD_FEEDBACK, ROSA, group="risk", verdict=FeedbackVerdict.APPROVED)
    migrated.sign(versions[5], SignOffAction.APPROVE, FINN)
    migrated.version()
    assert {kind: max(row.id for row in migrated.read(kind)) for kind in last} == {
        kind: key + 1 for kind, key in last.items()
    }


def test_the_trail_of_before_is_the_beginning_of_the_chain(migrated: World) -> None:
    with reading(migrated.engine) as session:
        before = verify(session, KEY, actor=SYSTEM)
    migrated.version()
    with reading(migrated.engine) as session:
        after = verify(session, KEY, actor=SYSTEM)
    assert (before.whole, before.lines) == (True, 20)
    assert (after.whole, after.lines) == (True, 21)
    rows = sorted(everything(migrated.engine)["audit_event"], key=lambda row: row["number"])
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["project"] for row in rows} == {"credit"}


def test_a_long_trail_is_chained_in_portions(empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = open_at("0003", empty_url, monkeypatch)
    fill(old, tmp_path, lines=2_345)
    old.dispose()
    new = open_database(empty_url, audit_key=KEY)
    with reading(new) as session:
        found = verify(session, KEY, actor=SYSTEM)
    assert (found.whole, found.lines) == (True, 2_345)
    new.dispose()


def test_of_processes_that_open_it_at_once_one_migrates(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_at("0003", empty_url, monkeypatch)
    fill(old, tmp_path)
    old.dispose()
    script = f"import sys; from governance.database import open_database; open_database(sys.argv[1], audit_key={KEY!r})"
    command = [sys.executable, "-c", script, empty_url]
    running = [subprocess.Popen(command, env={"PYTHONPATH": str(Path.cwd())}) for _ in range(3)]
    assert [process.wait(timeout=120) for process in running] == [0] * 3
    new = open_database(empty_url, audit_key=KEY)
    with reading(new) as session:
        found = verify(session, KEY, actor=SYSTEM)
        assert len(session.exec(select(Item)).all()) == 2 + len(STATUSES)
    assert (found.whole, found.lines) == (True, 20)
    new.dispose()


@pytest.mark.parametrize("migrated", ["0002"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE check_result SET outcome = 'OK'", "never changed or removed"),
        ("DELETE FROM activation", "never changed or removed"),
        ("DELETE FROM audit_event", "never changed or removed"),
        ("UPDATE model_version SET manifest_digest = 'x'", "a model version is never changed"),
        ("DELETE FROM model_version WHERE number < 3", "ever active is never removed"),
        ("UPDATE active_version SET version_id = 1", "only an activation that the gate let through"),
        ("DELETE FROM active_version", "replaced, never removed"),
        # Keys into and out of the tables that were made anew.
        ("DELETE FROM store", "(?i)foreign key"),
        ("DELETE FROM evaluation", "(?i)foreign key"),
        ("UPDATE feedback SET comment = '' WHERE round = 1", "history"),
        ("DELETE FROM final_approval WHERE round = 1", "history"),
        ("UPDATE sign_off SET status = 'APPROVED'", "moved by its table only"),
        ("DELETE FROM item", "never removed"),
        ("UPDATE store SET model_id = 77", "(?i)foreign key"),
        ("UPDATE evaluation SET version_id = 77", "(?i)foreign key"),
        ("UPDATE evaluation SET folder = 'the same'", "(?i)unique"),
        ("INSERT INTO store (project_id, model_id, name, performance) SELECT project_id, NULL, name, performance "
         "FROM store", "(?i)unique"),
    ],
)  # fmt: skip
def test_what_the_database_refused_before_it_refuses_after(migrated: World, statement: str, sentence: str) -> None:
    before = everything(migrated.engine)
    with pytest.raises(IntegrityError, match=sentence), transaction(migrated.engine) as session:
        session.connection().execute(text(statement))
    assert everything(migrated.engine) == before


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
