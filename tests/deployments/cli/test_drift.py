"""``driftgate drift`` answers about two files in one table, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def files(home: Path) -> tuple[Path, Path]:
    random = np.random.default_rng(1)
    for name, shift, rows in (("may", 0, 2_000), ("june", 1, 500)):
        pd.DataFrame({
            "id": np.arange(rows), "calm": random.normal(size=rows), "amount": random.normal(shift, 1, rows),
            "kind": random.choice(["a", "b"], rows), "spare": random.normal(size=rows),
        }).to_csv(home / f"{name}.csv", index=False)  # fmt: skip
    return home / "may.csv", home / "june.csv"


def test_the_document_has_every_column_the_most_surprising_first(driftgate, files) -> None:
    found = driftgate("drift", *files, "--exclude", "spare", "--json").document
    assert found["drifted_columns"] == ["amount"]
    assert found["columns"][0]["column"] == "amount"
    assert {column["column"] for column in found["columns"]} == {"amount", "calm", "kind"}
    p_values = [column["p_value"] for column in found["columns"]]
    assert p_values == sorted(p_values)
    assert found["columns_p_value"] < 0.01
    assert found["columns"][0]["verdict"] == "ERROR"
    assert set(found["left_out"]) == {"id", "spare"}
    assert found["rows"] == {"reference": 2_000, "reference_total": 2_000, "current": 500}


def test_people_read_what_holds_for_all_together_and_then_the_table(driftgate, files) -> None:
    done = driftgate("drift", *files)
    assert done.code == 0
    whole, promise, *table = [line for line in done.out.splitlines() if line.strip()]
    assert "1 of 4 columns drifted" in whole
    assert "500 rows against 2,000 rows" in whole
    assert "about 1 get the verdict ERROR and 5 at least WARNING" in promise
    first = [line.split()[0] for line in table]
    assert first.index("amount") < min(map(first.index, ("calm", "kind", "spare")))
    assert "Cramér's V" in done.out
    assert "left out: id (identifier" in done.out


def test_nothing_is_recorded(driftgate, files, home: Path) -> None:
    before = sorted(home.rglob("*"))
    driftgate("drift", *files)
    assert sorted(home.rglob("*")) == before


def test_too_few_rows_promise_nothing_and_say_so(driftgate, files, home: Path) -> None:
    pd.read_csv(files[1])[:5].to_csv(home / "few.csv", index=False)
    done = driftgate("drift", files[0], "few.csv")
    assert "can't be promised" in done.out
    assert "the batch has 5 rows" in done.out


def test_a_file_that_is_not_there_is_refused(driftgate, files) -> None:
    done = driftgate("drift", files[0], "july.csv")
    assert done.code != 0
    assert "july.csv" in done.err
