"""An emergency: two people take a missing approval on themselves, once, for a day, and a third looks at it afterwards."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from governance.audit import Actor, Tag
from governance.database import transaction
from governance.errors import ActivationRefused, ActRefused, ChangedMeanwhile, DriftgateError, NotAllowed, NotFound
from governance.registry import (
    confirm_override,
    find_override,
    list_overrides,
    overriding,
    request_override,
    review_override,
    set_policy,
)
from governance.tables import Activation, ActiveVersion, AuditEvent, ModelVersion, Notice, Override
from governance.vocabulary import GateDecision, Policy, Right, Role, SignOffAction
from tests.governance.installation import assign, close, deactivate, take_away, template_rules
from tests.governance.tampering import tamper
from tests.governance.world import FINN, OTTO, ROSA, WILL, World

FLORA, ROOT, BOT = Actor("flora"), Actor("root"), Actor("bot")
WHY = "fraud doubled overnight"


def ask(world: World, version: ModelVersion, *, actor: Actor = WILL, where: str = "prod", why: str = WHY) -> Override:
    with transaction(world.engine) as session:
        place = world.environment(where)
        return request_override(
            session, version, place, reason=why, artifacts=world.artifacts, actor=actor, at=world.now()
        )


def confirm(world: World, override: Override, actor: Actor = FINN, at: datetime | None = None) -> Activation:
    with transaction(world.engine) as session:
        return confirm_override(session, override, artifacts=world.artifacts, actor=actor, at=at or world.now())


def review(world: World, override: Override, actor: Actor = FLORA, comment: str = "it was right") -> Override:
    with transaction(world.engine) as session:
        return review_override(session, override, comment=comment, actor=actor, at=world.now())


def nothing_came_of(world: World) -> bool:
    (override,) = world.read(Override)
    return override.confirmed_by is None and world.read(Activation) == world.read(ActiveVersion) == []


@pytest.fixture(params=["open", "closed"])
def anywhere(request: pytest.FixtureRequest, world: World) -> World:
    """An installation that takes names at their word, and one that knows its people."""
    if request.param == "closed":
        close(world)
    return world


def test_two_people_bring_a_version_into_production_and_a_third_reviews_it(anywhere: World) -> None:
    version = anywhere.version()
    lines = len(anywhere.trail())
    override = ask(anywhere, version)
    assert nothing_came_of(anywhere)
    activation = confirm(anywhere, override)
    assert (activation.decision, activation.override_id, activation.activated_by) == (
        GateDecision.OVERRIDDEN, override.id, "finn",
    )  # fmt: skip
    assert activation.reasons == [
        "the sign-off is NOT_STARTED, not APPROVED", f"will and finn override: {WHY}",
    ]  # fmt: skip
    assert [row.version_id for row in anywhere.read(ActiveVersion)] == [version.id]
    review(anywhere, override, comment="it was right")
    assert anywhere.trail()[lines:] == [
        (Tag.OVERRIDE_REQUESTED, "will"), (Tag.OVERRIDE_CONFIRMED, "finn"), (Tag.OVERRIDE_REVIEWED, "flora"),
    ]  # fmt: skip
    said = anywhere.read(AuditEvent)[-2].after
    assert (said["reason"], said["requested_by"], said["confirmed_by"], said["decision"]) == (
        WHY, "will", "finn", "OVERRIDDEN",
    )  # fmt: skip
    (row,) = anywhere.read(Override)
    assert (row.reviewed_by, row.review) == ("flora", "it was right")


def test_who_can_agree_is_told_when_it_is_asked_for_and_who_can_review_when_it_is_done(world: World) -> None:
    close(world)
    override = ask(world, world.version())
    assert [notice.recipient for notice in world.read(Notice)] == ["finn", "flora"]
    assert WHY in world.read(Notice)[0].body
    confirm(world, override)
    assert [notice.recipient for notice in world.read(Notice)[2:]] == ["flora", "root"]


class TestAskingForOne:
    @pytest.mark.parametrize("actor", [ROSA, FINN, OTTO])
    def test_is_for_contributors(self, world: World, actor: Actor) -> None:
        close(world)
        with pytest.raises(NotAllowed):
            ask(world, world.version(), actor=actor)

    def test_is_not_for_a_service(self, world: World) -> None:
        close(world)
        assign(world, "bot", Role.CONTRIBUTOR)
        with pytest.raises(ActRefused, match="bot is no person"):
            ask(world, world.version(), actor=BOT)

    @pytest.mark.parametrize("why", ["", " \n\t"])
    def test_takes_a_reason(self, world: World, why: str) -> None:
        with pytest.raises(ActRefused, match="say why it can't wait"):
            ask(world, world.version(), why=why)

    @pytest.mark.parametrize("where", ["dev", "test"])
    def test_is_not_needed_where_nothing_is_prevented(self, world: World, where: str) -> None:
        with pytest.raises(ActRefused, match="activate it without"):
            ask(world, world.version(), where=where)

    def test_is_not_needed_for_what_is_approved(self, world: World) -> None:
        with pytest.raises(ActRefused, match="the gate of 'prod' does not refuse it: activate it without"):
            ask(world, world.approved_version())

    def test_is_not_for_content_that_was_altered(self, world: World) -> None:
        version = world.version()
        (world.artifacts / version.folder / "model.skops").write_text("other bytes")
        with pytest.raises(ActRefused, match=r"model\.skops is not what was recorded"):
            ask(world, version)
        assert world.read(Override) == []

    def test_is_for_an_environment_of_the_same_project(self, world: World) -> None:
        world.register(project="debit")
        with pytest.raises(ActRefused, match="another project"):
            ask(world, world.version(project="debit"))


class TestConfirmingOne:
    @pytest.mark.parametrize("actor", [ROSA, OTTO, ROOT])
    def test_is_for_final_approvers(self, anywhere: World, actor: Actor) -> None:
        override = ask(anywhere, anywhere.version())
        with pytest.raises(ActRefused, match=f"{actor.name} is not a final approver"):
            confirm(anywhere, override, actor)
        assert nothing_came_of(anywhere)

    def test_is_not_for_who_asked(self, world: World) -> None:
        world.register(people={"writers": ["will"], "final_approvers": ["will"]})
        override = ask(world, world.version())
        with pytest.raises(ActRefused, match="will asked for it, and a second person has to agree"):
            confirm(world, override, WILL)
        assert nothing_came_of(world)

    def test_is_not_for_a_service_a_token_that_does_not_reach_or_who_is_no_user_any_more(self, world: World) -> None:
        close(world)
        assign(world, "bot", Role.APPROVER)
        override = ask(world, world.version())
        deactivate(world, "flora")
        for actor in (BOT, Actor("finn", scope=frozenset({Right.READ, Right.WRITE})), FLORA):
            with pytest.raises(ActRefused, match="is not a final approver"):
                confirm(world, override, actor)
        take_away(world, "finn")
        with pytest.raises(ActRefused, match="is not a final approver"):
            confirm(world, override)
        assert nothing_came_of(world)

    @pytest.mark.parametrize("separated", [False, True])
    def test_where_duties_are_separated_is_not_for_who_trained_or_asked_for_the_sign_off(
        self, world: World, separated: bool
    ) -> None:
        people = {
            "writers": ["will", "wes"],
            "final_approvers": ["finn", "flora", "wes"],
            "separation_of_duties": separated,
        }
        world.register(people=people)
        version = world.version(trained_by=FINN)
        world.sign(version, SignOffAction.REQUEST_FEEDBACK, Actor("wes"))
        override = ask(world, version)
        if separated:
            with pytest.raises(ActRefused, match="finn trained the version"):
                confirm(world, override)
            with pytest.raises(ActRefused, match="wes asked for the sign-off"):
                confirm(world, override, Actor("wes"))
            confirm(world, override, FLORA)
        else:
            confirm(world, override)

    def test_where_duties_are_separated_is_not_for_who_could_have_had_a_service_train_it(self, world: World) -> None:
        close(world)
        assign(world, "bot", Role.CONTRIBUTOR)
        assign(world, "finn", Role.CONTRIBUTOR)
        version = world.version(trained_by=BOT)
        template_rules(world, separation_of_duties=True)
        override = ask(world, version)
        with pytest.raises(ActRefused, match="bot, a service, trained the version, and finn may write here"):
            confirm(world, override)
        confirm(world, override, FLORA)

    def test_serves_once(self, world: World) -> None:
        first, second = world.version(), world.approved_version()
        override = ask(world, first)
        confirm(world, override)
        world.activate(second)
        with pytest.raises(ChangedMeanwhile, match="confirmed already"):
            confirm(world, override, FLORA)
        assert [row.version_id for row in world.read(ActiveVersion)] == [second.id]

    def test_is_done_by_one_of_two_who_do_it_at_once(self, world: World) -> None:
        from threading import Barrier, Thread

        override, together, came = ask(world, world.version()), Barrier(2), list[str]()

        def agree(actor: Actor) -> None:
            together.wait()
            try:
                confirm(world, override, actor)
            except DriftgateError as error:
                came.append(type(error).__name__)
            else:
                came.append("won")

        both = [Thread(target=agree, args=(actor,)) for actor in (FINN, FLORA)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert sorted(came) == ["ChangedMeanwhile", "won"]
        assert len(world.read(Activation)) == 1

    def test_comes_within_a_day(self, world: World) -> None:
        override = ask(world, world.version())
        with pytest.raises(ActRefused, match="more than 24 hours ago"):
            confirm(world, override, at=override.requested_at + overriding.LIFETIME)
        assert nothing_came_of(world)
        confirm(world, override, at=override.requested_at + overriding.LIFETIME - timedelta(seconds=1))

    def test_of_content_that_was_altered_is_refused(self, world: World) -> None:
        version = world.version()
        override = ask(world, version)
        (world.artifacts / version.folder / "model.skops").write_text("other bytes")
        with pytest.raises(ActivationRefused, match=r"model.skops is not what was recorded"):
            confirm(world, override)
        assert nothing_came_of(world)

    def test_of_other_content_than_was_asked_for_is_refused(self, world: World) -> None:
        override = ask(world, world.version())
        tamper(world.engine, "UPDATE override SET content_digest = :digest", digest="f" * 64)
        with pytest.raises(ActivationRefused, match="it was asked for other content"):
            confirm(world, override)
        assert nothing_came_of(world)

    def test_of_what_the_gate_lets_through_meanwhile_is_refused(self, world: World) -> None:
        version = world.version()
        override = ask(world, version)
        world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        world.sign(version, SignOffAction.APPROVE, FINN)
        with pytest.raises(ActRefused, match="the gate does not refuse it: activate it"):
            confirm(world, override)
        assert nothing_came_of(world)

    def test_of_what_is_active_already_is_refused(self, world: World) -> None:
        version = world.version()
        first, second = ask(world, version), ask(world, version)
        confirm(world, first)
        with pytest.raises(ActRefused, match="it is active in 'prod' already"):
            confirm(world, second)

    @pytest.mark.parametrize("action", [SignOffAction.REJECT, SignOffAction.ABANDON])
    def test_can_go_against_a_refused_approval_too(self, world: World, action: SignOffAction) -> None:
        version = world.version()
        world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        world.sign(version, action, FLORA)
        assert "not APPROVED" in confirm(world, ask(world, version)).reasons[0]


class TestReviewingOne:
    @pytest.mark.parametrize(("actor", "reason"), [(WILL, "will asked for it"), (FINN, "finn confirmed it")])
    def test_is_for_a_third_person(self, anywhere: World, actor: Actor, reason: str) -> None:
        override = ask(anywhere, anywhere.version())
        confirm(anywhere, override)
        with pytest.raises(ActRefused, match=reason):
            review(anywhere, override, actor)

    def test_is_for_approvers_and_administrators(self, world: World) -> None:
        close(world)
        override = ask(world, world.version())
        confirm(world, override)
        for actor in (OTTO, ROSA, BOT):
            with pytest.raises(ActRefused, match="neither a final approver nor an administrator"):
                review(world, override, actor)
        assert review(world, override, ROOT).reviewed_by == "root"

    def test_comes_after_it_was_confirmed_with_a_comment_and_once(self, world: World) -> None:
        override = ask(world, world.version())
        with pytest.raises(ActRefused, match="nobody has confirmed it"):
            review(world, override)
        confirm(world, override)
        with pytest.raises(ActRefused, match="no comment is given"):
            review(world, override, comment=" ")
        review(world, override)
        with pytest.raises(ChangedMeanwhile, match="reviewed already"):
            review(world, override)


def test_they_are_found_by_number_and_listed_the_latest_first(world: World) -> None:
    first, second = ask(world, world.version()), ask(world, world.version())
    with transaction(world.engine) as session:
        project = world.environment("prod").project_id
        assert [row.id for row in list_overrides(session, project)] == [second.id, first.id]
        assert find_override(session, first.id or 0).reason == WHY
        with pytest.raises(NotFound, match="driftgate override request"):
            find_override(session, 99)


class TestTheDatabaseItself:
    def forge(self, world: World, version: ModelVersion, override: Override | None) -> None:
        """Put a version in place as overridden, past every service."""
        with transaction(world.engine) as session:
            where = world.environment("prod")
            place = {"model_id": version.model_id, "environment_id": where.id, "version_id": version.id}
            activation = Activation(
                **place,
                decision=GateDecision.OVERRIDDEN,
                reasons=[],
                confirmed=False,
                override_id=None if override is None else override.id,
                activated_by="otto",
                activated_at=world.now(),
            )
            session.add(activation)
            session.flush()
            session.add(ActiveVersion(**place, activation_id=activation.id, revision=1))

    def test_refuses_an_overridden_activation_without_an_override(self, world: World) -> None:
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.forge(world, world.version(), None)

    def test_refuses_one_that_nobody_has_confirmed(self, world: World) -> None:
        version = world.version()
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.forge(world, version, ask(world, version))

    def test_refuses_one_that_one_person_alone_has_asked_for_and_confirmed(self, world: World) -> None:
        version = world.version()
        override = ask(world, version)
        statement = "UPDATE override SET confirmed_by = requested_by, confirmed_at = requested_at"
        with pytest.raises(IntegrityError), transaction(world.engine) as session:
            from sqlalchemy import text

            session.connection().execute(text(statement))
        tamper(world.engine, statement)
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.forge(world, version, override)

    def test_refuses_one_of_another_version_or_of_other_content(self, world: World) -> None:
        first, second = world.version(), world.version()
        override = ask(world, first)
        tamper(world.engine, "UPDATE override SET confirmed_by = 'finn', confirmed_at = requested_at")
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.forge(world, second, override)
        tamper(world.engine, "UPDATE override SET content_digest = :digest", digest="f" * 64)
        with pytest.raises(IntegrityError, match="the gate let through"):
            self.forge(world, first, override)

    def test_refuses_to_use_one_twice(self, world: World) -> None:
        first = world.version()
        override = ask(world, first)
        confirm(world, override)
        with pytest.raises(IntegrityError):
            self.forge(world, first, override)


def test_an_override_is_of_no_use_to_plain_activation(world: World) -> None:
    version = world.version()
    override = ask(world, version)
    with pytest.raises(ActivationRefused):
        world.activate(version, confirm=True)
    with transaction(world.engine) as session:
        set_policy(session, world.environment("prod"), Policy.WARN, actor=WILL, at=world.now())
    with pytest.raises(ActRefused, match="the gate does not refuse it"):
        confirm(world, override)
