"""When a step runs, and what its end does to the outcome of the scenario."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.project_file import OutcomeIs
from governance.vocabulary import OnFailure, RunCondition, ScenarioOutcome, StepOutcome
from tasks.scenarios import CONDITIONS, Progress, should_run
from tasks.scenarios.progress import as_declared

SO_FAR = (ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING, ScenarioOutcome.FAILED)
RUNS = {
    (RunCondition.NO_PRIOR_FAILED, ScenarioOutcome.SUCCESS),
    (RunCondition.NO_PRIOR_FAILED, ScenarioOutcome.WARNING),
    (RunCondition.SOME_PRIOR_FAILED, ScenarioOutcome.FAILED),
    (RunCondition.ALWAYS, ScenarioOutcome.SUCCESS),
    (RunCondition.ALWAYS, ScenarioOutcome.WARNING),
    (RunCondition.ALWAYS, ScenarioOutcome.FAILED),
}


@pytest.mark.parametrize(("run_if", "outcome"), list(itertools.product(CONDITIONS, SO_FAR)))
def test_every_condition_after_every_outcome(run_if, outcome):
    assert should_run(run_if, outcome) is ((run_if, outcome) in RUNS)


def test_every_condition_but_outcome_is_stands_in_the_table():
    assert set(CONDITIONS) == set(RunCondition) - {RunCondition.OUTCOME_IS}


@given(st.sets(st.sampled_from(SO_FAR), min_size=1), st.sampled_from(SO_FAR))
def test_outcome_is_runs_on_exactly_the_outcomes_named(named, outcome):
    assert should_run(OutcomeIs(outcome_is=sorted(named)), outcome) is (outcome in named)


def reference(steps):
    """The rule of the book, written without the classes: outcome so far, after each of the steps."""
    so_far = 0
    for step, reset in steps:
        if step == "SKIPPED":
            continue
        so_far = 0 if reset and step != "FAILED" else max(so_far, ["SUCCESS", "WARNING", "FAILED"].index(step))
    return ["SUCCESS", "WARNING", "FAILED"][so_far]


@given(st.lists(st.tuples(st.sampled_from(StepOutcome), st.booleans()), max_size=12))
def test_the_outcome_is_the_worst_since_the_last_reset(steps):
    progress = Progress()
    for step, reset in steps:
        progress = progress.after(step, reset_failure=reset)
    assert progress.outcome == reference(steps)


def test_a_run_has_recovered_only_when_there_was_a_failure_to_reset():
    assert not Progress().after(StepOutcome.SUCCESS, reset_failure=True).recovered
    assert Progress().after(StepOutcome.FAILED).after(StepOutcome.WARNING, reset_failure=True).recovered


def test_a_resetting_step_that_fails_leaves_the_scenario_failed():
    failed = Progress().after(StepOutcome.FAILED).after(StepOutcome.FAILED, reset_failure=True)
    assert (failed.outcome, failed.recovered) == (ScenarioOutcome.FAILED, False)


def test_on_failure_warn_turns_only_a_failure_into_a_warning():
    assert [as_declared(step, OnFailure.WARN).value for step in StepOutcome] == [
        "SUCCESS",
        "WARNING",
        "WARNING",
        "SKIPPED",
    ]
    assert [as_declared(step, OnFailure.FAIL) for step in StepOutcome] == list(StepOutcome)
