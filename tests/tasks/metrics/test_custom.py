"""Custom metrics: what they are given, and how they fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.errors import UnreadableFile
from tasks.metrics.catalogue import info
from tasks.metrics.custom import load_custom_metric, measure_custom_metrics

CODE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Row:
    value: float

def share_right(y_true, y_pred, probabilities, sample, reference):
    return (y_true == y_pred).mean()

def of_everything(y_true, y_pred, probabilities, sample, reference):
    return len(y_true) + len(probabilities) + len(sample) + 1000 * len(reference)

def rows_of_the_sample(y_true, y_pred, probabilities, sample, reference):
    return float(len(sample))

def no_probabilities(y_true, y_pred, probabilities, sample, reference):
    return float(probabilities is None)

def spoils(y_true, y_pred, probabilities, sample, reference):
    sample["amount"] = 0.0
    y_true.iloc[:] = "spoilt"
    return sample["amount"].sum()

def total(y_true, y_pred, probabilities, sample, reference):
    return sample["amount"].sum()

def fails(y_true, y_pred, probabilities, sample, reference):
    return 1 / 0

def leaves(y_true, y_pred, probabilities, sample, reference):
    raise SystemExit(3)

def words(y_true, y_pred, probabilities, sample, reference):
    return "many"

def infinite(y_true, y_pred, probabilities, sample, reference):
    return float("inf")

def truth(y_true, y_pred, probabilities, sample, reference):
    return True

def needs_all(y_true, y_pred, probabilities, sample, reference):
    if len(y_true) < 400:
        raise ValueError("too few rows")
    return 5

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")

def mute(y_true, y_pred, probabilities, sample, reference):
    raise Mute

def nul(y_true, y_pred, probabilities, sample, reference):
    raise ValueError("a\\0b" + "x" * 10_000)

def frame(y_true, y_pred, probabilities, sample, reference):
    return [sample] * 9

def burns_in(y_true, y_pred, probabilities, sample, reference):
    for part in (sample["amount"], reference["a"], probabilities["yes"]):
        values = part.to_numpy()
        values.setflags(write=True)
        values[:] = -7
    return 1
"""
GONE = """
import sys
del sys.modules[__name__]

def one(y_true, y_pred, probabilities, sample, reference):
    return 1
"""


@pytest.fixture
def folder(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "own.py").write_text(CODE)
    (project / "gone.py").write_text(GONE)
    (project / "leaving.py").write_text("raise SystemExit(3)")
    (project / "broken.py").write_text("import no_such_module_at_all")
    (tmp_path / "outside.py").write_text(CODE)
    (project / "link.py").symlink_to(tmp_path / "outside.py")
    return project


def rows(count=400, seed=0):
    random = np.random.default_rng(seed)
    target = pd.Series(random.choice(["no", "yes"], count))
    prediction = target.where(random.random(count) < 0.8, "no")
    return target, prediction, pd.DataFrame({"yes": random.random(count)}), pd.DataFrame({"amount": np.ones(count)})


def measure(folder, *functions, count=400, **others):
    target, prediction, probabilities, sample = rows(count)
    probabilities, sample = others.get("probabilities", probabilities), others.get("sample", sample)
    named = {name: f"own.py:{name}" for name in functions}
    return measure_custom_metrics(named, folder, target, prediction, probabilities, sample, pd.DataFrame({"a": [1, 2]}))


def test_a_function_is_given_everything_and_has_an_interval(folder):
    right, everything = measure(folder, "share_right", "of_everything")
    target, prediction, *_ = rows()
    assert right.name == "custom.share_right"
    assert (right.value, right.rows) == ((target == prediction).mean(), 400)
    deviation = np.sqrt(right.value * (1 - right.value) / 400)
    assert 2 < (right.upper - right.lower) / deviation < 8
    assert everything.value == 3 * 400 + 2000


def test_intervals_hold_the_truth_about_as_often_as_they_say(folder):
    random = np.random.default_rng(0)
    held = 0
    for seed in range(60):
        right = random.random(300) < 0.8
        target, prediction = pd.Series(np.full(300, "yes")), pd.Series(np.where(right, "yes", "no"))
        sample = pd.DataFrame({"a": np.ones(300)})
        named = {"m": "own.py:share_right"}
        found = measure_custom_metrics(named, folder, target, prediction, None, sample, None, seed=seed)[0]
        held += found.lower <= 0.8 <= found.upper
    assert held >= 53


def test_the_order_of_the_rows_does_not_move_the_interval_of_a_mean(folder):
    target, prediction, probabilities, sample = rows()
    order = np.random.default_rng(1).permutation(400)
    named = {"m": "own.py:share_right"}
    before = measure_custom_metrics(named, folder, target, prediction, probabilities, sample, None)
    moved = (side.iloc[order] for side in (target, prediction, probabilities, sample))
    assert measure_custom_metrics(named, folder, *moved, None) == before


def test_few_rows_have_a_value_and_no_interval(folder):
    found = measure(folder, "share_right", count=99)[0]
    assert (found.value is None, found.lower) == (False, None)
    assert measure(folder, "share_right", count=0)[0].reason == "there are no rows with a label"


def test_what_is_not_defined_on_a_part_of_the_rows_has_a_value_and_no_interval(folder):
    found = measure(folder, "needs_all")[0]
    assert (found.value, found.lower, found.reason) == (5, None, "")


def test_a_sample_of_other_rows_stays_whole(folder):
    other = pd.DataFrame({"amount": np.ones(7)}, index=range(1000, 1007))
    found = measure(folder, "rows_of_the_sample", sample=other)[0]
    assert (found.value, found.lower, found.upper) == (7, 7, 7)


def test_no_columns_of_probabilities_are_none(folder):
    assert measure(folder, "no_probabilities", probabilities=pd.DataFrame(index=range(400)))[0].value == 1


@pytest.mark.parametrize(("name", "reason"), [
    ("fails", "ZeroDivisionError: division by zero"), ("leaves", "SystemExit: 3"),
    ("words", "TypeError: the function returned 'many' instead of a number"),
    ("truth", "TypeError: the function returned True instead of a number"),
    ("infinite", "ValueError: the function returned inf"),
    ("mute", "Mute: it can't say what"), ("nul", f"ValueError: a\N{REPLACEMENT CHARACTER}b{'x' * 297}"),
    ("frame", "TypeError: the function returned a value of type list instead of a number"),
])  # fmt: skip
def test_what_fails_says_why_and_takes_nothing_with_it(folder, name, reason):
    failed, right = measure(folder, name, "share_right")
    assert (failed.value, failed.reason) == (None, reason)
    assert right.value is not None


def test_what_one_function_writes_the_next_does_not_see(folder):
    assert [m.value for m in measure(folder, "spoils", "total", "share_right")][1:] == [
        400,
        measure(folder, "share_right")[0].value,
    ]


def test_a_function_can_not_write_into_what_is_recorded(folder):
    target, prediction, probabilities, sample = rows()
    given, reference = (probabilities.copy(), sample.copy()), pd.DataFrame({"a": [1, 2]})
    named = {"m": "own.py:burns_in"}
    found = measure_custom_metrics(named, folder, target, prediction, probabilities, sample, reference)
    assert found[0].value == 1
    pd.testing.assert_frame_equal(probabilities, given[0])
    pd.testing.assert_frame_equal(sample, given[1])
    assert reference["a"].tolist() == [1, 2]


def test_a_module_that_takes_itself_away_is_no_harm(folder):
    assert load_custom_metric("gone.py:one", folder)(*[None] * 5) == 1


@pytest.mark.parametrize(("where", "part"), [
    ("own.py", "not of the form file.py:function"), ("own:share_right", "not of the form"),
    ("../outside.py:share_right", "outside the project's folder"), ("link.py:share_right", "outside the project's"),
    ("/etc/passwd.py:f", "outside the project's folder"), ("none.py:f", "there is no file"),
    ("a\0b.py:f", "characters that can't be shown"), ("leaving.py:f", "importing it fails with SystemExit: 3"),
    ("broken.py:f", "importing it fails with ModuleNotFoundError"), ("own.py:absent", "no function 'absent'"),
    ("own.py:__name__", "no function '__name__'"),
])  # fmt: skip
def test_what_can_not_be_loaded_says_why(folder, where, part):
    with pytest.raises(UnreadableFile, match=part):
        load_custom_metric(where, folder)
    target, prediction, probabilities, sample = rows()
    named = {"wrong": where, "right": "own.py:share_right"}
    wrong, right = measure_custom_metrics(named, folder, target, prediction, probabilities, sample, None)
    assert wrong.value is None
    assert part in wrong.reason
    assert right.value is not None


def test_rows_have_to_be_as_many(folder):
    target, prediction, probabilities, sample = rows()
    with pytest.raises(ValueError, match="same rows"):
        measure_custom_metrics({}, folder, target, prediction[:-1], probabilities, sample, None)


def test_the_catalogue_knows_custom_metrics():
    assert (info("custom.profit").title, info("custom.profit").higher_is_better) == ("profit", None)
