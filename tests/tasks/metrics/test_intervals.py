"""Intervals hold the truth as often as they say, measured on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.metrics import calibration, classification, ranking, ranking_of_classes, regression
from tasks.metrics.intervals import on_logit_scale, wilson
from tasks.metrics.resampling import Resampling

REPEATS = 200


def drawn(rows, shares, random):
    """Classes and calibrated probabilities."""
    codes = random.choice(len(shares), rows, p=shares)
    scores = random.normal(size=(rows, len(shares)))
    scores[np.arange(rows), codes] += 1.2
    odds = np.exp(1.2 * scores + np.log(shares))
    return codes, odds / odds.sum(axis=1, keepdims=True)


def of_table(metric):
    return lambda codes, p: metric(classification.confusion(codes, p.argmax(axis=1), p.shape[1]))


def of_positive(metric):
    return lambda codes, p: metric(ranking.rank(codes == 1, p[:, 1]))


METRICS = {
    "mcc": of_table(classification.mcc), "precision": of_table(classification.precision),
    "recall": of_table(classification.recall), "f1": of_table(classification.f1),
    "roc_auc of pairs": lambda codes, p: ranking_of_classes.rank_classes(codes, p).roc_auc,
    "average precision of classes": lambda codes, p: ranking_of_classes.rank_classes(codes, p).average_precision,
    "roc_auc": of_positive(ranking.roc_auc_of), "average precision": of_positive(ranking.average_precision_of),
    "lift": of_positive(ranking.lift_of),
}  # fmt: skip


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.5, 0.3, 0.2)], ids=str)
@pytest.mark.parametrize("name", METRICS)
def test_classification(name, shares):
    random = np.random.default_rng(0)
    truth = METRICS[name](*drawn(200_000, shares, random)).value
    found = [METRICS[name](*drawn(300, shares, random)) for _ in range(REPEATS)]
    assert 0.91 <= np.mean([f.lower <= truth <= f.upper for f in found]) <= 0.995


@pytest.mark.parametrize("off", [0.0, 0.1, 0.3])
def test_calibration_loss_holds_the_truth_whether_there_is_a_loss_or_none(off):
    random = np.random.default_rng(0)
    held = []
    for _ in range(REPEATS):
        frequency = random.random(400) * 0.6
        found = calibration.calibration_loss(random.random(400) < frequency, frequency + off)
        held.append(found.lower <= off <= found.upper)
    assert np.mean(held) >= 0.93


@pytest.mark.parametrize("metric", [regression.r2, regression.explained_variance])
@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_explained_variance(metric, bias):
    random = np.random.default_rng(0)

    def estimate(rows):
        predicted = random.normal(size=rows)
        return metric(predicted + bias + random.normal(size=rows), predicted)

    truth = estimate(1_000_000).value
    assert 0.91 <= np.mean([e.lower <= truth <= e.upper for e in (estimate(200) for _ in range(REPEATS))]) <= 0.98


def test_roc_auc_close_to_one_keeps_its_level():
    random = np.random.default_rng(0)
    truth = 0.99234  # of two normal distributions: Phi(distance / sqrt 2)
    positive = np.arange(200) < 60
    found = [
        ranking.roc_auc_of(ranking.rank(positive, random.normal(size=200) + 3.43 * positive)) for _ in range(REPEATS)
    ]
    assert all(0 < f.lower < f.upper <= 1 for f in found)
    assert np.mean([f.lower <= truth <= f.upper for f in found]) >= 0.92


def test_on_the_logit_scale_an_interval_never_leaves_zero_to_one():
    for value, error in ((0.999, 0.1), (0.001, 0.5), (0.5, 3.0), (1e-300, 1.0)):
        found = on_logit_scale(value, error, 100)
        assert 0 <= found.lower <= value <= found.upper <= 1


@pytest.mark.parametrize("resampled", [False, True])
def test_of_classes_that_do_not_overlap_the_interval_at_0_mirrors_that_at_1(resampled):
    positive = np.arange(60) < 20
    weights = Resampling.of_rows(np.ones(60), [positive * 1.0]) if resampled else None
    best, worst = (
        ranking.roc_auc_of(ranking.rank(positive, scores, weights)) for scores in (positive * 1.0, ~positive * 1.0)
    )
    assert (best.value, best.upper, worst.value, worst.lower) == (1, 1, 0, 0)
    assert best.lower == pytest.approx(wilson(20, 20).lower)
    assert worst.upper == pytest.approx(1 - best.lower)
    of_classes = ranking_of_classes.rank_classes(positive.astype(int), np.column_stack([positive, ~positive]) * 1.0)
    assert of_classes.roc_auc[:2] == (0, 0)
    assert of_classes.roc_auc.upper == pytest.approx(worst.upper)


def test_of_a_single_row_nothing_is_known_at_an_end():
    assert [on_logit_scale(value, 0.0, 1)[1:] for value in (0.0, 1.0)] == [(None, None)] * 2
