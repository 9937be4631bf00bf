"""Find what a run needs: the project, the version with its reference, and the data."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from prefect import task
from prefect.cache_policies import NO_CACHE

from governance import evaluations, registry
from governance.errors import TrainingImpossible, UnusableName
from governance.project_file import ModelSettings, Project, Standalone, Store, load_project
from governance.settings import settings
from governance.vocabulary import PredictionType, SameData
from tasks import edge
from tasks.data.conditions import within
from tasks.data.inference import infer_standalone_schema
from tasks.data.joining import PLUS, TrainingTable, read_training_table, resolve_joined
from tasks.data.sources import Source, read_header, require_whole, resolve_data
from tasks.judging.brought import from_skipped_scoring, from_standalone
from tasks.judging.references import at_threshold, read_reference, suited
from tasks.judging.yardstick import Yardstick, watched_columns
from tasks.versions import Version, kept_profile, open_version

if TYPE_CHECKING:
    import pandas as pd

    from tasks.drift.profile import ReferenceProfile

LONGEST_NAME: Final = 200
"""Characters of the name of an evaluation."""

_NOT_SHOWN: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, lone surrogates, and separators of lines and paragraphs."""


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
class Called:
    """How somebody wants an evaluation to be called.

    Args:
        id: ``None``: a new one; one of this store is overwritten.
        name: As people read it; ``None``: date and time.
        labels: Besides those of the store.
    """

    id: str | None = None
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be judged, by what and against what, and where the verdict goes.

    Args:
        project: As its file declares it.
        store_name: Where the verdict goes.
        store: Its settings.
        settings: Of the model, or of the store that has none.
        data: What is judged.
        version: ``None`` in a standalone store.
        yardstick: By what every row is judged.
        reference: Rows to compare with, with their predictions; ``None``: there are none.
        profile: What is known of them.
        predicted_anew: Whether the predictions of the reference are others than those the version was measured with.
        called: Id, name and labels.
        left_out: Sentences about columns whose drift is not measured.
    """

    project: Project
    store_name: str
    store: Store
    settings: ModelSettings | Standalone
    data: Source
    version: Version | None
    yardstick: Yardstick
    reference: pd.DataFrame | None
    profile: ReferenceProfile | None
    predicted_anew: bool
    called: Called
    left_out: tuple[str, ...] = ()


@task(task_run_name="Resolve training", cache_policy=NO_CACHE)
def resolve_training(project: str, model: str | None, data: str | None, actor: str | None) -> Assignment:
    """Find the model's settings and its training data."""
    declared = load_project(project)
    name, model_settings = declared.model(model)
    with edge.writing(declared, edge.acting(actor)) as session:
        registry.find_model(session, declared.project, name)
    sources = resolve_joined(declared, data, model_settings.train_on, os.environ)
    return Assignment(declared, name, model_settings, tuple(sources))


@task(task_run_name="Load training data", cache_policy=NO_CACHE)
def load_training_data(assignment: Assignment) -> TrainingTable:
    """Infer the schema and read the rows. Raises: UnreadableFile, SchemaMismatch, NoUsableTarget."""
    return read_training_table(assignment.data, assignment.model, assignment.settings)


@task(task_run_name="Compare training data", cache_policy=NO_CACHE)
def require_new_data(assignment: Assignment, table: TrainingTable, same_data: SameData | None) -> int | None:
    """Look whether the latest version, or the one that is active, was trained on these data already.

    Args:
        assignment: What is to be trained.
        table: The data as read.
        same_data: What becomes of it then; ``None``: what the project says.

    Returns:
        The number of that version; ``None``: the data are new.

    Raises:
        TrainingImpossible: they are not, and that is refused.
    """
    project, model = assignment.project, assignment.model
    places = {project.monitored_environment, assignment.settings.activation.environment}
    with edge.reading() as session:
        row = registry.find_model(session, project.project, model)
        versions = registry.list_versions(session, row)
        active = {number for place, number in registry.active_versions(session, row).items() if place in places}
        candidates = [version for version in versions if version is versions[0] or version.number in active]
        alike = [
            version.number
            for version in candidates
            if sorted(version.manifest["data"]["fingerprints"]) == sorted(table.fingerprints)
        ]
    if alike and (same_data or assignment.settings.same_data) is SameData.REFUSE:
        raise TrainingImpossible(
            model,
            f"the training data {assignment.data_name} are, byte for byte, those of version {alike[0]}, "
            "so that there is nothing new to learn from them",
            f"add new rows, such as the latest part of a series, or write same_data: allow under models.{model}",
        )
    return alike[0] if alike else None


@task(task_run_name="Resolve scoring", cache_policy=NO_CACHE)
def resolve_scoring(project: str, data: str, model: str | None, version: str, actor: str | None) -> Scoring:
    """Find the version and the file to score."""
    declared = load_project(project)
    name, model_settings = declared.model(model)
    source = resolve_data(declared, data, model_settings.train_on, os.environ)
    require_whole(source, "scoring")
    return Scoring(declared, _open(declared, name, version, actor), source)


@task(task_run_name="Resolve evaluation", cache_policy=NO_CACHE)
def resolve_evaluation(
    project: str,
    store: str,
    data: str | None,
    version: str,
    actor: str | None,
    threshold: float | None = None,
    called: Called | None = None,
) -> Subject:
    """Find the store, the data to judge, by what, and the reference.

    Raises: NotFound, UnusableName, UnreadableFile, SchemaMismatch, NoUsableTarget.
    """
    declared = load_project(project)
    declared_store = declared.store(store)
    called = called or Called()
    require_name(called.name)
    source = resolve_data(declared, data, declared_store.data, os.environ)
    wanted = declared_store.threshold if threshold is None else threshold
    _require_threshold(declared, store, wanted)
    with edge.writing(declared, edge.acting(actor)) as session:
        row = evaluations.find_store(session, declared.project, store)
        if called.id is not None:
            evaluations.require_own_id(session, row, called.id)
    if declared_store.standalone is not None:
        return _standalone(declared, store, declared_store.standalone, source, wanted, called)
    return _of_a_model(declared, store, source, version, wanted, actor, called)


def _of_a_model(
    project: Project,
    store_name: str,
    source: Source,
    version: str,
    threshold: float | None,
    actor: str | None,
    called: Called,
) -> Subject:
    store = project.store(store_name)
    name, model_settings = project.model(store.model)
    store = within(store, source, model_settings.time_column)
    opened = _open(project, name, version, actor)
    schema, reference = opened.schema, opened.reference()
    predicted_anew = threshold is not None and threshold != opened.fitted.threshold
    if threshold is not None and predicted_anew:
        reference = at_threshold(reference, schema, threshold)
    brought = from_skipped_scoring(schema, read_header(source)) if store.skip_scoring else None
    in_force = opened.fitted.threshold if threshold is None else threshold
    yardstick = Yardstick(
        schema=schema,
        model=None if brought else replace(opened.fitted, threshold=in_force),
        brought=brought,
        # Predictions that were made elsewhere are taken as they are, unless somebody asks for another threshold.
        threshold=threshold if brought else in_force,
        features=model_settings.features,
        labelled=store.asks_for_labels,
        weight_column=model_settings.weight_column,
        watched=watched_columns(store, schema),
    )
    yardstick.columns_to_read(source)  # what the data lack is told before anything is computed
    profile = suited(
        opened.profile(), reference, schema, store.drift, predicted_anew=predicted_anew, progress=edge.progress()
    )
    return Subject(
        project,
        store_name,
        store,
        model_settings,
        source,
        opened,
        yardstick,
        reference,
        profile,
        predicted_anew,
        called,
    )


def _standalone(
    project: Project, store_name: str, own: Standalone, source: Source, threshold: float | None, called: Called
) -> Subject:
    store = within(project.store(store_name), source, own.time_column)
    other = None if own.reference is None else resolve_data(project, own.reference, own.reference, os.environ)
    if other is not None:
        require_whole(other, "a reference")
    schema, left_out = infer_standalone_schema(own, source, other)
    yardstick = Yardstick(
        schema=schema,
        model=None,
        brought=from_standalone(own),
        threshold=threshold,
        features=own.features,
        labelled=store.asks_for_labels,
        weight_column=own.weight_column,
        watched=watched_columns(store, schema),
    )
    yardstick.columns_to_read(source)
    reference, profile = None, None
    if other is not None:
        reference = read_reference(other, yardstick)
        profile = kept_profile(
            reference,
            schema,
            store.drift.handling,
            settings().artifacts_folder,
            partial(suited, None, reference, schema, store.drift, predicted_anew=True, progress=edge.progress()),
        )
    return Subject(
        project, store_name, store, own, source, None, yardstick, reference, profile, True, called, tuple(left_out)
    )


def _require_threshold(project: Project, store: str, threshold: float | None) -> None:
    if threshold is None:
        return
    kind = project.prediction_type(store)
    if kind is not PredictionType.BINARY:
        raise UnusableName("threshold", f"{threshold:g}", f"a {kind} model has none", "leave it out")
    if not 0 <= threshold <= 1:
        raise UnusableName("threshold", f"{threshold:g}", "it is no probability", "take one from 0 to 1")


def require_name(name: str | None) -> None:
    """Refuse a name of an evaluation that can't be shown, or kept. Raises: UnusableName.

    >>> require_name("April")
    """
    if name is None:
        return
    remedy = f"use at most {LONGEST_NAME} characters that can be shown"
    if len(name) > LONGEST_NAME:
        raise UnusableName("evaluation name", f"{name[:40]}…", f"it has {len(name):,} characters", remedy)
    if any(unicodedata.category(character) in _NOT_SHOWN for character in name):
        raise UnusableName("evaluation name", name, "it has control characters or halves of characters", remedy)


def _open(project: Project, model: str, version: str, actor: str | None) -> Version:
    with edge.writing(project, edge.acting(actor)) as session:
        row = edge.find_version(session, project, model, version)
        registry.require_as_recorded(session, row)
    return open_version(row, model, settings().artifacts_folder)
