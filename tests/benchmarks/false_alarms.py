"""How often drift is reported where there is none, and how often where there is: driftgate beside other tools.

``python tests/benchmarks/false_alarms.py`` prints a table (on two cores about half an hour); ``--quick`` takes two
minutes and is only good for seeing that everything runs; ``--runs 500`` is what a half point takes at a rate of 5 %.
``--json`` prints one JSON document instead.

Every run draws a fresh reference of 10,000 rows and, for every number of rows, fresh batches: from the same
distribution, and from one whose underlying normal variable is shifted by 0.1, 0.2 or 0.5 standard deviations. Levels
are that variable cut into equally frequent parts. Of the 20 columns that hang together (correlation 0.5) the first one
is shifted; "all 20" is an alarm for the table as a whole: with driftgate its metric ``columns_p_value``, elsewhere an
alarm of any column. Evidently and NannyML run with what they do when nothing is set.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # when it is run as a script

REFERENCE_ROWS: Final = 10_000
SIZES: Final = (100, 300, 1_000, 3_000)
SHIFTS: Final = (0.0, 0.1, 0.2, 0.5)
RATES: Final = (0.01, 0.05)
LEVELS: Final = (5, 20, 200)

SINGLE: Final = ["normal", "lognormal", *(f"{levels} levels" for levels in LEVELS)]
TOGETHER: Final = [f"x{number:02}" for number in range(20)]
ONE_OF, ALL_OF = "20 correlated, each", "20 correlated, all"

OURS: Final = {rate: f"driftgate, {rate:.0%}" for rate in RATES}


class Case(NamedTuple):
    """What was counted: alarms of one tool on one kind of column."""

    tool: str
    data: str
    rows: int
    shift: float


Counted = dict[Case, list[bool]]


def draw_table(random: np.random.Generator, rows: int, shift: float) -> pd.DataFrame:
    """A column of every kind, and 20 that hang together."""
    from scipy.special import ndtr

    columns: dict[str, Any] = {
        "normal": random.normal(shift, 1, rows),
        "lognormal": random.lognormal(shift, 1, rows),
    }
    for levels in LEVELS:
        codes = np.minimum(levels - 1, ndtr(random.normal(shift, 1, rows)) * levels).astype(np.int64)
        columns[f"{levels} levels"] = pd.array([f"level {code}" for code in codes], dtype="str")
    common = random.normal(size=rows)
    for number, name in enumerate(TOGETHER):
        own = random.normal(size=rows) * np.sqrt(0.5) + common * np.sqrt(0.5)
        columns[name] = own + shift if number == 0 else own
    return pd.DataFrame(columns)


def batches_of(random: np.random.Generator, batches: int) -> Iterator[tuple[int, float, pd.DataFrame]]:
    """Every number of rows, every shift, several times."""
    for rows in SIZES:
        for shift in SHIFTS:
            for _ in range(batches):
                yield rows, shift, draw_table(random, rows, shift)


def count_ours(reference: pd.DataFrame, batches: list[tuple[int, float, pd.DataFrame]], counted: Counted) -> None:
    """With what an evaluation uses: the profile of the reference, and its null distribution."""
    from governance.project_file.watched import FalseAlarmRate
    from governance.vocabulary import Handling, PredictionType
    from tasks.data.schema import Column, Schema
    from tasks.drift.columns import measure_columns
    from tasks.drift.profile import fit_profile
    from tasks.drift.scan import scan_frame

    for names in (SINGLE, TOGETHER):
        features = tuple(
            Column(name, Handling.CATEGORICAL if name.endswith("levels") else Handling.NUMERICAL) for name in names
        )
        schema = Schema(features, "target", PredictionType.REGRESSION, (), None)
        profile = fit_profile(reference[names], schema)
        null = profile.null
        if null is None or not all(null.promised(rate, rows) for rate in RATES for rows in SIZES):
            raise SystemExit("driftgate doesn't promise the rates that are measured here")
        for rows, shift, batch in batches:
            found = measure_columns(profile, scan_frame(profile, batch[names]), FalseAlarmRate())
            p_values = {column.name: column.p_value for column in found if column.p_value is not None}
            together = null.largest_p_value(p_values, rows)
            for rate, tool in OURS.items():
                _count(counted, tool, rows, shift, {name: p_value < rate for name, p_value in p_values.items()})
                if names is TOGETHER:
                    counted[Case(tool, ALL_OF, rows, shift)].append(together < rate)


def count_evidently(reference: pd.DataFrame, batches: list[tuple[int, float, pd.DataFrame]], counted: Counted) -> None:
    """With the test and threshold that its preset chooses for a column."""
    from evidently.legacy.calculations.stattests import get_stattest
    from evidently.legacy.core import ColumnType

    for rows, shift, batch in batches:
        alarms = {}
        for name in batch:
            kind = ColumnType.Categorical if name.endswith("levels") else ColumnType.Numerical
            test = get_stattest(reference[name], batch[name], kind.value, None)
            alarms[name] = bool(test(reference[name], batch[name], kind.value, None).drifted)
        _count(counted, "Evidently", rows, shift, alarms)
        counted[Case("Evidently", ALL_OF, rows, shift)].append(any(alarms[name] for name in TOGETHER))


def count_nannyml(
    python: Path, reference: pd.DataFrame, batches: list[tuple[int, float, pd.DataFrame]], counted: Counted
) -> None:
    """In its own environment: the batches of a size are the chunks of one table."""
    of_kind: dict[tuple[int, float], list[pd.DataFrame]] = defaultdict(list)
    for rows, shift, batch in batches:
        of_kind[rows, shift].append(batch)
    with tempfile.TemporaryDirectory() as folder:
        reference.to_parquet(Path(folder) / "reference.parquet")
        for number, ((rows, _), parts) in enumerate(of_kind.items()):
            pd.concat(parts, ignore_index=True).to_parquet(Path(folder) / f"{number}-{rows}.parquet")
        done = subprocess.run(
            [python, Path(__file__), "--in-environment-of-nannyml", folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"NannyML failed: {done.stderr[-1_000:]}")
        for number, ((rows, shift), parts) in enumerate(of_kind.items()):
            found = json.loads((Path(folder) / f"{number}-{rows}.json").read_text())
            for place in range(len(parts)):
                alarms = {name: found[name][place] for name in found}
                _count(counted, "NannyML", rows, shift, alarms)
                counted[Case("NannyML", ALL_OF, rows, shift)].append(any(alarms[name] for name in TOGETHER))


def run_nannyml(folder: Path) -> None:
    """Write the alarms of its default method, per column and chunk; runs where NannyML is installed."""
    import os

    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    import nannyml  # type: ignore[import-not-found, unused-ignore]

    reference = pd.read_parquet(folder / "reference.parquet")
    names, levels = list(reference), [name for name in reference if name.endswith("levels")]
    for file in folder.glob("*-*.parquet"):
        rows = int(file.stem.split("-")[1])
        calculator = nannyml.UnivariateDriftCalculator(names, treat_as_categorical=levels, chunk_size=rows)
        found = calculator.fit(reference).calculate(pd.read_parquet(file)).filter(period="analysis").to_df()
        alarms = {name: found[name].xs("alert", axis=1, level=-1).any(axis=1).astype(bool).tolist() for name in names}
        file.with_suffix(".json").write_text(json.dumps(alarms))


def _count(counted: Counted, tool: str, rows: int, shift: float, alarms: dict[str, bool]) -> None:
    for name in SINGLE:
        if name in alarms:
            counted[Case(tool, name, rows, shift)].append(alarms[name])
    if TOGETHER[0] in alarms:
        # where the first one is shifted, it alone says what a shift does
        each = TOGETHER if shift == 0 else TOGETHER[:1]
        counted[Case(tool, ONE_OF, rows, shift)] += [alarms[name] for name in each]


def as_tables(counted: Counted, left_out: list[str]) -> str:
    """Markdown: alarms without drift, then with each shift; shares in percent."""
    from tests.benchmarks.table import markdown

    parts = []
    for shift in SHIFTS:
        tools = list(dict.fromkeys(case.tool for case in counted))
        lines = [
            [data, tool, *(_percent(counted.get(Case(tool, data, rows, shift))) for rows in SIZES)]
            for data in [*SINGLE, ONE_OF, ALL_OF]
            for tool in tools
        ]
        title = f"Alarms where the data are shifted by {shift} standard deviations" if shift else "Alarms without drift"
        header = [f"{title}, %", "tool, stated rate", *(f"{rows:,} rows" for rows in SIZES)]
        parts.append(markdown(header, lines))
    parts += [f"* {reason}" for reason in left_out]
    return "\n\n".join(parts) + "\n"


def farthest(counted: Counted) -> str:
    """Where driftgate's alarms are farthest from the rate that it states."""
    off = {
        (case, rate): float(np.mean(alarms)) - rate
        for rate, tool in OURS.items()
        for case, alarms in counted.items()
        if case.tool == tool and case.shift == 0
    }
    (case, rate), worst = max(off.items(), key=lambda item: abs(item[1]))
    error = np.sqrt(rate * (1 - rate) / len(counted[case]))
    return (
        f"Farthest from its rate: {case.tool} on {case.data}, {case.rows:,} rows, by {100 * worst:+.2f} points "
        f"(standard error {100 * error:.2f}, one of {len(off)})."
    )


def _percent(alarms: list[bool] | None) -> str:
    return "" if not alarms else f"{100 * np.mean(alarms):.1f}"


def main() -> None:
    """Count, and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--runs", type=int, default=200, help="references of driftgate (200)")
    asked.add_argument("--batches", type=int, default=5, help="batches per reference, number of rows and shift (5)")
    asked.add_argument("--peer-runs", type=int, default=10, help="references of the other tools (10)")
    asked.add_argument("--tools", default="driftgate,evidently,nannyml", help="which of them")
    asked.add_argument("--quick", action="store_true", help="3 references, 1 of the other tools")
    asked.add_argument("--seed", type=int, default=1337)
    asked.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    asked.add_argument("--in-environment-of-nannyml", type=Path, help=argparse.SUPPRESS)
    chosen = asked.parse_args()
    if chosen.in_environment_of_nannyml:
        run_nannyml(chosen.in_environment_of_nannyml)
        return

    from tests.benchmarks.environments import Environments, Unavailable, default_cache, say

    runs, peer_runs = (3, 1) if chosen.quick else (chosen.runs, chosen.peer_runs)
    tools, left_out = chosen.tools.split(","), []
    python = None
    if "nannyml" in tools:
        try:
            python = Environments(default_cache() / "environments").python("nannyml")
        except Unavailable as problem:
            left_out.append(f"NannyML is left out: {problem}")
    counted: Counted = defaultdict(list)
    for run in range(runs):
        say(f"\rreference {run + 1} of {runs}", end="")
        random = np.random.default_rng([chosen.seed, run])
        reference = draw_table(random, REFERENCE_ROWS, 0.0)
        batches = list(batches_of(random, chosen.batches))
        if "driftgate" in tools:
            count_ours(reference, batches, counted)
        if "evidently" in tools and run < peer_runs:
            count_evidently(reference, batches, counted)
        if python is not None and run < peer_runs:
            count_nannyml(python, reference, batches, counted)
    say("")
    if chosen.json:
        results = [
            {**case._asdict(), "batches": len(alarms), "share": float(np.mean(alarms))}
            for case, alarms in counted.items()
        ]
        versions = {name: version(name) for name in ("driftgate", "evidently", "numpy", "pandas")}
        sys.stdout.write(json.dumps({"results": results, "left_out": left_out, "versions": versions}) + "\n")
        return
    sys.stdout.write(as_tables(counted, left_out))
    if any(case.tool in OURS.values() for case in counted):
        sys.stdout.write(f"\n{farthest(counted)}\n")


if __name__ == "__main__":
    main()
