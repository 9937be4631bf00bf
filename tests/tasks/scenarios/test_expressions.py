"""The little language: it gives what Python gives, or a refusal, and never reaches anything that is not data."""

import time
from types import SimpleNamespace
from typing import ClassVar

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governance.errors import ExpressionError
from governance.project_file import Notify, PythonStep, RunScenario, Score
from governance.project_file.expressions import FUNCTIONS, LONGEST, parse_expression
from governance.project_file.section import Misuse
from governance.vocabulary import ScenarioOutcome, StepOutcome
from tasks.scenarios import evaluate, fill, fill_step
from tasks.scenarios.conditions import should_run
from tasks.scenarios.expressions import LONGEST_TEXT

NAMES = {
    "outcome": "WARNING",
    "steps": {"Check drift": {"outcome": "FAILED", "result": {"share": 0.51, "columns": ["age", "income"]}}},
    "variables": {"rows": 1000, "team": "Fraud", "on": True, "nothing": None, "_hidden": 1},
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("outcome == 'WARNING'", True),
        ("steps['Check drift'].outcome in ['FAILED', 'WARNING']", True),
        ("steps['Check drift'].result.columns[-1]", "income"),
        ("'share' in steps['Check drift'].result", True),
        ("variables['_hidden']", 1),
        ("0.5 < steps['Check drift'].result.share <= 0.51 and variables.on", True),
        ("variables.nothing == None or 1 / 0", True),
        ("'many' if variables.rows >= 1000 else 'few'", "many"),
        ("-variables.rows % 7 + 2 * 3 - 1 / 4", -1000 % 7 + 2 * 3 - 1 / 4),
        ("round(2.675, 2) + round(2.5) + abs(-1)", round(2.675, 2) + 2 + 1),
        ("[min(3, 1, 2), max([3, 1, 2]), len('four'), len(variables)]", [1, 3, 4, 5]),
        ("lower(variables.team) + 0 if False else upper(variables.team)", "FRAUD"),
        ("contains(outcome, 'WARN') and not contains(['a'], 'b') and startswith(outcome, 'W')", True),
        ("  outcome  ", "WARNING"),
    ],
)
def test_what_an_expression_comes_to(expression, value):
    found = evaluate(expression, NAMES)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("outcom", "this scenario has no 'outcom'; use one of outcome, steps, variables"),
        ("steps.Train.outcome", "steps has no 'Train'; use one of Check drift"),
        ("outcome.upper", "outcome is text, so nothing in it is called 'upper'"),
        ("steps['Check drift'].result.columns.append", "is a list, so nothing in it is called 'append'"),
        ("steps['Check drift'].result.columns[2]", "has 2 values, and none at 2"),
        ("variables[1]", "variables is fields, so nothing in it is called 1"),
        ("outcome < 1", "text and a number can't be compared so; compare like with like"),
        ("1 in 5", "a number and a number can't be compared so"),
        ("outcome * 1000", "outcome * 1000: text is no number"),
        ("'%s' % outcome", "text is no number"),
        ("[0] * 1000", "a list is no number"),
        ("variables.on + 1", "true or false is no number"),
        ("variables.rows / (1 - 1)", "it divides by zero"),
        ("variables.rows % 0", "it divides by zero"),
        ("1e308 * 10", "a number is beyond what can be counted with"),
        ("999999999999999 * 999999999999999 * 999999999999999", "beyond what can be counted with"),
        ("lower(5)", "lower can't be had of a number"),
        ("min([])", "min can't be had of a list"),
        ("max(1, 'a')", "max can't be had of a number, text"),
        ("len(5)", "len can't be had of a number"),
        ("round(1, 400)", "round can't be had of a number, a number"),
        ("contains(5, 1)", "contains can't be had of a number, a number"),
    ],
)
def test_what_comes_to_nothing_is_refused_with_the_reason(expression, problem):
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, NAMES)
    assert problem in str(caught.value)
    assert caught.value.expression == expression


FORBIDDEN = [
    "__import__('os')", "().__class__", "outcome.__class__.__mro__", "steps.__len__", "__builtins__", "_x",
    "open('/etc/passwd')", "eval('1')", "exec('1')", "getattr(steps, 'x')", "print(1)", "type(1)", "str(1)", "int('1')",
    "outcome.upper()", "steps.get('x')", "(lambda: 1)()", "lambda: 1", "[x for x in steps]", "{x for x in steps}",
    "{x: 1 for x in steps}", "(x for x in steps)", "f'{outcome}'", "f'{outcome!r:>9999}'", "'a' f'{1}'", "{1: 2}", "{1, 2}", "{**steps}",
    "[*steps]", "len(*[steps])", "len(obj=steps)", "len(**steps)", "10 ** 10", "1 << 99", "1 >> 1", "~1", "1 | 2", "1 & 2",
    "1 ^ 2", "7 // 2", "a @ b", "(x := 1)", "steps[0:1]", "steps[0, 1:2]", "b'1'", "1j", "...", "1e999", "9" * 31, "x is None",
    "x is not None", "await x", "yield", "x = 1", "import os", "del x", "x; y", "x\ny", "", "  ", "#", "\\", "'\\x41'", "x.", "1 +",
    "\0", "\ud800", "len", "min()", "contains('a')", "round(1, 2, 3)", "len(len)",
]  # fmt: skip


@pytest.mark.parametrize("expression", FORBIDDEN, ids=ascii)
def test_what_is_not_on_the_list_is_refused_before_anything_is_looked_up(expression):
    names = dict.fromkeys(("a", "b", "x", "obj", "outcome", "steps"), 5)
    with pytest.raises(ExpressionError) as caught:
        evaluate(expression, names)
    assert caught.value.problem
    assert caught.value.remedy
    if expression not in (
        "len",
        "len(len)",
    ):  # names that the scenario does not have; whether it has is not for the parser
        with pytest.raises(Misuse):
            parse_expression(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 240 + "1" + ")" * 240, "[" * 100 + "]" * 100, "-" * 499 + "1", "not " * 120 + "True", "1" + "+1" * 249,
        "a" + ".a" * 249, "a" + "[0]" * 166, "a if a else " * 40 + "a", "a<" * 249 + "a", "a and " * 80 + "a", "len(" * 100 + "a" + ")" * 100,
        "'" + "x" * 498 + "'", "x" * (LONGEST + 1), "9" * 500, "[" + "1," * 249 + "]", "'a'" * 160, "upper(" * 80 + "a" + ")" * 80,
    ],
    ids=lambda text: text[:9],
)  # fmt: skip
def test_size_and_depth_are_bounded_and_so_is_the_time(expression):
    began = time.perf_counter()
    try:
        found = evaluate(expression, {"a": "ß"})
    except ExpressionError as refused:
        assert len(str(refused)) < 2000
    else:
        assert len(str(found)) <= LONGEST
    assert time.perf_counter() - began < 0.5, "a few milliseconds"


class Trap(dict):
    """A mapping that remembers which attributes anybody asked it for."""

    asked: ClassVar[list[str]] = []

    def __getattribute__(self, name):
        Trap.asked.append(name)
        return super().__getattribute__(name)


WORDS = [
    "a", "trap", "trap.a", "trap.b", "trap['a']", "__class__", ".__class__", ".keys", ".a", "['__class__']", "[0]", "(", ")", "()", "[", "]", "{", "}",
    ",", ":", " ", "1", "0.5", "1e9", "'x'", "f'{a}'", "+", "-", "*", "**", "/", "//", "%", "@", "<<", "==", "<", "in", " not ", " and ", " or ",
    " if ", " else ", " is ", " for x in ", "lambda: ", "len(", "min(", "contains(", "getattr(", "__import__(", "=", ":=", ";", "\n", "#", "\\", "${",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map("".join) | st.text(max_size=60))
@example("trap.keys")
@example("trap['a'].__class__")
@example("contains(trap, 'a')")
def test_no_text_whatever_reaches_an_attribute_or_gives_anything_but_data(text):
    Trap.asked.clear()
    names = {"a": [1, "x"], "trap": Trap(a=1, b={"a": "x"})}
    try:
        found = evaluate(text, names)
    except ExpressionError:
        found = None
    assert found is None or type(found) in (bool, int, float, str, list, dict, Trap)
    assert set(Trap.asked) <= {"__class__"}, "isinstance asks for it"


NUMBERS = st.deferred(
    lambda: (
        st.integers(0, 20).map(str)
        | st.floats(0, 20).map(repr)
        | st.sampled_from(["n.five", "n['half']", "steps[1]", "len(words)"])
        | st.tuples(NUMBERS, st.sampled_from(["+", "-", "*", "/", "%"]), NUMBERS).map(lambda t: f"({' '.join(t)})")
        | NUMBERS.map(lambda x: f"(-{x})")
        | st.tuples(st.sampled_from(["min", "max"]), NUMBERS, NUMBERS).map(lambda t: f"{t[0]}({t[1]}, {t[2]})")
        | st.tuples(st.sampled_from(["abs", "round"]), NUMBERS).map(lambda t: f"{t[0]}({t[1]})")
        | st.tuples(NUMBERS, TRUTHS, NUMBERS).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})")
    )
)
TEXTS = st.deferred(
    lambda: (
        st.text("aB c", max_size=3).map(repr)
        | st.sampled_from(["word", "words[0]", "words[-1]"])
        | st.tuples(st.sampled_from(["lower", "upper"]), TEXTS).map(lambda t: f"{t[0]}({t[1]})")
    )
)
TRUTHS = st.deferred(
    lambda: (
        st.sampled_from(["True", "False", "n.on", "None == n.none"])
        | st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS)
        .map(" ".join)
        .map("({})".format)
        | st.tuples(NUMBERS, NUMBERS, NUMBERS).map(" < ".join).map("({})".format)
        | st.tuples(TEXTS, st.sampled_from(["in", "not in", "==", "<"]), TEXTS).map(" ".join).map("({})".format)
        | st.tuples(TEXTS, TEXTS)
        .map(lambda t: f"contains(words, {t[0]}) or startswith({t[0]}, {t[1]})")
        .map("({})".format)
        | st.tuples(TRUTHS, st.sampled_from(["and", "or"]), TRUTHS).map(" ".join).map("({})".format)
        | TRUTHS.map("(not {})".format)
    )
)
DATA = {"n": {"five": 5, "half": 0.5, "on": True, "none": None}, "steps": [7, 2.5], "word": "aB", "words": ["a", "B c"]}


class Fields(dict):
    """A mapping whose fields can be had as Python has attributes."""

    __getattr__ = dict.__getitem__


PYTHON = {
    "len": len, "min": min, "max": max, "abs": abs, "round": round, "lower": str.lower, "upper": str.upper,
    "contains": lambda whole, part: part in whole, "startswith": str.startswith,
}  # fmt: skip


@given(NUMBERS | TEXTS | TRUTHS | st.lists(NUMBERS | TEXTS, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"))
def test_it_gives_what_python_gives(expression):
    assert set(PYTHON) == set(FUNCTIONS)
    data = {name: Fields(value) if isinstance(value, dict) else value for name, value in DATA.items()}
    try:
        expected = eval(expression, {"__builtins__": {}}, {**data, **PYTHON})  # noqa: S307  what the strategies write
    except ZeroDivisionError:
        expected = ZeroDivisionError
    try:
        found = evaluate(expression, DATA)
    except ExpressionError as refused:
        too_large = any(words in refused.problem for words in ("parts", "characters"))
        assert too_large or (expected is ZeroDivisionError and "divides by zero" in refused.problem)
    else:
        assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("expression", ["-" * 30 + "1", "a" + ".a" * 30, "1" + "+1" * 30, "[" * 30 + "]" * 30])
def test_parts_inside_parts_have_an_end(expression):
    with pytest.raises(ExpressionError, match="more than 24 parts inside each other; take a python step"):
        evaluate(expression, {"a": {}})


def test_the_word_of_an_enum_is_mere_text():
    assert type(evaluate("outcome", {"outcome": StepOutcome.FAILED})) is str
    assert evaluate("outcome == 'FAILED'", {"outcome": StepOutcome.FAILED}) is True


def test_only_plain_data_takes_part():
    for strange in (SimpleNamespace(a=1), object(), print, {1, 2}, b"x"):
        with pytest.raises(ExpressionError, match="which expressions don't know"):
            evaluate("thing", {"thing": strange})


FILLED = {"data": "06", "run": 7, "share": 0.25, "on": True, "nothing": None, "names": ["a", "b"], "text": "${run}"}


@pytest.mark.parametrize(
    ("written", "filled"),
    [
        ("", ""),
        ("plain $ text", "plain $ text"),
        ("${run}", 7),
        ("${nothing}", None),
        ("${names}", ["a", "b"]),
        (" ${run}", " 7"),
        ("scores-${data}-${run + 1}.csv", "scores-06-8.csv"),
        ("${share} ${on} ${nothing} ${names}", '0.25 true null ["a", "b"]'),
        ("${'}' }{${\"'\"}", "}{'"),
        ("$${run} $$${run}", "${run} $${run}"),
        ("${text} is not filled again", "${run} is not filled again"),
        ({"a": ["${run}", {"b": "${data}"}], "${run}": 5}, {"a": [7, {"b": "06"}], "${run}": 5}),
        (5, 5),
    ],
)
def test_settings_are_filled(written, filled):
    found = fill(written, FILLED)
    assert (found, type(found)) == (filled, type(filled))


@pytest.mark.parametrize("written", ["${", "${run", "${'}", "${}", "a ${run +} b", "${unknown}", {"a": ["${1/0}"]}])
def test_what_can_t_be_filled_is_refused(written):
    with pytest.raises(ExpressionError):
        fill(written, FILLED)


def test_a_filled_text_has_an_end():
    with pytest.raises(ExpressionError, match="a text of more than 100,000 characters; put less into it"):
        fill("${x} and ${x}", {"x": "x" * 60_000})
    assert len(fill("${x}.", {"x": "x" * (LONGEST_TEXT - 1)})) == LONGEST_TEXT


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_text_without_a_dollar_stays_and_one_that_is_filled_in_is_what_it_was(before, value):
    assert fill(before.replace("$", ""), {}) == before.replace("$", "")
    assert fill("<${x}>", {"x": value}) == f"<{value}>"


def test_a_step_is_filled_where_it_says_so_and_its_texts_stay_texts():
    step = Notify(name="${run}", kind="notify", channel="team", message="${run}", subject="${data}: ${outcome}")
    filled = fill_step(step, {**FILLED, "outcome": "FAILED"})
    assert (filled.name, filled.message, filled.subject) == ("${run}", "7", "06: FAILED")
    call = PythonStep(name="Call", kind="python", function="a.py:f", arguments={"rows": "${run}", "by": ["${share}"]})
    assert fill_step(call, FILLED).arguments == {"rows": 7, "by": [0.25]}


def test_a_text_that_must_be_there_is_not_filled_with_nothing():
    step = Notify(name="Tell", kind="notify", channel="team", message="${nothing}")
    with pytest.raises(ExpressionError, match="it comes to nothing, and message needs a text"):
        fill_step(step, {**FILLED, "project": "loans", "scenario": "retrain"})
    other = RunScenario(name="Other", kind="run_scenario", scenario="other", data="${nothing}")
    assert fill_step(other, FILLED).data is None


def test_a_filled_text_is_not_made_before_its_length_is_known():
    many = "${x} and " * 20_000
    begun = time.monotonic()
    with pytest.raises(ExpressionError, match="a text of more than 100,000 characters"):
        fill(many, {"x": "x" * 90_000})
    step = Notify(kind="notify", name="Tell", channel="team", subject="s", message="${[x, x]}")
    with pytest.raises(ExpressionError, match="a text of more than 100,000 characters"):
        fill_step(step, {"x": ["x" * 60_000]})
    assert time.monotonic() - begun < 10


DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "expression", ["x + 1", "abs(x)", "round(x)", "-x", "1.5 * x", "round(1.7e308, -308)", "[0][x]"]
)
@pytest.mark.parametrize("x", [10**400, 10**5000], ids=["beyond floats", "beyond texts"])
def test_a_number_of_any_length_is_refused_and_nothing_worse(expression, x):
    with pytest.raises(ExpressionError):
        evaluate(expression, {"x": x})


@pytest.mark.parametrize("x", [DEEP, 10**5000], ids=["deep", "long"])
def test_what_can_not_be_written_is_refused_and_nothing_worse(x):
    names = {"x": x}
    step = Notify(kind="notify", name="Tell", channel="team", subject="s", message="${x}")
    condition = PythonStep(kind="python", name="Call", function="a.py:b", run_if={"condition": "x"}).run_if
    for ask in (
        lambda: fill("it is ${x}", names),
        lambda: fill_step(step, names),
        lambda: should_run(condition, ScenarioOutcome.SUCCESS, names),
    ):
        with pytest.raises(ExpressionError, match="too deep, or has too many digits"):
            ask()


def test_a_place_that_is_filled_in_stays_in_the_folder_of_the_project():
    def place(output, **names):
        step = Score(kind="score", name="Score", model="default", data="d", output=output)
        return fill_step(step, names).output

    assert place("/srv/scored/latest.csv") == "/srv/scored/latest.csv"
    assert place("../latest.csv") == "../latest.csv"
    assert place("scored/${x}.csv", x="june/1") == "scored/june/1.csv"
    for output, x in (("${x}", "/etc/scored.csv"), ("scored/${x}.csv", "../../latest"), ("..${x}", "/latest.csv")):
        with pytest.raises(ExpressionError, match="outside of the project's folder; name a file inside of it"):
            place(output, x=x)
