"""Put predictions beside the rows of a file."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow

from flows.parameters import ActorName, ModelName, ProjectFolder, VersionName, described, named
from tasks.load import resolve_scoring
from tasks.score import score_file


@flow(name="score", flow_run_name=named("{project} {data} to {output}"))
def score(
    project: ProjectFolder,
    data: Annotated[str, described("Data", "source, source:part, source:latest, or the path of a file.")],
    output: Annotated[str, described("Output", "File to write: .csv or .parquet.", pattern=r"\.(csv|parquet)$")],
    model: ModelName = None,
    version: VersionName = "active",
    actor: ActorName = None,
) -> dict[str, Any]:
    """Score a file of any size in bounded memory.

    Returns: the output file and its number of rows.  Raises: SchemaMismatch; then there is no output.
    """
    subject = resolve_scoring(project, data, model, version, actor)
    return score_file(subject, output, actor)
