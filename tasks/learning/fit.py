"""From a table of rows to a model that is fitted, measured and diagnosed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from governance.errors import NoUsableTarget, SchemaMismatch, TrainingImpossible
from governance.vocabulary import Measurement, PredictionType, SplitMethod
from tasks.data.conform import model_matrix, to_target
from tasks.data.telling import Progress, say_nothing
from tasks.learning.diagnostics import Diagnostic, Evidence, diagnose
from tasks.learning.estimators import DEFAULT, FOLDS, build_pipeline
from tasks.learning.importances import measure_importances
from tasks.learning.prediction import CORRECT, FittedModel, output_columns, predict
from tasks.learning.split import split_rows
from tasks.learning.threads import one_thread
from tasks.learning.thresholds import choose_threshold
from tasks.metrics import measure_performance
from tasks.metrics.days import blocks_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from governance.project_file import ModelSettings
    from tasks.data.schema import Schema

FEWEST_ROWS: Final = 20
FEWEST_VALUES: Final = 20
OVERFIT_ROWS: Final = 20_000
"""Rows that were fitted on, at most, that are predicted to be held against the test part."""


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What training makes.

    Args:
        pipeline: Fitted on the first part, or on all rows with ``refit_on_full``.
        schema: What it was fitted with.
        threshold: Binary only, 0 to 1.
        measurements: Performance of the first fit on the test part.
        reference: The test part, at most ``reference_rows`` rows in their order: features, target (canonical
            labels or float64), time column, weights, and the first fit's ``prediction`` and ``proba_*``.
        importances: Share of each feature in the permutation importance on the test part, 0 to 1.
        diagnostics: What is suspicious.
        train_rows: Rows of the first part.
        test_rows: Rows of the second.
        dropped_rows: Rows without a label.
        reference_places: Shape (rows of the reference,): where in the table each of them was.
    """

    pipeline: Pipeline
    schema: Schema
    threshold: float | None
    measurements: list[Measurement]
    reference: pd.DataFrame
    importances: dict[str, float]
    diagnostics: list[Diagnostic]
    train_rows: int
    test_rows: int
    dropped_rows: int
    reference_places: NDArray[np.int64]

    @property
    def fitted(self) -> FittedModel:
        """What is needed to predict."""
        return FittedModel(self.pipeline, self.schema, self.threshold)


def train_model(
    frame: pd.DataFrame,
    model_name: str,
    settings: ModelSettings,
    schema: Schema,
    file: str,
    progress: Progress | None = None,
) -> TrainedModel:
    """Split, fit on one part, measure on the other, diagnose, and fit again on all when that is asked for.

    The same rows, settings and versions of packages give the same model.

    Args:
        frame: Shape (rows, ...): features, target, time column and weights, typed as ``tasks.data.reading`` types them,
            all rows of the file in their order. Rows without a label are dropped, and counted.
        model_name: For the errors.
        settings: Estimator, split, threshold, ``refit_on_full``, ``reference_rows``.
        schema: From ``tasks.data.inference``.
        file: Where the rows come from, as people name it; for the errors.
        progress: Called at the beginning of every stage with its name and the share that is done, 0 to 1; at
            the end with ``("done", 1.0)``.

    Returns:
        With ``refit_on_full`` everything but the pipeline is of the first fit: what was measured on rows that
        had not been seen stays.

    Raises:
        NoUsableTarget: no row has a label.
        SchemaMismatch: a label or a time can't be used, or a column is named as an output of the model.
        TrainingImpossible: nothing can be learned from these data with these settings.
    """
    tell = progress or say_nothing
    tell("splitting", 0.0)
    _require_free_names(schema, settings.weight_column, file)
    labels = to_target(frame[schema.target], schema, file)
    positions = _labelled_rows(labels, schema, model_name, file)
    rows, target = frame.iloc[positions].reset_index(drop=True), labels.iloc[positions].reset_index(drop=True)
    train, test = _split(rows, target, positions, settings, schema, model_name, file)
    first_part = _Part(rows.iloc[train], target.iloc[train], settings, schema, model_name)
    tell("fitting", 0.05)
    pipeline = first_part.fit()
    tell("choosing the threshold", 0.4)
    threshold = first_part.choose_threshold()
    model = FittedModel(pipeline, schema, threshold)
    tell("measuring", 0.6)
    with _in_words(settings, model_name):
        scored = predict(model, rows.iloc[test])
    measurements = _measure(settings, model, rows.iloc[test], target.iloc[test], scored)
    tell("weighing features", 0.7)
    importances = measure_importances(model, rows.iloc[test], target.iloc[test], settings.split.seed)
    tell("diagnosing", 0.8)
    dropped_rows = len(frame) - len(rows)
    evidence = Evidence(
        schema.prediction_type,
        target.iloc[train],
        target.iloc[test],
        scored["prediction"],
        _measure_on_fitted(settings, model, rows.iloc[train], target.iloc[train]),
        measurements,
        importances,
        dropped_rows,
        sorted(first_part.unusable),
    )
    if settings.refit_on_full:
        tell("fitting again on all rows", 0.85)
        pipeline = _Part(rows, target, settings, schema, model_name).fit()
    kept = _sample(len(test), settings.reference_rows, settings.split.seed)
    reference = _reference(rows.iloc[test], target.iloc[test], scored, settings, schema).iloc[kept]
    tell("done", 1.0)
    return TrainedModel(
        pipeline, schema, threshold, measurements, reference.reset_index(drop=True), importances, diagnose(evidence),
        len(train), len(test), dropped_rows, positions[test][kept],
    )  # fmt: skip


class _Part:
    """Rows to fit on, as the estimator sees them."""

    def __init__(
        self, rows: pd.DataFrame, target: pd.Series, settings: ModelSettings, schema: Schema, model_name: str
    ) -> None:
        self.settings, self.schema, self.model_name = settings, schema, model_name
        self.matrix = model_matrix(rows, schema)
        kind = "float64" if schema.prediction_type is PredictionType.REGRESSION else "str"
        # Not pandas' text: the classes that the pipeline keeps shall be a plain array.
        self.labels: NDArray[Any] = np.asarray(target.tolist(), dtype=kind)
        self.unusable = self._unusable() if settings.estimator == DEFAULT else []

    def pipeline(self) -> Pipeline:
        """Unfitted."""
        return build_pipeline(self.settings, self.schema, self.model_name, self.unusable)

    def fit(self) -> Pipeline:
        """A pipeline fitted on the rows."""
        with _in_words(self.settings, self.model_name):
            return self.pipeline().fit(self.matrix, self.labels)

    def choose_threshold(self) -> float | None:
        """From predictions for the rows by pipelines that were not fitted on them."""
        with _in_words(self.settings, self.model_name):
            return choose_threshold(
                self.pipeline(), self.matrix, self.labels, self.settings, self.schema, self.model_name
            )

    def _unusable(self) -> list[str]:
        """Features with next to no value: histogram gradient boosting fails when it meets none of them.

        It looks at a part of the rows only (cross-validation, or 200,000 for the bins), hence "next to".
        """
        rows = len(self.matrix)
        fewest = min(rows / 2, max(FEWEST_VALUES, rows / 1_000))
        known = self.matrix.notna().sum()
        return [name for name in self.schema.feature_names if known[name] < fewest]


def _require_free_names(schema: Schema, weight: str | None, file: str) -> None:
    """Outputs stand beside inputs in the reference and in scored data."""
    inputs = {*schema.feature_names, schema.target, schema.time_column, weight}
    for name in (*output_columns(schema), CORRECT):
        if name in inputs:
            raise SchemaMismatch(
                file, name, "the column is named as an output of the model", "rename it, or exclude it"
            )


def _labelled_rows(labels: pd.Series, schema: Schema, model_name: str, file: str) -> NDArray[np.int64]:
    """Positions of the rows that can be learned from."""
    positions: NDArray[np.int64] = np.flatnonzero(labels.notna().to_numpy())
    if len(positions) == 0:
        raise NoUsableTarget(file, schema.target, f"none of the {len(labels):,} rows has a label", "add labels")
    if len(positions) < FEWEST_ROWS:
        raise TrainingImpossible(
            model_name,
            f"{file} has {len(positions)} rows with a label, fewer than {FEWEST_ROWS}",
            "give it more rows",
        )
    return positions


def _split(
    rows: pd.DataFrame,
    target: pd.Series,
    positions: NDArray[np.int64],
    settings: ModelSettings,
    schema: Schema,
    model_name: str,
    file: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    time = None
    if settings.split.method is SplitMethod.TIME and schema.time_column is not None:
        time = rows[schema.time_column]
        missing = np.flatnonzero(time.isna().to_numpy())
        if len(missing):
            raise SchemaMismatch(
                file,
                schema.time_column,
                "it is empty, so the row has no place in time",
                "fill it in, or set split.method: random",
                int(positions[missing[0]]) + 1,
            )
    stratify = schema.prediction_type is not PredictionType.REGRESSION
    train, test = split_rows(rows, target, time, settings.split, stratify)
    counts = target.iloc[train].value_counts()
    if len(counts) == 1:
        raise TrainingImpossible(
            model_name,
            f"all {len(train):,} rows to fit on have the same target, {counts.index[0]}",
            "give it data in which the target varies",
        )
    if stratify and counts.max() < FOLDS:
        raise TrainingImpossible(
            model_name, f"every class has fewer than {FOLDS} rows to fit on", "give it more rows of each class"
        )
    return train, test


@contextmanager
def _in_words(settings: ModelSettings, model_name: str) -> Iterator[None]:
    """What an estimator does not like becomes a sentence."""
    try:
        with one_thread(), warnings.catch_warnings():
            # A class with fewer rows than folds: the folds without it are right to be without it.
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            yield
    except (ValueError, TypeError, ArithmeticError, AttributeError, NotImplementedError) as error:
        raise TrainingImpossible(
            model_name,
            f"{settings.estimator} fails with: {' '.join(str(error).split()).rstrip('.')}",
            "change parameters, choose another estimator, or mend the data",
        ) from error


def _measure(
    settings: ModelSettings, model: FittedModel, rows: pd.DataFrame, target: pd.Series, scored: pd.DataFrame
) -> list[Measurement]:
    """Performance, measured as evaluations will measure it."""
    schema = model.schema
    return measure_performance(
        schema.prediction_type,
        schema.classes,
        target,
        scored,
        model.threshold,
        weights=None if settings.weight_column is None else rows[settings.weight_column].to_numpy(np.float64),
        averaging=settings.averaging,
        cost_matrix=settings.cost_matrix,
        blocks=blocks_of(rows[schema.time_column]) if schema.time_column in rows else None,
    )


def _measure_on_fitted(
    settings: ModelSettings, model: FittedModel, rows: pd.DataFrame, target: pd.Series
) -> list[Measurement]:
    """Performance on rows that were fitted on, to be held against the test part's."""
    chosen = _sample(len(rows), OVERFIT_ROWS, settings.split.seed)
    scored = predict(model, rows.iloc[chosen])
    return _measure(settings, model, rows.iloc[chosen], target.iloc[chosen], scored)


def _reference(
    rows: pd.DataFrame, target: pd.Series, scored: pd.DataFrame, settings: ModelSettings, schema: Schema
) -> pd.DataFrame:
    columns = dict.fromkeys([*schema.feature_names, schema.target])
    columns |= {
        name: None for name in (schema.time_column, settings.weight_column) if name is not None and name in rows
    }
    return rows.assign(**{schema.target: target})[list(columns)].join(scored)


def _sample(rows: int, most: int, seed: int) -> NDArray[np.int64]:
    """Positions of at most ``most`` rows, ascending."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
