"""Put predictions beside rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from governance.audit import Tag, note
from governance.errors import SchemaMismatch
from tasks import edge
from tasks.data.reading import iterate_with_originals
from tasks.data.writing import ScoredWriter
from tasks.learning.prediction import output_columns, predict
from tasks.load import Batch, Scoring, Subject


@task(task_run_name="Score", cache_policy=NO_CACHE)
def score_batch(subject: Subject, batch: Batch) -> Batch:
    """The batch with the version's predictions beside its columns."""
    return replace(batch, frame=batch.frame.join(predict(subject.version.fitted, batch.frame)))


@task(task_run_name="Score file", cache_policy=NO_CACHE)
def score_file(scoring: Scoring, output: str, actor: str | None) -> dict[str, Any]:
    """Write the rows as they are, with ``prediction`` and ``proba_<class>`` beside them, chunk by chunk.

    Returns: output file, rows and version.  Raises: SchemaMismatch, UnreadableFile; then there is no output.
    """
    version, file = scoring.version, Path(output)
    logger = get_run_logger()
    with ScoredWriter(file) as writer:
        for original, frame in iterate_with_originals(scoring.data, version.schema.handling):
            taken = [name for name in output_columns(version.schema) if name in original]
            if taken:
                raise SchemaMismatch(
                    scoring.data.path, taken[0], "it is named as an output of the model", "rename or remove the column"
                )
            writer.write(original.join(predict(version.fitted, frame)))
            logger.info("%s rows scored", f"{writer.rows:,}")
    made = {
        "project": scoring.project.project,
        "model": version.model,
        "version": version.number,
        "data": scoring.data.name,
        "output": str(file),
        "rows": writer.rows,
    }
    with edge.transaction() as session:
        subject = f"{scoring.project.project}/{version.model}/{version.number}"
        note(session, Tag.DATA_SCORED, subject, actor=edge.acting(actor), at=edge.now(), after=made)
    return made
