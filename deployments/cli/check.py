"""``driftgate check``: hold the latest evaluation of a store against its checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Project, command
from deployments.cli.evaluate import Store, store_named
from deployments.cli.exit_codes import FAILED, OK
from governance.vocabulary import StepOutcome

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "check", example="driftgate check mes_for_input_drift")(check)


def check(store: Store = None, project: Project = None, acting_as: ActingAs = None) -> Answer:
    """Run the checks of a store on its latest evaluation. A check that errs makes the command fail."""
    from tasks.check import run_checks
    from tasks.checks import bounds_in_words

    declared = record.find_project(project)
    name = store_named(declared, store)
    found = run_checks.fn(record.reference_to(declared), name, record.acting(acting_as).name)

    def view(console: Console) -> None:
        display.say(console, f"Checks of {name} on evaluation {found['evaluation']} of {found['data']}:")
        rows = [
            (c["outcome"], c["name"], c["metric"] or None, c["value"], bounds_in_words(c["bounds"]), c["message"])
            for c in found["checks"]
        ]
        console.print(display.table(("outcome", "check", "metric", "value", "bounds", "message"), rows))
        if not rows:
            display.say(console, "The store has no checks; declare some under its 'checks' in project.yaml.")

    return Answer(found, view, FAILED if found["outcome"] == StepOutcome.FAILED else OK)
