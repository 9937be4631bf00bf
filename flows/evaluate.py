"""Judge one batch of rows, with a model version or by the predictions it brings, and add the verdict to a store."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow

from flows.parameters import (
    ActorName,
    DataName,
    DisplayName,
    EvaluationId,
    Labels,
    OutputFile,
    ProjectFolder,
    StoreName,
    Threshold,
    VersionName,
    described,
    named,
)
from tasks.evaluate import (
    find_fairness,
    find_input_drift,
    find_performance,
    find_prediction_drift,
    find_segments,
    judge_batch,
)
from tasks.load import Called, resolve_evaluation
from tasks.record import record_evaluation


@flow(name="evaluate", flow_run_name=named("{project} {store} {data}"))
def evaluate(
    project: ProjectFolder,
    store: StoreName,
    data: DataName = None,
    version: VersionName = "active",
    actor: ActorName = None,
    threshold: Threshold = None,
    labels: Labels = None,
    name: DisplayName = None,
    id: EvaluationId = None,
    scored: Annotated[OutputFile, described("Scored rows", "File for the judged rows with their predictions.")] = None,
    metrics: Annotated[OutputFile, described("Metrics", "File for the metrics, as one row.")] = None,
) -> dict[str, Any]:
    """Find out what to judge by, judge every row once, measure what came out, record.

    Returns: the evaluation with its metrics.  Raises: SchemaMismatch or NoUsableTarget before anything is written.
    """
    subject = resolve_evaluation(project, store, data, version, actor, threshold, Called(id, name, labels or {}))
    batch = judge_batch(subject, scored)

    findings = {
        "input_drift": find_input_drift(subject, batch),
        "prediction_drift": find_prediction_drift(subject, batch),
        "performance": find_performance(subject, batch),
        "segments": find_segments(subject, batch),
        "fairness": find_fairness(subject, batch),
    }
    return record_evaluation(subject, batch, findings, actor, metrics)
