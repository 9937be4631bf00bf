"""``driftgate audit``: look into the audit trail, verify it, export it, and check what was exported."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli import display, record
from deployments.cli.answer import Answer, console
from deployments.cli.command import ActingAs, command, group
from deployments.cli.exit_codes import FAILED, OK
from deployments.cli.files import replacing
from governance.errors import UnreadableFile
from tasks import edge

if TYPE_CHECKING:
    from rich.console import Console

    from governance.audit import Anchor, Progress, Verification

ANCHOR_SUFFIX = ".anchor.json"
"""What is put to the name of an export for the name of its anchor."""

_SHOWN = 20

Export = Annotated[Path, typer.Argument(metavar="FILE", help="An export of the audit trail.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="Where to; its anchor goes beside it.")]


def add_to(app: typer.Typer) -> None:
    """Declare the commands."""
    audit = group("audit", "The audit trail: who did what, when, on what, from where; and whether anybody touched it.")
    command(audit, "list", example="driftgate audit list --subject credit_card_fraud --from 2026-01-01")(list_lines)
    command(audit, "verify", example="driftgate audit verify")(verify)
    command(audit, "export", example="driftgate audit export trail.jsonl")(export)
    command(audit, "check-export", example="driftgate audit check-export trail.jsonl")(check_export)
    app.add_typer(audit)


def list_lines(
    subject: Annotated[
        str | None,
        typer.Option("--subject", metavar="PATH", help="On this, and all that is in it.", show_default=False),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who acted.", show_default=False)] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="SUBJECT:ACTION", help="What was done.", show_default=False)
    ] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", help="From where: page, api, command, flow, system.", show_default=False)
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Not before; UTC unless it says.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Before; UTC unless it says.", show_default=False)
    ] = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Default: the latest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="Most lines.")] = 50,
    after: Annotated[
        str | None,
        typer.Option("--after", help="What the page before said: the lines that follow.", show_default=False),
    ] = None,
    acting_as: ActingAs = None,
) -> Answer:
    """List what happened, page by page."""
    from governance.audit import list_events

    asked = {"subject": subject, "actor": by, "tag": tag, "origin": origin, "from": since, "to": until}
    filters = {name: value for name, value in asked.items() if value is not None}
    actor = record.acting(acting_as)
    with edge.reading() as session:
        sort = "at" if oldest_first else "-at"
        page = list_events(session, actor=actor, filters=filters, sort=sort, limit=limit, after=after)
    shown = ("number", "at", "actor", "origin", "tag", "subject", "before", "after")
    lines = [event.model_dump(mode="json", include=set(shown)) for event in page.rows]
    document = {"lines": [{name: line[name] for name in shown} for line in lines], "next": page.next}

    def view(console: Console) -> None:
        rows = [
            (event.number, f"{event.at:%Y-%m-%d %H:%M:%S}", event.actor, event.origin, event.tag, event.subject)
            for event in page.rows
        ]
        console.print(display.table(("line", "at (UTC)", "who", "from", "what", "on what"), rows))
        if page.next:
            display.say(console, f"There are more: --after {page.next}")

    return Answer(document, view)


def verify(
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor", metavar="FILE", help="Anchor of an earlier export, kept elsewhere.", show_default=False
        ),
    ] = None,
    acting_as: ActingAs = None,
) -> Answer:
    """Check every line of the audit trail: nothing was edited, deleted, reordered or back-dated."""
    from governance import audit
    from governance.settings import settings

    actor = record.acting(acting_as)
    held = None if anchor is None else _anchor(anchor)
    with edge.reading() as session, _progress("Verifying") as tell:
        found = audit.verify(session, settings().audit_key_bytes, actor=actor, anchor=held, tell=tell)
    return _verdict(found)


def export(file: File, acting_as: ActingAs = None) -> Answer:
    """Write the audit trail to a file, and beside it an anchor with which anybody can check it later."""
    from governance import audit
    from governance.settings import settings

    beside = file.with_name(file.name + ANCHOR_SUFFIX)
    actor = record.acting(acting_as)
    # Both are in place only after the trail itself says so.
    with (
        replacing(beside) as anchored,
        replacing(file) as written,
        _progress("Exporting") as tell,
        written.open("wb") as stream,
    ):
        with edge.reading() as session:  # nobody waits for it
            made = audit.export(session, settings().audit_key_bytes, stream, at=edge.now(), actor=actor, tell=tell)
        stream.flush()
        os.fsync(stream.fileno())
        with edge.transaction() as session:
            audit.note_export(session, made, actor=actor, at=edge.now())
        anchored.write_text(made.as_json(), encoding="utf-8")
    document = {"file": file, "anchor": beside, "lines": made.lines, "digest": made.digest, "sha256": made.sha256}

    def view(console: Console) -> None:
        display.say(console, f"{made.lines:,} lines are in {file}, and their anchor in {beside}.", good=True)
        display.say(console, "Keep the anchor where nobody who can write to the database can write.")
        display.next_commands(
            console, f"driftgate audit check-export {file}", f"driftgate audit verify --anchor {beside}"
        )

    return Answer(document, view)


def check_export(
    file: Export,
    anchor: Annotated[
        Path | None,
        typer.Option("--anchor", metavar="FILE", help="Default: the one beside the file.", show_default=False),
    ] = None,
    earlier: Annotated[
        Path | None,
        typer.Option(
            "--earlier",
            metavar="FILE",
            help="Anchor of an export before, which this one continues.",
            show_default=False,
        ),
    ] = None,
) -> Answer:
    """Check an export, without the database and without the key."""
    from governance import audit

    held = _anchor(anchor or file.with_name(file.name + ANCHOR_SUFFIX))
    before = None if earlier is None else _anchor(earlier)
    try:
        with file.open("rb") as lines, _progress("Checking") as tell:
            found = audit.check_export(lines, held, earlier=before, tell=tell)
    except OSError as error:
        raise UnreadableFile(file, error.strerror or "it can't be read", "name an export of the audit trail") from error
    return _verdict(found)


@contextmanager
def _progress(doing: str) -> Iterator[Progress]:
    """Say on standard error how far it has come."""
    with console(sys.stderr).status(display.words(f"{doing} the audit trail …")) as status:
        yield lambda done, of: status.update(display.words(f"{doing} the audit trail: {done:,} of {of:,} lines …"))


def _verdict(found: Verification) -> Answer:
    problems = [
        {"kind": each.kind, "first": each.first, "last": each.last, "sentence": each.sentence}
        for each in found.problems
    ]  # fmt: skip
    document = {"whole": found.whole, "sentence": found.sentence, "lines": found.lines, "problems": problems}

    def view(console: Console) -> None:
        display.say(console, found.sentence, good=found.whole)
        for each in found.problems[:_SHOWN]:
            display.say(console, f"  {each.sentence}.")
        if len(found.problems) > _SHOWN:
            display.say(console, f"  … {len(found.problems) - _SHOWN:,} more; --json has all of them.")

    return Answer(document, view, OK if found.whole else FAILED)


def _anchor(file: Path) -> Anchor:
    from governance.audit import read_anchor

    try:
        return read_anchor(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise UnreadableFile(file, error.strerror or "it can't be read", "name the anchor of an export") from error
    except UnicodeDecodeError as error:
        raise UnreadableFile(file, "it is no anchor of an audit trail", "name the anchor of an export") from error
