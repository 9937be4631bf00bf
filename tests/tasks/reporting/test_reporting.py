"""What a report says, in its subject, its text and its page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from governance.vocabulary import ReportKind, ScenarioOutcome, StepOutcome
from tasks.reporting import Finding, Step, Story, message_page, write
from tasks.reporting.story import findings_in

SIX = datetime(2026, 1, 5, 6, tzinfo=UTC)
DRIFT = Finding(
    "Data Drift < 0.4", "ERROR", "data_drift is 0.51, above the maximum", "data_drift", 0.51, {"maximum": 0.4}
)
FAILED = Story(
    ReportKind.END, "credit", "Retrain Model", 12, ScenarioOutcome.FAILED, "schedule", "ada", SIX, SIX + timedelta(seconds=95),
    steps=(
        Step("Build MES", StepOutcome.SUCCESS, "evaluation 3"),
        Step("Run checks", StepOutcome.FAILED, "Data Drift < 0.4: ERROR", (DRIFT,)),
        Step("Train", StepOutcome.SKIPPED, "runs if no prior failed"),
    ),
    runs=1, since=SIX, links=(("In Prefect", "https://prefect.test/runs/flow-run/5f3e?a=1&b=2"),),
)  # fmt: skip
EVERY_KIND = [
    replace(FAILED, kind=ReportKind.BEGIN, outcome=None, ended_at=None, steps=()),
    FAILED,
    replace(FAILED, kind=ReportKind.REMINDER, runs=5),
    replace(FAILED, kind=ReportKind.OVER, outcome=ScenarioOutcome.SUCCESS, runs=5),
    replace(FAILED, outcome=ScenarioOutcome.ABORTED, reason="process 7 ended without ending the run", steps=()),
    replace(FAILED, outcome=ScenarioOutcome.SUCCESS, missed=3),
]


class _Reader(HTMLParser):
    """Reads a page as people do, and complains of tags that are not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [f"{tag}.{name}" for name, _ in attrs]
        if tag not in {"br", "meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


@pytest.mark.parametrize(
    ("story", "subject"),
    list(
        zip(
            EVERY_KIND,
            [
                "credit, Retrain Model: run 12 has begun",
                "credit, Retrain Model: FAILED at Run checks",
                "credit, Retrain Model: still FAILED at Run checks",
                "credit, Retrain Model: SUCCESS again",
                "credit, Retrain Model: ABORTED",
                "credit, Retrain Model: SUCCESS after a failure was reset",
            ],
            strict=True,
        )
    ),
)
def test_the_subject_says_what_happened(story: Story, subject: str) -> None:
    assert write(story).subject == subject


def test_the_text_tells_all_of_it_line_by_line() -> None:
    assert (
        write(FAILED).text
        == """\
credit, Retrain Model: FAILED at Run checks

If the next runs have the same trouble, you are not told of each of them.

Run: 12, started by ada (schedule)
Began: 2026-01-05 06:00 UTC
Took: 1 min 35 s

Failing checks
- ERROR Data Drift < 0.4: data_drift is 0.51, above the maximum (value 0.51; maximum 0.4)

Steps
- SUCCESS Build MES: evaluation 3
- FAILED Run checks: Data Drift < 0.4: ERROR
- SKIPPED Train: runs if no prior failed

In Prefect: https://prefect.test/runs/flow-run/5f3e?a=1&b=2"""
    )


@pytest.mark.parametrize("story", EVERY_KIND)
def test_the_page_says_the_same_and_becomes_the_same_text_where_mail_has_no_pages(story: Story) -> None:
    from apprise.conversion import html_to_text

    lines = [line.removeprefix("- ") for line in write(story).text.splitlines() if line]
    assert [line.strip() for line in html_to_text(write(story).html).splitlines() if line.strip()] == lines


@pytest.mark.parametrize(
    ("story", "sentence"),
    [
        (EVERY_KIND[2], "5 runs since 2026-01-05 06:00 UTC had the same trouble."),
        (EVERY_KIND[3], "The trouble that began 2026-01-05 06:00 UTC and was had by 5 runs is over."),
        (EVERY_KIND[4], "Aborted: process 7 ended without ending the run."),
        (EVERY_KIND[5], "Run checks failed, and a later step reset that."),
        (EVERY_KIND[5], "It stands for 3 times of its schedule at which nothing ran."),
    ],
)
def test_it_says_what_is_particular_about_the_run(story: Story, sentence: str) -> None:
    assert sentence in write(story).text.splitlines()


def test_what_people_have_written_stays_text_on_the_page() -> None:
    evil = "<script>alert(1)</script>\"'&\x1b[2J\r\nBcc: eve@test"
    step = Step(evil, StepOutcome.FAILED, evil, (Finding(evil, "ERROR", evil, evil, evil, {evil: evil}),))
    told = write(replace(FAILED, project=evil, scenario=evil, started_by=evil, steps=(step,), links=((evil, evil),)))
    assert "<script" not in told.html
    assert set(read(told.html).attributes) == {
        "meta.charset", "body.style", "div.style", "h1.style", "h2.style", "p.style", "table.role", "table.width",
        "table.cellspacing", "table.cellpadding", "table.style", "td.style", "b.style", "a.href", "a.style",
    }  # fmt: skip
    assert "\n" not in told.subject
    assert "\x1b" not in told.subject + told.text + told.html


def test_a_run_with_hundreds_of_steps_that_say_much_still_fits() -> None:
    step = Step("s", StepOutcome.FAILED, "x" * 5_000, (DRIFT,) * 3)
    told = write(replace(FAILED, steps=(step,) * 300))
    assert "and 260 more" in told.text
    assert len(told.text) < 32_000


def test_checks_that_are_well_or_may_be_empty_are_not_told() -> None:
    checks = [
        {"name": "fine", "outcome": "OK"},
        {"name": "none", "outcome": "EMPTY", "empty": "ok"},
        {"name": "gone", "outcome": "EMPTY", "empty": "warning", "bounds": {"maximum": 1}},
        {"name": "set", "outcome": "ERROR", "value": "b", "bounds": ["a", "c"]},
    ]
    assert [finding.name for finding in findings_in(checks)] == ["gone", "set"]
    assert findings_in(None) == findings_in("nonsense") == ()


def test_a_message_of_a_step_has_a_page_with_its_lines() -> None:
    page = read(message_page("Look & see", "one\ntwo\n\n<b>three</b>"))
    assert page.words == ["Look & see", "one", "two", "<b>three</b>"]
