"""Measure a scored batch against the reference of its version: input, prediction, performance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from governance.vocabulary import OnFailure
from tasks import edge
from tasks.drift.findings import DriftFindings, measure_input_drift, measure_prediction_drift
from tasks.drift.performance import performance_drift
from tasks.load import Batch, Subject
from tasks.metrics.performance import measure_performance

SEED = 1337
"""Of the drift model: fixed, so that the same data give the same number."""


@task(task_run_name="Measure input drift", cache_policy=NO_CACHE)
def find_input_drift(subject: Subject, batch: Batch) -> DriftFindings:
    """How far the inputs have moved from the reference."""
    return _or_warn(
        subject.store.on_drift_failure,
        "input drift",
        lambda: measure_input_drift(
            subject.reference, batch.frame, subject.version.schema, subject.store.drift, seed=SEED, at=edge.now()
        ),
    )


@task(task_run_name="Measure prediction drift", cache_policy=NO_CACHE)
def find_prediction_drift(subject: Subject, batch: Batch) -> DriftFindings:
    """How far the predictions have moved from those on the reference. No labels needed."""
    return _or_warn(
        subject.store.on_drift_failure,
        "prediction drift",
        lambda: measure_prediction_drift(subject.reference, batch.frame, subject.version.schema, at=edge.now()),
    )


@task(task_run_name="Measure performance", cache_policy=NO_CACHE)
def find_performance(subject: Subject, batch: Batch) -> DriftFindings:
    """How good the predictions are, and how much better or worse than on the reference; only where labels are asked for."""
    if batch.target is None:
        return DriftFindings([], {}, "", [])
    target = batch.target
    return _or_warn(subject.store.on_performance_failure, "performance", lambda: _performance(subject, batch, target))


def _performance(subject: Subject, batch: Batch, target: Any) -> DriftFindings:
    labelled = target.notna()
    schema = subject.version.schema
    measured = measure_performance(
        schema.prediction_type,
        schema.classes,
        target[labelled],
        batch.frame[labelled],
        subject.version.fitted.threshold,
    )
    drift = performance_drift(list(subject.version.measurements), measured)
    return DriftFindings([*measured, *drift], {}, "", [])


def _or_warn(on_failure: OnFailure, what: str, measure: Callable[[], DriftFindings]) -> DriftFindings:
    """The findings; where the store says so, a failure becomes a warning and an empty place instead of an end."""
    try:
        return measure()
    except Exception as error:
        if on_failure is OnFailure.FAIL:
            raise
        get_run_logger().warning("%s could not be measured", what, exc_info=True)
        return DriftFindings([], {}, "", [f"{what} could not be measured: {type(error).__name__}: {error}"])
