"""Where the time of ``driftgate evaluate`` goes, from the shell: import, read, score, measure, record.

``python tests/benchmarks/shell.py`` makes a project with 30 columns, trains a model, and evaluates 10,000 rows in
processes of their own: by the console script itself for the whole, and under ``stopwatch.py`` for the parts, once
with a Prefect server that runs already (as beside ``driftgate serve``) and once without, when the command starts one
for itself. ``--output FILE.md`` keeps the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run as a script

from tests.benchmarks import data, stopwatch, table
from tests.benchmarks.environments import say
from tests.benchmarks.peers import keep, machine

DRIFTGATE: Final = Path(sys.executable).parent / "driftgate"
EVALUATE: Final = ("evaluate", "arrivals", "--version", "latest", "--json")
PHASES: Final = {
    "interpreter": "Python itself starts",
    "import": "imports of all modules",
    "server": "start and stop of a Prefect server of its own, or sending the last events to the one that runs",
    "read": "the project, the version, the rows",
    "score": "predictions",
    "measure": "input drift, prediction drift, performance",
    "record": "snapshot, files, database",
    "rest": "the command line, and Prefect's bookkeeping of flow and tasks",
    "end": "after the last line, until the process is gone",
}
"""What each line of the table is, in the order of the command."""


def make_project(folder: Path, rows: int, columns: int, ending: str) -> None:
    """A binary model with a store that measures everything, twice as many training rows, and a batch."""
    import yaml

    for name, of, side in (("training", 2 * rows, 0), ("arrivals", rows, 1)):
        _write_table(folder / f"{name}.{ending}", of, columns, side)
    (folder / "project.yaml").write_text(
        yaml.safe_dump(
            {
                "project": "shell",
                "data": {name: {"path": f"{name}.{ending}"} for name in ("training", "arrivals")},
                "models": {
                    "model": {
                        "target": data.TARGET,
                        "prediction_type": "binary",
                        "train_on": "training",
                        "features": {"handling": dict.fromkeys(data.feature_names(columns)[1], "categorical")},
                    }
                },
                "stores": {"arrivals": {"model": "model", "data": "arrivals"}},
            }
        )
    )


def _write_table(path: Path, rows: int, columns: int, side: int) -> None:
    import numpy as np
    import pandas as pd

    numbers, categories = data.feature_names(columns)
    frame = {}
    for position, name in enumerate(sorted([*numbers, *categories], key=lambda each: each.rpartition("_")[2])):
        values = data.column_values(position, rows, side, 0)
        frame[name] = np.array(values[1], dtype=object)[values[0]] if isinstance(values, tuple) else values
    score = frame[numbers[0]] + 0.3 * np.log(frame[numbers[1]])
    chance = np.random.default_rng([data.SEED, side]).random(rows)
    frame[data.TARGET] = (chance < 1 / (1 + np.exp(-score))).astype(int)
    table_of_rows = pd.DataFrame(frame)
    if path.suffix == ".csv":
        table_of_rows.to_csv(path, index=False)
    else:
        table_of_rows.to_parquet(path, index=False)


def whole(environment: dict[str, str], folder: Path) -> float:
    """Seconds that the console script takes, as a person waits for it."""
    begun = time.monotonic()
    _run([str(DRIFTGATE), *EVALUATE], environment, folder)
    return time.monotonic() - begun


def parts(environment: dict[str, str], folder: Path) -> dict[str, float]:
    """Phase: its seconds."""
    with tempfile.NamedTemporaryFile(suffix=".json") as written:
        command = [sys.executable, str(Path(stopwatch.__file__)), *EVALUATE]
        begun = time.monotonic()
        _run(command, environment | {stopwatch.STARTED: str(begun), stopwatch.WRITTEN: written.name}, folder)
        gone = time.monotonic()
        found = json.loads(Path(written.name).read_text())
    seconds: dict[str, float] = found["seconds"]
    return seconds | {"end": gone - found["ended"], "all": gone - begun}


def heaviest_imports(environment: dict[str, str], folder: Path, most: int = 12) -> list[tuple[str, float, int]]:
    """Package, seconds of its own modules while they were imported, and how many; by ``-X importtime``."""
    done = _run([sys.executable, "-X", "importtime", str(DRIFTGATE), *EVALUATE], environment, folder)
    microseconds: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    for own, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", done.stderr, re.MULTILINE):
        package = name.partition(".")[0]
        microseconds[package] += int(own)
        modules[package] += 1
    return [(package, spent / 1e6, modules[package]) for package, spent in microseconds.most_common(most)]


def _run(command: list[str], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return done


def tables(
    wholes: dict[str, list[float]], split: dict[str, list[dict[str, float]]], imports: list[tuple[str, float, int]]
) -> str:
    """The breakdown of the fastest runs, and the heaviest packages."""
    best = {where: min(runs, key=lambda run: run["all"]) for where, runs in split.items()}
    lines = [
        [phase, *(f"{run.get(phase, 0.0):.2f}" for run in best.values()), about] for phase, about in PHASES.items()
    ]
    lines.append(["all, with the stopwatch", *(f"{run['all']:.2f}" for run in best.values()), ""])
    lines.append(["all, without it", *(f"{min(runs):.2f}" for runs in wholes.values()), "the console script as it is"])
    return (
        table.markdown(["phase", *(f"{where}, s" for where in best), "what it is"], lines)
        + "\n\n"
        + table.markdown(
            ["imported package", "s", "modules"],
            [[name, f"{spent:.2f}", f"{count:,}"] for name, spent, count in imports],
        )
        + "\n"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the project, measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, help="keep the tables in this file, and the details beside it")
    asked = parser.parse_args(arguments)

    from deployments.servers.password import WANTED
    from deployments.servers.short_lived import prefect_server
    from governance.settings import Settings

    wholes: dict[str, list[float]] = {}
    split: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="driftgate-shell-") as name:
        folder = Path(name)
        make_project(folder, asked.rows, asked.columns, asked.format)
        alone = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "DRIFTGATE_"))}
        alone |= {"DRIFTGATE_HOME": str(folder / "home"), "DRIFTGATE_USER": "ada", "COLUMNS": "120"}
        say("training")
        _run([str(DRIFTGATE), "train", "--json"], alone, folder)

        def measure(where: str, environment: dict[str, str]) -> None:
            wholes[where], split[where] = [], []
            for number in range(asked.repeats):
                say(f"{where}: run {number + 1} of {asked.repeats}")
                wholes[where].append(whole(environment, folder))
                split[where].append(parts(environment, folder))

        with prefect_server(Settings(home=folder / "serving")) as url:
            told = {"PREFECT_API_URL": url, WANTED: os.environ[WANTED]}
            measure("a server runs", alone | told)
            imports = heaviest_imports(alone | told, folder)
        measure("no server runs", alone)
    found = tables(wholes, split, imports)
    document: dict[str, Any] = {
        "machine": machine(), "rows": asked.rows, "columns": asked.columns, "format": asked.format,
        "whole": wholes, "parts": split, "imports": imports,
    }  # fmt: skip
    keep(asked.output, found, document)
    sys.stdout.write(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
