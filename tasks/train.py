"""Fit a model on its training data, and compute what can be known about its reference."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks import edge
from tasks.data.joining import TrainingTable
from tasks.drift.profile import ReferenceProfile, fit_profile
from tasks.learning.fit import TrainedModel, train_model
from tasks.load import Assignment


@task(task_run_name="Fit", cache_policy=NO_CACHE)
def fit_version(assignment: Assignment, table: TrainingTable) -> TrainedModel:
    """Split, fit, measure, diagnose. Raises: TrainingImpossible."""
    return train_model(
        table.frame,
        assignment.model,
        assignment.settings,
        table.schema,
        assignment.data_name,
        progress=edge.progress(),
    )


@task(task_run_name="Profile reference", cache_policy=NO_CACHE)
def profile_reference(trained: TrainedModel) -> ReferenceProfile:
    """Once, so that no evaluation has to do it again: bins, levels, and what chance alone does to every statistic."""
    return fit_profile(trained.reference, trained.schema, progress=edge.progress())
