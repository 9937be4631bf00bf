"""Attacks, each refused with its reason and without a trace: on what was approved, on who may, on how a request looks."""

import hashlib
import io
import json
import logging
import re
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import pytest
from sqlalchemy import inspect
from sqlmodel import Session, SQLModel, select

from governance import items
from governance.artifacts import digest
from governance.audit import Actor
from governance.database import transaction
from governance.people import (
    add_to_group,
    assign_role,
    create_group,
    create_user,
    deactivate_user,
    find_group,
    find_user,
    remove_from_group,
    take_role_away,
)
from governance.registry import find_project
from governance.tables import Activation, AuditEvent, FinalApproval, LogInAttempt
from governance.vocabulary import Role, SignOffAction, SignOffStatus
from governance.web import create_app
from tests.governance.tampering import tamper
from tests.governance.web.conftest import ADA, PASSWORD, Api, settings_of
from tests.governance.web.filled import fill
from tests.governance.world import FINN, WILL

REQUEST, APPROVE = SignOffAction.REQUEST_APPROVAL, SignOffAction.APPROVE
GATES = ("dev", "test", "prod")
REFUSALS_ARE_KEPT = ("audit_event", "audit_head")
"""Tables in which a refused activation leaves its line; nothing else of it stays."""


def everything(world):
    """Every row of every table, and the hash of every file in the store."""
    with world.engine.connect() as connection:
        tables = {
            table.name: sorted(map(repr, connection.execute(table.select())))
            for table in SQLModel.metadata.sorted_tables
        }
    files = [one for one in world.artifacts.rglob("*") if one.is_file()]
    return tables | {"files": sorted((str(one), hashlib.sha256(one.read_bytes()).hexdigest()) for one in files)}


@contextmanager
def nothing_changes(world, *besides):
    before = everything(world)
    yield
    after = everything(world)
    assert {name for name in before if before[name] != after[name]} <= set(besides)


def with_secret(secret):
    return {"Authorization": f"Bearer {secret}"}


def refused(api, method, path, body=None, *, by, status, says, besides=(), **options):
    """Make a request that must be refused with a sentence, and must change nothing."""
    if by is not None:
        api.secret_of(by)
    with nothing_changes(api.world, *besides):
        answer = api(method, path, body, by=by, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"], answer.json()["detail"]
    return answer.json()


def signing(api, version, action):
    return f"/items/{api.world.item(version).id}/sign-off/{action}"


def activating(version):
    return f"/projects/credit/models/fraud/versions/{version.number}/activate"


def approval_refused(api, version, says, *, by="finn", status=409, **options):
    return refused(api, "POST", signing(api, version, "approve"), {}, by=by, status=status, says=says, **options)


def activation_refused(api, version, says, environments=GATES):
    """Under every policy, also with a confirmation; the gate writes down that it refused."""
    for environment in environments:
        body = {"environment": environment, "confirm": True}
        refused(api, "POST", activating(version), body, by="will", status=409, says=says, besides=REFUSALS_ARE_KEPT)
        assert last_line(api).tag == "version:activation_refused"
    assert api.world.read(Activation) == []


def last_line(api):
    with Session(api.world.engine) as session:
        return session.exec(select(AuditEvent).order_by(AuditEvent.id.desc())).first()


def trail_holds(api):
    return api.get("/audit/verification", by="ada")["problems"] == []


@dataclass
class Clock:
    """A clock that is put where a test wants it; it does not go by itself."""

    at: object

    def __call__(self):
        return self.at


def at_a_time(api):
    """The same installation with a clock that stands still."""
    clock = Clock(api.world.now())
    return clock, Api(create_app(api.world.engine, settings_of(api.world), clock=clock), api.world, api.secrets)


@pytest.fixture
def waiting(api):
    """A version whose sign-off waits for approval."""
    version = api.world.version()
    api.world.sign(version, REQUEST, WILL)
    return version


# What was approved is altered.


@pytest.mark.parametrize("file", ["model.skops", "reference.parquet", "report.json"])
@pytest.mark.parametrize("after_approval", [False, True], ids=["before the approval", "after the approval"])
def test_an_altered_artifact_is_neither_approved_nor_activated(api, waiting, file, after_approval):
    if after_approval:
        api.post(signing(api, waiting, "approve"), {}, by="finn")
    path = api.world.artifacts / waiting.folder / file
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    if not after_approval:
        approval_refused(api, waiting, f"{file} is not what was recorded (expected ")
    activation_refused(api, waiting, f"{file} is not what was recorded (expected ")
    verdicts = api.get(f"/projects/credit/models/fraud/versions/{waiting.number}/verdicts")["environments"]
    assert {one["decision"] for one in verdicts.values()} == {"REFUSED"}
    assert not any(one["overridable"] for one in verdicts.values())


@pytest.mark.parametrize("file", ["model.skops", "reference.parquet"])
def test_a_file_that_is_a_link_to_another_is_neither_approved_nor_activated(api, waiting, file, tmp_path):
    other = tmp_path / "other"
    other.write_text("other")
    path = api.world.artifacts / waiting.folder / file
    path.unlink()
    path.symlink_to(other)
    approval_refused(api, waiting, f"{file} is not what was recorded")
    activation_refused(api, waiting, f"{file} is not what was recorded")


ALTERED_ROWS = {
    "metric": (
        "metrics",
        lambda version: [version.metrics[0] | {"value": 0.999}],
        "the metrics of the version are not",
    ),
    "diagnostic": ("diagnostics", lambda version: [], "the diagnostics of the version are not"),
    "parameter": ("manifest", lambda version: {**version.manifest, "threshold": 0.01}, "recorded: the threshold "),
    "reference": (
        "manifest",
        lambda version: {**version.manifest, "files": version.manifest["files"] | {"reference.parquet": "0" * 64}},
        "reference.parquet",
    ),
}
"""Column, what it is altered to, and what the refusal names."""


@pytest.mark.parametrize("what", ALTERED_ROWS)
@pytest.mark.parametrize("after_approval", [False, True], ids=["before the approval", "after the approval"])
def test_an_altered_row_is_neither_approved_nor_activated(api, waiting, what, after_approval):
    if after_approval:
        api.post(signing(api, waiting, "approve"), {}, by="finn")
    column, changed, says = ALTERED_ROWS[what]
    value = changed(waiting)
    tamper(api.world.engine, f"UPDATE model_version SET {column} = :value", value=json.dumps(value))
    if not after_approval:
        approval_refused(api, waiting, says)
    activation_refused(api, waiting, says)
    if column == "manifest":  # and with the digests that belong to it
        statements = (
            "UPDATE model_version SET manifest_digest = :digest",
            "UPDATE final_approval SET content_digest = :digest",
        )
        tamper(api.world.engine, *statements, digest=digest(value))
        activation_refused(api, waiting, says)


# An approval is used for something else.


def test_an_approval_copied_to_another_version_opens_no_environment(api):
    first, second = api.world.approved_version(), api.world.version()
    one, other = api.world.item(first).id, api.world.item(second).id
    tamper(
        api.world.engine,
        "INSERT INTO final_approval (item_id, round, author, verdict, comment, content_digest, created_at) "
        f"SELECT {other}, 1, author, verdict, comment, content_digest, created_at FROM final_approval WHERE item_id = {one}",
        f"UPDATE sign_off SET status = 'APPROVED' WHERE item_id = {other}",
    )
    assert api.world.sign_off(second).status is SignOffStatus.APPROVED
    said = "the approval is for other content (approved "
    activation_refused(api, second, said)


def test_an_approval_forged_for_the_right_content_opens_no_environment(api):
    version = api.world.version()
    tamper(
        api.world.engine,
        "INSERT INTO final_approval (item_id, round, author, verdict, comment, content_digest, created_at) "
        f"SELECT item_id, 1, 'finn', 'APPROVED', '', '{version.manifest_digest}', changed_at FROM sign_off",
        "UPDATE sign_off SET status = 'APPROVED'",
    )
    activation_refused(api, version, "no line of the audit trail", ("prod",))


def test_the_key_of_an_approval_approves_nothing_else(api, waiting):
    second = api.world.version()
    api.world.sign(second, REQUEST, WILL)
    key = {"Idempotency-Key": "approve-1"}
    api.post(signing(api, waiting, "approve"), {}, by="finn", headers=key)
    says = "This Idempotency-Key was used for another request"
    approval_refused(api, second, says, status=422, headers=key)
    with nothing_changes(api.world):
        again = api("POST", signing(api, waiting, "approve"), {}, by="finn", headers=key)
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.world.read(FinalApproval)) == 1


def test_the_key_of_somebody_else_gives_no_answer_of_theirs(api, waiting):
    key = {"Idempotency-Key": "approve-1"}
    api.post(signing(api, waiting, "approve"), {}, by="finn", headers=key)
    approval_refused(api, waiting, "'approve' is not possible while the sign-off is APPROVED", by="flora", headers=key)
    approval_refused(api, waiting, "There is no item", by="otto", status=404, headers=key)


def test_an_answer_is_not_given_again_to_who_lost_the_right_to_it(api, waiting):
    key = {"Idempotency-Key": "approve-1"}
    api.post(signing(api, waiting, "approve"), {}, by="finn", headers=key)
    take_away(api, "finn", Role.APPROVER)
    approval_refused(api, waiting, "There is no item", status=404, headers=key)


def test_an_approval_of_an_earlier_revision_is_refused_if_it_says_which_it_saw(api, waiting):
    seen = {"If-Match": '"1"'}
    api.post(signing(api, waiting, "back_to_feedback"), {})
    api.post(signing(api, waiting, "request_approval"), {})
    says = "was changed meanwhile: expected 1, found 3; look at it again"
    approval_refused(api, waiting, says, status=412, headers=seen)


def test_an_approval_does_not_outlive_a_reset(api, waiting):
    api.post(signing(api, waiting, "approve"), {}, by="finn")
    api.post(signing(api, waiting, "reset"), {})
    activation_refused(api, waiting, "the sign-off is NOT_STARTED, not APPROVED", ("prod",))


# Nobody decides on their own work.


@pytest.fixture
def regulated(api):
    """Everything is governed by the template ``regulated``; Will also approves, and Rosa speaks for Risk & Compliance."""
    world = api.world
    with transaction(world.engine) as session:
        items.install_templates(session, world.now())
        project, template = items.find_item(session, "credit"), items.find_template(session, "regulated")
        items.govern(session, project, template, children=True, actor=WILL, at=world.now())
    assign(api, "rosa", Role.REVIEWER, group="risk_compliance")
    assign(api, "will", Role.APPROVER)
    return api


def project_id(session):
    return find_project(session, "credit").id


def assign(api, person, role, group=""):
    with transaction(api.world.engine) as session:
        assign_role(session, person, role, project_id=project_id(session), group=group, actor=ADA, at=api.world.now())


def take_away(api, person, role, group=""):
    with transaction(api.world.engine) as session:
        take_role_away(
            session, person, role, project_id=project_id(session), group=group, actor=ADA, at=api.world.now()
        )


def asked_for(api, *, trained_by=WILL, asked_by="will", heard=True):
    """A version that waits for approval."""
    version = api.world.version(trained_by=trained_by)
    api.post(signing(api, version, "request_feedback"), {}, by=asked_by)
    if heard:
        body = {"verdict": "OK", "group": "risk_compliance"}
        api.post(signing(api, version, "add_feedback"), body, by="rosa")
    api.post(signing(api, version, "request_approval"), {}, by=asked_by)
    return version


def test_who_trained_a_version_does_not_approve_it(regulated):
    assign(regulated, "flora", Role.CONTRIBUTOR)
    version = asked_for(regulated, asked_by="flora")
    approval_refused(regulated, version, "will trained the version, and duties are separated", by="will")
    regulated.post(signing(regulated, version, "approve"), {}, by="finn")


def test_who_asked_for_an_approval_does_not_give_it(regulated):
    version = asked_for(regulated, trained_by=FINN)
    approval_refused(regulated, version, "will asked for the sign-off, and duties are separated", by="will")
    regulated.post(signing(regulated, version, "approve"), {}, by="flora")


def test_a_reset_makes_nobody_impartial(regulated):
    version = asked_for(regulated, trained_by=FINN)
    assign(regulated, "flora", Role.CONTRIBUTOR)
    regulated.post(signing(regulated, version, "reject"), {}, by="finn")
    for action in ("reset", "request_feedback"):
        regulated.post(
            signing(regulated, version, action), {"reload_configuration": True} if action == "reset" else {}, by="flora"
        )
    regulated.post(
        signing(regulated, version, "add_feedback"), {"verdict": "OK", "group": "risk_compliance"}, by="rosa"
    )
    regulated.post(signing(regulated, version, "request_approval"), {}, by="flora")
    approval_refused(regulated, version, "will asked for the sign-off, and duties are separated", by="will")


def test_who_trained_a_version_does_not_approve_it_in_the_place_of_another(regulated):
    take_away(regulated, "will", Role.APPROVER)
    version = asked_for(regulated)
    regulated.post(
        f"/items/{regulated.world.item(version).id}/delegations", {"role": "approver", "to": "will"}, by="finn"
    )
    approval_refused(regulated, version, "will trained the version, and duties are separated", by="will")


def test_nobody_stands_in_for_themselves(regulated):
    version = asked_for(regulated)
    path = f"/items/{regulated.world.item(version).id}/delegations"
    body = {"role": "approver", "to": "will"}
    refused(regulated, "POST", path, body, by="will", status=409, says="will can't stand in for will")
    body = {"role": "approver", "to": "will", "person": "finn"}
    refused(
        regulated, "POST", path, body, by="will", status=403, says="the place is finn's, who alone may give it away"
    )


def test_who_trained_a_version_has_nobody_approve_it_in_their_place(regulated):
    version = asked_for(regulated)
    assign(regulated, "otto", Role.READER)
    answer = regulated(
        "POST", f"/items/{regulated.world.item(version).id}/delegations", {"role": "approver", "to": "otto"}, by="will"
    )
    if answer.is_success:
        approval_refused(regulated, version, "will trained the version, and duties are separated", by="otto")


def test_a_rejection_of_ones_own_work_does_not_become_an_approval_by_editing(regulated):
    version = asked_for(regulated)
    regulated.post(signing(regulated, version, "reject"), {}, by="will")
    says = "will trained the version, and duties are separated; will asked for the sign-off"
    refused(regulated, "POST", signing(regulated, version, "edit_to_approved"), {}, by="will", status=409, says=says)


def test_nothing_is_approved_before_those_who_must_be_heard_have_spoken(regulated):
    version = asked_for(regulated, heard=False)
    says = "no feedback of risk_compliance yet, which the template requires"
    approval_refused(regulated, version, says)
    regulated.post(signing(regulated, version, "back_to_feedback"), {}, by="finn")
    body = {"verdict": "OK", "group": "risk"}
    refused(
        regulated, "POST", signing(regulated, version, "add_feedback"), body, by="rosa", status=409,
        says="this sign-off does not ask risk: it asks",
    )  # fmt: skip
    regulated.post(signing(regulated, version, "add_feedback"), body | {"group": "risk_compliance"}, by="rosa")
    regulated.post(signing(regulated, version, "delete_feedback"), {}, by="rosa")
    regulated.post(signing(regulated, version, "request_approval"), {})
    approval_refused(regulated, version, says)


def test_an_expired_approval_opens_nothing_before_anybody_has_said_that_it_expired(regulated):
    version = asked_for(regulated)
    regulated.post(signing(regulated, version, "approve"), {}, by="finn")
    until = regulated.world.sign_off(version).approved_until
    clock, later = at_a_time(regulated)
    later.secrets = {}
    clock.at = until - timedelta(seconds=1)
    body = {"environment": "test"}
    assert later.post(activating(version), body)["decision"] == "ALLOWED"
    clock.at = until
    assert regulated.world.sign_off(version).status is SignOffStatus.APPROVED
    later.secrets = {}
    later.world.acts += 366 * 24 * 60
    says = f"the approval expired on {until:%Y-%m-%d %H:%M} UTC"
    refused(
        later, "POST", activating(version), {"environment": "prod"}, by="will", status=409, says=says,
        besides=REFUSALS_ARE_KEPT,
    )  # fmt: skip


# Who was a member is none any more.


def lose_the_role(api):
    take_away(api, "finn", Role.APPROVER)


def be_deactivated(api):
    with transaction(api.world.engine) as session:
        deactivate_user(session, find_user(session, "finn"), actor=ADA, at=api.world.now())


def leave_the_group(api):
    with transaction(api.world.engine) as session:
        remove_from_group(
            session, find_group(session, "office"), find_user(session, "finn"), actor=ADA, at=api.world.now()
        )


def be_in_a_group_instead(api):
    """Finn approves as a member of a group only."""
    with transaction(api.world.engine) as session:
        create_group(session, "office", actor=ADA, at=api.world.now())
    with transaction(api.world.engine) as session:
        add_to_group(session, find_group(session, "office"), find_user(session, "finn"), actor=ADA, at=api.world.now())
    assign(api, "@office", Role.APPROVER)
    take_away(api, "finn", Role.APPROVER)


def lose_the_role_of_the_group(api):
    take_away(api, "@office", Role.APPROVER)


@pytest.mark.parametrize(
    ("before", "removed", "status", "says"),
    [
        (None, lose_the_role, 404, "There is no item"),
        (None, be_deactivated, 401, "finn is deactivated"),
        (be_in_a_group_instead, leave_the_group, 404, "There is no item"),
        (be_in_a_group_instead, lose_the_role_of_the_group, 404, "There is no item"),
    ],
)
@pytest.mark.parametrize("known_by", ["log-in", "token"])
def test_a_removed_member_does_not_approve(api, waiting, before, removed, status, says, known_by):
    if before is not None:
        before(api)
    if known_by == "token":
        api.secrets["finn"] = token_of(api, "finn", ["read", "approve"])["secret"]
    allowed = api.get(f"/items/{api.world.item(waiting).id}/sign-off", by="finn")["allowed"]
    assert "approve" in allowed, "until then they could"
    removed(api)
    approval_refused(api, waiting, says, status=status)


def test_a_removed_member_who_still_reads_does_not_approve(api, waiting):
    assign(api, "finn", Role.READER)
    lose_the_role(api)
    approval_refused(api, waiting, "finn is not a final approver (people.final_approvers in project.yaml)")


@pytest.mark.parametrize("removed", [lose_the_role, be_deactivated])
def test_who_stands_in_for_a_removed_member_does_not_approve(api, waiting, removed):
    assign(api, "otto", Role.READER)
    path = f"/items/{api.world.item(waiting).id}"
    api.post(f"{path}/delegations", {"role": "approver", "to": "otto"}, by="finn")
    assert "approve" in api.get(f"{path}/sign-off", by="otto")["allowed"], "until then they could"
    removed(api)
    approval_refused(api, waiting, "otto is not a final approver", by="otto")


def test_a_removed_reviewer_does_not_speak(api):
    version = api.world.version()
    api.post(signing(api, version, "request_feedback"), {})
    api.secret_of("rosa")
    take_away(api, "rosa", Role.REVIEWER, group="risk")
    assign(api, "rosa", Role.READER)
    body = {"verdict": "OK", "group": "risk"}
    path = signing(api, version, "add_feedback")
    refused(api, "POST", path, body, by="rosa", status=409, says="rosa is not a member of the feedback group")


# Secrets that stand for nobody.


def token_of(api, name, scope, days=30):
    expires = (api.world.now() + timedelta(days=days)).isoformat()
    return api.post(f"/users/{name}/tokens", {"name": "ci", "scope": scope, "expires_at": expires}, by=name)


def expire(api, token):
    api.world.acts += 31 * 24 * 60
    return "the token of finn expired on "


def revoke(api, token):
    api("DELETE", f"/tokens/{token['id']}", by="finn")
    return "the token of finn was ended"


def deactivate(api, token):
    be_deactivated(api)
    return "finn is deactivated"


def change_the_password(api, token):
    body = {"password": "four other random words"}
    assert api("PUT", "/users/finn/password", body, by="ada", headers={"If-Match": "*"}).status_code == 200
    return "the token of finn was ended"


def guess(api, token):
    token["secret"] = token["secret"][:-1] + ("A" if token["secret"][-1] != "A" else "B")
    return "the token is none that is known here"


def take_the_hash(api, token):
    with api.world.engine.connect() as connection:
        token["secret"] = "dg_" + connection.exec_driver_sql("SELECT secret_hash FROM api_token").scalar_one()
    return "the token is none that is known here"


@pytest.mark.parametrize("end", [expire, revoke, deactivate, change_the_password, guess, take_the_hash])
def test_a_token_that_is_none_any_more_approves_nothing(api, waiting, end):
    token = token_of(api, "finn", ["read", "approve"])
    says = end(api, token)
    headers = with_secret(token["secret"])
    approval_refused(api, waiting, says, by=None, status=401, headers=headers)
    refused(api, "GET", "/me", by=None, status=401, says=says, headers=headers)


@pytest.mark.parametrize("scope", [["read"], ["read", "write"], ["read", "review"], ["administer", "read"]])
def test_a_token_with_too_small_a_scope_approves_nothing(api, waiting, scope):
    headers = with_secret(token_of(api, "finn", scope)["secret"])
    approval_refused(api, waiting, "finn is not a final approver", by=None, headers=headers)


def test_a_token_that_may_only_approve_may_do_nothing_else(api, waiting):
    assign(api, "finn", Role.CONTRIBUTOR)
    api.secrets["finn"] = token_of(api, "finn", ["approve", "read"])["secret"]
    path = f"/items/{api.world.item(waiting).id}/hide"
    says = "the token is only for approve, read"
    refused(api, "POST", path, by="finn", status=403, says=says)


def log_out(api):
    assert api("POST", "/log-out", by="finn").status_code == 204
    return "the log-in of finn was ended"


def set_another_password(api):
    change_the_password(api, None)
    return "the log-in of finn was ended"


def wait_for_the_night(api):
    api.world.acts += 13 * 60
    return "the log-in of finn expired on "


def be_let_go(api):
    be_deactivated(api)
    return "finn is deactivated"


@pytest.mark.parametrize("end", [log_out, set_another_password, wait_for_the_night, be_let_go])
def test_a_log_in_that_has_ended_approves_nothing(api, waiting, end):
    api.secret_of("finn")
    says = end(api)
    approval_refused(api, waiting, says, status=401)


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Token"])
def test_a_secret_under_another_scheme_is_none(api, waiting, scheme):
    headers = {"Authorization": f"{scheme} {api.secret_of('finn')}"}
    approval_refused(api, waiting, "the request does not say who you are", by=None, status=401, headers=headers)


def test_a_secret_in_the_address_is_none(api, waiting):
    params = {"token": api.secret_of("finn"), "access_token": api.secret_of("finn")}
    approval_refused(api, waiting, "the request does not say who you are", by=None, status=401, params=params)


def test_nobody_makes_a_token_for_somebody_else(api):
    body = {"name": "ci", "scope": ["approve"], "expires_at": (api.world.now() + timedelta(days=1)).isoformat()}
    says = "a token for finn would let others act in their name: only finn makes one"
    refused(api, "POST", "/users/finn/tokens", body, by="ada", status=409, says=says)


def test_a_token_makes_no_other_token(api):
    token = token_of(api, "finn", ["read", "approve"])
    body = {"name": "ci", "scope": ["approve"], "expires_at": (api.world.now() + timedelta(days=300)).isoformat()}
    says = "a token makes no other tokens: log in with your password"
    refused(
        api, "POST", "/users/finn/tokens", body, by=None, status=409, says=says, headers=with_secret(token["secret"])
    )


def test_a_service_account_approves_nothing_whatever_it_is_given(api, waiting):
    body = {"name": "ci", "expires_at": (api.world.now() + timedelta(days=1)).isoformat()}
    says = "a service account never has the right to approve"
    path = "/users/robot/tokens"
    refused(api, "POST", path, body | {"scope": ["read", "approve"]}, by="ada", status=409, says=says)
    api.secrets["robot"] = api.post(path, body | {"scope": ["read", "write"]}, by="ada")["secret"]
    place = {"person": "robot", "role": "approver", "project": "credit"}
    given = api("POST", "/roles", place, by="ada")
    if given.status_code == 201:
        place = {"person": "robot", "role": "approver"}
    with transaction(api.world.engine) as session:  # as somebody else might have written it
        known = find_project(session, "credit").id
    tamper(
        api.world.engine,
        f"""INSERT INTO assignment (project_id, person, role, "group") VALUES ({known}, 'robot', 'APPROVER', 'x')""",
        "UPDATE api_token SET scope = :scope",
        scope=json.dumps(["read", "write", "approve", "administer"]),
    )
    approval_refused(api, waiting, "robot is not a final approver", by="robot")
