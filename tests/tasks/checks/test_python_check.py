"""Functions of the project as checks: what they are given, what they may answer, and how they fail."""

import pytest

from governance.project_file import PythonCheck
from governance.vocabulary import CheckOutcome
from tasks.checks import run_check
from tests.tasks.checks.evidence import evidence

CODE = """
from governance.vocabulary import CheckOutcome

def plain(latest, history):
    return "OK" if latest["m"] < 1 else "ERROR"

def told(latest, history):
    return CheckOutcome.WARNING, f"{latest['m']} after {[each['m'] for each in history]}"

def spoils(latest, history):
    latest["m"] = 99
    history.clear()
    return "OK"

def fails(latest, history):
    raise ValueError("no such\\nthing \\x00")

def leaves(latest, history):
    raise SystemExit(3)

def takes_one(latest):
    return "OK"

def says_much(latest, history):
    return "ERROR", "long \\x1b[2J" + "x" * 9999

def truth(latest, history):
    return True

def nothing(latest, history):
    pass

def small(latest, history):
    return "ok"

def three(latest, history):
    return "OK", "because", 3

def number(latest, history):
    return "OK", 3

def empty(latest, history):
    return "EMPTY", "nothing to look at"

def many(latest, history):
    return "OK", str(len(history))
"""


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "checks.py").write_text(CODE)

    def asked(function, m=0.5, *before, file="checks.py"):
        check = PythonCheck(name="Mine", type="python", function=f"{file}:{function}")
        return run_check(check, evidence(m, *before, folder=tmp_path))

    return asked


def test_it_answers_with_an_outcome_or_with_an_outcome_and_a_message(ask):
    found = ask("plain")
    assert (found.outcome, found.message, found.metric, found.value) == (
        CheckOutcome.OK,
        "checks.py:plain says OK",
        "",
        None,
    )
    assert ask("plain", 2).outcome is CheckOutcome.ERROR
    assert ask("empty").outcome is CheckOutcome.EMPTY
    told = ask("told", 3.0, 2.0, None)
    assert (told.outcome, told.message) == (CheckOutcome.WARNING, "3.0 after [2.0, None]")
    assert told.bounds == {"function": "checks.py:told"}


def test_it_is_given_twenty_evaluations_before_at_most(ask):
    assert ask("many", 1.0, *range(30)).message == "20"


def test_what_it_is_given_is_its_own(ask, tmp_path):
    given = evidence(0.5, 0.4, folder=tmp_path)
    (tmp_path / "checks.py").write_text(CODE)
    run_check(PythonCheck(name="Mine", type="python", function="checks.py:spoils"), given)
    assert (given.latest["m"].value, given.history[0]["m"].value) == (0.5, 0.4)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("fails", "checks.py:fails failed with ValueError: no such thing"),
        ("leaves", "checks.py:leaves failed with SystemExit: 3"),
        ("takes_one", "takes 1 positional argument but 2 were given"),
        ("absent", "it has no function 'absent'; define it, or mend check 'Mine'."),
    ],
)
def test_a_failure_is_an_error_with_its_text(ask, function, says):
    found = ask(function)
    assert found.outcome is CheckOutcome.ERROR
    assert says in found.message
    assert found.message.isprintable()


@pytest.mark.parametrize(
    ("function", "returned"),
    [
        ("truth", "True"), ("nothing", "None"), ("small", "'ok'"), ("three", "tuple"), ("number", "a message of type int"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error_that_says_what_is_one(ask, function, returned):
    found = ask(function)
    assert found.outcome is CheckOutcome.ERROR
    assert found.message == (
        f"checks.py:{function} returned {returned}; it has to return one of OK, WARNING, ERROR, EMPTY, or one of them and a message"
    )


def test_a_message_is_short_enough_and_harmless(ask):
    said = ask("says_much").message
    assert said.startswith("long ")
    assert said.isprintable()
    assert len(said) <= 500


@pytest.mark.parametrize(
    ("file", "says"), [("gone.py", "there is no file"), ("../gone.py", "outside the project's folder")]
)
def test_a_file_that_is_not_there_is_an_error_of_the_check(ask, file, says):
    found = ask("plain", file=file)
    assert found.outcome is CheckOutcome.ERROR
    assert says in found.message
