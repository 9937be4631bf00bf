"""Write the document of a model version to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from prefect import task
from prefect.cache_policies import NO_CACHE
from sqlalchemy import func
from sqlmodel import Session, col, select

from governance import artifacts, evaluations, items, registry, signoff
from governance.errors import UnreadableFile
from governance.project_file import ModelSettings, Project, load_project
from governance.settings import settings
from governance.tables import Activation, EnvironmentRow, Evaluation, ModelVersion, StoreRow
from tasks import edge
from tasks.documents import Judged, VersionFacts, as_html, as_markdown, document_of
from tasks.documents.content import DRIFT
from tasks.judging.measuring import measures_of
from tasks.learning.prediction import output_columns
from tasks.versions import Version, open_version

if TYPE_CHECKING:
    from governance.vocabulary import Actor
    from tasks.documents.parts import Document

MOST_EVALUATIONS: Final = 200
"""Evaluations that a document shows, the latest."""

LANGUAGES: Final[Mapping[str, Callable[[Document], str]]] = MappingProxyType(
    {".html": as_html, ".htm": as_html, ".md": as_markdown}
)
"""Ending of a file: how the document is written."""


@task(task_run_name="Export document", cache_policy=NO_CACHE)
def export_document(project: str, model: str | None, version: str, output: str) -> dict[str, Any]:
    """Collect what is on record of a version, and write it to an .html or .md file; one of that name is replaced.

    Returns: model, version and output.  Raises: NotFound, ContentAltered, or UnreadableFile when it can't be written.
    """
    return write_document(load_project(project), model, version, Path(output))


def place_of_output(project: str, output: str) -> str:
    """Where a file lies that ``project.yaml`` names: relative to its folder, unless it says exactly where.

    Example:
        >>> place_of_output("/srv/cards/project.yaml", "documents/latest.html")
        '/srv/cards/documents/latest.html'
        >>> place_of_output("/srv/cards/project.yaml", "/srv/documents/latest.html")
        '/srv/documents/latest.html'
    """
    return str(Path(project).parent / output)


def write_document(
    project: Project, model: str | None, version: str, output: Path | None = None, actor: Actor | None = None
) -> dict[str, Any]:
    """As :func:`export_document`, by somebody who may read the project; a file that is not named is called after the version."""
    name, declared = project.model(model)
    if output is not None and output.suffix.lower() not in LANGUAGES:
        remedy = f"let it end in one of {', '.join(LANGUAGES)}"
        raise UnreadableFile(output, f"its ending {output.suffix!r} tells no language", remedy)
    facts = collect(project, name, declared, version, actor)
    file = output or Path(f"{name}-version-{facts.version}.html")
    written = LANGUAGES[file.suffix.lower()](document_of(facts))
    try:
        artifacts.write_file(file.parent, file.name, written.encode("utf-8", errors="replace"))
    except OSError as error:
        problem = f"it can't be written ({error.strerror or error})"
        raise UnreadableFile(file, problem, "name another place, or make room there") from error
    return {"project": project.project, "model": name, "version": facts.version, "output": str(file)}


def collect(
    project: Project, model: str, declared: ModelSettings, version: str, actor: Actor | None = None
) -> VersionFacts:
    """All that is on record of a version. Raises: NotFound, ContentAltered."""
    with edge.looking_at(project, actor) as session:
        row = edge.find_version(session, project, model, version)
        registry.require_as_recorded(session, row)
        opened = open_version(row, model, settings().artifacts_folder)
        judged, earlier = _judged(session, row, declared.metric_to_focus)
        owner = registry.find_model(session, project.project, model)
        active = registry.active_versions(session, owner)
        reference = opened.reference()
        return VersionFacts(
            project=project.project,
            description=project.description,
            model=model,
            version=row.number,
            metric_to_focus=declared.metric_to_focus,
            manifest=row.manifest,
            manifest_digest=row.manifest_digest,
            measurements=opened.measurements,
            diagnostics=row.diagnostics,
            importances=opened.importances(),
            thresholds=_thresholds(declared, opened, reference),
            reference_rows=len(reference),
            trained_by=row.trained_by,
            trained_at=row.trained_at,
            active_in=sorted(place for place, number in active.items() if number == row.number),
            evaluations=judged,
            earlier_evaluations=earlier,
            sign_off=signoff.show(session, items.item_of(session, row)),
            activations=_activations(session, row),
            written_at=edge.now(),
        )


def _thresholds(declared: ModelSettings, version: Version, reference: Any) -> list[dict[str, Any]]:
    """The metrics of the reference at each threshold, as the version was measured."""
    schema, weight = version.schema, declared.weight_column
    if schema.target not in reference or "prediction" not in reference:
        return []
    outcomes = reference[[name for name in output_columns(schema) if name in reference]]
    outcomes = outcomes.assign(
        target=reference[schema.target], **({"weight": reference[weight]} if weight in reference else {})
    )
    return measures_of(declared, schema, version.fitted.threshold).thresholds(outcomes)


def _judged(session: Session, version: ModelVersion, metric_to_focus: str) -> tuple[list[Judged], int]:
    """The latest evaluations of a version, the oldest of them first, and how many there are before them."""
    of_version = select(Evaluation).where(Evaluation.version_id == version.id)
    latest = of_version.order_by(col(Evaluation.evaluated_at).desc(), col(Evaluation.id).desc())
    found = list(session.exec(latest.limit(MOST_EVALUATIONS)))
    whole = session.exec(select(func.count()).select_from(of_version.subquery())).one()
    wanted = {metric_to_focus, *DRIFT}
    return [
        Judged(
            evaluation.id,
            evaluation.name,
            session.get_one(StoreRow, evaluation.store_id).name,
            evaluation.data,
            evaluation.evaluated_at,
            evaluation.rows,
            evaluation.sampled_rows,
            {n: m for n, m in evaluations.metrics_of(session, evaluation).items() if n in wanted},
            [(result.name, result.outcome) for result in evaluations.check_results_of(session, evaluation)],
        )
        for evaluation in reversed(found)
    ], whole - len(found)


def _activations(session: Session, version: ModelVersion) -> list[dict[str, Any]]:
    query = select(Activation).where(Activation.version_id == version.id).order_by(col(Activation.id))
    return [
        {
            "at": activation.activated_at,
            "environment": session.get_one(EnvironmentRow, activation.environment_id).name,
            "by": activation.activated_by,
            "instead of": _number(session, activation.previous_version_id),
            "gate": activation.decision,
            "reasons": list(activation.reasons),
        }
        for activation in session.exec(query)
    ]


def _number(session: Session, version_id: int | None) -> str | None:
    return None if version_id is None else f"version {session.get_one(ModelVersion, version_id).number}"
