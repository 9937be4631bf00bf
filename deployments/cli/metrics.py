"""``driftgate metrics``: every metric of every evaluation, for other tools."""

from __future__ import annotations

import csv
import io
import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer, plain
from deployments.cli.command import Project, command, group
from deployments.cli.files import replacing
from governance.errors import NotFound
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console


class Format(StrEnum):
    """How a long table can be written."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def add_to(app: typer.Typer) -> None:
    """Declare the command."""
    metrics = group("metrics", "Metrics of the evaluations, as a table.")
    command(metrics, "export", example="driftgate metrics export --output metrics.parquet")(export)
    app.add_typer(metrics)


def export(
    store: Annotated[str | None, typer.Option("--store", help="Default: every store.", show_default=False)] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File to write. Default: standard output.", dir_okay=False, show_default=False
        ),
    ] = None,
    in_format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Default: by the ending of the file, else csv.", show_default=False),
    ] = None,
    project: Project = None,
) -> Answer:
    """Write the metrics in long form: one row per evaluation and metric."""
    chosen = in_format or _by_ending(output)
    if chosen is Format.PARQUET and output is None:
        raise typer.BadParameter("Parquet needs a file: add --output metrics.parquet", param_hint="--format")
    from governance import evaluations

    declared = record.find_project(project)
    if store is not None:
        declared.store(store)
    with edge.looking_at(declared) as session:
        rows = [plain(row) for row in evaluations.metrics_table(session, declared.project, store)]
    if not rows:
        raise NotFound("evaluation of project", declared.project, (), "make one with 'driftgate evaluate'")
    if output is None:
        text = _as_text(rows, chosen)
        return Answer({"project": declared.project, "metrics": rows}, lambda console: _print(console, text))
    _write(rows, chosen, output)

    def view(console: Console) -> None:
        display.say(console, f"{len(rows):,} rows in {output}.", good=True)

    return Answer({"project": declared.project, "output": output, "format": chosen, "rows": len(rows)}, view)


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return Format.CSV
    try:
        return Format(output.suffix.removeprefix("."))
    except ValueError as error:
        known = ", ".join(f".{one}" for one in Format)
        raise typer.BadParameter(
            f"{str(output)!r} ends in none of {known}: add --format", param_hint="--output"
        ) from error


def _print(console: Console, text: str) -> None:
    console.file.write(text)


def _as_text(rows: list[dict[str, Any]], chosen: Format) -> str:
    if chosen is Format.JSON:
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(rows))
    return text.getvalue()


def _flat(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their labels as one text: tables have no place for keys that differ from row to row."""
    return [row | {"labels": json.dumps(row["labels"], ensure_ascii=False)} for row in rows]


def _write(rows: list[dict[str, Any]], chosen: Format, output: Path) -> None:
    with replacing(output) as temporary:
        if chosen is not Format.PARQUET:
            temporary.write_text(_as_text(rows, chosen), encoding="utf-8")
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        numbers = dict.fromkeys(("value", "lower", "upper"), pa.float64()) | dict.fromkeys(
            ("version", "rows"), pa.int64()
        )
        table = pa.Table.from_pylist(_flat(rows))
        for position, column in enumerate(table.schema):
            if column.name in numbers or pa.types.is_null(column.type):
                # A column that is empty so far has the type of what it is for: of standalone stores, model and version.
                kind = numbers.get(column.name, pa.string())
                table = table.set_column(position, column.name, table.column(position).cast(kind))
        pq.write_table(table, temporary)
