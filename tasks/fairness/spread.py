"""How far groups are apart: the largest difference and the smallest ratio of two, with intervals that know how many pairs there are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import exp, hypot, log

import numpy as np

from governance.vocabulary import Measurement
from tasks.drift.contingency import chi2_p_value
from tasks.fairness.rates import GroupRates
from tasks.metrics.intervals import CONFIDENCE


def largest_difference(name: str, rates: Sequence[GroupRates]) -> Measurement:
    """The largest difference of two groups, over one rate or several.

    The interval: every pair of groups gets one for its difference (MOVER of two Wilson intervals), at a confidence
    that makes all of them hold together in 95 % of cases (Bonferroni); the largest difference then lies between
    the largest lower and the largest upper end. Two equal groups thus have an interval that begins at 0, which a
    bootstrap of the largest difference does not give, for drawn groups always differ.

    Args:
        name: Of the measurement.
        rates: At least one; each with all its groups.

    Returns:
        0 to 1, 0 is alike; without value where one of the rates is defined in fewer than two groups.

    Source: G. Y. Zou, A. Donner, Construction of confidence limits about effect measures (2008).
    """
    reason = _undefined(rates)
    if reason:
        return Measurement(name, None, rows=_rows(rates), reason=reason)
    value = max(rate.largest_difference or 0.0 for rate in rates)
    confidence = _of_each_pair(rates)
    ends = []
    for rate in rates:
        sides = [rate.measurement(int(group), confidence) for group in rate.defined]
        differences = [one.minus(other, name) for one, other in permutations(sides, 2)]
        ends += [(d.lower, d.upper) for d in differences if d.lower is not None and d.upper is not None]
    lower, upper = (max(side) for side in zip(*ends, strict=True))
    return Measurement(name, value, min(value, max(0.0, lower)), max(value, min(1.0, upper)), _rows(rates))


def smallest_ratio(name: str, rates: Sequence[GroupRates]) -> Measurement:
    """The smallest ratio of two groups, over one rate or several; see :func:`largest_difference` for the interval.

    Returns:
        0 to 1, 1 is alike; without value also where no group's rate is above 0. The ends are those of logarithms.
    """
    reason = _undefined(rates) or next(
        (f"the {_text(rate)} is 0 in every group" for rate in rates if rate.smallest_ratio is None), ""
    )
    if reason:
        return Measurement(name, None, rows=_rows(rates), reason=reason)
    value = min(1.0 if rate.smallest_ratio is None else rate.smallest_ratio for rate in rates)
    confidence = _of_each_pair(rates)
    ends = []
    for rate in rates:
        sides = {int(g): (float(rate.values[g]), *rate.limits(int(g), confidence)) for g in rate.defined}
        ends += [_of_ratio(sides[one], sides[other]) for one, other in permutations(sides, 2)]
    lower, upper = (min(side) for side in zip(*ends, strict=True))
    return Measurement(name, value, min(value, lower), max(value, min(1.0, upper)), _rows(rates))


Limits = tuple[float, float, float]


def _of_ratio(one: Limits, other: Limits) -> tuple[float, float]:
    """Interval of the ratio of two rates, each given with its limits."""
    (p, p_low, p_up), (q, q_low, q_up) = one, other
    if q <= 0:
        return (p_low / q_up, 1.0)
    if p <= 0:
        return (0.0, p_up / q_low if q_low > 0 else 1.0)
    down = hypot(log(p / p_low), log(q_up / q)) if p_low > 0 else np.inf
    up = hypot(log(p_up / p), log(q / q_low)) if q_low > 0 else np.inf
    return (p / q * exp(-down), p / q * exp(min(700.0, up)))


def _of_each_pair(rates: Sequence[GroupRates]) -> float:
    pairs = sum(rate.defined.size * (rate.defined.size - 1) // 2 for rate in rates)
    return 1 - (1 - CONFIDENCE) / max(1, pairs)


def _undefined(rates: Sequence[GroupRates]) -> str:
    for rate in rates:
        if rate.defined.size < 2:
            without = [label for group, label in enumerate(rate.labels) if group not in rate.defined]
            if len(rate.labels) < 2:
                return "fewer than two groups have enough rows"
            return (
                f"there is no {_text(rate)} in {', '.join(map(repr, without))}: fewer than two groups can be compared"
            )
    return ""


def _text(rate: GroupRates) -> str:
    return rate.name.replace("_", " ")


def _rows(rates: Sequence[GroupRates]) -> int:
    """Rows behind the rates: true and false positive rates are of different rows, those of several classes of the same."""
    of_name = {name: max(float(r.trials.sum()) for r in rates if r.name == name) for name in {r.name for r in rates}}
    return int(sum(of_name.values()) + 1e-6)


def chance_p_value(rate: GroupRates) -> float | None:
    """p-value of all groups having the same rate (chi² test of homogeneity); ``None`` with fewer than two groups.

    >>> rate = GroupRates("selection_rate", ("f", "m"), np.array([0.5, 0.5]), np.array([90.0, 80.0]), 0.0, 1.0)
    >>> chance_p_value(rate)
    1.0
    """
    groups = rate.defined
    if groups.size < 2:
        return None
    whole = np.maximum(1, (rate.trials[groups] + 1e-9).astype(np.int64))
    part = np.rint(rate.values[groups] * whole).astype(np.int64)
    if not part.any() or not (whole - part).any():
        return 1.0
    return float(chi2_p_value(part, whole - part))
