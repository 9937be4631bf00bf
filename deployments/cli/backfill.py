"""``driftgate scenario backfill``: run a scenario, or the evaluation of a store, over past periods."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Project, Version, command
from deployments.cli.exit_codes import FAILED, OK
from governance.vocabulary import Every, StepOutcome

if TYPE_CHECKING:
    from rich.console import Console

    from tasks.scenarios.backfilling import Tally

_WIDTH: Final = 20
"""Of the bar, in characters."""

Scenario = Annotated[str | None, typer.Argument(metavar="SCENARIO", help="Default: the only one.", show_default=False)]
Store = Annotated[
    str | None,
    typer.Option("--store", metavar="NAME", help="Evaluate into this store, instead of running a scenario."),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        metavar="SOURCE",
        help="A series of files, one period each; or, with --every, one file or a query. Default: what is judged.",
        show_default=False,
    ),
]
First = Annotated[
    str | None,
    typer.Option("--from", metavar="PART|DAY", help="Where it begins. Default: the first part.", show_default=False),
]
Last = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="PART|DAY",
        help="The last part, or the day before which it ends. Default: the last part.",
        show_default=False,
    ),
]
Length = Annotated[
    Every | None, typer.Option("--every", help="Cut one file or a query by its time column.", show_default=False)
]
Checks = Annotated[bool, typer.Option("--checks", help="Of a store: run its checks on every period.")]
Again = Annotated[bool, typer.Option("--again", help="Do all periods anew, also those that are on record.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Do those on record that failed once more.")]


def add_to(scenario: typer.Typer) -> None:
    """Declare the command among those about scenarios."""
    example = "driftgate scenario backfill --store mes_for_input_drift --data monthly --from 04 --to 09 --checks"
    command(scenario, "backfill", example=example)(backfill)


def backfill(
    scenario: Scenario = None,
    project: Project = None,
    store: Store = None,
    data: Data = None,
    first: First = None,
    last: Last = None,
    every: Length = None,
    version: Version = "active",
    checks: Checks = False,
    again: Again = False,
    retry_failed: RetryFailed = False,
    acting_as: ActingAs = None,
) -> Answer:
    """Run a scenario, or the evaluation of a store, over past periods, oldest first. What is active stays as it is.

    What is on record is left out, so it can be stopped and started again. Fails when a period fails; the others are
    done all the same.
    """
    if scenario is not None and store is not None:
        raise typer.BadParameter("name either a scenario or --store")
    declared = record.find_project(project)
    if store is not None:
        declared.store(store)
        what = store
    else:
        scenario, settings = declared.scenario(scenario)
        what = settings.name
    doing = f"Backfilling {what}"
    with running.flows(doing, imports=(*running.OF_ALL_FLOWS, "tasks.drift.engine")) as activity, _bar(activity, doing):
        from flows.backfill import backfill as run

        ended = run(
            record.reference_to(declared),
            scenario,
            store,
            data=data,
            first=first,
            last=last,
            every=every,
            version=version,
            checks=checks,
            again=again,
            retry_failed=retry_failed,
            actor=record.acting(acting_as).name,
            return_state=True,
        )
        made = running.result_of(ended)

    def view(console: Console) -> None:
        show(console, made)
        if store is None:
            display.next_commands(console, f"driftgate scenario last-runs {made['scenario']}")
        else:
            display.next_commands(console, f"driftgate compare {store} --last {max(2, len(made['periods']))}")

    return Answer(made, view, FAILED if made["failed"] else OK)


@contextmanager
def _bar(activity: running.Activity, doing: str) -> Iterator[None]:
    """Inside, whatever the work tells of itself is shown behind how far the backfill has come."""
    from tasks.edge import PROGRESS

    handler = _Bar(activity, doing)
    PROGRESS.addHandler(handler)
    try:
        yield
    finally:
        PROGRESS.removeHandler(handler)


class _Bar(logging.Handler):
    """Shows the bar; and leaves a line for every period that has ended."""

    def __init__(self, activity: running.Activity, doing: str) -> None:
        super().__init__(logging.INFO)
        self._activity, self._standing, self._said = activity, doing, 0

    def emit(self, record: logging.LogRecord) -> None:
        tally: Tally | None = getattr(record, "backfill", None)
        if tally is None:
            self._activity.doing(f"{self._standing}: {record.getMessage()}")
            return
        for done in tally.done[self._said :]:
            self._activity.done(f"{done.period}: {done.outcome}, {done.message}")
        self._said = len(tally.done)
        self._standing = f"{bar(tally.share)} {tally.in_words()}"
        self._activity.doing(self._standing)


def bar(share: float) -> str:
    """A share, drawn.

    Example:
        >>> bar(0.25)
        '━━━━━───────────────'
    """
    full = round(share * _WIDTH)
    return "━" * full + "─" * (_WIDTH - full)


def show(console: Console, made: dict[str, Any]) -> None:
    """Print how every period ended."""
    by = "" if made["version"] is None else f", judged by version {made['version']}"
    title = f"{made['scenario'] or made['store']} over {len(made['periods'])} periods{by}"
    rows = [
        (each["outcome"], each["period"], each["run"] or each["evaluation"], each["message"])
        for each in made["periods"]
    ]
    console.print(
        display.table(("outcome", "period", "run" if made["scenario"] else "evaluation", "message"), rows, title)
    )
    said = f"{made['done']} done, {made['left_out']} on record already, {made['failed']} failed."
    display.say(console, said, good=not made["failed"])
    if any(each["left_out"] and each["outcome"] == StepOutcome.FAILED for each in made["periods"]):
        display.say(console, "Some on record failed when they were done; --retry-failed does them once more.")
