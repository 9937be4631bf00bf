"""Two files, compared column by column, without a project: what the reference holds decides how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from governance.errors import SchemaMismatch, UnreadableFile
from governance.vocabulary import Handling, Measurement, PredictionType, SamplingMethod
from tasks.data.telling import Progress, say_nothing
from tasks.drift.columns import ColumnDrift, measure_columns
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_file
from tasks.drift.summary import columns_p_value, doubt_about_rate, promise, warnings_about

if TYPE_CHECKING:
    import pandas as pd

    from governance.project_file.watched import FalseAlarmRate
    from tasks.data.schema import Schema
    from tasks.data.sources import Source

REFERENCE_ROWS: Final = 50_000
"""Rows of the reference that are compared with, at most; drawn with the seed."""

MOST_LEVELS: Final = 10_000
"""Levels of a column that are remembered from the rows of the reference that were not drawn."""


@dataclass(frozen=True, slots=True)
class ComparedFiles:
    """What two files say of each other.

    Args:
        columns: In the order of the reference.
        whole: ``columns_p_value``: of all columns together.
        left_out: Column that was not compared: why.
        reference_rows: Rows that were compared with; ``reference_total`` of them are in the file.
        reference_total: Rows of the reference.
        current_rows: Rows of the other file, all of which were looked at.
        rate: The rate of false alarms, and whether it is promised; as :func:`tasks.drift.summary.promise` tells it.
        notes: What people should know besides.
    """

    columns: tuple[ColumnDrift, ...]
    whole: Measurement
    left_out: Mapping[str, str]
    reference_rows: int
    reference_total: int
    current_rows: int
    rate: Mapping[str, Any]
    notes: tuple[str, ...]


def compare_files(
    reference: Path,
    current: Path,
    rate: FalseAlarmRate,
    *,
    exclude: Sequence[str] = (),
    seed: int = 1337,
    progress: Progress | None = None,
) -> ComparedFiles:
    """Compare the columns that two files have in common.

    Left out are columns of the reference that hold nothing to compare: identifiers, constants, those without a value.
    The reference is read three times, at most 50,000 rows of it are kept; the other file is read once.

    Args:
        reference: CSV, TSV or Parquet: rows from a time when all was well.
        current: Likewise: the rows in question.
        rate: How often a column may be called drifted where nothing has.
        exclude: Columns that are not looked at.
        seed: Of the rows that are drawn from the reference, and of the null distribution.
        progress: Told what is being done, and the share of it where it is known.

    Raises:
        UnreadableFile: one of them is absent, empty, without rows, ragged, truncated, or of no known format.
        SchemaMismatch: a column is doubled, one to exclude is in neither file, or there is none to compare.
    """
    from tasks.data.sources import read_header

    tell = progress or say_nothing
    here, there = _open(reference), _open(current)
    headers = read_header(here), read_header(there)
    tell("looking at the reference", None)
    wanted, left_out = _choose(here, there, headers, exclude)
    frame, schema, total = _read(here, wanted, seed)
    profile = fit_profile(frame, schema, seed=seed, progress=tell)
    counted = scan_file(profile, there, progress=tell)
    if not counted.rows:
        from tasks.data.reading import without_rows

        raise without_rows(there)
    columns = measure_columns(profile, counted, rate)
    promised = promise(profile, rate, counted.rows)
    notes = (
        *(warning for column in columns for warning in warnings_about(column)),
        *doubt_about_rate(promised, columns),
    )
    whole = columns_p_value(columns, profile, counted.rows)
    return ComparedFiles(tuple(columns), whole, left_out, len(frame), total, counted.rows, promised, notes)


def _open(file: Path) -> Source:
    """A file by its ending; a CSV with the separator that gives its header the most columns."""
    from tasks.data.sources import ENDINGS, Source, read_header

    known = ENDINGS.get(file.suffix.lower())
    if known is None:
        endings = ", ".join(ENDINGS)
        raise UnreadableFile(file, f"its ending {file.suffix!r} tells no format", f"let it end in one of {endings}")
    source = Source(str(file), file, *known)
    if source.format != "csv" or len(read_header(source)) > 1:
        return source
    others = (replace(source, separator=separator) for separator in (source.separator, ",", ";", "\t", "|"))
    return max(others, key=lambda other: len(read_header(other)))


def _choose(
    here: Source, there: Source, headers: tuple[list[str], list[str]], exclude: Sequence[str]
) -> tuple[dict[str, Handling], dict[str, str]]:
    """The columns to compare, and as what; the others, and why not."""
    from tasks.data.profiling import profile_columns
    from tasks.data.sources import require_columns

    held = {*headers[0], *headers[1]}
    require_columns(here, headers[0], [name for name in exclude if name not in held])
    wanted: dict[str, Handling] = {}
    left_out = dict.fromkeys(exclude, "excluded")
    for column in profile_columns(here):
        if column.name in left_out:
            continue
        if column.name not in headers[1]:
            left_out[column.name] = f"{there.path.name} has no such column"
        elif column.handling is Handling.IGNORED:
            left_out[column.name] = column.reason
        else:
            wanted[column.name] = column.handling
    left_out |= {
        name: f"{here.path.name} has no such column"
        for name in headers[1]
        if name not in headers[0] and name not in left_out
    }
    if not wanted:
        name, why = next(iter(left_out.items()))
        raise SchemaMismatch(here.path, name, f"no column can be compared; this one: {why}", "name other files")
    return wanted, left_out


def _read(source: Source, wanted: Mapping[str, Handling], seed: int) -> tuple[pd.DataFrame, Schema, int]:
    """The rows of the reference that are drawn, their schema with the levels of all rows, and how many those are."""
    import pandas as pd

    from governance.project_file import Sampling
    from tasks.data.sampling import Selection
    from tasks.data.schema import Column, Schema

    levels: dict[str, set[str]] = {name: set() for name in wanted if wanted[name] is Handling.CATEGORICAL}

    def remember(chunk: pd.DataFrame) -> None:
        for name, seen in levels.items():
            if len(seen) <= MOST_LEVELS:
                seen.update(chunk[name].dropna().unique().tolist())

    drawn = Sampling(method=SamplingMethod.RANDOM, rows=REFERENCE_ROWS, seed=seed)
    chosen = Selection(source, wanted, drawn, judge=remember)
    frame = pd.concat(list(chosen))
    known = {name: tuple(sorted(seen)) for name, seen in levels.items() if len(seen) <= MOST_LEVELS}
    columns = tuple(Column(name, handling) for name, handling in wanted.items())
    # Of nothing that is predicted: there is no target, and of the predictions no classes are known.
    schema = Schema(columns, "", PredictionType.REGRESSION, (), None, known)
    return frame, schema, chosen.total_rows
