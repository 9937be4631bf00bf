"""Training data of several files: ``training + monthly:latest``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pandas as pd

from governance.project_file import ModelSettings, Project
from tasks.data.conform import to_target
from tasks.data.fingerprint import fingerprint
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
        frame: All rows of all files, in the order given; features, target and time column, typed.
        schema: Inferred from the first file; levels are those of all.
        header: Columns of the first file.
        fingerprints: SHA-256 of each file.
    """

    frame: pd.DataFrame
    schema: Schema
    header: tuple[str, ...]
    fingerprints: tuple[str, ...]


def resolve_joined(project: Project, reference: str | None, default: str) -> list[Source]:
    """The files that a reference like ``training + monthly:latest`` means. Raises: as :func:`resolve_data`."""
    return [resolve_data(project, part, default) for part in (reference or default).split(PLUS)]


def read_training_table(sources: Sequence[Source], model_name: str, settings: ModelSettings) -> TrainingTable:
    """Read the files one after the other; all must have the columns, and no other labels than, the first one.

    Raises: as :func:`infer_schema`, :func:`read_frame` and :func:`to_target`, naming the file.
    """
    first = sources[0]
    schema = infer_schema(first, model_name, settings)
    frame = pd.concat([_read(source, schema) for source in sources], ignore_index=True)
    if len(sources) > 1:
        schema = replace(schema, categories=_levels(frame, schema))
    return TrainingTable(frame, schema, tuple(read_header(first)), tuple(fingerprint(source) for source in sources))


def _read(source: Source, schema: Schema) -> pd.DataFrame:
    frame = read_frame(source, schema.columns_to_read())
    to_target(frame[schema.target], schema, str(source.path))
    return frame


def _levels(frame: pd.DataFrame, schema: Schema) -> dict[str, tuple[str, ...]]:
    levels = {name: tuple(sorted(frame[name].dropna().unique())) for name in schema.categories}
    return {name: seen for name, seen in levels.items() if len(seen) <= MAX_LEVELS}
