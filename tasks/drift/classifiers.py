"""The two drift models: classifiers that tell reference rows from current rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from governance.vocabulary import DriftModel, Handling
from tasks.drift.pairs import ColumnPair
from tasks.metrics.intervals import Floats

if TYPE_CHECKING:
    Rows = NDArray[np.int64]

FOLDS = 3
"""Folds on which boosting is measured; a further one comes before them, from which it only learns."""

TEST_SHARE = 0.2
FREQUENT_LEVELS = 100
SMALLEST_LEAF_ROWS, LARGEST_LEAF_ROWS = 2, 20


class Classifier(Protocol):
    """A drift model, before and after it is fitted."""

    def fit(self, rows: Floats, is_current: NDArray[np.bool_]) -> None:
        """Learn from rows of both sides, shape (rows, columns), NaN missing."""

    def probability(self, rows: Floats) -> Floats:
        """Probability of each row to be current, shape (rows,)."""


class GradientBoosting:
    """Histogram gradient boosting on ordinal codes: cheap, at ease with missing values, sees changed dependence.

    A leaf holds an eighth of the rows at least, or 20: the usual 20 would find nothing in fewer than 40 rows.
    """

    def __init__(self, seed: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._model = HistGradientBoostingClassifier(
            max_iter=50, learning_rate=0.15, max_leaf_nodes=15, early_stopping=False, random_state=seed
        )

    def fit(self, rows: Floats, is_current: NDArray[np.bool_]) -> None:
        """Learn from rows of both sides, shape (rows, columns), NaN missing."""
        leaf = min(LARGEST_LEAF_ROWS, max(SMALLEST_LEAF_ROWS, len(rows) // 8))
        # Scikit-learn can't bin a column without a value. A constant tells nothing either, so that no tree looks at it.
        filled = np.where(np.isnan(rows).all(axis=0), 0.0, rows)
        self._model.set_params(min_samples_leaf=leaf).fit(filled, is_current)

    def probability(self, rows: Floats) -> Floats:
        """Probability of each row to be current, shape (rows,)."""
        return cast(Floats, self._model.predict_proba(rows)[:, 1])


class RandomForest:
    """The forest of the commercial platform's public plugin.

    100 trees of depth 13 at most; missing numbers become the mean, levels become indicators of the 100 most frequent
    ones, a missing level being one of them. Mean and levels are those of the training rows.
    """

    def __init__(self, seed: int, categorical: Sequence[bool]) -> None:
        from sklearn.ensemble import RandomForestClassifier

        self._categorical = np.asarray(categorical, dtype=bool)
        self._model = RandomForestClassifier(n_estimators=100, max_depth=13, random_state=seed, n_jobs=-1)
        self._means: Floats = np.empty(0)
        self._deviations: Floats = np.empty(0)
        self._levels: list[Floats] = []

    def fit(self, rows: Floats, is_current: NDArray[np.bool_]) -> None:
        """Learn from rows of both sides, shape (rows, columns), NaN missing."""
        numbers = rows[:, ~self._categorical]
        present = ~np.isnan(numbers)
        count = np.maximum(1, present.sum(axis=0))
        self._means = np.where(present, numbers, 0.0).sum(axis=0) / count
        spread = np.sqrt((np.where(present, numbers - self._means, 0.0) ** 2).sum(axis=0) / count)
        self._deviations = np.where(spread > 0, spread, 1.0)
        self._levels = [_most_frequent(column) for column in rows[:, self._categorical].T]
        self._model.fit(self._prepared(rows), is_current)
        # Threads would add up the votes of the trees in the order in which they come, which decides the last digit.
        self._model.set_params(n_jobs=1)

    def probability(self, rows: Floats) -> Floats:
        """Probability of each row to be current, shape (rows,)."""
        return cast(Floats, self._model.predict_proba(self._prepared(rows))[:, 1])

    def _prepared(self, rows: Floats) -> NDArray[np.float32]:
        numbers = rows[:, ~self._categorical]
        # The forest computes in 32 bits: centred and scaled, seconds since 1970 keep their digits.
        scaled = (np.where(np.isnan(numbers), self._means, numbers) - self._means) / self._deviations
        codes = np.where(np.isnan(rows[:, self._categorical]), -1.0, rows[:, self._categorical])
        indicators = [column[:, None] == levels for column, levels in zip(codes.T, self._levels, strict=True)]
        return np.concatenate([scaled, *indicators], axis=1, dtype=np.float32, casting="unsafe")


def _most_frequent(codes: Floats) -> Floats:
    """Codes of the most frequent levels; missing is -1."""
    levels, counts = np.unique(np.where(np.isnan(codes), -1.0, codes), return_counts=True)
    return cast(Floats, levels[np.argsort(-counts, kind="stable")[:FREQUENT_LEVELS]])


class Recipe(NamedTuple):
    """How a kind of drift model is built, and on which rows it is fitted and measured."""

    build: Callable[[int, Sequence[ColumnPair]], Classifier]
    split: Callable[[NDArray[np.bool_], int], Iterator[tuple[Rows, Rows]]]


def _each_fold_after_the_last(is_current: NDArray[np.bool_], seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Every fold but the first, with all folds before it to learn from.

    In cross-validation two rows help to judge each other, so that hits are not independent. Here a row that was
    measured on may be learned from, but no row that was learned from is measured on.
    """
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(FOLDS + 1, shuffle=True, random_state=seed)
    parts = [part for _, part in folds.split(np.empty(is_current.size), is_current)]
    for position in range(1, len(parts)):
        yield np.concatenate(parts[:position]), parts[position]


def _one_part(is_current: NDArray[np.bool_], seed: int) -> Iterator[tuple[Rows, Rows]]:
    from sklearn.model_selection import StratifiedShuffleSplit

    part = StratifiedShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
    return cast("Iterator[tuple[Rows, Rows]]", part.split(np.empty(is_current.size), is_current))


RECIPES: Mapping[DriftModel, Recipe] = {
    DriftModel.GRADIENT_BOOSTING: Recipe(lambda seed, _: GradientBoosting(seed), _each_fold_after_the_last),
    DriftModel.RANDOM_FOREST: Recipe(
        lambda seed, pairs: RandomForest(seed, [pair.handling is Handling.CATEGORICAL for pair in pairs]), _one_part
    ),
}
"""Every drift model there is."""
