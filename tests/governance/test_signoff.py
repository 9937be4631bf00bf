"""Every move of the sign-off that behaviour.md allows is possible, for whom it says, and no other."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlmodel import Session

from governance.audit import SYSTEM, Actor, Tag
from governance.database import transaction
from governance.errors import ChangedMeanwhile, NotAllowed, NotFound, Refused, SignOffRefused, TransitionNotAllowed
from governance.signoff import RULES, Request, allowed_actions, sign, transition_diagram
from governance.tables import AuditEvent, Feedback, FinalApproval, ModelVersion, SignOff
from governance.vocabulary import FeedbackVerdict, Right, Role, SignOffAction, SignOffStatus
from tests.governance.installation import assign, close, deactivate, take_away, template_rules
from tests.governance.world import FINN, OTTO, ROSA, WILL, World

INES, RAUL, FLORA = Actor("ines"), Actor("raul"), Actor("flora")
EVERYBODY = {"will": WILL, "rosa": ROSA, "ines": INES, "finn": FINN, "flora": FLORA, "otto": OTTO, "system": SYSTEM}

A, S = SignOffAction, SignOffStatus
DECIDERS = {"will", "finn", "flora"}

# Written down from behaviour.md section 7, not from RULES. Rosa is the author of the feedback, Finn of the approval.
EXPECTED: dict[tuple[SignOffStatus, SignOffAction], tuple[SignOffStatus | None, set[str]]] = {
    (S.NOT_STARTED, A.REQUEST_FEEDBACK): (S.WAITING_FOR_FEEDBACK, {"will"}),
    (S.NOT_STARTED, A.REQUEST_APPROVAL): (S.WAITING_FOR_APPROVAL, {"will"}),
    (S.WAITING_FOR_FEEDBACK, A.REQUEST_APPROVAL): (S.WAITING_FOR_APPROVAL, {"will"}),
    (S.WAITING_FOR_FEEDBACK, A.ADD_FEEDBACK): (S.WAITING_FOR_FEEDBACK, {"rosa", "ines"}),
    (S.WAITING_FOR_FEEDBACK, A.EDIT_FEEDBACK): (S.WAITING_FOR_FEEDBACK, {"rosa"}),
    (S.WAITING_FOR_FEEDBACK, A.DELETE_FEEDBACK): (S.WAITING_FOR_FEEDBACK, {"rosa"}),
    (S.WAITING_FOR_APPROVAL, A.BACK_TO_FEEDBACK): (S.WAITING_FOR_FEEDBACK, DECIDERS),
    (S.WAITING_FOR_APPROVAL, A.APPROVE): (S.APPROVED, {"finn", "flora"}),
    (S.WAITING_FOR_APPROVAL, A.REJECT): (S.REJECTED, {"finn", "flora"}),
    **{(s, A.EDIT_TO_APPROVED): (S.APPROVED, {"finn"}) for s in (S.APPROVED, S.REJECTED)},
    **{(s, A.EDIT_TO_REJECTED): (S.REJECTED, {"finn"}) for s in (S.APPROVED, S.REJECTED)},
    **{(s, A.DELETE_APPROVAL): (S.WAITING_FOR_APPROVAL, {"finn"}) for s in (S.APPROVED, S.REJECTED)},
    **{(s, A.ABANDON): (S.ABANDONED, DECIDERS) for s in SignOffStatus if s is not S.ABANDONED},
    (S.ABANDONED, A.CANCEL_ABANDON): (None, DECIDERS),
    **{(s, A.RESET): (S.NOT_STARTED, {"will"}) for s in (S.APPROVED, S.REJECTED, S.ABANDONED)},
    (S.APPROVED, A.RECUR): (S.NOT_STARTED, {"system"}),
}

WAY_TO: dict[SignOffStatus, list[tuple[SignOffAction, Actor]]] = {
    S.NOT_STARTED: [],
    S.WAITING_FOR_FEEDBACK: [(A.REQUEST_FEEDBACK, WILL), (A.ADD_FEEDBACK, ROSA)],
    S.WAITING_FOR_APPROVAL: [(A.REQUEST_FEEDBACK, WILL), (A.ADD_FEEDBACK, ROSA), (A.REQUEST_APPROVAL, WILL)],
    S.APPROVED: [(A.REQUEST_APPROVAL, WILL), (A.APPROVE, FINN)],
    S.REJECTED: [(A.REQUEST_APPROVAL, WILL), (A.REJECT, FINN)],
    S.ABANDONED: [(A.REQUEST_APPROVAL, WILL), (A.APPROVE, FINN), (A.ABANDON, WILL)],
}


def bring(world: World, status: SignOffStatus) -> ModelVersion:
    version = world.version()
    for action, actor in WAY_TO[status]:
        world.sign(version, action, actor, verdict=FeedbackVerdict.MINOR_ISSUE, comment="on the way")
    return version


def current(world: World, version: ModelVersion) -> SignOff:
    return world.sign_off(version)


def test_the_table_has_exactly_the_moves_of_the_specification() -> None:
    assert set(RULES) == set(EXPECTED)


WITHOUT_THE_AUTHORS = {
    "writers": ["will"],
    "reviewers": {"risk": ["raul"], "it": ["ines", "raul"]},
    "final_approvers": ["flora"],
}
"""The people of the world when Rosa and Finn, who have said something, have lost their roles."""


@pytest.mark.parametrize("status", SignOffStatus)
@pytest.mark.parametrize("lost", [set(), {"rosa", "finn"}], ids=["as_they_were", "authors_lost_their_roles"])
def test_in_every_status_everybody_can_do_what_they_may_and_nothing_else(
    world: World, status: SignOffStatus, lost: set[str]
) -> None:
    version = bring(world, status)
    if lost:
        world.register(people=WITHOUT_THE_AUTHORS)
    for action, (name, actor) in product(SignOffAction, EVERYBODY.items()):
        to, may = EXPECTED.get((status, action), (None, set()))
        may = may - lost
        feedback = world.read(Feedback)[0].id if status is S.WAITING_FOR_FEEDBACK else None
        item = world.item(version)
        request = Request(item, action, actor, verdict=FeedbackVerdict.APPROVED, feedback_id=feedback)
        with Session(world.engine, expire_on_commit=False) as session:
            before = session.get_one(SignOff, item.id).revision
            offered = action in allowed_actions(session, item, actor, at=world.now())
            assert offered is (name in may), (status, action, name)
            try:
                after = sign(session, request, artifacts=world.artifacts, at=world.now())
            except TransitionNotAllowed:
                assert (status, action) not in EXPECTED, (status, action, name)
            except SignOffRefused:
                assert (status, action) in EXPECTED and name not in may, (status, action, name)
            else:
                assert name in may, (status, action, name)
                assert after.status is (to or S.APPROVED), (status, action, name)
                assert after.revision == before + 1
            session.rollback()


@pytest.mark.parametrize("status", [status for status in SignOffStatus if status is not S.ABANDONED])
def test_cancelling_abandonment_brings_everything_back_as_it_was(world: World, status: SignOffStatus) -> None:
    version = bring(world, status)
    before = world.shown(version)
    world.sign(version, A.ABANDON, FINN)
    world.sign(version, A.CANCEL_ABANDON, FINN)
    after = world.shown(version)
    changed = {"revision", "changed_at", "moves"}
    assert {k: v for k, v in before.items() if k not in changed} == {k: v for k, v in after.items() if k not in changed}


def test_an_impossible_move_is_answered_with_the_possible_ones(world: World) -> None:
    sentence = (
        "'approve' is not possible while .* NOT_STARTED; possible now: request_feedback, request_approval, abandon"
    )
    with pytest.raises(TransitionNotAllowed, match=sentence):
        world.sign(world.version(), A.APPROVE, FINN)


def test_a_refusal_names_the_person_the_role_and_where_it_is_given(world: World) -> None:
    with pytest.raises(SignOffRefused, match=r"otto is not a writer \(people.writers in project.yaml\)"):
        world.sign(world.version(), A.REQUEST_FEEDBACK, OTTO)


def test_every_move_writes_one_audit_line_with_the_status_before_and_after(world: World) -> None:
    version = world.version()
    lines = len(world.trail())
    world.sign(version, A.REQUEST_FEEDBACK, WILL, notify=("rosa",), comment="please look")
    event = world.read(AuditEvent)[-1]
    assert len(world.trail()) == lines + 1
    assert (event.tag, event.subject, event.actor) == (Tag.SIGN_OFF_REQUEST_FEEDBACK, "credit/fraud/1", "will")
    assert (event.before["status"], event.after["status"]) == ("NOT_STARTED", "WAITING_FOR_FEEDBACK")
    assert (event.after["notified"], event.after["comment"]) == (["rosa"], "please look")


def test_every_action_has_its_tag() -> None:
    assert {f"sign_off:{action}" for action in SignOffAction} == {t for t in Tag if t.startswith("sign_off:")}


def test_a_refused_move_writes_nothing(world: World) -> None:
    version = world.version()
    before = (world.trail(), current(world, version))
    with pytest.raises(SignOffRefused):
        world.sign(version, A.REQUEST_APPROVAL, OTTO)
    assert (world.trail(), current(world, version)) == before


class TestFeedback:
    def test_several_per_person_each_edited_and_deleted_by_its_author(self, world: World) -> None:
        version = bring(world, S.WAITING_FOR_FEEDBACK)
        world.sign(version, A.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.MAJOR_ISSUE, comment="second")
        first, second = world.read(Feedback)
        world.sign(version, A.EDIT_FEEDBACK, ROSA, feedback_id=second.id, verdict=FeedbackVerdict.APPROVED)
        world.sign(version, A.DELETE_FEEDBACK, ROSA, feedback_id=first.id)
        (left,) = world.read(Feedback)
        assert (left.verdict, left.comment, left.group) == (FeedbackVerdict.APPROVED, "second", "risk")
        assert left.edited_at is not None
        deleted = world.read(AuditEvent)[-1]
        assert deleted.tag == Tag.SIGN_OFF_DELETE_FEEDBACK
        assert deleted.before["feedback"]["comment"] == "on the way"

    def test_edited_at_the_very_moment_it_was_given_is_edited(self, world: World) -> None:
        version = bring(world, S.WAITING_FOR_FEEDBACK)
        given = world.read(Feedback)[0].created_at
        with transaction(world.engine) as session:
            edit = Request(world.item(version), A.EDIT_FEEDBACK, ROSA, comment="on second thoughts")
            sign(session, edit, artifacts=world.artifacts, at=given)
        (feedback,) = world.read(Feedback)
        assert (feedback.comment, feedback.edited_at) == ("on second thoughts", given)

    def test_whoever_has_several_says_which(self, world: World) -> None:
        version = bring(world, S.WAITING_FOR_FEEDBACK)
        world.sign(version, A.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.APPROVED)
        with pytest.raises(NotFound, match="say which by its number"):
            world.sign(version, A.EDIT_FEEDBACK, ROSA, comment="which?")

    def test_needs_a_verdict(self, world: World) -> None:
        with pytest.raises(SignOffRefused, match="give one of APPROVED, MINOR_ISSUE, MAJOR_ISSUE"):
            world.sign(bring(world, S.WAITING_FOR_FEEDBACK), A.ADD_FEEDBACK, ROSA)

    def test_whoever_is_in_two_groups_says_for_which(self, world: World) -> None:
        version = bring(world, S.WAITING_FOR_FEEDBACK)
        with pytest.raises(SignOffRefused, match="name one of it, risk"):
            world.sign(version, A.ADD_FEEDBACK, RAUL, verdict=FeedbackVerdict.APPROVED)
        world.sign(version, A.ADD_FEEDBACK, RAUL, verdict=FeedbackVerdict.APPROVED, group="it")
        assert world.read(Feedback)[-1].group == "it"

    def test_is_not_given_for_a_group_of_others(self, world: World) -> None:
        with pytest.raises(SignOffRefused, match="ines is not a member"):
            world.sign(
                bring(world, S.WAITING_FOR_FEEDBACK),
                A.ADD_FEEDBACK,
                INES,
                verdict=FeedbackVerdict.APPROVED,
                group="risk",
            )

    def test_of_another_version_can_not_be_reached(self, world: World) -> None:
        bring(world, S.WAITING_FOR_FEEDBACK)
        other = bring(world, S.WAITING_FOR_FEEDBACK)
        with pytest.raises(NotFound, match="feedback"):
            world.sign(other, A.DELETE_FEEDBACK, ROSA, feedback_id=world.read(Feedback)[0].id)

    def test_never_gates(self, world: World) -> None:
        version = bring(world, S.WAITING_FOR_FEEDBACK)
        world.sign(version, A.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.MAJOR_ISSUE)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        world.sign(version, A.APPROVE, FINN)
        world.activate(version)


class TestFinalApproval:
    def test_is_bound_to_the_content(self, world: World) -> None:
        version = world.approved_version()
        assert [a.content_digest for a in world.read(FinalApproval)] == [version.manifest_digest]

    @pytest.mark.parametrize("file", ["model.skops", "reference.parquet"])
    def test_of_altered_content_is_refused(self, world: World, file: str) -> None:
        version = bring(world, S.WAITING_FOR_APPROVAL)
        (world.artifacts / version.folder / file).write_text("other bytes")
        with pytest.raises(SignOffRefused, match=f"{file} is not what was recorded"):
            world.sign(version, A.APPROVE, FINN)
        world.sign(version, A.REJECT, FINN)
        with pytest.raises(SignOffRefused, match=f"{file} is not what was recorded"):
            world.sign(version, A.EDIT_TO_APPROVED, FINN)

    def test_deleted_by_its_author_leaves_its_words_in_the_trail(self, world: World) -> None:
        version = world.version()
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        world.sign(version, A.APPROVE, FINN, comment="fine")
        world.sign(version, A.DELETE_APPROVAL, FINN)
        assert world.read(FinalApproval) == []
        assert world.read(AuditEvent)[-1].before["final_approval"]["comment"] == "fine"
        world.sign(version, A.APPROVE, FLORA)

    def test_of_who_is_no_final_approver_any_more_stays_as_it_is(self, world: World) -> None:
        version = world.approved_version()
        world.register(people=WITHOUT_THE_AUTHORS)
        with pytest.raises(SignOffRefused, match="finn is not its author and a final approver"):
            world.sign(version, A.EDIT_TO_REJECTED, FINN)
        world.activate(version)

    def test_edited_keeps_its_author_and_opens_or_closes_the_gate(self, world: World) -> None:
        version = world.approved_version()
        world.sign(version, A.EDIT_TO_REJECTED, FINN, comment="on second thoughts")
        (approval,) = world.read(FinalApproval)
        assert (approval.author, approval.verdict, approval.comment) == ("finn", S.REJECTED, "on second thoughts")
        with pytest.raises(Refused, match="REJECTED"):
            world.activate(version)
        world.sign(version, A.EDIT_TO_APPROVED, FINN)
        world.activate(version)

    def test_where_duties_are_separated_is_not_of_who_trained_or_asked(self, world: World) -> None:
        world.register(
            people={
                "writers": ["will", "wes"],
                "final_approvers": ["will", "wes", "finn"],
                "separation_of_duties": True,
            }
        )
        version = world.version(trained_by=Actor("wes"))
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        with pytest.raises(SignOffRefused, match="wes trained the version"):
            world.sign(version, A.APPROVE, Actor("wes"))
        with pytest.raises(SignOffRefused, match="will asked for the sign-off"):
            world.sign(version, A.APPROVE, WILL)
        assert world.sign(version, A.APPROVE, FINN).status is S.APPROVED

    def test_where_duties_are_not_separated_may_be_of_who_asked(self, world: World) -> None:
        world.register(people={"writers": ["will"], "final_approvers": ["will"]})
        version = world.version(trained_by=WILL)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        assert world.sign(version, A.APPROVE, WILL).status is S.APPROVED


@pytest.mark.parametrize(("action", "actor"), [(A.RESET, WILL), (A.RECUR, SYSTEM)])
def test_a_new_round_puts_what_was_said_to_history_and_deletes_nothing(
    world: World, action: SignOffAction, actor: Actor
) -> None:
    version = bring(world, S.WAITING_FOR_APPROVAL)
    world.sign(version, A.APPROVE, FINN, comment="fine")
    after = world.sign(version, action, actor)
    assert (after.status, after.round, after.requested_by) == (S.NOT_STARTED, 2, [])
    shown = world.shown(version)
    assert shown["feedback"] == [] and shown["final_approval"] is None
    (first,) = shown["history"]
    assert first["final_approval"]["comment"] == "fine"
    assert [feedback["author"] for feedback in first["feedback"]] == ["rosa"]
    with pytest.raises(Refused, match="NOT_STARTED"):
        world.activate(version)
    world.sign(version, A.REQUEST_FEEDBACK, WILL)
    with pytest.raises(NotFound):
        world.sign(version, A.DELETE_FEEDBACK, ROSA, feedback_id=first["feedback"][0]["id"])


def test_whoever_looked_at_an_older_revision_is_refused(world: World) -> None:
    version = world.version()
    world.sign(version, A.REQUEST_FEEDBACK, WILL, expected_revision=0)
    with pytest.raises(ChangedMeanwhile, match="expected revision 0, found revision 1"):
        world.sign(version, A.REQUEST_APPROVAL, WILL, expected_revision=0)


def test_the_picture_has_one_arrow_per_row_and_knows_every_way_back() -> None:
    arrows = [line.strip() for line in transition_diagram().splitlines()[2:]]
    ways_back = [arrow for arrow in arrows if "cancel_abandon" in arrow]
    assert len(arrows) - len(ways_back) == len(RULES) - 1
    assert len(ways_back) == len(SignOffStatus) - 1
    assert "WAITING_FOR_APPROVAL --> APPROVED: approve (final approver)" in arrows


class Walk(RuleBasedStateMachine):
    """Anybody tries anything, in any order; a small model of the specification knows what must come out."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.version = self.world.version()
        self.status, self.before, self.round, self.approver = S.NOT_STARTED, S.NOT_STARTED, 1, ""
        self.revision = 0
        self.spoken: list[str] = []
        """Authors of the feedback of this round."""

    def who_may(self, action: SignOffAction) -> set[str]:
        _, may = EXPECTED.get((self.status, action), (None, set()))
        if may == {"finn"}:
            return {self.approver}
        if may == {"rosa"}:  # without a number, a move is about the only feedback that somebody gave
            return {author for author in self.spoken if self.spoken.count(author) == 1}
        return may

    @rule(action=st.sampled_from(list(SignOffAction)), name=st.sampled_from(sorted(EVERYBODY)))
    def anybody_tries_anything(self, action: SignOffAction, name: str) -> None:
        self.try_it(action, name)

    @rule(data=st.data())
    def somebody_does_what_they_may(self, data: st.DataObject) -> None:
        moves = [(action, name) for action in SignOffAction for name in sorted(self.who_may(action))]
        self.try_it(*data.draw(st.sampled_from(moves)))

    def try_it(self, action: SignOffAction, name: str) -> None:
        may = self.who_may(action)
        details: dict[str, Any] = {"verdict": FeedbackVerdict.APPROVED}
        try:
            self.world.sign(self.version, action, EVERYBODY[name], **details)
        except (Refused, NotFound):
            assert name not in may, (self.status, action, name)
            return
        assert name in may, (self.status, action, name)
        to, _ = EXPECTED[self.status, action]
        self.revision += 1
        self.approver = name if action in {A.APPROVE, A.REJECT} else self.approver
        self.round += action in {A.RESET, A.RECUR}
        match action:
            case A.ADD_FEEDBACK:
                self.spoken.append(name)
            case A.DELETE_FEEDBACK:
                self.spoken.remove(name)
            case A.RESET | A.RECUR:
                self.spoken.clear()
        self.before, self.status = self.status, to or self.before

    @invariant()
    def it_stands_where_the_specification_says(self) -> None:
        found = current(self.world, self.version)
        assert (found.status, found.round, found.revision) == (self.status, self.round, self.revision)

    @invariant()
    def only_an_approved_version_passes_the_gate(self) -> None:
        shown = self.world.shown(self.version)
        approval = shown["final_approval"]
        assert [feedback["author"] for feedback in shown["feedback"]] == self.spoken
        if self.status in {S.APPROVED, S.REJECTED}:
            assert approval["verdict"] is self.status
        if self.status in {S.NOT_STARTED, S.WAITING_FOR_FEEDBACK, S.WAITING_FOR_APPROVAL}:
            assert approval is None


def test_no_walk_leaves_the_table(world: World) -> None:
    walk = type("WalkHere", (Walk,), {"world": world})
    run_state_machine_as_test(
        walk,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # a walk is short enough to read, and making it shorter takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )


class TestInAClosedInstallation:
    """Names alone give nobody anything."""

    WAITING = ((A.REQUEST_FEEDBACK, WILL), (A.ADD_FEEDBACK, ROSA), (A.REQUEST_APPROVAL, WILL))

    def bring(self, world: World) -> ModelVersion:
        close(world)
        version = world.version()
        for action, actor in self.WAITING:
            world.sign(version, action, actor, verdict=FeedbackVerdict.APPROVED)
        return version

    def refused(self, world: World, version: ModelVersion, actor: Actor) -> None:
        """Neither offered nor done, in whatever status: approve, say something."""
        with Session(world.engine) as session:
            offered = allowed_actions(session, world.item(version), actor, at=world.now())
        assert not {A.APPROVE, A.REJECT, A.ADD_FEEDBACK} & set(offered)
        with pytest.raises(Refused):
            world.sign(version, A.APPROVE, actor)
        world.sign(version, A.BACK_TO_FEEDBACK, WILL)
        with pytest.raises(Refused):
            world.sign(version, A.ADD_FEEDBACK, actor, verdict=FeedbackVerdict.APPROVED, group="risk")
        assert [row.author for row in world.read(Feedback)] == ["rosa"]
        assert world.read(FinalApproval) == []

    def test_a_service_neither_reviews_nor_approves_whatever_it_was_assigned(self, world: World) -> None:
        version = self.bring(world)
        assign(world, "bot", Role.APPROVER)
        assign(world, "bot", Role.REVIEWER, "risk")
        self.refused(world, version, Actor("bot"))

    @pytest.mark.parametrize("scope", [set(), {Right.READ}, {Right.READ, Right.WRITE, Right.ADMINISTER}])
    def test_a_token_without_the_scope_neither_reviews_nor_approves(self, world: World, scope: set[Right]) -> None:
        version = self.bring(world)
        assign(world, "finn", Role.REVIEWER, "risk")
        self.refused(world, version, Actor("finn", scope=frozenset(scope)))

    @pytest.mark.parametrize("how", ["deactivated", "removed", "never known"])
    def test_who_is_there_no_more_neither_reviews_nor_approves_from_that_moment_on(
        self, world: World, how: str
    ) -> None:
        version = self.bring(world)
        assign(world, "finn", Role.REVIEWER, "risk")
        if how == "deactivated":
            deactivate(world, "finn")
        if how == "removed":
            take_away(world, "finn")
        self.refused(world, version, Actor("ghost") if how == "never known" else FINN)

    def test_an_administrator_neither_reviews_nor_approves(self, world: World) -> None:
        self.refused(world, self.bring(world), Actor("root"))

    def test_who_is_nobody_here_does_not_learn_where_it_stands(self, world: World) -> None:
        version = self.bring(world)
        take_away(world, "otto")
        with pytest.raises(NotAllowed, match="otto may not read on project 'credit'"):
            world.sign(version, A.CANCEL_ABANDON, OTTO)

    def test_everybody_else_goes_on(self, world: World) -> None:
        version = self.bring(world)
        assert world.sign(version, A.APPROVE, FINN).status is S.APPROVED


class TestSeparatedDutiesAfterAReset:
    """Who has asked for a sign-off once is not made impartial by beginning it again."""

    @pytest.mark.parametrize("asking", [A.REQUEST_FEEDBACK, A.REQUEST_APPROVAL])
    def test_who_asked_in_an_earlier_round_may_not_approve_in_a_later_one(
        self, world: World, asking: SignOffAction
    ) -> None:
        people = {"writers": ["will", "wes"], "final_approvers": ["wes", "finn"], "separation_of_duties": True}
        world.register(people=people)
        version, wes = world.version(), Actor("wes")
        world.sign(version, asking, wes)
        world.sign(version, A.ABANDON, WILL)
        world.sign(version, A.RESET, WILL)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        with Session(world.engine) as session:
            assert A.APPROVE not in allowed_actions(session, world.item(version), wes, at=world.now())
            assert A.APPROVE in allowed_actions(session, world.item(version), FINN, at=world.now())
        with pytest.raises(SignOffRefused, match="wes asked for the sign-off, and duties are separated"):
            world.sign(version, A.APPROVE, wes)
        world.sign(version, A.APPROVE, FINN)
        world.activate(version)

    def test_the_gate_takes_no_approval_of_theirs_that_was_given_before_duties_were_separated(
        self, world: World
    ) -> None:
        people = {"writers": ["will", "wes"], "final_approvers": ["wes"]}
        world.register(people=people)
        version, wes = world.version(), Actor("wes")
        world.sign(version, A.REQUEST_FEEDBACK, wes)
        for action, actor in ((A.ABANDON, WILL), (A.RESET, WILL), (A.REQUEST_APPROVAL, WILL), (A.APPROVE, wes)):
            world.sign(version, action, actor)
        world.register(people=people | {"separation_of_duties": True})
        with pytest.raises(Refused, match="wes asked for the sign-off"):
            world.activate(version)

    def test_everybody_who_asked_in_this_round_is_kept_not_only_the_last(self, world: World) -> None:
        people = {"writers": ["will", "wes"], "final_approvers": ["wes"], "separation_of_duties": True}
        world.register(people=people)
        version = world.version()
        world.sign(version, A.REQUEST_FEEDBACK, Actor("wes"))
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        world.sign(version, A.BACK_TO_FEEDBACK, WILL)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        with pytest.raises(SignOffRefused, match="wes asked for the sign-off"):
            world.sign(version, A.APPROVE, Actor("wes"))


@pytest.mark.parametrize("status", [S.APPROVED, S.REJECTED, S.ABANDONED])
def test_history_says_how_each_round_ended_and_who_had_asked(world: World, status: SignOffStatus) -> None:
    version = bring(world, status)
    world.sign(version, A.RESET, WILL, comment="once more")
    world.sign(version, A.ABANDON, FINN)
    world.sign(version, A.RESET, WILL)
    second, first = world.shown(version)["history"]
    assert (first["round"], first["status"], first["requested_by"]) == (1, status, ["will"])
    assert first["final_approval"]["verdict"] is (S.REJECTED if status is S.REJECTED else S.APPROVED)
    assert (second["round"], second["status"], second["requested_by"]) == (2, S.ABANDONED, [])


def test_feedback_of_a_group_that_is_not_asked_is_refused(world: World) -> None:
    version = world.version()
    template_rules(world, feedback_groups=["it"])
    world.sign(version, A.REQUEST_FEEDBACK, WILL)
    with Session(world.engine) as session:
        assert allowed_actions(session, world.item(version), ROSA, at=world.now()) == []
    with pytest.raises(SignOffRefused, match="this sign-off does not ask risk: it asks it"):
        world.sign(version, A.ADD_FEEDBACK, ROSA, verdict=FeedbackVerdict.APPROVED)
    world.sign(version, A.ADD_FEEDBACK, INES, verdict=FeedbackVerdict.APPROVED)


class TestSeparatedDutiesOfAService:
    """What a service did, whoever may write on the project could have had it do."""

    BOT = Actor("bot")

    def trained_by_a_service(self, world: World) -> ModelVersion:
        close(world)
        assign(world, "bot", Role.CONTRIBUTOR)
        version = world.version(trained_by=self.BOT)
        template_rules(world, separation_of_duties=True)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        return version

    def asked_for_by_a_service(self, world: World) -> ModelVersion:
        close(world)
        assign(world, "bot", Role.CONTRIBUTOR)
        version = world.version()
        template_rules(world, separation_of_duties=True)
        world.sign(version, A.REQUEST_FEEDBACK, self.BOT)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        return version

    @pytest.mark.parametrize(
        ("bring", "done"),
        [(trained_by_a_service, "trained the version"), (asked_for_by_a_service, "asked for the sign-off")],
    )
    @pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.ADMINISTRATOR])
    def test_who_may_write_does_not_approve_it(self, world: World, bring: Any, done: str, role: Role) -> None:
        version = bring(self, world)
        assign(world, "finn", role)
        says = f"bot, a service, {done}, and finn may write here: duties are separated"
        for finn in (FINN, Actor("finn", scope=frozenset({Right.READ, Right.APPROVE}))):
            with Session(world.engine) as session:
                assert A.APPROVE not in allowed_actions(session, world.item(version), finn, at=world.now())
            with pytest.raises(SignOffRefused, match=says):
                world.sign(version, A.APPROVE, finn)
        world.sign(version, A.APPROVE, FLORA)
        world.activate(version, actor=WILL)

    def test_the_gate_takes_no_approval_of_who_may_write(self, world: World) -> None:
        version = self.trained_by_a_service(world)
        world.sign(version, A.APPROVE, FINN)
        assign(world, "finn", Role.CONTRIBUTOR)
        with pytest.raises(Refused, match="bot, a service, trained the version, and finn may write here"):
            world.activate(version, actor=WILL)

    def test_where_duties_are_not_separated_nothing_speaks_against_it(self, world: World) -> None:
        close(world)
        assign(world, "bot", Role.CONTRIBUTOR)
        assign(world, "finn", Role.CONTRIBUTOR)
        version = world.version(trained_by=self.BOT)
        world.sign(version, A.REQUEST_APPROVAL, self.BOT)
        assert world.sign(version, A.APPROVE, FINN).status is S.APPROVED
