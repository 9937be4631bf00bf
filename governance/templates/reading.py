"""From the YAML of a template to what it says, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Final

from pydantic import ValidationError

from governance.errors import TemplateError
from governance.project_file.lines import dotted, line_of, parse_with_lines
from governance.project_file.wording import explain
from governance.templates.fitting import misfits
from governance.templates.schema import GovernanceTemplate

SHIPPED: Final = ("standard", "regulated")
"""Names of the templates that come with driftgate."""

LONGEST_SOURCE: Final = 200_000
"""Characters; the shipped templates have some 5,000."""


@lru_cache(maxsize=128)
def read_template(source: str, name: str) -> GovernanceTemplate:
    """Read a template.

    Args:
        source: Its YAML.
        name: Of the template, for what is said of it.

    Raises:
        TemplateError: with line, field and remedy of the first problem.
    """
    template, problems = examine_template(source, name)
    if problems or template is None:
        raise problems[0]
    return template


def examine_template(source: str, name: str) -> tuple[GovernanceTemplate | None, list[TemplateError]]:
    """What a template says, if it can be read as one, and everything that is wrong with it, by line."""
    try:
        if len(source) > LONGEST_SOURCE:
            problem = f"it has {len(source):,} characters"
            raise TemplateError(name, None, "", problem, f"keep to {LONGEST_SOURCE:,}")  # noqa: TRY301
        document, lines = parse_with_lines(source, name, begin="begin with title: NAME", refusing=TemplateError)
        template = GovernanceTemplate.model_validate(document)
    except TemplateError as problem:
        return None, [problem]
    except ValidationError as invalid:
        return None, _by_line(explain(name, lines, invalid, GovernanceTemplate, TemplateError))
    found = (
        TemplateError(name, line_of(where, lines), dotted(where), problem, remedy)
        for where, problem, remedy in misfits(template)
    )
    return template, _by_line(found)


def shipped_source(name: str) -> str:
    """The YAML of one of the templates that come with driftgate."""
    return (files("governance.templates") / f"{name}.yaml").read_text(encoding="utf-8")


def _by_line(problems: Iterable[TemplateError]) -> list[TemplateError]:
    return sorted(problems, key=lambda problem: problem.line or 0)
