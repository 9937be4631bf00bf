"""The runs of scenarios: one at a time of each, every step kept, a dead run said to be dead, and gone on with."""

from governance.scenario_runs.ending import abort_run, close_run, hold_run, require_going_on
from governance.scenario_runs.finding import (
    find_open_run,
    find_run,
    last_runs,
    newest_aborted,
    runs_going_on,
    was_begun,
)
from governance.scenario_runs.life import IsAlive, beat, why_gone
from governance.scenario_runs.opening import find_finished, open_run
from governance.scenario_runs.skipping import missed_times, skip_run
from governance.scenario_runs.steps import Planned, effect_of, keep_effect, record_step, step_at, steps_of

__all__ = [
    "IsAlive",
    "Planned",
    "abort_run",
    "beat",
    "close_run",
    "effect_of",
    "find_finished",
    "find_open_run",
    "find_run",
    "hold_run",
    "keep_effect",
    "last_runs",
    "missed_times",
    "newest_aborted",
    "open_run",
    "record_step",
    "require_going_on",
    "runs_going_on",
    "skip_run",
    "step_at",
    "steps_of",
    "was_begun",
    "why_gone",
]
