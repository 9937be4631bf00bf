"""Whether a challenger is better than a champion on the same rows: the numbers agree with oracles, the promise holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, ttest_rel

from governance.errors import UnusableValue
from governance.project_file import CostMatrix
from governance.vocabulary import Averaging, PredictionType
from tasks.comparing import measure_gain
from tasks.comparing.areas import area_difference
from tasks.comparing.sides import Sides
from tasks.comparing.values import value_by_weights
from tasks.metrics import measure_performance
from tasks.metrics.catalogue import METRICS, performance_metrics
from tasks.metrics.resampling import Resampling

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION
CLASSES = {BINARY: ("no", "yes"), MULTICLASS: ("a", "b", "c"), REGRESSION: ()}
COSTS = CostMatrix(true_positive=5, false_positive=-1, false_negative=-3)


def scored(kind, seed, rows=240, noise=1.0):
    """A target, and predictions of it that are as good as the noise is small."""
    truth, own = np.random.default_rng(1), np.random.default_rng(seed)
    if kind is REGRESSION:
        target = truth.gamma(3.0, size=rows)
        return pd.Series(target), pd.DataFrame({"prediction": target * np.exp(own.normal(0.05, 0.2 * noise, rows))})
    classes = CLASSES[kind]
    codes = truth.integers(0, len(classes), rows)
    scores = own.normal(0, noise, (rows, len(classes))) + np.eye(len(classes))[codes]
    shares = np.round(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), 2)
    frame = pd.DataFrame({f"proba_{label}": shares[:, place] for place, label in enumerate(classes)})
    frame.insert(0, "prediction", np.array(classes)[shares.argmax(axis=1)])
    if kind is BINARY:
        frame["prediction"] = np.where(frame["proba_yes"] >= 0.5, "yes", "no")
    return pd.Series(np.array(classes)[codes]), frame


def gain_of(metric, kind=BINARY, seeds=(2, 3), noises=(1.0, 1.0), rows=240, **settings):
    target, champion = scored(kind, seeds[0], rows, noises[0])
    _, challenger = scored(kind, seeds[1], rows, noises[1])
    return measure_gain(metric, kind, CLASSES[kind], target, champion, challenger, **settings)


@pytest.mark.parametrize("averaging", list(Averaging))
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", list(PredictionType))
def test_every_metric_is_the_one_that_evaluations_measure(kind, weighted, averaging):
    target, frame = scored(kind, 2)
    weights = np.random.default_rng(5).uniform(0.5, 2, len(target)) if weighted else None
    expected = measure_performance(
        kind, CLASSES[kind], target, frame, 0.5 if kind is BINARY else None, weights=weights, averaging=averaging,
        cost_matrix=COSTS if kind is BINARY else None,
    )  # fmt: skip
    sides = Sides.of(kind, CLASSES[kind], target, frame, frame)
    counted = np.ones(len(target)) if weights is None else weights
    found = {m.name: value_by_weights(m.name, sides, 0, averaging, COSTS)(counted) for m in expected}
    assert found == pytest.approx({m.name: m.value for m in expected}, abs=1e-9)
    assert set(found) == {m.name for m in performance_metrics(kind)}


def test_a_row_that_is_drawn_twice_counts_as_two_rows():
    for kind in PredictionType:
        target, frame = scored(kind, 2)
        drawn = np.random.default_rng(4).integers(0, len(target), len(target))
        counts = np.bincount(drawn, minlength=len(target)).astype(float)
        whole = Sides.of(kind, CLASSES[kind], target, frame, frame)
        again = Sides.of(kind, CLASSES[kind], target.iloc[drawn], frame.iloc[drawn], frame.iloc[drawn])
        for metric in performance_metrics(kind):
            by_count = value_by_weights(metric.name, whole, 0, Averaging.MACRO, COSTS)(counts)
            by_rows = value_by_weights(metric.name, again, 0, Averaging.MACRO, COSTS)(np.ones(len(target)))
            assert by_count == pytest.approx(by_rows, abs=1e-9), metric.name


def delong_of_pairs(positive, first, second):
    """The difference and its error as the paper defines them: over all pairs of a positive and a negative row."""
    kernels = []
    for scores in (first, second):
        high, low = scores[positive][:, None], scores[~positive][None, :]
        kernels.append((high > low) + 0.5 * (high == low))
    by_positive = np.cov(np.array([kernel.mean(axis=1) for kernel in kernels]))
    by_negative = np.cov(np.array([kernel.mean(axis=0) for kernel in kernels]))
    of_areas = by_positive / positive.sum() + by_negative / (~positive).sum()
    contrast = np.array([-1, 1])
    return kernels[1].mean() - kernels[0].mean(), float(np.sqrt(contrast @ of_areas @ contrast))


@pytest.mark.parametrize("seed", range(5))
def test_the_difference_of_areas_is_delongs_ties_included(seed):
    random = np.random.default_rng(seed)
    positive = random.random(150) < 0.3
    first, second = (np.round(random.normal(positive * effect), 1) for effect in (0.8, 1.2))
    found = area_difference(positive, first, second)
    gain, error = delong_of_pairs(positive, first, second)
    assert found.second - found.first == pytest.approx(gain, abs=1e-12)
    assert found.error == pytest.approx(error, abs=1e-12)


def test_delong_and_a_bootstrap_of_the_rows_say_the_same():
    found = gain_of("roc_auc", rows=1500, noises=(1.6, 1.2))
    target, champion = scored(BINARY, 2, 1500, 1.6)
    _, challenger = scored(BINARY, 3, 1500, 1.2)
    sides = Sides.of(BINARY, CLASSES[BINARY], target, champion, challenger)
    values = [value_by_weights("roc_auc", sides, side, Averaging.MACRO, None) for side in (0, 1)]
    random = np.random.default_rng(7)
    draws = [np.bincount(random.integers(0, 1500, 1500), minlength=1500).astype(float) for _ in range(600)]
    errors = np.std([values[1](drawn) - values[0](drawn) for drawn in draws])
    half = (found.upper - found.lower) / 2
    assert found.method == "DeLong"
    assert half == pytest.approx(norm.ppf(0.95) * errors, rel=0.08)


def test_equal_weights_and_days_of_one_row_are_no_weights_and_no_days():
    target, champion = scored(BINARY, 2)
    _, challenger = scored(BINARY, 3)
    positive = (target == "yes").to_numpy()
    scores = [side["proba_yes"].to_numpy() for side in (champion, challenger)]
    alone = area_difference(positive, *scores)
    in_blocks = Resampling.of_blocks(None, np.arange(len(target)))
    assert area_difference(positive, *scores, in_blocks).error == pytest.approx(alone.error, rel=0.01)
    same = measure_gain("roc_auc", BINARY, CLASSES[BINARY], target, champion, challenger, weights=np.full(240, 3.0))
    assert same == gain_of("roc_auc")


def test_the_bootstrap_of_mean_losses_is_the_paired_t_test():
    found = gain_of("mae", REGRESSION, rows=900, noises=(1.5, 1.4), confidence=0.9)
    target, champion = scored(REGRESSION, 2, 900, 1.5)
    _, challenger = scored(REGRESSION, 3, 900, 1.4)
    losses = [(target - side["prediction"]).abs() for side in (champion, challenger)]
    by_hand = ttest_rel(losses[0], losses[1]).confidence_interval(0.8)
    assert found.gain == pytest.approx(losses[0].mean() - losses[1].mean())
    assert (found.lower, found.upper) == pytest.approx(tuple(by_hand), rel=0.1, abs=0.004)


@pytest.mark.parametrize("metric", [m.name for m in METRICS.values() if m.needs_labels])
def test_better_is_positive_whichever_end_of_the_metric_is_good(metric):
    kind = next(kind for kind in PredictionType if kind in METRICS[metric].prediction_types)
    found = gain_of(metric, kind, noises=(3.0, 0.3), cost_matrix=COSTS)
    if metric != "calibration_loss":  # sure and right, or unsure: either may be calibrated
        assert found.gain > 0
        assert found.exceeds(0.0)
    assert found.lower < found.gain < found.upper


def test_the_order_of_the_rows_changes_nothing():
    target, champion = scored(MULTICLASS, 2)
    _, challenger = scored(MULTICLASS, 3)
    mixed = np.random.default_rng(6).permutation(len(target))
    for metric in ("f1", "roc_auc"):
        here = measure_gain(metric, MULTICLASS, CLASSES[MULTICLASS], target, champion, challenger)
        there = measure_gain(
            metric, MULTICLASS, CLASSES[MULTICLASS], target.iloc[mixed], champion.iloc[mixed], challenger.iloc[mixed]
        )
        assert (there.gain, there.lower, there.upper) == pytest.approx((here.gain, here.lower, here.upper), abs=1e-12)


def test_where_days_differ_days_count_and_not_rows():
    random = np.random.default_rng(3)
    days = np.repeat(np.arange(12), 80)
    target = pd.Series(random.normal(size=days.size))
    luck = random.normal(0, 0.5, 12)[days]  # some days suit the challenger, others the champion
    champion = pd.DataFrame({"prediction": target + 1.0})
    challenger = pd.DataFrame({"prediction": target + 0.9 + luck})
    by_rows = measure_gain("mae", REGRESSION, (), target, champion, challenger)
    by_days = measure_gain("mae", REGRESSION, (), target, champion, challenger, blocks=days)
    assert (by_rows.by_day, by_days.by_day) == (False, True)
    assert by_days.gain == pytest.approx(by_rows.gain)
    assert by_days.upper - by_days.lower > 3 * (by_rows.upper - by_rows.lower)


def test_the_same_predictions_are_no_gain_and_too_few_rows_say_nothing():
    same = gain_of("roc_auc", seeds=(2, 2))
    assert (same.gain, same.lower, same.upper, same.exceeds(0.0)) == (0.0, 0.0, 0.0, False)
    target, champion = scored(BINARY, 2)
    one = [target[target == "no"].index[0], target[target == "yes"].index[0]]
    few = measure_gain("roc_auc", BINARY, ("no", "yes"), target[one], champion.loc[one], champion.loc[one])
    assert (few.lower, few.exceeds(0.0), few.reason) == (
        None, False, "these rows are too few to tell an accident from a gain",
    )  # fmt: skip
    alone = target[target == "yes"].index
    one_class = measure_gain("roc_auc", BINARY, ("no", "yes"), target[alone], champion.loc[alone], champion.loc[alone])
    assert (one_class.gain, one_class.reason) == (None, "the target holds one class only")


def test_a_metric_without_a_good_end_is_refused_with_those_that_have_one():
    with pytest.raises(UnusableValue, match="by 'data_drift'; use one of accuracy, precision"):
        gain_of("data_drift")
    with pytest.raises(UnusableValue, match="'roc_auc'"):
        gain_of("roc_auc", REGRESSION)


@pytest.mark.parametrize(
    ("metric", "kind", "times", "rows"),
    [("roc_auc", BINARY, 1500, 400), ("f1", BINARY, 120, 400), ("rmse", REGRESSION, 120, 400)],
)
def test_without_a_true_gain_it_is_affirmed_in_as_many_cases_as_was_said(metric, kind, times, rows):
    confidence, affirmed = 0.9, 0
    for time in range(times):
        random = np.random.default_rng([7, time])
        if kind is BINARY:
            codes = (random.random(rows) < 0.3).astype(int)
            shared = random.normal(codes * 1.0, 0.7)  # what both versions know; each has luck of its own
            sides = []
            for _ in range(2):
                share = 1 / (1 + np.exp(-shared - random.normal(0, 0.7, rows)))
                label = np.where(share >= 0.6, "yes", "no")
                sides.append(pd.DataFrame({"prediction": label, "proba_no": 1 - share, "proba_yes": share}))
            target = pd.Series(np.array(["no", "yes"])[codes])
        else:
            target = pd.Series(random.normal(size=rows))
            sides = [pd.DataFrame({"prediction": target + random.normal(0, 1, rows)}) for _ in range(2)]
        affirmed += measure_gain(metric, kind, CLASSES[kind], target, *sides, confidence=confidence).exceeds(0.0)
    # Four standard errors of a share of so many cases.
    expected, error = 1 - confidence, np.sqrt(confidence * (1 - confidence) / times)
    assert affirmed / times == pytest.approx(expected, abs=4 * error)


def test_a_gain_of_the_size_that_is_called_detectable_is_found_in_four_of_five_cases():
    rows, times, found, detectable = 500, 1000, 0, []
    for time in range(times):
        random = np.random.default_rng([8, time])
        positive = random.random(rows) < 0.4
        base = random.normal(positive * 1.0)
        first, second = (base + random.normal(0, noise, rows) for noise in (0.8, 0.42))
        areas = area_difference(positive, first, second)
        found += areas.second - areas.first > norm.ppf(0.95) * areas.error
        detectable.append((norm.ppf(0.95) + norm.ppf(0.8)) * areas.error)
    true = _true_gain()
    expected = norm.cdf(true / np.mean(detectable) * (norm.ppf(0.95) + norm.ppf(0.8)) - norm.ppf(0.95))
    assert found / times == pytest.approx(expected, abs=0.05)


def _true_gain():
    """Of the scores above: areas of normal scores that are one apart, with noise of 0.8 and of 0.42."""
    return norm.cdf(1 / np.sqrt(2 * (1 + 0.42**2))) - norm.cdf(1 / np.sqrt(2 * (1 + 0.8**2)))
