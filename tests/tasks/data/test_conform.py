from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from governance.errors import SchemaMismatch
from governance.vocabulary import Handling, PredictionType
from tasks.data.conform import model_matrix, to_target, unseen_categories
from tasks.data.reading import read_frame
from tasks.data.schema import Column, Schema

SCHEMA = Schema(
    (Column("day", Handling.DATE), Column("n", Handling.NUMERICAL), Column("c", Handling.CATEGORICAL)),
    "y", PredictionType.BINARY, ("0", "1"), "day", {"c": ("a", "b")},
)  # fmt: skip
REGRESSION = Schema((), "y", PredictionType.REGRESSION, (), None)


def test_the_matrix_has_the_features_in_order_as_estimators_take_them(csv):
    frame = read_frame(
        csv("c,n,other,day\na,1,x,1970-01-01T00:00:01.5\n,,x,\n"), {"c": Handling.CATEGORICAL, **SCHEMA.handling}
    )
    matrix = model_matrix(frame.iloc[::-1], SCHEMA)
    wanted = pd.DataFrame(
        {"day": [np.nan, 1.5], "n": [np.nan, 1.0], "c": pd.Series([np.nan, "a"], index=[1, 0], dtype=object)},
        index=[1, 0],
    )
    assert_frame_equal(matrix, wanted)
    assert matrix["c"].dtype == object
    assert isinstance(matrix.loc[1, "c"], float)


def test_a_matrix_without_a_feature_is_refused():
    with pytest.raises(SchemaMismatch, match="column 'n'"):
        model_matrix(pd.DataFrame({"day": pd.to_datetime(["2017-01-01"], utc=True), "c": ["a"]}), SCHEMA)


def test_unseen_levels_are_named_most_frequent_first_and_at_most_ten():
    frame = pd.DataFrame({"c": ["a", None, "z", "q", "z", *(f"x{n}" for n in range(20))]})
    unseen = unseen_categories(frame, SCHEMA)
    assert unseen["c"][0] == "z"
    assert len(unseen["c"]) == 10
    assert unseen_categories(pd.DataFrame({"c": ["a", None]}), SCHEMA) == {}
    assert unseen_categories(pd.DataFrame({"other": ["a"]}), SCHEMA) == {}


@pytest.mark.parametrize("values", [[1, 0, None], [1.0, 0.0, np.nan], ["1", "0", None], ["1.0", "0", np.nan]])
def test_labels_become_canonical_and_missing_ones_stay_missing(values):
    target = to_target(pd.Series(values), SCHEMA, "x.csv")
    assert target.dtype == "str"
    assert target.iloc[:2].tolist() == ["1", "0"]
    assert target.isna().tolist() == [False, False, True]


def test_labels_that_are_all_missing_stay_so():
    assert to_target(pd.Series([None, None], dtype="str"), SCHEMA, "x.csv").isna().all()


def test_a_label_that_training_never_knew_is_named_with_its_row_in_the_file():
    values = pd.Series(["0", "maybe"], index=[7, 41])
    with pytest.raises(
        SchemaMismatch,
        match=r"x.csv, column 'y', row 42: 'maybe' is a label that training never knew \(training knew only 0, 1\)",
    ):
        to_target(values, SCHEMA, "x.csv")
    with pytest.raises(SchemaMismatch, match="row 2: "):
        to_target(values.set_axis(["p", "q"]), SCHEMA, "x.csv")


def test_a_regression_target_is_finite_numbers():
    target = to_target(pd.Series(["1.5", None]), REGRESSION, "x.csv")
    assert target.dtype == "float64"
    assert target[0] == 1.5
    assert target.isna()[1]
    for bad in ("much", np.inf):
        with pytest.raises(SchemaMismatch, match=r"row 2: .* is not a finite number; correct it"):
            to_target(pd.Series([1, bad], dtype=object), REGRESSION, "x.csv")
