"""A segment is measured as if it were all there is, and told only when it is more than chance."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.project_file import Drift, Segmentation
from governance.vocabulary import Averaging, Handling, PredictionType
from tasks.data.schema import Column, Schema
from tasks.judging.measuring import Measures
from tasks.metrics.catalogue import info
from tasks.metrics.performance import measure_performance
from tasks.segments.measuring import measure_segments

SCHEMA = Schema(
    (Column("x", Handling.NUMERICAL), Column("kind", Handling.CATEGORICAL)),
    "late", PredictionType.BINARY, ("0", "1"), None, {"kind": ("a", "b")},
)  # fmt: skip
REGRESSION = Schema((Column("x", Handling.NUMERICAL),), "late", PredictionType.REGRESSION, (), None)


def performance_of(schema, metric=None):
    def measure(rows):
        weights = rows["weight"].to_numpy() if "weight" in rows else None
        found = measure_performance(
            schema.prediction_type, schema.classes, rows["target"], rows, 0.5, weights=weights
        )  # fmt: skip
        return [m for m in found if metric in (None, m.name)]

    return measure


def accuracy_only(rows):
    from governance.vocabulary import Measurement
    from tasks.metrics.intervals import wilson

    return [Measurement("accuracy", *wilson(int((rows["target"] == rows["prediction"]).sum()), len(rows)), len(rows))]


def drawn(rows, seed, regions="north south east west", right=0.8, worse=()):
    """Rows of regions that are predicted right with a probability, in some regions with another."""
    random = np.random.default_rng(seed)
    region = random.choice(regions.split(), rows)
    true = random.random(rows) < 0.4
    share = np.select([region == name for name, _ in worse], [p for _, p in worse], right) if worse else right
    predicted = np.where(random.random(rows) < share, true, ~true)
    spread = random.random(rows) / 2
    return pd.DataFrame({
        "x": random.normal(size=rows), "kind": random.choice(["a", "b"], rows), "region": region,
        "late": np.where(true, "1", "0"), "prediction": np.where(predicted, "1", "0"),
        "proba_1": np.where(predicted, 0.5 + spread, 0.499 - 0.9 * spread),
    })  # fmt: skip


def known_of(reference, schema=SCHEMA):
    return None if reference is None else reference.rename(columns={schema.target: "target"})


def measure(reference, current, *, column="region", metric="accuracy", performance=None, schema=SCHEMA, **settings):
    settings = {"minimum_rows": 30} | settings
    found = measure_segments(
        [Segmentation(column=name, **settings) for name in column.split()],
        reference=reference,
        known=known_of(reference, schema),
        sample=current.drop(columns=schema.target),
        outcomes=current.rename(columns={schema.target: "target"}),
        schema=schema,
        metric=metric,
        performance=performance or performance_of(schema),
        drift=Drift(),
    )
    json.dumps(found.details, allow_nan=False)
    for m in found.measurements:
        assert info(m.name).name == m.name
        assert (m.value is None) == bool(m.reason), m
    return found, {m.name: m for m in found.measurements}, found.details["segments"]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.integers(60, 400), st.booleans())
def test_what_is_said_of_a_segment_is_what_is_said_of_its_rows_alone(seed, rows, weighted):
    current = drawn(rows, seed)
    if weighted:
        current["weight"] = np.random.default_rng(seed + 1).integers(0, 4, rows).astype(float)
    _, values, [table] = measure(None, current, minimum_rows=10)
    for region in table["segments"]:
        alone = current[current["region"] == region["value"]].rename(columns={"late": "target"})
        for expected in performance_of(SCHEMA)(alone):
            found = values[f"segment.region.{region['value']}.{expected.name}"]
            assert replace(found, name=expected.name) == expected
        others = current[current["region"] != region["value"]].rename(columns={"late": "target"})
        rest = performance_of(SCHEMA, "accuracy")(others)[0]
        nothing_to_compare = region["metrics"]["accuracy"]["value"] is None
        assert region["rest"]["value"] == (None if nothing_to_compare else rest.value)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 400), st.integers(1, 6), st.sampled_from([None, 2, 5]))
def test_every_row_is_counted_once(seed, rows, most, quantiles):
    current = drawn(rows, seed)
    column = "x" if quantiles else "region"
    current.loc[current.index % 7 == 0, column] = None
    _, _, [table] = measure(
        None, current, column=column, performance=accuracy_only, most=most, quantiles=quantiles
    )  # fmt: skip
    measured = sum(segment["rows"] for segment in table["segments"])
    assert measured + table["small"]["rows"] + table["left_out"]["rows"] == rows == table["current_rows"]
    assert len(table["segments"]) <= most
    assert all(segment["rows"] >= 30 for segment in table["segments"])


def test_the_segment_that_got_worse_is_first_and_told_with_numbers():
    reference, current = drawn(4_000, 0), drawn(4_000, 1, worse=[("east", 0.65)])
    found, values, [table] = measure(reference, current)
    first = table["segments"][0]
    assert (first["value"], first["worse"]) == ("east", ["before", "rest"])
    assert not any(segment["worse"] for segment in table["segments"][1:])
    assert first["drift"]["lower"] < -0.15 < first["drift"]["upper"] < 0
    assert first["drift_p_value"] < 0.001
    told = [w for w in found.warnings if w.startswith("segment region = 'east': Accuracy is 0.6")]
    assert len(told) == len(found.warnings) == 2
    assert "in the reference (p < 0.0001, corrected for all segments)" in told[0]
    assert values["segment.region.(worst).accuracy"].value == values["segment.region.east.accuracy"].value
    assert values["segment.region.(worst).accuracy_difference_p_value"].value < 0.001


def test_the_worst_of_many_has_no_interval_of_one_that_was_chosen_beforehand():
    _, values, _ = measure(drawn(1_000, 0), drawn(1_000, 1))
    worst = {name: m for name, m in values.items() if name.startswith("segment.region.(worst).")}
    assert {"accuracy", "accuracy_difference", "accuracy_drift"} <= {name.rpartition(".")[2] for name in worst}
    assert all(m.lower is m.upper is None and m.value is not None for m in worst.values())
    assert values["segment.region.east.accuracy"].lower is not None


def test_days_of_good_and_bad_luck_on_both_sides_are_no_drift_of_a_segment():
    """Without the time of the reference's rows, one evaluation in four would alarm."""
    random = np.random.default_rng(0)
    measures = Measures(SCHEMA, 0.5, Averaging.MACRO, None)

    def of_days(seed):
        rows = drawn(1_000, seed, "a b", right=0.5).sort_values("region", ignore_index=True)
        day = np.arange(1_000) % 20
        right = random.random(1_000) < (0.75 + 0.15 * random.normal(size=20))[day]
        rows["late"] = np.where(right, rows["prediction"], np.where(rows["prediction"] == "1", "0", "1"))
        return rows.assign(time=pd.Timestamp("2017-01-01") + pd.to_timedelta(day, "D"))

    alarms = 0
    for number in range(20):
        reference = of_days(2 * number).drop(columns=["x", "kind"])
        found = measure(reference, of_days(2 * number + 1), performance=measures.of)[2]
        alarms += any(segment["drift_p_value"] < 0.05 for segment in found[0]["segments"])
    assert alarms <= 3


def test_a_segment_that_was_always_worse_did_not_get_worse():
    always = [("east", 0.65)]
    _, _, [table] = measure(drawn(4_000, 0, worse=always), drawn(4_000, 1, worse=always))
    assert table["segments"][0]["worse"] == ["rest"]


def test_a_segment_that_is_better_is_no_alarm():
    found, _, [table] = measure(drawn(4_000, 0), drawn(4_000, 1, worse=[("east", 0.95)]))
    assert table["segments"][-1]["value"] == "east"
    assert table["segments"][-1]["difference_p_value"] < 0.001
    assert not any("'east'" in sentence for sentence in found.warnings)


def test_of_a_loss_more_is_worse():
    random = np.random.default_rng(0)
    current = pd.DataFrame({"x": random.normal(size=2_000), "late": random.normal(size=2_000)})
    current["prediction"] = current["late"] + random.normal(size=2_000) * np.where(current["x"] > 1, 3, 1)
    found, _, [table] = measure(
        current[:1_000], current[1_000:], column="x", metric="rmse", schema=REGRESSION, quantiles=4
    )  # fmt: skip
    assert table["segments"][0]["value"] == "quantile_4"
    assert table["segments"][0]["above"] == pytest.approx(0.7, abs=0.1)
    assert table["segments"][0]["up_to"] is None
    assert any("segment x = above 0." in sentence for sentence in found.warnings)


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "mcc"])
def test_any_metric_with_an_interval_can_be_the_one_to_focus_on(metric):
    _, _, [table] = measure(drawn(4_000, 0), drawn(4_000, 1, worse=[("east", 0.6)]), metric=metric)
    assert table["segments"][0]["value"] == "east"
    assert table["segments"][0]["drift_p_value"] < 0.01


@pytest.mark.parametrize(("side", "least"), [("difference", 5), ("drift", 5)])
def test_without_any_difference_there_is_a_false_alarm_in_at_most_5_of_100_evaluations(side, least):
    """Ten segments each; without Holm's correction 40 of 100 would alarm."""
    regions = "a b c d e f g h i j"
    plain = honest = 0
    for seed in range(150):
        _, _, [table] = measure(
            drawn(1_500, 2 * seed, regions).drop(columns=["x", "kind"]),
            drawn(1_500, 2 * seed + 1, regions),
            performance=accuracy_only,
        )
        segments = table["segments"]
        honest += min(segment[f"{side}_p_value"] for segment in segments) < 0.05
        plain += any(abs(segment[side]["value"]) > _half(segment[side]) for segment in segments)
    assert honest <= 0.05 * 150 + least
    assert plain > 0.25 * 150


def _half(difference):
    ends = difference["upper"] - difference["value"], difference["value"] - difference["lower"]
    return ends[1] if difference["value"] > 0 else ends[0]


def test_columns_that_drifted_within_a_segment_are_named_there_only():
    reference, current = drawn(4_000, 0), drawn(4_000, 1)
    current.loc[current["region"] == "east", "x"] += 0.5
    found, values, [table] = measure(reference, current)
    drifted = {segment["value"]: list(segment["drifted_columns"]) for segment in table["segments"]}
    assert drifted == {"east": ["x"], "north": [], "south": [], "west": []}
    assert values["segment.region.east.drifted_columns"].value == 1
    assert "segment region = 'east': x drifted within it" in found.warnings


def test_columns_do_not_drift_within_twenty_segments_by_themselves():
    regions = " ".join("abcdefghijklmnopqrst")
    alarms = 0
    for seed in range(20):
        _, _, [table] = measure(
            drawn(2_000, 2 * seed, regions), drawn(2_000, 2 * seed + 1, regions), performance=accuracy_only
        )
        alarms += any(segment["drifted_columns"] or segment["prediction_drifted"] for segment in table["segments"])
    assert alarms <= 4


def test_predictions_that_moved_within_a_segment_show_there():
    reference, current = drawn(4_000, 0), drawn(4_000, 1)
    current.loc[current["region"] == "west", "prediction"] = "1"
    _, values, [table] = measure(reference, current)
    assert values["segment.region.west.prediction_drift.psi"].value > 0.25
    assert {s["value"] for s in table["segments"] if s["prediction_drifted"]} == {"west"}


def test_new_and_vanished_segments_are_told_when_chance_does_not_explain_them():
    found, _, [table] = measure(drawn(1_000, 0, "a b old"), drawn(1_000, 1, "a b new"))
    assert [(one["value"], one["p_value"] < 1e-9) for one in table["new"] + table["vanished"]] == [
        ("new", True), ("old", True),
    ]  # fmt: skip
    assert any("'new' is new" in sentence for sentence in found.warnings)
    assert any("'old' has vanished" in sentence for sentence in found.warnings)
    rare = drawn(1_000, 1, "a b")
    rare.loc[0, "region"] = "once"
    found, _, [table] = measure(drawn(1_000, 0, "a b"), rare)
    assert [(one["value"], one["p_value"]) for one in table["new"]] == [("once", 1.0)]
    assert not found.warnings


def test_a_new_segment_is_measured_and_says_why_nothing_can_be_compared():
    _, values, [table] = measure(drawn(1_000, 0, "a b"), drawn(1_000, 1, "a b new"))
    new = next(segment for segment in table["segments"] if segment["value"] == "new")
    assert new["reference_rows"] == 0
    assert new["drift"]["reason"] == "the reference of the segment has 0 labelled rows, fewer than 30"
    assert new["drift_reason"] == "the reference has 0 rows of the segment, fewer than 30"
    assert values["segment.region.new.accuracy"].value is not None
    assert values["segment.region.new.accuracy_difference"].value is not None


def test_rows_without_a_value_are_a_segment_of_their_own():
    current = drawn(1_000, 1, "a b", worse=[("b", 0.5)])
    current["region"] = current["region"].where(current["region"] == "a")
    _, _, [table] = measure(drawn(1_000, 0, "a b"), current)
    assert (table["segments"][0]["value"], table["segments"][0]["missing"]) == ("(missing)", True)


def test_small_segments_are_counted_and_not_measured():
    current = pd.concat([drawn(1_000, 1, "a b"), drawn(29, 2, "z"), drawn(5, 3, "y")])
    _, values, [table] = measure(drawn(1_000, 0, "a b"), current)
    assert table["small"] == {"segments": 2, "rows": 34}
    assert {name.split(".")[2] for name in values} == {"(worst)", "a", "b"}


def test_a_column_with_a_value_per_row_is_told_to_need_quantiles():
    found, values, [table] = measure(drawn(500, 0), drawn(500, 1), column="x")
    assert table["segments"] == []
    assert values["segment.x.(worst).accuracy"].reason == "no segment of 'x' has 30 rows"
    assert "500 of 500 rows are in segments with fewer than 30 rows" in found.warnings[0]


def test_rows_without_a_label_count_as_rows_and_not_for_performance():
    current = drawn(1_000, 1, "a b")
    current.loc[(current["region"] == "a") & (np.arange(1_000) % 2 == 0), "late"] = None
    _, values, [table] = measure(drawn(1_000, 0, "a b"), current)
    segment = next(segment for segment in table["segments"] if segment["value"] == "a")
    assert segment["rows"] == (current["region"] == "a").sum()
    assert values["segment.region.a.accuracy"].rows == current[current["region"] == "a"]["late"].notna().sum()


def test_without_labels_segments_are_ordered_by_what_drifted_within_them():
    reference, current = drawn(4_000, 0), drawn(4_000, 1)
    current.loc[current["region"] == "south", "x"] += 1
    found = measure_segments(
        [Segmentation(column="region")], reference=reference, known=None, sample=current, outcomes=current.drop(columns="late"),
        schema=SCHEMA, metric="accuracy", performance=None, drift=Drift(),
    )  # fmt: skip
    assert found.details["segments"][0]["segments"][0]["value"] == "south"
    names = {m.name.removeprefix("segment.region.south.") for m in found.measurements if ".south." in m.name}
    assert names == {"share", "reference_share", "drifted_columns", "prediction_drift.psi"}


@pytest.mark.parametrize(("column", "quantiles", "reason"), [
    ("nowhere", None, "the data have no column 'nowhere'"),
    ("region", 4, "quantiles need a numerical column, and 'region' is none"),
])  # fmt: skip
def test_what_cannot_be_split_has_a_reason_and_takes_no_other_with_it(column, quantiles, reason):
    found = measure_segments(
        [Segmentation(column=column, quantiles=quantiles), Segmentation(column="kind")],
        reference=drawn(500, 0), known=known_of(drawn(500, 0)), sample=drawn(500, 1), outcomes=drawn(500, 1).rename(columns={"late": "target"}),
        schema=SCHEMA, metric="accuracy", performance=accuracy_only, drift=Drift(),
    )  # fmt: skip
    broken, sound = found.details["segments"]
    assert reason in broken["reason"]
    assert len(sound["segments"]) == 2
    assert any(reason in sentence for sentence in found.warnings)
    assert all(reason in m.reason for m in found.measurements if m.name.startswith(f"segment.{column}.(worst)"))


def test_a_column_that_the_reference_does_not_have_is_split_by_the_data_alone():
    found, values, [table] = measure(drawn(500, 0).rename(columns={"x": "y"}), drawn(500, 1), column="x", quantiles=2)
    assert [segment["rows"] for segment in table["segments"]] == [250, 250]
    assert "the quantiles are those of these rows" in found.warnings[0]
    assert values["segment.x.quantile_1.accuracy_drift"].reason == "there is no reference of the segment"


def test_a_feature_that_the_sample_lacks_costs_drift_and_not_performance():
    current = drawn(500, 1)
    found = measure_segments(
        [Segmentation(column="region", minimum_rows=30)], reference=drawn(500, 0), known=known_of(drawn(500, 0)), sample=current.drop(columns="kind"),
        outcomes=current.rename(columns={"late": "target"}), schema=SCHEMA, metric="accuracy",
        performance=accuracy_only, drift=Drift(),
    )  # fmt: skip
    segment = found.details["segments"][0]["segments"][0]
    assert "'kind'" in segment["drift_reason"]
    assert segment["metrics"]["accuracy"]["value"] is not None


def test_the_order_of_the_rows_changes_nothing():
    reference, current = drawn(1_000, 0), drawn(1_000, 1)
    shuffled = measure(reference.sample(frac=1, random_state=1), current.sample(frac=1, random_state=2))[0]
    assert shuffled == measure(reference, current)[0]


def test_looking_at_more_columns_corrects_for_more_segments():
    reference, current = drawn(2_000, 0), drawn(2_000, 1, worse=[("east", 0.72)])
    alone = measure(reference, current)[1]["segment.region.east.accuracy_difference_p_value"].value
    among = measure(reference, current, column="kind region")[1][
        "segment.region.east.accuracy_difference_p_value"
    ].value
    assert among > alone


def test_progress_is_told_per_segment_and_only_grows():
    told = []
    current = drawn(500, 1)
    measure_segments(
        [Segmentation(column="region", minimum_rows=30), Segmentation(column="kind", minimum_rows=30)],
        reference=drawn(500, 0), known=known_of(drawn(500, 0)), sample=current, outcomes=current.rename(columns={"late": "target"}), schema=SCHEMA,
        metric="accuracy", performance=accuracy_only, drift=Drift(), progress=lambda what, share: told.append((what, share)),
    )  # fmt: skip
    assert len(told) == 6
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_twenty_segments_of_a_hundred_thousand_rows_take_seconds():
    regions = " ".join("abcdefghijklmnopqrst")
    reference, current = drawn(50_000, 0, regions), drawn(100_000, 1, regions)
    started = time.process_time()
    measure(reference, current, performance=accuracy_only)
    assert time.process_time() - started < 6
