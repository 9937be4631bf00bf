"""``driftgate compare``: evaluations side by side, and what they are more or less than the champion."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer
from deployments.cli.command import Project, command
from deployments.cli.evaluate import Store, store_named
from governance.errors import NotFound
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console
    from sqlmodel import Session

    from governance.comparison import Comparison, Item, Line
    from governance.project_file import Project as Declared
    from governance.vocabulary import Measurement

_STEPS: Final = "▁▂▃▄▅▆▇█"
_BAR: Final = 12
"""Letters of the longest bar."""


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    command(app, "compare", example="driftgate compare mes_for_ground_truth --last 3 --metric roc_auc")(compare)


def compare(
    store: Store = None,
    evaluation: Annotated[
        list[str] | None,
        typer.Option(
            "--evaluation",
            metavar="ID|NAME",
            help="One to compare, of any store unless one is named; repeat it. Default: the last ones of the store.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[int, typer.Option("--last", min=1, help="How many, without --evaluation.")] = 5,
    champion: Annotated[
        str | None,
        typer.Option(
            "--champion", metavar="ID|NAME", help="Show how much the others differ from this one.", show_default=False
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="One to show; repeat it. Default: all but those of single columns, classes and segments.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="KEY", help="Label to order by. Default: by time.", show_default=False),
    ] = None,
    project: Project = None,
) -> Answer:
    """Put evaluations side by side, metric by metric, with their differences to a champion."""
    from governance.comparison import compare as side_by_side

    declared = record.find_project(project)
    with edge.looking_at(declared) as session:
        items, of_champion = _items(session, declared, store, evaluation or [], last, champion)
    shown = [name for name, _ in display.main_metrics({name: None for item in items for name in item.metrics})]
    found = side_by_side(items, metric or shown, champion=of_champion, label=label)

    def view(console: Console) -> None:
        _show(console, declared, found, label)

    return Answer({"project": declared.project, "label": label, **_document(found)}, view)


def _items(
    session: Session, declared: Declared, store: str | None, named: list[str], last: int, champion: str | None
) -> tuple[list[Item], str | None]:
    """The evaluations that are meant, the champion among them, and its id."""
    from governance import evaluations
    from governance.tables import Evaluation

    where, latest = None, list[Evaluation]()
    if store is not None or not named:
        name = store_named(declared, store)
        with suppress(NotFound):  # it is declared, but nothing of the project is recorded yet
            where = evaluations.find_store(session, declared.project, name)
        if where is None or not (latest := evaluations.evaluations_of(session, where, last=last)):
            raise NotFound("evaluation in store", name, (), "make one with 'driftgate evaluate'")
    chosen = [evaluations.find_evaluation(session, declared.project, each, where) for each in named] or latest
    if champion is None:
        return evaluations.side_by_side(session, chosen), None
    first = evaluations.find_evaluation(session, declared.project, champion)
    return evaluations.side_by_side(session, [*chosen, first]), first.id


def _document(found: Comparison) -> dict[str, Any]:
    return {
        "chart": found.chart,
        "champion": found.champion,
        "evaluations": [
            {
                "id": item.evaluation,
                "name": item.name,
                "x": place,
                "store": item.store,
                "model": item.model,
                "version": item.version,
                "data": item.data,
                "at": item.at,
                "labels": item.labels,
            }
            for item, place in zip(found.items, found.axis, strict=True)
        ],
        "metrics": [
            {
                "metric": line.metric,
                "values": [
                    {
                        "evaluation": item.evaluation,
                        **({} if value is None else value.cell()),
                        "difference": None if difference is None else difference.cell(),
                    }
                    for item, value, difference in zip(found.items, line.values, line.differences, strict=True)
                ],
            }
            for line in found.lines
        ],
    }


def _show(console: Console, declared: Declared, found: Comparison, label: str | None) -> None:
    facts = [
        (place, item.name, item.store, _judged(item), item.data, item.evaluation)
        for item, place in zip(found.items, found.axis, strict=True)
    ]
    header = (label or "time", "name", "store", "judged", "data", "evaluation")
    title = f"Evaluations of {declared.project}"
    drop = 0 if label is not None else 1  # by time, the name says it already
    console.print(display.table(header[drop:], [fact[drop:] for fact in facts], title=title))
    heads = [
        f"{display.shown(place)} (champion)" if item.evaluation == found.champion else display.shown(place)
        for item, place in zip(found.items, found.axis, strict=True)
    ]
    rows = [(line.metric, *_cells(line), _drawn(line, found.chart)) for line in found.lines]
    console.print(display.table(("metric", *heads, found.chart), rows))
    if found.champion is not None:
        display.say(console, "With a sign: how much it is more than the champion's, and between which bounds.")


def _judged(item: Item) -> str:
    return "standalone" if item.model is None else f"{item.model} {item.version}"


def _cells(line: Line) -> list[str]:
    """Value and interval; below them the difference to the champion."""
    cells = []
    for value, difference in zip(line.values, line.differences, strict=True):
        text = display.shown(None) if value is None else _in_brackets(display.shown(value.value), value)
        if difference is not None and difference.value is not None:
            signed = "" if difference.value < 0 else "+"
            text += f"\n{_in_brackets(f'{signed}{display.shown(difference.value)}', difference)}"
        cells.append(text)
    return cells


def _in_brackets(text: str, measured: Measurement) -> str:
    if measured.lower is None or measured.upper is None:
        return text
    return f"{text} [{display.shown(measured.lower)}…{display.shown(measured.upper)}]"


def _drawn(line: Line, chart: str) -> str:
    """One bar per evaluation, each as long as its value is far from 0; or the course from the least to the most."""
    values = [None if value is None else value.value for value in line.values]
    known = [value for value in values if value is not None]
    if not known:
        return ""
    if chart == "bars":
        longest = max(map(abs, known)) or 1.0
        return "\n".join("█" * round(_BAR * abs(value or 0.0) / longest) for value in values)
    least, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(" " if v is None else _STEPS[round((len(_STEPS) - 1) * (v - least) / span)] for v in values)
