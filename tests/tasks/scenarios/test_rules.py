"""When a step runs, and what its end does to the outcome of the scenario."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ExpressionError
from governance.project_file import Condition, OutcomeIs
from governance.vocabulary import OnFailure, RunCondition, ScenarioOutcome, StepOutcome
from tasks.scenarios import CONDITIONS, Progress, in_words, should_run
from tasks.scenarios.progress import as_declared
from tests.tasks.scenarios.reference_interpreter import interpret

SUCCESS, WARNING, FAILED = SO_FAR = (ScenarioOutcome.SUCCESS, ScenarioOutcome.WARNING, ScenarioOutcome.FAILED)

RUNS = [
    ("no_prior_failed", {SUCCESS, WARNING}),
    ("some_prior_failed", {FAILED}),
    ("always", {SUCCESS, WARNING, FAILED}),
    ("never", set()),
    *((OutcomeIs(outcome_is=named), set(named)) for n in (1, 2, 3) for named in itertools.combinations(SO_FAR, n)),
    (OutcomeIs(outcome_is=["ABORTED"]), set()),  # a run that was aborted has no next step
    (Condition(condition="True"), {SUCCESS, WARNING, FAILED}),
    (Condition(condition="False"), set()),
    (Condition(condition="outcome == 'WARNING'"), {WARNING}),
    (Condition(condition="outcome != 'SUCCESS'"), {WARNING, FAILED}),
    (Condition(condition="steps.before.outcome == outcome"), {SUCCESS, WARNING, FAILED}),
    (Condition(condition="steps['before'].result.share > 0.25 and not outcome == 'FAILED'"), {SUCCESS, WARNING}),
]
"""The rules, written down a second time: what a step says, and after which outcomes it then runs."""


@pytest.mark.parametrize("outcome", SO_FAR)
@pytest.mark.parametrize(("run_if", "runs_after"), RUNS, ids=[str(run_if) for run_if, _ in RUNS])
def test_every_condition_after_every_outcome(run_if, runs_after, outcome):
    said = RunCondition(run_if) if isinstance(run_if, str) else run_if
    steps = {"before": {"outcome": str(outcome), "message": "", "result": {"share": 0.5}}}
    assert should_run(said, outcome, {"outcome": str(outcome), "steps": steps}) is (outcome in runs_after)


def test_every_condition_stands_in_the_one_table():
    assert set(CONDITIONS) == set(RunCondition)


@pytest.mark.parametrize(
    ("expression", "given"), [("outcome", "WARNING"), ("1", "1"), ("steps", "{}"), ("[outcome]", '["WARNING"]')]
)
def test_a_condition_that_is_neither_true_nor_false_is_refused_with_what_it_gave(expression, given):
    with pytest.raises(ExpressionError, match="not to true or false; compare it") as caught:
        should_run(Condition(condition=expression), WARNING, {"outcome": "WARNING", "steps": {}})
    assert repr(given) in str(caught.value)


def test_a_condition_is_said_as_people_say_it():
    said = (RunCondition.ALWAYS, OutcomeIs(outcome_is=["FAILED", "WARNING"]), Condition(condition="run > 5"))
    assert [in_words(run_if) for run_if in said] == ["always", "outcome is FAILED or WARNING", "run > 5"]


EXPRESSIONS = {
    "outcome == 'WARNING'": lambda outcome, ended: outcome == "WARNING",
    "outcome in ['FAILED', 'WARNING']": lambda outcome, ended: outcome != "SUCCESS",
    "steps.s0.outcome == 'SKIPPED'": lambda outcome, ended: ended[0] == "SKIPPED",
    "len(steps) % 2 == 0 or steps['s1'].outcome == 'FAILED'": lambda outcome, ended: (
        len(ended) % 2 == 0 or ended[1] == "FAILED"
    ),
    "not startswith(outcome, 'F') and variables.on": lambda outcome, ended: outcome != "FAILED",
    "steps.s2.result.made == 's2'": lambda outcome, ended: ended[2] != "SKIPPED" or {}["made"],
}
"""Conditions, and what they mean in the words of the reference; looking for what is not there is a failure in both."""

RUN_IFS = (
    st.sampled_from(["no_prior_failed", "some_prior_failed", "always", "never"])
    | st.sets(st.sampled_from(["SUCCESS", "WARNING", "FAILED"]), min_size=1)
    | st.sampled_from(sorted(EXPRESSIONS))
)
STEPS = st.tuples(RUN_IFS, st.sampled_from(StepOutcome), st.booleans(), st.sampled_from(OnFailure))


def declared(run_if):
    if isinstance(run_if, set):
        return OutcomeIs(outcome_is=sorted(run_if))
    return Condition(condition=run_if) if run_if in EXPRESSIONS else RunCondition(run_if)


def by_the_product(steps):
    """What the engine does with each step, without its Prefect and its record."""
    progress, ended = Progress(), []
    for position, (run_if, end, reset_failure, on_failure) in enumerate(steps):
        names = {"outcome": str(progress.outcome), "steps": progress.steps, "variables": {"on": True}}
        try:
            found = end if should_run(declared(run_if), progress.outcome, names) else StepOutcome.SKIPPED
        except ExpressionError:
            found = StepOutcome.FAILED
        found = as_declared(found, on_failure)
        name = f"s{position}"
        result = {} if found is StepOutcome.SKIPPED else {"made": name}
        progress = progress.after(found, reset_failure=reset_failure, name=name, result=result)
        ended.append(found)
    return ended, progress.outcome


@given(st.lists(STEPS, max_size=10))
def test_random_scenarios_end_as_the_reference_says(steps):
    by_the_book = [
        (EXPRESSIONS.get(run_if, run_if) if isinstance(run_if, str) else run_if, end, reset, warn is OnFailure.WARN)
        for run_if, end, reset, warn in steps
    ]
    assert by_the_product(steps) == interpret(by_the_book)


def test_a_run_has_recovered_only_when_there_was_a_failure_to_reset():
    assert not Progress().after(StepOutcome.SUCCESS, reset_failure=True).recovered
    assert Progress().after(StepOutcome.FAILED).after(StepOutcome.WARNING, reset_failure=True).recovered


def test_a_resetting_step_that_fails_leaves_the_scenario_failed():
    failed = Progress().after(StepOutcome.FAILED).after(StepOutcome.FAILED, reset_failure=True)
    assert (failed.outcome, failed.recovered) == (ScenarioOutcome.FAILED, False)


def test_a_failed_step_stays_known_as_failed_after_the_reset():
    done = Progress().after(StepOutcome.FAILED, name="Check", message="too much drift")
    done = done.after(StepOutcome.SUCCESS, name="Train", reset_failure=True, result={"version": 2})
    assert {name: step["outcome"] for name, step in done.steps.items()} == {"Check": "FAILED", "Train": "SUCCESS"}
    assert (done.steps["Check"]["message"], done.steps["Train"]["result"]) == ("too much drift", {"version": 2})


def test_on_failure_warn_turns_only_a_failure_into_a_warning():
    assert [as_declared(step, OnFailure.WARN).value for step in StepOutcome] == [
        "SUCCESS",
        "WARNING",
        "WARNING",
        "SKIPPED",
    ]
    assert [as_declared(step, OnFailure.FAIL) for step in StepOutcome] == list(StepOutcome)
