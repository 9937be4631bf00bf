"""Running counts over one column, in bounded memory: what it takes to say what the column holds."""

from __future__ import annotations

import math
import re
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.data.conversion import distinct_values, moment_of, number_of, shortened
from tasks.data.schema import canonical_label

DISTINCT_CAP: Final = 100_000

_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?")
_LEADING_ZERO: Final = re.compile(r"\s*[+-]?0[0-9]+(?:\.0+)?\s*")


class Tally:
    """What a column has held so far. Only hashes of its values are kept, and of these at most 100,000.

    Example:
        >>> tally = Tally()
        >>> tally.add(pa.chunked_array([["1", "2", "NA"], ["3"]]))
        >>> tally.rows, tally.missing, tally.distinct, tally.all_numbers, tally.rising
        (4, 1, 3, True, True)
    """

    def __init__(self) -> None:
        self.rows = self.missing = 0
        self.numbers = self.dates = self.truths = self.words = 0
        """Values of each kind, and the words of all values together."""
        self.first_text: tuple[int, str] | None = None
        """Row and value of the first one that is no number."""
        self.first_undated: tuple[int, str] | None = None
        """Row and value of the first one that is no date."""
        self.example = ""
        self.written_whole = self.all_whole = self.rising = self.falling = True
        self.leading_zeros = False
        self.smallest, self.greatest = math.inf, -math.inf
        self.capped = False
        self._hashes = np.empty(0, dtype=np.uint64)
        self._counted = 0
        self._last = math.nan

    @property
    def present(self) -> int:
        """Rows that have a value."""
        return self.rows - self.missing

    @property
    def distinct(self) -> int:
        """Different values, at most the cap."""
        return min(len(self._hashes), DISTINCT_CAP)

    @property
    def distinct_share(self) -> float:
        """Different values per value, 0 to 1; of a long file as far as they were counted, which is the cap."""
        return len(self._hashes) / self._counted if self._counted else 0.0

    @property
    def all_numbers(self) -> bool:
        """Every value is a number, and there is one."""
        return 0 < self.present == self.numbers

    @property
    def all_dates(self) -> bool:
        """Every value is an ISO date or a timestamp, and there is one."""
        return 0 < self.present == self.dates

    @property
    def all_truth(self) -> bool:
        """Every value is a truth value, and there is one."""
        return 0 < self.present == self.truths

    def add(self, column: pa.ChunkedArray) -> None:
        """Count the next rows."""
        for array in column.chunks:
            self._add(array)

    def _add(self, array: pa.Array) -> None:
        levels, positions = distinct_values(array)
        counts = np.bincount(positions[positions >= 0], minlength=len(levels))
        first_row = self.rows + 1
        self.rows += len(positions)
        present = int(counts.sum())
        self.missing += len(positions) - present
        if not present:
            return
        texts = [canonical_label(level) for level in levels]
        self.example = self.example or texts[0]
        self._count_distinct(texts, present)
        self._count_kinds(array.type, levels, texts, counts, positions, first_row)

    def _count_distinct(self, texts: list[str], present: int) -> None:
        if self.capped:
            return
        hashes = pd.util.hash_array(np.array(texts, dtype=object), categorize=False)
        self._hashes = np.union1d(self._hashes, hashes)
        self._counted += present
        self.capped = len(self._hashes) >= DISTINCT_CAP

    def _count_kinds(
        self,
        kind: pa.DataType,
        levels: list[Any],
        texts: list[str],
        counts: np.ndarray,
        positions: np.ndarray,
        first_row: int,
    ) -> None:
        truth = np.array([text in ("true", "false") for text in texts])
        found = [None if is_truth else number_of(level) for level, is_truth in zip(levels, truth, strict=True)]
        numeric = np.array([number is not None for number in found])
        dated = np.full(len(levels), pa.types.is_timestamp(kind) or pa.types.is_date(kind))
        if not dated.any() and not numeric.all():
            dated = np.array([is_iso_date(level) for level in levels])
        self.truths += int(counts[truth].sum())
        self.numbers += int(counts[numeric].sum())
        self.dates += int(counts[dated].sum())
        if not numeric.all():
            self.words += sum(len(text.split()) * int(count) for text, count in zip(texts, counts, strict=True))
        self.first_text = self.first_text or _first(levels, ~numeric, positions, first_row)
        self.first_undated = self.first_undated or _first(levels, ~dated, positions, first_row)
        if numeric.all():
            self._follow_numbers(kind, levels, np.array(found, dtype=np.float64), positions)
        else:
            self.all_whole = self.rising = self.falling = False

    def _follow_numbers(self, kind: pa.DataType, levels: list[Any], found: np.ndarray, positions: np.ndarray) -> None:
        self.all_whole = self.all_whole and bool(np.all(np.isfinite(found) & (found == np.floor(found))))
        if not self.all_whole:
            self.rising = self.falling = False
            return
        texts = [level for level in levels if isinstance(level, str)]
        self.leading_zeros = self.leading_zeros or any(_LEADING_ZERO.fullmatch(text) for text in texts)
        self.written_whole = (
            self.written_whole
            and not pa.types.is_floating(kind)
            and not any("." in text or "e" in text.lower() for text in texts)
        )
        self.smallest, self.greatest = min(self.smallest, found.min()), max(self.greatest, found.max())
        if self.rising or self.falling:
            steps = np.diff(np.append(self._last, found[positions[positions >= 0]]))
            steps = steps[~np.isnan(steps)]
            self.rising = self.rising and bool(np.all(steps > 0))
            self.falling = self.falling and bool(np.all(steps < 0))
            self._last = float(found[positions[positions >= 0]][-1])


def is_iso_date(value: object) -> bool:
    """Whether a text is an ISO date or timestamp with its dashes; bare digits are rather numbers."""
    text = str(value).strip()
    return _ISO_DATE.fullmatch(text) is not None and moment_of(text) is not None


def _first(levels: list[Any], chosen: np.ndarray, positions: np.ndarray, first_row: int) -> tuple[int, str] | None:
    if not chosen.any():
        return None
    where = np.flatnonzero(np.append(chosen, False)[positions])
    return first_row + int(where[0]), shortened(str(levels[positions[where[0]]]))[1:-1]
