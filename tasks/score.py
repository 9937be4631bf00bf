"""Put predictions beside the rows of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import registry
from governance.errors import SchemaMismatch, UnreadableFile
from governance.tables import ModelVersion
from tasks import edge
from tasks.data.conform import require_known_categories
from tasks.data.reading import iterate_with_originals
from tasks.data.writing import ScoredWriter
from tasks.learning.prediction import output_columns, predict
from tasks.load import Scoring


@task(task_run_name="Score file", cache_policy=NO_CACHE)
def score_file(scoring: Scoring, output: str, actor: str | None) -> dict[str, Any]:
    """Write the rows as they are, with ``prediction`` and ``proba_<class>`` beside them, chunk by chunk.

    Returns: output file, rows and version.  Raises: SchemaMismatch, UnreadableFile, NotFound; then there is no output.
    """
    version, file = scoring.version, Path(output)
    features = scoring.project.models[version.model].features
    if scoring.data.query is None and file.exists() and file.samefile(scoring.data.path):
        raise UnreadableFile(file, "it is the file to be scored and would be replaced", "name another output")
    tell = edge.progress()
    with ScoredWriter(file) as writer:
        for original, frame in iterate_with_originals(scoring.data, version.schema.handling):
            taken = [name for name in output_columns(version.schema) if name in original]
            if taken:
                raise SchemaMismatch(
                    scoring.data.path, taken[0], "it is named as an output of the model", "rename or remove the column"
                )
            require_known_categories(frame, version.schema, features, scoring.data)
            writer.write(original.join(predict(version.fitted, frame)))
            tell(f"{writer.rows:,} rows scored")
    made = {
        "project": scoring.project.project,
        "model": version.model,
        "version": version.number,
        "data": scoring.data.name,
        "output": str(file),
        "rows": writer.rows,
    }
    who = edge.acting(actor)
    with edge.transaction() as session:
        row = session.get_one(ModelVersion, version.id)
        registry.note_scoring(session, row, made, actor=who, at=edge.now())
        edge.keep(session, made)
    return made
