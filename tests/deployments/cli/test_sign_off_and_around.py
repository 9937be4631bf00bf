"""Standing in, being told, expiring, overriding and policies, as somebody types it."""

from __future__ import annotations

import pytest


@pytest.fixture
def waiting(driftgate, trained) -> int:
    """A version that waits for its approval."""
    number = trained()
    assert driftgate("sign-off", "request-approval", number).code == 0
    return number


def test_an_approver_lets_somebody_stand_in_and_takes_the_place_back(driftgate, waiting) -> None:
    named = driftgate("sign-off", "delegate", waiting, "--to", "eve", "--as", "hana", "--json").document
    (delegation,) = named["delegations"]
    assert (delegation["person"], delegation["role"], delegation["delegate"]) == ("hana", "approver", "eve")
    assert "eve" in driftgate("sign-off", "show", waiting).words
    assert "approve" in driftgate("sign-off", "show", waiting, "--as", "eve", "--json").document["allowed"]
    ended = driftgate("sign-off", "end-delegation", waiting, delegation["id"], "--as", "hana", "--json").document
    assert ended["delegations"] == []
    refused = driftgate("sign-off", "approve", waiting, "--as", "eve")
    assert refused.code == 1
    assert "eve is not a final approver" in refused.words


def test_a_reviewer_lets_somebody_stand_in_for_a_group(driftgate, trained) -> None:
    number = trained()
    driftgate("sign-off", "request-feedback", number)
    assert driftgate("sign-off", "delegate", number, "--to", "eve", "--group", "risk", "--as", "cleo").code == 0
    said = driftgate("sign-off", "feedback", number, "--verdict", "approved", "--as", "eve", "--json").document
    assert [(one["author"], one["group"]) for one in said["feedback"]] == [("eve", "risk")]
    done = driftgate("sign-off", "delegate", number, "--to", "eve", "--for", "hana", "--as", "ada")
    assert done.code == 1
    assert "who alone may give it away" in done.words


def test_a_reset_keeps_delegates_or_drops_them(driftgate, waiting) -> None:
    for option, left in (((), 1), (("--reload-configuration",), 0)):
        driftgate("sign-off", "delegate", waiting, "--to", "eve", "--as", "hana")
        driftgate("sign-off", "reject", waiting, "--as", "hana")
        after = driftgate("sign-off", "reset", waiting, *option, "--json").document
        assert (after["status"], len(after["delegations"])) == ("NOT_STARTED", left)
        driftgate("sign-off", "request-approval", waiting)


def test_subscribers_are_told_and_notices_stay_on_record_without_a_mail_server(driftgate, waiting) -> None:
    assert driftgate("sign-off", "subscribe", waiting, "--as", "eve", "--json").document["subscribers"] == ["eve"]
    driftgate("sign-off", "approve", waiting, "--as", "hana")
    listed = driftgate("notices", "list", "--json").document["notices"]
    assert [(one["recipient"], one["state"]) for one in listed] == [("eve", "waiting")]
    assert listed[0]["subject"] == f"loans/default/{waiting}: approve by hana, now APPROVED"
    assert driftgate("notices", "send", "--json").document == {"mail_server": False}
    assert "Notices stay on record" in driftgate("notices", "send").words
    assert driftgate("notices", "list", "--state", "sent", "--json").document["notices"] == []
    assert driftgate("notices", "list", "--state", "lost").code == 2
    assert driftgate("sign-off", "unsubscribe", waiting, "--as", "eve", "--json").document["subscribers"] == []


def test_notices_without_an_address_are_only_kept_when_there_is_a_mail_server(
    driftgate, waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    from governance.settings import settings

    driftgate("sign-off", "back-to-feedback", waiting)
    driftgate("sign-off", "request-approval", waiting, "--notify", "hana")
    monkeypatch.setenv("DRIFTGATE_MAIL_URL", "mailto://hal:secret99@127.0.0.1:1?from=driftgate@localhost")
    settings.cache_clear()
    sent = driftgate("notices", "send", "--json")
    assert sent.document == {"mail_server": True, "sent": 0, "failed": 0, "kept": 1}
    assert "secret99" not in sent.out + sent.err
    (kept,) = driftgate("notices", "list", "--state", "kept", "--json").document["notices"]
    assert kept["problem"] == "no e-mail address of hana is known"
    assert "hana" in driftgate("notices", "list").words


def test_nothing_recurs_before_its_time(driftgate, waiting) -> None:
    assert driftgate("sign-off", "recur", "--json").document == {"recurred": []}
    assert "nothing has expired" in driftgate("sign-off", "recur").words


@pytest.mark.parametrize("reference", ["default/1", "loans/default/1", "1", "latest"])
def test_what_is_signed_is_named_by_number_or_by_path(driftgate, waiting, reference: str) -> None:
    assert driftgate("sign-off", "show", reference, "--json").document["path"] == "loans/default/1"


@pytest.mark.parametrize("reference", ["bundle-9", "other/default/1", "default/9", "loans/default"])
def test_a_path_of_nothing_that_is_signed_is_answered_with_what_there_is(driftgate, waiting, reference: str) -> None:
    done = driftgate("sign-off", "approve", reference, "--as", "hana")
    assert done.code in {1, 2}
    assert "There is no" in done.words


def test_the_whole_way_of_an_emergency(driftgate, trained, project) -> None:
    number = trained()
    project.write_text(project.read_text().replace("[hana]", "[hana, ines]"))
    asked = driftgate("override", "request", number, "--reason", "fraud doubled", "--json").document
    assert (asked["override"], asked["path"], asked["environment"]) == (1, "loans/default/1", "prod")
    alone = driftgate("override", "confirm", 1, "--as", "ada")
    assert alone.code == 1
    assert "a second person has to agree" in alone.words
    (refused,) = driftgate("audit", "list", "--tag", "version:activation_refused", "--json").document["lines"]
    assert (refused["subject"], refused["actor"], refused["after"]["override"]) == ("loans/default/1", "ada", 1)
    assert driftgate("override", "confirm", 1, "--as", "hana", "--json").document["confirmed_by"] == "hana"
    assert driftgate("version", "show", "active", "--json").document["version"] == number
    assert driftgate("override", "confirm", 1, "--as", "ines").code == 1
    assert driftgate("override", "review", 1, "--comment", "right", "--as", "hana").code == 1
    assert driftgate("override", "review", 1, "--comment", "right", "--as", "ines").code == 0
    (listed,) = driftgate("override", "list", "--json").document["overrides"]
    assert (listed["requested_by"], listed["confirmed_by"], listed["reviewed_by"]) == ("ada", "hana", "ines")
    assert listed["reason"] == "fraud doubled"
    assert "doubled" in driftgate("override", "list").words
    assert driftgate("override", "confirm", 7).code == 2


def test_a_policy_is_changed_and_shown_beside_what_the_file_says(driftgate, trained) -> None:
    trained()
    changed = driftgate("environment", "policy", "test", "prevent", "--json").document
    assert (changed["before"], changed["policy"]) == ("warn", "prevent")
    listed = driftgate("environment", "list", "--json").document["environments"]
    assert [(one["environment"], one["policy"], one["declared"]) for one in listed] == [
        ("dev", "always", "always"), ("prod", "prevent", "prevent"), ("test", "prevent", "warn"),
    ]  # fmt: skip
    assert driftgate("version", "activate", "1", "-e", "test", "--confirm").code == 1
    assert driftgate("environment", "policy", "stage", "warn").code == 2


def test_environments_are_listed_before_anything_is_recorded(driftgate, project) -> None:
    listed = driftgate("environment", "list", "--json").document["environments"]
    assert {one["environment"]: one["policy"] for one in listed} == {"dev": "always", "prod": "prevent", "test": "warn"}
