"""Judge the rows in one pass, and measure what came out: input, prediction, performance, segments, fairness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from governance.vocabulary import Measurement, OnFailure
from tasks import edge
from tasks.data.fingerprint import of_its_time
from tasks.data.writing import ScoredWriter
from tasks.drift.findings import DriftFindings, measure_input_drift, measure_prediction_drift
from tasks.fairness.groups import measure_fairness
from tasks.judging.batch import Batch, judge_rows, with_correctness
from tasks.judging.measuring import measure_custom, measured_by, measures_of, tell_performance
from tasks.judging.references import outcomes_of
from tasks.judging.yardstick import new_columns
from tasks.load import Subject
from tasks.segments.measuring import measure_segments

if TYPE_CHECKING:
    import pandas as pd

SEED = 1337
"""Of everything random: fixed, so that the same data give the same numbers."""

NOTHING = DriftFindings([], {}, "", [])


@task(task_run_name="Judge rows", cache_policy=NO_CACHE)
def judge_batch(subject: Subject, scored: str | None = None) -> Batch:
    """Read, refuse or predict, and count every row, once; write the judged rows to a file if one is named.

    Raises:
        SchemaMismatch: a feature is missing or of another type, or a category is new and the model refuses those.
        NoUsableTarget: the store computes performance and there is no label.
    """
    judge = partial(
        judge_rows, subject.data, subject.yardstick, subject.store.sampling, subject.profile, tell=edge.progress()
    )
    if scored is None:
        batch = judge()
    else:
        with ScoredWriter(Path(scored)) as writer:
            batch = judge(take=lambda judged: writer.write(with_correctness(judged, subject.yardstick)))
    return replace(batch, warnings=tuple(_warnings(subject, batch)))


def _warnings(subject: Subject, batch: Batch) -> list[str]:
    version = subject.version
    if version is None:
        return [*subject.left_out]
    expected = {*version.manifest["columns"], *(subject.yardstick.brought.columns if subject.yardstick.brought else ())}
    warnings = new_columns(subject.data, expected)
    read = {batch.fingerprint, of_its_time(batch.fingerprint, subject.data)}
    if not read.isdisjoint(version.manifest["data"]["fingerprints"]):
        warnings.append(f"version {version.number} was trained on these data: the numbers flatter it")
    return warnings


@task(task_run_name="Measure input drift", cache_policy=NO_CACHE)
def find_input_drift(subject: Subject, batch: Batch) -> DriftFindings:
    """How far the inputs have moved from the reference, where there is one."""
    reference, profile, columns = subject.reference, subject.profile, batch.columns
    if reference is None or profile is None or columns is None or not profile.columns:
        return NOTHING

    def measure() -> DriftFindings:
        found = measure_input_drift(
            reference,
            columns,
            batch.sample,
            profile,
            subject.yardstick.schema,
            subject.store.drift,
            seed=SEED,
            at=edge.now(),
        )
        return _beside_the_model(subject, found)

    return _or_warn(subject.store.on_drift_failure, "input drift", measure)


def _beside_the_model(subject: Subject, found: DriftFindings) -> DriftFindings:
    """How much each column means to the evaluated model, beside its share in the drift model."""
    of_model = {} if subject.version is None else subject.version.importances()
    importances = {
        column: {"drift_model": share, "model": of_model.get(column)}
        for column, share in found.details["importances"].items()
    }
    return replace(found, details=found.details | {"importances": importances})


@task(task_run_name="Measure prediction drift", cache_policy=NO_CACHE)
def find_prediction_drift(subject: Subject, batch: Batch) -> DriftFindings:
    """How far the predictions have moved from those on the reference. No labels needed."""
    profile, columns = subject.profile, batch.columns
    if profile is None or columns is None:
        return NOTHING
    return _or_warn(
        subject.store.on_drift_failure,
        "prediction drift",
        lambda: measure_prediction_drift(profile, columns, subject.yardstick.schema, at=edge.now()),
    )


@task(task_run_name="Measure performance", cache_policy=NO_CACHE)
def find_performance(subject: Subject, batch: Batch) -> DriftFindings:
    """How good the predictions are, and how much better or worse than on the reference; only where labels are asked for."""
    if batch.labelled_rows is None:
        return NOTHING
    return _or_warn(subject.store.on_performance_failure, "performance", lambda: _performance(subject, batch))


def _performance(subject: Subject, batch: Batch) -> DriftFindings:
    from tasks.drift.engine import take_snapshot

    measures = measures_of(subject.settings, subject.yardstick.schema, subject.yardstick.threshold)
    measured = measures.of(batch.outcomes)
    found = tell_performance(measures, measured, _before(subject), batch.outcomes)
    custom = measure_custom(
        subject.settings.custom_metrics,
        subject.project.folder,
        subject.yardstick.schema,
        batch.sample,
        subject.reference,
    )
    measurements = [*found.measurements, *custom.measurements]
    return replace(
        found,
        measurements=measurements,
        details={**found.details, **custom.details},
        warnings=[*found.warnings, *custom.warnings],
        snapshot=take_snapshot("performance", [], measurements, edge.now()),
    )


def _before(subject: Subject) -> Sequence[Measurement]:
    """What was measured on the reference: by training, or here where it is measured otherwise now."""
    version, settings = subject.version, subject.settings
    if version is not None and not subject.predicted_anew:
        recorded = version.manifest.get("measured_by")
        if recorded is None or recorded == measured_by(settings):
            return version.measurements
    known = _known(subject)
    if known is None:
        return []
    return measures_of(settings, subject.yardstick.schema, subject.yardstick.threshold).of(known)


def _known(subject: Subject) -> pd.DataFrame | None:
    return None if subject.reference is None else outcomes_of(subject.reference, subject.yardstick)


@task(task_run_name="Measure segments", cache_policy=NO_CACHE)
def find_segments(subject: Subject, batch: Batch) -> DriftFindings:
    """Performance and drift of every segment that the store asks for, worst first."""
    store, schema = subject.store, subject.yardstick.schema
    if not store.segments:
        return NOTHING
    measures = measures_of(subject.settings, schema, subject.yardstick.threshold)
    return _or_warn(
        store.on_drift_failure,
        "segments",
        lambda: measure_segments(
            store.segments,
            reference=subject.reference,
            known=None if batch.labelled_rows is None else _known(subject),
            sample=batch.sample,
            outcomes=batch.outcomes,
            schema=schema,
            metric=subject.settings.metric_to_focus,
            performance=None if batch.labelled_rows is None else measures.of,
            drift=store.drift,
            progress=edge.progress(),
        ),
    )


@task(task_run_name="Measure fairness", cache_policy=NO_CACHE)
def find_fairness(subject: Subject, batch: Batch) -> DriftFindings:
    """Whether the groups that the store asks for are treated alike."""
    store, schema = subject.store, subject.yardstick.schema
    if not store.fairness:
        return NOTHING
    return _or_warn(
        store.on_performance_failure,
        "fairness",
        lambda: measure_fairness(
            store.fairness, batch.outcomes, prediction_type=schema.prediction_type, classes=schema.classes
        ),
    )


def _or_warn(on_failure: OnFailure, what: str, measure: Callable[[], DriftFindings]) -> DriftFindings:
    """The findings; where the store says so, a failure becomes a warning and an empty place instead of an end."""
    try:
        return measure()
    except Exception as error:
        if on_failure is OnFailure.FAIL:
            raise
        get_run_logger().warning("%s could not be measured", what, exc_info=True)
        return DriftFindings([], {}, "", [f"{what} could not be measured: {type(error).__name__}: {error}"])
