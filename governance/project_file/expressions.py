"""The little language of conditions and of ``${…}``: what may be written in it. Nothing is evaluated here.

An expression is parsed as Python is, and refused unless every part of it is on a short list: literals, names, lists,
``a.b`` and ``a[b]``, ``and or not``, comparisons, ``+ - * / %``, ``a if b else c``, and calls of nine functions by name.
There is no way from there to an object of Python, so there is nothing to keep an expression from.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from governance.project_file.section import Misuse

FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "len": (1, 1),
        "min": (1, 20),
        "max": (1, 20),
        "abs": (1, 1),
        "round": (1, 2),
        "lower": (1, 1),
        "upper": (1, 1),
        "contains": (2, 2),
        "startswith": (2, 2),
    }
)
"""What can be called, with the fewest and the most arguments."""

LONGEST: Final = 500
"""Characters of an expression."""

DEEPEST: Final = 24
"""Parts inside parts."""

_MOST_PARTS: Final = 200
_MOST_DIGITS: Final = 30

_OPERATORS: Final[tuple[type[ast.AST], ...]] = (
    ast.And, ast.Or, ast.Not, ast.UAdd, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Mod,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Load,
)  # fmt: skip
_PARTS: Final[tuple[type[ast.AST], ...]] = (
    ast.Constant, ast.Name, ast.List, ast.Tuple, ast.Attribute, ast.Subscript, ast.BoolOp, ast.UnaryOp, ast.BinOp,
    ast.Compare, ast.IfExp, ast.Call, *_OPERATORS,
)  # fmt: skip
_INSTEAD: Final[Mapping[type[ast.AST], tuple[str, str]]] = MappingProxyType(
    {
        ast.Is: ("'is' does not compare values", "write =="),
        ast.IsNot: ("'is not' does not compare values", "write !="),
        ast.NamedExpr: (":= assigns a value", "write == to compare"),
        ast.JoinedStr: ("a format string is not understood", "leave the f before the quotes out"),
        ast.Pow: ("** is not understood", "write a product"),
        ast.FloorDiv: ("// is not understood", "write round(a / b)"),
        ast.BitAnd: ("& is not understood", "write and"),
        ast.BitOr: ("| is not understood", "write or"),
        ast.Slice: ("a slice is not understood", "write one position, as in parts[0]"),
    }
)
"""What people write most often that is not on the list, and what to write instead."""
_KNOWN: Final = (
    "use names, literals, lists, and/or/not, comparisons, + - * / %, 'a if b else c', and the functions "
    f"{', '.join(FUNCTIONS)}"
)


def parse_expression(text: str) -> ast.expr:
    """The tree of an expression, of which every part is on the list.

    Raises:
        Misuse: it is no expression, has a part that is not on the list, or is too long or too deep.

    Example:
        >>> ast.unparse(parse_expression("steps['Check'].outcome in ['WARNING', 'FAILED']"))
        "steps['Check'].outcome in ['WARNING', 'FAILED']"
        >>> parse_expression("().__class__")
        Traceback (most recent call last):
        governance.project_file.section.Misuse: '__class__' begins with an underscore; use a name that is a field
    """
    text = text.strip()
    if not text:
        raise Misuse("the expression is empty", "write one, e.g. outcome == 'WARNING'")
    if len(text) > LONGEST:
        raise Misuse(f"the expression has {len(text)} characters", f"keep to {LONGEST}, or take a python step")
    if "\\" in text:
        raise Misuse("a backslash is not understood in an expression", "leave it out")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deeply"
        raise Misuse(f"{text!r} is no expression ({reason})", "mend it; it is written as in Python") from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_PARTS:
        raise Misuse(f"the expression has more than {_MOST_PARTS} parts", "take a python step for that")
    _require_known(tree, 1)
    return tree


def _require_known(part: ast.AST, depth: int) -> None:
    if depth > DEEPEST:
        raise Misuse(f"the expression has more than {DEEPEST} parts inside each other", "take a python step for that")
    if type(part) in _INSTEAD:
        raise Misuse(*_INSTEAD[type(part)])
    if not isinstance(part, _PARTS):
        what = ast.unparse(part) if isinstance(part, ast.expr) else type(part).__name__
        raise Misuse(f"{what!r} is not understood in an expression", _KNOWN)
    match part:
        case ast.Constant(value):
            _require_plain(value)
        case ast.Name(name) | ast.Attribute(attr=name) if name.startswith("_"):
            raise Misuse(f"{name!r} begins with an underscore", "use a name that is a field")
        case ast.Call():
            _require_function(part)
            for argument in part.args:
                _require_known(argument, depth + 1)
            return
    for inner in ast.iter_child_nodes(part):
        _require_known(inner, depth + 1)


def _require_plain(value: object) -> None:
    if not isinstance(value, str | bool | int | float | None):
        raise Misuse(f"{value!r} is not understood in an expression", "use text, numbers, True, False and None")
    if isinstance(value, float) and not math.isfinite(value):
        raise Misuse("a number is beyond what can be counted with", "write a smaller one")
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        raise Misuse(f"a number has more than {_MOST_DIGITS} digits", "write a smaller one")


def _require_function(call: ast.Call) -> None:
    if not isinstance(call.func, ast.Name) or call.func.id not in FUNCTIONS:
        raise Misuse(f"{ast.unparse(call.func)!r} is no function here", f"use one of {', '.join(FUNCTIONS)}")
    fewest, most = FUNCTIONS[call.func.id]
    if call.keywords or any(isinstance(argument, ast.Starred) for argument in call.args):
        raise Misuse(f"{call.func.id} takes its arguments one by one, without names", "write them so")
    if not fewest <= len(call.args) <= most:
        expected = f"{fewest}" if fewest == most else f"from {fewest} to {most}"
        raise Misuse(f"{call.func.id} is given {len(call.args)} arguments and takes {expected}", "write as many")


def pieces(text: str) -> list[str | ast.expr]:
    """A text and the expressions in it, in their order: ``${…}`` is an expression, ``$${`` the text ``${``.

    Raises:
        Misuse: an expression has no end, or is none.

    Example:
        >>> [piece if isinstance(piece, str) else ast.unparse(piece) for piece in pieces("run ${run} cost $${5}")]
        ['run ', 'run', ' cost ${5}']
    """
    found: list[str | ast.expr] = []
    plain, position = "", 0
    while (start := text.find("${", position)) >= 0:
        if start > position and text[start - 1] == "$":
            plain += text[position : start - 1] + "${"
            position = start + 2
            continue
        plain += text[position:start]
        end = _end(text, start + 2)
        if plain:
            found.append(plain)
        found.append(parse_expression(text[start + 2 : end]))
        plain, position = "", end + 1
    plain += text[position:]
    return [*found, plain] if plain or not found else found


def _end(text: str, start: int) -> int:
    """Where the brace is that ends an expression: the first that stands in no text in quotes."""
    quote = ""
    for position in range(start, min(len(text), start + LONGEST + 1)):
        letter = text[position]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter == "}":
            return position
    raise Misuse(f"{text[start - 2 : start + 40]!r} has no }} that ends it", "add it; $${ stands for a plain ${")


def expressions_in(value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text inside a value that is filled, with the way to it through fields and positions.

    Example:
        >>> list(expressions_in({"to": ["a", "${run}"], "limit": 5}))
        [(('to', 0), 'a'), (('to', 1), '${run}')]
    """
    if isinstance(value, str):
        yield (), value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        for where, text in expressions_in(part):
            yield (key, *where), text


def checked_expression(text: str) -> str:
    """An expression, as it is. Raises: Misuse."""
    parse_expression(text)
    return text
