"""Make a new version of a model; it waits at the gate until somebody has signed it."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow

from flows.parameters import ActorName, DataName, ModelName, ProjectFolder, described, named
from governance.vocabulary import SameData
from tasks.improvement import compare_with_active
from tasks.load import load_training_data, require_new_data, resolve_training
from tasks.record import record_version
from tasks.train import fit_version, profile_reference

SameDataRule = Annotated[
    SameData | None,
    described(
        "Same data", "Of data that are, byte for byte, those of the version before; empty: what project.yaml says."
    ),
]


@flow(name="train", flow_run_name=named("{project} {model} {data}"))
def train(
    project: ProjectFolder,
    model: ModelName = None,
    data: DataName = None,
    actor: ActorName = None,
    same_data: SameDataRule = SameData.ALLOW,
) -> dict[str, Any]:
    """Load, fit, measure, profile, hold against the active version if that decides about the new one, record.

    Returns: the version with its metrics.  Raises: BadInput before anything is written.
    """
    assignment = resolve_training(project, model, data, actor)
    table = load_training_data(assignment)
    trained_before = require_new_data(assignment, table, same_data)
    trained = fit_version(assignment, table)
    profile = profile_reference(trained)
    improvement = compare_with_active(assignment, table, trained)
    return record_version(assignment, table, trained, profile, actor, trained_before, improvement)
