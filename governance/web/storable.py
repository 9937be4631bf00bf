"""What of a request no database takes: refused where it arrives, with its place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from governance.errors import UnusableValue


def require_storable(value: Any, place: str) -> None:
    r"""Refuse text with a NUL or half a character in it, and numbers that are none.

    Args:
        value: Anything that came out of JSON, or a model of it.
        place: Where it stood, e.g. ``body``.

    Raises:
        UnusableValue: with the place.

    Example:
        >>> require_storable({"name": ["fine", 1.5, None]}, "body")
        >>> require_storable({"name": "a\x00b"}, "body")
        Traceback (most recent call last):
        governance.errors.UnusableValue: body.name: it has a character that can't be stored (NUL or half a surrogate pair); leave it out.
    """
    match value:
        case str():
            if "\x00" in value or not _is_text(value):
                problem = "it has a character that can't be stored (NUL or half a surrogate pair)"
                raise UnusableValue(place, problem, "leave it out")
        case float():
            if not math.isfinite(value):
                raise UnusableValue(place, f"{value} is no finite number", "send a number or null")
        case BaseModel():
            for name in type(value).model_fields:
                require_storable(getattr(value, name), f"{place}.{name}")
        case Mapping():
            for name, inner in value.items():
                require_storable(name, f"a name in {place}")
                require_storable(inner, f"{place}.{name}")
        case list() | tuple() | set() | frozenset():
            for number, inner in enumerate(value):
                require_storable(inner, f"{place}.{number}")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
