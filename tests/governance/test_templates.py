"""Templates are data: what ships says what behaviour.md says, and what is wrong is said with line, field and remedy."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import TemplateError, UnusableValue
from governance.templates import (
    SHIPPED,
    TemplateField,
    accepted,
    examine_template,
    from_text,
    read_template,
    shipped_source,
)
from governance.vocabulary import FieldKind, ItemKind

RATINGS = ["Low", "Medium low", "Medium high", "High"]


@pytest.mark.parametrize("name", SHIPPED)
class TestShipped:
    def test_its_steps_are_those_of_the_specification(self, name: str) -> None:
        template = read_template(shipped_source(name), name)
        steps = {kind: [s.name for s in w.steps] for kind in ItemKind if (w := template.workflow(kind))}
        assert steps == {
            ItemKind.PROJECT: ["Exploration", "Qualification", "In progress", "Validation and roll-out", "Delivered"],
            ItemKind.VERSION: ["Development", "Review", "Deployment", "Production"],
            ItemKind.BUNDLE: ["Preparation", "Review", "Deployment", "Production"],
        }

    def test_versions_and_bundles_are_signed_in_their_review(self, name: str) -> None:
        template = read_template(shipped_source(name), name)
        carrying = {kind: w.sign_off_step for kind in ItemKind if (w := template.workflow(kind))}
        assert carrying == {ItemKind.PROJECT: None, ItemKind.VERSION: "review", ItemKind.BUNDLE: "review"}
        assert template.sign_off_rules(ItemKind.PROJECT) is None
        assert template.sign_off_rules(ItemKind.MODEL) is None
        assert template.sign_off_rules(ItemKind.VERSION) == template.sign_off_rules(ItemKind.BUNDLE) is not None

    def test_its_fields_are_those_of_the_specification(self, name: str) -> None:
        project = read_template(shipped_source(name), name).project
        assert project is not None
        assert {f.key: f.kind for f in project.overview} == {
            "description": "text", "sponsor": "text", "start_date": "date", "delivery_date": "date",
            "cost_rating": "category", "attachments": "file",
        }  # fmt: skip
        assert {f.key: f.kind for f in project.step("exploration").fields} == {
            "notes": "text",
            "supporting_documents": "file",
        }
        qualification = {f.key: f for f in project.step("qualification").fields}
        assert all(qualification[f"{what}_rating"].choices == RATINGS for what in ("value", "risk", "feasibility"))
        assert qualification["decision"].choices == ["Go", "No go", "On hold"]
        assert {"value_comment", "risk_comment", "feasibility_comment", "decision_comment"} <= qualification.keys()

    def test_every_step_has_notes(self, name: str) -> None:
        template = read_template(shipped_source(name), name)
        for kind in (ItemKind.PROJECT, ItemKind.VERSION, ItemKind.BUNDLE):
            workflow = template.workflow(kind)
            assert workflow is not None
            assert all("notes" in {f.key for f in step.fields} for step in workflow.steps)

    def test_it_asks_the_groups_of_the_tutorial(self, name: str) -> None:
        groups = read_template(shipped_source(name), name).sign_off.feedback_groups
        assert groups == {
            "it_operations": "IT & Operations",
            "risk_compliance": "Risk & Compliance",
            "business": "Business",
        }


def test_standard_asks_for_nothing_and_regulated_for_all() -> None:
    rules = {name: read_template(shipped_source(name), name).sign_off_rules(ItemKind.VERSION) for name in SHIPPED}
    asked = {
        name: (r.mandatory, r.separation_of_duties, r.required_feedback, r.recurrence_days, r.delegation)
        for name, r in rules.items()
        if r is not None
    }
    assert asked == {
        "standard": (False, False, (), None, True),
        "regulated": (True, True, ("risk_compliance",), 365, True),
    }


STEPS = "title: T\nversion:\n  steps:\n    - {key: a, name: A}\n    - key: b\n      name: B\n"
FIELDS = f"{STEPS}      fields:\n"

WRONG: list[tuple[str, str]] = [
    ("", "line 1: it is empty; begin with title: NAME"),
    ("- a", "line 1: it is not a list of fields"),
    ("title: [", "line 1: it is not YAML"),
    ("title: T\ntitle: U\n", "line 2, field 'title': it is given twice, first on line 1; remove one of them"),
    ("title: T", "it has no workflow; give it one for project, version or bundle"),
    ("title: T\nversion: {steps: []}", "line 2, field 'version.steps'"),
    ("version: {steps: [{key: a, name: A}]}", "field 'title': it is missing; add it"),
    ("title: T\nversoin: {}\n", "line 2, field 'versoin': there is no such field; write 'version'"),
    ("title: T\nmodel: {steps: []}\n", "line 2, field 'model': there is no such field"),
    ("title: T\nversion: {steps: [{key: A b, name: A}]}", "it is not a name; use lower-case letters"),
    ("title: T\nversion: {steps: [{key: a, name: 7}]}", "it is not text; put it in quotes"),
    (f"{STEPS}    - {{key: a, name: C}}", "line 7, field 'version.steps.2.key': two steps have the key 'a'"),
    (f"{STEPS}  sign_off_step: c", "line 7, field 'version.sign_off_step': there is no step 'c'; use one of a, b"),
    (
        "title: T\nproject: {steps: [{key: a, name: A}], sign_off_step: a}",
        "field 'project.sign_off_step': a project has no sign-off; remove it",
    ),
    (f"{STEPS}sign_off: {{mandatory: true}}", "line 7, field 'sign_off.mandatory': no step carries the sign-off"),
    (
        f"{STEPS}  sign_off_step: a\nsign_off:\n  feedback_groups: {{it: IT}}\n  required_feedback: [it, risk]",
        "line 10, field 'sign_off.required_feedback.1': there is no feedback group 'risk'; use one of it",
    ),
    (f"{STEPS}sign_off: {{recurrence_days: 0}}", "field 'sign_off.recurrence_days': input should be greater"),
    (f"{STEPS}sign_off: {{feedback_groups: {{IT: x}}}}", "field 'sign_off.feedback_groups.IT'"),
    (f"{FIELDS}        - {{key: n, name: N, kind: nubmer}}", "line 8, field 'version.steps.1.fields.0.kind'"),
    (
        f"{FIELDS}        - {{key: n, name: N}}\n        - {{key: n, name: M}}",
        "line 9, field 'version.steps.1.fields.1.key': two fields have the key 'n'; give each its own key",
    ),
    (
        f"{FIELDS}        - {{key: n, name: N, kind: number, minimum: 2, maximum: 1}}",
        "line 8, field 'version.steps.1.fields.0.minimum': the minimum 2 is above the maximum 1; exchange them",
    ),
    (f"{FIELDS}        - {{key: n, name: N, minimum: 2}}", "a field of kind text has no minimum; remove it"),
    (f"{FIELDS}        - {{key: n, name: N, kind: number, minimum: .inf}}", "finite number"),
    (f"{FIELDS}        - {{key: n, name: N, kind: category}}", "a category without choices can't be filled in"),
    (f"{FIELDS}        - {{key: n, name: N, choices: [x]}}", "a field of kind text has no choices"),
    (f"{FIELDS}        - {{key: n, name: N, kind: category, choices: [x, x]}}", "the choice 'x' is there twice"),
    (f"{FIELDS}        - {{key: n, name: N, kind: category, choices: [yes, no]}}", "it is not text; put it in quotes"),
    (
        "title: T\nversion: {overview: [{key: n, name: N, required: true}], steps: [{key: a, name: A}]}",
        "the overview is no step, so nothing can wait for it; move the field into a step",
    ),
    ("title: T\x00", "it is not YAML"),
    ("title: T\nversion: &v {steps: [*v]}", "it contains itself"),
    ("title: !!python/object/apply:os.system [ls]\nversion: {steps: [{key: a, name: A}]}", "it is not YAML"),
    ("[" * 5_000, "nested too deeply"),
    ("title: T\n" + "#" * 200_000, "it has 200,009 characters; keep to 200,000"),
]


@pytest.mark.parametrize(("source", "sentence"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_with_line_field_and_remedy(source: str, sentence: str) -> None:
    _, problems = examine_template(source, "ours")
    said = [str(problem) for problem in problems]
    assert any(sentence in one for one in said), said
    assert all(one.startswith("ours") and one.endswith(".") for one in said)
    with pytest.raises(TemplateError):
        read_template(source, "ours")


def test_everything_that_is_wrong_is_said_at_once_by_line() -> None:
    source = f"{STEPS}  sign_off_step: c\nsign_off: {{required_feedback: [x]}}"
    _, problems = examine_template(source, "ours")
    assert [problem.line for problem in problems] == [7, 8]


def test_aliases_that_unfold_without_end_are_refused_at_once() -> None:
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = examine_template("\n".join(laughs), "ours")
    assert "it has too many fields" in str(problems[0])


def field(kind: FieldKind, **more: Any) -> TemplateField:
    choices = ["Go", "No go"] if kind is FieldKind.CATEGORY else []
    return TemplateField(key="f", name="F", kind=kind, **{"choices": choices, **more})


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r"), min_size=1, max_size=200)
NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
TAKES: dict[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.TEXT: TEXT,
    FieldKind.REFERENCE: TEXT,
    FieldKind.NUMBER: NUMBERS,
    FieldKind.DATE: st.dates().map(date.isoformat),
    FieldKind.CATEGORY: st.sampled_from(["Go", "No go"]),
    FieldKind.BOOLEAN: st.booleans(),
    FieldKind.LIST: st.lists(TEXT, min_size=1, max_size=20),
}
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.data(), st.sampled_from(list(TAKES)))
def test_a_field_keeps_what_it_takes_as_it_is(data: st.DataObject, kind: FieldKind) -> None:
    value = data.draw(TAKES[kind])
    kept = accepted(field(kind), value)
    if kind is FieldKind.NUMBER:
        assert float(kept) == float(value)
        assert isinstance(kept, int) is (float(value).is_integer() and abs(value) <= 2**53)
    else:
        assert kept == value
        assert type(kept) is type(value)


@given(JSON, st.sampled_from(FieldKind))
def test_whatever_is_handed_in_is_kept_as_it_is_emptied_or_refused_in_a_sentence(value: Any, kind: FieldKind) -> None:
    try:
        kept = accepted(field(kind), value)
    except UnusableValue as refused:
        assert str(refused).startswith("F: ")
        assert "\n" not in str(refused)
    else:
        assert kept is value or (kept is None and value in (None, "", [])) or float(kept) == float(value)


@given(NUMBERS, st.integers(-100, 100), st.integers(0, 100))
def test_a_number_is_kept_exactly_within_its_bounds(value: float, minimum: int, width: int) -> None:
    bounded = field(FieldKind.NUMBER, minimum=minimum, maximum=minimum + width)
    if minimum <= value <= minimum + width:
        assert accepted(bounded, value) == value
    else:
        with pytest.raises(UnusableValue, match=r"is (below the minimum|above the maximum)"):
            accepted(bounded, value)


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (FieldKind.TEXT, 5, "5 is not text"),
        (FieldKind.TEXT, "x" * 20_001, "it has 20,001 characters; keep to 20,000, or attach a file"),
        (FieldKind.TEXT, "a\x00b", r"it has the control character U\+0000 in it"),
        (FieldKind.TEXT, "a\ud800b", r"it has the control character U\+D800 in it"),
        (FieldKind.TEXT, "a\x1b[2J", r"U\+001B"),
        (FieldKind.NUMBER, True, "True is not a number"),
        (FieldKind.NUMBER, "5", "'5' is not a number"),
        (FieldKind.NUMBER, float("nan"), "the number is not finite"),
        (FieldKind.NUMBER, float("inf"), "the number is not finite"),
        (FieldKind.NUMBER, 10**400, "the number is not finite"),
        (FieldKind.DATE, "2026-02-30", "'2026-02-30' is not a date"),
        (FieldKind.DATE, "20260201", "is not a date"),
        (FieldKind.DATE, "2026-02-01T00:00", "is not a date"),
        (FieldKind.DATE, 20260201, "is not a date"),
        (FieldKind.CATEGORY, "go", "'go' is none of its choices; give one of Go, No go"),
        (FieldKind.CATEGORY, ["Go"], "none of its choices"),
        (FieldKind.BOOLEAN, 1, "1 is not yes or no"),
        (FieldKind.BOOLEAN, "true", "is not yes or no"),
        (FieldKind.LIST, "a", "'a' is not a list"),
        (FieldKind.LIST, ["a", 5], "5 is not text"),
        (FieldKind.LIST, ["a", ""], "an entry is empty"),
        (FieldKind.LIST, ["a"] * 201, "it has 201 entries; keep to 200"),
        (FieldKind.LIST, ["a" * 501], "it has 501 characters"),
        (FieldKind.FILE, "plan.pdf", "a file is no value; attach a file instead"),
    ],
)
def test_what_a_field_does_not_take_is_refused(kind: FieldKind, value: Any, sentence: str) -> None:
    with pytest.raises(UnusableValue, match=sentence):
        accepted(field(kind), value)


@pytest.mark.parametrize(
    ("kind", "texts", "value"),
    [
        (FieldKind.TEXT, ["a b"], "a b"),
        (FieldKind.TEXT, [""], None),
        (FieldKind.NUMBER, ["0.5"], 0.5),
        (FieldKind.NUMBER, [""], None),
        (FieldKind.BOOLEAN, ["Yes"], True),
        (FieldKind.BOOLEAN, ["false"], False),
        (FieldKind.LIST, ["a", "b"], ["a", "b"]),
        (FieldKind.LIST, [], []),
        (FieldKind.DATE, ["2026-01-31"], "2026-01-31"),
    ],
)
def test_typed_text_becomes_a_value(kind: FieldKind, texts: list[str], value: Any) -> None:
    assert from_text(field(kind), texts) == value


@pytest.mark.parametrize(
    ("kind", "texts", "sentence"),
    [
        (FieldKind.NUMBER, ["five"], "'five' is not a number"),
        (FieldKind.BOOLEAN, ["1"], "'1' is not yes or no"),
        (FieldKind.TEXT, ["a", "b"], "it takes one value, not 2"),
    ],
)
def test_typed_text_that_means_nothing_is_refused(kind: FieldKind, texts: list[str], sentence: str) -> None:
    with pytest.raises(UnusableValue, match=sentence):
        from_text(field(kind), texts)
