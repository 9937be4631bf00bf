"""Training data of several files: ``training + monthly:latest``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from governance.project_file import ModelSettings, Project
from governance.vocabulary import Handling
from tasks.data.conform import require_weights, to_target
from tasks.data.fingerprint import Watch
from tasks.data.inference import MAX_LEVELS, infer_schema
from tasks.data.reading import read_frame
from tasks.data.sources import Source, read_header, resolve_data

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
        fingerprints: SHA-256 of each file.
    """

    frame: pd.DataFrame
    schema: Schema
    header: tuple[str, ...]
    fingerprints: tuple[str, ...]


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
        fingerprints = tuple(watch.fingerprint() for watch in watches)
        header = tuple(read_header(first))
    frame = pd.concat(pieces, ignore_index=True)
    if len(sources) > 1:
        schema = replace(schema, categories=_levels(frame, schema))
    return TrainingTable(frame, schema, header, fingerprints)


def _read(source: Source, schema: Schema, settings: ModelSettings, watch: Watch) -> pd.DataFrame:
    columns = schema.columns_to_read()
    if settings.weight_column is not None:
        columns[settings.weight_column] = Handling.NUMERICAL
    frame = read_frame(source, columns, watch.digest)
    to_target(frame[schema.target], schema, source.path)
    if settings.weight_column is not None:
        require_weights(frame[settings.weight_column], source)
    return frame


def _levels(frame: pd.DataFrame, schema: Schema) -> dict[str, tuple[str, ...]]:
    levels = {name: tuple(sorted(frame[name].dropna().unique())) for name in schema.categories}
    return {name: seen for name, seen in levels.items() if len(seen) <= MAX_LEVELS}
