"""Write down what was made: files first, the row that points to them last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import artifacts, evaluations, registry
from governance.errors import UnreadableFile
from governance.settings import settings
from governance.tables import ModelVersion
from governance.vocabulary import PredictionType
from tasks import edge
from tasks.data.joining import TrainingTable
from tasks.data.schema import Schema
from tasks.drift.findings import DriftFindings
from tasks.learning.environment import code_revision, package_versions
from tasks.learning.fit import TrainedModel
from tasks.learning.persistence import save_model
from tasks.load import Assignment, Batch, Subject
from tasks.publish import publish_evaluation, publish_version
from tasks.versions import MODEL_FILE, REFERENCE_FILE, REPORT_FILE

if TYPE_CHECKING:
    import pandas as pd


@task(task_run_name="Record version", cache_policy=NO_CACHE)
def record_version(
    assignment: Assignment, table: TrainingTable, trained: TrainedModel, actor: str | None
) -> dict[str, Any]:
    """Keep a trained model as the next version of its model.

    Returns: model, version, metrics, diagnostics, sign-off status.
    """
    project, at, who = assignment.project, edge.now(), edge.acting(actor)
    relative = f"models/{project.project}/{assignment.model}/{uuid4().hex}"
    diagnostics = [{"name": d.name, "message": d.message} for d in trained.diagnostics]
    with _folder_of_the_store(relative) as folder:
        save_model(trained, folder / MODEL_FILE)
        trained.reference.to_parquet(folder / REFERENCE_FILE)
        (folder / REPORT_FILE).write_bytes(
            artifacts.canonical_json({"importances": trained.importances, "diagnostics": diagnostics})
        )
        files = {file.name: artifacts.file_sha256(file) for file in sorted(folder.iterdir())}
    manifest = _manifest(assignment, table, trained, files)
    with edge.known(project, who) as session:
        row = registry.record_version(
            session,
            registry.find_model(session, project.project, assignment.model),
            folder=relative,
            manifest=manifest,
            metrics=trained.measurements,
            diagnostics=diagnostics,
            actor=who,
            at=at,
        )
        made = {
            "project": project.project,
            "model": assignment.model,
            "version": row.number,
            "data": assignment.data_name,
            "rows": manifest["rows"],
            "metric_to_focus": assignment.settings.metric_to_focus,
            "metrics": {m.name: m.value for m in trained.measurements},
            "diagnostics": diagnostics,
        }
    publish_version(made)
    return made


@contextmanager
def _folder_of_the_store(relative: str) -> Iterator[Path]:
    """A new folder of the artifact store, there as a whole or not at all; what killed runs left there is swept.

    Raises: UnreadableFile when the disk says no.
    """
    root = settings().artifacts_folder
    artifacts.sweep(root)
    try:
        with artifacts.write_folder(root, relative) as folder:
            yield folder
    except OSError as error:
        problem = f"it can't be written ({error.strerror or error})"
        raise UnreadableFile(root, problem, "make room on the disk, or see to the permissions") from error


def _manifest(
    assignment: Assignment, table: TrainingTable, trained: TrainedModel, files: dict[str, str]
) -> dict[str, Any]:
    model_settings = assignment.settings
    return {
        "project": assignment.project.project,
        "model": assignment.model,
        "files": files,
        "schema": trained.schema.to_json(),
        "threshold": trained.threshold,
        "estimator": model_settings.estimator,
        "parameters": model_settings.parameters,
        "split": model_settings.split.model_dump(mode="json"),
        "refit_on_full": model_settings.refit_on_full,
        "rows": {"train": trained.train_rows, "test": trained.test_rows, "dropped": trained.dropped_rows},
        "columns": list(table.header),
        "data": {"name": assignment.data_name, "fingerprints": list(table.fingerprints), "rows": len(table.frame)},
        "code_revision": code_revision(Path(__file__).parent),
        "project_revision": code_revision(assignment.project.folder),
        "packages": package_versions(),
    }


@task(task_run_name="Record evaluation", cache_policy=NO_CACHE)
def record_evaluation(
    subject: Subject, batch: Batch, findings: Sequence[DriftFindings], actor: str | None
) -> dict[str, Any]:
    """Add one evaluation to its store. Returns: id, store, data, rows, metrics, warnings."""
    at, who = edge.now(), edge.acting(actor)
    project, version = subject.project, subject.version
    identity = f"{at:%Y%m%dT%H%M%S}-{uuid4().hex[:8]}"
    relative = f"evaluations/{project.project}/{subject.store_name}/{identity}"
    measurements = [m for found in findings for m in found.measurements]
    warnings = [*batch.warnings, *(w for found in findings for w in found.warnings)]
    with _folder_of_the_store(relative) as folder:
        _judged(batch, version.schema).to_parquet(folder / "sample.parquet")
        details = {key: value for found in findings for key, value in found.details.items()}
        (folder / "details.json").write_bytes(artifacts.canonical_json(details))
        for name, found in zip(("input_drift", "prediction_drift", "performance"), findings, strict=True):
            if found.snapshot:
                (folder / f"{name}.snapshot.json").write_text(found.snapshot, encoding="utf-8")
        files = {file.name: artifacts.file_sha256(file) for file in sorted(folder.iterdir())}
    with edge.known(project, who) as session:
        evaluation = evaluations.record_evaluation(
            session,
            evaluations.find_store(session, project.project, subject.store_name),
            session.get_one(ModelVersion, version.id),
            id=identity,
            name=f"{at:%Y-%m-%d %H:%M:%S}",
            data=subject.data.name,
            data_fingerprint=batch.fingerprint,
            rows=batch.total_rows,
            sampled_rows=len(batch.frame),
            labelled_rows=None if batch.target is None else int(batch.target.notna().sum()),
            labels=_labels(subject, batch, f"{at:%Y-%m-%d %H:%M:%S}"),
            warnings=warnings,
            folder=relative,
            files=files,
            measurements=measurements,
            actor=who,
            at=at,
        )
        made = {
            "id": evaluation.id,
            "project": project.project,
            "store": subject.store_name,
            "data": subject.data.name,
            "version": version.number,
            "rows": evaluation.rows,
            "sampled_rows": evaluation.sampled_rows,
            "labelled_rows": evaluation.labelled_rows,
            "metric_to_focus": project.models[version.model].metric_to_focus,
            "metrics": {m.name: m.value for m in measurements},
            "warnings": warnings,
        }
    publish_evaluation(made, measurements)
    return made


def _judged(batch: Batch, schema: Schema) -> pd.DataFrame:
    """The sample with its predictions, and for classes whether they were right where that is known."""
    if batch.target is None:
        return batch.frame
    frame = batch.frame.assign(**{schema.target: batch.target})
    if schema.prediction_type is PredictionType.REGRESSION:
        return frame
    correct = (frame["prediction"] == batch.target).astype("boolean")
    return frame.assign(prediction_correct=correct.where(batch.target.notna()))


def _labels(subject: Subject, batch: Batch, date: str) -> dict[str, str]:
    """The automatic labels, then those of the store."""
    labels = {
        "evaluation:date": date,
        "evaluation:dataset": subject.data.name,
        "model:name": subject.version.model,
        "model:version": str(subject.version.number),
    }
    time_column = subject.version.schema.time_column
    if time_column in batch.frame:
        times = batch.frame[time_column]
        if times.notna().any():
            labels |= {"data:from": f"{times.min():%Y-%m-%d}", "data:to": f"{times.max():%Y-%m-%d}"}
    return labels | subject.store.labels
