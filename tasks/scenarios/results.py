"""What a step may give as its result: what JSON can hold, and not too much of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from governance.errors import UnusableValue

LONGEST_RESULT: Final = 100_000
"""Characters of a result as JSON: it is kept with the run for ever, and shown."""

_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
"""What a text of Python may hold, and UTF-8, or a text of PostgreSQL, may not."""


def as_result(value: object, source: str) -> dict[str, Any]:
    """What was given, as the result of a step.

    Args:
        value: Nothing becomes no result; a mapping with names as keys is the result; anything else its ``value``.
            Times, decimal numbers, sets, dataclasses and NumPy's numbers become what JSON has for them.
        source: What gave it, for the error.

    Raises:
        UnusableValue: JSON can't hold it, or it is too long.

    Example:
        >>> as_result(None, "clean.py:run"), as_result(3, "clean.py:run"), as_result({"rows": 3}, "clean.py:run")
        ({}, {'value': 3}, {'rows': 3})
    """
    if value is None:
        return {}
    found = jsonable(value, source)
    return found if isinstance(found, dict) else {"value": found}


def jsonable(value: object, source: str) -> Any:
    """The same in what JSON has. Arguments and errors: :func:`as_result`.

    Example:
        >>> from datetime import date
        >>> jsonable({"day": date(2017, 6, 1), "rows": (1, 2)}, "clean.py:run")
        {'day': '2017-06-01', 'rows': [1, 2]}
    """
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    remedy = "return numbers, texts, truth values, and lists and mappings of them"
    try:
        found = to_jsonable_python(value, bytes_mode="base64", fallback=_plain)
        text = json.dumps(found, allow_nan=False)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())[:300].rstrip(".")
        raise UnusableValue(f"result of {source}", f"JSON can't hold it ({problem})", remedy) from error
    if len(text) > LONGEST_RESULT:
        problem = f"it has {len(text):,} characters as JSON, more than {LONGEST_RESULT:,}"
        raise UnusableValue(f"result of {source}", problem, "write it to a file, and return where that is")
    return json.loads(text)


def as_kept(value: Any) -> Any:
    r"""What JSON has, with texts that every database can keep.

    Example:
        >>> as_kept({"why": ["bad \x00", 1, "\ud800"]}) == {"why": ["bad \ufffd", 1, "\ufffd"]}
        True
    """
    if isinstance(value, str):
        return _NO_TEXT.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {as_kept(key): as_kept(part) for key, part in value.items()}
    return [as_kept(part) for part in value] if isinstance(value, list | tuple) else value


def _plain(value: object) -> object:
    """A number or an array of NumPy as Python has them."""
    import numpy as np

    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"it holds a value of type {type(value).__name__}")
