"""Values that are written as driftgate does not read them: dates that are not ISO, commas in numbers, durations."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tasks.data.tally import Tally

_MOSTLY: Final = 0.95
_DAY: Final = "(?:0?[1-9]|[12][0-9]|3[01])"
_YEAR: Final = "[12][0-9]{3}"
_MONTH_NAME: Final = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[.]?"
_TIME: Final = "(?:[ t,]+[0-9]{1,2}:[0-9]{2}.*)?"
_DATES: Final = "|".join(
    (
        f"{_DAY}/{_DAY}/(?:{_YEAR}|[0-9]{{2}})",
        f"{_DAY}[.-]{_DAY}[.-]{_YEAR}",
        r"[0-3][0-9]\.[0-3][0-9]\.[0-9]{2}",
        f"{_YEAR}[/.]{_DAY}[/.]{_DAY}",
        f"{_YEAR}-(?:[1-9]-{_DAY}|[01][0-9]-[1-9])",
        f"{_DAY}[ -]{_MONTH_NAME}[ -](?:{_YEAR}|[0-9]{{2}})",
        f"{_MONTH_NAME} {_DAY},? {_YEAR}",
    )
)
# None of them is an ISO date, nor a number: those are counted by the tally.
_SHAPES: Final = {
    "dates": f"(?i)^(?:{_DATES}){_TIME}$",
    "grouped": r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?$",
    "commas": r"^[+-]?(?:[0-9]*|[0-9]{1,3}(?:\.[0-9]{3})+),[0-9]+$",
}


class Foreign:
    """How many values of a column have a foreign shape.

    Example:
        >>> days = pa.chunked_array([["31/12/2024", "01/02/24 05:00 PM"]])
        >>> tally, foreign = Tally(), Foreign()
        >>> tally.add(days), foreign.add(days, tally)
        (None, None)
        >>> foreign.reason(tally)
        'dates not in ISO form: write them as 2024-12-31'
    """

    def __init__(self) -> None:
        self.durations = False
        self.counts = dict.fromkeys(_SHAPES, 0)

    def add(self, column: pa.ChunkedArray, tally: Tally) -> None:
        """Count the next rows, which the tally of the column has counted already."""
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        self.durations = self.durations or pa.types.is_duration(kind)
        if tally.present in (tally.numbers, tally.dates) or not (
            pa.types.is_string(kind) or pa.types.is_large_string(kind)
        ):
            return
        texts = pc.utf8_trim_whitespace(column.cast(pa.string()))
        for shape, pattern in _SHAPES.items():
            self.counts[shape] += pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0

    def reason(self, tally: Tally) -> str:
        """Why the column can't be used as it is written, and the remedy; empty when that is not so."""
        if self.durations:
            return "durations: write them as numbers, e.g. of seconds"
        dates, grouped, commas = self.counts.values()
        if self._explains(dates, tally.dates, tally):
            return "dates not in ISO form: write them as 2024-12-31"
        if self._explains(grouped, tally.numbers, tally):
            return "commas in numbers: write 1234 or 1.234"
        if self._explains(commas, tally.numbers, tally):
            return "decimal commas: write 1.23"
        return ""

    def _explains(self, foreign: int, usual: int, tally: Tally) -> bool:
        """Whether these make the difference between a column of dates or numbers, and one of anything."""
        return usual < _MOSTLY * tally.present <= foreign + usual
