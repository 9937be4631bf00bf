"""What the expressions of a scenario name: steps that come before, variables that there are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from governance.project_file.expressions import expressions_in, parse_expression, pieces
from governance.project_file.lines import Location
from governance.project_file.project import Project
from governance.project_file.scenarios import Scenario
from governance.project_file.section import Misuse
from governance.project_file.steps import AnyStep, Condition

NAMES: Final = ("outcome", "steps", "variables", "parameters", "trigger", "data", "project", "scenario", "run")
"""What an expression of a scenario can name."""

STEP_FIELDS: Final = ("outcome", "message", "result")
"""What it can know of a step that has ended."""

_CONDITION: Final[Location] = ("run_if", "condition")


def misused_expressions(project: Project) -> Iterator[tuple[Location, str, str]]:
    """Every expression in the file that is none, or that names what it can't know."""
    for name, scenario in project.scenarios.items():
        for position, step in enumerate(scenario.steps):
            for inside, text in _texts(step):
                try:
                    for expression in _expressions(inside, text):
                        _require_known(expression, scenario, position)
                except Misuse as misuse:
                    yield ("scenarios", name, "steps", position, *inside), misuse.problem, misuse.remedy


def _texts(step: AnyStep) -> Iterator[tuple[Location, str]]:
    """What a step has that is an expression, or may have some in it."""
    if isinstance(step.run_if, Condition):
        yield _CONDITION, step.run_if.condition
    for field in step.FILLED:
        for way, text in expressions_in(getattr(step, field)):
            yield (field, *way), text


def _expressions(inside: Location, text: str) -> list[ast.expr]:
    if inside == _CONDITION:
        return [parse_expression(text)]
    return [piece for piece in pieces(text) if isinstance(piece, ast.expr)]


def _require_known(expression: ast.expr, scenario: Scenario, position: int) -> None:
    """Refuse a name that nothing answers to. Raises: Misuse."""
    called = {id(part.func) for part in ast.walk(expression) if isinstance(part, ast.Call)}
    for part in ast.walk(expression):
        if isinstance(part, ast.Name) and id(part) not in called and part.id not in NAMES:
            raise Misuse(f"there is no {part.id!r} here", f"use one of {', '.join(NAMES)}")
        whole, field = _field(part)
        if isinstance(whole, ast.Name) and whole.id == "variables" and field is not None:
            _require_one_of("variable", field, list(scenario.variables))
        if isinstance(whole, ast.Name) and whole.id == "steps" and field is not None:
            _require_earlier(field, [step.name for step in scenario.steps], position)
        inner, step = _field(whole)
        if isinstance(inner, ast.Name) and inner.id == "steps" and step is not None and field is not None:
            _require_one_of("field of a step", field, STEP_FIELDS)


def _field(part: ast.AST | None) -> tuple[ast.expr | None, str | None]:
    """What ``a.b`` and ``a['b']`` take from what; nothing of any other part."""
    match part:
        case ast.Attribute(whole, str(field)) | ast.Subscript(whole, ast.Constant(str(field))):
            return whole, field
    return None, None


def _require_earlier(step: str, steps: list[str], position: int) -> None:
    if step in steps[position:]:
        raise Misuse(f"step {step!r} has not ended when this one begins", "name one that comes before it")
    _require_one_of("step", step, steps[:position])


def _require_one_of(kind: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise Misuse(f"there is no {kind} {name!r} here", f"use one of {', '.join(known) or '(there is none)'}")
