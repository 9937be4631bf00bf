"""A model version out of the store: verified first, then ready to predict and to be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from governance import artifacts
from governance.tables import ModelVersion
from governance.vocabulary import Measurement
from tasks.data.schema import Schema
from tasks.drift.profile import ReferenceProfile, profile_from_bytes
from tasks.learning.persistence import load_model
from tasks.learning.prediction import FittedModel

MODEL_FILE = "model.skops"
REFERENCE_FILE = "reference.parquet"
PROFILE_FILE = "profile.npz"
REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class Version:
    """One model version.

    Args:
        id: In the record.
        number: As people name it.
        model: Name of the model.
        fitted: Pipeline, schema and threshold.
        manifest: What the version consists of, with the hash of every file.
        measurements: Its metrics on the test part.
        folder: Where its files are.
    """

    id: int | None
    number: int
    model: str
    fitted: FittedModel
    manifest: Mapping[str, Any]
    measurements: tuple[Measurement, ...]
    folder: Path

    @property
    def schema(self) -> Schema:
        """Columns, target and classes it was trained with."""
        return self.fitted.schema

    def reference(self) -> pd.DataFrame:
        """The test part of its training data, with its predictions. Raises: ContentAltered."""
        content = artifacts.read_verified(self.folder / REFERENCE_FILE, self.manifest["files"][REFERENCE_FILE])
        return pd.read_parquet(BytesIO(content))

    def profile(self) -> ReferenceProfile | None:
        """What was computed of the reference when the version was made; ``None`` for versions made before there was one.

        Raises: ContentAltered.
        """
        recorded = self.manifest["files"].get(PROFILE_FILE)
        if recorded is None:
            return None
        return profile_from_bytes(artifacts.read_verified(self.folder / PROFILE_FILE, recorded))


def open_version(row: ModelVersion, model: str, artifacts_folder: Path) -> Version:
    """Load a version. Raises: ContentAltered when a byte of it is not what was recorded."""
    manifest = row.manifest
    folder = artifacts_folder / row.folder
    schema = Schema.from_json(manifest["schema"])
    fitted = load_model(folder / MODEL_FILE, manifest["files"][MODEL_FILE], schema, manifest["threshold"])
    measurements = tuple(Measurement(**metric) for metric in row.metrics)
    return Version(row.id, row.number, model, fitted, manifest, measurements, folder)
