"""What the gate says, for every policy, status and state of the content."""

from __future__ import annotations

import os
from itertools import product

import grimp
import pytest
from sqlalchemy import text
from sqlmodel import Session

from governance.database import transaction
from governance.errors import ActivationRefused, ActRefused
from governance.gate import Content, judge
from governance.registry import confirm_override, request_override, verdicts
from governance.signoff import Request, sign
from governance.tables import FinalApproval, ModelVersion, Override
from governance.vocabulary import GateDecision, Policy, SignOffAction, SignOffStatus
from tests.governance.tampering import tamper
from tests.governance.world import FINN, WILL, World

RECORDED, OTHER = "a" * 64, "b" * 64
UNAPPROVED = {
    Policy.PREVENT: GateDecision.REFUSED,
    Policy.WARN: GateDecision.CONFIRMATION_NEEDED,
    Policy.ALWAYS: GateDecision.ALLOWED,
}


@pytest.mark.parametrize(("policy", "status"), list(product(Policy, SignOffStatus)))
class TestForEveryPolicyAndStatus:
    def test_unchanged_content_is_decided_by_approval_then_by_policy(
        self, policy: Policy, status: SignOffStatus
    ) -> None:
        verdict = judge(policy, status, approved_digest=RECORDED, recorded_digest=RECORDED, found=Content(RECORDED))
        if status is SignOffStatus.APPROVED:
            assert verdict.decision is GateDecision.ALLOWED and verdict.reasons == ()
        else:
            assert verdict.decision is UNAPPROVED[policy]
            assert verdict.reasons == (f"the sign-off is {status}, not APPROVED",)

    @pytest.mark.parametrize("approved", [None, RECORDED, OTHER])
    @pytest.mark.parametrize("found", [Content(OTHER), Content(RECORDED, ("model.skops is altered",))])
    def test_altered_content_is_refused(
        self, policy: Policy, status: SignOffStatus, approved: str | None, found: Content
    ) -> None:
        verdict = judge(policy, status, approved_digest=approved, recorded_digest=RECORDED, found=found)
        assert verdict.decision is GateDecision.REFUSED
        assert verdict.reasons

    @pytest.mark.parametrize("approved", [None, OTHER])
    def test_an_approval_of_something_else_is_refused(
        self, policy: Policy, status: SignOffStatus, approved: str | None
    ) -> None:
        verdict = judge(policy, status, approved_digest=approved, recorded_digest=RECORDED, found=Content(RECORDED))
        if status is SignOffStatus.APPROVED:
            assert verdict.decision is GateDecision.REFUSED
        else:
            assert verdict.decision is UNAPPROVED[policy]


@pytest.mark.parametrize(("policy", "status"), list(product(Policy, SignOffStatus)))
@pytest.mark.parametrize("objections", [(), ("ada trained it",)])
@pytest.mark.parametrize(
    ("approved", "unsaid", "says"),
    [
        (RECORDED, ("no line says so",), ("no line says so",)),
        (OTHER, (), (f"the approval is for other content (approved {OTHER}, found {RECORDED})",)),
        (None, (), (f"the approval is for other content (approved nothing, found {RECORDED})",)),
    ],
)
def test_an_approval_that_is_none_is_refused_as_altered_content_is(
    policy: Policy,
    status: SignOffStatus,
    objections: tuple[str, ...],
    approved: str | None,
    unsaid: tuple[str, ...],
    says: tuple[str, ...],
) -> None:
    verdict = judge(
        policy, status, approved_digest=approved, recorded_digest=RECORDED, found=Content(RECORDED),
        objections=objections, unsaid=unsaid,
    )  # fmt: skip
    if status is SignOffStatus.APPROVED:
        assert (verdict.decision, verdict.reasons, verdict.overridable) == (GateDecision.REFUSED, says, False)
    else:
        assert verdict.decision is UNAPPROVED[policy]


class TestAnApprovalThatNobodyHasGiven:
    """Whoever only writes into the tables opens no environment, not even one that never asks."""

    SAYS = "no line of the audit trail says that finn approved it"
    COPY = "at, actor, origin, subject, project, before, after"

    def put(self, world: World, version: ModelVersion) -> None:
        """An approval, past every service and trigger."""
        item = world.item(version).id
        tamper(
            world.engine,
            f"UPDATE sign_off SET status = 'APPROVED' WHERE item_id = {item}",
            "INSERT INTO final_approval (item_id, round, author, verdict, comment, content_digest, created_at) "
            f"SELECT {item}, 1, 'finn', 'APPROVED', '', :digest, changed_at FROM sign_off WHERE item_id = {item}",
            digest=version.manifest_digest,
        )

    def refused_everywhere(self, world: World, version: ModelVersion) -> None:
        with Session(world.engine) as session:
            said = verdicts(session, version, world.artifacts, at=world.now())
        assert {(one.decision, one.reasons, one.overridable) for one in said.values()} == {
            (GateDecision.REFUSED, (self.SAYS,), False)
        }
        for environment in ("dev", "test", "prod"):
            with pytest.raises(ActivationRefused, match=self.SAYS):
                world.activate(version, environment, confirm=True)

    def test_that_no_line_speaks_of(self, world: World) -> None:
        version = world.version()
        self.put(world, version)
        self.refused_everywhere(world, version)

    def test_that_a_line_speaks_of_which_nobody_has_sealed(self, world: World) -> None:
        version = world.version()
        world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
        self.put(world, version)
        with world.engine.begin() as connection:  # the database takes an unsealed line from anybody
            connection.execution_options(driftgate_writing=True)
            connection.execute(
                text(
                    f"INSERT INTO audit_event ({self.COPY}, tag) SELECT s.changed_at, 'finn', 'api', e.subject, "
                    "e.project, e.before, e.after, 'sign_off:approve' FROM audit_event e, sign_off s "
                    "WHERE e.tag = 'sign_off:request_approval'"
                )
            )
        self.refused_everywhere(world, version)

    def test_that_was_taken_back_and_put_in_again(self, world: World) -> None:
        version = world.approved_version()
        given = world.read(FinalApproval)[0].created_at
        world.sign(version, SignOffAction.DELETE_APPROVAL, FINN)
        self.put(world, version)
        tamper(world.engine, "UPDATE final_approval SET created_at = :given", given=given.isoformat(" "))
        self.refused_everywhere(world, version)

    def test_is_not_for_an_override_either(self, world: World) -> None:
        version = world.version()
        where = world.environment("prod")

        def ask(session: Session) -> Override:
            at = world.now()
            return request_override(
                session, version, where, reason="it burns", artifacts=world.artifacts, actor=WILL, at=at
            )

        with transaction(world.engine) as session:
            asked = ask(session)
        self.put(world, version)
        with transaction(world.engine) as session, pytest.raises(ActRefused, match=self.SAYS):
            ask(session)
        with pytest.raises(ActivationRefused, match=self.SAYS), transaction(world.engine) as session:
            confirm_override(session, asked, artifacts=world.artifacts, actor=FINN, at=world.now())


def test_an_approval_opens_the_gate_in_its_own_transaction_before_its_line_is_sealed(world: World) -> None:
    version = world.version()
    world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
    with transaction(world.engine) as session:
        approve = Request(world.item(version), SignOffAction.APPROVE, FINN)
        sign(session, approve, artifacts=world.artifacts, at=world.now())
        said = verdicts(session, version, world.artifacts, at=world.now())
    assert {one.decision for one in said.values()} == {GateDecision.ALLOWED}


def test_no_other_room_asks_the_gate_but_through_the_registry() -> None:
    graph = grimp.build_graph("flows", "tasks", "governance", "deployments")
    askers = graph.find_modules_that_directly_import("governance.gate")
    assert {module for module in askers if not module.startswith("governance.")} == set()


@pytest.mark.parametrize("policy", list(Policy))
@pytest.mark.parametrize("status", list(SignOffStatus))
def test_objections_void_an_approval_and_hide_no_other_status(status: SignOffStatus, policy: Policy) -> None:
    found = Content(RECORDED)
    verdict = judge(
        policy, status, approved_digest=RECORDED, recorded_digest=RECORDED, found=found, objections=("ada trained it",)
    )
    approved = status is SignOffStatus.APPROVED
    assert verdict.reasons == (("ada trained it",) if approved else (f"the sign-off is {status}, not APPROVED",))
    assert (verdict.decision is GateDecision.REFUSED) is (policy is Policy.PREVENT)


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_regular_file_in_the_store_is_refused_and_keeps_nobody_waiting(world: World, kind: str) -> None:
    version = world.approved_version()
    file = world.artifacts / version.folder / min(version.manifest["files"])
    aside = file.rename(world.artifacts / "aside")
    os.mkfifo(file) if kind == "pipe" else file.symlink_to(aside)
    with pytest.raises(ActivationRefused, match=f"{file.name} is not .* found an unreadable file: not a regular file"):
        world.activate(version)
