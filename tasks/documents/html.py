"""A document as one page of HTML that needs nothing else: no script, no picture, no address."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any, Final

from tasks.documents.parts import Chapter, Course, Document, Part, Points, Sentence, Table, shown

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1d2433; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5dae3; }
.lead { color: #59637a; } nav { columns: 2; }
table { border-collapse: collapse; margin: .8rem 0; font-size: 14px; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; border-bottom: 1px solid #e7eaf0; overflow-wrap: anywhere; }
th { color: #59637a; font-weight: 600; } td.number { text-align: right; white-space: nowrap; }
.bar { display: inline-block; height: .7em; background: #3b6fd4; margin-left: .5rem; }
svg { max-width: 100%; } polyline { fill: none; stroke: #3b6fd4; stroke-width: 2; }
figcaption { color: #59637a; font-size: 13px; } figure { margin: .8rem 0; }
@media print { body { margin: 0; max-width: none; } }
"""

_BAR_REM: Final = 10
_WIDTH, _HEIGHT, _EDGE = 640, 120, 6


def as_html(document: Document) -> str:
    """The page as text; every word of others is escaped.

    Example:
        >>> "<h1>Version &lt;1&gt;</h1>" in as_html(Document("Version <1>", "", []))
        True
    """
    contents = "".join(
        f'<li><a href="#part-{number}">{_text(chapter.title)}</a></li>'
        for number, chapter in enumerate(document.chapters, 1)
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            # Should anything of others ever get through, it can neither run nor fetch.
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_text(document.title)}</title><style>{_STYLE}</style></head><body>",
            f'<h1>{_text(document.title)}</h1><p class="lead">{_text(document.lead)}</p>',
            f"<nav><ol>{contents}</ol></nav>",
            *(_chapter(number, chapter) for number, chapter in enumerate(document.chapters, 1)),
            "</body></html>",
            "",
        ]
    )


def _chapter(number: int, chapter: Chapter) -> str:
    parts = "\n".join(_part(part) for part in chapter.parts)
    return f'<section><h2 id="part-{number}">{_text(chapter.title)}</h2>\n{parts}</section>'


def _part(part: Part) -> str:
    if isinstance(part, Sentence):
        return f"<p>{_text(part.text)}</p>"
    if isinstance(part, Points):
        return f"<ul>{''.join(f'<li>{_text(text)}</li>' for text in part.texts)}</ul>"
    return _course(part) if isinstance(part, Course) else _table(part)


def _table(table: Table) -> str:
    head = "".join(f"<th>{_text(name)}</th>" for name in table.header)
    body = "\n".join(f"<tr>{_cells(row, table.share_column)}</tr>" for row in table.rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if any(table.header) else ''}<tbody>\n{body}\n</tbody></table>"


def _cells(row: Sequence[Any], share_column: int | None) -> str:
    cells = []
    for place, value in enumerate(row):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        bar = ""
        if place == share_column and isinstance(value, float):
            bar = f'<span class="bar" style="width:{max(0.0, min(1.0, value)) * _BAR_REM:.2f}rem"></span>'
        aligned = ' class="number"' if number and not bar else ""
        cells.append(f"<td{aligned}>{_text(value)}{bar}</td>")
    return "".join(cells)


def _course(course: Course) -> str:
    low, high = min(course.values), max(course.values)
    height = (high - low) or 1.0
    step = (_WIDTH - 2 * _EDGE) / max(1, len(course.values) - 1)
    points = " ".join(
        f"{_EDGE + place * step:.1f},{_HEIGHT - _EDGE - (value - low) / height * (_HEIGHT - 2 * _EDGE):.1f}"
        for place, value in enumerate(course.values)
    )
    first, last = (_text(end) for end in course.ends)
    caption = f"{_text(course.title)}, from {first} to {last}: between {_text(float(low))} and {_text(float(high))}"
    drawn = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img"><title>{caption}</title><polyline points="{points}"/></svg>'
    )
    return f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>"


def _text(value: Any) -> str:
    return escape(shown(value), quote=True)
