"""Whether a schedule is five well-formed fields, said before anything waits for it in vain."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from governance.project_file.section import Misuse

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_PART: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.least
        return int(text) if text.isdecimal() and self.least <= int(text) <= self.greatest else None


_FIELDS: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("weekday", 0, 7, _DAYS),
)


def check_cron(text: str) -> str:
    """The schedule as it is, if its five fields are well-formed.

    Args:
        text: Minute, hour, day, month and weekday, each ``*``, a number, a range, a list or a step.

    Raises:
        Misuse: a field is absent, or can't be what it is.

    Example:
        >>> check_cron("0 6 * * mon-fri")
        '0 6 * * mon-fri'
        >>> check_cron("0 25 * * *")
        Traceback (most recent call last):
        governance.project_file.section.Misuse: the hour '25' is not possible; use *, or numbers from 0 to 23 with , - and /
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise Misuse(
            f"{text!r} has {len(parts)} of five fields", "give minute, hour, day, month, weekday, as in 0 6 * * 1"
        )
    for field, written in zip(_FIELDS, parts, strict=True):
        if not all(_is_possible(field, part) for part in written.split(",")):
            raise Misuse(
                f"the {field.name} {written!r} is not possible",
                f"use *, or numbers from {field.least} to {field.greatest} with , - and /",
            )
    return text


def _is_possible(field: _Field, part: str) -> bool:
    found = _PART.fullmatch(part)
    if found is None or (found["step"] is not None and int(found["step"]) == 0):
        return False
    if found["first"] is None:
        return True
    first = field.number(found["first"])
    last = first if found["last"] is None else field.number(found["last"])
    return first is not None and last is not None and first <= last
