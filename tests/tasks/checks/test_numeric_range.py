"""A metric between bounds: all four outcomes, and what they do to the step."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.project_file import NumericRange
from governance.vocabulary import STEP_OUTCOMES, CheckOutcome, EmptyPolicy, Measurement, StepOutcome
from tasks.checks import Evidence, run_check
from tests.tasks.checks.evidence import evidence

RULE = NumericRange(name="between", metric="m", minimum=0, soft_minimum=1, soft_maximum=2, maximum=3)


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        (-0.001, CheckOutcome.ERROR),
        (0, CheckOutcome.WARNING),
        (0.999, CheckOutcome.WARNING),
        (1, CheckOutcome.OK),
        (1.5, CheckOutcome.OK),
        (2, CheckOutcome.OK),
        (2.001, CheckOutcome.WARNING),
        (3, CheckOutcome.WARNING),
        (3.001, CheckOutcome.ERROR),
        (math.inf, CheckOutcome.ERROR),
        (-math.inf, CheckOutcome.ERROR),
        (math.nan, CheckOutcome.EMPTY),
        (None, CheckOutcome.EMPTY),
    ],
)
def test_a_bound_itself_is_ok_and_beyond_it_is_not(value, outcome):
    assert run_check(RULE, evidence(value)).outcome is outcome


@given(
    value=st.floats(allow_nan=False),
    bounds=st.tuples(*[st.none() | st.floats(-5, 5)] * 4).filter(lambda b: any(x is not None for x in b)),
)
def test_the_outcome_is_the_worst_of_the_bounds_that_are_broken(value, bounds):
    given_bounds = sorted(b for b in bounds if b is not None)
    places = [
        n for n, b in zip(("minimum", "soft_minimum", "soft_maximum", "maximum"), bounds, strict=True) if b is not None
    ]
    rule = NumericRange(name="r", metric="m", **dict(zip(places, given_bounds, strict=True)))
    hard = (rule.minimum is not None and value < rule.minimum) or (rule.maximum is not None and value > rule.maximum)
    soft = (rule.soft_minimum is not None and value < rule.soft_minimum) or (
        rule.soft_maximum is not None and value > rule.soft_maximum
    )
    expected = CheckOutcome.ERROR if hard else CheckOutcome.WARNING if soft else CheckOutcome.OK
    assert run_check(rule, evidence(value)).outcome is expected


def test_the_finding_keeps_the_value_the_bounds_and_a_sentence():
    rule = NumericRange(name="Data Drift < 0.4", metric="data_drift", soft_maximum=0.3, maximum=0.4)
    found = run_check(rule, Evidence({"data_drift": Measurement("data_drift", 0.51)}))
    assert (found.value, dict(found.bounds)) == (0.51, {"soft_maximum": 0.3, "maximum": 0.4})
    assert found.message == "data_drift is 0.51, above the maximum of 0.4"


def test_a_metric_without_value_says_why():
    found = run_check(RULE, Evidence({"m": Measurement("m", None, reason="only one class in the labels")}))
    assert found.message == "m has no value: only one class in the labels"
    assert run_check(RULE, Evidence({})).message == "m has no value: the evaluation has no such metric"


def test_a_value_just_beyond_a_bound_is_shown_with_the_digits_that_tell():
    rule = NumericRange(name="r", metric="m", maximum=0.4)
    assert run_check(rule, evidence(0.40000001)).message == "m is 0.40000001, above the maximum of 0.4"


def test_every_outcome_under_every_policy_has_its_effect_on_the_step():
    assert set(STEP_OUTCOMES) == {(outcome, empty) for outcome in CheckOutcome for empty in EmptyPolicy}
    by_default = {outcome: STEP_OUTCOMES[outcome, RULE.empty] for outcome in CheckOutcome}
    assert by_default == {
        CheckOutcome.OK: StepOutcome.SUCCESS,
        CheckOutcome.WARNING: StepOutcome.WARNING,
        CheckOutcome.ERROR: StepOutcome.FAILED,
        CheckOutcome.EMPTY: StepOutcome.WARNING,
    }
