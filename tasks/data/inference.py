"""From a file and the model's settings to the schema that the model is trained with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible
from governance.project_file import ModelSettings, Standalone
from governance.vocabulary import Handling, PredictionType
from tasks.data.conversion import number_of
from tasks.data.profiling import ColumnProfile, profile_columns
from tasks.data.reading import iterate_chunks
from tasks.data.schema import Column, Schema, canonical_label
from tasks.data.sources import Source, read_header, require_columns

__all__ = ["ColumnProfile", "infer_schema", "infer_standalone_schema", "profile_columns"]

MAX_LEVELS: Final = 10_000
"""Levels of a categorical feature that are kept with a version."""

MAX_CLASSES: Final = 1_000

_FOR_MODELS: Final = frozenset({Handling.NUMERICAL, Handling.CATEGORICAL, Handling.DATE})


def infer_schema(source: Source, model_name: str, settings: ModelSettings) -> Schema:
    """Decide which columns of the training data are features, and as what.

    Identifiers and free text are left out, unless their handling is forced. What can't be meant is refused: a name
    that is not in the file, a feature without a value or with a single one, a column of numbers with stray text.

    Args:
        source: The training data; read twice, in chunks.
        model_name: For the error.
        settings: Target, prediction type, features.

    Returns:
        The schema; levels and classes are those of the whole file.

    Raises:
        UnreadableFile: as :func:`tasks.data.reading.iterate_chunks`.
        SchemaMismatch: a column that is missing, or that can't be the feature or the time it is said to be.
        NoUsableTarget: no label, or labels that do not fit the prediction type.
        TrainingImpossible: no feature is left.
    """
    features, time, weight = settings.features, settings.time_column, settings.weight_column
    header = read_header(source)
    named = [settings.target, *filter(None, (time, weight)), *(features.include or []), *features.exclude]
    require_columns(source, header, [*named, *features.handling])
    profiles = {profile.name: profile for profile in profile_columns(source, features.handling)}
    chosen = _choose(header, settings)
    columns = tuple(
        Column(name, profiles[name].handling)
        for name in chosen
        if _is_feature(source, profiles[name], forced=name in features.handling, asked_for=features.include is not None)
    )
    if not columns:
        raise TrainingImpossible(
            model_name,
            f"no column of {source.path} is left as a feature",
            "include columns under features.include, or force their handling under features.handling",
        )
    _require_dates(source, time, columns)
    schema = Schema(columns, settings.target, settings.prediction_type, (), time)
    levels = _collect_levels(source, schema.columns_to_read())
    labels = levels.pop(settings.target, None)
    return replace(
        schema,
        classes=_classes(source, settings, profiles[settings.target], labels),
        categories={name: tuple(sorted(seen)) for name, seen in levels.items() if seen is not None},
    )


def infer_standalone_schema(settings: Standalone, data: Source, reference: Source | None) -> tuple[Schema, list[str]]:
    """What predictions that come with the data are of: columns to watch, and the classes.

    A column that tells nothing (all missing, an identifier, free text) is left out rather than refused: nobody is about
    to train on it. A constant one stays: that it varies in the data would be drift.

    Args:
        settings: Of the store.
        data: What is judged.
        reference: What it is compared with; its columns are watched, or those of the data when there is none.

    Returns:
        The schema; the target is empty when the data bring no labels. Classes are those of the labels, the
        predictions and the probabilities of both sources. And a sentence for every column of the reference that is
        left out though nobody said so.

    Raises:
        UnreadableFile: as :func:`tasks.data.reading.iterate_chunks`.
        SchemaMismatch: a column that is named is missing, or is no date where it has to be.
        NoUsableTarget: labels and predictions do not fit the prediction type.
    """
    target, time, features = settings.target, settings.time_column, settings.features
    watched = reference or data
    for source in filter(None, (data, reference)):
        require_columns(source, read_header(source), [settings.prediction, *settings.probabilities.values()])
    header = read_header(watched)
    require_columns(watched, header, [*(features.include or []), *features.exclude, *features.handling])
    profiles = {profile.name: profile for profile in profile_columns(watched, features.handling, constants=True)}
    brought = {settings.prediction, *settings.probabilities.values(), target, time, settings.weight_column}
    chosen = features.include or [name for name in header if name not in brought | set(features.exclude)]
    columns = tuple(Column(name, profiles[name].handling) for name in chosen if profiles[name].handling in _FOR_MODELS)
    _require_dates(watched, time, columns)
    schema = Schema(columns, target or "", settings.prediction_type, (), time)
    levels = _collect_levels(watched, schema.handling)
    schema = replace(
        schema,
        classes=_standalone_classes(settings, data, reference),
        categories={name: tuple(sorted(seen)) for name, seen in levels.items() if seen is not None},
    )
    left_out = [name for name in chosen if name not in schema.handling and name not in features.handling]
    return schema, [
        f"drift of column {name!r} is not measured: {profiles[name].reason}"
        for name in left_out
        if reference is not None
    ]


def _standalone_classes(settings: Standalone, data: Source, reference: Source | None) -> tuple[str, ...]:
    def refuse(problem: str, remedy: str) -> NoUsableTarget:
        return NoUsableTarget(data.path, settings.target or settings.prediction, problem, remedy)

    if settings.prediction_type is PredictionType.REGRESSION:
        return ()
    labels = {canonical_label(label) for label in settings.probabilities}
    for source in filter(None, (data, reference)):
        header = read_header(source)
        named = [name for name in (settings.prediction, settings.target) if name is not None and name in header]
        found = _collect_levels(source, dict.fromkeys(named, Handling.CATEGORICAL)).values()
        if any(seen is None for seen in found) or len(labels.union(*filter(None, found))) > MAX_CLASSES:
            raise refuse(
                f"there are more than {MAX_CLASSES:,} different labels and predictions",
                "set prediction_type: regression, or correct the names of the columns",
            )
        labels = labels.union(*filter(None, found))
    if settings.prediction_type is PredictionType.MULTICLASS:
        return tuple(sorted(labels))
    if settings.positive_class is not None:
        labels.add(canonical_label(settings.positive_class))
    if len(labels) == 1:
        raise refuse(
            f"labels and predictions know only the class {next(iter(labels))!r}",
            "name both classes under probabilities, or the other one as positive_class",
        )
    return _binary_classes(labels, settings.positive_class, refuse)


def _choose(header: Iterable[str], settings: ModelSettings) -> list[str]:
    """The columns that may be features: those included, or all but target, time, weight and those excluded."""
    features = settings.features
    if features.include is not None:
        return list(dict.fromkeys(features.include))
    never = (settings.target, settings.time_column, settings.weight_column, *features.exclude)
    return [name for name in header if name not in never]


def _is_feature(source: Source, profile: ColumnProfile, *, forced: bool, asked_for: bool) -> bool:
    """Whether a column is one that models can use; refuses what can't be meant."""
    if forced and profile.handling not in _FOR_MODELS:
        return False
    if profile.all_missing:
        raise SchemaMismatch(source.path, profile.name, "all values are missing", "exclude it under features.exclude")
    if profile.constant:
        raise SchemaMismatch(
            source.path, profile.name, "all rows have the same value", "exclude it under features.exclude"
        )
    if profile.stray_row is not None:
        raise SchemaMismatch(
            source.path,
            profile.name,
            f"nearly all values are {profile.stray_from}, but here is {profile.stray_value!r}",
            "correct it, or set the column's handling under features.handling",
            profile.stray_row,
        )
    if profile.handling in _FOR_MODELS:
        return True
    if asked_for:
        raise SchemaMismatch(
            source.path,
            profile.name,
            f"it is included, but looks useless for a model ({profile.reason})",
            "set its handling under features.handling, or remove it from features.include",
        )
    return False


def _require_dates(source: Source, time: str | None, columns: Iterable[Column]) -> None:
    for column in columns:
        if column.name == time and column.handling is not Handling.DATE:
            raise SchemaMismatch(
                source.path,
                column.name,
                f"as time column it holds dates, as feature it is {column.handling}",
                "set its handling to date, or remove it from features.include",
            )


def _collect_levels(source: Source, columns: Mapping[str, Handling]) -> dict[str, set[str] | None]:
    """Categorical column: its levels over the whole file, ``None`` when there are too many.

    The other columns are read too, so that a file that has a schema is known to be readable with it.
    """
    levels: dict[str, set[str] | None] = {
        name: set() for name, handling in columns.items() if handling is Handling.CATEGORICAL
    }
    for chunk in iterate_chunks(source, columns):
        for name, seen in levels.items():
            if seen is not None:
                seen.update(chunk[name].dropna().unique().tolist())
                levels[name] = seen if len(seen) <= MAX_LEVELS else None
    return levels


def _classes(
    source: Source, settings: ModelSettings, profile: ColumnProfile, found: set[str] | None
) -> tuple[str, ...]:
    def refuse(problem: str, remedy: str) -> NoUsableTarget:
        return NoUsableTarget(source.path, settings.target, problem, remedy)

    if profile.all_missing:
        raise refuse("no row has a label", "name the column that has the labels as target, or add them")
    if profile.distinct == 1:
        raise refuse("all labels are the same", "take data in which the target varies")
    if settings.prediction_type is PredictionType.REGRESSION:
        return ()
    if found is None or len(found) > MAX_CLASSES:
        raise refuse(
            f"it has more than {MAX_CLASSES:,} different labels",
            "set prediction_type: regression, or correct the target",
        )
    if settings.prediction_type is PredictionType.MULTICLASS:
        return tuple(sorted(found))
    return _binary_classes(found, settings.positive_class, refuse)


def _binary_classes(
    labels: Iterable[str], positive_class: str | None, refuse: Callable[[str, str], NoUsableTarget]
) -> tuple[str, str]:
    """Negative and positive."""
    classes = sorted(labels)
    if len(classes) != 2:
        shown = ", ".join(classes[:5]) + (", …" if len(classes) > 5 else "")
        raise refuse(
            f"it has {len(classes):,} classes ({shown}) where a binary model has two",
            "set prediction_type: multiclass, or correct the labels",
        )
    classes.sort(key=_as_number_or_text)
    positive = classes[-1] if positive_class is None else canonical_label(positive_class)
    if positive not in classes:
        raise refuse(
            f"no row has the positive class {positive!r}", f"set positive_class to {classes[0]!r} or {classes[1]!r}"
        )
    negative = classes[0] if positive == classes[1] else classes[1]
    return negative, positive


def _as_number_or_text(label: str) -> tuple[int, float, str]:
    number = number_of(label)
    return (1, 0.0, label) if number is None else (0, number, label)
