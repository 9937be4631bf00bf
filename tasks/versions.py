"""Model versions and evaluations out of the store: verified first, then ready to predict and to be compared with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from governance import artifacts
from governance.errors import ContentAltered, NotFound
from governance.tables import Evaluation, ModelVersion
from governance.vocabulary import Handling, Measurement
from tasks.data.schema import Schema
from tasks.drift.profile import ReferenceProfile
from tasks.drift.profile_file import FORMAT, profile_from_bytes, profile_to_bytes
from tasks.judging.references import at_threshold
from tasks.learning.persistence import load_model
from tasks.learning.prediction import FittedModel

MODEL_FILE = "model.skops"
REFERENCE_FILE = "reference.parquet"
PROFILE_FILE = "profile.npz"
REPORT_FILE = "report.json"

_HASH_FILE = "profile.sha256"

SAMPLE_FILE = "sample.parquet"
DETAILS_FILE = "details.json"


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
        return _table(self.folder, REFERENCE_FILE, self.manifest["files"])

    def importances(self) -> Mapping[str, float]:
        """Share of each feature in what the model leans on, 0 to 1; none for versions without a report. Raises: ContentAltered."""
        recorded = self.manifest["files"].get(REPORT_FILE)
        if recorded is None:
            return {}
        found: dict[str, float] = json.loads(artifacts.read_verified(self.folder / REPORT_FILE, recorded))[
            "importances"
        ]
        return found

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
    manifest = _own_manifest(row)
    folder = artifacts_folder / row.folder
    schema = Schema.from_json(manifest["schema"])
    fitted = load_model(folder / MODEL_FILE, manifest["files"][MODEL_FILE], schema, manifest["threshold"])
    measurements = tuple(Measurement(**metric) for metric in row.metrics)
    return Version(row.id, row.number, model, fitted, manifest, measurements, folder)


def kept_profile(
    reference: pd.DataFrame,
    schema: Schema,
    handling: Mapping[str, Handling],
    artifacts_folder: Path,
    fit: Callable[[], ReferenceProfile],
) -> ReferenceProfile:
    """The profile of a reference that belongs to no version; fitted once, and then kept beside the artifacts.

    Args:
        reference: Its rows: any other value, column or type means another profile.
        schema: By which it is fitted.
        handling: That is forced.
        artifacts_folder: Root of the store. What is kept there is taken if its hash is right, and else made anew.
        fit: Makes it, which takes seconds.
    """
    values = pd.util.hash_pandas_object(reference, index=False).to_numpy().tobytes()
    about = {
        "format": FORMAT,
        "values": hashlib.sha256(values).hexdigest(),
        "types": {name: str(kind) for name, kind in reference.dtypes.items()},
        "schema": schema.to_json(),
        "handling": {name: how.value for name, how in handling.items()},
    }
    relative = f"profiles/{artifacts.digest(about)}"
    folder = artifacts_folder / relative
    try:
        recorded = (folder / _HASH_FILE).read_text(encoding="ascii")
        return profile_from_bytes(artifacts.read_verified(folder / PROFILE_FILE, recorded))
    except (OSError, ContentAltered, ValueError):
        shutil.rmtree(folder, ignore_errors=True)  # not there, or damaged
    profile = fit()
    # Another process may have been faster, or the disk is full: then the next evaluation fits again.
    with suppress(OSError), artifacts.write_folder(artifacts_folder, relative) as new:
        content = profile_to_bytes(profile)
        (new / PROFILE_FILE).write_bytes(content)
        (new / _HASH_FILE).write_text(hashlib.sha256(content).hexdigest(), encoding="ascii")
    return profile


@dataclass(frozen=True, slots=True)
class Judged:
    """Both sides of an evaluation, as they were compared.

    Args:
        sample: The rows that are kept, with predictions.
        reference: Of its version, with the predictions of the threshold that was in force; ``None`` in a standalone
            store, whose reference is not kept.
        schema: What the columns are.
    """

    sample: pd.DataFrame
    reference: pd.DataFrame | None
    schema: Schema


def open_evaluation(evaluation: Evaluation, version: ModelVersion | None, artifacts_folder: Path) -> Judged:
    """What an evaluation looked at.

    Args:
        evaluation: On record.
        version: That judged; ``None`` in a standalone store.
        artifacts_folder: Root of the store.

    Raises:
        ContentAltered: a file, or the manifest of the version, is not what was recorded.
        NotFound: a standalone evaluation that does not say what its columns are, as older ones.
    """
    folder, files = artifacts_folder / evaluation.folder, evaluation.files
    sample = _table(folder, SAMPLE_FILE, files)
    said = (
        json.loads(artifacts.read_verified(folder / DETAILS_FILE, files[DETAILS_FILE])) if DETAILS_FILE in files else {}
    )
    judged_by = said.get("judged_by", {})
    if version is None:
        if not judged_by:
            raise NotFound("schema of evaluation", evaluation.id, (), "evaluate again, or see 'driftgate evidently ui'")
        return Judged(sample, None, Schema.from_json(judged_by["schema"]))
    manifest = _own_manifest(version)
    schema = Schema.from_json(manifest["schema"])
    reference = _table(artifacts_folder / version.folder, REFERENCE_FILE, manifest["files"])
    threshold = judged_by.get("threshold")
    if threshold is not None and threshold != manifest.get("threshold"):
        reference = at_threshold(reference, schema, threshold)
    return Judged(sample, reference, schema)


def _own_manifest(row: ModelVersion) -> Mapping[str, Any]:
    """The manifest that the digest of a version is of; which part of another differs, the registry can tell."""
    found = artifacts.digest(row.manifest)
    if found != row.manifest_digest:
        raise ContentAltered(row.folder, "the manifest", row.manifest_digest, found)
    return row.manifest


def _table(folder: Path, file: str, files: Mapping[str, str]) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(artifacts.read_verified(folder / file, files[file])))
