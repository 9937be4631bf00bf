"""Write down what was made: files first, the row that points to them last."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import artifacts, evaluations, registry
from governance.errors import UnreadableFile
from governance.settings import settings
from governance.tables import Evaluation, ModelVersion
from tasks import edge
from tasks.data.joining import TrainingTable
from tasks.data.writing import ScoredWriter
from tasks.drift.findings import DriftFindings
from tasks.drift.profile import ReferenceProfile
from tasks.drift.profile_file import profile_to_bytes
from tasks.judging.batch import Batch, counted_rows, with_correctness
from tasks.judging.measuring import measured_by
from tasks.learning.environment import code_revision, package_versions
from tasks.learning.fit import TrainedModel
from tasks.learning.persistence import save_model
from tasks.load import Assignment, Subject
from tasks.publish import publish_evaluation, publish_version
from tasks.versions import DETAILS_FILE, MODEL_FILE, PROFILE_FILE, REFERENCE_FILE, REPORT_FILE, SAMPLE_FILE

if TYPE_CHECKING:
    from sqlmodel import Session


@task(task_run_name="Record version", cache_policy=NO_CACHE)
def record_version(
    assignment: Assignment,
    table: TrainingTable,
    trained: TrainedModel,
    profile: ReferenceProfile,
    actor: str | None,
    trained_before: int | None = None,
    improvement: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Keep a trained model as the next version of its model.

    Args:
        assignment: What was to be trained.
        table: The data.
        trained: What came out.
        profile: Of its reference.
        actor: Who trained.
        trained_before: Number of a version that was trained on these very data.
        improvement: How much better it is than the active version; ``None``: nobody asked.

    Returns: model, version, metrics, diagnostics, and the last two arguments.
    """
    project, at, who = assignment.project, edge.now(), edge.acting(actor)
    relative = f"models/{project.project}/{assignment.model}/{uuid4().hex}"
    diagnostics = [{"name": d.name, "message": d.message} for d in trained.diagnostics]
    with _folder_of_the_store(relative) as folder:
        save_model(trained, folder / MODEL_FILE)
        trained.reference.to_parquet(folder / REFERENCE_FILE)
        (folder / PROFILE_FILE).write_bytes(profile_to_bytes(profile))
        (folder / REPORT_FILE).write_bytes(
            artifacts.canonical_json({"importances": trained.importances, "diagnostics": diagnostics})
        )
        files = {file.name: artifacts.file_sha256(file) for file in sorted(folder.iterdir())}
    with _undone_on_failure(relative), edge.known(project, who) as session:
        manifest = _manifest(assignment, table, trained, files)
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
            "trained_before": trained_before,
            "improvement": improvement,
        }
        edge.keep(session, made)
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


@contextmanager
def _undone_on_failure(relative: str) -> Iterator[None]:
    """Remove a folder of the artifact store again when the row that was to point to it could not be written."""
    try:
        yield
    except Exception:
        shutil.rmtree(settings().artifacts_folder / relative, ignore_errors=True)
        raise


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
        "measured_by": measured_by(model_settings),
        "rows": {"train": trained.train_rows, "test": trained.test_rows, "dropped": trained.dropped_rows},
        "columns": list(table.header),
        "data": {"name": assignment.data_name, "fingerprints": list(table.fingerprints), "rows": len(table.frame)},
        "code_revision": code_revision(Path(__file__).parent),
        "project_revision": code_revision(assignment.project.folder),
        "packages": package_versions(),
    }


@task(task_run_name="Record evaluation", cache_policy=NO_CACHE)
def record_evaluation(
    subject: Subject,
    batch: Batch,
    findings: Mapping[str, DriftFindings],
    actor: str | None,
    metrics_file: str | None = None,
) -> dict[str, Any]:
    """Add one evaluation to its store, with what was found by name, and write its metrics to a file if one is named.

    Returns: id, name, store, data, rows, labels, metrics with intervals and reasons, warnings, notes.
    """
    at, who = edge.now(), edge.acting(actor)
    project, version, called = subject.project, subject.version, subject.called
    moment, unique = f"{at:%Y-%m-%d %H:%M:%S}", uuid4().hex[:8]
    identity = called.id or f"{at:%Y%m%dT%H%M%S}-{unique}"
    # A folder of its own also for an id that is there already: until the record points to it, the old one holds.
    own = identity if called.id is None else f"{identity}~{unique}"
    relative = f"evaluations/{project.project}/{subject.store_name}/{own}"
    measurements = [m for found in findings.values() for m in found.measurements]
    warnings = [*batch.warnings, *(w for found in findings.values() for w in found.warnings)]
    with _folder_of_the_store(relative) as folder:
        with_correctness(batch.sample, subject.yardstick).to_parquet(folder / SAMPLE_FILE)
        details = {key: value for found in findings.values() for key, value in found.details.items()}
        details["sampling"] = counted_rows(batch)
        details["judged_by"] = {"threshold": subject.yardstick.threshold, "schema": subject.yardstick.schema.to_json()}
        (folder / DETAILS_FILE).write_bytes(artifacts.canonical_json(details))
        for name, found in findings.items():
            if found.snapshot:
                (folder / f"{name}.snapshot.json").write_text(found.snapshot, encoding="utf-8")
        files = {file.name: artifacts.file_sha256(file) for file in sorted(folder.iterdir())}
    with _undone_on_failure(relative), edge.known(project, who) as session:
        replaced = _folder_of(session, identity)
        evaluation = evaluations.record_evaluation(
            session,
            evaluations.find_store(session, project.project, subject.store_name),
            None if version is None else session.get_one(ModelVersion, version.id),
            id=identity,
            name=called.name or moment,
            data=subject.data.name,
            data_fingerprint=batch.fingerprint,
            rows=batch.total_rows,
            sampled_rows=batch.judged_rows,
            labelled_rows=batch.labelled_rows,
            labels=_labels(subject, batch, moment),
            warnings=warnings,
            folder=relative,
            files=files,
            measurements=measurements,
            actor=who,
            at=at,
        )
        made = {
            "id": evaluation.id,
            "name": evaluation.name,
            "project": project.project,
            "store": subject.store_name,
            "data": subject.data.name,
            "version": None if version is None else version.number,
            "rows": evaluation.rows,
            "sampled_rows": evaluation.sampled_rows,
            "labelled_rows": evaluation.labelled_rows,
            "labels": evaluation.labels,
            "metric_to_focus": subject.settings.metric_to_focus,
            "metrics": {m.name: m.value for m in measurements},
            "intervals": {m.name: [m.lower, m.upper] for m in measurements if m.lower is not None},
            "reasons": {m.name: m.reason for m in measurements if m.value is None},
            "warnings": warnings,
            "notes": [note for found in findings.values() for note in found.notes],
        }
        edge.keep(session, made)
    if replaced is not None:
        # Nothing points to it any more. Should this be killed here, it is a folder too many, and nothing else.
        shutil.rmtree(settings().artifacts_folder / replaced, ignore_errors=True)
    if metrics_file is not None:
        _write_metrics(made, Path(metrics_file))
    publish_evaluation(made, measurements)
    return made


def _folder_of(session: Session, identity: str) -> str | None:
    """Folder of the evaluation that is about to be overwritten."""
    before = session.get(Evaluation, identity)
    return None if before is None else before.folder


def _write_metrics(made: dict[str, Any], file: Path) -> None:
    """One row: what was judged, then every metric."""
    import pandas as pd

    about = {key: made[key] for key in ("id", "name", "store", "data", "version", "rows", "sampled_rows")}
    with ScoredWriter(file) as writer:
        writer.write(pd.DataFrame([{f"evaluation_{key}": value for key, value in about.items()} | made["metrics"]]))


def _labels(subject: Subject, batch: Batch, date: str) -> dict[str, str]:
    """The automatic labels, then those of the store, then those of this evaluation."""
    labels = {"evaluation:date": date, "evaluation:dataset": subject.data.name}
    if subject.version is not None:
        labels |= {"model:name": subject.version.model, "model:version": str(subject.version.number)}
    if "time" in batch.outcomes:
        import numpy as np

        times = batch.outcomes["time"].dropna().to_numpy("datetime64[us]")
        if times.size:
            # As NumPy writes them: strftime fails outside of the years 1 to 9999.
            labels |= {
                "data:from": str(np.datetime_as_string(times.min(), unit="D")),
                "data:to": str(np.datetime_as_string(times.max(), unit="D")),
            }
    return labels | subject.store.labels | dict(subject.called.labels)
