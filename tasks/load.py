"""Find what a run needs: the project, the version with its reference, and the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import registry
from governance.errors import NoUsableTarget
from governance.project_file import ModelSettings, Project, Store, load_project
from governance.settings import settings
from tasks import edge
from tasks.data.conform import require_known_categories, to_target
from tasks.data.fingerprint import fingerprint
from tasks.data.joining import PLUS, TrainingTable, read_training_table, resolve_joined
from tasks.data.sampling import sample_rows
from tasks.data.schema import Schema
from tasks.data.sources import Source, read_header, require_columns, resolve_data
from tasks.versions import Version, open_version

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is to be trained, on what."""

    project: Project
    model: str
    settings: ModelSettings
    data: tuple[Source, ...]

    @property
    def data_name(self) -> str:
        """The training data as people name them."""
        return PLUS.join(source.name for source in self.data)


@dataclass(frozen=True, slots=True)
class Scoring:
    """What is to be scored, with what."""

    project: Project
    version: Version
    data: Source


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be judged, with what and against what, and where the verdict goes."""

    project: Project
    store_name: str
    store: Store
    version: Version
    reference: pd.DataFrame
    data: Source


@dataclass(frozen=True, slots=True)
class Batch:
    """The rows that are judged; ``target`` only where labels are asked for."""

    frame: pd.DataFrame
    target: pd.Series[Any] | None
    total_rows: int
    fingerprint: str
    warnings: tuple[str, ...]


@task(task_run_name="Resolve training", cache_policy=NO_CACHE)
def resolve_training(project: str, model: str | None, data: str | None, actor: str | None) -> Assignment:
    """Find the model's settings and its training data."""
    declared = load_project(project)
    name, model_settings = declared.model(model)
    with edge.known(declared, edge.acting(actor)) as session:
        registry.find_model(session, declared.project, name)
    return Assignment(declared, name, model_settings, tuple(resolve_joined(declared, data, model_settings.train_on)))


@task(task_run_name="Load training data", cache_policy=NO_CACHE)
def load_training_data(assignment: Assignment) -> TrainingTable:
    """Infer the schema and read the rows. Raises: UnreadableFile, SchemaMismatch, NoUsableTarget."""
    return read_training_table(assignment.data, assignment.model, assignment.settings)


@task(task_run_name="Resolve scoring", cache_policy=NO_CACHE)
def resolve_scoring(project: str, data: str, model: str | None, version: str, actor: str | None) -> Scoring:
    """Find the version and the file to score."""
    declared = load_project(project)
    name, model_settings = declared.model(model)
    return Scoring(
        declared, _open(declared, name, version, actor), resolve_data(declared, data, model_settings.train_on)
    )


@task(task_run_name="Resolve evaluation", cache_policy=NO_CACHE)
def resolve_evaluation(project: str, store: str, data: str | None, version: str, actor: str | None) -> Subject:
    """Find the store, the version and the data to judge."""
    declared = load_project(project)
    settings_of_store = declared.store(store)
    source = resolve_data(declared, data, settings_of_store.data)
    opened = _open(declared, settings_of_store.model, version, actor)
    return Subject(declared, store, settings_of_store, opened, opened.reference(), source)


@task(task_run_name="Load batch", cache_policy=NO_CACHE)
def load_batch(subject: Subject) -> Batch:
    """Read the sample and refuse what can't be judged, before anything is written.

    Raises:
        SchemaMismatch: a feature is missing or of another type, or a category is new and the model refuses those.
        NoUsableTarget: the store computes performance and there is no label.
    """
    schema, source, labelled = subject.version.schema, subject.data, subject.store.performance
    header = read_header(source)
    require_columns(source, header, schema.feature_names)
    if labelled and schema.target not in header:
        raise NoUsableTarget(source.path, schema.target, "the column is missing", _WITHOUT_LABELS)
    features = subject.project.models[subject.version.model].features

    def judge(rows: pd.DataFrame) -> None:
        if labelled:
            to_target(rows[schema.target], schema, source.path)
        require_known_categories(rows, schema, features, source)

    wanted = schema.columns_to_read(target=labelled, time=schema.time_column in header)
    sample = sample_rows(source, wanted, subject.store.sampling, judge=judge)
    target = _labels(sample.frame, schema, source) if labelled else None
    new = sorted(set(header) - set(subject.version.manifest["columns"]))
    warnings = [f"column {name!r} is new: the model does not know it" for name in new]
    found = fingerprint(source)
    if found in subject.version.manifest["data"]["fingerprints"]:
        warnings.append(f"version {subject.version.number} was trained on these data: the numbers flatter it")
    return Batch(sample.frame, target, sample.total_rows, found, tuple(warnings))


_WITHOUT_LABELS = "set performance: false on the store to judge without labels"


def _open(project: Project, model: str, version: str, actor: str | None) -> Version:
    with edge.known(project, edge.acting(actor)) as session:
        row = edge.find_version(session, project, model, version)
    return open_version(row, model, settings().artifacts_folder)


def _labels(frame: pd.DataFrame, schema: Schema, source: Source) -> pd.Series[Any]:
    target = to_target(frame[schema.target], schema, source.path)
    if target.notna().sum() == 0:
        raise NoUsableTarget(source.path, schema.target, f"none of {len(target):,} rows has a label", _WITHOUT_LABELS)
    return target
