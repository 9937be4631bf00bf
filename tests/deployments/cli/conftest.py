"""A small project in the home of the test, and versions that nobody had to train."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.cli import record
from governance.artifacts import file_sha256, write_folder
from governance.settings import settings
from governance.vocabulary import Measurement
from tasks import edge

PROJECT = """\
project: loans
data:
  training: {path: train.csv}
  current: {path: current.csv}
models:
  default:
    target: repaid
    prediction_type: binary
stores:
  drift:
    model: default
    performance: false
    checks:
      - {name: Data drift, metric: data_drift, soft_maximum: 0.6, maximum: 0.75}
scenarios:
  retrain:
    name: Retrain
    steps:
      - {name: Judge, kind: build_evaluation, store: drift}
people:
  writers: [ada]
  reviewers: {business: [ben], risk: [ben, cleo]}
  final_approvers: [hana]
environments:
  dev: {policy: always}
  test: {policy: warn}
  prod: {policy: prevent}
"""


@pytest.fixture
def project(home: Path) -> Path:
    """A project in the current folder, whose data need not be there."""
    file = home / "project.yaml"
    file.write_text(PROJECT)
    return file


@pytest.fixture
def trained(project: Path) -> Callable[[], int]:
    """Record a version without training one; gives its number."""
    from governance import registry

    def version() -> int:
        declared, actor, at = record.find_project(None), record.acting("ada"), datetime.now(UTC)
        with edge.known(declared, actor) as session:
            model = registry.find_model(session, "loans", "default")
            number = len(registry.list_versions(session, model)) + 1
            relative = f"models/loans/default/{number}"
            with write_folder(settings().artifacts_folder, relative) as folder:
                (folder / "model.skops").write_text(f"model {number}")
                files = {"model.skops": file_sha256(folder / "model.skops")}
            made = registry.record_version(
                session,
                model,
                folder=relative,
                manifest={"files": files, "data": {"name": "training"}, "rows": {"train": 80, "test": 20}},
                metrics=[Measurement("roc_auc", 0.8 + number / 100)],
                diagnostics=[{"name": "small", "message": "the test set is small"}],
                actor=actor,
                at=at,
            )
            return made.number

    return version
