"""Time and memory of driftgate beside other tools, on the same data, each in a process of its own.

``python tests/benchmarks/peers.py`` measures everything and prints a table (on two cores about an hour, most of it
the slow peers); ``--rows 1000000 --columns 30 --tools driftgate,numpy,evidently --json`` measures one size and
prints one JSON document. ``--output FILE.md`` keeps the table, and beside it as ``FILE.json`` all that was measured,
after every tool. Peers get environments of their own below ``--cache``, made when they are first needed.

What counts: comparing the current rows with the reference. What doesn't, for anybody: imports, reading the files
(where a tool takes frames), and what can be done once with the reference alone (the column "fit" says what it took).
``numpy`` is the plainest fast loop there is, the yardstick. Seconds are of the clock, the best of up to five
repetitions; memory is the peak of the first repetition above what the process held before it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # when it is run as a script

from tests.benchmarks import data, table  # noqa: E402
from tests.benchmarks.environments import Environments, Unavailable, default_cache, say  # noqa: E402

FOLDER: Final = Path(__file__).resolve().parent


class Tool(NamedTuple):
    """Where a tool is: its module below ``tools/``, and its environment (``None``: ours)."""

    module: str
    environment: str | None = None


TOOLS: Final[dict[str, Tool]] = {
    "driftgate": Tool("driftgate"),
    "driftgate-category": Tool("driftgate"),
    "driftgate-full": Tool("driftgate"),
    "driftgate-parquet": Tool("driftgate"),
    "parquet-read": Tool("parquet_read"),
    "parquet-read-pandas": Tool("parquet_read"),
    "numpy": Tool("numpy_loop"),
    "numpy-category": Tool("numpy_loop"),
    "scipy": Tool("scipy_loop"),
    "evidently": Tool("evidently", "evidently"),
    "nannyml": Tool("nannyml", "nannyml"),
    "nannyml-default": Tool("nannyml", "nannyml"),
    "alibi-detect": Tool("alibi_detect", "alibi-detect"),
    "frouros": Tool("frouros", "frouros"),
    "popmon": Tool("popmon", "popmon"),
    "whylogs": Tool("whylogs", "whylogs"),
    "deepchecks": Tool("deepchecks", "deepchecks"),
}

SIZES: Final = (
    (10_000, 30), (100_000, 30), (1_000_000, 30),
    (100_000, 10), (100_000, 100), (100_000, 1_000),
)  # fmt: skip


@dataclass
class Result:
    """One tool on one size; without ``seconds`` it has a reason."""

    tool: str
    version: str | None
    rows: int
    columns: int
    seconds: float | None = None
    peak_mb: float | None = None
    fit_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_above_imports_mb: float | None = None
    repetitions: int = 0
    reason: str | None = None

    def promised(self) -> dict[str, Any]:
        """What ``--json`` prints of it."""
        row = {name: getattr(self, name) for name in ("tool", "version", "rows", "columns", "seconds", "peak_mb")}
        return row if self.seconds is not None else {**row, "reason": self.reason}


@dataclass(frozen=True)
class Bench:
    """How to measure.

    Args:
        cache: Folder of the environments and the data.
        limit: Seconds a tool may take for one size, all included.
        repeats: At most so many repetitions.
        reference_rows: Rows of the reference.
    """

    cache: Path
    limit: float = 900.0
    repeats: int = 5
    reference_rows: int = data.REFERENCE_ROWS

    def measure(self, name: str, rows: int, columns: int) -> Result:
        """Run one tool on one size; never raises because of the tool."""
        tool, result = TOOLS[name], Result(name, None, rows, columns)
        try:
            python = Environments(self.cache / "environments").python(tool.environment)
        except Unavailable as problem:
            result.reason = f"not installed: {problem}"
            return result
        files = data.write_files(self.cache / "data", rows, columns, self.reference_rows)
        small = data.write_files(self.cache / "data", data.SMALL_ROWS, 3, data.SMALL_ROWS)
        with tempfile.TemporaryDirectory(prefix="driftgate-benchmark-") as work:
            command = [
                str(python), str(FOLDER / "measuring.py"),
                "--module", str(FOLDER / "tools" / f"{tool.module}.py"), "--tool", name,
                "--table", _described(files, work), "--small", _described(small, work),
                "--repeats", str(self.repeats),
            ]  # fmt: skip
            lines, problem = _run(command, work, self.limit)
        return _filled(result, lines, problem)


def _described(files: data.Files, work: str) -> str:
    numbers, categories = data.feature_names(files.columns)
    return json.dumps(
        {
            "reference_file": str(files.reference),
            "current_file": str(files.current),
            "scored_reference_file": str(files.scored_reference),
            "scored_current_file": str(files.scored_current),
            "numbers": numbers,
            "categories": categories,
            "work": work,
        }
    )


def _run(command: list[str], work: str, limit: float) -> tuple[list[dict[str, Any]], str | None]:
    """The lines that a process wrote, and why there are no more of them."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment |= {"DO_NOT_TRACK": "1", "MPLBACKEND": "Agg", "PYTHONWARNINGS": "ignore", "DRIFTGATE_HOME": work}
    process = subprocess.Popen(
        command, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    problem = None
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        problem = f"not done after {limit:,.0f} s"
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    lines = [json.loads(line) for line in out.splitlines() if line.endswith("}")]
    if problem is None and process.returncode < 0:
        problem = f"ended by signal {-process.returncode}"
    if problem is None and process.returncode and not any("reason" in line for line in lines):
        problem = f"ended with {process.returncode}: {err.strip()[-300:]}"
    return lines, problem


def _filled(result: Result, lines: Iterable[dict[str, Any]], problem: str | None) -> Result:
    for line in lines:
        result.version = line.get("version", result.version)
        result.fit_seconds = line.get("fit_seconds", result.fit_seconds)
        problem = line.get("reason", problem)
        result.peak_mb = line.get("peak_mb", result.peak_mb)
        result.peak_above_imports_mb = line.get("peak_above_imports_mb", result.peak_above_imports_mb)
        if "seconds" in line:
            result.repetitions += 1
            if result.seconds is None or line["seconds"] < result.seconds:
                result.seconds, result.cpu_seconds = line["seconds"], line["cpu_seconds"]
    if result.seconds is None:
        result.reason = problem or "it said nothing"
    return result


def machine() -> dict[str, Any]:
    """What it was measured on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def keep(output: Path | None, text: str, document: dict[str, Any]) -> None:
    """Write a table, and what it was made from beside it."""
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.with_suffix(".md").write_text(text, encoding="utf-8")
        output.with_suffix(".json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _numbers(text: str) -> list[int]:
    return [int(each.replace("_", "")) for each in text.split(",")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], epilog=f"Tools: {', '.join(TOOLS)}.")
    parser.add_argument("--rows", type=_numbers, help="of the current data; several with commas")
    parser.add_argument("--columns", type=_numbers, help="several with commas")
    parser.add_argument("--tools", type=lambda text: text.split(","), default=list(TOOLS))
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--output", type=Path, help="keep the table in this file, and the details beside it")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder of environments and data")
    parser.add_argument("--limit", type=float, default=900.0, help="seconds per tool and size")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--reference-rows", type=int, default=data.REFERENCE_ROWS)
    asked = parser.parse_args(arguments)
    unknown = [tool for tool in asked.tools if tool not in TOOLS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(TOOLS)}")
    sizes: Iterable[tuple[int, int]] = SIZES
    if asked.rows or asked.columns:
        sizes = [(rows, columns) for columns in asked.columns or [30] for rows in asked.rows or [100_000]]

    bench = Bench(asked.cache.resolve(), asked.limit, asked.repeats, asked.reference_rows)
    results: list[Result] = []
    for rows, columns in sizes:
        for tool in asked.tools:
            say(f"{tool}: {rows:,} rows x {columns:,} columns", end=" ")
            result = bench.measure(tool, rows, columns)
            say(result.reason or f"{result.seconds:.3f} s")
            results.append(result)
            keep(
                asked.output,
                table.of_peers(results),
                {"machine": machine(), "results": [asdict(each) for each in results]},
            )
    if asked.json:
        sys.stdout.write(json.dumps({"results": [result.promised() for result in results]}) + "\n")
    else:
        sys.stdout.write(table.of_peers(results))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
