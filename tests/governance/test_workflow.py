"""The steps of a governed item, what is filled in, what is attached, and what locks it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import Session

from governance.audit import Actor
from governance.database import reading, transaction
from governance.errors import (
    ActRefused,
    ChangedMeanwhile,
    ContentAltered,
    DriftgateError,
    NotAllowed,
    NotFound,
    UnusableName,
    UnusableValue,
)
from governance.items import (
    activate_template,
    draft_template,
    find_item,
    find_template,
    govern,
    install_templates,
    move,
)
from governance.signoff import Request, sign
from governance.tables import Attachment, AuditEvent, Item, ItemField, ItemStep
from governance.templates import TemplateField
from governance.vocabulary import FieldKind, Right, SignOffAction, StepStatus
from governance.workflow import (
    LARGEST_FILE_BYTES,
    RULES,
    StepAction,
    attach_file,
    course_of,
    find_attachment,
    move_step,
    read_file,
    remove_file,
    set_field,
    show_workflow,
)
from governance.workflow.filing import place_of
from tests.governance.test_items import at_once, close
from tests.governance.world import FINN, NOON, OTTO, ROSA, WILL, World

N, G, F, S = StepStatus.NOT_STARTED, StepStatus.ONGOING, StepStatus.FINISHED, StepStatus.SKIPPED
A = SignOffAction

ALL_KINDS = """\
title: All
version:
  overview:
    - {key: owner, name: Owner}
  steps:
    - key: build
      name: Build
      fields:
        - {key: notes, name: Notes, required: true}
        - {key: score, name: Score, kind: number, minimum: 0, maximum: 10}
        - {key: due, name: Due, kind: date}
        - {key: verdict, name: Verdict, kind: category, choices: [Go, No go]}
        - {key: checked, name: Checked, kind: boolean}
        - {key: tags, name: Tags, kind: list}
        - {key: after, name: After, kind: reference}
        - {key: proof, name: Proof, kind: file, required: true}
    - {key: review, name: Review}
    - {key: live, name: Live}
  sign_off_step: review
"""


@pytest.fixture
def governed(world: World) -> World:
    """The project, its model and its version 1, governed by the standard template."""
    with transaction(world.engine) as session:
        install_templates(session, world.now())
        govern(
            session,
            find_item(session, "credit"),
            find_template(session, "standard"),
            children=True,
            actor=WILL,
            at=NOON,
        )
    world.version()
    return world


def on(world: World, service: Callable[..., Any], path: str, *arguments: Any, actor: Actor = WILL, **more: Any) -> Any:
    with transaction(world.engine) as session:
        return service(
            session, find_item(session, path), *arguments, actor=actor, at=more.pop("at", None) or world.now(), **more
        )


def _moving(action: StepAction) -> Callable[..., Any]:
    return lambda session, item, step, **more: move_step(session, item, step, action, **more)


finish_step, skip_step, reopen_step = (_moving(action) for action in StepAction)


def attach(
    world: World, path: str, step: str, field: str, name: str = "plan.pdf", content: bytes = b"plan", **more: Any
) -> Any:
    return on(world, attach_file, path, step, field, name=name, content=content, artifacts=world.artifacts, **more)


def remove(world: World, attachment: Attachment, actor: Actor = WILL) -> Any:
    with transaction(world.engine) as session:
        return remove_file(session, attachment, actor=actor, at=world.now())


def statuses(world: World, path: str = "credit") -> list[StepStatus]:
    with Session(world.engine) as session:
        course = course_of(session, find_item(session, path))
        assert course is not None
        return list(course.statuses.values())


def shown(world: World, path: str, **more: Any) -> dict[str, Any]:
    with reading(world.engine) as session:
        return show_workflow(session, find_item(session, path), **more)


def use(world: World, source: str, path: str = "credit/fraud/1", name: str = "all") -> None:
    with transaction(world.engine) as session:
        template = draft_template(session, source, name, actor=WILL, at=world.now())
        template = activate_template(session, template, actor=WILL, at=world.now())
        move(session, find_item(session, path), template, actor=WILL, at=world.now())


def signed(world: World, *moves: tuple[SignOffAction, Actor], at: Any = None) -> None:
    for action, actor in moves:
        with transaction(world.engine) as session:
            request = Request(find_item(session, "credit/fraud/1"), action, actor)
            sign(session, request, artifacts=world.artifacts, at=at or world.now())


ASK, APPROVE, REJECT = (A.REQUEST_APPROVAL, WILL), (A.APPROVE, FINN), (A.REJECT, FINN)


class TestSteps:
    def test_the_first_is_ongoing_from_the_beginning(self, governed: World) -> None:
        assert statuses(governed) == [G, N, N, N, N]
        assert statuses(governed, "credit/fraud/1") == [G, N, N, N]

    def test_finishing_one_starts_the_next(self, governed: World) -> None:
        on(governed, finish_step, "credit", "exploration")
        assert statuses(governed) == [F, G, N, N, N]
        on(governed, skip_step, "credit", "qualification")
        assert statuses(governed) == [F, S, G, N, N]

    def test_all_can_be_done(self, governed: World) -> None:
        for step in ("exploration", "qualification", "in_progress", "validation_and_roll_out", "delivered"):
            course = on(governed, finish_step, "credit", step)
        assert set(course.statuses.values()) == {F}
        assert course.current is None

    def test_reopening_one_takes_all_after_it_back_but_not_what_they_say(self, governed: World) -> None:
        for step in ("exploration", "qualification", "in_progress"):
            on(governed, set_field, "credit", step, "notes", f"about {step}")
            on(governed, finish_step, "credit", step)
        on(governed, reopen_step, "credit", "qualification")
        assert statuses(governed) == [F, G, N, N, N]
        assert len(governed.read(ItemField)) == 3

    @pytest.mark.parametrize(("status", "action"), list(product(StepStatus, StepAction)), ids=str)
    def test_every_status_allows_what_the_specification_says_and_nothing_else(
        self, governed: World, status: StepStatus, action: StepAction
    ) -> None:
        # Written down from the contract, not from RULES.
        expected = {(G, "finish"): F, (G, "skip"): S, (F, "reopen"): G, (S, "reopen"): G}
        if status in {F, S}:
            on(governed, finish_step if status is F else skip_step, "credit", "exploration")
        step = "delivered" if status is N else "exploration"
        assert {one["key"]: one["status"] for one in shown(governed, "credit")["steps"]}[step] is status
        lines = len(governed.trail())
        if (status, action) in expected:
            after = on(governed, move_step, "credit", step, action)
            assert after.statuses[step] is expected[status, action]
            assert [tag for tag, _ in governed.trail()[lines:]] == ["step:changed"]
        else:
            before = (governed.trail(), governed.read(ItemStep))
            with pytest.raises(ActRefused, match=f"it is {status}; possible now: "):
                on(governed, move_step, "credit", step, action)
            assert (governed.trail(), governed.read(ItemStep)) == before

    def test_the_table_has_exactly_these_moves(self) -> None:
        assert {(str(status), str(action)) for status, action in RULES} == {
            ("ONGOING", "finish"), ("ONGOING", "skip"), ("FINISHED", "reopen"), ("SKIPPED", "reopen"),
        }  # fmt: skip

    def test_a_move_is_one_line_with_every_step_that_it_changed(self, governed: World) -> None:
        on(governed, finish_step, "credit", "exploration")
        line = governed.read(AuditEvent)[-1]
        assert line.before == {"steps": {"exploration": "ONGOING", "qualification": "NOT_STARTED"}}
        assert line.after["steps"] == {"exploration": "FINISHED", "qualification": "ONGOING"}
        assert (line.subject, line.actor, line.after["action"]) == ("credit", "will", "finish")

    def test_a_step_that_is_not_there_is_named_with_those_that_are(self, governed: World) -> None:
        with pytest.raises(NotFound, match=r"no step of this workflow 'explore' \(known: exploration, qualif"):
            on(governed, finish_step, "credit", "explore")

    def test_whoever_looked_at_an_older_state_is_told(self, governed: World) -> None:
        seen = shown(governed, "credit")["revision"]
        on(governed, set_field, "credit", "exploration", "notes", "meanwhile")
        with pytest.raises(ChangedMeanwhile, match="credit was changed meanwhile"):
            on(governed, finish_step, "credit", "exploration", expected_revision=seen)

    def test_a_model_has_no_workflow(self, governed: World) -> None:
        with pytest.raises(ActRefused, match="its template has no workflow for a model"):
            on(governed, finish_step, "credit/fraud", "development")
        assert shown(governed, "credit/fraud")["steps"] == []

    def test_what_is_not_governed_has_none(self, world: World) -> None:
        with pytest.raises(ActRefused, match="it is GOVERNABLE, not GOVERNED"):
            on(world, finish_step, "credit", "exploration")

    def test_required_fields_are_filled_before_it_is_finished(self, governed: World) -> None:
        use(governed, ALL_KINDS)
        with pytest.raises(ActRefused) as refused:
            on(governed, finish_step, "credit/fraud/1", "build")
        assert refused.value.reasons == (
            "the field 'Notes' is required and empty",
            "the field 'Proof' is required and empty",
        )
        on(governed, set_field, "credit/fraud/1", "build", "notes", "done")
        attach(governed, "credit/fraud/1", "build", "proof")
        on(governed, finish_step, "credit/fraud/1", "build")

    def test_what_a_new_revision_does_not_allow_any_more_is_corrected_first(self, governed: World) -> None:
        use(governed, ALL_KINDS.replace(", required: true", ""))
        on(governed, set_field, "credit/fraud/1", "build", "score", 9)
        use(governed, ALL_KINDS.replace(", required: true", "").replace("maximum: 10", "maximum: 5"))
        with pytest.raises(ActRefused, match="the field 'Score' does not fit any more: 9 is above the maximum 5"):
            on(governed, finish_step, "credit/fraud/1", "build")

    def test_a_new_revision_keeps_what_was_done_and_puts_new_steps_in_their_place(self, governed: World) -> None:
        source = "title: All\nversion: {steps: [{key: a, name: A}, {key: b, name: B}]}"
        use(governed, source)
        on(governed, finish_step, "credit/fraud/1", "a")
        use(governed, source.replace("steps: [", "steps: [{key: new, name: New}, "))
        assert statuses(governed, "credit/fraud/1") == [G, F, N]
        with pytest.raises(ActRefused, match="the step 'New' comes first, and it is not done"):
            on(governed, reopen_step, "credit/fraud/1", "a")
        on(governed, finish_step, "credit/fraud/1", "new")
        assert statuses(governed, "credit/fraud/1") == [F, F, G]


class TestSignOff:
    def mandatory(self, world: World) -> None:
        with transaction(world.engine) as session:
            regulated = find_template(session, "regulated")
            source = regulated.source.replace("required_feedback: [risk_compliance]", "required_feedback: []")
            source = source.replace("separation_of_duties: true", "separation_of_duties: false")
        use(world, source, name="regulated")
        on(world, finish_step, "credit/fraud/1", "development")

    @pytest.mark.parametrize("service", [finish_step, skip_step])
    def test_a_mandatory_one_is_passed_with_an_approval_only(
        self, governed: World, service: Callable[..., Any]
    ) -> None:
        self.mandatory(governed)
        ways: list[tuple[tuple[SignOffAction, Actor], str]] = [
            ((A.REQUEST_FEEDBACK, WILL), "WAITING_FOR_FEEDBACK"),
            (ASK, "WAITING_FOR_APPROVAL"),
        ]
        with pytest.raises(ActRefused, match="the sign-off is mandatory, and it is NOT_STARTED, not APPROVED"):
            on(governed, service, "credit/fraud/1", "review")
        for way, status in ways:
            signed(governed, way)
            with pytest.raises(ActRefused, match=f"the sign-off is mandatory, and it is {status}"):
                on(governed, service, "credit/fraud/1", "review")
        signed(governed, APPROVE)
        on(governed, service, "credit/fraud/1", "review")

    def test_an_expired_approval_is_none(self, governed: World) -> None:
        self.mandatory(governed)
        signed(governed, ASK, APPROVE)
        late = NOON + timedelta(days=366)
        with pytest.raises(ActRefused, match="the sign-off is mandatory, and its approval has expired"):
            on(governed, finish_step, "credit/fraud/1", "review", at=late)
        possible = {s["key"]: s["possible"] for s in shown(governed, "credit/fraud/1", at=late)["steps"]}["review"]
        assert all("expired" in one["reasons"][0] for one in possible)

    def test_steps_after_it_need_the_approval_too(self, governed: World) -> None:
        self.mandatory(governed)
        signed(governed, ASK, APPROVE)
        on(governed, finish_step, "credit/fraud/1", "review")
        signed(governed, (A.RESET, WILL))
        for service in (finish_step, skip_step):
            with pytest.raises(ActRefused, match="the sign-off is mandatory, and it is NOT_STARTED"):
                on(governed, service, "credit/fraud/1", "deployment")

    def test_one_that_is_not_mandatory_holds_nothing_up(self, governed: World) -> None:
        on(governed, finish_step, "credit/fraud/1", "development")
        on(governed, finish_step, "credit/fraud/1", "review")

    def test_a_sign_off_that_began_before_a_mandatory_template_is_waited_for_all_the_same(
        self, governed: World
    ) -> None:
        signed(governed, ASK)
        self.mandatory(governed)
        with pytest.raises(ActRefused, match="the sign-off is mandatory"):
            on(governed, finish_step, "credit/fraud/1", "review")

    @pytest.mark.parametrize("ending", [REJECT, (A.ABANDON, WILL)], ids=["rejected", "abandoned"])
    def test_rejection_and_abandonment_lock_everything(
        self, governed: World, ending: tuple[SignOffAction, Actor]
    ) -> None:
        use(governed, ALL_KINDS)
        file = attach(governed, "credit/fraud/1", "build", "proof")
        signed(governed, ASK, ending)
        before = (governed.trail(), statuses(governed, "credit/fraud/1"))
        for service, arguments in (
            (finish_step, ("build",)),
            (skip_step, ("build",)),
            (reopen_step, ("build",)),
            (set_field, ("build", "notes", "x")),
            (set_field, ("", "owner", "x")),
        ):
            with pytest.raises(ActRefused, match="which locks it: reset the sign-off, or"):
                on(governed, service, "credit/fraud/1", *arguments)
        with pytest.raises(ActRefused, match="which locks it"):
            attach(governed, "credit/fraud/1", "build", "proof")
        with pytest.raises(ActRefused, match="which locks it"):
            remove(governed, file)
        assert (governed.trail(), statuses(governed, "credit/fraud/1")) == before
        document = shown(governed, "credit/fraud/1")
        assert "which locks it" in document["locked"]
        assert all(move["reasons"] for step in document["steps"] for move in step["possible"])
        on(governed, finish_step, "credit", "exploration")  # the project is another item

    @pytest.mark.parametrize(
        "ways",
        [
            (ASK, REJECT, (A.RESET, WILL)),
            (ASK, REJECT, (A.EDIT_TO_APPROVED, FINN)),
            (ASK, REJECT, (A.DELETE_APPROVAL, FINN)),
            (ASK, (A.ABANDON, WILL), (A.CANCEL_ABANDON, WILL)),
            (ASK, (A.ABANDON, WILL), (A.RESET, WILL)),
        ],
    )
    def test_and_the_way_out_unlocks_it(self, governed: World, ways: tuple[tuple[SignOffAction, Actor], ...]) -> None:
        signed(governed, *ways)
        on(governed, set_field, "credit/fraud/1", "development", "notes", "on with it")
        assert shown(governed, "credit/fraud/1")["locked"] is None

    def test_cancelling_the_abandonment_of_a_rejection_unlocks_nothing(self, governed: World) -> None:
        signed(governed, ASK, REJECT, (A.ABANDON, WILL), (A.CANCEL_ABANDON, WILL))
        with pytest.raises(ActRefused, match="the sign-off is REJECTED, which locks it"):
            on(governed, set_field, "credit/fraud/1", "development", "notes", "x")

    def test_a_decision_of_no_go_is_only_recorded(self, governed: World) -> None:
        on(governed, finish_step, "credit", "exploration")
        on(governed, set_field, "credit", "qualification", "decision", "No go")
        on(governed, finish_step, "credit", "qualification")
        assert statuses(governed)[2] is G


INJECTIONS = [
    "'; DROP TABLE item; --",
    '" OR ""="',
    "<script>alert(1)</script>",
    "{{ 7*7 }}{% for x in ().__class__.__bases__ %}",
    "${jndi:ldap://x/a}",
    "%s %(name)s {0} {item.path}",
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "\\x00 \\u0000",
    "é 漢字 🙂 \u202e txt.exe",
    "line\none\r\n\ttwo",
    " ",
]


class TestFields:
    @pytest.mark.parametrize("text", INJECTIONS)
    def test_text_is_kept_letter_by_letter(self, governed: World, text: str) -> None:
        on(governed, set_field, "credit", "exploration", "notes", text)
        on(governed, set_field, "credit", "", "sponsor", text)
        document = shown(governed, "credit")
        assert document["steps"][0]["fields"][0]["value"] == text
        assert governed.read(AuditEvent)[-1].after["value"] == text
        assert len(governed.read(Item)) == 3

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("notes", "fine"),
            ("score", 0),
            ("score", 2.5),
            ("score", 0.1),
            ("due", "2026-02-28"),
            ("verdict", "No go"),
            ("checked", False),
            ("tags", ["a", "b", "a"]),
            ("after", "credit/fraud"),
        ],
    )
    def test_every_kind_is_kept_and_shown_with_who_and_when(self, governed: World, field: str, value: Any) -> None:
        use(governed, ALL_KINDS)
        on(governed, set_field, "credit/fraud/1", "build", field, value)
        found = {one["key"]: one for one in shown(governed, "credit/fraud/1")["steps"][0]["fields"]}[field]
        assert found["value"] == value
        assert type(found["value"]) is type(value)
        assert found["changed_by"] == "will"
        assert found["changed_at"] == governed.read(AuditEvent)[-1].at

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("notes", 5, "Notes: 5 is not text"),
            ("score", 11, "Score: 11 is above the maximum 10; give a number of at most 10"),
            ("due", "tomorrow", "Due: 'tomorrow' is not a date"),
            ("verdict", "Perhaps", "Verdict: 'Perhaps' is none of its choices; give one of Go, No go"),
            ("checked", "yes", "Checked: 'yes' is not yes or no"),
            ("tags", "a", "Tags: 'a' is not a list"),
            ("after", "credit/other", "After: there is no item 'credit/other'; give the path of an item"),
            ("after", "credit\x00", "After: it has the control character"),
            ("proof", "x", "Proof: a file is no value; attach a file instead"),
        ],
    )
    def test_what_a_field_does_not_take_is_refused(
        self, governed: World, field: str, value: Any, sentence: str
    ) -> None:
        use(governed, ALL_KINDS)
        before = governed.trail()
        with pytest.raises(UnusableValue, match=sentence):
            on(governed, set_field, "credit/fraud/1", "build", field, value)
        assert (governed.trail(), governed.read(ItemField)) == (before, [])

    def test_the_audit_line_has_the_value_before_and_after(self, governed: World) -> None:
        for text in ("one", "two", None):
            on(governed, set_field, "credit", "exploration", "notes", text)
        lines = [(e.before["value"], e.after["value"]) for e in governed.read(AuditEvent) if e.tag == "field:changed"]
        assert lines == [(None, "one"), ("one", "two"), ("two", None)]
        assert governed.read(ItemField) == []

    @pytest.mark.parametrize("value", ["same", None])
    def test_what_is_there_already_changes_nothing(self, governed: World, value: Any) -> None:
        on(governed, set_field, "credit", "exploration", "notes", value)
        before = (governed.trail(), shown(governed, "credit"))
        on(governed, set_field, "credit", "exploration", "notes", value)
        assert (governed.trail(), shown(governed, "credit")) == before

    def test_fields_that_are_not_there_are_named_with_those_that_are(self, governed: World) -> None:
        with pytest.raises(NotFound, match=r"no field of step 'exploration' 'note' \(known: notes, supporting_doc"):
            on(governed, set_field, "credit", "exploration", "note", "x")
        with pytest.raises(NotFound, match=r"no field of the overview 'x' \(known: description, sponsor"):
            on(governed, set_field, "credit", "", "x", "x")
        with pytest.raises(NotFound, match="no step of this workflow 'x'"):
            on(governed, set_field, "credit", "x", "notes", "x")

    def test_a_step_that_is_done_keeps_what_it_required(self, governed: World) -> None:
        use(governed, ALL_KINDS)
        on(governed, set_field, "credit/fraud/1", "build", "notes", "done")
        file = attach(governed, "credit/fraud/1", "build", "proof")
        on(governed, finish_step, "credit/fraud/1", "build")
        with pytest.raises(ActRefused, match="the field 'Notes' is required, and the step 'Build' is FINISHED: reopen"):
            on(governed, set_field, "credit/fraud/1", "build", "notes", "")
        with pytest.raises(ActRefused, match="the field 'Proof' is required"):
            remove(governed, file)
        on(governed, set_field, "credit/fraud/1", "build", "notes", "done, corrected")
        attach(governed, "credit/fraud/1", "build", "proof", "better.pdf")
        remove(governed, file)

    def test_what_the_template_has_no_more_is_still_shown(self, governed: World) -> None:
        use(governed, ALL_KINDS)
        on(governed, set_field, "credit/fraud/1", "build", "score", 3)
        use(governed, ALL_KINDS.replace("key: score", "key: points"))
        former = shown(governed, "credit/fraud/1")["former"]
        assert [(one["step"], one["field"], one["value"]) for one in former] == [("build", "score", 3)]

    def test_nobody_points_to_what_they_may_not_see(self, governed: World) -> None:
        use(governed, ALL_KINDS)
        governed.register(project="secret", people={"writers": ["otto"]})
        close(governed)
        assert "secret" in {one.path for one in governed.read(Item)}
        with pytest.raises(UnusableValue, match="there is no item 'secret'"):
            on(governed, set_field, "credit/fraud/1", "build", "after", "secret")


class TestFiles:
    def test_their_bytes_are_kept_once_under_their_hash(self, governed: World) -> None:
        first = attach(governed, "credit", "exploration", "supporting_documents", "a.pdf")
        second = attach(governed, "credit", "", "attachments", "b.pdf")
        assert first.sha256 == second.sha256
        kept = [file for file in (governed.artifacts / "files").rglob("*") if file.is_file()]
        assert kept == [place_of(governed.artifacts, first.sha256)]
        assert kept[0].parent.name == first.sha256[:2]
        with Session(governed.engine) as session:
            assert read_file(session, first, governed.artifacts) == b"plan"

    @pytest.mark.parametrize("content", [b"", b"\x00\xff" * 10, b"x" * 1_000_000])
    def test_any_bytes_come_back_as_they_were(self, governed: World, content: bytes) -> None:
        file = attach(governed, "credit", "", "attachments", content=content)
        assert file.bytes == len(content)
        with Session(governed.engine) as session:
            assert read_file(session, file, governed.artifacts) == content

    def test_too_large_is_refused_and_nothing_is_kept(self, governed: World) -> None:
        with pytest.raises(UnusableValue, match="the file has 25,000,001 bytes; keep to 25,000,000"):
            attach(governed, "credit", "", "attachments", content=b"x" * (LARGEST_FILE_BYTES + 1))
        assert not (governed.artifacts / "files").exists()
        assert governed.read(Attachment) == []

    @pytest.mark.parametrize(
        "name",
        ["", "  ", ".", "..", "../../etc/passwd", "a/b", "a\\b", "/etc/passwd", "a\x00b", "a\nb", "a\r\nSet-Cookie: x",
         "x" * 201, "txt\u202efdp.exe", "\ud800"],
    )  # fmt: skip
    def test_a_name_is_only_a_label(self, governed: World, name: str) -> None:
        before = governed.trail()
        with pytest.raises(UnusableName, match="name it with up to 200 letters, without / and"):
            attach(governed, "credit", "", "attachments", name)
        assert (governed.trail(), governed.read(Attachment)) == (before, [])
        assert not (governed.artifacts / "files").exists()

    @pytest.mark.parametrize(
        "name", ["plan.pdf", "a..b", ".hidden", "Bericht März 2026.xlsx", "'; DROP TABLE item", "C:"]
    )
    def test_and_a_label_may_be_odd(self, governed: World, name: str) -> None:
        assert attach(governed, "credit", "", "attachments", name).name == name

    def test_altered_or_absent_bytes_are_never_given_out(self, governed: World) -> None:
        file = attach(governed, "credit", "", "attachments")
        place = place_of(governed.artifacts, file.sha256)
        place.write_bytes(b"forged")
        with Session(governed.engine) as session:
            with pytest.raises(ContentAltered, match=f"is not what was recorded \\(expected {file.sha256}"):
                read_file(session, file, governed.artifacts)
            place.unlink()
            with pytest.raises(ContentAltered, match="No such file"):
                read_file(session, file, governed.artifacts)

    def test_attaching_the_same_bytes_again_mends_altered_ones(self, governed: World) -> None:
        file = attach(governed, "credit", "", "attachments")
        place_of(governed.artifacts, file.sha256).write_bytes(b"forged")
        attach(governed, "credit", "", "attachments", "again.pdf")
        with Session(governed.engine) as session:
            assert read_file(session, file, governed.artifacts) == b"plan"

    def test_a_writer_that_dies_leaves_nothing(self, governed: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(self: Path, target: Path) -> None:
            raise OSError("no space left")

        monkeypatch.setattr(Path, "replace", die)
        with pytest.raises(OSError, match="no space left"):
            attach(governed, "credit", "", "attachments")
        assert [file for file in (governed.artifacts / "files").rglob("*") if file.is_file()] == []
        assert governed.read(Attachment) == []

    def test_removed_files_stay_as_history(self, governed: World) -> None:
        file = attach(governed, "credit", "", "attachments")
        remove(governed, file)
        with pytest.raises(ActRefused, match=r"'plan\.pdf' was removed on 2026-01-15"):
            remove(governed, file)
        attachments = {one["key"]: one for one in shown(governed, "credit")["overview"]}["attachments"]
        assert [one["removed_at"] is not None for one in attachments["files"]] == [True]
        with Session(governed.engine) as session:
            assert read_file(session, file, governed.artifacts) == b"plan"

    def test_each_act_is_one_line(self, governed: World) -> None:
        lines = len(governed.trail())
        remove(governed, attach(governed, "credit", "", "attachments"))
        assert [tag for tag, _ in governed.trail()[lines:]] == ["file:attached", "file:removed"]

    def test_only_into_a_field_for_files(self, governed: World) -> None:
        with pytest.raises(UnusableValue, match="Sponsor: a field of kind text takes no file; set its value instead"):
            attach(governed, "credit", "", "sponsor")

    def test_a_file_is_found_on_its_item_only(self, governed: World) -> None:
        file = attach(governed, "credit", "", "attachments")
        with Session(governed.engine) as session:
            assert find_attachment(session, find_item(session, "credit"), file.id).name == "plan.pdf"
            with pytest.raises(NotFound, match="There is no file of credit/fraud/1"):
                find_attachment(session, find_item(session, "credit/fraud/1"), file.id)


@pytest.mark.parametrize("who", [ROSA, FINN, OTTO, Actor("nobody"), Actor("will", scope=frozenset({Right.READ}))])
def test_who_does_not_write_on_the_project_changes_nothing(governed: World, who: Actor) -> None:
    file = attach(governed, "credit", "", "attachments")
    close(governed)
    before = (governed.trail(), shown(governed, "credit"))
    for service, arguments in (
        (finish_step, ("exploration",)),
        (skip_step, ("exploration",)),
        (reopen_step, ("exploration",)),
        (set_field, ("", "sponsor", "x")),
    ):
        with pytest.raises(NotAllowed, match=f"{who.name} may not write on project 'credit'"):
            on(governed, service, "credit", *arguments, actor=who)
    with pytest.raises(NotAllowed):
        attach(governed, "credit", "", "attachments", actor=who)
    with pytest.raises(NotAllowed):
        remove(governed, file, who)
    assert (governed.trail(), shown(governed, "credit")) == before
    moves = [move for step in shown(governed, "credit", actor=who)["steps"] for move in step["possible"]]
    assert moves
    assert all("that takes the right to write on the project" in move["reasons"] for move in moves)


def test_who_writes_is_offered_exactly_what_is_possible(governed: World) -> None:
    close(governed)
    document = shown(governed, "credit", actor=WILL)
    offered = {(s["key"], m["action"]) for s in document["steps"] for m in s["possible"] if not m["reasons"]}
    assert offered == {("exploration", "finish"), ("exploration", "skip")}
    assert (document["may_write"], document["current_step"], document["locked"]) == (True, "exploration", None)
    assert document["template"] == {"name": "standard", "number": 1, "state": "ACTIVE", "title": "Standard"}


class Walk(RuleBasedStateMachine):
    """Anybody does anything to the version; what is offered is what goes, and lines equal changes."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.path = f"credit/fraud/{self.world.version().number}"
        self.lines = len(self.world.trail())

    @rule(
        step=st.sampled_from(["development", "review", "deployment", "production"]), action=st.sampled_from(StepAction)
    )
    def step(self, step: str, action: StepAction) -> None:
        document = shown(self.world, self.path, actor=WILL)
        moves = {m["action"]: m["reasons"] for s in document["steps"] if s["key"] == step for m in s["possible"]}
        try:
            on(self.world, move_step, self.path, step, action)
        except ActRefused as refused:
            assert moves.get(action, ["no such move"])
            assert document["locked"] is None or document["locked"] in refused.reasons
        else:
            assert moves[action] == []
            self.lines += 1

    @rule(action=st.sampled_from(SignOffAction), actor=st.sampled_from([WILL, FINN]))
    def sign(self, action: SignOffAction, actor: Actor) -> None:
        try:
            with transaction(self.world.engine) as session:
                request = Request(find_item(session, self.path), action, actor)
                sign(session, request, artifacts=self.world.artifacts, at=self.world.now())
        except DriftgateError:
            return
        self.lines += 1

    @rule(text=st.sampled_from(["", "a", "b"]))
    def note(self, text: str) -> None:
        fields = shown(self.world, self.path)["steps"][0]["fields"]
        try:
            on(self.world, set_field, self.path, "development", "notes", text)
        except ActRefused:
            assert shown(self.world, self.path)["locked"]
            return
        self.lines += fields[0]["value"] != (text or None)

    @invariant()
    def the_steps_are_in_order_and_the_trail_has_every_change(self) -> None:
        course = statuses(self.world, self.path)
        done = [status in {F, S} for status in course]
        assert done == sorted(done, reverse=True)
        assert course.count(G) == (0 if all(done) else 1)
        assert len(self.world.trail()) == self.lines


@pytest.mark.parametrize("template", ["standard", "regulated"])
def test_no_sequence_of_acts_leaves_the_table(world: World, template: str) -> None:
    with transaction(world.engine) as session:
        install_templates(session, world.now())
        govern(
            session, find_item(session, "credit"), find_template(session, template), children=True, actor=WILL, at=NOON
        )
    walk = type("Walk", (Walk,), {"world": world})
    chosen = settings(
        max_examples=8, stateful_step_count=25, deadline=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), derandomize=True,
    )  # fmt: skip
    run_state_machine_as_test(walk, settings=chosen)


def test_every_kind_of_field_is_tested() -> None:
    kinds = {TemplateField(key="f", name="F", kind=kind, choices=["x"]).kind for kind in FieldKind}
    assert {kind for kind in kinds if f"kind: {kind}" not in ALL_KINDS} == {FieldKind.TEXT}


def test_one_of_many_who_saw_the_same_state_moves_on(governed: World) -> None:
    seen = shown(governed, "credit")["revision"]
    acts: list[Callable[[], Any]] = [
        lambda: on(governed, finish_step, "credit", "exploration", expected_revision=seen),
        lambda: on(governed, skip_step, "credit", "exploration", expected_revision=seen),
        lambda: on(governed, set_field, "credit", "", "sponsor", "x", expected_revision=seen),
        lambda: attach(governed, "credit", "", "attachments", expected_revision=seen),
    ] * 3
    assert at_once(*acts) == ["ChangedMeanwhile"] * 11 + ["won"]
    assert shown(governed, "credit")["revision"] == seen + 1


def test_of_a_rejection_and_a_step_at_the_same_time_the_trail_tells_which_was_first(governed: World) -> None:
    signed(governed, ASK)
    found = at_once(
        lambda: signed(governed, REJECT), lambda: on(governed, finish_step, "credit/fraud/1", "development")
    )
    tags = [tag for tag, _ in governed.trail()][-2:]
    assert (found, tags) in (
        (["won", "won"], ["step:changed", "sign_off:reject"]),
        (["ActRefused", "won"], [tags[0], "sign_off:reject"]),
    )
