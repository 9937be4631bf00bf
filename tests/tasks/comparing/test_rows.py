"""Which rows of a test part the active version has learned from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.vocabulary import Handling, PredictionType
from tasks.comparing.rows import fitted_on
from tasks.data.joining import TrainingTable
from tasks.data.schema import Column, Schema

FEATURES = (Column("amount", Handling.NUMERICAL), Column("shop", Handling.CATEGORICAL), Column("day", Handling.DATE))
SCHEMA = Schema(FEATURES, "late", PredictionType.BINARY, ("no", "yes"), "day")

QUARTER = pd.DataFrame(
    {
        "amount": np.arange(6.0),
        "shop": pd.array(["a", None, "b", "a", "b", "c"], dtype="str"),
        "day": pd.to_datetime(["2017-01-01"] * 6, utc=True),
        "late": ["no", "yes"] * 3,
    }
)
JUNE = QUARTER.assign(amount=QUARTER["amount"] + 100)
TABLE = TrainingTable(pd.concat([QUARTER, JUNE], ignore_index=True), SCHEMA, tuple(QUARTER), ("q1", "june"), (6, 6))
OWN_TEST_PART = QUARTER.iloc[[1, 4]]
PLACES = np.array([0, 1, 4, 5, 6, 10])


def seen(trained_on, *, refit=False, own=OWN_TEST_PART):
    manifest = {"data": {"fingerprints": trained_on}, "refit_on_full": refit}
    rows = TABLE.frame.iloc[PLACES].reset_index(drop=True)
    return fitted_on(manifest, own, SCHEMA, TABLE, rows, PLACES)


def test_of_a_file_that_both_know_it_was_fitted_on_all_but_its_own_test_part():
    assert seen(["q1"]).fitted_on.tolist() == [True, False, False, True, False, False]


def test_after_a_refit_it_was_fitted_on_all_of_the_file():
    assert seen(["q1"], refit=True).fitted_on.tolist() == [True, True, True, True, False, False]


def test_rows_of_another_file_are_new_and_where_they_are_not_that_is_said():
    assert seen(["may"], own=JUNE.iloc[:1].assign(amount=-1.0)).doubtful_rows == 0
    copied = seen(["a copy of q1"])
    assert (copied.fitted_on.any(), copied.doubtful_rows) == (False, 2)


@pytest.mark.parametrize("unit", ["ns", "us"])
def test_a_row_is_known_again_however_it_was_kept(unit):
    kept = OWN_TEST_PART.astype({"day": f"datetime64[{unit}, UTC]", "shop": object, "late": "str"}).iloc[::-1]
    assert seen(["q1"], own=kept).fitted_on.tolist() == [True, False, False, True, False, False]
