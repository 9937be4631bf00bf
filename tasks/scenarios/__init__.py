"""The rules of scenarios: when a step runs, and what its end does to the outcome. No Prefect, no database."""

from tasks.scenarios.conditions import CONDITIONS, should_run
from tasks.scenarios.progress import Progress

__all__ = ["CONDITIONS", "Progress", "should_run"]
