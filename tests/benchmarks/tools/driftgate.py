"""driftgate's engine: input drift from a frame and from a Parquet file, and everything an evaluation measures."""

from __future__ import annotations

DISTRIBUTION = "driftgate"
IN_MEMORY = {"driftgate-parquet": False}

TARGET = "target"


def schema_of(table):
    """A binary model that knows every column."""
    from governance.vocabulary import Handling, PredictionType
    from tasks.data.schema import Column, Schema

    columns = [Column(name, Handling.NUMERICAL) for name in table.numbers]
    columns += [Column(name, Handling.CATEGORICAL) for name in table.categories]
    return Schema(tuple(columns), TARGET, PredictionType.BINARY, ("0", "1"), None)


def _profile(table):
    from tasks.drift.profile import fit_profile

    return fit_profile(table.reference, schema_of(table))


def measure(profile, table):
    """Every column, with a calibrated p-value and every effect size."""
    from governance.project_file import Drift
    from tasks.drift.columns import measure_columns
    from tasks.drift.scan import scan_frame

    return measure_columns(profile, scan_frame(profile, table.current), Drift().false_alarm_rate)


def prepare_categories(table):
    """Current categories that pandas has encoded already."""
    for name in table.categories:
        table.current[name] = table.current[name].astype("category")
    return _profile(table)


def prepare_from_file(table):
    """The profile, fitted by another process and read from its file, as an evaluation finds it."""
    import json
    import subprocess
    import sys
    from dataclasses import asdict
    from pathlib import Path

    from tasks.drift.profile_file import profile_from_bytes

    file = Path(table.work) / "profile.npz"
    described = {name: value for name, value in asdict(table).items() if not name.startswith("_")}
    fitting = [sys.executable, __file__, json.dumps(described), str(file)]
    done = subprocess.run(fitting, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the profile could not be fitted: {done.stderr.strip().splitlines()[-1:]}")
    return profile_from_bytes(file.read_bytes())


def measure_from_file(profile, table):
    """As ``measure``, straight from the file."""
    from pathlib import Path

    from governance.project_file import Drift
    from tasks.data.sources import Source
    from tasks.drift.columns import measure_columns
    from tasks.drift.scan import scan_parquet

    file = Path(table.current_file)
    return measure_columns(profile, scan_parquet(profile, Source(file.name, file, "parquet")), Drift().false_alarm_rate)


def prepare_full(table):
    """The reference with its predictions, its profile, and how good the predictions on it are."""
    import pandas as pd

    from tasks.drift.profile import fit_profile

    reference = table.reference.join(pd.read_parquet(table.scored_reference_file))
    current = table.current.join(pd.read_parquet(table.scored_current_file))
    schema = schema_of(table)
    return schema, reference, current, fit_profile(reference, schema), _performance(schema, reference)


def measure_full(state, table):
    """Input drift with the drift model, prediction drift, performance; both snapshots are written."""
    from datetime import UTC, datetime
    from pathlib import Path

    from governance.project_file import Drift
    from tasks.drift.findings import measure_input_drift, measure_prediction_drift
    from tasks.drift.performance import performance_drift
    from tasks.drift.scan import scan_frame

    schema, reference, current, profile, before = state
    at = datetime(2026, 1, 1, tzinfo=UTC)
    tallies = scan_frame(profile, current)
    sample = current.sample(min(len(current), SAMPLE_ROWS), random_state=1337)
    found = [
        measure_input_drift(reference, tallies, sample, profile, schema, Drift(), seed=1337, at=at),
        measure_prediction_drift(profile, tallies, schema, at=at),
    ]
    after = _performance(schema, current)
    for number, each in enumerate(found):
        Path(table.work, f"snapshot-{number}.json").write_text(each.snapshot)
    return [*(m for each in found for m in each.measurements), *after, *performance_drift(before, after)]


SAMPLE_ROWS = 10_000
"""The drift model and what is kept of an evaluation see so many rows; everything else sees all."""


def _performance(schema, scored):
    from tasks.metrics.performance import measure_performance

    return measure_performance(schema.prediction_type, schema.classes, scored[TARGET], scored, 0.5)


TOOLS = {
    "driftgate": (_profile, measure),
    "driftgate-category": (prepare_categories, measure),
    "driftgate-parquet": (prepare_from_file, measure_from_file),
    "driftgate-full": (prepare_full, measure_full),
}


def _fit_to_file():
    import json
    import sys
    from pathlib import Path
    from types import SimpleNamespace

    import pandas as pd

    from tasks.drift.profile_file import profile_to_bytes

    table = SimpleNamespace(**json.loads(sys.argv[1]))
    table.reference = pd.read_parquet(table.reference_file)
    Path(sys.argv[2]).write_bytes(profile_to_bytes(_profile(table)))


if __name__ == "__main__":
    # Run by path, its folder comes first, where modules are named like the libraries that they measure.
    import sys

    del sys.path[0]
    _fit_to_file()
