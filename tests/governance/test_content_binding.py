"""What was approved is what becomes active and what is loaded, part by part; whoever changes a part is told which."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from governance import registry
from governance.artifacts import canonical_json, digest
from governance.audit import Tag
from governance.content import parts_of
from governance.database import open_database, transaction
from governance.errors import ActivationRefused, ContentAltered, SignOffRefused
from governance.settings import settings
from governance.tables import AuditEvent, ModelVersion
from governance.vocabulary import Measurement, SignOffAction
from tasks import edge
from tasks.load import load_training_data, resolve_evaluation, resolve_scoring, resolve_training
from tasks.record import record_version
from tasks.train import fit_version, profile_reference
from tasks.versions import open_version
from tests.governance.tampering import tamper
from tests.governance.world import FINN, WILL, World
from tests.workplace import KEY, at_home

PROJECT = """\
project: credit
data:
  training: {path: t.csv}
models:
  fraud: {target: y, prediction_type: binary, parameters: {max_iter: 5}}
stores:
  monthly: {model: fraud, data: training}
people: {writers: [will], final_approvers: [finn]}
environments: {dev: {policy: always}, test: {policy: warn}, prod: {policy: prevent}}
"""


@dataclass(frozen=True)
class Trained:
    """A version that was really trained.

    Args:
        home: Its home, with the project in ``project`` and the artifacts in ``artifacts``.
        row: As it was recorded.
    """

    home: Path
    row: ModelVersion


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    home = tmp_path_factory.mktemp("trained")
    project = home / "project"
    project.mkdir()
    (project / "project.yaml").write_text(PROJECT)
    random = np.random.default_rng(7)
    amount = random.normal(size=400)
    frame = pd.DataFrame({"amount": amount, "age": random.integers(18, 80, 400), "y": (amount > 0.5).astype(int)})
    frame.to_csv(project / "t.csv", index=False)
    with at_home(home, DRIFTGATE_USER="will", DRIFTGATE_AUDIT_KEY=KEY.decode()):
        assignment = resolve_training.fn(str(project), None, None, None)
        table = load_training_data.fn(assignment)
        model = fit_version.fn(assignment, table)
        record_version.fn(assignment, table, model, profile_reference.fn(model), None)
        engine = open_database(settings().database, audit_key=KEY)
        with Session(engine) as session:
            row = session.exec(select(ModelVersion)).one()
        engine.dispose()
    return Trained(home, row)


class OnTheClock(World):
    """A world whose acts are made when they are made, since what loads has no other clock."""

    def now(self) -> datetime:
        return edge.now()


@dataclass
class Live:
    """The trained version in an installation of its own.

    Args:
        world: Its acts.
        project: Folder.
        version: As recorded; its sign-off waits for approval.
    """

    world: World
    project: str
    version: ModelVersion

    def approve(self) -> None:
        self.world.sign(self.version, SignOffAction.APPROVE, FINN)

    def score(self) -> object:
        return resolve_scoring.fn(self.project, "training", None, "1", None)

    def evaluate(self) -> object:
        return resolve_evaluation.fn(self.project, "monthly", None, "1", None)

    def alter(self, row: ModelVersion, **columns: Any) -> None:
        for column, value in columns.items():
            spelled = value if isinstance(value, str) else json.dumps(value)
            tamper(self.world.engine, f"UPDATE model_version SET {column} = :value WHERE id = {row.id}", value=spelled)


@pytest.fixture
def live(database: Engine, database_url: str, trained: Trained, tmp_path: Path) -> Iterator[Live]:
    home, project = tmp_path / "home", tmp_path / "project"
    shutil.copytree(trained.home / "project", project)
    shutil.copytree(trained.home / "artifacts", home / "artifacts")
    environment = {
        "DRIFTGATE_USER": "will",
        "DRIFTGATE_AUDIT_KEY": KEY.decode(),
        "DRIFTGATE_DATABASE_URL": database_url,
    }
    with at_home(home, **environment):
        world = OnTheClock(database, home / "artifacts")
        resolve_training.fn(str(project), None, None, None)
        about = {key: value for key, value in trained.row.manifest.items() if key not in {"metrics", "diagnostics"}}
        with transaction(database) as session:
            version = registry.record_version(
                session,
                registry.find_model(session, "credit", "fraud"),
                folder=trained.row.folder,
                manifest=about,
                metrics=[Measurement(**metric) for metric in trained.row.metrics],
                diagnostics=trained.row.diagnostics,
                actor=WILL,
                at=world.now(),
            )
        assert version.manifest_digest == trained.row.manifest_digest
        world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        yield Live(world, str(project), version)


def _nudged(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**metric, "value": 0.999} if metric["value"] is not None else metric for metric in metrics]


ALTERED: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "artifact": (lambda m: {"files": {**m["files"], "model.skops": "0" * 64}}, "model.skops"),
    "reference sample": (lambda m: {"files": {**m["files"], "reference.parquet": "0" * 64}}, "reference.parquet"),
    "a file too many": (lambda m: {"files": {**m["files"], "more.py": "0" * 64}}, "more.py"),
    "a file too few": (
        lambda m: {"files": {name: sha for name, sha in m["files"].items() if name != "report.json"}},
        "report.json",
    ),
    "data fingerprint": (lambda m: {"data": {**m["data"], "fingerprints": ["0" * 64]}}, "the data"),
    "metrics": (lambda m: {"metrics": _nudged(m["metrics"])}, "the metrics"),
    "diagnostics": (lambda m: {"diagnostics": [{"name": "fine", "message": "all is well"}]}, "the diagnostics"),
    "parameters": (lambda m: {"parameters": {"max_iter": 500}}, "the parameters"),
    "threshold": (lambda m: {"threshold": 0.01}, "the threshold"),
    "code revision": (lambda m: {"code_revision": "f" * 40}, "the code revision"),
    "project's revision": (lambda m: {"project_revision": "f" * 40}, "the project revision"),
    "package versions": (lambda m: {"packages": {**m["packages"], "numpy": "0.0.1"}}, "the packages"),
    "something new": (lambda m: {"remark": "approved by everybody"}, "the remark"),
}
"""What is altered in the row, and the part that must be named."""


def test_every_part_that_an_approval_is_for_is_in_the_manifest(trained: Trained) -> None:
    parts = parts_of(trained.row.manifest)
    expected = {"model.skops", "reference.parquet", "profile.npz", "report.json"}
    expected |= {
        f"the {name}" for name in ("data", "metrics", "diagnostics", "parameters", "packages", "code revision")
    }
    expected |= {f"the {name}" for name in ("schema", "threshold", "estimator", "split", "project revision")}
    assert expected <= parts.keys()
    assert trained.row.manifest["parameters"] == {"max_iter": 5}
    assert trained.row.manifest["data"]["fingerprints"]
    assert len(parts) == len(trained.row.manifest) - 1 + len(trained.row.manifest["files"])


@pytest.mark.parametrize("part", ALTERED)
def test_no_two_manifests_that_differ_in_a_part_have_that_part_alike(trained: Trained, part: str) -> None:
    manifest = trained.row.manifest
    change, name = ALTERED[part]
    before, after = parts_of(manifest), parts_of({**manifest, **change(manifest)})
    assert {one for one in before | after if before.get(one) != after.get(one)} == {name}


@pytest.mark.parametrize("part", ALTERED)
def test_an_altered_part_of_the_row_is_named_at_approval_activation_and_loading(live: Live, part: str) -> None:
    change, name = ALTERED[part]
    manifest = {**live.version.manifest, **change(live.version.manifest)}
    named = f"the manifest is not what was recorded: {name} "
    for forged in (  # one after the other: the row, its digest too, and the copies for lists too
        {"manifest": manifest},
        {"manifest_digest": digest(manifest)},
        {"metrics": manifest["metrics"], "diagnostics": manifest["diagnostics"]},
    ):
        live.alter(live.version, **forged)
        with pytest.raises(SignOffRefused, match=named):
            live.approve()
        for environment in ("dev", "test", "prod"):
            with pytest.raises(ActivationRefused, match=named):
                live.world.activate(live.version, environment, confirm=True)
        for load in (live.score, live.evaluate):
            with pytest.raises(
                ContentAltered, match=rf"credit/fraud/1: the manifest \({name}\) is not what was recorded"
            ):
                load()


def test_what_was_forged_after_the_approval_and_with_it_is_named_too(live: Live) -> None:
    live.approve()
    manifest = {**live.version.manifest, "parameters": {"max_iter": 500}}
    live.alter(live.version, manifest=manifest, manifest_digest=digest(manifest))
    tamper(live.world.engine, "UPDATE final_approval SET content_digest = :digest", digest=digest(manifest))
    with pytest.raises(ActivationRefused, match="the manifest is not what was recorded: the parameters "):
        live.world.activate(live.version)
    with pytest.raises(ContentAltered, match="the parameters"):
        live.score()


def test_several_altered_parts_are_all_named(live: Live) -> None:
    manifest = {**live.version.manifest, "parameters": {}, "packages": {}}
    live.alter(live.version, manifest=manifest)
    with pytest.raises(ActivationRefused, match="recorded: the packages, the parameters "):
        live.world.activate(live.version, "dev")


@pytest.mark.parametrize("column", ["metrics", "diagnostics"])
def test_a_copy_beside_the_manifest_is_compared_with_it(live: Live, column: str) -> None:
    live.alter(live.version, **{column: [{"name": "roc_auc", "value": 1.0, "message": ""}]})
    clause = f"the {column} of the version are not those of its manifest"
    with pytest.raises(SignOffRefused, match=clause):
        live.approve()
    with pytest.raises(ActivationRefused, match=clause):
        live.world.activate(live.version, "dev")
    with pytest.raises(ContentAltered, match=f"the copy of the {column} is not what was recorded"):
        live.score()


def test_a_row_that_stands_for_another_folder_is_refused(live: Live) -> None:
    other = live.world.artifacts / "models/credit/fraud/other"
    shutil.copytree(live.world.artifacts / live.version.folder, other)
    (other / "model.skops").write_bytes(b"other")
    live.alter(live.version, folder="models/credit/fraud/other")
    with pytest.raises(ActivationRefused, match=r"model\.skops is not what was recorded"):
        live.world.activate(live.version, "dev")
    with pytest.raises(ContentAltered, match="the model is not what was recorded"):
        live.score()


@pytest.mark.parametrize(
    ("file", "loaded_by"),
    [
        ("model.skops", Live.score),
        ("model.skops", Live.evaluate),
        ("reference.parquet", Live.evaluate),
        ("profile.npz", Live.evaluate),
    ],
)
def test_an_altered_file_is_named_at_approval_activation_and_loading(
    live: Live, file: str, loaded_by: Callable[[Live], object]
) -> None:
    path = live.world.artifacts / live.version.folder / file
    for change in (lambda: path.write_bytes(path.read_bytes()[:-1] + b"!"), path.unlink):
        change()
        with pytest.raises(SignOffRefused, match=f"{file} is not what was recorded"):
            live.approve()
        for environment in ("dev", "test", "prod"):
            with pytest.raises(ActivationRefused, match=f"{file} is not what was recorded"):
                live.world.activate(live.version, environment, confirm=True)
        with pytest.raises(ContentAltered, match=rf"{Path(file).stem}\S*:? .*is not what was recorded"):
            loaded_by(live)


def test_an_unaltered_version_is_approved_activated_and_loaded(live: Live) -> None:
    live.approve()
    live.world.activate(live.version)
    assert live.score() is not None and live.evaluate() is not None


def test_a_version_that_was_recorded_before_parts_were_kept_still_works_and_is_still_bound(live: Live) -> None:
    said = json.dumps({"manifest_digest": live.version.manifest_digest, "folder": live.version.folder})
    tamper(live.world.engine, f"UPDATE audit_event SET after = :said WHERE tag = '{Tag.VERSION_RECORDED}'", said=said)
    live.approve()
    live.world.activate(live.version)
    assert live.score() is not None
    manifest = {**live.version.manifest, "parameters": {}}
    live.alter(live.version, manifest=manifest, manifest_digest=digest(manifest))
    with pytest.raises(ActivationRefused, match=r"the manifest is not what was recorded \(expected"):
        live.world.activate(live.version, "dev")
    with pytest.raises(ContentAltered, match=r"credit/fraud/1: the manifest is not what was recorded"):
        live.score()


def test_a_version_without_a_line_in_the_trail_is_bound_to_its_own_digest(live: Live) -> None:
    tamper(live.world.engine, f"DELETE FROM audit_event WHERE tag = '{Tag.VERSION_RECORDED}'")
    assert live.score() is not None
    live.alter(live.version, manifest={**live.version.manifest, "parameters": {}})
    with pytest.raises(ContentAltered, match="the manifest is not what was recorded"):
        live.score()


def test_a_version_is_not_opened_with_a_manifest_that_is_not_of_its_digest(live: Live) -> None:
    row = live.version
    assert open_version(row, "fraud", live.world.artifacts).number == 1
    forged = row.model_copy(update={"manifest": {**row.manifest, "threshold": 0.01}})
    with pytest.raises(ContentAltered, match="the manifest is not what was recorded"):
        open_version(forged, "fraud", live.world.artifacts)


def test_the_line_of_the_recording_names_the_parts_and_none_of_their_contents(live: Live) -> None:
    with Session(live.world.engine) as session:
        line = session.exec(select(AuditEvent).where(AuditEvent.tag == Tag.VERSION_RECORDED)).one()
    assert line.after is not None
    assert line.after["parts"] == parts_of(live.version.manifest)
    assert all(len(sha256) == 64 for sha256 in line.after["parts"].values())
    assert len(canonical_json(line.after)) < 4_000
