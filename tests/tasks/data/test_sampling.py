from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy.stats import chisquare

from governance.errors import SchemaMismatch, UnreadableFile
from governance.project_file import Sampling
from governance.vocabulary import Handling, SamplingMethod
from tasks.data import sampling as module
from tasks.data.sampling import sample_rows
from tasks.data.sources import Source

COLUMNS = {"a": Handling.NUMERICAL, "b": Handling.CATEGORICAL}


def written(folder, rows: int, kind: str = "csv") -> Source:
    frame = pd.DataFrame({"a": np.arange(rows), "b": [f"level {row % 7}" for row in range(rows)]})
    path = folder / f"rows_{rows}.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
    return Source("rows", path, kind)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    total=st.integers(1, 120),
    rows=st.integers(1, 130),
    seed=st.integers(0, 2**32),
    chunk_rows=st.integers(1, 130),
    method=st.sampled_from(SamplingMethod),
)
def test_the_sample_does_not_depend_on_the_chunks_or_the_format(tmp_path, total, rows, seed, chunk_rows, method):
    sampling = Sampling(method=method, rows=rows, seed=seed)
    whole = sample_rows(written(tmp_path, total), COLUMNS, sampling)
    for kind in ("csv", "parquet"):
        again = sample_rows(written(tmp_path, total, kind), COLUMNS, sampling, chunk_rows=chunk_rows)
        assert_frame_equal(whole.frame, again.frame)
        assert again.total_rows == total
    assert len(whole.frame) == (total if method is SamplingMethod.FULL else min(rows, total))
    assert whole.frame["a"].is_monotonic_increasing
    assert whole.frame["a"].tolist() == whole.frame.index.tolist()


def test_another_seed_is_another_sample(tmp_path):
    source = written(tmp_path, 1_000)
    one, other = (sample_rows(source, COLUMNS, Sampling(rows=100, seed=seed)).frame["a"] for seed in (1, 2))
    assert set(one) != set(other)


def test_every_row_has_the_same_chance(tmp_path):
    source = written(tmp_path, 40)
    hits = np.zeros(40)
    for seed in range(400):
        hits[sample_rows(source, COLUMNS, Sampling(rows=10, seed=seed), chunk_rows=7).frame.index] += 1
    assert hits.sum() == 4_000
    assert chisquare(hits).pvalue > 0.001


def test_the_head_is_the_first_rows(tmp_path):
    sample = sample_rows(written(tmp_path, 50), COLUMNS, Sampling(method="head", rows=5), chunk_rows=2)
    assert sample.frame["a"].tolist() == [0, 1, 2, 3, 4]
    assert sample.total_rows == 50


def test_a_sample_holds_few_rows_at_any_time(tmp_path, monkeypatch):
    held = []
    prune = module._smallest

    def counted(pieces, draws, rows):
        held.append(sum(map(len, pieces)))
        return prune(pieces, draws, rows)

    monkeypatch.setattr(module, "_smallest", counted)
    sample = sample_rows(written(tmp_path, 30_000), COLUMNS, Sampling(rows=100), chunk_rows=500)
    assert len(sample.frame) == 100
    assert max(held) <= 2 * 100 + 500


def test_a_bad_row_is_refused_also_when_it_is_not_chosen(csv):
    source = csv("a,b\n" + "1,x\n" * 500 + "bad,x\n")
    with pytest.raises(SchemaMismatch, match="row 501: 'bad' is not a number"):
        sample_rows(source, COLUMNS, Sampling(rows=1))


def test_nothing_can_be_sampled_from_a_header(csv):
    for method in SamplingMethod:
        with pytest.raises(UnreadableFile, match="no rows"):
            sample_rows(csv("a,b\n"), COLUMNS, Sampling(method=method))
