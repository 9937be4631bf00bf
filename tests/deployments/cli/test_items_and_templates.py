"""Items, their workflow and the templates on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from governance.settings import settings
from tests.workplace import Driftgate

OURS = (
    "title: Ours\nversion:\n  steps:\n    - {key: build, name: Build, fields: [{key: tags, name: Tags, kind: list}]}\n"
)


@pytest.fixture
def governed(driftgate: Driftgate, trained: Callable[[], int]) -> Driftgate:
    """A project with one version, governed with all that is in it."""
    trained()
    assert driftgate("item", "govern", "loans", "--children").code == 0
    return driftgate


def test_a_project_is_governed_before_anything_was_ever_run(driftgate: Driftgate, project: Path) -> None:
    document = driftgate("item", "govern", "loans", "--json").document
    assert (document["path"], document["state"], document["current_step"]) == ("loans", "GOVERNED", "exploration")
    assert document["template"]["name"] == "standard"


def test_the_tutorial_up_to_the_decision(governed: Driftgate, home: Path) -> None:
    (home / "plan.pdf").write_bytes(b"a plan")
    for line in (
        ("set", "loans", "sponsor", "Hana"),
        ("set", "loans", "exploration.notes", "Worth a try"),
        ("attach", "loans", "exploration.supporting_documents", home / "plan.pdf"),
        ("finish", "loans", "exploration"),
        ("set", "loans", "qualification.value_rating", "High"),
        ("set", "loans", "qualification.decision", "Go"),
        ("finish", "loans", "qualification"),
        ("skip", "loans", "in_progress"),
        ("reopen", "loans", "in_progress"),
        ("set", "loans/default/1", "development.notes", "Trained"),
    ):
        outcome = governed("item", *line)
        assert outcome.code == 0, outcome.words
    shown = governed("item", "show", "loans")
    assert "You may now: reopen exploration, reopen qualification, finish in_progress, skip in_progress." in shown.words
    for words in ("qualification.decision Go ada", "exploration.notes Worth a try", "1: plan.pdf"):
        assert words in shown.words
    listed = governed("item", "list", "--json").document["items"]
    assert [(one["item"], one["state"], one["step"]) for one in listed] == [
        ("loans", "GOVERNED", "in_progress"),
        ("loans/default", "GOVERNED", None),
        ("loans/default/1", "GOVERNED", "development"),
    ]


def test_a_file_comes_back_or_is_refused_when_it_was_altered(governed: Driftgate, home: Path) -> None:
    (home / "plan.pdf").write_bytes(b"a plan")
    governed("item", "attach", "loans", "attachments", home / "plan.pdf", "--name", "The plan.pdf")
    written = governed("item", "file", "loans", 1, "--output", home / "out.pdf", "--json").document
    assert (written["name"], (home / "out.pdf").read_bytes()) == ("The plan.pdf", b"a plan")
    (kept,) = (file for file in (settings().artifacts_folder / "files").rglob("*") if file.is_file())
    kept.write_bytes(b"forged")
    refused = governed("item", "file", "loans", 1, "--output", home / "out.pdf")
    assert refused.code == 1
    assert "is not what was recorded" in refused.words
    assert (home / "out.pdf").read_bytes() == b"a plan"
    assert governed("item", "remove-file", "loans", 1).code == 0
    assert "was removed" in governed("item", "remove-file", "loans", 1).words


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (("show", "laons"), 2, "There is no item 'laons' (known: loans"),
        (("finish", "loans", "qualification"), 1, "it is NOT_STARTED; possible now: nothing"),
        (("set", "loans", "cost_rating", "Cheap"), 2, "give one of Low, Medium low, Medium high, High"),
        (("set", "loans", "start_date", "soon"), 2, "'soon' is not a date"),
        (("set", "loans", "sponsor", "a", "b"), 2, "it takes one value, not 2"),
        (("attach", "loans", "attachments", "absent.pdf"), 1, "it can't be opened"),
        (("govern", "loans"), 1, "it is governed already, by template standard/1"),
        (("move", "loans", "--template", "ours"), 2, "There is no template 'ours' (known: regulated, standard)"),
        (("hide", "loans"), 1, "loans/default below it are governed: hide them first"),
        (("unhide", "loans"), 1, "it is GOVERNED, not HIDDEN"),
    ],
)
def test_a_refusal_is_a_sentence_and_a_code(governed: Driftgate, line: tuple[str, ...], code: int, words: str) -> None:
    outcome = governed("item", *line)
    assert (outcome.code, words in outcome.words) == (code, True), outcome.words


def test_a_template_from_its_file_to_an_item(governed: Driftgate, home: Path) -> None:
    file = home / "ours.yaml"
    file.write_text(OURS)
    assert governed("template", "validate", file).code == 0
    assert governed("template", "draft", "ours", file).code == 0
    assert "only a draft" not in governed("template", "change", "ours", file).words
    assert governed("template", "activate", "ours").code == 0
    assert governed("template", "show", "ours", "--json").document["source"] == OURS
    assert governed("item", "move", "loans/default/1", "--template", "ours").code == 0
    assert governed("item", "set", "loans/default/1", "build.tags", "a", "b").code == 0
    document = governed("item", "show", "loans/default/1", "--json").document
    assert document["steps"][0]["fields"][0]["value"] == ["a", "b"]
    assert governed("template", "archive", "ours").code == 0
    states = [
        (t["template"], t["number"], t["state"]) for t in governed("template", "list", "--json").document["templates"]
    ]
    assert states == [("ours", 1, "ARCHIVED"), ("regulated", 1, "ACTIVE"), ("standard", 1, "ACTIVE")]


def test_everything_that_is_wrong_with_a_template_is_said(driftgate: Driftgate, home: Path) -> None:
    file = home / "wrong.yaml"
    file.write_text(f"{OURS}  sign_off_step: review\nsign_off: {{required_feedback: [risk]}}\n")
    outcome = driftgate("template", "validate", file, "--json")
    assert outcome.code == 2
    assert [one["line"] for one in outcome.document["error"]["problems"]] == [5, 6]
    assert driftgate("template", "draft", "ours", file).code == 2
    assert driftgate("template", "validate", home / "absent.yaml").code == 1
