"""``driftgate evaluate``: judge one batch of rows and add the verdict to a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record, running
from deployments.cli.answer import Answer
from deployments.cli.command import ActingAs, Data, Project, Version, command
from governance.errors import NotFound

if TYPE_CHECKING:
    from rich.console import Console

    from governance.project_file import Project as Declared

Store = Annotated[
    str | None, typer.Argument(metavar="STORE", help="Evaluation store. Default: the only one.", show_default=False)
]
Threshold = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Binary only: instead of the version's, or of the store's.", show_default=False),
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="KEY=VALUE", help="Put on the evaluation; can be repeated.", show_default=False),
]
Name = Annotated[
    str | None, typer.Option("--name", help="How people call it. Default: date and time.", show_default=False)
]
Id = Annotated[
    str | None,
    typer.Option("--id", help="Its id; an evaluation of this store that has it is overwritten.", show_default=False),
]
Scored = Annotated[
    str | None,
    typer.Option("--scored", metavar="FILE", help="Write the judged rows there, with predictions.", show_default=False),
]
Metrics = Annotated[
    str | None,
    typer.Option("--metrics", metavar="FILE", help="Write the metrics there, as one row.", show_default=False),
]


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "evaluate", example="driftgate evaluate mes_for_input_drift --data monthly:latest")(evaluate)


def evaluate(
    store: Store = None,
    project: Project = None,
    data: Data = None,
    version: Version = "active",
    threshold: Threshold = None,
    label: Labels = None,
    name: Name = None,
    id: Id = None,
    scored: Scored = None,
    metrics: Metrics = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Judge data with a model version, or by the predictions they bring: drift and, with labels, performance."""
    declared = record.find_project(project)
    into = store_named(declared, store)
    labels = dict(map(key_and_value, label or []))
    opened = ("pandas",) if declared.store(into).standalone else running.OF_ALL_FLOWS
    with running.flows(f"Evaluating into {into}", imports=(*opened, "tasks.drift.engine")):
        from flows.evaluate import evaluate as run
        from tasks.load import require_name

        require_name(name)  # here as well: Prefect can't even be handed half of a character
        made = run(
            record.reference_to(declared),
            into,
            data=data,
            version=version,
            actor=record.acting(acting_as).name,
            threshold=threshold,
            labels=labels,
            name=name,
            id=id,
            scored=scored,
            metrics=metrics,
        )

    def view(console: Console) -> None:
        show_evaluation(console, made)
        display.next_commands(console, f"driftgate check {into}", "driftgate serve")

    return Answer(made, view)


def key_and_value(label: str) -> tuple[str, str]:
    """The parts of ``key=value``.

    Example:
        >>> key_and_value("campaign=spring=2017")
        ('campaign', 'spring=2017')
    """
    key, equals, value = label.partition("=")
    if not (key and equals):
        raise typer.BadParameter(f"{label!r} is no label: write key=value")
    return key, value


def store_named(project: Declared, name: str | None) -> str:
    """The store of that name, or the only one. Raises: NotFound with the known names."""
    if name is None and len(project.stores) == 1:
        return next(iter(project.stores))
    if name is None:
        raise NotFound("default", "store", sorted(project.stores), "name one of them")
    project.store(name)
    return name


def _without_value(names: list[str], reasons: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Reason: the metrics that have no value for it."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(reasons[name], []).append(name)
    return list(grouped.items())


def show_evaluation(console: Console, made: dict[str, Any]) -> None:
    """Print an evaluation that was just made."""
    unlabelled = made["sampled_rows"] - made["labelled_rows"] if made["labelled_rows"] is not None else 0
    left_out = f", {unlabelled:,} of them without a label" if unlabelled else ""
    by = "by its own predictions" if made["version"] is None else f"with version {made['version']}"
    display.say(
        console,
        f"{made['data']} judged {by}: "
        f"{made['sampled_rows']:,} of {made['rows']:,} rows{left_out} "
        f"(evaluation {made['id']} in {made['store']}).",
        good=True,
    )
    metrics = display.main_metrics(made["metrics"])
    rows = [(name, value, *made["intervals"].get(name, ("", ""))) for name, value in metrics if value is not None]
    console.print(display.table(("metric", "value", "from", "to"), rows))
    for reason, names in _without_value([name for name, value in metrics if value is None], made["reasons"]):
        display.say(console, f"No value: {', '.join(names)} ({reason}).")
    for note in made["notes"]:
        display.say(console, note)
    for warning in made["warnings"]:
        display.say(console, f"! {warning}")
