"""Intervals of rows that have weights or hang together: blocks of rows are drawn again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from math import sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.metrics.intervals import CONFIDENCE, Estimate, Floats, wilson
from tasks.metrics.row_keys import row_keys
from tasks.metrics.sums import rounded_to_add, stable_sum, sums_by

SEED: Final = 1337
"""Of the draws: fixed, so that the same rows give the same interval."""
MOST_BLOCKS: Final = 1_000
"""More are put together at random, which leaves the error of a standard deviation at 2 %."""
REPEATS: Final = 1_000


class Resampling:
    """What rows count, and which of them are drawn together. Made once for all metrics of the same rows.

    Args:
        weights: Shape (rows,), positive; ``None`` when every row counts the same.
        blocks: Shape (rows,), the block of every row, 0 to ``count`` - 1. Every block has a row.
        count: How many there are.
        effective_rows: As how many independent rows of weight 1 they are to be taken where nothing varies.
        seed: Of the draws.
    """

    def __init__(
        self, weights: Floats | None, blocks: NDArray[np.int64], count: int, effective_rows: float, seed: int
    ) -> None:
        self.weights = np.ones(blocks.size) if weights is None else weights
        self.total = stable_sum(self.weights)
        self.blocks, self.count, self.effective_rows, self.seed = blocks, count, effective_rows, seed

    @classmethod
    def of_rows(cls, weights: Floats, contents: Sequence[Floats], seed: int = SEED) -> Resampling:
        """Every row by itself; more than 1,000 rows in 1,000 groups made at random.

        Args:
            weights: Shape (rows,), positive.
            contents: What else is known of a row, each of shape (rows,): equal rows may change places, so that
                the order of the rows does not matter.
            seed: Of the draws.
        """
        rows = weights.size
        place = positions_by_content([*contents, weights], seed) % MOST_BLOCKS
        # (sum w)^2 / sum w^2, of weights that fit whatever their scale is.
        relative = weights / weights.max()
        effective = stable_sum(relative) ** 2 / stable_sum(relative**2)
        return cls(weights, place, min(rows, MOST_BLOCKS), effective, seed)

    @classmethod
    def of_blocks(cls, weights: Floats | None, blocks: NDArray[np.int64], seed: int = SEED) -> Resampling:
        """Rows of a block together, such as those of a day; more than 1,000 blocks in 1,000 groups made at random."""
        known, codes = np.unique(blocks, return_inverse=True)
        merged = np.random.default_rng(seed).permutation(known.size) % MOST_BLOCKS
        return cls(weights, merged[codes].astype(np.int64), min(known.size, MOST_BLOCKS), float(known.size), seed)

    def totals(self, *columns: Floats) -> Floats:
        """Shape (blocks, columns): the weighted sums of every block."""
        return np.column_stack([sums_by(self.blocks, self.weights * c, self.count) for c in columns])

    def drawn(self, totals: Floats) -> Floats:
        """Shape (draws, columns): sums over blocks that were drawn with replacement, as many as there are."""
        # Rounded, so that the product is exact: neither threads nor the library of matrices change a bit of it.
        return np.asarray(_drawn_counts(self.count, self.seed) @ rounded_to_add(totals, self.count), dtype=np.float64)

    @property
    def counts(self) -> Floats:
        """Shape (draws, blocks): how often each block is drawn, for what is no function of sums. Not to be written to."""
        return _drawn_counts(self.count, self.seed)

    def interval(self, value: float, repeated: Floats) -> Estimate:
        """A value with its percentile interval, as much wider as few blocks make the truth less certain.

        Args:
            value: Of the rows themselves.
            repeated: Shape (draws,), of the draws; NaN where the metric is not defined.

        Returns:
            No interval when there is one block only, or when all draws give one value.

        Source: T. C. Hesterberg, What teachers should know about the bootstrap, The American Statistician 69
        (2015), for the expanded percentile interval.
        """
        repeated = repeated[np.isfinite(repeated)]
        if self.count < 2 or not repeated.size:
            return Estimate(value)
        tail = NormalDist().cdf(-sqrt(self.count / (self.count - 1)) * self.quantile)
        lower, upper = np.quantile(np.append(repeated, value), [tail, 1 - tail])
        if lower == upper:
            return Estimate(value)
        return Estimate(value, min(value, float(lower)), max(value, float(upper)))

    def mean(self, values: Floats) -> Estimate:
        """The weighted mean of a number per row."""
        value = stable_sum(self.weights * values) / self.total
        totals = self.drawn(self.totals(values, np.ones(values.size)))
        found = self.interval(value, totals[:, 0] / totals[:, 1])
        return Estimate(value, value, value) if found.lower is None and self.count > 1 else found

    def share(self, value: float, whole: float, repeated: Floats) -> Estimate:
        """A share with its interval; where all draws give one value, Wilson's for as many rows as it rests on.

        Args:
            value: 0 to 1.
            whole: The weight of the rows that it is a share of.
            repeated: Shape (draws,).
        """
        found = self.interval(value, repeated)
        if found.lower is not None or self.count < 2:
            return found
        rows = max(1, int(self.effective_rows * whole / self.total))
        return Estimate(value, *wilson(value * rows, rows)[1:])

    def error(self, influences: Floats, of: Callable[[Floats], Floats] | None = None) -> float:
        """Standard error of a metric from its derivative to the weight of every row.

        It is what the bootstrap of the blocks tends to, without a draw.

        Args:
            influences: Shape (rows,).
            of: What is done to the sums of the blocks, if anything.

        Source: N. A. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997).
        """
        if self.count < 2:
            return 0.0
        sums = sums_by(self.blocks, self.weights * influences, self.count)
        squares = sums**2 if of is None else of(sums) ** 2
        return sqrt(self.count / (self.count - 1) * float(np.sum(squares)))

    @cached_property
    def quantile(self) -> float:
        """Standard errors on either side, after Student's distribution."""
        from scipy.special import stdtrit

        return float(stdtrit(self.count - 1, 0.5 + CONFIDENCE / 2)) if self.count > 1 else 0.0


@lru_cache(maxsize=4)
def _drawn_counts(count: int, seed: int) -> Floats:
    """Shape (draws, blocks): how often each block is drawn. Kept: every segment of an evaluation asks for the same."""
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), REPEATS).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def positions_by_content(contents: Sequence[Floats], seed: int) -> NDArray[np.int64]:
    """A place for every row in a random order that depends on what the rows hold, and not on their own order.

    Args:
        contents: What is known of a row, each float64 of shape (rows,), at least one; equal rows may change places.
        seed: Of the order.

    Returns:
        Shape (rows,): 0 to rows - 1, each once.

    >>> sorted(positions_by_content([np.array([3.0, 1.0, 2.0])], 1).tolist())
    [0, 1, 2]
    """
    order = np.argsort(row_keys(contents))
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.random.default_rng(seed).permutation(order.size)
    return place
