"""What the columns of a file hold, and how each is best treated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from governance.vocabulary import Handling
from tasks.data.batches import iterate_tables
from tasks.data.foreign import Foreign
from tasks.data.reading import CHUNK_ROWS, without_rows
from tasks.data.sources import Source, read_header, require_columns
from tasks.data.tally import Tally

_IDENTIFIER_SHARE: Final = 0.95
_FEW_ROWS: Final = 20
"""With fewer values than this, that they all differ says nothing."""
_WORDS_OF_TEXT: Final = 5
_LEVELS_OF_TEXT: Final = 1_000
_MOSTLY: Final = 0.95
_VARIED: Final = 20
_CODE_WORDS: Final = frozenset({
    "id", "ids", "uid", "uuid", "guid", "key", "code", "zip", "zipcode", "postcode", "sku", "iban", "ean",
})  # fmt: skip


@dataclass
class ColumnProfile:
    """What a column holds, and how it is best treated.

    Args:
        name: Of the column.
        handling: The forced one, or the one that fits.
        distinct: Number of different values, at most 100,000 (then there may be more).
        missing: Rows without a value.
        rows: Rows of the file.
        reason: Why this handling.
        stray_row: First row (1-based) whose value is unlike the 95 % that are numbers or dates; ``None``: there is none.
        stray_value: That value.
        stray_from: What the others are: ``numbers`` or ``dates``.
    """

    name: str
    handling: Handling
    distinct: int
    missing: int
    rows: int
    reason: str
    stray_row: int | None = None
    stray_value: str = ""
    stray_from: str = ""

    @property
    def constant(self) -> bool:
        """One value in all rows. A single value that is missing in places tells rows apart."""
        return self.distinct == 1 and self.missing == 0

    @property
    def all_missing(self) -> bool:
        """No row has a value."""
        return self.distinct == 0


def profile_columns(
    source: Source,
    forced: Mapping[str, Handling] | None = None,
    *,
    constants: bool = False,
    chunk_rows: int = CHUNK_ROWS,
) -> list[ColumnProfile]:
    """Look at every column of a file, in one pass and bounded memory.

    Columns that help no model are IGNORED, and the reason says why: all missing, constant, an identifier, or written
    as driftgate does not read it (dates not in ISO form, decimal commas, durations). Text of more than five words on
    average with hardly a repetition is TEXT, which models leave out.

    Args:
        source: The file.
        forced: Column: its handling, which is not questioned.
        constants: Whether a column that is always the same is what it holds, and not IGNORED: to a model it tells
            nothing, but that it changed later does.
        chunk_rows: Rows read at once, at least 1.

    Returns:
        One profile per column, in the order of the file.

    Raises:
        UnreadableFile: as :func:`tasks.data.reading.iterate_chunks`; also a file without rows.
        SchemaMismatch: a forced column is missing, or two columns have the same name.
    """
    forced = forced or {}
    header = read_header(source)
    require_columns(source, header, forced)
    tallies = {name: (Tally(), Foreign()) for name in header}
    rows = 0
    for table in iterate_tables(source, header, chunk_rows):
        for name, (tally, foreign) in tallies.items():
            tally.add(table.column(name))
            foreign.add(table.column(name), tally)
        rows += table.num_rows
    if rows == 0:
        raise without_rows(source)
    return [
        _profile(name, tally, foreign, forced.get(name), constants=constants)
        for name, (tally, foreign) in tallies.items()
    ]


def _profile(name: str, tally: Tally, foreign: Foreign, forced: Handling | None, *, constants: bool) -> ColumnProfile:
    handling, reason = suggest_handling(name, tally, constants=constants)
    if tally.distinct > 1 and (unread := foreign.reason(tally)):
        handling, reason = Handling.IGNORED, unread
    if forced is not None:
        handling, reason = forced, "set under features.handling"
    profile = ColumnProfile(name, handling, tally.distinct, tally.missing, tally.rows, reason)
    if forced is None and not is_code_name(name):
        for kind, found, first in (
            ("numbers", tally.numbers, tally.first_text),
            ("dates", tally.dates, tally.first_undated),
        ):
            if _MOSTLY * tally.present <= found < tally.present and tally.distinct > _VARIED and first is not None:
                profile.stray_row, profile.stray_value, profile.stray_from = *first, kind
                profile.reason = f"nearly all values are {kind}, but row {first[0]:,} has {first[1]!r}"
                profile.handling = Handling.CATEGORICAL
    return profile


def suggest_handling(name: str, tally: Tally, *, constants: bool = False) -> tuple[Handling, str]:
    """How a column is best treated, and why."""
    if tally.present == 0:
        return Handling.IGNORED, "all values are missing"
    if tally.distinct == 1 and tally.missing == 0 and not constants:
        return Handling.IGNORED, f"constant: always {tally.example!r}"
    if tally.all_truth:
        return Handling.CATEGORICAL, "truth values"
    if tally.all_dates:
        return Handling.DATE, "dates"
    enough = tally.present >= _FEW_ROWS
    varied = tally.distinct_share > _IDENTIFIER_SHARE
    if tally.all_numbers and not tally.leading_zeros:
        return _suggest_for_numbers(name, tally, enough=enough, varied=varied)
    wordy = tally.words / tally.present > _WORDS_OF_TEXT
    if wordy and (tally.distinct_share > 0.5 or tally.distinct > _LEVELS_OF_TEXT):
        return Handling.TEXT, "free text, which models leave out"
    if varied and (enough or is_code_name(name)):
        return Handling.IGNORED, "identifier: nearly every row has its own value"
    return Handling.CATEGORICAL, "text"


def _suggest_for_numbers(name: str, tally: Tally, *, enough: bool, varied: bool) -> tuple[Handling, str]:
    # Whole numbers with decimals (5.0) are integers only when missing values explain the decimals: a float that
    # happens to be whole is a measurement, never an identifier.
    integers = tally.all_whole and (tally.written_whole or tally.missing > 0)
    if not integers:
        return Handling.NUMERICAL, "numbers"
    if is_code_name(name):
        if varied and tally.distinct > 1:
            return Handling.IGNORED, "identifier: it is called one, and nearly every row has its own value"
        return Handling.CATEGORICAL, "whole numbers that are called a code"
    if enough and tally.distinct_share == 1.0:
        if tally.rising or tally.falling:
            return Handling.IGNORED, "identifier: whole numbers that rise or fall from row to row"
        if not tally.capped and tally.greatest - tally.smallest + 1 == tally.present:
            return Handling.IGNORED, "identifier: each whole number of a range once"
    return Handling.NUMERICAL, "whole numbers"


def is_code_name(name: str) -> bool:
    """Whether a column is called like an identifier or a code.

    Example:
        >>> [is_code_name(name) for name in ("customer_id", "customerID", "zip-code", "humid", "code_length")]
        [True, True, True, False, False]
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    pieces = re.findall(r"[A-Za-z]+|[0-9]+", words)
    return bool(pieces) and pieces[-1].lower() in _CODE_WORDS
