"""What a field of a workflow takes, and what a text that somebody typed means to it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from math import isfinite
from typing import Any, Final, NoReturn

from governance.errors import UnusableValue
from governance.templates.schema import TemplateField
from governance.vocabulary import FieldKind

LONGEST_TEXT: Final = 20_000
"""Characters of a text."""

LONGEST_LINE: Final = 500
"""Characters of an entry of a list, and of a path."""

LONGEST_LIST: Final = 200
"""Entries of a list."""

_EXACT: Final = 2**53
"""Up to here every whole number is a float."""

_WORDS: Final = {"yes": True, "true": True, "no": False, "false": False}


def accepted(field: TemplateField, value: Any) -> Any:
    """A value as the field keeps it, for JSON; none: the field is emptied.

    Text is kept letter by letter: what would be a command in SQL, HTML or a template is text here.

    Args:
        field: Of a template.
        value: From JSON. None, an empty text and an empty list empty the field.

    Raises:
        UnusableValue: the field does not take it.

    Example:
        >>> accepted(TemplateField(key="n", name="N", kind=FieldKind.NUMBER, minimum=0), 3)
        3
        >>> accepted(TemplateField(key="n", name="N", kind=FieldKind.NUMBER, minimum=0), -1)
        Traceback (most recent call last):
        ...
        governance.errors.UnusableValue: N: -1 is below the minimum 0; give a number of at least 0.
    """
    if value is None or value in ("", []):
        return None
    match field.kind:
        case FieldKind.TEXT:
            return _text(field, value, LONGEST_TEXT)
        case FieldKind.REFERENCE:
            return _text(field, value, LONGEST_LINE)
        case FieldKind.NUMBER:
            return _number(field, value)
        case FieldKind.DATE:
            return _date(field, value)
        case FieldKind.CATEGORY:
            if value not in field.choices:
                _refuse(field, f"{_quoted(value)} is none of its choices", f"give one of {', '.join(field.choices)}")
            return value
        case FieldKind.BOOLEAN:
            return (
                value if isinstance(value, bool) else _refuse(field, f"{_quoted(value)} is not yes or no", "give one")
            )
        case FieldKind.LIST:
            return _list(field, value)
        case FieldKind.FILE:
            return _refuse(field, "a file is no value", "attach a file instead")


def from_text(field: TemplateField, texts: Sequence[str]) -> Any:
    """What texts mean that somebody typed, in a command or a form: a value for :func:`accepted`.

    Args:
        field: Of a template.
        texts: Several for a list, else one; none, or one that is empty: the field is emptied.

    Raises:
        UnusableValue: there are too many, or a number or a yes can't be made out.

    Example:
        >>> from_text(TemplateField(key="b", name="B", kind=FieldKind.BOOLEAN), ["yes"])
        True
    """
    if field.kind is FieldKind.LIST:
        return list(texts)
    if len(texts) > 1:
        _refuse(field, f"it takes one value, not {len(texts)}", "give one")
    text = texts[0] if texts else ""
    if not text:
        return None
    match field.kind:
        case FieldKind.NUMBER:
            try:
                return float(text)
            except ValueError:
                return _refuse(field, f"{_quoted(text)} is not a number", "give a number, such as 12 or 0.5")
        case FieldKind.BOOLEAN:
            if text.lower() not in _WORDS:
                _refuse(field, f"{_quoted(text)} is not yes or no", "give one of yes, no")
            return _WORDS[text.lower()]
    return text


def unwritable(text: str) -> str | None:
    """The first character that is no text: a control character, or half of one. Line ends and tabs are text."""
    for letter in text:
        if letter not in "\n\r\t" and unicodedata.category(letter) in {"Cc", "Cs"}:
            return f"U+{ord(letter):04X}"
    return None


def _text(field: TemplateField, value: Any, longest: int) -> str:
    if not isinstance(value, str):
        _refuse(field, f"{_quoted(value)} is not text", "give text")
    if len(value) > longest:
        _refuse(field, f"it has {len(value):,} characters", f"keep to {longest:,}, or attach a file")
    if (character := unwritable(value)) is not None:
        _refuse(field, f"it has the control character {character} in it", "remove that")
    return value


def _number(field: TemplateField, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(field, f"{_quoted(value)} is not a number", "give a number, such as 12 or 0.5")
    try:
        finite = isfinite(value)
    except OverflowError:  # an integer that no float reaches
        finite = False
    if not finite:
        _refuse(field, "the number is not finite", "give a number that is")
    if field.minimum is not None and value < field.minimum:
        remedy = f"give a number of at least {field.minimum:g}"
        _refuse(field, f"{value:g} is below the minimum {field.minimum:g}", remedy)
    if field.maximum is not None and value > field.maximum:
        remedy = f"give a number of at most {field.maximum:g}"
        _refuse(field, f"{value:g} is above the maximum {field.maximum:g}", remedy)
    # One spelling for one number, on every database: whole ones without a point, as far as floats are exact.
    return int(value) if abs(value) <= _EXACT and value == int(value) else float(value)


def _date(field: TemplateField, value: Any) -> str:
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    return _refuse(field, f"{_quoted(value)} is not a date", "give year, month and day, such as 2026-01-31")


def _list(field: TemplateField, value: Any) -> list[str]:
    if not isinstance(value, list):
        _refuse(field, f"{_quoted(value)} is not a list", "give a list of texts")
    if len(value) > LONGEST_LIST:
        _refuse(field, f"it has {len(value):,} entries", f"keep to {LONGEST_LIST}")
    for entry in value:
        if not _text(field, entry, LONGEST_LINE):
            _refuse(field, "an entry is empty", "leave it out")
    return value


def _quoted(value: Any) -> str:
    """A value in a sentence, cut, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse(field: TemplateField, problem: str, remedy: str) -> NoReturn:
    raise UnusableValue(field.name, problem, remedy)
