"""Make a new version of a model; it waits at the gate until somebody has signed it."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.parameters import ActorName, DataName, ModelName, ProjectFolder, named
from tasks.load import load_training_data, resolve_training
from tasks.record import record_version
from tasks.train import fit_version, profile_reference


@flow(name="train", flow_run_name=named("{project} {model} {data}"))
def train(
    project: ProjectFolder, model: ModelName = None, data: DataName = None, actor: ActorName = None
) -> dict[str, Any]:
    """Load, fit, measure, profile, record.

    Returns: the version with its metrics.  Raises: BadInput before anything is written.
    """
    assignment = resolve_training(project, model, data, actor)
    table = load_training_data(assignment)
    trained = fit_version(assignment, table)
    profile = profile_reference(trained)
    return record_version(assignment, table, trained, profile, actor)
