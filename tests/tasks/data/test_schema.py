from __future__ import annotations

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.vocabulary import Handling, PredictionType
from tasks.data.schema import Column, Schema, canonical_label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (1, "1"), (1.0, "1"), ("1", "1"), ("1.0", "1"), (np.int8(1), "1"), (np.float32(1), "1"), (Decimal("1.00"), "1"),
        (True, "true"), (np.bool_(True), "true"), ("True", "true"), ("true", "true"), ("FALSE", "false"),
        (-0.0, "0"), (-3.0, "-3"), (2.5, "2.5"), (np.float32(0.1), "0.1"),
        ("007", "007"), ("1.0.0", "1.0.0"), ("1.10", "1.10"), (" 1", " 1"), ("", ""),
    ],
)  # fmt: skip
def test_a_label_is_written_one_way_whatever_its_type(value, label):
    assert canonical_label(value) == label


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans()))
def test_a_canonical_label_is_canonical(value):
    assert canonical_label(canonical_label(value)) == canonical_label(value)


@given(st.integers(-(10**15), 10**15))
def test_an_integer_and_the_float_it_turned_into_are_the_same_label(value):
    assert canonical_label(value) == canonical_label(float(value)) == canonical_label(str(float(value)))


def test_a_schema_survives_json():
    schema = Schema(
        (Column("age", Handling.NUMERICAL), Column("origin", Handling.CATEGORICAL), Column("since", Handling.DATE)),
        "late", PredictionType.MULTICLASS, ("a", "b", "ü"), "day", {"origin": ("EWR", "JFK")},
    )  # fmt: skip
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert schema.feature_names == ["age", "origin", "since"]
    assert list(schema.columns_to_read()) == ["age", "origin", "since", "late", "day"]
    assert list(schema.columns_to_read(target=False, time=False)) == ["age", "origin", "since"]


def test_the_target_of_a_regression_is_read_as_numbers():
    schema = Schema((), "price", PredictionType.REGRESSION, (), None)
    assert schema.columns_to_read() == {"price": Handling.NUMERICAL}
