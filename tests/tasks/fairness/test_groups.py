"""Groups are compared as Fairlearn compares them, and nothing is said of what few rows can't say."""

from __future__ import annotations

import json

import fairlearn.metrics
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file import Fairness
from governance.vocabulary import PredictionType
from tasks.fairness.groups import measure_fairness
from tasks.fairness.rates import RATES, GroupRates
from tasks.fairness.spread import chance_p_value, largest_difference, smallest_ratio
from tasks.metrics.catalogue import FAIRNESS_MEASURES, info
from tasks.segments.comparing import corrected

BINARY, MULTICLASS, REGRESSION = PredictionType.BINARY, PredictionType.MULTICLASS, PredictionType.REGRESSION


def measure(rows, *attributes, classes=("0", "1"), minimum_rows=1, kind=BINARY):
    wanted = [Fairness(attribute=name, minimum_rows=minimum_rows) for name in attributes or ("sex",)]
    found = measure_fairness(wanted, rows, prediction_type=kind, classes=classes)
    json.dumps(found.details, allow_nan=False)
    for m in found.measurements:
        assert info(m.name).name == m.name
        assert (m.value is None) == bool(m.reason)
        if m.lower is not None:
            assert 0 <= m.lower <= m.value <= m.upper <= 1
    return found, {m.name.removeprefix(f"fairness.{wanted[0].attribute}."): m for m in found.measurements}


def drawn(rows, seed, selected=(0.5, 0.5), positive=0.5):
    """Rows of groups a, b, … that are selected with these probabilities."""
    random = np.random.default_rng(seed)
    group = random.integers(0, len(selected), rows)
    return pd.DataFrame({
        "sex": np.array(list("abcdefgh"))[group],
        "target": np.where(random.random(rows) < positive, "1", "0"),
        "prediction": np.where(random.random(rows) < np.array(selected)[group], "1", "0"),
    })  # fmt: skip


def test_an_example_by_hand():
    rows = pd.DataFrame({
        "sex":        list("ffff" "mmmmm"),
        "target":     list("1100" "11100"),
        "prediction": list("1000" "11010"),
    })  # fmt: skip
    _, found = measure(rows)
    values = {name: round(m.value, 6) for name, m in found.items()}
    assert values == {
        "f.share": 0.444444, "f.selection_rate": 0.25, "f.true_positive_rate": 0.5, "f.false_positive_rate": 0,
        "m.share": 0.555556, "m.selection_rate": 0.6, "m.true_positive_rate": 0.666667, "m.false_positive_rate": 0.5,
        "demographic_parity_difference": 0.35, "demographic_parity_ratio": 0.416667,
        "equalized_odds_difference": 0.5, "equalized_odds_ratio": 0,
        "true_positive_rate_difference": 0.166667, "true_positive_rate_ratio": 0.75,
        "false_positive_rate_difference": 0.5, "false_positive_rate_ratio": 0,
    }  # fmt: skip
    assert (found["m.true_positive_rate"].rows, found["f.selection_rate"].rows) == (3, 4)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_everything_equals_fairlearn_on_the_rows_themselves(data):
    rows = data.draw(st.integers(8, 60))
    seed, groups, weighted = data.draw(st.integers(0, 10**6)), data.draw(st.integers(2, 4)), data.draw(st.booleans())
    random = np.random.default_rng(seed)
    # Every group has positives and negatives: of what Fairlearn calls 0 without any, see below.
    group = np.concatenate([np.tile(np.arange(groups), 2), random.integers(0, groups, rows)])
    true = np.concatenate([np.repeat([0, 1], groups), random.integers(0, 2, rows)])
    predicted = random.integers(0, 2, group.size)
    frame = pd.DataFrame({"sex": group.astype(str), "target": true.astype(str), "prediction": predicted.astype(str)})
    weights = random.integers(1, 9, group.size) / 4 if weighted else None
    _, found = measure(frame.assign(weight=weights) if weighted else frame)
    sides = {"y_true": true, "y_pred": predicted}
    by_group = fairlearn.metrics.MetricFrame(
        metrics={name: getattr(fairlearn.metrics, name) for name in RATES},
        sensitive_features=group,
        sample_params={name: {"sample_weight": weights} for name in RATES} if weighted else None,
        **sides,
    ).by_group
    for name in RATES:
        ours = [found[f"{number}.{name}"].value for number in range(groups)]
        assert ours == pytest.approx(by_group[name].tolist(), abs=1e-12)
    for name in FAIRNESS_MEASURES:
        theirs = getattr(fairlearn.metrics, name)(**sides, sensitive_features=group, sample_weight=weights)
        assert (found[name].value is None) == bool(np.isnan(theirs))
        if found[name].value is not None:
            assert found[name].value == pytest.approx(theirs, abs=1e-12)


def test_a_group_without_positives_has_no_true_positive_rate_though_fairlearn_says_zero():
    rows = drawn(600, 0, (0.5, 0.5, 0.5))
    rows.loc[rows["sex"] == "b", "target"] = "0"
    found, values = measure(rows)
    assert values["b.true_positive_rate"].value is None
    assert values["b.true_positive_rate"].reason == "the group has no positives"
    assert values["b.false_positive_rate"].value is not None
    # The other two are still compared, and the reader is told that b is not.
    assert values["true_positive_rate_difference"].value < 0.2
    assert any("'b' has no true positive rate" in sentence for sentence in found.warnings)


def test_where_fewer_than_two_groups_have_a_rate_the_measure_says_so_and_takes_no_other_with_it():
    rows = drawn(400, 0)
    rows.loc[rows["sex"] == "b", "target"] = "0"
    _, values = measure(rows)
    for name in ("equalized_odds_difference", "equalized_odds_ratio", "true_positive_rate_ratio"):
        assert values[name].value is None
        assert "there is no true positive rate in 'b'" in values[name].reason
    assert values["demographic_parity_difference"].value is not None
    assert values["false_positive_rate_difference"].value is not None


def test_where_nobody_is_selected_there_is_a_difference_and_no_ratio():
    _, values = measure(drawn(200, 0).assign(prediction="0"))
    assert values["demographic_parity_difference"].value == 0
    assert values["demographic_parity_ratio"].reason == "the selection rate is 0 in every group"


def test_small_groups_are_counted_and_not_compared():
    rows = pd.concat([drawn(400, 0), drawn(29, 1).assign(sex="z", prediction="1")])
    found, values = measure(rows, minimum_rows=30)
    assert values["demographic_parity_difference"].value < 0.2
    assert not any(name.startswith("z.") for name in values)
    groups = {group["group"]: group for group in found.details["fairness"][0]["groups"]}
    assert (groups["z"]["rows"], groups["z"]["compared"], groups["a"]["compared"]) == (29, False, True)


def test_the_minimum_asks_for_labelled_rows_and_for_any_rows_where_there_are_no_labels():
    rows = drawn(400, 0)
    rows.loc[(rows["sex"] == "b") & (np.arange(400) > 20), "target"] = None
    _, values = measure(rows, minimum_rows=30)
    assert values["demographic_parity_difference"].reason == "fewer than two groups have enough rows"
    _, values = measure(rows.drop(columns="target"), minimum_rows=30)
    assert values["demographic_parity_difference"].value is not None
    assert values["equalized_odds_difference"].value is None


def test_rows_without_a_label_count_for_the_selection_rate_only():
    rows = drawn(400, 0)
    labelled = rows.assign(target=rows["target"].where(np.arange(400) < 300))
    _, values = measure(labelled)
    first = rows.iloc[:300]
    assert values["a.selection_rate"].value == (rows[rows["sex"] == "a"]["prediction"] == "1").mean()
    positive = first[(first["sex"] == "a") & (first["target"] == "1")]
    assert values["a.true_positive_rate"].value == pytest.approx((positive["prediction"] == "1").mean())


def test_rows_without_a_value_of_the_attribute_are_a_group_of_their_own():
    rows = drawn(300, 0)
    rows["sex"] = rows["sex"].where(rows["sex"] == "a")
    _, values = measure(rows)
    assert {name.rpartition(".")[0] for name in values} == {"", "a", "(missing)"}


def test_weights_of_zero_count_nowhere_and_a_negative_one_is_refused():
    rows = drawn(300, 0).assign(weight=1.0)
    noise = drawn(50, 1, (1, 0)).assign(weight=0.0)
    assert measure(pd.concat([rows, noise]))[1] == measure(rows)[1]
    assert measure(rows)[1] == measure(rows.drop(columns="weight"))[1]
    with pytest.raises(ValueError, match="the weight of 1 rows is negative, missing or more than"):
        measure(rows.assign(weight=[-1.0] + [1.0] * 299))


def test_weights_that_differ_widen_the_interval():
    rows = drawn(400, 0)
    random = np.random.default_rng(0)
    plain = measure(rows)[1]["a.selection_rate"]
    weighted = measure(rows.assign(weight=random.exponential(size=400)))[1]["a.selection_rate"]
    assert weighted.upper - weighted.lower > 1.2 * (plain.upper - plain.lower)


def test_the_order_of_the_rows_changes_no_bit():
    rows = drawn(500, 0, (0.5, 0.4, 0.3)).assign(weight=np.random.default_rng(1).random(500))
    shuffled = rows.sample(frac=1, random_state=3)
    assert measure(rows)[0] == measure(shuffled)[0]


def test_of_several_classes_each_is_held_against_the_rest_and_the_worst_is_the_measure():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({name: random.choice(list("xyz"), 900) for name in ("target", "prediction")})
    rows["sex"] = random.choice(list("fm"), 900)
    rows.loc[(rows["sex"] == "f") & (rows["prediction"] == "z"), "prediction"] = "x"
    found, values = measure(rows, classes=("x", "y", "z"), kind=MULTICLASS)
    per_class = {
        label: fairlearn.metrics.demographic_parity_difference(
            y_true=rows["target"] == label, y_pred=rows["prediction"] == label, sensitive_features=rows["sex"]
        )
        for label in "xyz"
    }
    assert values["demographic_parity_difference"].value == pytest.approx(max(per_class.values()))
    tables = {table["class"]: table for table in found.details["fairness"][0]["classes"]}
    for label, theirs in per_class.items():
        assert tables[label]["measures"]["demographic_parity_difference"]["value"] == pytest.approx(theirs)
    assert values["f.z.selection_rate"].value == 0
    assert any("of class 'z' is 0.0% for 'f'" in sentence for sentence in found.warnings)


@pytest.mark.parametrize(("kind", "rows", "reason"), [
    (BINARY, drawn(100, 0).drop(columns="sex"), "the data have no column 'sex'"),
    (BINARY, drawn(100, 0).iloc[:0], "no group has 1 rows"),
    (REGRESSION, drawn(100, 0), "the model predicts none"),
])  # fmt: skip
def test_what_cannot_be_compared_has_a_reason_and_a_sentence(kind, rows, reason):
    found, values = measure(rows, kind=kind)
    assert set(values) == set(FAIRNESS_MEASURES)
    assert all(reason in m.reason for m in values.values())
    assert len(found.warnings) == 1


def test_one_attribute_that_is_absent_takes_no_other_with_it():
    found, _ = measure(drawn(200, 0), "age", "sex")
    assert {m.name for m in found.measurements if m.value is not None} > {"fairness.sex.demographic_parity_ratio"}


def test_rows_without_a_prediction_are_left_out_and_told():
    rows = drawn(300, 0)
    holes = pd.concat([rows, rows.iloc[:7].assign(prediction=None)])
    found, values = measure(holes)
    assert values == measure(rows)[1]
    assert found.warnings == ["fairness: 7 rows without a prediction are left out"]


def drawn_rate(random, truth, rows, name="selection_rate"):
    values = random.binomial(rows, truth) / rows
    ratio = None if values.max() == 0 else float(values.min() / values.max())
    labels = tuple("abcdefgh"[: len(truth)])
    return GroupRates(name, labels, values, np.full(len(truth), float(rows)), float(np.ptp(values)), ratio)


@pytest.mark.parametrize("truth", [(0.3, 0.3), (0.3, 0.5), (0.02, 0.02), (0.4,) * 5, (0.3, 0.4, 0.4, 0.5, 0.5)])
def test_the_intervals_hold_the_truth_in_95_of_100_cases(truth):
    """Also where groups are equal, where a bootstrap of the largest difference never holds its 0."""
    random = np.random.default_rng(0)
    rates = [[drawn_rate(random, truth, 200)] for _ in range(1_000)]
    for measure_spread, right in (
        (largest_difference, max(truth) - min(truth)),
        (smallest_ratio, min(truth) / max(truth)),
    ):
        found = [measure_spread("spread", rate) for rate in rates]
        held = [m.lower - 1e-12 <= right <= m.upper + 1e-12 for m in found if m.value is not None]
        assert sum(held) / len(held) >= 0.935  # 0.95 less two standard errors of the simulation


def test_without_any_difference_there_is_a_false_alarm_in_at_most_5_of_100_cases():
    random = np.random.default_rng(0)

    def alarm():
        p_values = [chance_p_value(drawn_rate(random, (0.3, 0.3, 0.3), 100)) for _ in range(6)]
        return min(p_values) < 0.05, min(corrected(p_values)) < 0.05

    plain, honest = np.mean([alarm() for _ in range(500)], axis=0)
    assert honest <= 0.07
    assert plain > 0.2


def test_a_difference_is_told_with_both_groups():
    found, _ = measure(drawn(2_000, 0, (0.2, 0.4)))
    assert found.warnings[0].startswith("groups of 'sex' are not treated alike: the selection rate is")
    assert "'a'" in found.warnings[0]
    assert "'b'" in found.warnings[0]


def test_a_million_rows_take_a_second_or_two():
    import time

    rows = drawn(1_000_000, 0, (0.3,) * 8)
    started = time.process_time()
    measure(rows)
    assert time.process_time() - started < 4
