from __future__ import annotations

import pytest

from governance.errors import SchemaMismatch
from governance.project_file import RowCondition
from governance.vocabulary import Handling
from tasks.data.conditions import columns_of, fulfilling
from tasks.data.reading import read_frame

ROWS = """\
number,kind,day,code
1,car,2024-01-01,007
2,house,2024-02-01T12:00:00,8
2.5,,2024-03-01,9
,true,,
-1,car,2023-12-31,10
"""
HANDLING = {
    "number": Handling.NUMERICAL,
    "kind": Handling.CATEGORICAL,
    "day": Handling.DATE,
    "code": Handling.CATEGORICAL,
}


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ({"column": "kind", "equals": "car"}, [1, 5]),
        ({"column": "kind", "equals": True}, [4]),
        ({"column": "kind", "one_of": ["car", "house"]}, [1, 2, 5]),
        ({"column": "kind", "none_of": ["car"]}, [2, 3, 4]),
        ({"column": "kind", "missing": True}, [3]),
        ({"column": "kind", "missing": False}, [1, 2, 4, 5]),
        ({"column": "kind", "missing": False, "none_of": ["car"]}, [2, 4]),
        ({"column": "number", "equals": 2}, [2]),
        ({"column": "number", "one_of": [1, 2.5]}, [1, 3]),
        ({"column": "number", "none_of": [1]}, [2, 3, 4, 5]),
        ({"column": "number", "at_least": 2}, [2, 3]),
        ({"column": "number", "below": "2"}, [1, 5]),
        ({"column": "number", "at_least": 1, "below": 2.5}, [1, 2]),
        ({"column": "day", "at_least": "2024-01-01", "below": "2024-03-01"}, [1, 2]),
        ({"column": "day", "equals": "2024-02-01T13:00:00+01:00"}, [2]),
        ({"column": "day", "missing": True}, [4]),
        ({"column": "code", "equals": "007"}, [1]),
        ({"column": "code", "at_least": 8}, [2, 3, 5]),
    ],
)
def test_a_condition_means_these_rows(csv, condition, rows):
    source = csv(ROWS)
    frame = read_frame(source, HANDLING)
    found = fulfilling(frame, [RowCondition(**condition)], HANDLING, source)
    assert [int(row) + 1 for row in frame.index[found]] == rows


def test_all_conditions_have_to_be_fulfilled(csv):
    source = csv(ROWS)
    both = [RowCondition(column="kind", equals="car"), RowCondition(column="number", below=0)]
    assert fulfilling(read_frame(source, HANDLING), both, HANDLING, source).tolist() == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (
            {"column": "number", "equals": "many"},
            "it holds numbers, and the condition under sampling.where says 'many'",
        ),
        ({"column": "number", "at_least": "2024-01-01"}, "it holds numbers"),
        ({"column": "day", "below": 5}, "it holds dates"),
        ({"column": "kind", "at_least": 5}, "row 1: 'car' can't be held against the bound 5"),
    ],
)
def test_what_a_column_can_not_be_is_told(csv, condition, sentence):
    source = csv(ROWS)
    with pytest.raises(SchemaMismatch, match=sentence):
        fulfilling(read_frame(source, HANDLING), [RowCondition(**condition)], HANDLING, source)


def test_a_column_that_no_model_knows_is_read_as_its_bounds_want_it():
    where = [
        RowCondition(column="known", below=3),
        RowCondition(column="day", missing=False),
        RowCondition(column="day", at_least="2024-01-01"),
        RowCondition(column="size", below="10"),
        RowCondition(column="kind", one_of=["a"]),
    ]
    assert columns_of(where, {"known": Handling.CATEGORICAL}) == {
        "day": Handling.DATE,
        "size": Handling.NUMERICAL,
        "kind": Handling.CATEGORICAL,
    }
