"""The rules of scenarios in twenty lines, written from the book and without any class of the product."""

WORSE = ("SUCCESS", "WARNING", "FAILED")
AFTER = {"no_prior_failed": {"SUCCESS", "WARNING"}, "some_prior_failed": {"FAILED"}, "always": {*WORSE}, "never": set()}


def interpret(steps):
    """Of (a word, a set of outcomes, or a function of what is known; how it ends; reset; warn): all ends, and the outcome."""
    outcome, ends = "SUCCESS", []
    for run_if, would_end, reset, warn in steps:
        try:
            runs = run_if(outcome, ends) if callable(run_if) else outcome in AFTER.get(str(run_if), run_if)
            end = would_end if runs else "SKIPPED"
        except LookupError:
            end = "FAILED"
        end = "WARNING" if end == "FAILED" and warn else end
        ends.append(end)
        if end != "SKIPPED":
            outcome = "SUCCESS" if reset and end != "FAILED" else max(outcome, end, key=WORSE.index)
    return ends, outcome
