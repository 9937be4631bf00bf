"""Decide from one file of rows how it is best watched."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible, UnreadableFile
from governance.project_file import Split
from governance.vocabulary import Handling, PredictionType
from tasks.data.inference import MAX_CLASSES, ColumnProfile, profile_columns
from tasks.data.reading import iterate_chunks, read_frame
from tasks.data.sources import ENDINGS, Source, read_header, require_columns
from tasks.learning.estimators import FOLDS
from tasks.learning.fit import FEWEST_ROWS
from tasks.learning.prediction import CORRECT
from tasks.learning.split import split_rows
from tasks.learning.thresholds import FEWEST_ROWS_OF_CLASS, MAX_F1

_MOST_CLASSES: Final = 20
"""With more values than this, numbers are a quantity and not names of classes."""

_EVEN_ODDS: Final = 0.5
_READ: Final = frozenset({"feature", "time"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of one column: ``target``, ``time``, ``feature`` or ``excluded``, and why."""

    column: str
    role: str
    handling: Handling
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that was decided.

    Args:
        name: Of the project.
        model: Name of the model.
        source: The training data.
        target: Column that is predicted.
        prediction_type: How.
        time_column: When a row happened.
        threshold: Binary only: ``max_f1``, or a probability where a class has too few rows to choose one.
        columns: In the order of the file.
        current: Path of the data that are judged, as it is written into the file; may hold a ``*``.
        person: Who may do everything, to begin with.
    """

    name: str
    model: str
    source: Source
    target: str
    prediction_type: PredictionType
    time_column: str | None
    threshold: float | str | None
    columns: tuple[Decision, ...]
    current: Path
    person: str


def draft_project(file: Path, target: str, *, name: str | None, time_column: str | None, person: str) -> Draft:
    """Look at a file and decide.

    Args:
        file: CSV or Parquet.
        target: Column to predict.
        name: Of the project; default: after the file.
        time_column: Column of dates; default: the only one there is.
        person: Writer, reviewer and final approver, to begin with.

    Raises:
        UnreadableFile: it is absent, empty, or of no known format.
        SchemaMismatch: target or time column is not in it or named as an output of the model, or the one holds no
            labels or the other no dates, or a feature can't be read.
        NoUsableTarget: the target has no value, or always the same, or too many.
        TrainingImpossible: no feature is left, or there are fewer rows than training needs.
    """
    source = _open(file, target)
    require_columns(source, read_header(source), [target, *([time_column] if time_column else [])])
    profiles = {profile.name: profile for profile in profile_columns(source)}
    prediction_type = _prediction_type(source, profiles[target])
    time = time_column or _only_date(profiles, target)
    if time is not None and profiles[time].handling is not Handling.DATE:
        problem = f"it holds no dates ({profiles[time].reason})"
        raise SchemaMismatch(source.path, time, problem, "name a column of dates")
    for named in (target, time):
        if named is not None and _is_named_as_output(named):
            raise SchemaMismatch(source.path, named, "the column is named as an output of the model", "rename it")
    columns = tuple(_decide(profile, target, time) for profile in profiles.values())
    model = as_key(target)
    if not any(decision.role == "feature" for decision in columns):
        raise TrainingImpossible(model, f"no column of {file} is left as a feature", "add columns that tell rows apart")
    threshold = _threshold(source, target, prediction_type, model)
    _require_readable(source, columns)
    project = name or as_key(file.stem)
    return Draft(project, model, source, target, prediction_type, time, threshold, columns, _series(file), person)


def as_key(text: str) -> str:
    """A name as project.yaml wants it.

    Example:
        >>> as_key("Loans 2024 (final)"), as_key("2017")
        ('loans_2024_final', 'p_2017')
    """
    key = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_-")[:78]
    return key if key[:1].isalpha() else f"p_{key}".rstrip("_")


def _open(file: Path, target: str) -> Source:
    """The file; for a CSV with the separator by which it has the target."""
    known = ENDINGS.get(file.suffix.lower())
    if known is None:
        endings = ", ".join(ENDINGS)
        raise UnreadableFile(file, f"its ending {file.suffix!r} tells no format", f"let it end in one of {endings}")
    source = Source("training", file, *known)
    if source.format == "csv" and file.is_file():
        for separator in (source.separator, ",", ";", "\t", "|"):
            other = replace(source, separator=separator)
            if target in read_header(other):
                return other
    return source


def _prediction_type(source: Source, profile: ColumnProfile) -> PredictionType:
    target, path = profile.name, source.path
    if profile.all_missing:
        raise NoUsableTarget(path, target, "no row has a label", "name the column that has the labels")
    if profile.distinct == 1:
        raise NoUsableTarget(path, target, "all labels are the same", "take data in which the target varies")
    if profile.distinct == 2:
        return PredictionType.BINARY
    if profile.stray_row is not None:
        problem = f"nearly all labels are {profile.stray_from}, but here is {profile.stray_value!r}"
        raise SchemaMismatch(path, target, problem, "correct it, or leave it empty", profile.stray_row)
    numbers = _numbers(source, profile)
    if numbers is None and profile.handling in {Handling.IGNORED, Handling.TEXT, Handling.DATE}:
        raise NoUsableTarget(path, target, f"it holds no labels ({profile.reason})", "name the column that has them")
    if numbers is None or (numbers == "whole" and profile.distinct <= _MOST_CLASSES):
        return PredictionType.MULTICLASS
    return PredictionType.REGRESSION


def _numbers(source: Source, profile: ColumnProfile) -> str | None:
    """``whole`` or ``fractional`` when every value of the column is a number. Raises: SchemaMismatch, an infinite one."""
    whole = True
    try:
        for chunk in iterate_chunks(source, {profile.name: Handling.NUMERICAL}):
            values = chunk[profile.name].dropna()
            whole = whole and bool((values % 1 == 0).all())
    except SchemaMismatch:
        if profile.handling is Handling.NUMERICAL:
            raise
        return None
    return "whole" if whole else "fractional"


def _only_date(profiles: dict[str, ColumnProfile], target: str) -> str | None:
    dates = [name for name, profile in profiles.items() if profile.handling is Handling.DATE and name != target]
    return dates[0] if len(dates) == 1 and not _is_named_as_output(dates[0]) else None


def _is_named_as_output(name: str) -> bool:
    """Whether predictions, which stand beside the inputs, may be called so. Then it may be an earlier model's, too."""
    return name in ("prediction", CORRECT) or name.startswith("proba_")


def _threshold(source: Source, target: str, prediction_type: PredictionType, model: str) -> float | str | None:
    """What a binary model starts with. Raises: NoUsableTarget, TrainingImpossible, what training would refuse too."""
    kind = Handling.NUMERICAL if prediction_type is PredictionType.REGRESSION else Handling.CATEGORICAL
    labels = read_frame(source, {target: kind})[target].dropna().reset_index(drop=True)
    if len(labels) < FEWEST_ROWS:
        problem = f"{source.path} has {len(labels)} rows with a label, fewer than the {FEWEST_ROWS} that training needs"
        raise TrainingImpossible(model, problem, "give it more rows")
    if prediction_type is PredictionType.REGRESSION:
        return None
    if labels.nunique() > MAX_CLASSES:
        problem = f"it has more than {MAX_CLASSES:,} different labels"
        raise NoUsableTarget(source.path, target, problem, "name a column with fewer classes, or of numbers")
    train, _ = split_rows(labels.to_frame(), labels, None, Split(), stratify=True)
    counts = labels.iloc[train].value_counts()
    if counts.max() < FOLDS:
        problem = f"every class of {source.path} has fewer than {FOLDS} rows to fit on"
        raise TrainingImpossible(model, problem, "give it more rows of each class")
    if prediction_type is PredictionType.MULTICLASS:
        return None
    return MAX_F1 if counts.min() >= FEWEST_ROWS_OF_CLASS else _EVEN_ODDS


def _require_readable(source: Source, columns: tuple[Decision, ...]) -> None:
    """Read all that training will read. Raises: SchemaMismatch, e.g. for an infinite value."""
    for _ in iterate_chunks(source, {each.column: each.handling for each in columns if each.role in _READ}):
        continue


def _decide(profile: ColumnProfile, target: str, time_column: str | None) -> Decision:
    name, handling, reason = profile.name, profile.handling, profile.reason
    if name == target:
        return Decision(name, "target", handling, reason)
    if name == time_column:
        return Decision(name, "time", handling, "when a row happened; not a feature")
    if _is_named_as_output(name):
        return Decision(name, "excluded", handling, "named as an output of the model")
    if profile.stray_row is not None:
        return Decision(name, "excluded", handling, f"{reason}: correct it, then remove this line")
    if handling in {Handling.IGNORED, Handling.TEXT} or profile.all_missing or profile.constant:
        return Decision(name, "excluded", handling, reason)
    return Decision(name, "feature", handling, reason)


def _series(file: Path) -> Path:
    """The series that the file is a part of, when others beside it differ from it in their numbers only."""
    found = re.fullmatch(r"(\D*)(\d(?:.*\d)?)(\D*)", file.stem)
    if found is None:
        return file
    shape = re.compile(re.sub(r"\\?\d+", r"\\d+", re.escape(file.stem)))
    pattern = f"{found[1]}*{found[3]}{file.suffix}"
    others = [other for other in file.parent.glob(pattern) if other != file]
    alike = others and all(shape.fullmatch(other.stem) for other in others)
    return file.with_name(pattern) if alike else file
