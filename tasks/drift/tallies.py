"""Current values, counted column by column and chunk by chunk. Neither order nor chunks nor threads can matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from tasks.drift.encoding import UNUSABLE, ordered_values, problem_with
from tasks.drift.grid import CellCounter
from tasks.drift.levels import counted_levels
from tasks.drift.profile import ColumnProfile, LevelProfile, OrderedProfile, Problem, ReferenceProfile
from tasks.drift.required import CURRENT, column_names, require_features, require_once
from tasks.drift.statistics import Counts
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from tasks.drift.levels import AnyColumn

EXACT_ROWS: Final = 65_536
"""Present values of a column that are kept one by one; more are counted on the grid."""

NEW_LEVELS: Final = 100_000
"""Levels that nobody knew that are kept one by one; more are counted together."""


class OrderedTally:
    """Current values of a column with an order.

    >>> from governance.vocabulary import Handling
    >>> from tasks.drift.profile import fit_column
    >>> import pandas as pd
    >>> tally = OrderedTally(fit_column("age", Handling.NUMERICAL, pd.Series([1.0, 2.0])))
    >>> tally.add(pd.Series([3.0, None, 1.0]))
    >>> tally.rows, tally.missing, tally.above, tally.sorted_values().tolist()
    (3, 1, 1, [1.0, 3.0])
    """

    def __init__(self, profile: OrderedProfile) -> None:
        self.profile = profile
        self.rows = self.missing = self.below = self.above = self.infinite = 0
        self.smallest, self.largest = np.inf, -np.inf
        self.problem = ""
        self._kept: list[Floats] = []
        self._in_order = True
        self._counter: CellCounter | None = None

    @property
    def present(self) -> int:
        """Values that are not missing."""
        return self.rows - self.missing

    @property
    def exact(self) -> bool:
        """Whether every value is kept."""
        return self._counter is None

    def add(self, column: AnyColumn) -> None:
        """Count a chunk. One that can't be read makes the column a problem."""
        try:
            values = ordered_values(column, self.profile.handling)
        except UNUSABLE as unusable:
            self.rows += len(column)
            self.problem = _first_problem(self.problem, problem_with(self.profile.handling, unusable))
            return
        self.add_values(values)

    def add_values(self, values: Floats) -> None:
        """Count encoded values, NaN missing."""
        self.rows += values.size
        absent = np.isnan(values)
        missing = int(np.count_nonzero(absent))
        if missing:
            self.missing += missing
            values = values[~absent]
        if not values.size:
            return
        smallest, largest = float(values.min()), float(values.max())
        self.smallest, self.largest = min(self.smallest, smallest), max(self.largest, largest)
        reference = self.profile.values
        if reference.size and smallest < reference[0]:
            self.below += int(np.count_nonzero(values < reference[0]))
        if reference.size and largest > reference[-1]:
            self.above += int(np.count_nonzero(values > reference[-1]))
        if np.isinf(smallest) or np.isinf(largest):
            self.infinite += int(np.count_nonzero(np.isinf(values)))
        if self._counter is None and self.present <= EXACT_ROWS:
            self._kept.append(values.copy())
            self._in_order = False
            return
        self._grid().count(values)

    def merge(self, other: OrderedTally) -> None:
        """Add what another tally of the same column has counted."""
        self.rows += other.rows
        self.missing += other.missing
        self.below += other.below
        self.above += other.above
        self.infinite += other.infinite
        self.smallest, self.largest = min(self.smallest, other.smallest), max(self.largest, other.largest)
        self.problem = _first_problem(self.problem, other.problem)
        self._kept += other._kept
        self._in_order = not self._kept
        if other._counter is not None:
            self._grid().merge(other._counter)
        elif self._counter is not None or self.present > EXACT_ROWS:
            self._grid()

    def sorted_values(self) -> Floats:
        """Every present value, sorted; only of an exact tally."""
        if self._counter is not None:
            raise ValueError(f"more than {EXACT_ROWS:,} values are not kept one by one")
        if not self._in_order:
            self._kept = [np.sort(np.concatenate(self._kept))]
            self._in_order = True
        return self._kept[0] if self._kept else np.empty(0)

    def counter(self) -> CellCounter:
        """The counts on the grid; only of a tally that is not exact."""
        if self._counter is None:
            raise ValueError("every value is kept: nothing was counted on the grid")
        return self._counter

    def _grid(self) -> CellCounter:
        """The grid, onto which everything that was kept one by one has moved."""
        if self._counter is None:
            self._counter = CellCounter(self.profile.grid)
        for values in self._kept:
            self._counter.count(values)
        self._kept = []
        return self._counter


class LevelTally:
    """Current levels of a categorical column.

    >>> from governance.vocabulary import Handling
    >>> from tasks.drift.profile import fit_column
    >>> import pandas as pd
    >>> tally = LevelTally(fit_column("colour", Handling.CATEGORICAL, pd.Series(["red", "blue", "red"])))
    >>> tally.add(pd.Series(["red", "green", None]))
    >>> tally.known.tolist(), tally.new_levels(), tally.missing
    ([1, 0], {'green': 1}, 1)
    """

    def __init__(self, profile: LevelProfile) -> None:
        self.profile = profile
        self.rows = self.missing = self.new_rows = 0
        self.known: Counts = np.zeros(len(profile.levels), dtype=np.int64)
        self.problem = ""
        self._code_of = {level: code for code, level in enumerate(profile.levels)}
        self._new: dict[str, int] | None = {}

    def add(self, column: AnyColumn) -> None:
        """Count a chunk. One that can't be read makes the column a problem."""
        try:
            counted, missing = counted_levels(column)
        except UNUSABLE as unusable:
            self.rows += len(column)
            self.problem = _first_problem(self.problem, problem_with(self.profile.handling, unusable))
            return
        self.rows += missing + sum(counted.values())
        self.missing += missing
        new: dict[str, int] = {}
        for level, rows in counted.items():
            code = self._code_of.get(level)
            if code is None:
                new[level] = rows
            else:
                self.known[code] += rows
        self._add_new(new)
        self.new_rows += sum(new.values())

    def merge(self, other: LevelTally) -> None:
        """Add what another tally of the same column has counted."""
        self.rows += other.rows
        self.missing += other.missing
        self.known += other.known
        self.new_rows += other.new_rows
        self.problem = _first_problem(self.problem, other.problem)
        self._add_new(other._new)

    def new_levels(self) -> dict[str, int]:
        """Levels that neither the reference nor training knew: their rows, the most frequent first.

        Empty when they are too many to be kept; ``new_rows`` still counts them.
        """
        new = self._new or {}
        return {level: new[level] for level in sorted(new, key=lambda level: (-new[level], level))}

    @property
    def too_many_new(self) -> bool:
        """Whether new levels are counted together only."""
        return self._new is None

    def _add_new(self, new: Mapping[str, int] | None) -> None:
        if self._new is None or new is None:
            self._new = None
            return
        for level, rows in new.items():
            self._new[level] = self._new.get(level, 0) + rows
        if len(self._new) > NEW_LEVELS:
            self._new = None


class ProblemTally:
    """Stands for a column whose reference can't be used: only its rows are counted."""

    def __init__(self, profile: Problem) -> None:
        self.profile = profile
        self.rows = self.missing = 0
        self.problem = profile.reason

    def add(self, column: AnyColumn) -> None:
        """Count a chunk."""
        self.rows += len(column)

    def merge(self, other: ProblemTally) -> None:
        """Add what another tally of the same column has counted."""
        self.rows += other.rows


ColumnTally = OrderedTally | LevelTally | ProblemTally


def _first_problem(one: str, other: str) -> str:
    """In alphabetical order, so that no order of chunks makes a difference."""
    return min(filter(None, (one, other)), default="")


def tally_of(profile: ColumnProfile) -> ColumnTally:
    """An empty tally for a column."""
    if isinstance(profile, OrderedProfile):
        return OrderedTally(profile)
    return LevelTally(profile) if isinstance(profile, LevelProfile) else ProblemTally(profile)


class CurrentColumns:
    """Current rows, counted for every column that a reference profile has.

    Args:
        profile: What they will be compared with.

    Features and predictions may come in one chunk or in two: a chunk that has any feature must have all of them.
    """

    def __init__(self, profile: ReferenceProfile) -> None:
        self.profile = profile
        self.columns = {name: tally_of(column) for name, column in profile.columns.items()}
        self.predictions = {name: tally_of(column) for name, column in profile.predictions.items()}
        self._rows = 0

    @property
    def rows(self) -> int:
        """Current rows."""
        if self.columns:
            return self._rows
        return max((tally.rows for tally in self.predictions.values()), default=self._rows)

    def add(self, chunk: pd.DataFrame | pa.Table) -> None:
        """Count a chunk; of its columns only the profiled ones are looked at.

        Args:
            chunk: Rows as ``tasks/data/reading.py`` types them, or as Arrow has them.

        Raises:
            SchemaMismatch: a feature is missing, or a feature or a prediction is doubled.
        """
        names = column_names(chunk)
        require_once(CURRENT, names, [*self.columns, *self.predictions])
        has_features = any(name in names for name in self.columns)
        if has_features or not any(name in names for name in self.predictions):
            require_features(CURRENT, names, self.columns)
            for name, tally in self.columns.items():
                tally.add(chunk[name])
            self._rows += len(chunk)
        for name, tally in self.predictions.items():
            if name in names:
                tally.add(chunk[name])

    def count_rows(self, rows: int) -> None:
        """Say how many rows there were where columns were counted one by one."""
        self._rows += rows

    def merge(self, other: CurrentColumns) -> None:
        """Add what was counted elsewhere, in another thread or another part, for the same profile."""
        self._rows += other._rows
        for mine, others in ((self.columns, other.columns), (self.predictions, other.predictions)):
            for name, tally in mine.items():
                tally.merge(cast(OrderedTally, others[name]))  # type: ignore[arg-type]
