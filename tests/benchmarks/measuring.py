"""One tool on one table, in a process of its own: run by ``peers.py`` with the interpreter of the tool's environment.

Knows nothing but the standard library and what it is told, since every environment runs it. Prints one JSON line
per repetition, so that a process that is stopped has not measured in vain.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENOUGH_SECONDS = 20.0
"""No further repetition once the counted ones took so long together."""


@dataclass
class Table:
    """What a tool is given.

    Args:
        reference_file: Parquet.
        current_file: Parquet.
        scored_reference_file: Target and predictions of the reference.
        scored_current_file: Likewise of the current rows.
        numbers: Names of the columns that are numbers.
        categories: Names of the others.
        work: An empty folder to write into.
    """

    reference_file: str
    current_file: str
    scored_reference_file: str
    scored_current_file: str
    numbers: list[str]
    categories: list[str]
    work: str
    _frames: dict[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> Any:
        """As pandas reads it; read once."""
        return self._frame(self.reference_file)

    @property
    def current(self) -> Any:
        """As pandas reads it; read once."""
        return self._frame(self.current_file)

    def _frame(self, file: str) -> Any:
        if file not in self._frames:
            import pandas as pd

            self._frames[file] = pd.read_parquet(file)
        return self._frames[file]


class Peak:
    """Peak of the resident memory of this process since a moment; MB of a million bytes."""

    def __init__(self) -> None:
        gc.collect()
        self.before = status_mb("VmRSS")
        try:
            Path("/proc/self/clear_refs").write_text("5")  # Linux: the peak starts anew
        except OSError:
            sys.stderr.write("the peak of memory is that since the start of the process\n")

    def above(self, before: float | None = None) -> float | None:
        """By how much it rose. An upper bound where the system can't start its peak anew; ``None`` without /proc."""
        peak, before = status_mb("VmHWM"), self.before if before is None else before
        return None if peak is None or before is None else max(0.0, peak - before)


def status_mb(name: str) -> float | None:
    """What Linux says of this process's memory, in MB of a million bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith(f"{name}:")]
    return int(found[0][1]) * 1024 / 1e6 if found else None


def main() -> int:
    """Warm up on a small table, prepare, measure again and again."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--module", required=True)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--table", required=True, help="JSON of the Table")
    parser.add_argument("--small", required=True, help="JSON of the Table to warm up with")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is not our answer
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

    def say(**line: Any) -> None:
        print(json.dumps(line), file=out, flush=True)

    try:
        spec = importlib.util.spec_from_file_location("benchmarked", asked.module)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(module)  # type: ignore[union-attr]
        prepare, measure = module.TOOLS[asked.tool]
        say(version=importlib.metadata.version(module.DISTRIBUTION))

        small = Table(**json.loads(asked.small))
        measure(prepare(small), small)
        del small
        gc.collect()
        imported = status_mb("VmRSS")

        table = Table(**json.loads(asked.table))
        if module.IN_MEMORY.get(asked.tool, True):
            _ = table.reference, table.current
        begun = time.perf_counter()
        state = prepare(table)
        say(fit_seconds=time.perf_counter() - begun)
        spent = 0.0
        for repeat in range(asked.repeats):
            peak = Peak()
            cpu, begun = time.process_time(), time.perf_counter()
            result = measure(state, table)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
            line = {"seconds": seconds, "cpu_seconds": cpu}
            if repeat == 0:  # what it has freed is partly kept, and used again by the next
                line |= {"peak_mb": peak.above(), "peak_above_imports_mb": peak.above(imported)}
            say(**line)
            del result
            spent += seconds
            if spent > ENOUGH_SECONDS:
                break
    except Exception as problem:  # whatever a tool raises is the reason in its row
        traceback.print_exc()
        text = " ".join(str(problem).split())
        say(reason=f"{type(problem).__name__}: {text[:300]}" if text else type(problem).__name__)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # nothing that a library does on its way out is waited for
