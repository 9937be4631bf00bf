"""A report in all its forms."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.reporting.page import page_of
from tasks.reporting.story import Story
from tasks.reporting.text import text_of
from tasks.reporting.wording import headline


@dataclass(frozen=True, slots=True)
class Written:
    """Subject, plain text, and a page for mail."""

    subject: str
    text: str
    html: str


def write(story: Story) -> Written:
    """What is sent of a run."""
    return Written(headline(story), text_of(story), page_of(story))
