"""Write a draft down as a ``project.yaml``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from governance.vocabulary import PredictionType
from tasks.learning.drafting import Draft


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
    if isinstance(draft.threshold, str):
        yield f"    threshold: {draft.threshold} # or the probability from which a row is positive, e.g. 0.5"
    elif draft.threshold is not None:
        yield f"    threshold: {draft.threshold} # a class has too few rows to choose it: with more of them, max_f1"
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
    yield "  mes_for_input_drift: # no labels needed"
    yield f"    model: {_value(draft.model)}"
    yield "    data: current"
    yield "    performance: false"
    yield "    checks:"
    yield "      # data_drift is how often a model tells old rows from new ones: 0.5 is tossing a coin, 1 is always."
    yield "      - name: Data drift"
    yield "        metric: data_drift"
    yield "        soft_maximum: 0.6 # above it a warning"
    yield "        maximum: 0.75 # above it an error, which starts the training below"
    yield "      # columns_p_value is how often some column would look as moved as this if none had moved at all. It knows"
    yield "      # how many rows and columns there are: of a hundred quiet batches one errs. In many rows it sees what hardly"
    yield "      # matters, too; where that alarms too often, leave out its minimum."
    yield "      - name: Columns"
    yield "        metric: columns_p_value"
    yield "        minimum: 0.01 # below it an error"
    yield "        soft_minimum: 0.05 # below it a warning"
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
