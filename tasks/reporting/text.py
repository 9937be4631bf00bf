"""A report as plain text: short lines, the news first, good on a phone."""

from __future__ import annotations

from tasks.reporting.story import Story
from tasks.reporting.wording import explanations, facts, failing_checks, headline, plain, steps


def text_of(story: Story) -> str:
    """The whole text."""
    checks = failing_checks(story)
    performed, more = steps(story)
    parts = [
        [headline(story)],
        explanations(story),
        [f"{name}: {value}" for name, value in facts(story)],
        ["Failing checks", *(f"- {line}" for line in checks)] if checks else [],
        ["Steps", *(f"- {line}" for line in performed), *([f"- {more}"] if more else [])] if performed else [],
        [plain(f"{words}: {address}") for words, address in story.links],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part)
