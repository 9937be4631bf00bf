"""Evidently's full visual report of both sides, rendered when somebody asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Schema
from tasks.drift.engine.deferring import deferred

with deferred("evidently"):
    from evidently.core.datasets import (
        BinaryClassification,
        DataDefinition,
        Dataset,
        MulticlassClassification,
        Regression,
    )
    from evidently.core.metric_types import render_widgets
    from evidently.core.report import Report
    from evidently.legacy.model.widget import BaseWidgetInfo
    from evidently.legacy.renderers.html_widgets import group_widget
    from evidently.metrics.classification import RocAuc
    from evidently.presets.classification import ClassificationPreset
    from evidently.presets.dataset_stats import DataSummaryPreset
    from evidently.presets.drift import DataDriftPreset
    from evidently.presets.regression import RegressionPreset

MOST_ROWS: Final = 10_000
"""Of a side: the report takes seconds with these, and its pictures look the same with more."""

_SEED: Final = 1337


@dataclass(frozen=True, slots=True)
class VisualReport:
    """A page, and what is not on it.

    Args:
        html: The page, which needs no other file.
        left_out: Column or part: why Evidently can't show it.
    """

    html: str
    left_out: dict[str, str] = field(default_factory=dict)


def visual_report(reference: pd.DataFrame | None, current: pd.DataFrame, schema: Schema, at: datetime) -> VisualReport:
    """Let Evidently compute and draw its own report; its numbers are Evidently's, from a sample of the rows.

    A column that Evidently can't cope with is left out, and takes no other with it.

    Args:
        reference: Shape (rows, ...): the features, ``prediction``, ``proba_<class>`` and the target as far as there
            are any. ``None``: the current data are described, and nothing is compared.
        current: Shape (rows, ...), likewise. Of either side at most 10,000 rows are looked at, always the same ones.
        schema: What the columns are.
        at: Moment that the report bears.

    Returns:
        One page: drift, summary of the columns and, where both sides have labels, performance.
    """
    given = [side for side in (current, reference) if side is not None]
    sides = [side.sample(MOST_ROWS, random_state=_SEED) if len(side) > MOST_ROWS else side for side in given]
    left_out: dict[str, str] = {}
    features = [_plain([side.get(c.name) for side in sides], c.name, c.handling, left_out) for c in schema.features]
    if all("prediction" in side for side in sides):
        predictions = [side["prediction"] for side in sides]
        features.append(_plain(predictions, "prediction", schema.target_handling, left_out))
    columns = [column for column in features if column is not None]
    widgets = [*_columns(columns, at, left_out), *_performance(sides, schema, at, left_out)]
    notes = [_note(f"{name} is left out", why) for name, why in left_out.items()]
    return VisualReport(render_widgets([group_widget(title="", widgets=[*notes, *widgets])], as_iframe=False), left_out)


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """A column as Evidently can take it: numbers as float64, anything else as text."""

    name: str
    numerical: bool
    sides: tuple[Any, ...]


def _plain(sides: Sequence[Any], name: str, handling: Handling, left_out: dict[str, str]) -> _Column | None:
    if any(side is None for side in sides):
        left_out[name] = "a side does not have the column"
        return None
    numerical = handling is not Handling.CATEGORICAL
    try:
        plain = tuple(_taken_as(side, handling) for side in sides)
    except (ValueError, TypeError) as unusable:
        left_out[name] = f"it is not {handling}: {unusable}"
        return None
    for side, values in zip(("current", "reference"), plain, strict=False):
        if not values.notna().any():
            left_out[name] = f"the {side} data have no value"
            return None
    return _Column(name, numerical, plain)


def _taken_as(side: Any, handling: Handling) -> Any:
    if handling is Handling.CATEGORICAL:
        return side.astype(object).where(side.isna(), side.astype(str)).reset_index(drop=True)
    if handling is Handling.TEXT:
        side = side.str.len()
    if handling is Handling.DATE:
        moments = pd.to_datetime(side, utc=True)
        seconds = moments.to_numpy(dtype="datetime64[us]").astype(np.int64) / 1e6
        return pd.Series(np.where(moments.isna(), np.nan, seconds))
    numbers = pd.to_numeric(side).to_numpy(dtype=np.float64, na_value=np.nan)
    return pd.Series(np.where(np.isfinite(numbers), numbers, np.nan))


def _columns(columns: Sequence[_Column], at: datetime, left_out: dict[str, str]) -> list[Any]:
    """Drift and summary of all columns together; when that fails, of those that do not fail by themselves."""

    def drawn(some: Sequence[_Column]) -> list[Any]:
        numerical = [column.name for column in some if column.numerical]
        definition = _definition(numerical, [column.name for column in some if not column.numerical])
        count = len(some[0].sides)
        frames = [pd.DataFrame({column.name: column.sides[n] for column in some}) for n in range(count)]
        names = [column.name for column in some]
        drift = [DataDriftPreset(columns=names)] if count > 1 else []
        return _drawn([*drift, DataSummaryPreset(columns=names)], frames, definition, at)

    if not columns:
        return []
    widgets = _attempt("columns", partial(drawn, columns), {})
    if widgets is not None:
        return widgets
    good = [column for column in columns if _attempt(column.name, partial(drawn, [column]), left_out) is not None]
    return (_attempt("columns", partial(drawn, good), left_out) if good else None) or []


def _performance(sides: Sequence[pd.DataFrame], schema: Schema, at: datetime, left_out: dict[str, str]) -> list[Any]:
    if not all({schema.target, "prediction"} <= set(side) for side in sides):
        return []
    labelled = [side[side[schema.target].notna() & side["prediction"].notna()] for side in sides]
    if any(side.empty for side in labelled):
        return []
    regression = schema.prediction_type is PredictionType.REGRESSION
    numerical = [schema.target, "prediction"] if regression else []
    labels = [] if regression else [schema.target, "prediction"]
    frames = [
        pd.DataFrame({name: _taken_as(side[name], schema.target_handling) for name in (schema.target, "prediction")})
        for side in labelled
    ]
    tasks: dict[str, Any] = {}
    metrics: list[Any] = []
    match schema.prediction_type:
        case PredictionType.REGRESSION:
            tasks["regression"] = [Regression(target=schema.target, prediction="prediction")]
            metrics.append(RegressionPreset())
        case PredictionType.MULTICLASS:
            tasks["classification"] = [MulticlassClassification(target=schema.target, prediction_labels="prediction")]
            metrics.append(ClassificationPreset())
        case PredictionType.BINARY:
            positive = schema.classes[1]
            # Two tasks: given labels and probabilities at once, Evidently ignores the labels, and our threshold.
            by_label = {"target": schema.target, "prediction_labels": "prediction", "pos_label": positive}
            tasks["classification"] = [BinaryClassification(**by_label)]
            metrics.append(ClassificationPreset())
            probability = f"proba_{positive}"
            if all(probability in side for side in labelled):
                by_probability = {"target": schema.target, "prediction_probas": probability, "pos_label": positive}
                tasks["classification"].append(BinaryClassification(name="probability", **by_probability))
                metrics.append(RocAuc(classification_name="probability", roc_curve=True))
                numerical.append(probability)
                for frame, side in zip(frames, labelled, strict=True):
                    frame[probability] = _taken_as(side[probability], Handling.NUMERICAL)
    definition = _definition(numerical, labels, tasks)
    return _attempt("performance", lambda: _drawn(metrics, frames, definition, at), left_out) or []


def _definition(numerical: list[str], categorical: list[str], tasks: Mapping[str, Any] | None = None) -> Any:
    rest: dict[str, list[str]] = {f"{kind}_columns": [] for kind in ("text", "datetime", "unknown", "list")}
    return DataDefinition(numerical_columns=numerical, categorical_columns=categorical, **rest, **(tasks or {}))


def _drawn(metrics: Sequence[Any], frames: Sequence[pd.DataFrame], definition: Any, at: datetime) -> list[Any]:
    sides = [Dataset.from_pandas(frame, definition) for frame in frames]
    return list(Report(list(metrics)).run(*sides, timestamp=at)._widgets)


def _attempt(what: str, draw: Callable[[], list[Any]], left_out: dict[str, str]) -> list[Any] | None:
    try:
        # Evidently divides by what may be zero, and says so.
        with np.errstate(all="ignore"):
            return draw()
    except Exception as failed:  # whatever breaks in there is about this part only
        left_out[what] = f"Evidently failed: {type(failed).__name__}: {failed}"
        return None


def _note(title: str, text: str) -> Any:
    return BaseWidgetInfo(type="text", title=title, size=2, params={"text": text})
