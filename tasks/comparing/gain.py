"""How much better one version is than another on the same rows, and whether that may be an accident of these rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from governance.errors import UnusableValue
from governance.vocabulary import Averaging, PredictionType
from tasks.comparing.areas import AreaDifference, area_difference
from tasks.comparing.sides import Sides
from tasks.comparing.values import value_by_weights
from tasks.metrics.catalogue import METRICS, performance_metrics
from tasks.metrics.days import hang_together
from tasks.metrics.inputs import require_weights
from tasks.metrics.resampling import SEED, Resampling

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from governance.project_file import CostMatrix
    from tasks.metrics.intervals import Floats

POWER: Final = 0.8
"""With which probability a gain of the size that is called detectable would have been found."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What a challenger is better by, in the unit of the metric; positive is better, whichever end of it is good.

    Args:
        metric: As in the catalogue.
        champion: Its value.
        challenger: Its value.
        gain: How much better the challenger is.
        lower: With the given confidence the gain is at least so much (one-sided); ``None``: these rows can't say.
        upper: With the given confidence it is at most so much (one-sided).
        detectable: The smallest true gain that would have been found on such rows with a probability of 80 %.
        rows: Those that count.
        method: ``DeLong`` or ``bootstrap``.
        by_day: Whether rows of a day hang together, so that days and not rows were taken as independent.
        reason: Why there is no gain, or no interval; empty when there is one.
    """

    metric: str
    champion: float | None
    challenger: float | None
    gain: float | None
    lower: float | None
    upper: float | None
    detectable: float | None
    rows: int
    method: str
    by_day: bool = False
    reason: str = ""

    def exceeds(self, minimal_gain: float) -> bool:
        """Whether the challenger is better by more than that, and it is no accident of these rows.

        >>> Gain("roc_auc", 0.8, 0.82, 0.02, 0.01, 0.03, 0.012, 900, "DeLong").exceeds(0.005)
        True
        """
        return self.lower is not None and self.lower > minimal_gain


def measure_gain(
    metric: str,
    prediction_type: PredictionType,
    classes: tuple[str, ...],
    target: pd.Series,
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    *,
    weights: Floats | None = None,
    blocks: NDArray[np.int64] | None = None,
    averaging: Averaging = Averaging.MACRO,
    cost_matrix: CostMatrix | None = None,
    minimal_gain: float = 0.0,
    confidence: float = 0.95,
    seed: int = SEED,
) -> Gain:
    """Hold two sets of predictions of the same rows against each other, row by row.

    The question has one side, whether the challenger is better by more than the minimal gain, so the test has one side
    too: without a true gain beyond the minimal one it is affirmed in at most ``1 - confidence`` of cases. The standard
    error of the difference is DeLong's of two areas that are correlated, for the ROC AUC of two classes; else that of a
    paired bootstrap, in which both sides are measured on the same drawn rows. Student's quantile stands for the few
    rows of the smaller class, or the few days. Where the differences of the two sides are more alike in rows of a day
    than in others, days are taken as independent, and not rows.

    Args:
        metric: As the catalogue has it; one of those with a good end.
        prediction_type: What both predict.
        classes: Canonical labels, of both: (negative, positive), or all of them; empty for regression.
        target: Shape (rows,), without missing values.
        champion: Shape (rows, ...), in the order of ``target``: ``prediction``, and ``proba_<class>`` for classes.
        challenger: Likewise.
        weights: Shape (rows,), how much each row counts, not negative.
        blocks: Shape (rows,), the day of each row (:func:`tasks.metrics.days.blocks_of`).
        averaging: Of more than two classes.
        cost_matrix: For ``cost_gain``.
        minimal_gain: Added to what is detectable.
        confidence: One-sided, above 0.5 and below 1.
        seed: Of the bootstrap.

    Returns:
        The order of the rows changes nothing but the last digits.

    Raises:
        UnusableValue: no such metric is measured for such models, or no end of it is good.
        ValueError: the inputs are not of the same rows.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more correlated ROC
    curves, Biometrics 44 (1988); B. Efron, R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 10.

    >>> import pandas as pd
    >>> truth = pd.Series([1.0, 2.0, 3.0, 4.0] * 25)
    >>> worse, better = pd.DataFrame({"prediction": truth + 1.0}), pd.DataFrame({"prediction": truth + 0.5})
    >>> worse.iloc[0] = 1.5
    >>> found = measure_gain("mae", PredictionType.REGRESSION, (), truth, worse, better)
    >>> round(found.gain, 3), found.exceeds(0.0), found.exceeds(0.5)
    (0.495, True, False)
    """
    sign = _direction(metric, prediction_type)
    if not len(target) == len(champion) == len(challenger):
        raise ValueError("target and predictions have to be of the same rows")
    if weights is not None:
        weights = require_weights(weights, len(target))
        counts = weights > 0
        target, champion, challenger, weights = target[counts], champion[counts], challenger[counts], weights[counts]
        blocks = None if blocks is None else blocks[counts]
        weights = None if not weights.size or float(np.ptp(weights)) == 0 else weights / weights.max()
    method = "DeLong" if metric == "roc_auc" and prediction_type is PredictionType.BINARY else "bootstrap"
    rows = len(target)
    try:
        sides = Sides.of(prediction_type, classes, target, champion, challenger)
        by_day = blocks is not None and hang_together(sides.differences(metric), blocks)
        days = blocks if by_day else None
        found = (
            _of_areas(sides, weights, days, seed, confidence)
            if method == "DeLong"
            else _of_draws(metric, sides, weights, days, averaging, cost_matrix, seed, confidence)
        )
    except (ValueError, ArithmeticError) as undefined:
        return Gain(metric, None, None, None, None, None, None, rows, method, reason=str(undefined))
    gain = sign * (found.challenger - found.champion)
    if not isfinite(gain):
        reason = "a value is beyond floating point"
        return Gain(metric, None, None, None, None, None, None, rows, method, by_day, reason)
    if found.error is None:
        reason = "these rows are too few to tell an accident from a gain"
        return Gain(metric, found.champion, found.challenger, gain, None, None, None, rows, method, by_day, reason)
    half = found.quantile * found.error
    detectable = minimal_gain + (found.quantile + NormalDist().inv_cdf(POWER)) * found.error
    return Gain(
        metric, found.champion, found.challenger, gain, gain - half, gain + half, detectable, rows, method, by_day
    )


def _direction(metric: str, prediction_type: PredictionType) -> int:
    """1 where more is better, -1 where less is."""
    known = [m.name for m in performance_metrics(prediction_type) if m.higher_is_better is not None]
    if metric not in known:
        raise UnusableValue(
            "activation.metric",
            f"versions of a {prediction_type} model can't be held against each other by {metric!r}",
            f"use one of {', '.join(known)}",
        )
    return 1 if METRICS[metric].higher_is_better else -1


@dataclass(frozen=True, slots=True)
class _Found:
    champion: float
    challenger: float
    error: float | None
    quantile: float


def _of_areas(
    sides: Sides, weights: Floats | None, days: NDArray[np.int64] | None, seed: int, confidence: float
) -> _Found:
    plain = days is None and weights is None
    resampling = None if plain else _resampling(sides, weights, days, seed)
    areas: AreaDifference = area_difference(sides.target == 1, sides.probability(0), sides.probability(1), resampling)
    return _Found(areas.first, areas.second, areas.error, quantile_of(areas.degrees, confidence))


def _of_draws(
    metric: str,
    sides: Sides,
    weights: Floats | None,
    days: NDArray[np.int64] | None,
    averaging: Averaging,
    cost_matrix: CostMatrix | None,
    seed: int,
    confidence: float,
) -> _Found:
    resampling = _resampling(sides, weights, days, seed)
    values = [value_by_weights(metric, sides, side, averaging, cost_matrix) for side in (0, 1)]
    champion, challenger = (value(resampling.weights) for value in values)
    differences = np.array(
        [
            values[1](drawn) - values[0](drawn)
            for drawn in (resampling.weights * counts[resampling.blocks] for counts in resampling.counts)
        ]
    )
    differences = differences[np.isfinite(differences)]
    count = resampling.count
    if count < 2 or differences.size < 2:
        return _Found(champion, challenger, None, inf)
    error = float(np.std(differences, ddof=1)) * sqrt(count / (count - 1))
    degrees = min(count, sides.fewest(metric)) - 1
    return _Found(champion, challenger, error if degrees > 0 else None, quantile_of(degrees, confidence))


def _resampling(sides: Sides, weights: Floats | None, blocks: NDArray[np.int64] | None, seed: int) -> Resampling:
    if blocks is not None:
        return Resampling.of_blocks(weights, blocks, seed)
    return Resampling.of_rows(np.ones(sides.target.size) if weights is None else weights, sides.contents(), seed)


def quantile_of(degrees: float, confidence: float) -> float:
    """Standard errors from the value to its one-sided bound, after Student's distribution.

    >>> round(quantile_of(1e9, 0.95), 3), round(quantile_of(4, 0.95), 3)
    (1.645, 2.132)
    """
    from scipy.special import stdtrit

    return float(stdtrit(degrees, confidence)) if degrees > 0 else inf
