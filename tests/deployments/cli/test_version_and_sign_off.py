"""Versions and their sign-off, from the first request to the rollback, as somebody types it."""

from __future__ import annotations

from enum import StrEnum

import pytest
from sqlmodel import col, select

from deployments.cli import display, sign_off
from governance.signoff import RULES
from governance.tables import AuditEvent
from governance.vocabulary import (
    CheckOutcome,
    FeedbackVerdict,
    GateDecision,
    ScenarioOutcome,
    SignOffAction,
    StepOutcome,
)
from tasks import edge


def events() -> list[tuple[str, str, str]]:
    """The audit trail, latest first."""
    with edge.reading() as session:
        trail = session.exec(select(AuditEvent).order_by(col(AuditEvent.id).desc()))
        return [(event.tag, event.subject, event.actor) for event in trail]


def test_versions_are_listed_newest_first_with_what_people_want_to_know(driftgate, trained) -> None:
    assert "No version yet" in driftgate("version", "list").words
    trained()
    trained()
    found = driftgate("version", "list", "--json").document
    assert [version["version"] for version in found["versions"]] == [2, 1]
    assert found["versions"][0]["metrics"] == {"roc_auc": pytest.approx(0.82)}
    assert found["versions"][0]["sign_off"] == "NOT_STARTED"
    assert found["versions"][0]["active_in"] == []
    assert "0.8200" in driftgate("version", "list").out


def test_a_version_is_shown_with_what_each_gate_says_to_it(driftgate, trained) -> None:
    trained()
    shown = driftgate("version", "show", "1", "--json").document
    assert {place: said["decision"] for place, said in shown["gate"].items()} == {
        "dev": "ALLOWED", "test": "CONFIRMATION_NEEDED", "prod": "REFUSED",
    }  # fmt: skip
    assert "the test set is small" in driftgate("version", "show").words


def test_a_version_that_is_not_there_is_answered_with_those_that_are(driftgate, trained) -> None:
    assert "driftgate train" in driftgate("version", "show", "latest").words
    trained()
    done = driftgate("version", "show", "7")
    assert done.code == 2
    assert "known: 1, latest, active" in done.words


def test_an_unsigned_version_is_refused_in_prod_and_the_refusal_is_kept(driftgate, trained) -> None:
    trained()
    done = driftgate("version", "activate", "1", "--json")
    assert done.code == 1
    assert done.document["error"]["type"] == "ActivationRefused"
    assert done.document["error"]["reasons"] == ["the sign-off is NOT_STARTED, not APPROVED"]
    assert ("version:activation_refused", "loans/default/1", "ada") in events()


def test_a_warning_of_the_gate_wants_a_confirmation(driftgate, trained) -> None:
    trained()
    done = driftgate("version", "activate", "1", "-e", "test")
    assert done.code == 1
    assert "confirm it, which is recorded. Say yes with --confirm." in " ".join(done.err.split())
    confirmed = driftgate("version", "activate", "1", "-e", "test", "--confirm", "--json").document
    assert confirmed["decision"] == "CONFIRMATION_NEEDED"
    assert confirmed["confirmed"] is True


def test_what_was_changed_on_disk_is_refused_everywhere(driftgate, trained, home) -> None:
    trained()
    (home / ".driftgate/artifacts/models/loans/default/1/model.skops").write_text("another model")
    done = driftgate("version", "activate", "1", "-e", "dev", "--json")
    assert done.code == 1
    assert "model.skops is not what was recorded" in done.document["error"]["message"]


def test_the_whole_way_from_request_to_rollback(driftgate, trained) -> None:
    for number in (1, 2):
        trained()
        assert driftgate("sign-off", "request-feedback", number, "--notify", "ben", "--notify", "cleo").code == 0
        said = driftgate(
            "sign-off", "feedback", number, "--verdict", "minor_issue", "-c", "Lift", "--as", "cleo", "--json"
        )
        assert said.document["feedback"][0]["group"] == "risk"
        edited = driftgate(
            "sign-off", "edit-feedback", number, "--verdict", "MAJOR_ISSUE", "--as", "cleo", "--json"
        ).document
        assert edited["feedback"][0]["verdict"] == "MAJOR_ISSUE"
        assert edited["feedback"][0]["comment"] == "Lift"
        assert driftgate("sign-off", "request-approval", number).code == 0
        assert driftgate("sign-off", "approve", number, "--as", "hana").code == 0
        active = driftgate("version", "activate", number, "--json").document
        assert (active["version"], active["environment"], active["decision"]) == (number, "prod", "ALLOWED")
    back = driftgate("version", "rollback", "--json").document
    assert (back["version"], back["replaced"]) == (1, 2)
    assert driftgate("version", "show", "active", "--json").document["version"] == 1
    nothing_before = driftgate("version", "rollback")
    assert nothing_before.code == 2


def test_a_rollback_that_is_refused_is_kept_too(driftgate, trained) -> None:
    for number in (1, 2):
        trained()
        driftgate("sign-off", "request-approval", number)
        driftgate("sign-off", "approve", number, "--as", "hana")
        driftgate("version", "activate", number)
    driftgate("sign-off", "edit-approval", 1, "--verdict", "rejected", "--as", "hana")
    done = driftgate("version", "rollback", "--json")
    assert done.code == 1
    assert done.document["error"]["reasons"] == ["the sign-off is REJECTED, not APPROVED"]
    assert events()[0] == ("version:activation_refused", "loans/default/1", "ada")


def test_who_may_not_is_told_why(driftgate, trained) -> None:
    trained()
    done = driftgate("sign-off", "request-feedback", 1, "--as", "eve", "--json")
    assert done.code == 1
    assert done.document["error"]["type"] == "SignOffRefused"
    assert "eve is not a writer" in done.document["error"]["message"]


def test_a_move_the_table_does_not_have_is_answered_with_those_it_has(driftgate, trained) -> None:
    trained()
    done = driftgate("sign-off", "approve", 1, "--as", "hana")
    assert done.code == 1
    assert "possible now: request_feedback, request_approval, abandon" in done.words


def test_somebody_in_two_groups_says_for_which_one(driftgate, trained) -> None:
    trained()
    driftgate("sign-off", "request-feedback", 1)
    assert driftgate("sign-off", "feedback", 1, "--verdict", "approved", "--as", "ben").code == 1
    done = driftgate("sign-off", "feedback", 1, "--verdict", "approved", "--as", "ben", "--group", "risk", "--json")
    assert done.document["feedback"][0]["group"] == "risk"


def test_show_says_what_one_may_do_now(driftgate, trained) -> None:
    trained()
    assert driftgate("sign-off", "show", 1, "--json").document["allowed"] == [
        "request_feedback",
        "request_approval",
        "abandon",
    ]
    assert "You may now: nothing." in driftgate("sign-off", "show", 1, "--as", "eve").words


def test_what_people_write_does_not_move_the_cursor(driftgate, trained) -> None:
    trained()
    driftgate("sign-off", "request-feedback", 1)
    comment = "fine\x1b]0;owned\x07\x1b[2J\x9b1A\u202e[bold]"
    driftgate("sign-off", "feedback", 1, "--verdict", "approved", "-c", comment, "--as", "cleo")
    shown = driftgate("sign-off", "show", 1).out
    assert "fine]0;owned[2J1A[bold]" in shown
    assert all(letter.isprintable() or letter == "\n" for letter in shown)
    refused = driftgate("sign-off", "approve", 1, "--as", "eve\x1b[2J")
    assert refused.code == 1
    assert "\x1b" not in refused.err


def test_what_is_active_already_replaces_nothing(driftgate, trained) -> None:
    trained()
    trained()
    assert "instead" not in driftgate("version", "activate", 1, "-e", "dev").words
    assert "instead of version 1" in driftgate("version", "activate", 2, "-e", "dev").words
    assert "instead" not in driftgate("version", "activate", 2, "-e", "dev").words


@pytest.mark.parametrize("kind", [CheckOutcome, StepOutcome, ScenarioOutcome, GateDecision, FeedbackVerdict])
def test_every_outcome_has_a_colour(kind: type[StrEnum]) -> None:
    assert set(kind) <= set(display.COLOURS)


STEPS: dict[SignOffAction, tuple[str, ...]] = {
    SignOffAction.REQUEST_FEEDBACK: ("request-feedback", "1"),
    SignOffAction.ADD_FEEDBACK: ("feedback", "1", "--verdict", "approved", "--as", "cleo"),
    SignOffAction.EDIT_FEEDBACK: ("edit-feedback", "1", "--verdict", "major_issue", "--as", "cleo"),
    SignOffAction.DELETE_FEEDBACK: ("delete-feedback", "1", "--as", "cleo"),
    SignOffAction.REQUEST_APPROVAL: ("request-approval", "1"),
    SignOffAction.BACK_TO_FEEDBACK: ("back-to-feedback", "1"),
    SignOffAction.APPROVE: ("approve", "1", "--as", "hana"),
    SignOffAction.REJECT: ("reject", "1", "--as", "hana"),
    SignOffAction.EDIT_TO_APPROVED: ("edit-approval", "1", "--verdict", "approved", "--as", "hana"),
    SignOffAction.EDIT_TO_REJECTED: ("edit-approval", "1", "--verdict", "rejected", "--as", "hana"),
    SignOffAction.DELETE_APPROVAL: ("delete-approval", "1", "--as", "hana"),
    SignOffAction.ABANDON: ("abandon", "1"),
    SignOffAction.CANCEL_ABANDON: ("cancel-abandon", "1"),
    SignOffAction.RESET: ("reset", "1"),
}


def test_every_action_that_people_have_has_a_command() -> None:
    assert set(STEPS) == {action for _, action in RULES} - {SignOffAction.RECUR}
    assert set(sign_off.Final) == {"APPROVED", "REJECTED"}


@pytest.mark.parametrize(
    "start", ["NOT_STARTED", "WAITING_FOR_FEEDBACK", "WAITING_FOR_APPROVAL", "APPROVED", "REJECTED", "ABANDONED"]
)
def test_every_command_does_what_the_table_says_in_every_status(driftgate, project, trained, start: str) -> None:
    way_there: dict[str, list[SignOffAction]] = {
        "NOT_STARTED": [],
        "WAITING_FOR_FEEDBACK": [SignOffAction.REQUEST_FEEDBACK, SignOffAction.ADD_FEEDBACK],
        "WAITING_FOR_APPROVAL": [SignOffAction.REQUEST_APPROVAL],
        "APPROVED": [SignOffAction.REQUEST_APPROVAL, SignOffAction.APPROVE],
        "REJECTED": [SignOffAction.REQUEST_APPROVAL, SignOffAction.REJECT],
        "ABANDONED": [SignOffAction.ABANDON],
    }
    for action, (verb, _, *rest) in STEPS.items():
        number = trained()
        for before in way_there[start]:
            first, _, *others = STEPS[before]
            assert driftgate("sign-off", first, number, *others).code == 0
        rule = next((rule for (status, move), rule in RULES.items() if status == start and move is action), None)
        done = driftgate("sign-off", verb, number, *rest, "--json")
        assert done.code == (1 if rule is None else 0), (start, action, done.out)
        if rule is not None:
            expected = "NOT_STARTED" if action is SignOffAction.CANCEL_ABANDON else rule.to
            assert done.document["status"] == expected
        elif "error" in done.document:
            assert done.document["error"]["type"] == "TransitionNotAllowed"
