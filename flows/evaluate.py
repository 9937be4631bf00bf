"""Judge one batch of rows with one model version, and add the verdict to a store."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import ActorName, DataName, ProjectFolder, StoreName, VersionName, named
from tasks.evaluate import find_input_drift, find_performance, find_prediction_drift
from tasks.load import load_batch, resolve_evaluation
from tasks.record import record_evaluation
from tasks.score import score_batch


@flow(name="evaluate", flow_run_name=named("{project} {store} {data}"))
def evaluate(
    project: ProjectFolder,
    store: StoreName,
    data: DataName = None,
    version: VersionName = "active",
    actor: ActorName = None,
) -> dict[str, Any]:
    """Load, score, measure three ways, record.

    Returns: the evaluation with its metrics.  Raises: SchemaMismatch or NoUsableTarget before anything is written.
    """
    subject = resolve_evaluation(project, store, data, version, actor)
    batch = load_batch(subject)
    scored = score_batch(subject, batch)

    findings = [
        find_input_drift(subject, scored),
        find_prediction_drift(subject, scored),
        find_performance(subject, scored),
    ]
    return record_evaluation(subject, scored, findings, actor)
