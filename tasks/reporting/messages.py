"""A message that a step sends, as a page for mail."""

from __future__ import annotations

from html import escape

from tasks.reporting.page import page, paragraph
from tasks.reporting.wording import plain


def message_page(subject: str, text: str) -> str:
    """A page with a headline and paragraphs, which empty lines part.

    Example:
        >>> "<b>" in message_page("Hello", "<b>one</b>")
        False
    """
    headline = f'<h1 style="margin:0 0 12px;font-size:19px">{escape(plain(subject))}</h1>'
    return page(headline, *(paragraph(part) for part in text.split("\n\n") if part.strip()))
