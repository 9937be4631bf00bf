"""An approval that expires: people are told before, the gate takes it no more, and the review begins again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import Session

from governance import gate
from governance.audit import SYSTEM
from governance.database import transaction
from governance.errors import ActivationRefused, SignOffRefused, TransitionNotAllowed
from governance.items import item_of
from governance.registry import activate, verdicts
from governance.signoff import allowed_actions, recur_due, subscribe
from governance.signoff.recurring import WARNED_BEFORE
from governance.tables import ActiveVersion, AuditEvent, FinalApproval, ModelVersion, Notice
from governance.vocabulary import SignOffAction, SignOffStatus
from tests.governance.installation import close, deactivate, template_rules
from tests.governance.world import FINN, OTTO, WILL, World

A = SignOffAction
DAYS = 90
SECOND = timedelta(seconds=1)


@pytest.fixture
def expiring(world: World) -> ModelVersion:
    """An approved version whose approval holds for three months."""
    version = world.version()
    template_rules(world, recurrence_days=DAYS)
    world.sign(version, A.REQUEST_APPROVAL, WILL)
    world.sign(version, A.APPROVE, FINN)
    return version


def until(world: World, version: ModelVersion) -> datetime:
    found = world.sign_off(version).approved_until
    assert found is not None
    return found


def recur(world: World, at: datetime) -> list[str]:
    with transaction(world.engine) as session:
        return [item.path for item in recur_due(session, artifacts=world.artifacts, at=at)]


def refused(world: World, version: ModelVersion, at: datetime) -> str:
    with transaction(world.engine) as session:
        where = world.environment("prod")
        try:
            activate(session, version, where, artifacts=world.artifacts, actor=FINN, at=at)
        except ActivationRefused as refusal:
            session.rollback()
            return str(refusal)
    return ""


def test_an_approval_holds_until_its_time_is_over_and_not_a_moment_longer(world: World, expiring: ModelVersion) -> None:
    end = until(world, expiring)
    (approval,) = world.read(FinalApproval)
    assert end == approval.created_at + timedelta(days=DAYS)
    with Session(world.engine) as session:
        before, after = (verdicts(session, expiring, world.artifacts, at=at)["prod"] for at in (end - SECOND, end))
    assert (before.decision, after.decision) == ("ALLOWED", "REFUSED")
    sentence = f"the approval expired on {end:%Y-%m-%d %H:%M} UTC"
    assert after.reasons == (sentence,)
    assert sentence in refused(world, expiring, end)
    assert world.read(ActiveVersion) == []
    assert refused(world, expiring, end - SECOND) == ""


def test_the_database_itself_takes_no_expired_approval(
    world: World, expiring: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import IntegrityError

    monkeypatch.setattr(gate, "inspect", lambda *_, **__: gate.Verdict(gate.GateDecision.ALLOWED))
    with pytest.raises(IntegrityError, match="only an activation that the gate let through"):
        refused(world, expiring, until(world, expiring))


def test_what_has_expired_begins_again_and_the_others_stay(world: World, expiring: ModelVersion) -> None:
    other = world.approved_version()
    template_rules(world, recurrence_days=DAYS)
    end, lines = until(world, expiring), len(world.trail())
    assert recur(world, end - SECOND) == []
    assert len(world.trail()) == lines
    assert recur(world, end) == ["credit/fraud/1"]
    assert recur(world, end) == []
    assert len(world.trail()) == lines + 1
    event = world.read(AuditEvent)[-1]
    assert (event.tag, event.actor, event.origin, event.subject) == (
        "sign_off:recur", SYSTEM.name, "system", "credit/fraud/1",
    )  # fmt: skip
    assert (event.before["status"], event.after["status"]) == ("APPROVED", "NOT_STARTED")
    shown = world.shown(expiring)
    assert (shown["status"], shown["round"], shown["approved_until"]) == (SignOffStatus.NOT_STARTED, 2, None)
    assert shown["history"][0]["final_approval"]["author"] == "finn"
    assert (shown["history"][0]["status"], shown["history"][0]["requested_by"]) == ("APPROVED", ["will"])
    assert world.sign_off(other).status is SignOffStatus.APPROVED


def test_the_rules_stay_for_the_next_round(world: World, expiring: ModelVersion) -> None:
    end = until(world, expiring)
    recur(world, end)
    world.acts += (DAYS + 1) * 24 * 60
    world.sign(expiring, A.REQUEST_APPROVAL, WILL)
    world.sign(expiring, A.APPROVE, FINN)
    assert until(world, expiring) == world.read(FinalApproval)[-1].created_at + timedelta(days=DAYS)


@pytest.mark.parametrize("actor", [WILL, FINN, OTTO])
def test_nobody_but_the_system_says_that_it_is_due(world: World, expiring: ModelVersion, actor) -> None:
    with pytest.raises(SignOffRefused, match="is not the system"):
        world.sign(expiring, A.RECUR, actor)


@pytest.mark.parametrize("status", ["REJECTED", "ABANDONED", "taken back"])
def test_what_is_approved_no_more_does_not_expire(world: World, expiring: ModelVersion, status: str) -> None:
    end = until(world, expiring)
    world.sign(
        expiring,
        {"REJECTED": A.EDIT_TO_REJECTED, "ABANDONED": A.ABANDON, "taken back": A.DELETE_APPROVAL}[status],
        FINN,
    )
    assert recur(world, end + SECOND) == []
    if status == "ABANDONED":
        back = world.sign(expiring, A.CANCEL_ABANDON, FINN)
        assert (back.status, back.approved_until) == (SignOffStatus.APPROVED, end)
        assert "expired" in refused(world, expiring, end)
        assert recur(world, end) == ["credit/fraud/1"]
    else:
        assert world.shown(expiring)["approved_until"] is None


TAKEN_BACK = {
    "edited": [A.EDIT_TO_APPROVED],
    "rejected meanwhile": [A.EDIT_TO_REJECTED, A.EDIT_TO_APPROVED],
    "deleted meanwhile": [A.DELETE_APPROVAL, A.APPROVE],
}


@pytest.mark.parametrize("way", TAKEN_BACK)
def test_approved_again_in_the_same_round_it_holds_no_longer_than_before(
    world: World, expiring: ModelVersion, way: str
) -> None:
    before = until(world, expiring)
    world.acts += 24 * 60
    for action in TAKEN_BACK[way]:
        world.sign(expiring, action, FINN, comment="still right")
    assert world.sign_off(expiring).status is SignOffStatus.APPROVED
    assert world.shown(expiring)["approved_until"] == until(world, expiring) == before
    assert recur(world, before) == ["credit/fraud/1"]


def test_an_approval_after_a_rejection_holds_from_the_approval_on(world: World) -> None:
    version = world.version()
    template_rules(world, recurrence_days=DAYS)
    world.sign(version, A.REQUEST_APPROVAL, WILL)
    world.sign(version, A.REJECT, FINN)
    world.sign(version, A.EDIT_TO_APPROVED, FINN)
    assert until(world, version) == world.read(FinalApproval)[0].edited_at + timedelta(days=DAYS)


@pytest.mark.parametrize("way", TAKEN_BACK)
def test_an_expired_approval_is_not_made_to_hold_again_but_by_a_new_round(
    world: World, expiring: ModelVersion, way: str
) -> None:
    end = until(world, expiring)
    *first, last = TAKEN_BACK[way]
    world.acts += DAYS * 24 * 60
    for action in first:
        world.sign(expiring, action, FINN)
    says = f"the approval expired on {end:%Y-%m-%d %H:%M} UTC: a new one takes a new round, so reset the sign-off"
    with Session(world.engine) as session:
        assert last not in allowed_actions(session, world.item(expiring), FINN, at=world.now())
    with pytest.raises(SignOffRefused, match=says):
        world.sign(expiring, last, FINN)
    if first == [A.DELETE_APPROVAL]:
        world.sign(expiring, A.ABANDON, WILL)
    for action, actor in ((A.RESET, WILL), (A.REQUEST_APPROVAL, WILL), (A.APPROVE, FINN)):
        world.sign(expiring, action, actor)
    assert until(world, expiring) > end + timedelta(days=DAYS - 1)


def test_a_round_that_no_rule_lets_expire_never_does(world: World) -> None:
    world.approved_version()
    assert recur(world, world.now() + timedelta(days=10_000)) == []


class TestPeopleAreTold:
    def listen(self, world: World, version: ModelVersion) -> None:
        with transaction(world.engine) as session:
            subscribe(session, item_of(session, version), "otto", actor=OTTO, at=world.now())

    def test_two_weeks_before_and_once(self, world: World, expiring: ModelVersion) -> None:
        self.listen(world, expiring)
        end = until(world, expiring)
        recur(world, end - WARNED_BEFORE - SECOND)
        assert world.read(Notice) == []
        for at in (end - WARNED_BEFORE, end - WARNED_BEFORE, end - SECOND):
            assert recur(world, at) == []
        notices = world.read(Notice)
        assert [notice.recipient for notice in notices] == ["otto", "finn", "flora"]
        line = f"credit/fraud/1: the approval expires on {end:%Y-%m-%d %H:%M} UTC"
        assert {notice.subject for notice in notices} == {line}
        assert world.sign_off(expiring).status is SignOffStatus.APPROVED

    def test_when_it_has_expired_and_begins_again(self, world: World, expiring: ModelVersion) -> None:
        self.listen(world, expiring)
        recur(world, until(world, expiring))
        assert sorted(notice.recipient for notice in world.read(Notice)) == ["finn", "flora", "otto"]
        assert {notice.subject for notice in world.read(Notice)} == {
            "credit/fraud/1: recur by driftgate, now NOT_STARTED"
        }

    def test_again_of_the_next_approval(self, world: World, expiring: ModelVersion) -> None:
        end = until(world, expiring)
        recur(world, end - SECOND)
        for action, actor in ((A.RESET, WILL), (A.REQUEST_APPROVAL, WILL), (A.APPROVE, FINN)):
            world.sign(expiring, action, actor)
        recur(world, until(world, expiring) - SECOND)
        assert len({notice.subject for notice in world.read(Notice)}) == 2

    def test_of_a_short_one_at_half_its_time(self, world: World) -> None:
        version = world.version()
        template_rules(world, recurrence_days=10)
        world.sign(version, A.REQUEST_APPROVAL, WILL)
        world.sign(version, A.APPROVE, FINN)
        end = until(world, version)
        recur(world, end - timedelta(days=5, seconds=1))
        assert world.read(Notice) == []
        recur(world, end - timedelta(days=5))
        assert len(world.read(Notice)) == 2

    def test_only_who_is_active(self, world: World, expiring: ModelVersion) -> None:
        close(world)
        deactivate(world, "flora")
        recur(world, until(world, expiring))
        assert [notice.recipient for notice in world.read(Notice)] == ["finn"]


def test_several_who_look_at_once_begin_it_again_once(world: World, expiring: ModelVersion, tmp_path: Path) -> None:
    from threading import Barrier, Thread

    end, together, found = until(world, expiring), Barrier(3), list[list[str]]()

    def look() -> None:
        together.wait()
        found.append(recur(world, end))

    lookers = [Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join()
    assert sorted(found) == [[], [], ["credit/fraud/1"]]
    assert [tag for tag, _ in world.trail()].count("sign_off:recur") == 1
    with pytest.raises(TransitionNotAllowed):
        world.sign(expiring, A.RECUR, SYSTEM)
