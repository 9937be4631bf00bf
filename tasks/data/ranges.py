"""Ranges of time: the rows of a source from one day to the day before another, and a stretch cut into such ranges."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from governance.errors import UnusableName
from governance.project_file import RowCondition
from governance.vocabulary import Every

_WITH_RANGE: Final = re.compile(r"(?s)(.+):(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")

_WRITTEN: Final = "write it as 2017-04-01..2017-05-01: the first day, and the day before which it ends"

MOST_RANGES: Final = 10_000
"""Of one stretch; more are a slip of the keyboard."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Rows from the first moment of one day (UTC) to before the first moment of another.

    Example:
        >>> str(TimeRange(date(2017, 4, 1), date(2017, 5, 1)))
        '2017-04-01..2017-05-01'
    """

    start: date
    end: date

    def __str__(self) -> str:
        return f"{self.start}..{self.end}"

    def condition(self, column: str) -> RowCondition:
        """What a row must be like to lie in it."""
        return RowCondition(column=column, at_least=str(self.start), below=str(self.end))


def split_range(reference: str) -> tuple[str, TimeRange | None]:
    """A reference to data, and the range of time at its end if there is one.

    Raises:
        UnusableName: it ends before it begins, or with a day that no calendar has.

    Example:
        >>> split_range("payments:2017-04-01..2017-05-01")[0]
        'payments'
        >>> split_range("monthly:04")
        ('monthly:04', None)
    """
    found = _WITH_RANGE.fullmatch(reference)
    if found is None:
        return reference, None
    start, end = (day(text, "range of time", f"{found[2]}..{found[3]}") for text in (found[2], found[3]))
    if end <= start:
        raise UnusableName("range of time", f"{start}..{end}", "it ends before it begins", _WRITTEN)
    return found[1], TimeRange(start, end)


def day(text: str, kind: str = "day", shown: str | None = None) -> date:
    """A day of the calendar, written as in 2017-04-01.

    Args:
        text: What is said.
        kind: As what, for the error.
        shown: The whole of which it is a part, for the error; default: the text.

    Raises:
        UnusableName: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        remedy = "write it as 2017-04-01" if shown is None else _WRITTEN
        raise UnusableName(kind, shown or text, f"{text!r} is no day of the calendar", remedy) from None


def cut(start: date, end: date, every: Every) -> list[TimeRange]:
    """A stretch of time in equal ranges, oldest first; the last one is shorter when the stretch ends inside of it.

    Months are counted from the first day: from the 31st, one that is shorter begins with its last day.

    Args:
        start: The first day.
        end: The day before which it ends.
        every: How long a range is.

    Raises:
        UnusableName: it ends before it begins, or has more than :data:`MOST_RANGES` ranges.

    Example:
        >>> [str(each) for each in cut(date(2017, 1, 31), date(2017, 3, 15), Every.MONTH)]
        ['2017-01-31..2017-02-28', '2017-02-28..2017-03-15']
    """
    if end <= start:
        raise UnusableName("stretch of time", f"{start}..{end}", "it ends before it begins", "exchange the two days")
    ranges: list[TimeRange] = []
    begin = start
    while begin < end:
        if len(ranges) == MOST_RANGES:
            raise UnusableName(
                "stretch of time",
                f"{start}..{end}",
                f"it has more than {MOST_RANGES:,} of a {every}",
                "take a shorter one",
            )
        after = min(end, _later(start, every, len(ranges) + 1, end))
        ranges.append(TimeRange(begin, after))
        begin = after
    return ranges


def _later(start: date, every: Every, times: int, end: date) -> date:
    """So many days, weeks or months after a day; the end where the calendar is over."""
    try:
        if every is not Every.MONTH:
            return start + timedelta(days=times * (7 if every is Every.WEEK else 1))
        years, month = divmod(start.month - 1 + times, 12)
        year = start.year + years
        return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1]))
    except (OverflowError, ValueError):
        return end
