"""Evaluations side by side: in order, with what they are more or less than the champion's."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.comparison import Item, compare
from governance.errors import NotFound
from governance.vocabulary import Measurement

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def item(id: str, *metrics: Measurement, hours: int = 0, **labels: str) -> Item:
    found = {metric.name: metric for metric in metrics}
    return Item(id, f"the {id}", "monthly", "fraud", 1, "current", NOON + timedelta(hours=hours), labels, found)


def auc(value: float | None, lower: float | None = None, upper: float | None = None, **more: Any) -> Measurement:
    return Measurement("auc", value, lower, upper, **more)


def test_evaluations_stand_in_the_order_of_time_each_once() -> None:
    found = compare([item("b", auc(1), hours=2), item("a", auc(0), hours=1), item("b", auc(1), hours=2)], ["auc"])
    assert [one.evaluation for one in found.items] == ["a", "b"]
    assert found.axis == ("the a", "the b")
    assert [value and value.value for value in found.lines[0].values] == [0, 1]
    assert found.lines[0].differences == (None, None)


def test_a_label_is_an_axis_on_which_numbers_are_in_order_and_who_lacks_it_is_last() -> None:
    values = {"a": "10", "b": "9", "c": "late", "d": "early", "e": "nan"}
    items = [item("z", auc(1)), *(item(id, auc(1), week=value) for id, value in values.items())]
    assert compare(items, ["auc"], label="week").axis == ("9", "10", "early", "late", "nan", None)


@pytest.mark.parametrize(("count", "chart"), [(1, "bars"), (2, "bars"), (3, "lines"), (7, "lines")])
def test_one_or_two_are_bars_and_more_are_lines(count: int, chart: str) -> None:
    assert compare([item(str(n), auc(n)) for n in range(count)], ["auc"]).chart == chart


def test_differences_are_to_the_champion_with_an_interval_where_both_have_one() -> None:
    champion = item("a", auc(0.75, 0.71, 0.79, rows=9), Measurement("f1", 0.5))
    other = item("b", auc(0.5, 0.47, 0.53, rows=7), Measurement("f1", 0.25, 0.2, 0.3), hours=1)
    found = compare([other, champion], ["auc", "f1"], champion="a")
    by_name = {line.metric: line.differences for line in found.lines}
    assert by_name["auc"][0] is by_name["f1"][0] is None
    assert by_name["auc"][1] == auc(-0.25, pytest.approx(-0.3), pytest.approx(-0.2), rows=7)
    assert by_name["f1"][1] == Measurement("f1", -0.25)


def test_what_has_no_value_has_no_difference_and_says_why() -> None:
    found = compare(
        [item("a", auc(0.7)), item("b", auc(None, reason="one class only"), hours=1), item("c", hours=2)],
        ["auc"], champion="a",
    )  # fmt: skip
    _, empty, absent = found.lines[0].differences
    assert empty == auc(None, reason="one class only")
    assert absent is None
    assert found.lines[0].values[2] is None


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"champion": "x"}, "no evaluation among those compared 'x' .known: a."),
        ({"label": "week"}, "no label of these evaluations 'week' .known: team."),
        ({"metrics": ["acu"]}, "no metric of these evaluations 'acu' .known: auc."),
    ],
)
def test_a_name_that_nothing_answers_to_is_refused_with_those_there_are(settings: Any, sentence: str) -> None:
    with pytest.raises(NotFound, match=sentence):
        compare([item("a", auc(1), team="risk")], **{"metrics": ["auc"], **settings})


NUMBERS = st.floats(-1e6, 1e6)
WIDTHS = st.floats(0, 1e3)


@given(NUMBERS, NUMBERS, WIDTHS, WIDTHS)
def test_a_difference_is_inside_its_interval_which_is_that_of_the_roots_of_the_squares(
    after: float, before: float, width_after: float, width_before: float
) -> None:
    found = auc(after, after - width_after, after + width_after).minus(
        auc(before, before - width_before, before + width_before), "auc"
    )
    assert found.lower is not None and found.upper is not None and found.value is not None
    assert found.lower <= found.value <= found.upper
    # The ends were rounded where the values are; so are their distances.
    assert found.upper - found.value == pytest.approx(math.hypot(width_after, width_before), abs=1e-8)


@given(NUMBERS, NUMBERS, WIDTHS, WIDTHS, WIDTHS, WIDTHS)
def test_the_other_way_round_it_is_the_mirror_image(
    a: float, b: float, below_a: float, above_a: float, below_b: float, above_b: float
) -> None:
    one, other = auc(a, a - below_a, a + above_a), auc(b, b - below_b, b + above_b)
    there, back = one.minus(other, "auc"), other.minus(one, "auc")
    assert (there.value, there.lower, there.upper) == (-back.value, -back.upper, -back.lower)  # type: ignore[operator]
