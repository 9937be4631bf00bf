"""Errors cross processes, so they survive pickling; each says what was wrong in one sentence."""

import inspect
import pickle

import pytest

from governance import errors
from governance.vocabulary import SignOffAction, SignOffStatus

SAMPLES = {
    "file": "data.csv", "problem": "it is empty", "remedy": "write something into it", "column": "age", "row": 7,
    "line": 3, "field": "models.m.target", "kind": "store", "name": "mes", "known": ("a", "b"), "subject": "version 2",
    "status": SignOffStatus.NOT_STARTED, "action": SignOffAction.APPROVE, "allowed": (SignOffAction.REQUEST_FEEDBACK,),
    "reasons": ("one", "two"),
    "environment": "prod", "expected": "1", "found": "2", "part": "model.skops", "address": "here", "model": "m",
    "person": "ada", "right": "write", "wait_seconds": 17, "last": "3",
    "expression": "outcome == 1",
}  # fmt: skip


def every_error(root=errors.DriftgateError):
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def made(error):
    if "__init__" not in vars(error):
        return error("something")
    return error(**{name: SAMPLES[name] for name in list(inspect.signature(error).parameters)})


@pytest.mark.parametrize("error", list(every_error()), ids=lambda e: e.__name__)
def test_it_survives_pickling_with_all_it_carries(error):
    before = made(error)
    after = pickle.loads(pickle.dumps(before))  # noqa: S301  our own object, pickled a line ago
    assert (type(after), str(after), vars(after)) == (type(before), str(before), vars(before))


@pytest.mark.parametrize("error", [e for e in every_error() if "__init__" in vars(e)], ids=lambda e: e.__name__)
def test_its_sentence_ends_and_holds_every_text_it_was_given(error):
    sentence = str(made(error))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert "<" not in sentence, "the word of an enum, not its class"
    for name in inspect.signature(error).parameters:
        value = SAMPLES[name]
        for part in value if isinstance(value, tuple) else [value]:
            assert str(part) in sentence


def test_the_tree_in_the_docstring_names_every_error():
    for error in every_error():
        assert error.__name__ in errors.__doc__
