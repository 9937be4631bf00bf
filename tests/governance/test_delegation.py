"""Somebody stands in for a reviewer or an approver, for one item, as long as all three agree that they may."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import Session

from governance.audit import Actor, Tag
from governance.database import transaction
from governance.errors import ActRefused, NotAllowed, NotFound, Refused, SignOffRefused
from governance.items import item_of
from governance.signoff import allowed_actions, delegate, delegations_of, end_delegation
from governance.tables import AuditEvent, Delegation, Feedback, FinalApproval, ModelVersion
from governance.vocabulary import FeedbackVerdict, Right, Role, SignOffAction, SignOffStatus
from tests.governance.installation import PEOPLE, assign, close, deactivate, take_away, template_rules
from tests.governance.world import FINN, OTTO, ROSA, WILL, World

A = SignOffAction
ROOT, BOT, FLORA = Actor("root"), Actor("bot"), Actor("flora")


def stand_in(
    world: World,
    version: ModelVersion,
    person: str,
    role: Role,
    to: str = "otto",
    *,
    actor: Actor | None = None,
    group: str = "",
) -> Delegation:
    with transaction(world.engine) as session:
        item = item_of(session, version)
        who = actor or Actor(person)
        return delegate(session, item, role=role, group=group, to=to, person=person, actor=who, at=world.now())


def end(world: World, version: ModelVersion, number: int | None, actor: Actor) -> None:
    with transaction(world.engine) as session:
        end_delegation(session, item_of(session, version), number or 0, actor=actor, at=world.now())


def offered(world: World, version: ModelVersion, actor: Actor) -> set[SignOffAction]:
    with Session(world.engine) as session:
        return set(allowed_actions(session, item_of(session, version), actor, at=world.now()))


def waiting(world: World) -> ModelVersion:
    version = world.version()
    world.sign(version, A.REQUEST_APPROVAL, WILL)
    return version


@pytest.fixture(params=["open", "closed"])
def anywhere(request: pytest.FixtureRequest, world: World) -> World:
    """An installation that takes names at their word, and one that knows its people."""
    if request.param == "closed":
        close(world)
    return world


class TestADelegateOfAnApprover:
    def test_decides_in_the_place_of_the_approver_under_their_own_name(self, anywhere: World) -> None:
        version = waiting(anywhere)
        assert A.APPROVE not in offered(anywhere, version, OTTO)
        stand_in(anywhere, version, "finn", Role.APPROVER)
        assert offered(anywhere, version, OTTO) == {A.BACK_TO_FEEDBACK, A.APPROVE, A.REJECT, A.ABANDON}
        anywhere.sign(version, A.APPROVE, OTTO)
        assert [approval.author for approval in anywhere.read(FinalApproval)] == ["otto"]
        assert offered(anywhere, version, OTTO) == {
            A.EDIT_TO_APPROVED, A.EDIT_TO_REJECTED, A.DELETE_APPROVAL, A.ABANDON,
        }  # fmt: skip

    def test_decides_about_this_item_only(self, anywhere: World) -> None:
        first, second = waiting(anywhere), waiting(anywhere)
        stand_in(anywhere, first, "finn", Role.APPROVER)
        with pytest.raises(SignOffRefused, match="otto is not a final approver"):
            anywhere.sign(second, A.APPROVE, OTTO)

    def test_can_not_pass_the_place_on(self, anywhere: World) -> None:
        version = waiting(anywhere)
        stand_in(anywhere, version, "finn", Role.APPROVER)
        with pytest.raises(ActRefused, match="otto is no approver here"):
            stand_in(anywhere, version, "otto", Role.APPROVER, to="will")

    def test_does_not_write(self, anywhere: World) -> None:
        version = anywhere.version()
        stand_in(anywhere, version, "finn", Role.APPROVER)
        with pytest.raises(SignOffRefused, match="otto is not a writer"):
            anywhere.sign(version, A.REQUEST_APPROVAL, OTTO)

    @pytest.mark.parametrize("how", ["taken back", "given back", "approver lost the role"])
    def test_is_one_no_more_at_once_when_the_place_is(self, anywhere: World, how: str) -> None:
        version = waiting(anywhere)
        row = stand_in(anywhere, version, "finn", Role.APPROVER)
        if how == "approver lost the role":
            take_away(anywhere, "finn")
        else:
            end(anywhere, version, row.id, FINN if how == "taken back" else OTTO)
        assert offered(anywhere, version, OTTO) == set()
        with pytest.raises(SignOffRefused, match="otto is not a final approver"):
            anywhere.sign(version, A.APPROVE, OTTO)

    def test_whose_place_was_taken_back_can_not_change_what_they_decided(self, anywhere: World) -> None:
        version = waiting(anywhere)
        row = stand_in(anywhere, version, "finn", Role.APPROVER)
        anywhere.sign(version, A.APPROVE, OTTO)
        end(anywhere, version, row.id, FINN)
        with pytest.raises(SignOffRefused, match="otto is not its author and a final approver"):
            anywhere.sign(version, A.EDIT_TO_REJECTED, OTTO)

    def test_who_trained_the_version_is_still_who_trained_it(self, world: World) -> None:
        world.register(people={"writers": ["will"], "final_approvers": ["finn"], "separation_of_duties": True})
        version = waiting(world)
        stand_in(world, version, "finn", Role.APPROVER, to="will")
        assert A.APPROVE not in offered(world, version, WILL)
        with pytest.raises(SignOffRefused, match=r"will trained the version.*will asked for the sign-off"):
            world.sign(version, A.APPROVE, WILL)


class TestADelegateOfAReviewer:
    def test_speaks_for_that_group_and_no_other(self, anywhere: World) -> None:
        version = anywhere.version()
        anywhere.sign(version, A.REQUEST_FEEDBACK, WILL)
        stand_in(anywhere, version, "rosa", Role.REVIEWER, group="risk")
        assert offered(anywhere, version, OTTO) == {A.ADD_FEEDBACK}
        anywhere.sign(version, A.ADD_FEEDBACK, OTTO, verdict=FeedbackVerdict.MINOR_ISSUE)
        assert [(row.author, row.group) for row in anywhere.read(Feedback)] == [("otto", "risk")]
        assert offered(anywhere, version, OTTO) == {A.ADD_FEEDBACK, A.EDIT_FEEDBACK, A.DELETE_FEEDBACK}
        with pytest.raises(SignOffRefused, match="otto is not a member"):
            anywhere.sign(version, A.ADD_FEEDBACK, OTTO, verdict=FeedbackVerdict.APPROVED, group="it")

    def test_is_heard_as_one_of_the_group(self, world: World) -> None:
        version = world.version()
        template_rules(world, required_feedback=["risk"])
        world.sign(version, A.REQUEST_FEEDBACK, WILL)
        stand_in(world, version, "rosa", Role.REVIEWER, group="risk")
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        assert A.APPROVE not in offered(world, version, FINN)
        with pytest.raises(SignOffRefused, match="no feedback of risk yet, which the template requires"):
            world.sign(version, A.APPROVE, FINN)
        world.sign(version, A.BACK_TO_FEEDBACK, FINN)
        world.sign(version, A.ADD_FEEDBACK, OTTO, verdict=FeedbackVerdict.MAJOR_ISSUE)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        assert world.sign(version, A.APPROVE, FINN).status is SignOffStatus.APPROVED


class TestAPlace:
    @pytest.mark.parametrize("actor", [WILL, ROSA, FLORA, OTTO])
    def test_is_given_away_by_nobody_but_its_holder(self, anywhere: World, actor: Actor) -> None:
        version = anywhere.version()
        with pytest.raises(NotAllowed, match="the place is finn's, who alone may give it away"):
            stand_in(anywhere, version, "finn", Role.APPROVER, to=actor.name, actor=actor)
        assert anywhere.read(Delegation) == []

    def test_is_given_away_by_an_administrator_too(self, world: World) -> None:
        close(world)
        version = world.version()
        row = stand_in(world, version, "finn", Role.APPROVER, actor=ROOT)
        end(world, version, row.id, ROOT)
        assert [(Tag(e.tag), e.actor) for e in world.read(AuditEvent)][-2:] == [
            (Tag.DELEGATION_MADE, "root"), (Tag.DELEGATION_ENDED, "root"),
        ]  # fmt: skip

    @pytest.mark.parametrize("actor", [WILL, ROSA, FLORA])
    def test_is_taken_back_by_nobody_whom_it_does_not_concern(self, anywhere: World, actor: Actor) -> None:
        version = anywhere.version()
        row = stand_in(anywhere, version, "finn", Role.APPROVER)
        with pytest.raises(NotAllowed):
            end(anywhere, version, row.id, actor)
        assert len(anywhere.read(Delegation)) == 1

    def test_is_not_given_away_with_a_token_that_does_not_reach_as_far(self, world: World) -> None:
        close(world)
        version = world.version()
        token = Actor("finn", scope=frozenset({Right.READ}))
        with pytest.raises(NotAllowed, match="the token does not reach as far as finn's place"):
            stand_in(world, version, "finn", Role.APPROVER, actor=token)
        with pytest.raises(NotAllowed):
            stand_in(world, version, "finn", Role.APPROVER, actor=Actor("root", scope=frozenset({Right.READ})))

    @pytest.mark.parametrize(
        ("details", "reason"),
        [
            ({"person": "will", "role": Role.APPROVER}, "will is no approver here"),
            ({"person": "rosa", "role": Role.REVIEWER, "group": "it"}, "rosa is no reviewer of it here"),
            ({"person": "will", "role": Role.CONTRIBUTOR}, "will is no contributor here"),
            ({"person": "finn", "role": Role.APPROVER, "to": "finn"}, "finn can't stand in for finn"),
        ],
    )
    def test_that_is_none_is_not_given_away(self, anywhere: World, details: dict[str, Any], reason: str) -> None:
        with pytest.raises(ActRefused, match=reason):
            stand_in(anywhere, anywhere.version(), **details)

    @pytest.mark.parametrize(
        ("to", "reason"),
        [
            ("bot", "bot can't hold the role approver: no active person of that name is known"),
            ("nobody", "nobody can't hold the role approver: no active person"),
            ("gone", "gone can't hold the role approver: no active person"),
            ("stranger", "stranger may not read the project"),
        ],
    )
    def test_goes_to_active_people_who_may_read(self, world: World, to: str, reason: str) -> None:
        close(world, [*PEOPLE, "gone", "stranger"])
        deactivate(world, "gone")
        with pytest.raises(ActRefused, match=reason):
            stand_in(world, world.version(), "finn", Role.APPROVER, to=to)

    def test_is_given_once(self, anywhere: World) -> None:
        version = anywhere.version()
        first = stand_in(anywhere, version, "finn", Role.APPROVER)
        lines = len(anywhere.trail())
        assert stand_in(anywhere, version, "finn", Role.APPROVER).id == first.id
        assert len(anywhere.trail()) == lines

    def test_of_another_item_can_not_be_reached(self, anywhere: World) -> None:
        row = stand_in(anywhere, anywhere.version(), "finn", Role.APPROVER)
        with pytest.raises(NotFound, match=f"no delegation '{row.id}'"):
            end(anywhere, anywhere.version(), row.id, FINN)

    def test_can_be_kept_by_its_holder_who_did_not_lose_it(self, anywhere: World) -> None:
        version = waiting(anywhere)
        stand_in(anywhere, version, "finn", Role.APPROVER)
        assert A.APPROVE in offered(anywhere, version, FINN)


class TestInAClosedInstallation:
    def test_a_deactivated_delegate_or_holder_decides_nothing(self, world: World) -> None:
        close(world)
        version = waiting(world)
        stand_in(world, version, "finn", Role.APPROVER)
        stand_in(world, version, "flora", Role.APPROVER, to="ines")
        deactivate(world, "otto")
        with pytest.raises(Refused, match="otto"):
            world.sign(version, A.APPROVE, OTTO)
        deactivate(world, "flora")
        with pytest.raises(SignOffRefused, match="ines is not a final approver"):
            world.sign(version, A.APPROVE, Actor("ines"))

    def test_a_delegate_who_may_not_read_any_more_decides_nothing(self, world: World) -> None:
        close(world)
        version = waiting(world)
        stand_in(world, version, "finn", Role.APPROVER)
        take_away(world, "otto")
        with pytest.raises(NotAllowed):
            world.sign(version, A.APPROVE, OTTO)

    def test_a_delegate_with_a_token_decides_as_far_as_it_reaches(self, world: World) -> None:
        close(world)
        version = waiting(world)
        stand_in(world, version, "finn", Role.APPROVER)
        with pytest.raises(SignOffRefused, match="otto is not a final approver"):
            world.sign(version, A.APPROVE, Actor("otto", scope=frozenset({Right.READ, Right.WRITE})))
        world.sign(version, A.APPROVE, Actor("otto", scope=frozenset({Right.READ, Right.APPROVE})))

    def test_a_service_that_was_made_a_person_s_delegate_behind_our_back_decides_nothing(self, world: World) -> None:
        close(world)
        assign(world, "bot", Role.READER)
        version = waiting(world)
        with transaction(world.engine) as session:
            place = {"item_id": world.item(version).id, "person": "finn", "role": Role.APPROVER}
            session.add(Delegation(**place, delegate="bot", created_at=world.now()))
        with pytest.raises(SignOffRefused, match="bot is not a final approver"):
            world.sign(version, A.APPROVE, BOT)


class TestATemplate:
    def test_can_switch_delegation_off_also_for_those_who_stand_in_already(self, world: World) -> None:
        version = waiting(world)
        stand_in(world, version, "finn", Role.APPROVER)
        template_rules(world, delegation=False)
        assert offered(world, version, OTTO) == set()
        with pytest.raises(SignOffRefused):
            world.sign(version, A.APPROVE, OTTO)
        with pytest.raises(ActRefused, match="delegation is switched off by the template"):
            stand_in(world, version, "flora", Role.APPROVER)


class TestAnAbandonedReview:
    def test_keeps_its_delegations_as_they_are(self, world: World) -> None:
        version = waiting(world)
        row = stand_in(world, version, "finn", Role.APPROVER)
        world.sign(version, A.ABANDON, FINN)
        with pytest.raises(ActRefused, match="the review was abandoned, so all of it is read-only"):
            stand_in(world, version, "flora", Role.APPROVER)
        with pytest.raises(ActRefused, match="read-only"):
            end(world, version, row.id, FINN)
        world.sign(version, A.CANCEL_ABANDON, OTTO)
        world.sign(version, A.APPROVE, OTTO)


@pytest.mark.parametrize("reload", [False, True], ids=["without_reload", "with_reload"])
def test_a_reset_keeps_delegates_and_rules_unless_the_configuration_is_reloaded(world: World, reload: bool) -> None:
    version = waiting(world)
    stand_in(world, version, "finn", Role.APPROVER)
    template_rules(world, required_feedback=["risk"])
    world.sign(version, A.REJECT, FINN)
    after = world.sign(version, A.RESET, WILL, reload_configuration=reload)
    with Session(world.engine) as session:
        left = [row.delegate for row in delegations_of(session, item_of(session, version))]
    event = world.read(AuditEvent)[-1]
    if reload:
        assert (left, after.configuration) == ([], None)  # nobody governs it by a template: the project's rules
        assert [row["delegate"] for row in event.before["delegations"]] == ["otto"]
        assert event.before["configuration"] == {"required_feedback": ["risk"]}
    else:
        assert (left, after.configuration) == (["otto"], {"required_feedback": ["risk"]})
        assert "delegations" not in event.before
