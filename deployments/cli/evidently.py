"""``driftgate evidently``: what was found, in Evidently's own interface and as its own report."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer, console
from deployments.cli.command import Project, command, group
from deployments.cli.exit_codes import TERMINATED
from deployments.cli.files import replacing
from governance.errors import NotFound
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

    from governance.project_file import Project as Declared
    from tasks.drift.engine.workspace import StoredSnapshot

_SNAPSHOT: Final = ".snapshot.json"


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    evidently = group("evidently", "Evidently's interface and its visual report, of the evaluations there are.")
    command(evidently, "ui", example="driftgate evidently ui --port 8000")(ui)
    command(
        evidently,
        "report",
        example="driftgate evidently report 20130501T060000-1f2e3d4c --output report.html",
    )(report)
    app.add_typer(evidently)


def ui(
    store: Annotated[str | None, typer.Option("--store", help="Default: every store.", show_default=False)] = None,
    last: Annotated[
        int, typer.Option("--last", min=1, max=1000, help="Evaluations of a store: the latest. All are held in memory.")
    ] = 50,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="On 127.0.0.1.")] = 8000,
    project: Project = None,
) -> Answer:
    """Serve the snapshots of the evaluations in Evidently's interface until Ctrl-C: one of its projects per store.

    It shows a copy, made when it starts: what is changed there changes nothing of what is on record.
    """
    from deployments.servers.processes import port_is_free

    declared = record.find_project(project)
    names = sorted(declared.stores) if store is None else [store]
    for name in names:
        declared.store(name)
    if not port_is_free("127.0.0.1", port):
        raise typer.BadParameter(f"port {port} is taken: choose another", param_hint="--port")
    # Before its import, beside the setting of the engine: Evidently's interface reports usage otherwise.
    os.environ["DO_NOT_TRACK"] = "1"
    err, out = console(sys.stderr), console()
    with TemporaryDirectory(prefix="driftgate-evidently-") as folder, _until_told_to_stop():
        with err.status(display.words("Collecting snapshots …")):
            from tasks.drift.engine.workspace import serve_workspace, write_workspace

            stores = {f"{declared.project} / {name}": _snapshots(declared, name, last) for name in names}
            counts = write_workspace(Path(folder), stores)
        if not any(counts.values()):
            raise NotFound("snapshot of project", declared.project, (), "make one with 'driftgate evaluate'")

        def ready(address: str) -> None:
            display.say(out, f"Evidently: {address}")
            for name, count in counts.items():
                display.say(out, f"{name}: {count:,} snapshots")
            display.say(out, "Ready. Stop with Ctrl-C.")
            out.file.flush()

        serve_workspace(Path(folder), port, ready=ready)

    def view(console: Console) -> None:
        display.say(console, "Stopped.")

    return Answer({"project": declared.project, "port": port, "snapshots": counts}, view)


@contextmanager
def _until_told_to_stop() -> Iterator[None]:
    """SIGINT and SIGTERM, which the server raises again once it has stopped, are how this command ends."""
    try:
        yield
    except KeyboardInterrupt:
        return
    except SystemExit as left:
        if left.code != TERMINATED:
            raise


def _snapshots(declared: Declared, store: str, last: int) -> Iterator[StoredSnapshot]:
    """The snapshots of a store's latest evaluations, each verified. Raises: ContentAltered."""
    from governance import artifacts, evaluations
    from governance.settings import settings
    from tasks.drift.engine.workspace import StoredSnapshot

    with edge.looking_at(declared) as session:
        try:
            latest = evaluations.evaluations_of(
                session, evaluations.find_store(session, declared.project, store), last=last
            )
        except NotFound:  # declared, and never used
            return
        for evaluation in latest:
            folder = settings().artifacts_folder / evaluation.folder
            for file, sha256 in sorted(evaluation.files.items()):
                if file.endswith(_SNAPSHOT):
                    what = file.removesuffix(_SNAPSHOT).replace("_", " ")
                    yield StoredSnapshot(
                        f"{evaluation.id}/{file}",
                        artifacts.read_verified(folder / file, sha256),
                        f"{what} of {evaluation.data}",
                        {"evaluation": evaluation.id, "data": evaluation.data, **evaluation.labels},
                    )


def report(
    evaluation: Annotated[str, typer.Argument(metavar="EVALUATION", help="Its id or its display name.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML file to write.", dir_okay=False)],
    project: Project = None,
) -> Answer:
    """Render Evidently's full visual report of an evaluation, from 10,000 rows of its sample and of the reference.

    The reference of a standalone store is not kept: its evaluations are described, and compared with nothing.
    """
    declared = record.find_project(project)
    with console(sys.stderr).status(display.words("Rendering the report …")):
        from governance import evaluations
        from governance.settings import settings
        from governance.tables import ModelVersion
        from tasks.versions import open_evaluation

        with edge.looking_at(declared) as session:
            row = evaluations.find_evaluation(session, declared.project, evaluation)
            version = None if row.version_id is None else session.get_one(ModelVersion, row.version_id)
            judged = open_evaluation(row, version, settings().artifacts_folder)
            found, at = row.id, row.evaluated_at
        from tasks.drift.engine.report import visual_report

        rendered = visual_report(judged.reference, judged.sample, judged.schema, at)
    with replacing(output) as temporary:
        temporary.write_text(rendered.html, encoding="utf-8")

    def view(console: Console) -> None:
        display.say(console, f"The report of {found} is in {output}.", good=True)
        for name, why in rendered.left_out.items():
            display.say(console, f"! {name} is left out: {why}")

    return Answer({"evaluation": found, "output": output, "left_out": rendered.left_out}, view)
