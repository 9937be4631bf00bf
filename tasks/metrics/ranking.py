"""Classification metrics of the order in which scores put rows. NumPy.

Where a metric is not defined, it raises ``ValueError`` with the reason. Classes are codes, 0 to K - 1 in the order of
the schema.
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from tasks.metrics.classification import Codes, Truths
from tasks.metrics.intervals import Estimate, Floats, on_logit_scale, wilson

LIFT_SHARE = 0.4
"""Share of the rows, those with the highest probabilities, in which ``lift`` looks for positives."""


def roc_auc(positive: Truths, scores: Floats) -> Estimate:
    """Probability that a positive row scores above a negative one, ties counting half, with DeLong's interval.

    The interval is DeLong's on the logit scale, where it keeps its level close to 1 and never leaves 0 to 1. Classes
    that do not overlap at all leave no variance to estimate: then it reaches from 1 as far as Wilson's for as many
    rows as the smaller class has, all of them right.

    Args:
        positive: Shape (rows,).
        scores: Shape (rows,), any scale.

    Returns:
        0 to 1; 1 is best, 0.5 is chance. No interval with one row of a class.

    Raises:
        ValueError: one class only.

    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); M. S. Pepe, The Statistical
    Evaluation of Medical Tests (2003), for the logit.

    >>> roc_auc(np.array([False, True, False, True]), np.array([0.1, 0.4, 0.4, 0.8])).value
    0.875
    """
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    if not above.size or not below.size:
        raise ValueError("the target holds one class only")
    of_positive, of_negative = _share_below(above, below), 1 - _share_below(below, above)
    return _ranked(float(of_positive.mean()), [of_positive, of_negative])


def roc_auc_of_pairs(target: Codes, probabilities: Floats) -> Estimate:
    """ROC AUC of several classes: the mean over all ordered pairs of classes that occur in the target.

    The interval is that of :func:`roc_auc`, every row with all the pairs that it takes part in.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).

    Raises:
        ValueError: the target holds one class only.

    Source: D. J. Hand, R. J. Till, Machine Learning 45 (2001).

    >>> roc_auc_of_pairs(np.array([0, 1, 2]), np.eye(3)).value
    1.0
    """
    occurring = np.unique(target)
    pairs = occurring.size * (occurring.size - 1)
    if not pairs:
        raise ValueError("the target holds one class only")
    rows_of = {code: np.flatnonzero(target == code) for code in occurring}
    total, parts = 0.0, {code: np.zeros(rows.size) for code, rows in rows_of.items()}
    for one in occurring:
        scores = {code: probabilities[rows, one] for code, rows in rows_of.items()}
        ordered = {code: np.sort(values) for code, values in scores.items()}
        for other in occurring[occurring != one]:
            of_one = _share_below(scores[one], ordered[other])
            total += float(of_one.mean())
            parts[one] += of_one / pairs
            parts[other] += (1 - _share_below(scores[other], ordered[one])) / pairs
    return _ranked(total / pairs, list(parts.values()))


def _share_below(scores: Floats, ordered: Floats) -> Floats:
    """Of each score: the share of the others, which are sorted, that are below; ties count half."""
    both = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(both / (2 * ordered.size), dtype=np.float64)


def _ranked(value: float, parts: list[Floats]) -> Estimate:
    """The interval of an area from what every row adds to it, class by class (DeLong)."""
    fewest = min(part.size for part in parts)
    if fewest < 2:
        return Estimate(value)
    if value == 1:
        return Estimate(value, wilson(fewest, fewest).lower, 1.0)
    return on_logit_scale(value, sqrt(sum(float(np.var(part, ddof=1)) / part.size for part in parts)))


def average_precision(positive: Truths, scores: Floats) -> Estimate:
    """Area under the precision-recall curve as a sum of steps: sum of (R_n - R_n-1) P_n.

    Returns:
        0 to 1; 1 is best, the share of positives is chance. Interval on the logit scale; none at 1.

    Raises:
        ValueError: no row is positive.

    Source: K. Boyd, K. H. Eng, C. D. Page, Area under the precision-recall curve (2013), for the interval.

    >>> round(average_precision(np.array([False, False, True, True]), np.array([0.1, 0.4, 0.35, 0.8])).value, 3)
    0.833
    """
    rows, positives = _cumulated(positive, scores)
    if not positives.size or positives[-1] == 0:
        raise ValueError("no row is positive")
    value = float(np.sum(np.diff(positives, prepend=0.0) / positives[-1] * positives / rows))
    if not 0 < value < 1:
        return Estimate(value)
    return on_logit_scale(value, sqrt(value * (1 - value) / positives[-1]))


def average_precision_of_classes(target: Codes, probabilities: Floats) -> Estimate:
    """Mean average precision of each class that occurs in the target against the rest. 1 is best.

    The interval is on the logit scale, from what every row adds to the mean (infinitesimal jackknife); none at 1.

    Args:
        target: Shape (rows,).
        probabilities: Shape (rows, classes).

    Raises:
        ValueError: there are no rows.

    Source: B. Efron, Bootstrap methods: another look at the jackknife (1979), for the interval.

    >>> average_precision_of_classes(np.array([0, 1, 2]), np.eye(3)).value
    1.0
    """
    occurring = np.unique(target)
    if not occurring.size:
        raise ValueError("there are no rows")
    value, influence = 0.0, np.zeros(target.size)
    for code in occurring:
        of_class, of_rows = _precision_and_influence(target == code, probabilities[:, code])
        value += of_class / occurring.size
        influence += of_rows / occurring.size
    return on_logit_scale(value, float(np.sqrt(np.sum(influence**2))))


def _precision_and_influence(positive: Truths, scores: Floats) -> tuple[float, Floats]:
    """Average precision, and its derivative to the weight of every row."""
    _, step = np.unique(-scores, return_inverse=True)
    gained = np.bincount(step, weights=positive)
    rows, positives = np.cumsum(np.bincount(step)), np.cumsum(gained)
    precisions, total = positives / rows, positives[-1]
    value = float(np.sum(gained * precisions) / total)
    # A row counts in the precision of its own step and of all steps below.
    added = np.cumsum((gained / rows)[::-1])[::-1][step]
    diluted = np.cumsum((gained * precisions / rows)[::-1])[::-1][step]
    return value, (positive * (precisions[step] - value + added) - diluted) / total


def lift(positive: Truths, scores: Floats) -> Estimate:
    """How many times more positives are among the top 40 % of rows by score than among all. Higher is better.

    Rows that tie at the cut count in part, so that their order does not matter. The interval is Wilson's, for the
    share of the positives that is above the cut.

    Raises:
        ValueError: no row is positive.

    >>> lift(np.array([True, True, False, False, False]), np.array([0.9, 0.8, 0.3, 0.2, 0.1])).value
    2.5
    """
    rows, positives = _cumulated(positive, scores)
    if not positives.size or positives[-1] == 0:
        raise ValueError("no row is positive")
    found = np.interp(LIFT_SHARE * rows[-1], np.append(0.0, rows), np.append(0.0, positives))
    return Estimate(*(end / LIFT_SHARE for end in wilson(float(found), int(positives[-1])) if end is not None))


def _cumulated(positive: Truths, scores: Floats) -> tuple[Floats, Floats]:
    """Rows and positives down to every distinct score, from the highest."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1) if len(scores) else np.array([], int)
    return (ends + 1).astype(np.float64), np.cumsum(positive[order])[ends].astype(np.float64)
