"""Which rows of a file are judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from governance.project_file import Sampling
from governance.vocabulary import Handling, SamplingMethod
from tasks.data.reading import CHUNK_ROWS, count_rows, iterate_chunks
from tasks.data.sources import Source


@dataclass
class Sample:
    """Rows of a file, and how many there were to choose from.

    Args:
        frame: The rows in the order of the file, typed as by :func:`tasks.data.reading.iterate_chunks`; the index is
            the position in the file, from 0.
        total_rows: Rows of the file.
    """

    frame: pd.DataFrame
    total_rows: int


def _accept(_rows: pd.DataFrame) -> None:
    """Rows that nobody wants to judge."""


def sample_rows(
    source: Source,
    columns: Mapping[str, Handling],
    sampling: Sampling,
    *,
    judge: Callable[[pd.DataFrame], object] = _accept,
    chunk_rows: int = CHUNK_ROWS,
) -> Sample:
    """Choose rows of a file.

    ``random`` gives every row a number from the seeded generator and keeps the rows with the smallest ones: one pass,
    never more than three samples and one chunk in memory, and the numbers fall to the same rows whatever the size of
    the chunks. All rows are read and judged readable, also those that are not chosen. ``head`` reads no further than
    its rows.

    Args:
        source: The file.
        columns: The columns wanted, and as what.
        sampling: ``full``, ``head`` or ``random``, how many rows, and the seed.
        judge: Is shown every row that is read, chosen or not, and raises when it won't have it: whether a file is
            refused must not depend on the seed.
        chunk_rows: Rows read at once, at least 1; has no influence on the sample.

    Returns:
        All rows for ``full``; else exactly ``min(sampling.rows, rows of the file)``.

    Raises:
        UnreadableFile, SchemaMismatch: as :func:`tasks.data.reading.iterate_chunks`; and whatever ``judge`` raises.

    Source: Efraimidis, Spirakis: Weighted random sampling with a reservoir, 2006 (here with equal weights).
    """
    chunks = _judged(iterate_chunks(source, columns, chunk_rows=chunk_rows), judge)
    if sampling.method is SamplingMethod.FULL:
        frame = pd.concat(list(chunks))
        return Sample(frame, len(frame))
    if sampling.method is SamplingMethod.HEAD:
        return Sample(_head(chunks, sampling.rows), count_rows(source))
    return _random(chunks, sampling.rows, sampling.seed)


def _judged(chunks: Iterator[pd.DataFrame], judge: Callable[[pd.DataFrame], object]) -> Iterator[pd.DataFrame]:
    for chunk in chunks:
        judge(chunk)
        yield chunk


def _head(chunks: Iterator[pd.DataFrame], rows: int) -> pd.DataFrame:
    pieces: list[pd.DataFrame] = []
    for chunk in chunks:
        pieces.append(chunk.head(rows))
        rows -= len(pieces[-1])
        if rows == 0:
            break
    return pd.concat(pieces)


def _random(chunks: Iterator[pd.DataFrame], rows: int, seed: int) -> Sample:
    generator = np.random.default_rng(seed)
    pieces: list[pd.DataFrame] = []
    draws: list[np.ndarray] = []
    total = waiting = 0
    limit = 1.0  # No row with a greater number can belong to the sample any more.
    for chunk in chunks:
        total += len(chunk)
        drawn = generator.random(len(chunk))
        chosen = drawn <= limit
        if not chosen.any():
            continue
        pieces.append(chunk[chosen])
        draws.append(drawn[chosen])
        waiting += len(pieces[-1])
        if waiting > 2 * rows:
            frame, kept, limit = _smallest(pieces, draws, rows)
            pieces, draws, waiting = [frame], [kept], rows
    return Sample(_smallest(pieces, draws, rows)[0], total)


def _smallest(pieces: list[pd.DataFrame], draws: list[np.ndarray], rows: int) -> tuple[pd.DataFrame, np.ndarray, float]:
    """The rows with the smallest numbers, in the order of the file; their numbers; the greatest of these."""
    frame, drawn = pd.concat(pieces), np.concatenate(draws)
    # A stable sort: of equal numbers the earlier row wins, whenever the reservoir is pruned.
    positions = np.sort(np.argsort(drawn, kind="stable")[:rows])
    return frame.iloc[positions], drawn[positions], float(drawn[positions].max())
