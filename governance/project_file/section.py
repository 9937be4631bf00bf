"""What every part of ``project.yaml`` is built from."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=80)]
"""A name that is also used in paths, addresses and commands."""


class Misuse(ValueError):
    """A value that its field can't have: what is wrong with it, and what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem, self.remedy = problem, remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"


class Section(BaseModel):
    """A part of the file: unknown fields are errors, values never change, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _as_text(value: object) -> object:
    """A label as it is compared: 1 and 1.0 are "1", true is "true". YAML reads unquoted ones as numbers or dates."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else _date_as_text(value)


def _date_as_text(value: object) -> object:
    """A date in ISO 8601, as data have it."""
    return value.isoformat() if isinstance(value, date) else value


Label = Annotated[str, BeforeValidator(_as_text)]
"""A class of the target."""

Bound = Annotated[float | str, BeforeValidator(_date_as_text)]
"""A number, or a date as ISO 8601 text."""


def name_of_a_variable(text: str) -> str:
    """The name of an environment variable, as it is. Raises: Misuse."""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", text) is None:
        remedy = "write the name of the environment variable that holds the address, e.g. SALES_DATABASE_URL"
        raise Misuse("it is no name of an environment variable", remedy)  # not quoted: it may be an address
    return text


def place_of_a_function(text: str) -> str:
    """A function as ``file.py:function``, as it is. Raises: Misuse."""
    if re.fullmatch(r"[^:]+\.py:[A-Za-z_]\w*", text) is None:
        raise Misuse(f"{text!r} names no function in a file", "write file.py:function, the file beside project.yaml")
    return text
