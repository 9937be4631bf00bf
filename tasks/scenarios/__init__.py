"""The rules of scenarios: when a step runs, and what its end does to the outcome. No Prefect, no database."""

from tasks.scenarios.conditions import CONDITIONS, in_words, should_run
from tasks.scenarios.expressions import evaluate, fill, fill_step
from tasks.scenarios.progress import Progress

__all__ = ["CONDITIONS", "Progress", "evaluate", "fill", "fill_step", "in_words", "should_run"]
