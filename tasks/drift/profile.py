"""What is known about the reference, computed once and kept with the version: an evaluation compares with this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, PredictionType
from tasks.data.telling import Progress, say_nothing
from tasks.drift.encoding import UNUSABLE, ordered_values, problem_with
from tasks.drift.grid import CellCounter, Grid, fit_grid
from tasks.drift.levels import counted_levels, level_positions
from tasks.drift.required import REFERENCE, require_features, require_once
from tasks.drift.statistics import Counts, deviation, prefix_sums, quantile_edges
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from tasks.data.schema import Schema
    from tasks.drift.null import NullDistribution

PREDICTION, PROBABILITY = "prediction", "proba_"
"""Column of the predictions, and beginning of those of the probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class OrderedProfile:
    """A column with an order: numbers, dates, or lengths of texts.

    Args:
        name: Of the column.
        handling: NUMERICAL, DATE or TEXT.
        rows: Of the reference.
        missing: Rows without a value.
        values: Shape (rows - missing,), sorted: numbers, seconds since 1970, or characters.
        grid: Cells in which current values are counted when there are many.
        cells: Shape (cells,), int32: values of the reference per cell.
        edges: Inner edges of the bins of PSI; empty without values.
        sums: Shape (values + 1,), prefix sums of the values.
        deviation: Standard deviation of the values (population); NaN without any.
    """

    name: str
    handling: Handling
    rows: int
    missing: int
    values: Floats
    grid: Grid
    cells: NDArray[np.int32]
    edges: Floats
    sums: Floats
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class LevelProfile:
    """A categorical column.

    Args:
        name: Of the column.
        rows: Of the reference.
        missing: Rows without a value.
        levels: Canonical text of each level: the most frequent first, then in alphabetical order; after them those
            that only training saw.
        counts: Shape (levels,), rows of the reference per level; 0 where only training saw it.
    """

    name: str
    rows: int
    missing: int
    levels: tuple[str, ...]
    counts: Counts

    @property
    def handling(self) -> Handling:
        """Always categorical."""
        return Handling.CATEGORICAL


@dataclass(frozen=True, slots=True)
class Problem:
    """A column that can't be profiled, and why."""

    name: str
    handling: Handling
    rows: int
    reason: str


ColumnProfile = OrderedProfile | LevelProfile | Problem


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceProfile:
    """The reference of one version.

    Args:
        rows: Of the reference.
        columns: Feature: its profile, in the order of the schema; ignored ones are absent.
        predictions: ``prediction`` and ``proba_<class>``, where the reference has them.
        null: How scores are distributed where nothing drifted; ``None`` where the reference is too small for that.
        uncalibrated: Columns of which ``null`` tells nothing, because they are handled otherwise than it knows.
        ignored: Features that are left out.
    """

    rows: int
    columns: Mapping[str, ColumnProfile]
    predictions: Mapping[str, ColumnProfile]
    null: NullDistribution | None = None
    uncalibrated: frozenset[str] = field(default=frozenset())
    ignored: tuple[str, ...] = ()


def fit_profile(
    reference: pd.DataFrame,
    schema: Schema,
    handling: Mapping[str, Handling] | None = None,
    *,
    calibrate: bool = True,
    seed: int = 1337,
    progress: Progress | None = None,
) -> ReferenceProfile:
    """Compute what can be known about a reference.

    Args:
        reference: Shape (rows, ...), as ``tasks/data/reading.py`` types it, with the features of the schema; with
            ``prediction`` and ``proba_<class>`` if predictions shall be compared.
        schema: Of the model.
        handling: Forces the handling of a feature in drift; ``ignored`` leaves it out.
        calibrate: Whether to draw the null distribution, which takes seconds.
        seed: Of the draws.
        progress: Told what is being done and the share of it, 0 to 1.

    Raises:
        SchemaMismatch: a feature is missing, a column is doubled, or ``handling`` names no feature.

    >>> import pandas as pd
    >>> from tasks.data.schema import Column, Schema
    >>> schema = Schema((Column("age", Handling.NUMERICAL),), "late", PredictionType.BINARY, ("0", "1"), None)
    >>> fit_profile(pd.DataFrame({"age": [3.0, 1.0, 2.0]}), schema).columns["age"].values.tolist()
    [1.0, 2.0, 3.0]
    """
    tell = progress or say_nothing
    wanted = wanted_handling(schema, handling or {})
    require_features(REFERENCE, reference.columns, [name for name in wanted if wanted[name] is not Handling.IGNORED])
    require_once(REFERENCE, reference.columns, [*wanted, *_of_predictions(schema)])
    columns: dict[str, ColumnProfile] = {}
    for position, (name, how) in enumerate(wanted.items()):
        tell("fitting the reference profile", position / len(wanted))
        if how is not Handling.IGNORED:
            columns[name] = _fit_feature(reference, schema, name, how)
    predictions = _fit_predictions(reference, schema)
    null = _draw_null(reference, columns, seed, tell) if calibrate else None
    return ReferenceProfile(len(reference), columns, predictions, null, ignored=_ignored(wanted))


def with_handling(
    profile: ReferenceProfile, reference: pd.DataFrame, schema: Schema, handling: Mapping[str, Handling]
) -> ReferenceProfile:
    """The profile of a version as a store wants it: columns whose handling is forced are fitted again.

    Args:
        profile: As :func:`fit_profile` made it, for no forced handling.
        reference: Its rows; only the columns that are handled otherwise are looked at.
        schema: Of the model.
        handling: ``drift.handling`` of the store.

    Returns:
        A profile of which those columns are not calibrated.

    Raises:
        SchemaMismatch: ``handling`` names no feature.
    """
    wanted = wanted_handling(schema, handling)
    columns: dict[str, ColumnProfile] = {}
    forced: set[str] = set()
    for name, how in wanted.items():
        fitted = profile.columns.get(name)
        if how is Handling.IGNORED:
            continue
        if fitted is None or fitted.handling is not how:
            forced.add(name)
            fitted = _fit_feature(reference, schema, name, how)
        columns[name] = fitted
    return replace(profile, columns=columns, uncalibrated=profile.uncalibrated | forced, ignored=_ignored(wanted))


def wanted_handling(schema: Schema, forced: Mapping[str, Handling]) -> dict[str, Handling]:
    """Feature: how drift treats it, in the order of the schema.

    Raises:
        SchemaMismatch: something is forced on a column that is no feature.
    """
    features = schema.handling
    for name in forced:
        if name not in features:
            raise SchemaMismatch(
                "project.yaml", name, "drift.handling names a column that is no feature", "remove it there"
            )
    return {name: forced.get(name, own) for name, own in features.items()}


def _ignored(wanted: Mapping[str, Handling]) -> tuple[str, ...]:
    return tuple(name for name, how in wanted.items() if how is Handling.IGNORED)


def _fit_feature(reference: pd.DataFrame, schema: Schema, name: str, handling: Handling) -> ColumnProfile:
    require_features(REFERENCE, reference.columns, [name])
    return fit_column(name, handling, reference[name], schema.categories.get(name, ()))


def _of_predictions(schema: Schema) -> dict[str, Handling]:
    regression = schema.prediction_type is PredictionType.REGRESSION
    wanted = {PREDICTION: Handling.NUMERICAL if regression else Handling.CATEGORICAL}
    return wanted | {f"{PROBABILITY}{label}": Handling.NUMERICAL for label in schema.classes}


def _fit_predictions(reference: pd.DataFrame, schema: Schema) -> dict[str, ColumnProfile]:
    return {
        name: fit_column(name, how, reference[name], schema.classes if name == PREDICTION else ())
        for name, how in _of_predictions(schema).items()
        if name in reference
    }


def fit_column(name: str, handling: Handling, values: pd.Series, known: tuple[str, ...] = ()) -> ColumnProfile:
    """Profile one column.

    Args:
        name: Of the column.
        handling: Not ``ignored``.
        values: Shape (rows,).
        known: Categorical: levels that count as seen besides those of the reference.

    Returns:
        The profile; a :class:`Problem` when the values are not what the handling says.
    """
    try:
        if handling is Handling.CATEGORICAL:
            return _of_levels(name, *counted_levels(values), known)
        numbers = ordered_values(values, handling)
    except UNUSABLE as unusable:
        return Problem(name, handling, len(values), problem_with(handling, unusable))
    present = np.sort(numbers[~np.isnan(numbers)])
    present += 0.0  # one zero only: -0.0 and 0.0 are equal, but sort in the order in which they came
    edges = quantile_edges(present) if present.size else present
    grid = fit_grid(present)
    counter = CellCounter(grid)
    counter.count(present)
    cells = counter.counts().astype(np.int32)
    return profile_of_values(name, handling, len(values), present, grid, cells, edges)


def profile_of_values(
    name: str, handling: Handling, rows: int, values: Floats, grid: Grid, cells: NDArray[np.int32], edges: Floats
) -> OrderedProfile:
    """The profile of sorted values; what they say by themselves is computed here, and not kept in the file."""
    sums, spread = (prefix_sums(values), deviation(values)) if values.size else (np.zeros(1), np.nan)
    return OrderedProfile(name, handling, rows, rows - values.size, values, grid, cells, edges, sums, spread)


def _of_levels(name: str, counted: Mapping[str, int], missing: int, known: tuple[str, ...]) -> LevelProfile:
    rows_of = {level: rows for level, rows in counted.items() if rows}
    levels = sorted(rows_of, key=lambda level: (-rows_of[level], level))
    levels += sorted(set(known) - rows_of.keys())
    counts = np.array([rows_of.get(level, 0) for level in levels], dtype=np.int64)
    return LevelProfile(name, int(counts.sum()) + missing, missing, tuple(levels), counts)


def _draw_null(
    reference: pd.DataFrame,
    columns: Mapping[str, ColumnProfile],
    seed: int,
    tell: Progress,
) -> NullDistribution | None:
    from tasks.drift.null import draw_null

    ordered: dict[str, Floats] = {}
    levels: dict[str, Counts] = {}
    for name, profile in columns.items():
        if isinstance(profile, OrderedProfile):
            ordered[name] = ordered_values(reference[name], profile.handling)
        elif isinstance(profile, LevelProfile):
            texts, positions = level_positions(reference[name])
            code_of = {level: code for code, level in enumerate(profile.levels)}
            levels[name] = np.array([*(code_of[text] for text in texts), -1], dtype=np.int64)[positions]
    if not ordered and not levels:
        return None
    return draw_null(ordered, levels, seed=seed, progress=lambda share: tell("drawing the null distribution", share))
