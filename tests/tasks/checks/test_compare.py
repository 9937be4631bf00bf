"""A metric held against another one, against the evaluation before, and against the reference."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.project_file import Compare
from governance.vocabulary import CheckOutcome, Comparison, Measurement
from tasks.checks import Evidence, run_check
from tests.tasks.checks.evidence import evidence, metrics

SIGNS = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def compare(sign, **settings):
    return Compare(name="c", type="compare", metric="m", operator=sign, **settings)


@pytest.mark.parametrize("sign", list(Comparison))
@given(one=st.integers(-3, 3), other=st.integers(-3, 3), margin=st.integers(-2, 2))
def test_the_operator_decides_and_the_margin_is_added_to_the_other_value(sign, one, other, margin):
    found = run_check(compare(sign, other_metric="n", margin=margin), evidence(one, n=other))
    assert found.outcome is (CheckOutcome.OK if SIGNS[sign](one, other + margin) else CheckOutcome.ERROR)
    assert found.bounds == {"operator": sign, "compared_with": "n", "other": other, "margin": margin}


@pytest.mark.parametrize(("sign", "outcome"), [("==", "OK"), ("<=", "OK"), (">=", "OK"), ("<", "ERROR"), (">", "ERROR"), ("!=", "ERROR")])  # fmt: skip
def test_the_last_digits_that_arithmetic_leaves_make_no_difference(sign, outcome):
    assert run_check(compare(sign, other_metric="n"), evidence(0.1 + 0.2, n=0.3)).outcome == outcome
    assert run_check(compare(sign, other_metric="n"), evidence(0.3, n=0.1 + 0.2)).outcome == outcome


def test_previous_is_the_evaluation_before_and_no_earlier_one():
    check = compare(">=", compared_with="previous", margin=-0.02)
    found = run_check(check, evidence(0.70, 0.73, 0.5))
    assert found.outcome is CheckOutcome.ERROR
    assert found.message == "m is 0.7, which is not >= 0.71, m of the evaluation before with a margin of -0.02"
    assert found.bounds == {"operator": ">=", "compared_with": "previous", "other": 0.73, "margin": -0.02}
    assert run_check(check, evidence(0.72, 0.73, 0.9)).outcome is CheckOutcome.OK


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (evidence(0.7), "m of the evaluation before has no value: there is no evaluation before this one"),
        (evidence(0.7, None, 0.9), "m of the evaluation before has no value: it is not a number"),
        (
            Evidence(metrics(m=0.7), [metrics(n=1)]),
            "m of the evaluation before has no value: the evaluation before has no such metric",
        ),
        (evidence(None, 0.7), "m has no value: it is not a number"),
    ],
)
def test_without_a_value_on_either_side_nothing_is_compared(given, why):
    found = run_check(compare(">=", compared_with="previous"), given)
    assert (found.outcome, found.message) == (CheckOutcome.EMPTY, why)
    assert found.value == given.latest["m"].value


def test_what_the_reference_had_is_known_from_the_change_since():
    check = compare(">=", compared_with="reference", margin=-0.05)
    good, bad = evidence(0.75, m_drift=-0.04), evidence(0.75, m_drift=-0.06)
    assert run_check(check, good).outcome is CheckOutcome.OK
    assert run_check(check, bad).outcome is CheckOutcome.ERROR
    assert run_check(check, bad).bounds["other"] == pytest.approx(0.81)
    assert run_check(compare("==", compared_with="reference"), evidence(0.73, m_drift=0.0)).outcome is CheckOutcome.OK


def test_a_metric_that_the_reference_does_not_have_is_empty_with_the_reason():
    check = compare(">=", compared_with="reference")
    assert run_check(check, evidence(0.5)).message == (
        "m on the reference has no value: m is not measured on the reference"
    )
    lacking = Measurement("m_drift", None, reason="the reference has no m: only one class")
    found = run_check(check, Evidence({**metrics(m=0.5), "m_drift": lacking}))
    assert (found.outcome, found.message) == (
        CheckOutcome.EMPTY,
        "m on the reference has no value: the reference has no m: only one class",
    )


@pytest.mark.parametrize(
    ("metric", "other"),
    [("fugacity.late.no.current", "fugacity.late.no.reference"), ("segment.region.n.share", "segment.region.n.reference_share")],
)  # fmt: skip
def test_shares_that_are_kept_for_both_sides_are_compared_as_they_are_kept(metric, other):
    check = Compare(name="c", type="compare", metric=metric, operator="<=", compared_with="reference")
    kept = {name: Measurement(name, value) for name, value in ((metric, 12.0), (other, 11.0))}
    found = run_check(check, Evidence(kept))
    assert (found.outcome, found.bounds["other"]) == (CheckOutcome.ERROR, 11.0)
