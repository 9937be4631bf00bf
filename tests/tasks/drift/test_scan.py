"""A Parquet file is counted as a frame is, whatever its types and row groups, and in little memory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from governance.errors import SchemaMismatch, UnreadableFile
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import Handling, PredictionType
from tasks.data.reading import read_frame
from tasks.data.schema import Column, Schema
from tasks.data.sources import Source
from tasks.drift.columns import measure_columns
from tasks.drift.cores import on_all_cores
from tasks.drift.profile import fit_profile
from tasks.drift.scan import scan_file, scan_frame, scan_parquet
from tasks.drift.summary import table_of

FEATURES = {
    "number": Handling.NUMERICAL, "whole": Handling.NUMERICAL, "flag": Handling.CATEGORICAL,
    "level": Handling.CATEGORICAL, "day": Handling.DATE, "words": Handling.TEXT, "price": Handling.NUMERICAL,
}  # fmt: skip
SCHEMA = Schema(tuple(Column(*f) for f in FEATURES.items()), "y", PredictionType.BINARY, ("0", "1"), None)


def written(path, seed, rows=5_000, **options):
    random = np.random.default_rng(seed)
    table = pa.table({
        "noise": pa.array(random.random(rows)),
        "number": pa.array(random.normal(size=rows), mask=random.random(rows) < 0.1),
        "whole": pa.array(random.integers(0, 9, rows), pa.int16()), "flag": pa.array(random.random(rows) < 0.3),
        "level": pa.array(random.choice(["a", "b", "NA", "1.0"], rows)),
        "day": pa.array(random.integers(0, 10**9, rows) * 10**6, pa.timestamp("us", "Europe/Berlin")),
        "words": pa.array(random.choice(["ä", "bb", ""], rows)),
        "price": pa.array(np.round(random.random(rows) * 100)).cast(pa.decimal128(9, 2)),
    })  # fmt: skip
    pq.write_table(table, path, **options)
    return Source(str(path), path, "parquet")


def tables(profile, current):
    return [table_of(column) for column in measure_columns(profile, current, FalseAlarmRate())], current.rows


@pytest.mark.parametrize("options", [{}, {"row_group_size": 700}, {"use_dictionary": False}])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_file_is_counted_as_the_frame_that_is_read_from_it(tmp_path, options, threads):
    profile = fit_profile(read_frame(written(tmp_path / "r.parquet", 1), FEATURES), SCHEMA, calibrate=False)
    source = written(tmp_path / "c.parquet", 2, **options)
    from_file = scan_parquet(profile, source, threads=threads)
    assert tables(profile, from_file) == tables(profile, scan_frame(profile, read_frame(source, FEATURES)))


def test_a_file_that_lacks_a_feature_or_is_none_is_refused(tmp_path):
    source = written(tmp_path / "c.parquet", 1, rows=10)
    profile = fit_profile(read_frame(source, FEATURES), SCHEMA, calibrate=False)
    pq.write_table(pq.read_table(source.path).drop_columns("level"), source.path)
    with pytest.raises(SchemaMismatch, match="level"):
        scan_parquet(profile, source)
    source.path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(UnreadableFile):
        scan_parquet(profile, source)


def test_progress_is_told_column_by_column(tmp_path):
    source = written(tmp_path / "c.parquet", 1, rows=10)
    profile = fit_profile(read_frame(source, FEATURES), SCHEMA, calibrate=False)
    told = []
    scan_parquet(profile, source, progress=lambda what, share: told.append((what, share)))
    assert [what for what, _ in told] == ["counting current values"] * len(FEATURES)
    assert told == sorted(told)


def test_a_frame_may_be_a_part_of_another():
    frame = pd.DataFrame({"a": np.arange(100.0)})
    schema = Schema((Column("a", Handling.NUMERICAL),), "y", PredictionType.BINARY, ("0", "1"), None)
    profile = fit_profile(frame, schema, calibrate=False)
    assert tables(profile, scan_frame(profile, frame[::2])) == tables(profile, scan_frame(profile, frame[::2].copy()))


def as_csv(path, source):
    """As pandas writes it."""
    pq.read_table(source.path).to_pandas().to_csv(path, index=False)
    return Source(str(path), path, "csv")


@pytest.mark.parametrize("threads", [1, 3])
def test_a_csv_file_is_counted_as_the_frame_that_is_read_from_it(tmp_path, monkeypatch, threads):
    profile = fit_profile(read_frame(written(tmp_path / "r.parquet", 1), FEATURES), SCHEMA, calibrate=False)
    parquet = written(tmp_path / "c.parquet", 2)
    csv = as_csv(tmp_path / "c.csv", parquet)
    told = []
    monkeypatch.setattr("tasks.drift.scan.BATCH_ROWS", 999)
    from_csv = scan_file(profile, csv, threads=threads, progress=lambda what, share: told.append((what, share)))
    assert tables(profile, from_csv) == tables(profile, scan_frame(profile, read_frame(csv, FEATURES)))
    assert told[-1] == ("counting current values, 5,000 rows so far", None)
    assert tables(profile, scan_file(profile, parquet)) == tables(profile, scan_parquet(profile, parquet))


def test_a_stray_text_in_a_csv_file_is_the_problem_of_its_column_alone(tmp_path):
    frame = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0)})
    schema = Schema(tuple(Column(c, Handling.NUMERICAL) for c in "ab"), "y", PredictionType.BINARY, ("0", "1"), None)
    profile = fit_profile(frame, schema, calibrate=False)
    file = tmp_path / "c.csv"
    frame.astype("object").assign(a=["n/k", *range(99)]).to_csv(file, index=False)
    a, b = tables(profile, scan_file(profile, Source("c", file, "csv")))[0]
    assert a["p_value"] is None
    assert b["statistics"]["ks_statistic"] == 0


def test_the_first_of_several_errors_is_raised_whichever_thread_met_it():
    def work(number):
        if number % 5 == 3:
            raise ValueError(str(number))
        return number

    for threads in (1, 2, 7):
        found = []
        with pytest.raises(ValueError, match=r"^3$"):
            found.extend(on_all_cores(work, range(100), threads))
        assert list(on_all_cores(abs, range(-9, 0), threads)) == list(range(9, 0, -1))


def test_whoever_wants_no_more_gets_no_more():
    seen = []
    for number in on_all_cores(lambda n: seen.append(n) or n, range(1_000), 1):
        if number == 3:
            break
    assert len(seen) < 1_000
