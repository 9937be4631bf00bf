"""Training data of several files: ``training + monthly:latest``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from governance.errors import UnreadableFile
from governance.project_file import ModelSettings, Project
from governance.vocabulary import Handling
from tasks.data.conditions import columns_of, fulfilling
from tasks.data.conform import require_weights, to_target
from tasks.data.fingerprint import Watch, of_its_time
from tasks.data.inference import MAX_LEVELS, infer_schema
from tasks.data.reading import read_frame
from tasks.data.sources import Source, read_header, require_time_column, resolve_data

if TYPE_CHECKING:
    from tasks.data.schema import Schema

PLUS: Final = " + "


@dataclass(frozen=True, slots=True)
class TrainingTable:
    """Training data as read.

    Args:
        frame: All rows of all files, in the order given; features, target, time column and weights, typed.
        schema: Inferred from the first file; levels are those of all.
        header: Columns of the first file.
        fingerprints: SHA-256 of each file, or of the file and the time of which rows were taken.
        rows: How many each file has, in the order given.
    """

    frame: pd.DataFrame
    schema: Schema
    header: tuple[str, ...]
    fingerprints: tuple[str, ...]
    rows: tuple[int, ...]


def resolve_joined(
    project: Project, reference: str | None, default: str, environment: Mapping[str, str] | None = None
) -> list[Source]:
    """The files that a reference like ``training + monthly:latest`` means. Arguments and errors: :func:`resolve_data`."""
    return [resolve_data(project, part, default, environment) for part in (reference or default).split(PLUS)]


def read_training_table(sources: Sequence[Source], model_name: str, settings: ModelSettings) -> TrainingTable:
    """Read the files one after the other; all must have the columns, and no other labels than, the first one.

    Raises: as :func:`infer_schema`, :func:`read_frame` and :func:`to_target`, naming the file; UnreadableFile when one
    changes meanwhile.
    """
    first = sources[0]
    with ExitStack() as stack:
        watches = [stack.enter_context(Watch(source)) for source in sources]
        schema = infer_schema(first, model_name, settings)
        pieces = [_read(source, schema, settings, watch) for source, watch in zip(sources, watches, strict=True)]
        fingerprints = tuple(
            of_its_time(watch.fingerprint(), source) for watch, source in zip(watches, sources, strict=True)
        )
        header = tuple(read_header(first))
    rows = tuple(len(piece) for piece in pieces)
    frame = pd.concat(pieces, ignore_index=True)
    if len(sources) > 1 or first.between is not None:
        schema = replace(schema, categories=_levels(frame, schema))
    return TrainingTable(frame, schema, header, fingerprints, rows)


def _read(source: Source, schema: Schema, settings: ModelSettings, watch: Watch) -> pd.DataFrame:
    columns = schema.columns_to_read()
    if settings.weight_column is not None:
        columns[settings.weight_column] = Handling.NUMERICAL
    frame = _of_its_time(source, columns, settings, watch)
    to_target(frame[schema.target], schema, source.path)
    if settings.weight_column is not None:
        require_weights(frame[settings.weight_column], source)
    return frame


def _of_its_time(source: Source, columns: dict[str, Handling], settings: ModelSettings, watch: Watch) -> pd.DataFrame:
    """All rows; of a range of time those that lie in it."""
    if source.between is None:
        return read_frame(source, columns, watch.digest)
    condition = source.between.condition(require_time_column(source, settings.time_column))
    handling = {**columns, **columns_of([condition], columns)}
    frame = read_frame(source, handling, watch.digest)
    found = frame.loc[fulfilling(frame, [condition], handling, source), list(columns)]
    if found.empty:
        raise UnreadableFile(
            source.path, f"none of its {len(frame):,} rows lies in {source.between}", "name another time"
        )
    return found


def _levels(frame: pd.DataFrame, schema: Schema) -> dict[str, tuple[str, ...]]:
    levels = {name: tuple(sorted(frame[name].dropna().unique())) for name in schema.categories}
    return {name: seen for name, seen in levels.items() if len(seen) <= MAX_LEVELS}
