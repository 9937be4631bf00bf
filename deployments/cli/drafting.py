"""Decide from one file of rows how it is best watched, and write that down as a ``project.yaml``."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible, UnreadableFile
from governance.vocabulary import Handling, PredictionType
from tasks.data.inference import ColumnProfile, profile_columns
from tasks.data.reading import iterate_chunks
from tasks.data.sources import ENDINGS, Source, read_header, require_columns

_MOST_CLASSES: Final = 20
"""With more values than this, numbers are a quantity and not names of classes."""


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
        SchemaMismatch: target or time column is not in it, or the time column holds no dates.
        NoUsableTarget: the target has no value, or always the same.
        TrainingImpossible: no feature is left.
    """
    source = _open(file, target)
    require_columns(source, read_header(source), [target, *([time_column] if time_column else [])])
    profiles = {profile.name: profile for profile in profile_columns(source)}
    prediction_type = _prediction_type(source, profiles[target])
    time = time_column or _only_date(profiles, target)
    if time is not None and profiles[time].handling is not Handling.DATE:
        found = profiles[time]
        raise SchemaMismatch(source.path, time, f"it holds no dates ({found.reason})", "name a column of dates")
    columns = tuple(_decide(profile, target, time) for profile in profiles.values())
    model = as_key(target)
    if not any(decision.role == "feature" for decision in columns):
        raise TrainingImpossible(model, f"no column of {file} is left as a feature", "add columns that tell rows apart")
    return Draft(
        name or as_key(file.stem), model, source, target, prediction_type, time, columns, _series(file), person
    )


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
        problem = f"its ending {file.suffix!r} tells no format"
        raise UnreadableFile(file, problem, f"let it end in one of {', '.join(ENDINGS)}")
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
    numbers = _numbers(source, target)
    if numbers is None and profile.handling in {Handling.IGNORED, Handling.TEXT, Handling.DATE}:
        raise NoUsableTarget(path, target, f"it holds no labels ({profile.reason})", "name the column that has them")
    if numbers is None or (numbers == "whole" and profile.distinct <= _MOST_CLASSES):
        return PredictionType.MULTICLASS
    return PredictionType.REGRESSION


def _numbers(source: Source, column: str) -> str | None:
    """``whole`` or ``fractional`` when every value of the column is a number."""
    whole = True
    try:
        for chunk in iterate_chunks(source, {column: Handling.NUMERICAL}):
            values = chunk[column].dropna()
            whole = whole and bool((values % 1 == 0).all())
    except SchemaMismatch:
        return None
    return "whole" if whole else "fractional"


def _only_date(profiles: dict[str, ColumnProfile], target: str) -> str | None:
    dates = [name for name, profile in profiles.items() if profile.handling is Handling.DATE and name != target]
    return dates[0] if len(dates) == 1 else None


def _decide(profile: ColumnProfile, target: str, time_column: str | None) -> Decision:
    name, handling, reason = profile.name, profile.handling, profile.reason
    if name == target:
        return Decision(name, "target", handling, reason)
    if name == time_column:
        return Decision(name, "time", handling, "when a row happened; not a feature")
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


def write_down(draft: Draft, folder: Path) -> str:
    """The text of the ``project.yaml`` in ``folder``."""
    return "\n".join([*_data(draft, folder), *_model(draft), *_stores(draft), *_scenario(draft), *_people(draft)])


def _data(draft: Draft, folder: Path) -> Iterator[str]:
    separator = [f"    separator: {_value(draft.source.separator)}"] if draft.source.separator != "," else []
    yield f"# What driftgate watches, and how. Written by 'driftgate init' from {_one_line(draft.source.path.name)}; change what you like,"
    yield "# then run 'driftgate project validate'."
    yield f"project: {_value(draft.name)}"
    yield f"description: {_value(f'Predicts {draft.target}.')}"
    yield ""
    yield "data:"
    yield "  training:"
    yield f"    path: {_value(_below(draft.source.path, folder))} # relative to this file"
    yield from separator
    yield "  current:"
    if "*" in draft.current.name:
        yield "    # What is judged: every file that differs from its neighbours where the * stands is one part of the series."
    else:
        yield "    # What is judged. For now the training data themselves, so nothing drifts: point it at the data of"
        yield "    # production. One * makes it a series of files, e.g. monthly/*.csv; the last one is judged by default."
    yield f"    path: {_value(_below(draft.current, folder))}"
    yield from separator
    yield ""


def _model(draft: Draft) -> Iterator[str]:
    handlings = Counter(decision.handling for decision in draft.columns if decision.role == "feature")
    found = ", ".join(f"{count} {handling}" for handling, count in handlings.items())
    excluded = [decision for decision in draft.columns if decision.role == "excluded"]
    yield "models:"
    yield f"  {_value(draft.model)}:"
    yield f"    target: {_value(draft.target)}"
    yield f"    prediction_type: {draft.prediction_type} # one of {', '.join(PredictionType)}"
    if draft.prediction_type is PredictionType.BINARY:
        yield "    threshold: max_f1 # or the probability from which a row is positive, e.g. 0.5"
    if draft.time_column is not None:
        yield f"    time_column: {_value(draft.time_column)} # when a row happened; not a feature"
    yield "    train_on: training"
    yield "    features:"
    yield f"      # Features: {found}. To treat one otherwise: handling: {{COLUMN: categorical}}"
    yield f"      exclude:{'' if excluded else ' []'}"
    for decision in excluded:
        yield f"        - {_value(decision.column)} # {_one_line(decision.reason)}"
    yield ""


def _stores(draft: Draft) -> Iterator[str]:
    yield "stores:"
    yield "  mes_for_ground_truth: # where labels have arrived: performance is measured"
    yield f"    model: {_value(draft.model)}"
    yield "    data: current"
    yield "    sampling: {method: random, rows: 10000}"
    yield "  mes_for_input_drift: # no labels needed"
    yield f"    model: {_value(draft.model)}"
    yield "    data: current"
    yield "    performance: false"
    yield "    sampling: {method: random, rows: 10000}"
    yield "    checks:"
    yield "      # data_drift is how often a model tells old rows from new ones: 0.5 is tossing a coin, 1 is always."
    yield "      - name: Data drift"
    yield "        metric: data_drift"
    yield "        soft_maximum: 0.6 # above it a warning"
    yield "        maximum: 0.75 # above it an error, which starts the training below"
    yield ""


def _scenario(draft: Draft) -> Iterator[str]:
    yield "scenarios:"
    yield "  retrain-model:"
    yield "    name: Retrain Model"
    yield "    # schedule: {cron: 0 6 * * 1, time_zone: Europe/London}"
    yield "    steps:"
    yield "      - name: Build MES"
    yield "        kind: build_evaluation"
    yield "        store: mes_for_input_drift"
    yield "      - name: Run MES checks"
    yield "        kind: run_checks"
    yield "        store: mes_for_input_drift"
    yield "      - name: Build model"
    yield "        kind: train"
    yield f"        model: {_value(draft.model)}"
    yield "        run_if: some_prior_failed"
    yield "        reset_failure: true"
    yield ""


def _people(draft: Draft) -> Iterator[str]:
    person = _value(draft.person)
    yield "people:"
    yield f"  writers: [{person}] # request reviews, reset them"
    yield "  reviewers: # feedback groups and their members"
    yield f"    business: [{person}]"
    yield f"  final_approvers: [{person}] # approve or reject"
    yield "  # separation_of_duties: true # who trained or requested may not approve"
    yield ""
    yield "environments:"
    yield "  dev: {policy: always}"
    yield "  prod: {policy: prevent} # nothing becomes active here without an approval"
    yield "monitored_environment: prod"
    yield ""


def _value(value: Any) -> str:
    """A value as YAML writes it on one line, in quotes where it needs them."""
    text: str = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.removesuffix("...\n").strip()


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _below(path: Path, folder: Path) -> str:
    """The path as seen from the folder; whole when they have little in common."""
    relative = os.path.relpath(path.absolute(), folder.absolute())
    return Path(relative).as_posix() if relative.count("..") <= 3 else path.absolute().as_posix()
