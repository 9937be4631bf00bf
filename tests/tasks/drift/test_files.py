"""Two files say of each other what their rows say, and every column that says nothing is named with the reason."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.errors import SchemaMismatch, UnreadableFile
from governance.project_file.watched import FalseAlarmRate
from governance.vocabulary import CheckOutcome, Handling
from tasks.drift import files
from tasks.drift.files import compare_files

ROWS = 3_000


def frame(seed, shift=0.0, rows=ROWS):
    random = np.random.default_rng(seed)
    return pd.DataFrame({
        "customer_id": random.permutation(rows), "amount": random.normal(shift, 1, rows), "calm": random.normal(size=rows),
        "kind": random.choice(["a", "b", "c"], rows), "day": pd.date_range("2024-01-01", periods=rows, freq="min"),
        "same": 1, "nothing": None,
    })  # fmt: skip


def written(path, table, **options):
    table.to_csv(path, index=False, **options) if path.suffix == ".csv" else table.to_parquet(path)
    return path


def compare(*sides, **options):
    return compare_files(*sides, FalseAlarmRate(), **options)


@pytest.fixture
def reference(tmp_path):
    return written(tmp_path / "may.parquet", frame(1))


def said(found):
    return {
        c.name: (c.handling, c.p_value, c.verdict, {m.name: m.value for m in c.measurements}) for c in found.columns
    }


def test_the_column_that_moved_is_found_and_the_calm_ones_are_not(reference, tmp_path):
    found = compare(reference, written(tmp_path / "june.parquet", frame(2, 0.3, 1_000)))
    assert [column.name for column in found.columns] == ["amount", "calm", "kind", "day"]
    by_name = {column.name: column for column in found.columns}
    assert by_name["amount"].drifted
    assert by_name["amount"].verdict is CheckOutcome.ERROR
    assert not by_name["calm"].drifted
    assert by_name["kind"].handling is Handling.CATEGORICAL
    assert by_name["day"].handling is Handling.DATE
    assert by_name["calm"].calibrated
    assert found.rate["promised"]
    assert found.whole.value < 0.01
    assert (found.reference_rows, found.reference_total, found.current_rows) == (ROWS, ROWS, 1_000)


def test_a_file_is_as_itself_in_any_format(reference, tmp_path):
    table = frame(1)
    parquet, csv, semicolons = (
        compare(reference, written(tmp_path / name, table, **options))
        for name, options in (("a.parquet", {}), ("b.csv", {}), ("c.csv", {"sep": ";"}))
    )
    assert not any(column.drifted for column in parquet.columns)
    assert parquet.whole.value > 0.5
    assert said(parquet) == said(csv) == said(semicolons)


def test_what_is_left_out_is_told_with_the_reason(reference, tmp_path):
    current = frame(2).drop(columns="calm").assign(extra=1)
    found = compare(reference, written(tmp_path / "june.csv", current), exclude=["day", "extra"])
    assert found.left_out["day"] == found.left_out["extra"] == "excluded"
    assert "june.csv has no such column" in found.left_out["calm"]
    assert "identifier" in found.left_out["customer_id"]
    assert "constant" in found.left_out["same"]
    assert "missing" in found.left_out["nothing"]
    assert [column.name for column in found.columns] == ["amount", "kind"]


def test_only_some_rows_of_a_long_reference_are_compared_with_but_all_its_levels_are_known(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "REFERENCE_ROWS", 600)
    table = frame(1)
    table.loc[:19, "kind"] = [f"rare {number}" for number in range(20)]
    reference = written(tmp_path / "may.csv", table)
    found = compare(reference, written(tmp_path / "june.csv", table[:1_000]))
    assert (found.reference_rows, found.reference_total) == (600, ROWS)
    assert next(column for column in found.columns if column.name == "kind").unseen == ()
    assert said(compare(reference, tmp_path / "june.csv")) == said(found)
    assert said(compare(reference, tmp_path / "june.csv", seed=2)) != said(found)


def test_what_can_t_be_compared_is_refused_in_a_sentence(reference, tmp_path):
    with pytest.raises(UnreadableFile, match="there is no such file"):
        compare(reference, tmp_path / "nowhere.csv")
    with pytest.raises(UnreadableFile, match="tells no format"):
        compare(reference, tmp_path / "june.xlsx")
    with pytest.raises(UnreadableFile, match="no rows"):
        compare(reference, written(tmp_path / "empty.csv", frame(2)[:0]))
    with pytest.raises(SchemaMismatch, match=r"'kin'.*nearest is 'kind'"):
        compare(reference, reference, exclude=["kin"])
    with pytest.raises(SchemaMismatch, match="no column can be compared"):
        compare(reference, written(tmp_path / "other.csv", pd.DataFrame({"x": [1, 2]})))


def test_a_column_of_which_a_value_is_wrong_says_so_and_harms_no_other(reference, tmp_path):
    current = frame(1).astype({"amount": "object"})
    current.loc[5, "amount"] = "n/k"
    found = compare(reference, written(tmp_path / "june.csv", current))
    assert any("'amount' could not be tested" in note and "'n/k' is not a number" in note for note in found.notes)
    assert not any(column.drifted for column in found.columns)
