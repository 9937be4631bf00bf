"""What the gate says, for every policy, status and state of the content."""

from __future__ import annotations

from itertools import product

import grimp
import pytest

from governance.gate import Content, judge
from governance.vocabulary import GateDecision, Policy, SignOffStatus

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
