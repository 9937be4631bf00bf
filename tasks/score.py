"""Put predictions beside rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.data.writing import ScoredWriter
from tasks.learning.prediction import predict
from tasks.load import Batch, Scoring, Subject

if TYPE_CHECKING:
    import pandas as pd


@task(name="Score", cache_policy=NO_CACHE)
def score_batch(subject: Subject, batch: Batch) -> Batch:
    """The batch with the version's predictions beside its columns."""
    from dataclasses import replace

    predictions = predict(subject.version.fitted, batch.frame)
    return replace(batch, frame=batch.frame.join(predictions))
