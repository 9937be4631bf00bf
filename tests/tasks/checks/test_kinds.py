"""Every kind of check there is, and what it needs to be at hand."""

from typing import get_args

import pytest

from governance.project_file import AnyCheck, Compare, InSet, NumericRange, PythonCheck, TypicalRange
from governance.vocabulary import CheckOutcome
from tasks.checks import CHECKS, bounds_in_words, history_needed, metrics_needed, run_check
from tests.tasks.checks.evidence import evidence

RANGE = NumericRange(name="range", metric="a", maximum=1)
PREVIOUS = Compare(name="previous", type="compare", metric="b", operator=">=", compared_with="previous")
REFERENCE = Compare(name="reference", type="compare", metric="c", operator=">=", compared_with="reference")
TYPICAL = TypicalRange(name="typical", type="typical_range", metric="d", lookback=12)
CODE = PythonCheck(name="code", type="python", function="a.py:f")


def test_every_kind_that_can_be_declared_can_be_run():
    classes = [get_args(one)[0] for one in get_args(get_args(AnyCheck)[0])]
    assert {get_args(one.model_fields["type"].annotation)[0] for one in classes} == set(CHECKS)


@pytest.mark.parametrize(
    ("checks", "history", "metrics"),
    [
        ([], 0, frozenset()),
        ([RANGE, REFERENCE], 0, frozenset()),
        ([RANGE, PREVIOUS], 1, {"b"}),
        ([PREVIOUS, TYPICAL, RANGE], 12, {"b", "d"}),
        ([TYPICAL, CODE], 20, None),
    ],
)
def test_no_more_of_the_past_is_asked_for_than_the_checks_look_at(checks, history, metrics):
    assert (history_needed(checks), metrics_needed(checks)) == (history, metrics)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(0, "OK"), (1.0, "OK"), (0.3, "OK"), (1.5, "ERROR"), (-1, "ERROR"), (0.3001, "ERROR"), (None, "EMPTY"), (float("nan"), "EMPTY")],
)  # fmt: skip
def test_in_set_admits_what_is_named_and_nothing_else(value, outcome):
    check = InSet(name="s", type="in_set", metric="m", values=[0, 1, 0.1 + 0.2])
    found = run_check(check, evidence(value))
    assert found.outcome == outcome
    assert found.bounds == {"values": [0, 1, 0.1 + 0.2]}
    assert (found.value is None) is (outcome == CheckOutcome.EMPTY)


def test_in_set_says_what_was_found_and_what_is_admissible():
    check = InSet(name="s", type="in_set", metric="m", values=[0, 1])
    assert run_check(check, evidence(3)).message == "m is 3, and has to be 0 or 1"
    assert run_check(check, evidence(None)).message == "m has no value: it is not a number"


def test_what_held_is_said_in_one_line_whatever_the_kind():
    said = [bounds_in_words(run_check(check, evidence(1.0, 2.0)).bounds) for check in (RANGE, PREVIOUS, TYPICAL, CODE)]
    assert said == [
        "maximum 1",
        "operator >=, compared with previous, margin 0",
        "learned from 0",
        "function a.py:f",
    ]
