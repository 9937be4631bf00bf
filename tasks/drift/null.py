"""What the scores of columns look like where nothing has drifted: the null distribution, and p-values from it.

Where nothing has drifted, the reference and the current data are two samples of the same thing. So is a random part of
the reference beside the rest of it: :func:`draw_null` scores (``tasks/drift/scores.py``) thousands of such batches of
several sizes, drawn without replacement as whole rows, so that columns that hang together stay together. A score is
as surprising as the share of those batches that scored at least as much. The same batches say how small the smallest
p-value of all columns gets by chance, whatever the columns have to do with each other.

Between two sizes p-values are interpolated on logarithmic scales; above the largest, its distribution holds, because
scores are -log10 of p-values that are right for many rows. Beyond the highest fiftieth of the draws p-values decay
exponentially, at the mean rate of the highest tenth, never faster than valid p-values do. For the smallest p-value of
all columns every draw is judged by the draws of the other folds, as the real batch is by draws it has no part in.

Measured where nothing drifted, with fresh references, all runs of this design put together: alarms in % at the stated
rates of 1 % / 5 %. The first five kinds, 140,000 batches from 30 to 3,000 rows: 1.0 / 5.0. A cell by itself has standard errors of 0.1 / 0.3
points for levels at 50 and 100 rows, 0.1 / 0.2 or more for the correlated columns each, else 0.3 / 0.7: too coarse to
tell half a point. ``tests/benchmarks/false_alarms.py`` measures again. One reference by itself may be off by
0.25 / 0.5 points, because its null is made of 2,000 draws.

============================== ========= ========= ========= ========= =========
reference of 10,000; batch of         50       100       550     1,000     3,000
============================== ========= ========= ========= ========= =========
normal                         0.6 / 4.9 1.7 / 5.6 1.6 / 5.5 1.2 / 5.5 0.9 / 6.2
lognormal                      0.7 / 3.6 0.7 / 5.4 0.9 / 4.9 1.3 / 5.9 1.3 / 5.3
5 levels                       0.8 / 4.7 0.9 / 5.0 1.3 / 5.7 1.3 / 5.1 0.7 / 4.8
20 levels                      1.0 / 5.2 0.9 / 5.0 0.7 / 4.9 0.4 / 4.3 0.7 / 5.0
200 levels                     1.0 / 5.6 1.1 / 5.4 0.6 / 4.9 1.4 / 4.6 0.9 / 5.2
20 correlated, each                      1.0 / 4.9           0.8 / 4.9 1.0 / 5.3
20 correlated, all together              1.1 / 4.9           0.9 / 4.3 1.3 / 5.5
============================== ========= ========= ========= ========= =========

The same five kinds of columns, pooled: 0.8 / 4.8 with a reference of 1,000 (batches of 300 to 5,000), 0.9 / 5.2 with one of
50,000 (100 to 20,000). With 0.03 or 10 % of the values missing, counts, ten whole numbers, 70 % zeros, 5,000 levels of
which few are frequent (Zipf), 3,000 equally frequent ones and identifiers: 0.3 to 1.5 / 3.8 to 6.3 from 50 to 2,000
rows, each with a standard error of 0.3 / 0.6.

Of batches larger than the reference nothing is promised: two and five times as large as one of 2,000 rows, columns of
20 and 200 levels, Zipf's and the equally frequent ones alarm in 1.2 and 1.3 / 5.7 and 5.7 % (standard errors
0.1 / 0.3); numbers showed no excess, with standard errors of 0.4 / 1.0.

That is the mean over references: a single small one (500 rows) may alarm more or less often than stated, always.

Alarms are rarer than stated where a column can't say anything as fine: two levels of which one has 10 % alarm in
0.3 / 2.0 % of batches of 50 rows and 0.9 / 3.5 % of 550; a level that has 0.03 %, by itself, hardly ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from tasks.drift.canonical import canonical_order
from tasks.drift.resampling import MOST_ROWS, Scores, draw_rows, scores_of_batches
from tasks.drift.scores import SMALLEST_P, Counts
from tasks.metrics.row_keys import row_keys

if TYPE_CHECKING:
    from tasks.metrics.intervals import Floats

SIZES: Final = (30, 100, 300, 1_000, 3_000)
"""Rows of the batches that are drawn: those that are at most half of the reference."""

DRAWS: Final = 2_000
FOLDS: Final = 5

FEWEST_REFERENCE_ROWS: Final = 500
FEWEST_BEYOND: Final = 10
"""What a promise takes: rows of the reference, and draws that are expected beyond the threshold."""

MOST_VALUES: Final = 3_000_000_000
"""Values that are drawn at most: for wide tables the largest sizes are left out, where scores need them least."""

_ANCHOR_SHARE, _TAIL_SHARE = 0.02, 0.1
_FASTEST_DECAY = 1 / log(10)
"""Scores after which a valid p-value has fallen to 1/e."""

_SAME_SCORE = 0.002
"""Coarse values score a little differently against the whole reference than against the rest of it."""


@dataclass(frozen=True, slots=True, eq=False)
class NullDistribution:
    """Scores of batches that did not drift.

    Args:
        columns: Names.
        sizes: Rows of the batches, ascending; at least one size.
        scores: Shape (columns, sizes, draws), ascending along the draws.
        smallest: Shape (sizes, draws): -log10 of the smallest p-value of all columns, ascending along the draws.
        reference_rows: Rows of the reference.
    """

    columns: tuple[str, ...]
    sizes: tuple[int, ...]
    scores: Scores
    smallest: Scores
    reference_rows: int

    @property
    def smallest_batch(self) -> int:
        """Rows from which on a rate of false alarms can be promised, if it can be at all."""
        return self.sizes[0]

    def p_value(self, column: str, score: float, rows: int) -> float:
        """How often a batch that did not drift scores at least as much.

        Args:
            column: One of ``columns``.
            score: Of ``tasks/drift/scores.py``.
            rows: Of the current data, missing values included; at least 1.

        Returns:
            Above 0 up to 1; small when the column has drifted.

        Raises:
            ValueError: the column is not among ``columns``.
        """
        return self._between_sizes(self.scores[self.columns.index(column)], score, rows)

    def largest_p_value(self, p_values: Mapping[str, float], rows: int) -> float:
        """p-value of all columns together: how often the most surprising one is as surprising, where nothing drifted.

        Args:
            p_values: Column: its p-value, of :meth:`p_value`. Those that are not among ``columns`` don't count; where
                some of ``columns`` are absent the answer is conservative.
            rows: As in :meth:`p_value`.

        Returns:
            Above 0 up to 1; small when at least one column has drifted.

        Raises:
            ValueError: there is no p-value of any of ``columns``.
        """
        known = [p_values[name] for name in self.columns if name in p_values]
        if not known:
            raise ValueError("no column was tested")
        return self._between_sizes(self.smallest, -float(np.log10(min(known))), rows)

    def promised(self, rate: float, rows: int) -> bool:
        """Whether p-values below ``rate`` are as rare as ``rate`` says, within half a point, for such a batch.

        It takes a reference of 500 rows, a batch of the smallest size that is not larger than the reference, and enough
        draws beyond the rate. Where a column has a few coarse values only, alarms may be rarer than stated.

        Args:
            rate: Of false alarms, 0 to 1.
            rows: Of the current data.
        """
        return not self.objection(rate, rows)

    def objection(self, rate: float, rows: int) -> str:
        """Why a rate can't be promised for a batch, without a full stop; empty where it can; see :meth:`promised`."""
        draws = self.scores.shape[-1]
        if self.reference_rows < FEWEST_REFERENCE_ROWS:
            return f"the reference has {_rows(self.reference_rows)}, and a promise takes {FEWEST_REFERENCE_ROWS:,}"
        if rows < self.smallest_batch:
            return f"the batch has {_rows(rows)}, and a promise takes {self.smallest_batch:,}"
        if rows > self.reference_rows:
            return f"the batch has {_rows(rows)}, more than the reference, which has {self.reference_rows:,}"
        if draws * rate < FEWEST_BEYOND:
            return (
                f"its null distribution was drawn {draws:,} times, which is enough for {100 * FEWEST_BEYOND / draws:g} %"
                " and more"
            )
        return ""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Everything as arrays without objects, to be stored."""
        return {
            "columns": np.frombuffer(json.dumps(self.columns).encode(), dtype=np.uint8),
            "sizes": np.array(self.sizes, dtype=np.int64),
            "scores": self.scores,
            "smallest": self.smallest,
            "reference_rows": np.array(self.reference_rows, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """What :meth:`to_arrays` took apart."""
        return cls(
            tuple(json.loads(arrays["columns"].tobytes())),
            tuple(int(size) for size in arrays["sizes"]),
            arrays["scores"],
            arrays["smallest"],
            int(arrays["reference_rows"]),
        )

    def _between_sizes(self, drawn: Scores, score: float, rows: int) -> float:
        at_sizes = [log(float(tail_p_value(null, np.array([score]))[0])) for null in drawn]
        return float(np.exp(np.interp(log(max(1, rows)), np.log(self.sizes), at_sizes)))


def _rows(rows: int) -> str:
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def tail_p_value(null: Scores, scores: Floats) -> Floats:
    """Share of the null that reaches a score; beyond its highest fiftieth, extrapolated.

    A score between two that were drawn counts as the lower one: that adds one draw to a continuous null, as it must,
    and is conservative for a coarse one.

    Args:
        null: Shape (draws,), ascending.
        scores: Shape (k,).

    Returns:
        Shape (k,), above 0 up to 1, never rising with the score.

    >>> drawn = np.arange(100, dtype=np.float32) / 100
    >>> tail_p_value(drawn, np.array([0.0, 0.5, 0.9])).round(2).tolist()
    [0.99, 0.5, 0.1]
    """
    draws = null.size
    not_above = np.searchsorted(null, scores + _SAME_SCORE, side="right")
    floor = null[np.maximum(0, not_above - 1)]
    reached = draws - np.searchsorted(null, floor, side="left")
    within = np.where(not_above == 0, 1.0, reached / (draws + 1))
    anchor = float(null[draws - max(1, round(draws * _ANCHOR_SHARE))])
    at_anchor = (draws - int(np.searchsorted(null, np.float32(anchor), side="left"))) / (draws + 1)
    tail = null[draws - max(1, round(draws * _TAIL_SHARE)) :].astype(np.float64)
    decay = max(_FASTEST_DECAY, float(np.mean(tail)) - float(tail[0]))
    beyond = at_anchor * np.exp(-np.maximum(0.0, scores - anchor) / decay)
    p_values: Floats = np.clip(np.where(scores > anchor, beyond, within), SMALLEST_P, 1.0)
    return p_values


def draw_null(
    ordered: Mapping[str, Floats],
    levels: Mapping[str, Counts],
    *,
    draws: int = DRAWS,
    seed: int = 1337,
    progress: Callable[[float], None] | None = None,
) -> NullDistribution:
    """Score random parts of the reference against the rest of it.

    Of a reference of more than 65,535 rows that many take part, drawn with the seed. The order of the rows makes no
    difference. 30 columns of 50,000 rows take 4.2 s of one core, about 2.2 s on two.

    Args:
        ordered: Numbers, seconds of dates, lengths of texts; column: shape (rows,), float64, NaN missing, in the order
            of the rows.
        levels: Categorical; column: shape (rows,), codes of the levels in an order that doesn't depend on the rows,
            -1 missing.
        draws: Batches of each size, at least 100.
        seed: The same columns and seed give the same distribution.
        progress: Told the share that is done, 0 to 1.

    Raises:
        ValueError: there is no column, or fewer than two rows.

    >>> null = draw_null({"age": np.arange(1_000.0)}, {}, draws=200)
    >>> null.sizes, null.promised(0.05, 30), null.promised(0.01, 30)
    ((30, 100, 300), True, False)
    >>> null.p_value("age", 0.0, 100) > 0.9, null.p_value("age", 6.0, 100) < 1e-4
    (True, True)
    """
    if not ordered and not levels:
        raise ValueError("there is no column")
    order = canonical_order(row_keys([*ordered.values(), *(codes.astype(np.float64) for codes in levels.values())]))
    rows = order.size
    if rows < 2:
        raise ValueError("the reference has fewer than two rows")
    if rows > MOST_ROWS:
        order = order[np.sort(np.random.default_rng(seed).choice(rows, MOST_ROWS, replace=False))]
    sizes = _sizes(order.size, (len(ordered) + len(levels)) * draws)
    scores = np.empty((len(ordered) + len(levels), len(sizes), draws), dtype=np.float32)
    found = scores_of_batches(
        ordered,
        levels,
        order,
        draw_rows(order.size, sizes[-1], draws, seed),
        sizes,
        progress or (lambda _: None),
    )
    names = []
    for position, (name, drawn) in enumerate(found):
        names.append(name)
        scores[position] = drawn
    smallest = _smallest_of_each_draw(scores)
    scores.sort(axis=2)
    return NullDistribution(tuple(names), sizes, scores, smallest, rows)


def _sizes(rows: int, columns_and_draws: int) -> tuple[int, ...]:
    possible = [size for size in SIZES if size <= rows // 2] or [rows // 2]
    while len(possible) > 1 and columns_and_draws * sum(possible) > MOST_VALUES:
        possible.pop()
    return tuple(possible)


def _smallest_of_each_draw(scores: Scores) -> Scores:
    """-log10 of the smallest p-value of every draw, judged by the draws of the other folds; sorted."""
    _, sizes, draws = scores.shape
    smallest = np.zeros((sizes, draws))
    fold_of = np.arange(draws) % FOLDS
    for fold in range(FOLDS):
        held = fold_of == fold
        for size in range(sizes):
            others = np.sort(scores[:, size, ~held], axis=1)
            for null, drawn in zip(others, scores[:, size, held].astype(np.float64), strict=True):
                surprise = -np.log10(tail_p_value(null, drawn))
                smallest[size, held] = np.maximum(smallest[size, held], surprise)
    return np.sort(smallest.astype(np.float32), axis=1)
