"""The benchmark says what it promises to say. No time is asserted: what it measures depends on the machine."""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.benchmarks import data, environments, peers, scaling, stopwatch, table
from tests.benchmarks.environments import Environments, Unavailable
from tests.benchmarks.measuring import Table
from tests.benchmarks.peers import Bench, Result

ROWS, COLUMNS, REFERENCE = 3_000, 9, 5_000


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def bench(cache):
    return Bench(cache, limit=120, repeats=1, reference_rows=REFERENCE)


def tool(name):
    """A tool's (prepare, measure), loaded as the measuring process loads it."""
    path = peers.FOLDER / "tools" / f"{peers.TOOLS[name].module}.py"
    spec = importlib.util.spec_from_file_location("benchmarked", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TOOLS[name]


def measured(name, files):
    numbers, categories = data.feature_names(files.columns)
    given = Table(str(files.reference), str(files.current), "", "", numbers, categories, "")
    prepare, measure = tool(name)
    return measure(prepare(given), given)


def test_it_prints_one_document_of_the_promised_shape(cache):
    done = subprocess.run(
        [sys.executable, peers.__file__, "--rows", str(ROWS), "--columns", "6", "--tools", "driftgate,numpy",
         "--json", "--cache", cache, "--repeats", "1", "--reference-rows", str(REFERENCE), "--output", cache / "t.md"],
        capture_output=True, text=True, check=True, cwd=cache,
    )  # fmt: skip
    results = json.loads(done.stdout)["results"]
    assert [row["tool"] for row in results] == ["driftgate", "numpy"]
    for row in results:
        assert list(row) == ["tool", "version", "rows", "columns", "seconds", "peak_mb"], row
        assert (row["rows"], row["columns"]) == (ROWS, 6)
        assert row["seconds"] > 0
        assert row["peak_mb"] >= 0
        assert row["version"]
    assert "| numpy |" in (cache / "t.md").read_text()
    kept = json.loads((cache / "t.json").read_text())
    assert kept["machine"]["cores"]
    assert [row["fit_seconds"] > 0 for row in kept["results"]] == [True, True]


def test_driftgate_and_the_numpy_loop_measure_the_same(cache):
    files = data.write_files(cache / "data", ROWS, COLUMNS, REFERENCE)
    plain = measured("numpy", files)
    ours = {column.name: {m.name.rpartition(".")[2]: m.value for m in column.measurements}
            for column in measured("driftgate", files)}  # fmt: skip
    assert ours.keys() == plain.keys()
    within = {"ks_statistic": 1 / 1_000, "wasserstein": 0.01, "psi": 1e-9, "jensen_shannon": 1e-9}
    of_many_levels = plain.pop("category_0008")
    for name, statistics in plain.items():
        for statistic, margin in within.items():
            if statistic in statistics:
                assert ours[name][statistic] == pytest.approx(statistics[statistic], abs=margin), (name, statistic)
    for statistic in ("psi", "jensen_shannon"):  # ours puts the rarest of 200 levels together, which can't add distance
        assert 0 < ours["category_0008"][statistic] <= of_many_levels[statistic]
    assert ours["category_0002"]["chi2_p_value"] == pytest.approx(plain["category_0002"]["chi2_p_value"], abs=1e-9)


def test_categories_that_are_encoded_already_change_nothing(cache):
    files = data.write_files(cache / "data", ROWS, COLUMNS, REFERENCE)
    assert measured("numpy", files) == measured("numpy-category", files)


def test_a_tool_that_takes_too_long_is_a_row_with_the_reason(bench):
    result = Bench(bench.cache, limit=0.01, reference_rows=REFERENCE).measure("numpy", ROWS, 6)
    assert result.promised()["seconds"] is None
    assert result.promised()["reason"] == "not done after 0 s"


def test_a_tool_that_can_not_be_installed_is_a_row_with_the_reason(bench, monkeypatch):
    monkeypatch.setitem(environments.REQUIREMENTS, "evidently", ("evidently @ file:///nowhere/evidently.whl",))
    result = bench.measure("evidently", ROWS, 6)
    assert result.promised()["reason"].startswith("not installed: ")
    assert result.seconds is None


def test_a_tool_that_raises_is_a_row_with_the_reason(bench, monkeypatch, tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "numpy_loop.py").write_text(
        "DISTRIBUTION, IN_MEMORY = 'numpy', {}\ndef prepare(table): raise ValueError('no such day')\n"
        "TOOLS = {'numpy': (prepare, None)}\n"
    )
    (tmp_path / "measuring.py").write_text((peers.FOLDER / "measuring.py").read_text())
    monkeypatch.setattr(peers, "FOLDER", tmp_path)
    assert bench.measure("numpy", ROWS, 6).reason == "ValueError: no such day"


def test_what_was_measured_before_a_tool_was_stopped_counts():
    lines = [
        {"version": "1"},
        {"seconds": 3.0, "cpu_seconds": 3.0, "peak_mb": 5.0},
        {"seconds": 2.0, "cpu_seconds": 4.0},
    ]
    result = peers._filled(Result("numpy", None, 1, 1), lines, "not done after 900 s")
    assert (result.seconds, result.cpu_seconds, result.peak_mb, result.reason) == (2.0, 4.0, 5.0, None)


def test_an_environment_is_made_once(tmp_path, monkeypatch):
    made = []

    def make(_self, home, python, _requirements):
        made.append(home)
        python.parent.mkdir(parents=True)

    monkeypatch.setattr(Environments, "_make", make)
    once = Environments(tmp_path)
    assert once.python("frouros") == once.python("frouros")
    assert len(made) == 1
    assert once.python(None) == Path(sys.executable)


def test_an_environment_that_failed_is_tried_again(tmp_path, monkeypatch):
    def fail(_self, home, _python, _requirements):
        home.mkdir(parents=True)
        raise Unavailable("no network")

    monkeypatch.setattr(Environments, "_make", fail)
    for _ in range(2):
        with pytest.raises(Unavailable):
            Environments(tmp_path).python("frouros")


def test_every_tool_has_a_module_and_every_environment_a_tool():
    for name, (module, environment) in peers.TOOLS.items():
        assert (peers.FOLDER / "tools" / f"{module}.py").is_file(), name
        assert environment is None or environment in environments.REQUIREMENTS
        assert tool(name)
    assert set(environments.REQUIREMENTS) == {each.environment for each in peers.TOOLS.values() if each.environment}


def test_a_column_is_the_same_in_a_narrow_and_in_a_wide_table(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "CHUNK_ROWS", 400)
    narrow = pq.read_table(data.write_files(tmp_path, 1_000, 3, 500).current)
    wide = pq.read_table(data.write_files(tmp_path, 1_000, 12, 500).current)
    assert narrow.num_rows == wide.num_rows == 1_000
    assert wide.select(narrow.column_names).equals(narrow)


def test_two_columns_in_three_are_numbers():
    numbers, categories = data.feature_names(30)
    assert (len(numbers), len(categories)) == (20, 10)


def test_the_table_has_the_ratio_to_the_loop_and_the_reasons():
    results = [Result("numpy", "2", rows, 30, seconds=rows / 1e6, peak_mb=1.0) for rows in (10_000, 1_000_000)] + [
        Result("driftgate", "1", 10_000, 30, seconds=0.005),
        Result("driftgate", "1", 1_000_000, 30, reason="tired"),
    ]
    text = table.of_peers(results)
    assert "| driftgate | 1 | 0.0050 (0.5) | see below |" in text
    assert "* driftgate, 1,000,000 x 30: tired" in text


def test_a_cost_that_is_a_power_of_the_size_has_that_power():
    sizes = np.array([10, 100, 1_000])
    assert scaling.exponent(sizes, 3.0 * sizes**1.5) == pytest.approx(1.5)


def test_the_phases_of_the_stopwatch_add_up_and_the_innermost_counts():
    begun = time.monotonic()
    watch = stopwatch.Stopwatch(begun)
    with watch.phase("read"):
        time.sleep(0.01)
        with watch.phase("import"):
            time.sleep(0.03)
    with watch.phase("rest"):
        pass
    assert sum(watch.seconds.values()) <= time.monotonic() - begun
    assert watch.seconds["import"] >= 0.03
    assert watch.seconds["read"] >= 0.01


def test_what_the_stopwatch_looks_for_is_there():
    import functools
    import importlib

    for module, functions in stopwatch.OF_FUNCTIONS.items():
        for path in functions:
            assert callable(functools.reduce(getattr, path.split("."), importlib.import_module(module))), path


def test_the_stopwatch_knows_the_phase_of_every_task_of_an_evaluation():
    import ast

    flow = ast.parse((peers.ROOT / "flows" / "evaluate.py").read_text())
    tasks = [
        alias.name
        for statement in flow.body
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith("tasks.")
        for alias in statement.names
        if alias.name.islower()
    ]
    assert len(tasks) > 4
    assert not [name for name in tasks if name.partition("_")[0] not in stopwatch.OF_TASKS]
