"""The floor for anything that starts from a file: reading the columns, and nothing else."""

from __future__ import annotations

DISTRIBUTION = "pyarrow"
IN_MEMORY = {"parquet-read": False, "parquet-read-pandas": False}


def prepare(table):
    """Nothing."""


def measure_arrow(_state, table):
    """Into Arrow's memory, all columns at once, on all cores."""
    import pyarrow.parquet as pq

    return pq.read_table(table.current_file, columns=[*table.numbers, *table.categories])


def measure_pandas(_state, table):
    """Into a frame."""
    import pandas as pd

    return pd.read_parquet(table.current_file, columns=[*table.numbers, *table.categories])


TOOLS = {"parquet-read": (prepare, measure_arrow), "parquet-read-pandas": (prepare, measure_pandas)}
