"""A document in Markdown, as CommonMark with tables has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from tasks.documents.parts import Chapter, Course, Document, Part, Points, Sentence, Table, shown

_MEANS_SOMETHING: Final = re.compile(r"([\\`*_{}\[\]<>#!|~&$@])")
_BEGINS_SOMETHING: Final = re.compile(r"^([-+=:]|\d+[.)])")
_LINKS: Final = re.compile(r"(?i)(https?|ftp|mailto|www)([:.])")


def as_markdown(document: Document) -> str:
    r"""The document as text; every word of others is escaped.

    Example:
        >>> print(as_markdown(Document("Version *1*", "of all", [Chapter("Rows", [Table(("n",), [(3,)])])])).strip())
        # Version \*1\*
        <BLANKLINE>
        of all
        <BLANKLINE>
        ## Rows
        <BLANKLINE>
        | n |
        | --- |
        | 3 |
    """
    blocks = [f"# {_text(document.title)}", _paragraph(document.lead), *map(_chapter, document.chapters)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _chapter(chapter: Chapter) -> str:
    return "\n\n".join([f"## {_text(chapter.title)}", *map(_part, chapter.parts)])


def _part(part: Part) -> str:
    if isinstance(part, Sentence):
        return _paragraph(part.text)
    if isinstance(part, Points):
        return "\n".join(f"- {_paragraph(text)}" for text in part.texts)
    if isinstance(part, Course):
        between = f"between {shown(float(min(part.values)))} and {shown(float(max(part.values)))}"
        return f"{_paragraph(part.title)}, from {_text(part.ends[0])} to {_text(part.ends[1])}: {between}."
    return _table(part)


def _table(table: Table) -> str:
    return "\n".join([_line(table.header), f"| {' | '.join('---' for _ in table.header)} |", *map(_line, table.rows)])


def _line(cells: Sequence[Any]) -> str:
    return f"| {' | '.join('' if cell == '' else _text(cell) for cell in cells)} |"


def _paragraph(words: str) -> str:
    """Words at the beginning of a line, where a number may begin a list and a dash a rule."""
    return _BEGINS_SOMETHING.sub(lambda begin: f"{begin[1][:-1]}\\{begin[1][-1]}", _text(words))


def _text(value: Any) -> str:
    """Words that mean only themselves."""
    plain = _MEANS_SOMETHING.sub(r"\\\1", shown(value))
    return _LINKS.sub(r"\1\\\2", plain)  # an address stays an address to be read
