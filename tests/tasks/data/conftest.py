"""Files to read: written in a moment, in either format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.data.sources import Source


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Source]:
    """csv("a,b\\n1,2\\n") writes data.csv, from text or bytes."""

    def write(content: str | bytes, separator: str = ",") -> Source:
        path = tmp_path / "data.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Source("data", path, "csv", separator)

    return write


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[..., Source]:
    """parquet(a=pa.array(...)) or parquet(table) writes data.parquet."""

    def write(table: pa.Table | pd.DataFrame | None = None, **columns: pa.Array) -> Source:
        path = tmp_path / "data.parquet"
        if isinstance(table, pd.DataFrame):
            table.to_parquet(path, index=False)
        else:
            pq.write_table(pa.table(columns) if table is None else table, path)
        return Source("data", path, "parquet", ",")

    return write
