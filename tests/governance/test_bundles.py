"""A bundle moves a project into another installation, whose own gate applies; nothing else gets in with it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from governance import bundles
from governance.artifacts import canonical_json, digest, file_sha256, sweep, write_folder
from governance.audit import Actor, Tag
from governance.bundles.manifest import problem_of_name
from governance.bundles.reading import opened
from governance.database import open_database, reading, transaction
from governance.errors import (
    ActivationRefused,
    ActRefused,
    ChangedMeanwhile,
    ConfirmationNeeded,
    ContentAltered,
    NotAllowed,
    NotFound,
    ProjectFileError,
    SignOffRefused,
    UnreadableFile,
    UnusableName,
)
from governance.items import item_of
from governance.registry import find_environment, find_model, find_project, record_version
from governance.signoff import Request, sign
from governance.tables import (
    Activation,
    ActiveVersion,
    AuditEvent,
    Bundle,
    Item,
    ModelRow,
    ModelVersion,
    ProjectRow,
    SignOff,
    User,
)
from governance.vocabulary import GateDecision, Measurement, SignOffAction, SignOffStatus
from tests.governance.world import FINN, OTTO, WILL, World, declaration
from tests.workplace import KEY

MODELS = {name: {"target": "y", "prediction_type": "binary"} for name in ("fraud", "loss")}
FILES = {
    "project.yaml": yaml.safe_dump(
        declaration(models=MODELS).model_dump(mode="json", exclude_unset=True), sort_keys=False
    ).encode(),
    "metrics/gain.py": b"def gain(*arguments):\n    return 0.0\n",
}
SKILLED = Actor("ines")
"""Who imports."""


def a_version(world: World, model: str = "fraud", auc: float = 0.9) -> ModelVersion:
    relative = f"models/{model}/{world.acts}"
    with write_folder(world.artifacts, relative) as folder:
        for name in ("model.skops", "reference.parquet", "report.json"):
            (folder / name).write_text(f"{name} of {relative}")
        files = {file.name: file_sha256(file) for file in folder.iterdir()}
    with transaction(world.engine) as session:
        return record_version(
            session,
            find_model(session, "credit", model),
            folder=relative,
            manifest={"project": "credit", "model": model, "files": files, "threshold": 0.5, "classes": {0: "n"}},
            metrics=[Measurement("roc_auc", auc, 0.88, 0.92, 1_000), Measurement("lift", None, reason="no positives")],
            diagnostics=[{"name": "small_test", "message": "the test set is small"}],
            actor=WILL,
            at=world.now(),
        )


@contextmanager
def packed_by(
    world: World, environment: str = "dev", actor: Actor = WILL, files: dict[str, bytes] | None = None
) -> Iterator[bundles.Packed]:
    with (
        reading(world.engine) as session,
        bundles.packed(
            session,
            find_project(session, "credit"),
            environment=find_environment(session, "credit", environment),
            artifacts=world.artifacts,
            files=FILES if files is None else files,
            code_revision="c0ffee",
            packages={"python": "3.11"},
            actor=actor,
            at=world.now(),
        ) as packed,
    ):
        yield packed


def make(world: World, environment: str = "dev", actor: Actor = WILL, files: dict[str, bytes] | None = None) -> Bundle:
    with packed_by(world, environment, actor, files) as packed, transaction(world.engine) as session:
        return bundles.make_bundle(session, packed, artifacts=world.artifacts, actor=actor, at=world.now())


def export(world: World, bundle: Bundle, target: Path, actor: Actor = WILL) -> str:
    with (
        reading(world.engine) as session,
        bundles.export_bundle(session, bundle, world.artifacts, target, actor=actor) as digested,
        transaction(world.engine) as writing,
    ):
        bundles.note_export(writing, bundle, target.name, actor=actor, at=world.now())
    return digested


def bring_in(world: World, file: Path, actor: Actor = SKILLED, **details: Any) -> Bundle:
    with (
        reading(world.engine) as session,
        bundles.unpacked(session, file, world.artifacts, actor=actor, **details) as unpacked,
        transaction(world.engine) as writing,
    ):
        return bundles.import_bundle(writing, unpacked, world.artifacts, actor=actor, at=world.now())


def activate_all(
    world: World, bundle: Bundle, environment: str = "prod", actor: Actor = FINN, *, confirm: bool = False
) -> list[Activation]:
    with transaction(world.engine) as session:
        place = find_environment(session, "credit", environment)
        return bundles.activate_bundle(
            session, bundle, place, artifacts=world.artifacts, actor=actor, at=world.now(), confirm=confirm
        )


def approve(world: World, row: ModelVersion | Bundle, *, by: Actor = FINN, asked_by: Actor = WILL) -> None:
    for action, actor in ((SignOffAction.REQUEST_APPROVAL, asked_by), (SignOffAction.APPROVE, by)):
        with transaction(world.engine) as session:
            request = Request(item_of(session, row), action, actor)
            sign(session, request, artifacts=world.artifacts, at=world.now())


def with_two_models(world: World) -> World:
    world.register(models=MODELS)
    for name in MODELS:
        world.activate(a_version(world, name), "dev")
    return world


def left_in(artifacts: Path) -> set[str]:
    """Files of a store, but for the one that is only ever locked."""
    if not artifacts.exists():
        return set()
    found = {path.relative_to(artifacts).as_posix() for path in artifacts.rglob("*") if path.is_file()}
    return found - {".bundles.lock"}


def rows_of(engine: Engine) -> dict[str, int]:
    kinds = (ProjectRow, ModelRow, ModelVersion, Bundle, Item, SignOff, AuditEvent, Activation, ActiveVersion)
    with Session(engine) as session:
        return {kind.__name__: len(session.exec(select(kind)).all()) for kind in kinds}


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[World]:
    """Another installation, with a bundle of two versions."""
    home = tmp_path_factory.mktemp("other")
    shutil.copy(sqlite_template, home / "driftgate.db")
    engine = open_database(f"sqlite:///{home / 'driftgate.db'}", audit_key=KEY)
    world = World(engine, home / "artifacts")
    world.register()
    yield with_two_models(world)
    engine.dispose()


@pytest.fixture(scope="session")
def parcel(other: World) -> Path:
    """An exported bundle."""
    file = other.artifacts.parent / "credit.zip"
    export(other, make(other), file)
    return file


@pytest.fixture
def empty(database: Engine, tmp_path: Path) -> World:
    """An installation without projects, on both databases."""
    return World(database, tmp_path / "artifacts")


class TestMaking:
    def test_packs_configuration_active_versions_references_and_revision(self, world: World) -> None:
        with_two_models(world)
        bundle = make(world)
        manifest = bundle.manifest
        assert (bundle.number, bundle.imported, bundle.made_by) == (1, False, "will")
        assert bundle.manifest_digest == digest(manifest)
        assert {(one["model"], one["number"]) for one in manifest["versions"]} == {("fraud", 1), ("loss", 1)}
        assert (manifest["code_revision"], manifest["packages"]) == ("c0ffee", {"python": "3.11"})
        assert left_in(world.artifacts / bundle.folder) == manifest["files"].keys()
        assert {"configuration/project.yaml", "configuration/metrics/gain.py", "versions/loss/reference.parquet"} < {
            *manifest["files"]
        }
        for name, sha256 in manifest["files"].items():
            assert file_sha256(world.artifacts / bundle.folder / name) == sha256
        with Session(world.engine) as session:
            item = item_of(session, bundle)
            assert item.path == "credit/bundle-1"
            assert session.get_one(SignOff, item.id).status is SignOffStatus.NOT_STARTED
            line = session.exec(select(AuditEvent).where(AuditEvent.tag == Tag.BUNDLE_MADE)).one()
        assert (line.subject, line.actor) == ("credit/bundle-1", "will")
        assert line.after is not None and line.after["manifest_digest"] == bundle.manifest_digest

    def test_counts_on(self, world: World) -> None:
        world.activate(a_version(world), "dev")
        first, second = make(world), make(world)
        assert [first.number, second.number] == [1, 2]
        with Session(world.engine) as session:
            project = find_project(session, "credit")
            assert [bundle.number for bundle in bundles.list_bundles(session, project)] == [2, 1]
            assert bundles.find_bundle(session, project, 1).id == first.id
            with pytest.raises(NotFound, match=r"'3' \(known: 1, 2\)"):
                bundles.find_bundle(session, project, 3)

    def test_leaves_out_the_number_that_a_model_is_called_by(self, world: World) -> None:
        # No project.yaml can have such a model any more; one of an earlier driftgate may be on record.
        world.register(models={**MODELS, "bundle-1": {"target": "y", "prediction_type": "binary"}})
        world.activate(a_version(world), "dev")
        assert make(world).number == 2

    def test_without_an_active_version_is_refused(self, world: World) -> None:
        a_version(world)
        with pytest.raises(ActRefused, match="no version is active in 'prod'"):
            make(world, "prod")
        assert world.read(Bundle) == []

    @pytest.mark.parametrize(
        "name", ["../x.py", "/etc/passwd", "a/../b.py", ".hidden.py", "a\\b.py", "a\0.py", "a//b.py", "con ", "x" * 190]
    )
    def test_of_a_file_with_a_path_that_leads_elsewhere_is_refused(self, world: World, name: str) -> None:
        world.activate(a_version(world), "dev")
        before = left_in(world.artifacts)
        with pytest.raises((UnusableName, ActRefused)):
            make(world, files={**FILES, name: b"x"})
        assert left_in(world.artifacts) == before and world.read(Bundle) == []

    @pytest.mark.parametrize(
        ("content", "refusal", "sentence"),
        [
            (FILES["project.yaml"].replace(b"credit", b"debit"), ActRefused, r"its project.yaml is of the project 'debit'"),
            (b"project: credit\nmodel: {}\n", ProjectFileError, r"project.yaml, line 1, field 'data': it is missing"),
            (b"\xff", ProjectFileError, r"project.yaml, line 1: byte 0 is not UTF-8"),
            (None, ActRefused, "the configuration has no project.yaml"),
        ],
    )  # fmt: skip
    def test_of_a_configuration_that_nobody_could_import_is_refused(
        self, world: World, content: bytes | None, refusal: type[Exception], sentence: str
    ) -> None:
        world.activate(a_version(world), "dev")
        before = left_in(world.artifacts)
        files = {"metrics/gain.py": b""} if content is None else {"project.yaml": content}
        with pytest.raises(refusal, match=sentence):
            make(world, files=files)
        assert left_in(world.artifacts) == before and world.read(Bundle) == []

    def test_keeps_nobody_waiting_while_files_are_copied(self, world: World) -> None:
        world.activate(a_version(world), "dev")
        with packed_by(world) as packed:
            world.version()  # somebody writes
            assert left_in(packed.folder) == packed.manifest["files"].keys()
            with transaction(world.engine) as session:
                made = bundles.make_bundle(session, packed, artifacts=world.artifacts, actor=WILL, at=world.now())
        assert left_in(world.artifacts / made.folder) == made.manifest["files"].keys()

    def test_of_what_is_active_no_more_is_refused_and_leaves_nothing(self, world: World) -> None:
        world.activate(a_version(world), "dev")
        with packed_by(world) as packed:
            world.activate(a_version(world), "dev")
            before = left_in(world.artifacts) - {path for path in left_in(world.artifacts) if ".partial/" in path}
            with pytest.raises(ChangedMeanwhile, match="packed to be active"), transaction(world.engine) as session:
                bundles.make_bundle(session, packed, artifacts=world.artifacts, actor=WILL, at=world.now())
        assert left_in(world.artifacts) == before and world.read(Bundle) == []

    @pytest.mark.parametrize("change", ["altered", "gone"])
    def test_of_an_altered_version_is_refused_and_leaves_nothing(self, world: World, change: str) -> None:
        version = a_version(world)
        world.activate(version, "dev")
        file = world.artifacts / version.folder / "reference.parquet"
        file.write_text("other rows") if change == "altered" else file.unlink()
        before = left_in(world.artifacts)
        with pytest.raises(ContentAltered, match=r"reference\.parquet is not what was recorded"):
            make(world)
        assert left_in(world.artifacts) == before and world.read(Bundle) == []

    def test_takes_the_right_to_write(self, world: World) -> None:
        world.activate(a_version(world), "dev")
        bundle = make(world)
        with transaction(world.engine) as session:
            session.add(User(name="otto", created_at=world.now()))
        for act in (
            lambda: make(world, actor=OTTO),
            lambda: export(world, bundle, world.artifacts / "x.zip", actor=OTTO),
            lambda: activate_all(world, bundle, "dev", actor=OTTO),
        ):
            with pytest.raises(NotAllowed, match="otto may not write"):
                act()
        assert not (world.artifacts / "x.zip").exists()

    @pytest.mark.parametrize("statement", ["UPDATE bundle SET made_by = 'otto'", "DELETE FROM bundle"])
    def test_is_for_good(self, world: World, statement: str) -> None:
        world.activate(a_version(world), "dev")
        make(world)
        with pytest.raises(IntegrityError, match="never changed"), transaction(world.engine) as session:
            session.connection().execute(text(statement))


class TestExporting:
    def test_gives_equal_files_for_equal_bundles(self, world: World, tmp_path: Path) -> None:
        bundle = make(with_two_models(world))
        files = [tmp_path / "one.zip", tmp_path / "two.zip"]
        assert {export(world, bundle, file) for file in files} == {bundle.manifest_digest}
        assert files[0].read_bytes() == files[1].read_bytes()
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
        lines = [line for line in world.trail() if line[0] is Tag.BUNDLE_EXPORTED]
        assert len(lines) == 2

    def test_of_an_altered_bundle_is_refused_and_keeps_the_file_that_was_there(
        self, world: World, tmp_path: Path
    ) -> None:
        bundle = make(with_two_models(world))
        target = tmp_path / "out" / "one.zip"
        target.parent.mkdir()
        target.write_text("before")
        (world.artifacts / bundle.folder / "versions/loss/model.skops").write_text("other")
        with pytest.raises(ContentAltered, match=r"versions/loss/model\.skops is not what was recorded"):
            export(world, bundle, target)
        (world.artifacts / bundle.folder / "versions/loss/model.skops").unlink()
        with pytest.raises(ContentAltered, match=r"model\.skops is not what was recorded"):
            export(world, bundle, target)
        assert target.read_text() == "before" and [*target.parent.iterdir()] == [target]
        assert Tag.BUNDLE_EXPORTED not in {tag for tag, _ in world.trail()}

    def test_keeps_nobody_waiting_and_is_in_place_only_once_it_is_on_record(self, world: World, tmp_path: Path) -> None:
        bundle = make(with_two_models(world))
        target = tmp_path / "one.zip"
        with (
            reading(world.engine) as session,
            bundles.export_bundle(session, bundle, world.artifacts, target, actor=WILL),
        ):
            world.version()  # somebody writes
            assert not target.exists()
        assert target.exists()
        with pytest.raises(KeyboardInterrupt), reading(world.engine) as session:  # noqa: SIM117
            with bundles.export_bundle(session, bundle, world.artifacts, tmp_path / "two.zip", actor=WILL):
                raise KeyboardInterrupt
        assert [*tmp_path.glob("*two.zip*")] == []

    def test_to_where_nobody_may_write_is_said(self, world: World, tmp_path: Path) -> None:
        bundle = make(with_two_models(world))
        for target in (tmp_path / "absent" / "x.zip", tmp_path):
            with pytest.raises(UnreadableFile, match="can't be written"):
                export(world, bundle, target)


class TestImporting:
    def test_makes_project_models_versions_and_asks_for_its_own_approval(self, empty: World, parcel: Path) -> None:
        bundle = bring_in(empty, parcel)
        assert (bundle.number, bundle.imported, bundle.made_by) == (1, True, "ines")
        with opened(parcel, bundles.Limits()) as packed:
            assert bundle.manifest_digest == packed.digest
            assert canonical_json(bundle.manifest) == canonical_json(packed.plain)
            said = {version.model: version for version in packed.manifest.versions}
        versions = empty.read(ModelVersion)
        assert {version.number for version in versions} == {1} and len(versions) == 2
        for version in versions:
            packed_version = said[version.manifest["model"]]
            assert canonical_json(version.manifest) == canonical_json(packed_version.manifest)
            assert version.manifest_digest == packed_version.manifest_digest
            assert version.metrics == version.manifest["metrics"]
            assert (version.trained_by, packed_version.trained_by) == ("ines", "will")
            assert version.trained_at == packed_version.trained_at
            for name, sha256 in version.manifest["files"].items():
                assert file_sha256(empty.artifacts / version.folder / name) == sha256
        assert {row.status for row in empty.read(SignOff)} == {SignOffStatus.NOT_STARTED}
        assert len(empty.read(SignOff)) == 3 and empty.read(Activation) == []
        (project,) = empty.read(ProjectRow)
        assert Path(project.folder) == empty.artifacts / "projects/credit"
        for name, content in FILES.items():
            assert (Path(project.folder) / name).read_bytes() == content
        tags = [tag for tag, actor in empty.trail() if actor == "ines"]
        assert tags == [Tag.PROJECT_REGISTERED, Tag.VERSION_RECORDED, Tag.VERSION_RECORDED, Tag.BUNDLE_IMPORTED]

    def test_puts_the_gate_of_this_installation_before_everything(self, empty: World, parcel: Path) -> None:
        bundle = bring_in(empty, parcel)
        with pytest.raises(ActivationRefused, match=r"credit/bundle-1 may not .* NOT_STARTED"):
            activate_all(empty, bundle)
        approve(empty, bundle)
        with pytest.raises(ActivationRefused, match=r"credit/fraud/1 may not .* NOT_STARTED"):
            activate_all(empty, bundle)
        for version in empty.read(ModelVersion):
            approve(empty, version)
        assert len(activate_all(empty, bundle)) == 2

    def test_makes_the_importer_answer_for_it_where_duties_are_separated(self, empty: World, parcel: Path) -> None:
        bundle = bring_in(empty, parcel, actor=FINN)
        with transaction(empty.engine) as session:
            session.connection().execute(text("UPDATE project SET separation_of_duties = true"))
        for row in (bundle, empty.read(ModelVersion)[0]):
            with pytest.raises(SignOffRefused, match=r"finn (made|trained) the \w+, and duties are separated"):
                approve(empty, row)

    def test_numbers_versions_as_they_come_here_and_does_not_double_what_is_here(
        self, world: World, other: World, tmp_path: Path, parcel: Path
    ) -> None:
        world.register(models=MODELS)
        for _ in range(3):
            a_version(world, "fraud", 0.7)
        first = bring_in(world, parcel)
        with Session(world.engine) as session:
            assert bundles.versions_here(session, first) == {"fraud": 4, "loss": 1}
            assert find_project(session, "credit").folder == "."  # its own configuration stays
        assert not (world.artifacts / "projects").exists()
        again = tmp_path / "again.zip"
        export(other, make(other), again)
        before = len(world.read(ModelVersion))
        second = bring_in(world, again)
        assert second.number == 2 and len(world.read(ModelVersion)) == before
        with Session(world.engine) as session:
            assert bundles.versions_here(session, second) == {"fraud": 4, "loss": 1}

    def test_adds_a_model_that_the_project_here_lacks(self, world: World, parcel: Path) -> None:
        bring_in(world, parcel)
        assert {model.name for model in world.read(ModelRow)} == {"fraud", "loss"}
        assert "credit/loss" in {item.path for item in world.read(Item)}

    def test_keeps_nobody_waiting_while_it_is_unpacked(self, world: World, parcel: Path) -> None:
        with (
            reading(world.engine) as session,
            bundles.unpacked(session, parcel, world.artifacts, actor=SKILLED) as unpacked,
        ):
            world.version()  # somebody writes
            with transaction(world.engine) as writing:
                bundle = bundles.import_bundle(writing, unpacked, world.artifacts, actor=SKILLED, at=world.now())
        assert left_in(world.artifacts / bundle.folder) == bundle.manifest["files"].keys()

    def test_twice_is_refused(self, empty: World, parcel: Path) -> None:
        bring_in(empty, parcel)
        before, files = rows_of(empty.engine), left_in(empty.artifacts)
        with pytest.raises(ActRefused, match="credit/bundle-1: 'import' is refused: it is there already"):
            bring_in(empty, parcel)
        assert (rows_of(empty.engine), left_in(empty.artifacts)) == (before, files)

    def test_into_the_installation_that_made_it_is_refused(self, world: World, tmp_path: Path) -> None:
        bundle = make(with_two_models(world))
        export(world, bundle, tmp_path / "own.zip")
        with pytest.raises(ActRefused, match="it is there already"):
            bring_in(world, tmp_path / "own.zip")

    def test_for_a_model_that_is_another_one_here_is_refused_and_leaves_nothing(
        self, world: World, parcel: Path
    ) -> None:
        world.register(models={"fraud": {"target": "amount", "prediction_type": "regression"}})
        before = rows_of(world.engine)
        with pytest.raises(ActRefused, match=r"predicts amount \(regression\) here, and y \(binary\) in the bundle"):
            bring_in(world, parcel)
        assert rows_of(world.engine) == before and left_in(world.artifacts) == set()

    def test_takes_the_right_to_write_everywhere_for_a_new_project(self, empty: World, parcel: Path) -> None:
        with transaction(empty.engine) as session:
            session.add(User(name="ines", created_at=empty.now()))
        with pytest.raises(NotAllowed, match="ines may not write on the whole installation"):
            bring_in(empty, parcel)
        assert empty.read(ProjectRow) == [] and left_in(empty.artifacts) == set()

    def test_by_two_at_once_is_won_by_one(self, empty: World, parcel: Path) -> None:
        def attempt(_: int) -> str:
            try:
                bring_in(empty, parcel)
            except ActRefused as refused:
                return str(refused)
            return "in"

        with ThreadPoolExecutor(6) as pool:
            ends = sorted(pool.map(attempt, range(6)))
        assert ends == ["credit/bundle-1: 'import' is refused: it is there already."] * 5 + ["in"]
        assert len(empty.read(Bundle)) == 1 and len(empty.read(ModelVersion)) == 2

    def test_that_fails_late_leaves_nothing(self, empty: World, parcel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("governance.bundles.importing.record_bundle", fails)
        with pytest.raises(KeyboardInterrupt):
            bring_in(empty, parcel)
        assert left_in(empty.artifacts) == set() and empty.read(ProjectRow) == []
        monkeypatch.undo()
        assert bring_in(empty, parcel).number == 1

    def test_after_a_run_that_was_killed_before_its_record_was_kept_uses_what_lies_there(
        self, empty: World, parcel: Path
    ) -> None:
        with (
            pytest.raises(RuntimeError, match="killed"),
            transaction(empty.engine) as session,
            bundles.unpacked(session, parcel, empty.artifacts, actor=SKILLED) as unpacked,
        ):
            bundles.import_bundle(session, unpacked, empty.artifacts, actor=SKILLED, at=empty.now())
            raise RuntimeError("killed")
        assert empty.read(ProjectRow) == [] and left_in(empty.artifacts) != set()
        assert bring_in(empty, parcel).number == 1

    @pytest.mark.parametrize("place", ["projects/credit", "bundles/credit/"])
    def test_never_takes_a_folder_that_has_something_else_in_it(self, empty: World, parcel: Path, place: str) -> None:
        with opened(parcel, bundles.Limits()) as packed:
            folder = empty.artifacts / (place if place.startswith("projects") else f"{place}{packed.digest}")
        folder.mkdir(parents=True)
        (folder / "project.yaml").write_text("project: mine")
        with pytest.raises(UnreadableFile, match="the folder is there already"):
            bring_in(empty, parcel)
        assert (folder / "project.yaml").read_text() == "project: mine"
        assert empty.read(ProjectRow) == [] and len(left_in(empty.artifacts)) == 1


def test_a_kill_in_the_middle_of_an_import_leaves_only_what_is_swept(
    parcel: Path, sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "driftgate.db")
    script = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from governance import bundles; from governance.bundles import importing; from governance.audit import Actor\n"
        "from governance.database import open_database, transaction\n"
        "importing.record_bundle = lambda *a, **k: os._exit(9)\n"
        "engine, ines = open_database(sys.argv[1], audit_key=b'seals the audit trails of the tests'), Actor('ines')\n"
        "file, store = map(Path, sys.argv[2:])\n"
        "with transaction(engine) as session, bundles.unpacked(session, file, store, actor=ines) as unpacked:\n"
        "    bundles.import_bundle(session, unpacked, store, actor=ines, at=datetime.now(UTC))"
    )
    url, store = f"sqlite:///{tmp_path / 'driftgate.db'}", tmp_path / "artifacts"
    done = subprocess.run(
        [sys.executable, "-c", script, url, str(parcel), str(store)],
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 9
    (left,) = sweep(store)
    assert left.parent == store / "bundles/credit"
    # What was unpacked for the project is whole, and the next import of the same bundle takes it.
    assert left_in(store) == {f"projects/credit/{name}" for name in FILES}
    engine = open_database(url, audit_key=KEY)
    world = World(engine, store)
    assert world.read(ProjectRow) == []
    assert bring_in(world, parcel).number == 1
    engine.dispose()


class TestActivating:
    @pytest.mark.parametrize("bundle_approved", [True, False])
    @pytest.mark.parametrize("approved", [("fraud", "loss"), ("fraud",), ("loss",), ()])
    def test_in_production_takes_an_approval_of_the_bundle_and_of_every_version(
        self, world: World, bundle_approved: bool, approved: tuple[str, ...]
    ) -> None:
        bundle = make(with_two_models(world))
        for version in world.read(ModelVersion):
            if version.manifest["model"] in approved:
                approve(world, version)
        if bundle_approved:
            approve(world, bundle)
        if bundle_approved and len(approved) == 2:
            activations = activate_all(world, bundle)
            assert [activation.decision for activation in activations] == [GateDecision.ALLOWED] * 2
            return
        before = rows_of(world.engine)
        with pytest.raises(ActivationRefused, match="NOT_STARTED, not APPROVED"):
            activate_all(world, bundle)
        assert rows_of(world.engine) == before

    def test_leaves_nothing_of_a_refused_one_to_a_caller_who_goes_on(self, world: World) -> None:
        bundle = make(with_two_models(world))
        approve(world, bundle)
        approve(world, next(v for v in world.read(ModelVersion) if v.manifest["model"] == "fraud"))
        before = rows_of(world.engine)
        with transaction(world.engine) as session:
            prod = find_environment(session, "credit", "prod")
            with pytest.raises(ActivationRefused, match="credit/loss/1"):
                bundles.activate_bundle(session, bundle, prod, artifacts=world.artifacts, actor=FINN, at=world.now())
        assert rows_of(world.engine) == before

    def test_where_the_gate_warns_takes_a_confirmation_that_is_recorded(self, world: World) -> None:
        bundle = make(with_two_models(world))
        with pytest.raises(ConfirmationNeeded, match="credit/bundle-1 needs a confirmation"):
            activate_all(world, bundle, "test")
        approve(world, bundle)
        with pytest.raises(ConfirmationNeeded, match="credit/fraud/1 needs a confirmation"):
            activate_all(world, bundle, "test")
        activations = activate_all(world, bundle, "test", confirm=True)
        assert [activation.confirmed for activation in activations] == [True, True]

    def test_writes_one_line_for_each_version_and_one_for_the_bundle_and_none_the_second_time(
        self, world: World
    ) -> None:
        bundle = make(with_two_models(world))
        activate_all(world, bundle, "test", confirm=True)
        assert [tag for tag, _ in world.trail()][-3:] == [
            Tag.VERSION_ACTIVATED,
            Tag.VERSION_ACTIVATED,
            Tag.BUNDLE_ACTIVATED,
        ]
        line = world.read(AuditEvent)[-1]
        assert line.after["versions"] == {"fraud": 1, "loss": 1} and line.before["versions"] == {}
        assert line.after["confirmed"] is True and line.after["content_digest"] == bundle.manifest_digest
        before = rows_of(world.engine)
        assert len(activate_all(world, bundle, "test", confirm=True)) == 2
        assert rows_of(world.engine) == before

    @pytest.mark.parametrize("name", ["configuration/project.yaml", "versions/fraud/model.skops"])
    def test_of_an_altered_bundle_is_refused_under_every_policy(self, world: World, name: str) -> None:
        bundle = make(with_two_models(world))
        (world.artifacts / bundle.folder / name).write_text("other")
        for environment in ("dev", "test", "prod"):
            with pytest.raises(ActivationRefused, match=f"{name} is not what was recorded"):
                activate_all(world, bundle, environment, confirm=True)

    def test_of_an_altered_version_is_refused(self, world: World) -> None:
        bundle = make(with_two_models(world))
        version = next(v for v in world.read(ModelVersion) if v.manifest["model"] == "loss")
        (world.artifacts / version.folder / "model.skops").write_text("other")
        with pytest.raises(ActivationRefused, match=r"credit/loss/1 .* model\.skops is not what was recorded"):
            activate_all(world, bundle, "test", confirm=True)
        assert {a.environment_id for a in world.read(ActiveVersion)} == {world.environment("dev").id}

    def test_in_an_environment_of_another_project_is_refused(self, world: World) -> None:
        bundle = make(with_two_models(world))
        world.register(project="other")
        with transaction(world.engine) as session:
            place = find_environment(session, "other", "dev")
            with pytest.raises(ActivationRefused, match="belongs to another project"):
                bundles.activate_bundle(session, bundle, place, artifacts=world.artifacts, actor=FINN, at=world.now())

    def test_takes_the_version_with_the_content_of_the_bundle_and_not_the_latest(self, world: World) -> None:
        bundle = make(with_two_models(world))
        world.activate(a_version(world, "fraud", 0.99), "dev")
        activate_all(world, bundle, "dev")
        with Session(world.engine) as session:
            active = {
                session.get_one(ModelVersion, row.version_id).manifest["model"]: session.get_one(
                    ModelVersion, row.version_id
                ).number
                for row in session.exec(select(ActiveVersion))
            }
        assert active == {"fraud": 1, "loss": 1}

    def test_by_many_at_once_never_leaves_versions_of_two_bundles_together(self, world: World) -> None:
        first = make(with_two_models(world))
        for name in MODELS:
            world.activate(a_version(world, name), "dev")
        second = make(world)

        def attempt(turn: int) -> str:
            try:
                activate_all(world, (first, second)[turn % 2], "test", confirm=True)
            except ChangedMeanwhile:
                return "late"
            return "active"

        with ThreadPoolExecutor(6) as pool:
            ends = list(pool.map(attempt, range(12)))
        assert ends.count("active") >= 1 and set(ends) <= {"active", "late"}
        test = world.environment("test").id
        with Session(world.engine) as session:
            rows = session.exec(select(ActiveVersion).where(ActiveVersion.environment_id == test)).all()
            numbers = {session.get_one(ModelVersion, row.version_id).number for row in rows}
        assert len(rows) == 2 and len(numbers) == 1


Members = list[tuple[zipfile.ZipInfo, bytes]]


def members_of(parcel: Path) -> Members:
    with zipfile.ZipFile(parcel) as archive:
        return [(info, archive.read(info)) for info in archive.infolist()]


def packed_again(members: Members, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for info, content in members:
            again = zipfile.ZipInfo(info.filename, info.date_time)
            again.external_attr, again.compress_type = info.external_attr, info.compress_type
            archive.writestr(again, content)
    return target


def member(name: str, content: bytes = b"x", mode: int = 0o100644) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, content


def with_manifest(members: Members, change: Callable[[dict[str, Any]], object]) -> Members:
    manifest = json.loads(members[0][1])
    change(manifest)
    return [(members[0][0], canonical_json(manifest)), *members[1:]]


def renamed(members: Members, before: str, after: str) -> Members:
    """A file under another name, in the manifest too."""
    changed = with_manifest(members, lambda m: m["files"].update({after: m["files"].pop(before)}))
    return [(member(after)[0] if info.filename == before else info, content) for info, content in changed]


def compressed(members: Members) -> Members:
    for info, _ in members:
        info.compress_type = zipfile.ZIP_DEFLATED
    return members


def set_in_version(**fields: Any) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: manifest["versions"][0].update(fields)


def set_in_manifest_of_version(**fields: Any) -> Callable[[dict[str, Any]], object]:
    def change(manifest: dict[str, Any]) -> None:
        version = manifest["versions"][0]
        version["manifest"].update(fields)
        version["manifest_digest"] = digest(version["manifest"])

    return change


YAML = "configuration/project.yaml"
HOSTILE: dict[str, tuple[Callable[[Members], Members], str]] = {
    "path traversal": (lambda m: [*m, member("configuration/../../../evil.py")], "no name of a file"),
    "path traversal in the manifest": (lambda m: renamed(m, YAML, "configuration/../../evil.py"), "no name of a file"),
    "absolute name": (lambda m: [*m, member("/etc/passwd")], "no name of a file"),
    "absolute name in the manifest": (lambda m: renamed(m, YAML, "/etc/passwd"), "no name of a file"),
    "drive letter": (lambda m: [*m, member("C:evil")], "no name of a file"),
    "backslashes": (lambda m: [*m, member("configuration\\..\\evil")], "no name of a file"),
    "hidden file": (lambda m: [*m, member("configuration/.ssh/authorized_keys")], "no name of a file"),
    "line break in a name": (lambda m: [*m, member("configuration/a\nb")], "no name of a file"),
    "end of text in a name": (lambda m: [*m, member("bundle.json\0.py")], "twice|two names"),
    "folder": (lambda m: [*m, member("configuration/empty/", b"")], "no name of a file"),
    "symbolic link": (lambda m: [*m, member("configuration/link", b"/etc/passwd", 0o120777)], "link or a device"),
    "device": (lambda m: [*m, member("configuration/null", b"", 0o020666)], "link or a device"),
    "fifo": (lambda m: [*m, member("configuration/pipe", b"", 0o010666)], "link or a device"),
    "the same member twice": (lambda m: [*m, m[1]], "it is there twice"),
    "another manifest": (lambda m: [*m, member("bundle.json", b"{}")], "it is there twice"),
    "unknown member": (lambda m: [*m, member("configuration/more.py")], "more.py is not in its manifest"),
    "unknown room": (lambda m: [*m, member("readme.txt")], "readme.txt is not in its manifest"),
    "unknown room in the manifest": (lambda m: renamed(m, "versions/loss/report.json", "loss.json"), "it is neither"),
    "file too deep in a version": (
        lambda m: renamed(m, "versions/loss/report.json", "versions/loss/a/report.json"),
        "it is neither",
    ),
    "names that differ in capitals": (
        lambda m: [
            *with_manifest(m, lambda one: one["files"].update({"configuration/Project.yaml": one["files"][YAML]})),
            member("configuration/Project.yaml"),
        ],
        "nothing but capitals",
    ),
    "a file that is a folder": (
        lambda m: [
            *with_manifest(m, lambda one: one["files"].update({f"{YAML}/x": one["files"][YAML]})),
            member(f"{YAML}/x"),
        ],
        "is a file and a folder",
    ),
    "missing member": (lambda m: m[:-1], "is missing"),
    "no manifest": (lambda m: m[1:], "there is no bundle.json"),
    "no member at all": (lambda _: [], "there is no bundle.json"),
    "compressed": (compressed, "it is compressed"),
    "a manifest that is no JSON": (lambda m: [member("bundle.json", b"{"), *m[1:]], "not spelled"),
    "a manifest that is no object": (lambda m: [member("bundle.json", b"[]"), *m[1:]], "bundle.json"),
    "a manifest with spaces": (
        lambda m: [(m[0][0], json.dumps(json.loads(m[0][1])).encode()), *m[1:]],
        "not spelled",
    ),
    "a field twice": (lambda m: [(m[0][0], m[0][1][:-1] + b',"project":"mine"}'), *m[1:]], "not spelled"),
    "nested without end": (lambda m: [member("bundle.json", b"[" * 200_000), *m[1:]], "not spelled"),
    "half a character": (lambda m: [member("bundle.json", b'{"project":"\\ud800"}'), *m[1:]], "not spelled"),
    "no number": (lambda m: [member("bundle.json", b'{"format":NaN}'), *m[1:]], "not spelled"),
    "unknown field": (lambda m: with_manifest(m, lambda one: one.update(more=1)), "more: Extra inputs"),
    "unknown format": (lambda m: with_manifest(m, lambda one: one.update(format=2)), "format: Input should be 1"),
    "a project that is a path": (lambda m: with_manifest(m, lambda one: one.update(project="../x")), "project: "),
    "a model that is a path": (lambda m: with_manifest(m, set_in_version(model="../x")), r"versions\.0\.model: "),
    "another project in the configuration": (
        lambda m: with_manifest(
            m,
            lambda one: (
                one.update(project="mine"),
                [
                    (v["manifest"].update(project="mine"), v.update(manifest_digest=digest(v["manifest"])))
                    for v in one["versions"]
                ],
            ),
        ),
        "project.yaml is of the project 'credit', its manifest of 'mine'",
    ),
    "a version without a model here": (
        lambda m: with_manifest(m, lambda one: one["versions"].pop()),
        "is of no version",
    ),
    "no versions": (lambda m: with_manifest(m, lambda one: one.update(versions=[])), "versions: List should"),
    "one version twice": (
        lambda m: with_manifest(m, lambda one: one["versions"].append(one["versions"][0])),
        "not one of each model",
    ),
    "an altered manifest of a version": (
        lambda m: with_manifest(m, lambda one: one["versions"][0]["manifest"].update(threshold=0.1)),
        "the manifest of version 1 of model 'fraud' is not that of its digest",
    ),
    "another digest of a version": (
        lambda m: with_manifest(m, set_in_version(manifest_digest="0" * 64)),
        "not that of its digest",
    ),
    "files of a version that its manifest lacks": (
        lambda m: with_manifest(m, set_in_manifest_of_version(files={})),
        "the files of version 1 of model 'fraud' are not those of its manifest",
    ),
    "a version of another project": (
        lambda m: with_manifest(m, set_in_manifest_of_version(project="other")),
        "is of another model",
    ),
    "metrics that are none": (
        lambda m: with_manifest(m, set_in_manifest_of_version(metrics="<script>")),
        "the metrics or diagnostics",
    ),
    "metrics with words for numbers": (
        lambda m: with_manifest(m, set_in_manifest_of_version(metrics=[{"name": "roc_auc", "value": "high"}])),
        "the metrics or diagnostics",
    ),
    "control characters in a name": (
        lambda m: with_manifest(m, set_in_version(target="y\u0000")),
        r"versions\.0\.target: it has characters",
    ),
    "an altered file": (
        lambda m: [(info, b"other" if info.filename == "versions/loss/model.skops" else c) for info, c in m],
        r"versions/loss/model\.skops is not what its manifest says",
    ),
    "an altered configuration": (
        lambda m: [(info, c + b"\n" if info.filename == YAML else c) for info, c in m],
        "project.yaml is not what its manifest says",
    ),
    "a digest of something else": (
        lambda m: with_manifest(m, lambda one: one["files"].update({YAML: "0" * 64})),
        "project.yaml is not what its manifest says",
    ),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_archive_is_refused_with_its_reason_and_writes_nothing(
    empty: World, parcel: Path, tmp_path: Path, attack: str
) -> None:
    change, reason = HOSTILE[attack]
    hostile = packed_again(change(members_of(parcel)), tmp_path / "hostile.zip")
    before = rows_of(empty.engine)
    with pytest.raises(UnreadableFile, match=reason):
        bring_in(empty, hostile)
    assert rows_of(empty.engine) == before and left_in(empty.artifacts) == set()
    assert {path.name for path in tmp_path.iterdir()} <= {"hostile.zip", "artifacts", "driftgate.db", *_of_sqlite()}


def _of_sqlite() -> set[str]:
    return {f"driftgate.db-{end}" for end in ("wal", "shm")} | {"driftgate.db.lock"}


def test_members_that_lie_on_top_of_each_other_are_refused(empty: World, parcel: Path, tmp_path: Path) -> None:
    """A member whose bytes are those of another one makes a small file unpack into a large folder."""
    inner = tmp_path / "inner.zip"
    large = packed_again([member("configuration/inner.py", b"0" * 5_000)], inner).read_bytes()
    hostile = packed_again([*members_of(parcel), member("configuration/outer.py", large)], tmp_path / "hostile.zip")
    with zipfile.ZipFile(hostile, "a") as archive, zipfile.ZipFile(inner) as small:
        outer, (hidden,) = archive.getinfo("configuration/outer.py"), small.infolist()
        hidden.header_offset = outer.header_offset + len(outer.FileHeader())
        archive.filelist.append(hidden)
        archive._didModify = True  # type: ignore[attr-defined]
    with zipfile.ZipFile(hostile) as archive:
        assert "configuration/inner.py" in archive.namelist()
    with pytest.raises(UnreadableFile, match=r"on top of each other|[Oo]verlapped"):
        bring_in(empty, hostile)
    assert left_in(empty.artifacts) == set()


def test_the_archives_of_these_tests_are_refused_for_nothing_but_what_is_hostile_in_them(
    empty: World, parcel: Path, tmp_path: Path
) -> None:
    assert bring_in(empty, packed_again(members_of(parcel), tmp_path / "friendly.zip")).number == 1


def test_a_broken_configuration_is_refused_and_leaves_nothing(empty: World, parcel: Path, tmp_path: Path) -> None:
    content = b"project: credit\nmodels: 3\n"
    sha256 = hashlib.sha256(content).hexdigest()
    members = with_manifest(members_of(parcel), lambda one: one["files"].update({YAML: sha256}))
    members = [(info, content if info.filename == YAML else c) for info, c in members]
    with pytest.raises(ProjectFileError):
        bring_in(empty, packed_again(members, tmp_path / "broken.zip"))
    assert empty.read(ProjectRow) == [] and left_in(empty.artifacts) == set()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"members": 3}, "members, and a bundle at most 3"),
        ({"manifest_bytes": 100}, "bundle.json.* may have 100"),
        ({"configuration_bytes": 10}, "configuration/.* may have 10"),
        ({"file_bytes": 10}, "versions/.* may have 10"),
    ],
)
def test_what_is_larger_than_declared_is_refused(
    empty: World, parcel: Path, limits: dict[str, int], reason: str
) -> None:
    with pytest.raises(UnreadableFile, match=reason):
        bring_in(empty, parcel, limits=bundles.Limits(**limits))
    assert left_in(empty.artifacts) == set()


def with_many_members(declared: int, entries: int, *, of_64: bool) -> bytes:
    """An archive whose directory has other members than it says."""
    directory = (struct.pack("<4s24xHHH12x", b"PK\x01\x02", 1, 0, 0) + b"x") * entries
    end = b""
    if of_64:
        size = len(directory)
        end = struct.pack("<4sQ12xQQQQ", b"PK\x06\x06", 44, declared, declared, size, 0)
        end += struct.pack("<4s4xQI", b"PK\x06\x07", size, 1)
    short = min(declared, 0xFFFF)
    return directory + end + struct.pack("<4s4xHHIIH", b"PK\x05\x06", short, short, len(directory), 0, 0)


@pytest.mark.parametrize("of_64", [False, True])
@pytest.mark.parametrize(
    ("declared", "entries", "reason"),
    [
        (40_000, 40_000, "it has 40,000 members, and a bundle at most 10,000"),
        (3, 40_000, "its directory has other members than it says"),
        (40, 3, "its directory has other members than it says"),
    ],
)
def test_the_members_are_counted_before_the_archive_library_reads_them(
    empty: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: int, entries: int, reason: str, of_64: bool
) -> None:
    (tmp_path / "x.zip").write_bytes(with_many_members(declared, entries, of_64=of_64))

    def read(*_: object) -> None:
        raise AssertionError("the archive library has read it")

    monkeypatch.setattr("governance.bundles.reading.ZipFile", read)
    with pytest.raises(UnreadableFile, match=reason):
        bring_in(empty, tmp_path / "x.zip")


def test_an_archive_of_more_members_than_the_short_form_counts_is_looked_into(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(70_000):
            archive.writestr(zipfile.ZipInfo(f"configuration/{number}"), b"")
    with (
        pytest.raises(UnreadableFile, match=r"it is no bundle: there is no bundle\.json"),
        opened(tmp_path / "x.zip", bundles.Limits(members=70_000)),
    ):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive" * 100, b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_archive_is_refused(empty: World, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UnreadableFile):
        bring_in(empty, tmp_path / "x.zip")
    for absent in (tmp_path / "absent.zip", tmp_path):
        with pytest.raises(UnreadableFile, match="can't be read"):
            bring_in(empty, absent)


def test_a_truncated_archive_is_refused_wherever_it_ends(parcel: Path, tmp_path: Path) -> None:
    whole = parcel.read_bytes()
    for end in range(0, len(whole), 97):
        (tmp_path / "cut.zip").write_bytes(whole[:end])
        with pytest.raises(UnreadableFile), opened(tmp_path / "cut.zip", bundles.Limits()) as packed:
            packed.verify()


@given(st.data())
@hypothesis_settings(max_examples=300, deadline=None)
def test_an_archive_with_other_bytes_is_refused_or_says_the_same(
    parcel: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(parcel.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("fuzz") / "x.zip"
    file.write_bytes(whole)
    with opened(parcel, bundles.Limits()) as packed:
        expected = packed.digest
    try:
        with opened(file, bundles.Limits()) as packed:
            packed.verify()
            assert packed.digest == expected
    except UnreadableFile:
        pass


@given(st.text(max_size=40))
def test_a_name_that_is_taken_stays_inside(name: str) -> None:
    if not problem_of_name(name):
        inside = Path("/store/bundle") / name
        assert inside.resolve().is_relative_to("/store/bundle") and inside.as_posix() == f"/store/bundle/{name}"
        assert name.isprintable()
