"""The document of a version: everything in it, nothing of others that acts, and both languages say the same."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.vocabulary import Measurement
from tasks.documents import Judged, VersionFacts, as_html, as_markdown, document_of
from tasks.documents.parts import Chapter, Document, Points, Sentence, Table, shown

AT = datetime(2017, 7, 3, 6, 0, tzinfo=UTC)

SIGN_OFF = {
    "status": "APPROVED",
    "round": 2,
    "approved_until": None,
    "requested_by": ["ada"],
    "people": {"writers": ["ada"], "reviewers": {"business": ["fay"]}, "final_approvers": ["hana"]},
    "feedback": [
        {"created_at": AT, "group": "business", "author": "fay", "verdict": "MINOR_ISSUE", "comment": "few refusals"}
    ],
    "final_approval": {"created_at": AT, "author": "hana", "verdict": "APPROVED", "comment": "go"},
    "history": [{"round": 1, "status": "REJECTED", "requested_by": ["ada"], "feedback": [], "final_approval": None}],
    "moves": [{"at": AT, "actor": "hana", "action": "approve", "from": "WAITING", "to": "APPROVED", "comment": "go"}],
}


def facts(**changes):
    judged = [
        Judged(
            f"e{month}", f"month {month}", "mes", f"monthly:0{month}", AT + timedelta(days=30 * month), 2000, 1000,
            {"roc_auc": Measurement("roc_auc", 0.9 - month / 100, 0.8, 0.95), "data_drift": Measurement("data_drift", 0.5)},
            [("ROC AUC > 0.80", "OK")],
        )
        for month in (4, 5)
    ]  # fmt: skip
    manifest = {
        "schema": {
            "features": [{"name": "amount", "handling": "numerical"}], "target": "refused", "prediction_type": "binary",
            "classes": ["1", "0"], "time_column": "day",
        },
        "estimator": "default", "parameters": {"max_iter": 15}, "threshold": 0.37, "refit_on_full": False,
        "split": {"method": "random", "test_share": 0.2, "seed": 1337},
        "rows": {"train": 800, "test": 200, "dropped": 3},
        "data": {"name": "training + monthly:04", "fingerprints": ["aa11", "bb22"], "rows": 1003},
        "code_revision": "4d8f414", "project_revision": "unknown", "packages": {"numpy": "2.4.0"},
        "files": {"model.skops": "cc33"}, "measured_by": {"weight_column": None},
    }  # fmt: skip
    whole = {
        "project": "cards", "description": "Which purchases are authorised.", "model": "authorization", "version": 2,
        "metric_to_focus": "roc_auc", "manifest": manifest, "manifest_digest": "dd44",
        "measurements": [Measurement("roc_auc", 0.8871, 0.85, 0.92, 200), Measurement("lift", None, reason="too few")],
        "diagnostics": [{"name": "small_test", "message": "the test part has 200 rows"}],
        "importances": {"amount": 0.75}, "reference_rows": 200, "trained_by": "ada", "trained_at": AT,
        "thresholds": [{"threshold": t / 100, "accuracy": 0.5, "true_positives": 0.1} for t in range(101)],
        "active_in": ["prod"], "evaluations": judged, "earlier_evaluations": 7, "sign_off": SIGN_OFF,
        "activations": [
            {"at": AT, "environment": "prod", "by": "ada", "instead of": "version 1", "gate": "ALLOWED", "reasons": []}
        ],
        "written_at": AT,
    }  # fmt: skip
    return VersionFacts(**(whole | changes))


class Page(HTMLParser):
    """What of a page acts, and what of it people read."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("language", [as_html, as_markdown])
def test_everything_that_is_known_of_a_version_is_in_its_document(language):
    text = language(document_of(facts()))
    read = " ".join(Page(text).words) if language is as_html else text.replace("\\", "")
    for said in (
        "cards / authorization / version 2", "Which purchases are authorised.",
        "refused (binary)", "0.8871 (0.8500 to 0.9200)", "prod", "APPROVED",  # summary
        "max_iter", "15", "amount", "numerical", "0.3700",  # design
        "training", "aa11", "bb22", "1,003", "800", "random, 20% to measure on, seed 1337", "day",  # data and split
        "Lift in the top 40 %", "too few",  # performance
        "0.3500", "0.4000", "Accuracy",  # thresholds
        "0.7500", "small_test: the test part has 200 rows",  # importances, diagnostics
        "monthly:05", "0.8500 (0.8000 to 0.9500)", "ROC AUC > 0.80 OK", "7 earlier ones are left out", "2017-11-30",
        "few refusals", "hana", "Round 1, which ended as REJECTED", "approve",  # sign-off
        "version 1", "ALLOWED", "4d8f414", "numpy", "2.4.0", "cc33", "dd44",  # activations, lineage
    ):  # fmt: skip
        assert said in read, said
    assert "0.3600" not in read  # of the hundred thresholds every fifth, and the one in force


def test_a_chapter_without_anything_to_say_says_so_or_is_not_there():
    empty = facts(thresholds=[], importances={}, diagnostics=[], evaluations=[], earlier_evaluations=0, activations=[])
    titles = [chapter.title for chapter in document_of(empty).chapters]
    assert "Thresholds" not in titles
    text = as_markdown(document_of(empty))
    for said in ("Nothing was suspicious", "has not been evaluated", "was never active"):
        assert said in text


EVIL = "</td></table><script>alert(1)</script><img src=http://evil onerror=x> [a](javascript:b) | `c` **d**\n# e\x00"


def infected(value):
    """The same facts with something evil in every text."""
    if isinstance(value, str):
        return value + EVIL
    if isinstance(value, dict):
        return {key: infected(each) for key, each in value.items()}
    if isinstance(value, list):
        return [infected(each) for each in value]
    return value


def test_no_word_of_others_acts_in_the_page():
    clean = facts()
    manifest = infected(clean.manifest) | {"data": clean.manifest["data"] | {"name": EVIL}}
    evil = replace(
        clean, project=EVIL, description=EVIL, model=EVIL, manifest=manifest, diagnostics=infected(clean.diagnostics),
        importances={EVIL: 0.5}, trained_by=EVIL, sign_off=infected(SIGN_OFF), activations=infected(clean.activations),
        evaluations=[replace(e, data=EVIL, name=EVIL, store=EVIL, checks=[(EVIL, "OK")]) for e in clean.evaluations],
    )  # fmt: skip
    page, harmless = Page(as_html(document_of(evil))), Page(as_html(document_of(clean)))
    assert set(page.tags) == set(harmless.tags)
    assert "<script>alert(1)</script>" in "".join(page.words)
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    names = {name for _, name, _ in page.attributes}
    assert not {"src", "onerror", "onclick"} & names
    assert all(value.startswith("#") for _, name, value in page.attributes if name == "href")
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_no_word_of_others_acts_in_markdown():
    text = as_markdown(
        Document(EVIL, EVIL, [Chapter(EVIL, [Sentence("1. one"), Points([EVIL]), Table((EVIL,), [(EVIL,)])])])
    )
    lines = text.split("\n")
    assert [line for line in lines if line.startswith("#")] == [
        lines[0],
        next(li for li in lines if li.startswith("##")),
    ]
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", text)
    assert not re.search(r"[<>\[\]`*]", unescaped)
    assert "http:" not in unescaped
    assert "1\\. one" in text
    rows = [line for line in lines if line.startswith("|")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [2, 2, 2]


@given(st.text(max_size=60), st.floats(allow_nan=True), st.integers())
def test_every_text_and_number_takes_one_line(text, number, whole):
    for value in (text, number, whole, [text, whole], None):
        assert len(shown(value).splitlines()) == 1
        assert shown(value).isprintable()
