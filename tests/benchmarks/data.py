"""The tables that every tool is measured on: seeded, written once as Parquet, the same for all.

Two columns in three are numbers of eight shapes, the third is a category of 5, 20 or 200 levels. In the current rows
every other pair of columns has moved a little. A column is the same whatever other columns and rows are written.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.random import Generator

SEED: Final = 1337
REFERENCE_ROWS: Final = 100_000
CHUNK_ROWS: Final = 1 << 17
SMALL_ROWS: Final = 1_000
LEVELS: Final = (5, 20, 200)
TARGET: Final = "target"
SCHEME: Final = 1
"""Part of every file's name: raised when what is written changes, so that old files are not taken for new ones."""

Shape = Callable[[Generator, int, float], Any]

SHAPES: Final[tuple[Shape, ...]] = (
    lambda rng, rows, moved: rng.standard_normal(rows) + moved,
    lambda rng, rows, moved: rng.lognormal(moved, 1.0, rows),
    lambda rng, rows, moved: rng.random(rows) ** (1 + moved),
    lambda rng, rows, moved: rng.exponential(1 + moved, rows),
    lambda rng, rows, moved: rng.poisson(40 + 4 * moved, rows),
    lambda rng, rows, moved: rng.standard_normal(rows) + 6 * (rng.random(rows) < 0.3 + moved / 4),
    lambda rng, rows, moved: rng.standard_t(3, rows) * 1e-6 * (1 + moved),
    lambda rng, rows, moved: np.round(rng.gamma(2.0, 25.0 * (1 + moved), rows), 2),
)
"""Normal, lognormal, uniform, exponential, counts, two modes, heavy tails of a tiny scale, prices in cents."""


@dataclass(frozen=True)
class Files:
    """What one size of the benchmark is made of.

    Args:
        rows: Of the current data.
        columns: Features of both sides.
        reference: Parquet file of 100,000 rows.
        current: Parquet file of ``rows`` rows.
        scored_reference: Target and predictions of the reference rows, in their order.
        scored_current: Likewise of the current rows.
    """

    rows: int
    columns: int
    reference: Path
    current: Path
    scored_reference: Path
    scored_current: Path


def write_files(folder: Path, rows: int, columns: int, reference_rows: int = REFERENCE_ROWS) -> Files:
    """The files of a size, written unless they are there."""
    folder.mkdir(parents=True, exist_ok=True)

    def path(kind: str, of: int, wide: int | None = None) -> Path:
        return folder / (f"{kind}-{of}" + (f"x{wide}" if wide else "") + f"-{SCHEME}.parquet")

    files = Files(
        rows, columns,
        path("reference", reference_rows, columns), path("current", rows, columns),
        path("reference-scored", reference_rows), path("current-scored", rows),
    )  # fmt: skip
    for file, of, side in ((files.reference, reference_rows, 0), (files.current, rows, 1)):
        _once(file, lambda temporary, of=of, side=side: _write_features(temporary, of, columns, side))
    for file, of, side in ((files.scored_reference, reference_rows, 0), (files.scored_current, rows, 1)):
        _once(file, lambda temporary, of=of, side=side: _write_scored(temporary, of, side))
    return files


def feature_names(columns: int) -> tuple[list[str], list[str]]:
    """Names of the numbers and of the categories among so many columns."""
    numbers = [f"number_{position:04d}" for position in range(columns) if position % 3 != 2]
    return numbers, [f"category_{position:04d}" for position in range(columns) if position % 3 == 2]


def bytes_needed(rows: int, columns: int) -> int:
    """About how large the file of the current rows becomes."""
    return rows * (columns - columns // 3) * 9 + rows * (columns // 3) * 2


def free_bytes(folder: Path) -> int:
    """What is left on the disk of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder).free


def column_values(position: int, rows: int, side: int, part: int) -> Any:
    """One part of one column: float64 or int64, or (codes, levels) of a category.

    Args:
        position: Of the column.
        rows: How many.
        side: 0 the reference, 1 the current data.
        part: Which part of the file.
    """
    rng = np.random.default_rng([SEED, side, position, part])
    moved = 0.15 if side and position // 2 % 2 else 0.0
    if position % 3 != 2:
        return SHAPES[position % len(SHAPES)](rng, rows, moved)
    count = LEVELS[position // 3 % len(LEVELS)]
    weights = 1.0 / np.arange(1, count + 1) ** (0.8 - moved)
    edges = np.cumsum(weights / weights.sum())[:-1]
    codes = np.searchsorted(edges, rng.random(rows), side="right").astype(np.int32)
    return codes, [f"level_{code:03d}" for code in range(count)]


def _write_features(path: Path, rows: int, columns: int, side: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def array(position: int, count: int, part: int) -> pa.Array:
        values = column_values(position, count, side, part)
        if isinstance(values, tuple):
            return pa.DictionaryArray.from_arrays(values[0], values[1])
        return pa.array(values)

    names = [f"{'category' if p % 3 == 2 else 'number'}_{p:04d}" for p in range(columns)]
    # Row groups as pyarrow and pandas make them; smaller ones where a million wide rows would not fit in memory.
    parts_per_group = 8 if columns <= 100 else 2
    starts = list(range(0, rows, CHUNK_ROWS))
    writer: pq.ParquetWriter | None = None
    for first in range(0, len(starts), parts_per_group):
        group = pa.concat_tables(
            pa.table(
                [array(p, min(CHUNK_ROWS, rows - start), start // CHUNK_ROWS) for p in range(columns)], names=names
            )
            for start in starts[first : first + parts_per_group]
        ).unify_dictionaries()
        # Without Arrow's schema the dictionaries are read back as the text that they hold.
        writer = writer or pq.ParquetWriter(path, group.schema, store_schema=False)
        writer.write_table(group, row_group_size=group.num_rows)
    if writer:
        writer.close()


def _write_scored(path: Path, rows: int, side: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng([SEED, side, 1 << 20])
    probability = rng.beta(2, 5 - side, rows)
    target = rng.random(rows) < probability * (0.95 if side else 1.0)
    text = np.array(["0", "1"], dtype=object)
    table = {
        TARGET: text[target.astype(int)],
        "prediction": text[(probability >= 0.5).astype(int)],
        "proba_0": 1 - probability,
        "proba_1": probability,
    }
    pq.write_table(pa.table(table), path)


def _once(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file under another name first: what has its name is whole."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
