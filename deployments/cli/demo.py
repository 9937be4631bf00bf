"""``driftgate demo``: the tutorial in one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display
from deployments.cli.answer import Answer
from deployments.cli.command import command

if TYPE_CHECKING:
    from rich.console import Console


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "demo", example="driftgate demo --folder my_demo")(demo)


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Where to make a working copy of the tutorial. Default: the tutorial itself.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """See it all in two minutes: train, sign, watch, a check that errs, retrain, the gate, review, roll back."""
    from deployments.cli.story import tell
    from deployments.projects.credit_card_fraud.generate import PROJECT_FOLDER

    told = tell(folder.resolve() if folder else PROJECT_FOLDER)

    def view(console: Console) -> None:
        versions = [
            (v["version"], v["active_in"], v["sign_off"], v["metrics"].get("roc_auc")) for v in told["versions"]
        ]
        console.print(display.table(("version", "active in", "sign-off", "ROC AUC"), versions, title="Versions"))
        evaluations = [
            (e["data"], e["store"], e["rows"], e["metrics"].get("data_drift"), e["metrics"].get("roc_auc"))
            for e in told["evaluations"]
        ]
        header = ("data", "store", "rows", "data drift", "ROC AUC")
        console.print(display.table(header, evaluations, title="Evaluations (data drift: 0.5 = none, 1 = separable)"))
        steps = [(step["outcome"], step["name"]) for run in told["scenario_runs"] for step in run["steps"]]
        outcomes = ", ".join(f"{run['scenario']} {run['outcome']}" for run in told["scenario_runs"])
        console.print(display.table(("outcome", "step"), steps, title=f"Scenario: {outcomes}"))
        gate = [(one["version"], one["environment"], one["decision"], one["reasons"]) for one in told["gate"]]
        console.print(display.table(("version", "environment", "gate", "why"), gate, title="The gate was asked"))
        display.say(console, f"{told['audit_events']} acts are in the audit trail.")
        display.say(
            console, f"Its people and their passwords: {told['people_file']}; 'driftgate who-am-i' says who acts."
        )
        here = f"-p {told['folder'] if folder else told['project']}"
        display.next_commands(
            console,
            f"driftgate sign-off show {told['versions'][-1]['version']} {here}",
            f"driftgate evaluate mes_for_ground_truth -d monthly:09 {here}   (what is refused changes: look at ROC AUC)",
            f"driftgate serve {here}",
            "driftgate init your_data.csv --target COLUMN",
        )

    return Answer(told, view)
