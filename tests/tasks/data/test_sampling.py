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
from tasks.data.sampling import Reservoir, Selection
from tasks.data.sources import Source

COLUMNS = {"a": Handling.NUMERICAL, "b": Handling.CATEGORICAL}
METHODS = [
    {"method": "full"},
    {"method": "head"},
    {"method": "random"},
    {"method": "ratio", "ratio": 0.4},
    {"method": "class_rebalance", "column": "b"},
]


def written(folder, rows: int, kind: str = "csv") -> Source:
    frame = pd.DataFrame({"a": np.arange(rows), "b": [f"level {row % 7}" for row in range(rows)]})
    path = folder / f"rows_{rows}.{kind}"
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path, index=False)
    return Source("rows", path, kind)


def chosen(source, sampling, **options) -> tuple[pd.DataFrame, Selection]:
    selection = Selection(source, COLUMNS, sampling, **options)
    return pd.concat(list(selection)), selection


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    total=st.integers(1, 120),
    rows=st.integers(7, 130),
    seed=st.integers(0, 2**32),
    chunk_rows=st.integers(1, 130),
    method=st.sampled_from(METHODS),
    where=st.sampled_from([[], [{"column": "b", "none_of": ["level 3", "level 4"]}, {"column": "a", "below": 100}]]),
)
def test_the_sample_does_not_depend_on_the_chunks_or_the_format(tmp_path, total, rows, seed, chunk_rows, method, where):
    sampling = Sampling(**method, rows=rows, seed=seed, where=where)
    whole, counts = chosen(written(tmp_path, total), sampling)
    for kind in ("csv", "parquet"):
        again, others = chosen(written(tmp_path, total, kind), sampling, chunk_rows=chunk_rows)
        assert_frame_equal(whole, again)
        assert (others.total_rows, others.eligible_rows) == (counts.total_rows, counts.eligible_rows)
    eligible = [row for row in range(total) if not where or (row < 100 and row % 7 not in (3, 4))]
    assert (counts.total_rows, counts.eligible_rows) == (total, len(eligible))
    assert counts.chosen_rows == len(whole)
    expected = {
        SamplingMethod.FULL: len(eligible),
        SamplingMethod.HEAD: min(rows, len(eligible)),
        SamplingMethod.RANDOM: min(rows, len(eligible)),
    }
    assert len(whole) == expected.get(sampling.method, len(whole)) >= 1
    assert set(whole["a"]) <= set(eligible)
    assert whole["a"].is_monotonic_increasing
    assert whole["a"].tolist() == whole.index.tolist()


def test_another_seed_is_another_sample(tmp_path):
    source = written(tmp_path, 1_000)
    for method in METHODS[2:]:
        one, other = (chosen(source, Sampling(**method, rows=100, seed=seed))[0]["a"] for seed in (1, 2))
        assert set(one) != set(other)


@pytest.mark.parametrize(
    ("method", "hits_expected"), [({"method": "random"}, 4_000), ({"method": "ratio", "ratio": 0.25}, None)]
)
def test_every_row_has_the_same_chance(tmp_path, method, hits_expected):
    source = written(tmp_path, 40)
    hits = np.zeros(40)
    for seed in range(400):
        hits[chosen(source, Sampling(**method, rows=10, seed=seed), chunk_rows=7)[0].index] += 1
    assert hits.sum() == (hits_expected or pytest.approx(4_000, abs=200))
    assert chisquare(hits).pvalue > 0.001


def test_the_head_is_the_first_rows(tmp_path):
    head, counts = chosen(written(tmp_path, 50), Sampling(method="head", rows=5), chunk_rows=2)
    assert head["a"].tolist() == [0, 1, 2, 3, 4]
    assert counts.total_rows == 50


def test_a_ratio_takes_about_that_share_and_never_nothing(tmp_path):
    share = len(chosen(written(tmp_path, 20_000), Sampling(method="ratio", ratio=0.3))[0]) / 20_000
    assert share == pytest.approx(0.3, abs=0.02)
    for seed in range(30):
        assert len(chosen(written(tmp_path, 3), Sampling(method="ratio", ratio=0.01, seed=seed))[0]) >= 1


def test_every_value_gets_equally_many_rows_or_all_it_has(csv):
    kinds = ["rare"] * 3 + ["some"] * 400 + ["many"] * 2_000 + [""] * 50
    rows = "".join(f"{row},{kind}\n" for row, kind in enumerate(np.random.default_rng(1).permutation(kinds)))
    sampling = Sampling(method="class_rebalance", column="b", rows=300)
    sample, counts = chosen(csv("a,b\n" + rows), sampling, chunk_rows=100)
    assert sample["b"].value_counts().to_dict() == {"many": 100, "some": 100, "rare": 3}
    assert (counts.total_rows, counts.chosen_rows) == (2_453, 203)


def test_a_column_of_too_many_values_is_not_balanced(tmp_path):
    sampling = Sampling(method="class_rebalance", column="a", rows=10)
    with pytest.raises(SchemaMismatch, match="more than 10 different values"):
        chosen(written(tmp_path, 50), sampling)


def test_a_reservoir_holds_few_rows_at_any_time():
    reservoir = Reservoir(100, np.random.default_rng(1))
    for start in range(0, 30_000, 500):
        reservoir.add(pd.DataFrame({"a": np.arange(start, start + 500)}))
        assert sum(map(len, reservoir._pieces)) <= 2 * 100
    assert len(reservoir.frames()[0]) == 100


def test_a_bad_row_is_refused_also_when_it_is_not_chosen(csv):
    source = csv("a,b\n" + "1,x\n" * 500 + "bad,x\n")
    with pytest.raises(SchemaMismatch, match="row 501: 'bad' is not a number"):
        chosen(source, Sampling(method="random", rows=1))


def test_rows_that_fulfil_no_condition_are_not_judged(csv):
    seen = []
    where = [{"column": "b", "equals": "x"}]
    chosen(csv("a,b\n1,x\n2,y\n3,x\n"), Sampling(where=where), judge=lambda rows: seen.extend(rows["a"]))
    assert seen == [1, 3]


@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
def test_the_head_is_judged_and_nothing_after_it(csv, chunk_rows):
    seen = []
    source = csv("a,b\n" + "".join(f"{row},x\n" for row in range(50)))
    chosen(source, Sampling(method="head", rows=3), chunk_rows=chunk_rows, judge=lambda rows: seen.extend(rows["a"]))
    assert seen == [0, 1, 2]


def test_nothing_can_be_sampled_from_a_header(csv):
    for method in METHODS:
        with pytest.raises(UnreadableFile, match="no rows"):
            chosen(csv("a,b\n"), Sampling(**method))


def test_conditions_that_no_row_fulfils_are_refused(csv):
    for method in METHODS:
        with pytest.raises(UnreadableFile, match="none of its 2 rows fulfils the conditions"):
            chosen(csv("a,b\n1,x\n2,y\n"), Sampling(**method, where=[{"column": "b", "equals": "z"}]))
