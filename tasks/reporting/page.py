"""A report as a page for mail: styles in the lines, one column, and read line by line it is good text too.

Mail programs know no style sheets, and Apprise makes the text of a mail out of its page: each row is one line there,
and an address is written out, or it would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from tasks.reporting.story import Story
from tasks.reporting.wording import Line, explanations, facts, failing_checks, headline, plain, steps

COLOURS: Final[Mapping[str, str]] = {
    "SUCCESS": "#1a7f37",
    "WARNING": "#9a6700",
    "FAILED": "#cf222e",
    "ABORTED": "#cf222e",
    "ERROR": "#cf222e",
    "EMPTY": "#9a6700",
    "SKIPPED": "#57606a",
}

_FONT: Final = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.45"
_CELL: Final = "padding:6px 0;border-bottom:1px solid #d8dee4;vertical-align:top;word-break:break-word"


def page_of(story: Story) -> str:
    """The whole page."""
    colour = COLOURS.get(str(story.outcome), "#0969da")
    performed, more = steps(story)
    return page(
        f'<h1 style="margin:0 0 12px;font-size:19px;color:{colour}">{escape(headline(story))}</h1>',
        *(paragraph(sentence) for sentence in explanations(story)),
        _lines(f"<b>{escape(name)}:</b> {escape(value)}" for name, value in facts(story)),
        _table("Failing checks", [_row(line) for line in failing_checks(story)]),
        _table("Steps", [*map(_row, performed), *([_cell(more)] if more else [])]),
        _lines(f"{escape(plain(words))}: {link(address)}" for words, address in story.links),
    )


def page(*parts: str) -> str:
    """A page of parts that are HTML already."""
    body = "".join(filter(None, parts))
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="margin:0;padding:16px;background:#ffffff">'
        f'<div style="max-width:680px;{_FONT};color:#1f2328">{body}</div></body></html>'
    )


def paragraph(text: str) -> str:
    """Text of people, escaped, with its lines."""
    return f'<p style="margin:0 0 10px">{escape(plain(text)).replace(chr(10), "<br>")}</p>'


def link(address: str) -> str:
    """An address that says where it leads."""
    shown = escape(plain(address))
    return f'<a href="{shown}" style="color:#0969da">{shown}</a>'


def _lines(lines: Iterable[str]) -> str:
    joined = "<br>".join(lines)
    return f'<p style="margin:0 0 14px">{joined}</p>' if joined else ""


def _table(title: str, rows: list[str]) -> str:
    if not rows:
        return ""
    return (
        f'<h2 style="margin:16px 0 4px;font-size:15px">{escape(title)}</h2>'
        '<table role="presentation" width="100%" cellspacing="0" cellpadding="0" '
        f'style="border-collapse:collapse;margin:0 0 14px;{_FONT}">{"".join(rows)}</table>'
    )


def _row(line: Line) -> str:
    """The outcome in its colour."""
    colour = COLOURS.get(line.outcome, "#1f2328")
    outcome, name, message = map(escape, (line.outcome, line.name, line.message))
    return _cell(f'<b style="color:{colour}">{outcome}</b> <b>{name}</b>: {message}')


def _cell(content: str) -> str:
    return f'<tr><td style="{_CELL}">{content}</td></tr>'
