"""How the cost of input drift grows with rows and with columns, and what the largest files take.

``python tests/benchmarks/scaling.py`` measures 10,000 to 10,000,000 rows x 30 columns from Parquet, the same from a
frame, and 3 to 3,000 columns x 100,000 rows, and fits the exponents; 1 is linear. ``--big`` adds a Parquet file of
3,000,000 rows x 1,000 columns, for which it writes about 20 GB. ``--output FILE.md`` keeps the tables, and
``FILE.json`` what they are made from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run as a script

from tests.benchmarks import data, table
from tests.benchmarks.environments import default_cache, say
from tests.benchmarks.peers import Bench, Result, keep, machine

ROWS: Final = (10_000, 100_000, 1_000_000, 10_000_000)
COLUMNS: Final = (3, 30, 300, 3_000)
BIG: Final = (3_000_000, 1_000)
SERIES: Final[dict[str, tuple[str, tuple[tuple[int, int], ...]]]] = {
    "rows, from Parquet": ("driftgate-parquet", tuple((rows, 30) for rows in ROWS)),
    "rows, from a frame": ("driftgate", tuple((rows, 30) for rows in ROWS)),
    "columns, from a frame": ("driftgate", tuple((100_000, columns) for columns in COLUMNS)),
    "columns, from Parquet": ("driftgate-parquet", tuple((100_000, columns) for columns in COLUMNS)),
}
"""What grows: the tool, and the sizes."""


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Slope of the straight line through the logarithms: by which power of the size the cost grows.

    >>> round(exponent([10, 100, 1000], [2.0, 20.0, 200.0]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def measured(bench: Bench, tool: str, rows: int, columns: int) -> Result:
    """One measurement, refused when its file doesn't fit on the disk."""
    needed, free = data.bytes_needed(rows, columns) * 1.2, data.free_bytes(bench.cache)
    say(f"{tool}: {rows:,} rows x {columns:,} columns", end=" ")
    if needed > free:
        result = Result(
            tool, None, rows, columns, reason=f"needs {needed / 1e9:.0f} GB of disk where {free / 1e9:.0f} are free"
        )
    else:
        result = bench.measure(tool, rows, columns)
    say(result.reason or f"{result.seconds:.3f} s")
    return result


def tables(series: dict[str, list[Result]], big: list[Result]) -> str:
    """The exponents, and what the largest files took."""
    growth = []
    for name, results in series.items():
        done = [each for each in results if each.seconds]
        of = [each.rows if name.startswith("rows") else each.columns for each in done]
        seconds = [each.seconds for each in done if each.seconds]
        overall = f"{exponent(of, seconds):.2f}" if len(done) > 1 else ""
        last = f"{exponent(of[-2:], seconds[-2:]):.2f}" if len(done) > 1 else ""
        steps = "; ".join(f"{size:,}: {table.seconds_text(each)}" for size, each in zip(of, seconds, strict=True))
        growth.append([name, steps, overall, last])
    largest = [
        [
            each.tool, f"{each.rows:,} x {each.columns:,}", table.seconds_text(each.seconds),
            table.megabytes(each.peak_mb), table.megabytes(each.peak_above_imports_mb),
        ]
        for each in big
    ]  # fmt: skip
    reasons = [
        f"* {each.tool}, {each.rows:,} x {each.columns:,}: {each.reason}"
        for each in [*(each for results in series.values() for each in results), *big]
        if each.reason
    ]
    parts = [
        table.markdown(["cost of", "size: s", "exponent", "of the last decade"], growth),
        table.markdown(
            ["tool", "rows x columns", "s", "extra MB of the step", "MB above the interpreter with its imports"],
            largest,
        ),
    ]
    return "\n\n".join([*parts, *(["\n".join(reasons)] if reasons else [])]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--big", action="store_true", help="3,000,000 rows x 1,000 columns, about 20 GB of disk")
    parser.add_argument("--divide", type=int, default=1, help="all rows by this, to try it out")
    parser.add_argument("--output", type=Path, help="keep the tables in this file, and the details beside it")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of the data")
    parser.add_argument("--limit", type=float, default=3600.0, help="seconds per measurement")
    asked = parser.parse_args(arguments)
    bench = Bench(asked.cache.resolve(), asked.limit, reference_rows=data.REFERENCE_ROWS // asked.divide)

    series: dict[str, list[Result]] = {name: [] for name in SERIES}
    big: list[Result] = []

    def show() -> str:
        found = tables(series, big)
        document: dict[str, Any] = {name: [asdict(each) for each in results] for name, results in series.items()}
        keep(asked.output, found, {"machine": machine(), "series": document, "largest": [asdict(each) for each in big]})
        return found

    for name, (tool, sizes) in SERIES.items():
        for rows, columns in sizes:
            series[name].append(measured(bench, tool, rows // asked.divide, columns))
            show()
    # What reads everything into memory is no floor for a file of which it would fill all of it.
    largest = [("driftgate-parquet", ROWS[-1], 30), ("parquet-read", ROWS[-1], 30)]
    largest += [("driftgate-parquet", *BIG)] if asked.big else []
    for tool, rows, columns in largest:
        big.append(measured(bench, tool, rows // asked.divide, columns))
        show()
    sys.stdout.write(show())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
