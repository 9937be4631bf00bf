"""What an expression of a scenario comes to, and settings in which ``${…}`` is replaced by that.

What may be written is said in :mod:`governance.project_file.expressions`; here every part that is on its list has one
meaning, Python's own where it gives a value at all (but for ``(a, b)``, which is a list). ``a.b`` looks the field ``b`` of the mapping ``a`` up, and nothing
else: no object is ever asked for an attribute. Work is bounded by construction: there are no loops, and nothing makes a
text, a list or a number longer than a little.
"""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, TypeVar

from governance.errors import ExpressionError
from governance.project_file import Step
from governance.project_file.expressions import parse_expression, pieces
from governance.project_file.section import Misuse

AnyOfThem = TypeVar("AnyOfThem", bound=Step)

LONGEST_TEXT: Final = 100_000
"""Characters of a text once its expressions are filled in."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=dict)

_LARGEST: Final = 10**30
"""Beyond it nobody counts; whole numbers of Python have no end."""

_ARITHMETIC: Final[Mapping[type[ast.AST], Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        ast.Add: operator.add,
        ast.Sub: operator.sub,
        ast.Mult: operator.mul,
        ast.Div: operator.truediv,
        ast.Mod: operator.mod,
    }
)
_COMPARISONS: Final[Mapping[type[ast.AST], Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        ast.Eq: operator.eq,
        ast.NotEq: operator.ne,
        ast.Lt: operator.lt,
        ast.LtE: operator.le,
        ast.Gt: operator.gt,
        ast.GtE: operator.ge,
        ast.In: lambda one, other: one in other,
        ast.NotIn: lambda one, other: one not in other,
    }
)
_SIGNS: Final[Mapping[type[ast.AST], Callable[[Any], Any]]] = MappingProxyType(
    {ast.UAdd: operator.pos, ast.USub: operator.neg}
)


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """What an expression comes to.

    Args:
        expression: As written in ``project.yaml``.
        names: What it may name: text, numbers, true and false, none, and lists and mappings of these.

    Raises:
        ExpressionError: it is no expression, or comes to nothing with these names; says why.

    Example:
        >>> evaluate("steps.Check.outcome == 'WARNING' and share < 0.1", {"steps": {"Check": {"outcome": "OK"}}, "share": 0})
        False
        >>> evaluate("steps['Train'].gain", {"steps": {"Check": {}}})
        Traceback (most recent call last):
        governance.errors.ExpressionError: Expression "steps['Train'].gain": steps has no 'Train'; use one of Check.
    """
    with refused_as(expression):
        return _value(parse_expression(expression), names)


def fill(value: Any, names: Mapping[str, Any]) -> Any:
    """A setting in which every ``${expression}`` is replaced by what it comes to.

    Args:
        value: A text, or a mapping or a list of settings; anything else stays what it is. Names of fields are not
            replaced, and what comes in is not looked at again: a ``${`` in data stays one.
        names: As in :func:`evaluate`.

    Returns:
        A text that is one expression and nothing else becomes its value, with its type; in a longer text, text stands as it
        is and everything else as JSON has it. ``$${`` becomes ``${``.

    Raises:
        ExpressionError: as :func:`evaluate`; or a text would have more than 100,000 characters.

    Example:
        >>> fill({"month": "${data}", "rows": "${2 * 500}", "note": "run ${run}: $${5}"}, {"data": "06", "run": 7})
        {'month': '06', 'rows': 1000, 'note': 'run 7: ${5}'}
    """
    if isinstance(value, Mapping):
        return {key: fill(part, names) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill(part, names) for part in value]
    if not isinstance(value, str):
        return value
    with refused_as(value):
        found = [piece if isinstance(piece, str) else _value(piece, names) for piece in pieces(value)]
        return found[0] if len(found) == 1 else _together(found)


def fill_step(step: AnyOfThem, names: Mapping[str, Any]) -> AnyOfThem:
    """A step as its story gets it: the fields that it says are filled, are. What is declared as text is text.

    Raises:
        ExpressionError: as :func:`fill`; or a place that was filled in is outside of the project's folder, where only
            ``project.yaml`` itself may name one.
    """
    filled = {name: fill(getattr(step, name), names) for name in step.FILLED}
    for name, value in filled.items():
        declared = getattr(step, name)
        if isinstance(declared, str) and value is None and type(step).model_fields[name].is_required():
            raise ExpressionError(declared, f"it comes to nothing, and {name} needs a text", "name a value that is set")
        if isinstance(declared, str) and value is not None:
            with refused_as(declared):
                filled[name] = _together([value])
                if name in step.PLACES and filled[name] != declared:
                    _require_inside(filled[name])
    return step.model_copy(update=filled)


def as_text(value: Any) -> str:
    """A value inside a text: text as it is, everything else as JSON has it.

    Example:
        >>> as_text("June"), as_text(0.5), as_text(True), as_text(None), as_text([1, "a"])
        ('June', '0.5', 'true', 'null', '[1, "a"]')
    """
    if isinstance(value, str):
        return value
    return _ENCODER.encode(value)


@contextmanager
def refused_as(text: str) -> Iterator[None]:
    """Inside, what an expression in a text can't be is said of that text."""
    try:
        yield
    except Misuse as misuse:
        raise ExpressionError(text, misuse.problem, misuse.remedy) from None
    except (RecursionError, OverflowError, ValueError):  # data are of any depth, and their numbers of any length
        problem = "what it names lies too deep, or has too many digits, to be worked with"
        raise ExpressionError(text, problem, "name less of it") from None


def _together(values: Iterable[Any]) -> str:
    """One text of all the values, which is never made much longer than it may become."""
    parts, length = [], 0
    for value in values:
        for part in (value,) if isinstance(value, str) else _ENCODER.iterencode(value):
            parts.append(part)
            length += len(part)
            if length > LONGEST_TEXT:
                problem = f"it would be a text of more than {LONGEST_TEXT:,} characters"
                raise Misuse(problem, "put less into it")
    return "".join(parts)


def _require_inside(place: str) -> None:
    path = PurePath(place)
    if path.is_absolute() or ".." in path.parts:
        raise Misuse(f"it comes to {place[:80]!r}, outside of the project's folder", "name a file inside of it")


def _value(part: ast.AST, names: Mapping[str, Any]) -> Any:
    match part:
        case ast.Constant(value):
            return value
        case ast.Name(name):
            return _looked_up(names, name, "this scenario")
        case ast.List(elts) | ast.Tuple(elts):
            return [_value(inner, names) for inner in elts]
        case ast.Attribute(whole, name):
            return _looked_up(_value(whole, names), name, ast.unparse(whole))
        case ast.Subscript(whole, key):
            return _looked_up(_value(whole, names), _value(key, names), ast.unparse(whole))
        case ast.BoolOp(op, values):
            return _joined(isinstance(op, ast.And), values, names)
        case ast.IfExp(test, body, orelse):
            return _value(body if _value(test, names) else orelse, names)
        case ast.Compare():
            return _compared(part, names)
        case ast.UnaryOp(ast.Not(), operand):
            return not _value(operand, names)
        case ast.UnaryOp(op, operand):
            return _counted(part, _SIGNS[type(op)], _value(operand, names))
        case ast.BinOp(left, op, right):
            return _counted(part, _ARITHMETIC[type(op)], _value(left, names), _value(right, names))
        case ast.Call(ast.Name(name), args):
            return _called(part, name, [_value(argument, names) for argument in args])
    raise AssertionError(f"{type(part).__name__} is on the list of what may be written, and has no meaning here")


def _looked_up(whole: Any, key: Any, place: str) -> Any:
    if isinstance(whole, Mapping) and isinstance(key, str):
        if key in whole:
            return _plain(whole[key], key)
        known = ", ".join(sorted(str(name) for name in whole)) or "(there is nothing)"
        raise Misuse(f"{place} has no {key!r}", f"use one of {known}")
    if isinstance(whole, list | tuple) and _is_number(key) and isinstance(key, int):
        if -len(whole) <= key < len(whole):
            return _plain(whole[key], f"{place}[{key}]")
        raise Misuse(f"{place} has {len(whole)} values, and none at {key}", "count from 0")
    raise Misuse(f"{place} is {_kind(whole)}, so nothing in it is called {_shown(key)}", "name a field that it has")


def _plain(value: Any, place: str) -> Any:
    """Text of an enum as mere text: nothing but Python's own types takes part."""
    if isinstance(value, str):
        return str.__str__(value)
    if value is None or isinstance(value, bool | int | float | list | tuple | Mapping):
        return value
    raise Misuse(f"{place} is {_kind(value)}, which expressions don't know", "use text, numbers, lists or fields")


def _joined(all_of_them: bool, parts: list[ast.expr], names: Mapping[str, Any]) -> Any:
    value = None
    for part in parts:
        value = _value(part, names)
        if bool(value) is not all_of_them:
            return value
    return value


def _compared(part: ast.Compare, names: Mapping[str, Any]) -> bool:
    left = _value(part.left, names)
    for sign, following in zip(part.ops, part.comparators, strict=True):
        right = _value(following, names)
        try:
            holds = _COMPARISONS[type(sign)](left, right)
        except (TypeError, RecursionError):
            what = f"{_kind(left)} and {_kind(right)} can't be compared so"
            raise Misuse(f"{ast.unparse(part)}: {what}", "compare like with like") from None
        if not holds:
            return False
        left = right
    return True


def _counted(part: ast.AST, count: Callable[..., Any], *numbers: Any) -> Any:
    """Arithmetic, of numbers only: a text times a number would be a text of any length."""
    for number in numbers:
        if not _is_number(number):
            raise Misuse(f"{ast.unparse(part)}: {_kind(number)} is no number", "count with numbers only")
        _bounded(part, number)
    try:
        return _bounded(part, count(*numbers))
    except ZeroDivisionError:
        raise Misuse(f"{ast.unparse(part)}: it divides by zero", "ask first whether the divisor is 0") from None


def _bounded(part: ast.AST, number: Any) -> Any:
    if abs(number) > _LARGEST if isinstance(number, int) else not math.isfinite(number):
        raise Misuse(f"{ast.unparse(part)}: a number is beyond what can be counted with", "use smaller ones")
    return number


def _called(part: ast.AST, name: str, arguments: list[Any]) -> Any:
    try:
        return _FUNCTIONS[name](part, *arguments)
    except (TypeError, ValueError, AttributeError):
        given = ", ".join(map(_kind, arguments))
        raise Misuse(f"{name} can't be had of {given}", "look at what it is called with") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _rounded(part: ast.AST, number: Any, digits: Any = None) -> Any:
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= 20):
        raise TypeError
    return _counted(part, lambda of: round(of, digits), number)


_FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = MappingProxyType(
    {
        "len": lambda part, value: len(value),
        "min": lambda part, *values: min(*values),
        "max": lambda part, *values: max(*values),
        "abs": lambda part, number: _counted(part, abs, number),
        "round": _rounded,
        "lower": lambda part, text: _text(text).lower(),
        "upper": lambda part, text: _text(text).upper(),
        "contains": lambda part, whole, value: value in whole,
        "startswith": lambda part, text, beginning: _text(text).startswith(_text(beginning)),
    }
)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    for kind, words in ((bool, "true or false"), (str, "text"), (int | float, "a number"), (Mapping, "fields")):
        if isinstance(value, kind):
            return words
    return "nothing" if value is None else "a list" if isinstance(value, list | tuple) else type(value).__name__


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | int | float | None) else _kind(value)
