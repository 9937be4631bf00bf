"""Fit a model on its training data."""

from __future__ import annotations

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from tasks.data.joining import TrainingTable
from tasks.learning.fit import TrainedModel, train_model
from tasks.load import Assignment


@task(task_run_name="Fit", cache_policy=NO_CACHE)
def fit_version(assignment: Assignment, table: TrainingTable) -> TrainedModel:
    """Split, fit, measure, diagnose. Raises: TrainingImpossible."""
    logger = get_run_logger()
    return train_model(
        table.frame,
        assignment.model,
        assignment.settings,
        table.schema,
        assignment.data_name,
        progress=lambda stage, share: logger.info("%s: %.0f %%", stage, 100 * share),
    )
