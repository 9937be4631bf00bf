"""What is watched, and which classes there are, where the data bring their own predictions."""

from __future__ import annotations

import pytest

from governance.errors import NoUsableTarget, SchemaMismatch
from governance.project_file import Standalone
from governance.vocabulary import Handling
from tasks.data.inference import infer_standalone_schema
from tasks.data.sources import Source

HEADER = "id,amount,kind,empty,day,w,score,guess,label\n"


def rows(guess=("yes", "no"), label=("yes", "no"), count=60) -> str:
    lines = (
        f"c{i},{i * 7 % 50}.5,{'ab'[i % 2]},,2024-01-{i % 28 + 1:02d},1,0.{i % 10},{guess[i % len(guess)]},{label[i % len(label)]}"
        for i in range(count)
    )
    return HEADER + "\n".join(lines) + "\n"


def inferred(*given, **settings):
    return inferred_and_told(*given, **settings)[0]


def inferred_and_told(csv, tmp_path, content=None, reference=None, **settings):
    own = {"prediction_type": "binary", "prediction": "guess", "time_column": "day", "weight_column": "w"}
    other = None
    if reference is not None:
        (tmp_path / "reference.csv").write_text(reference)
        other = Source("reference", tmp_path / "reference.csv", "csv")
    return infer_standalone_schema(
        Standalone.model_validate(own | settings), csv(rows() if content is None else content), other
    )


def test_columns_that_tell_something_are_watched_and_no_others(csv, tmp_path):
    schema = inferred(csv, tmp_path, target="label", probabilities={"yes": "score"})
    assert schema.handling == {"amount": Handling.NUMERICAL, "kind": Handling.CATEGORICAL}
    assert (schema.target, schema.time_column, schema.classes) == ("label", "day", ("no", "yes"))
    assert dict(schema.categories) == {"kind": ("a", "b")}


def test_the_columns_are_those_of_the_reference(csv, tmp_path):
    reference = rows().replace(",empty,", ",extra,")
    schema = inferred(csv, tmp_path, reference=reference, features={"exclude": ["kind"]}, target="label")
    assert schema.feature_names == ["amount", "score"]


def test_a_constant_is_watched_and_what_is_left_out_is_told(csv, tmp_path):
    reference = rows().replace(",1,0.", ",7,0.").replace(",w,", ",same,")
    schema, told = inferred_and_told(csv, tmp_path, reference=reference, target="label", weight_column=None)
    assert schema.handling["same"] is Handling.NUMERICAL
    assert told == [
        "drift of column 'id' is not measured: identifier: nearly every row has its own value",
        "drift of column 'empty' is not measured: all values are missing",
    ]
    assert inferred_and_told(csv, tmp_path)[1] == []


def test_without_labels_there_is_no_target(csv, tmp_path):
    assert inferred(csv, tmp_path).target == ""


@pytest.mark.parametrize(
    ("settings", "guesses", "classes"),
    [
        ({}, ("1", "0"), ("0", "1")),
        ({"positive_class": "no"}, ("yes", "no"), ("yes", "no")),
        ({"positive_class": "yes"}, ("no",), ("no", "yes")),
        ({"probabilities": {"yes": "score"}}, ("no",), ("no", "yes")),
        ({"prediction_type": "multiclass"}, ("c", "a", "b"), ("a", "b", "c")),
    ],
)
def test_classes_are_those_of_predictions_labels_and_probabilities(csv, tmp_path, settings, guesses, classes):
    assert inferred(csv, tmp_path, rows(guess=guesses), **settings).classes == classes


@pytest.mark.parametrize(
    ("guesses", "sentence"), [(("no",), "know only the class 'no'"), (("a", "b", "c"), "3 classes")]
)
def test_classes_that_are_not_two_are_refused(csv, tmp_path, guesses, sentence):
    with pytest.raises(NoUsableTarget, match=sentence):
        inferred(csv, tmp_path, rows(guess=guesses))


def test_a_column_that_is_named_must_be_there(csv, tmp_path):
    with pytest.raises(SchemaMismatch, match="column 'said': there is no such column"):
        inferred(csv, tmp_path, prediction="said")
