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
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import inspect
from sqlmodel import Session, SQLModel, select

from governance import items
from governance.artifacts import digest
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
    set_password,
    take_role_away,
)
from governance.registry import find_project
from governance.tables import (
    Activation,
    ApiToken,
    Assignment,
    AuditEvent,
    FinalApproval,
    LogInAttempt,
    ModelVersion,
    SignOff,
)
from governance.vocabulary import Role, SignOffAction, SignOffStatus
from governance.web import create_app
from tests.governance.tampering import tamper
from tests.governance.web.conftest import ADA, PASSWORD, Api, settings_of
from tests.governance.web.filled import CONFIGURATION, fill
from tests.governance.world import FINN, NOON, WILL

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
    activation_refused(api, second, "no line of the audit trail says that finn approved it", ("prod",))


def test_an_approval_forged_for_the_right_content_opens_no_environment(api):
    version = api.world.version()
    tamper(
        api.world.engine,
        "INSERT INTO final_approval (item_id, round, author, verdict, comment, content_digest, created_at) "
        f"SELECT item_id, 1, 'finn', 'APPROVED', '', '{version.manifest_digest}', changed_at FROM sign_off",
        "UPDATE sign_off SET status = 'APPROVED'",
    )
    activation_refused(api, version, "no line of the audit trail says that finn approved it", ("prod",))


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


def test_a_removed_member_gets_their_old_answer_again_and_does_nothing_by_it(api, waiting):
    key = {"Idempotency-Key": "approve-1"}
    first = api.post(signing(api, waiting, "approve"), {}, by="finn", headers=key)
    api.post(signing(api, waiting, "reset"), {})
    api.post(signing(api, waiting, "request_approval"), {})
    take_away(api, "finn", Role.APPROVER)
    with nothing_changes(api.world):
        assert api("POST", signing(api, waiting, "approve"), {}, by="finn", headers=key).json() == first
    approval_refused(api, waiting, "There is no item", status=404, headers={"Idempotency-Key": "approve-2"})


def test_an_approval_of_an_earlier_revision_is_refused_if_it_says_which_it_saw(api, waiting):
    seen = {"If-Match": '"1"'}
    api.post(signing(api, waiting, "back_to_feedback"), {})
    api.post(signing(api, waiting, "request_approval"), {})
    says = "was changed meanwhile: expected revision 1, found revision 3; look at it again"
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
    assign(api, "finn", Role.CONTRIBUTOR)
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
        body = {"verdict": "APPROVED", "group": "risk_compliance"}
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
        signing(regulated, version, "add_feedback"), {"verdict": "APPROVED", "group": "risk_compliance"}, by="rosa"
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
        approval_refused(regulated, version, "otto is not a final approver", by="otto")


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
    body = {"verdict": "APPROVED", "group": "risk"}
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
    body, allowed = {"environment": "prod"}, ("ALLOWED", [])
    regulated.secrets.clear()
    regulated.world.acts += 365 * 24 * 60 - 30
    verdict = regulated.get("/projects/credit/models/fraud/versions/1/verdicts")["environments"]["prod"]
    assert (verdict["decision"], verdict["reasons"]) == allowed, "until then it holds"
    regulated.world.acts += 31
    assert regulated.world.sign_off(version).status is SignOffStatus.APPROVED
    says = f"the approval expired on {until:%Y-%m-%d %H:%M} UTC"
    refused(regulated, "POST", activating(version), body, by="will", status=409, says=says, besides=REFUSALS_ARE_KEPT)


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
    body = {"verdict": "APPROVED", "group": "risk"}
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
    says = "robot is a service account"
    refused(api, "POST", "/roles", place, by="ada", status=409, says=says)
    tamper(  # nor if somebody had written it into the database
        api.world.engine,
        """INSERT INTO assignment (project_id, person, role, "group") SELECT id, 'robot', 'approver', '' FROM project""",
        "UPDATE api_token SET scope = :scope",
        scope=json.dumps(["read", "write", "approve", "administer"]),
    )
    approval_refused(api, waiting, "robot is not a final approver", by="robot")


# Routes that are for others.

ADMINISTERS = {
    "create_user", "change_user", "set_password", "deactivate_user", "reactivate_user", "create_group", "add_to_group",
    "remove_from_group", "assign_role", "take_role_away", "create_token", "revoke_token", "draft_template",
    "change_template", "activate_template", "archive_template", "set_policy",
}  # fmt: skip
"""What only administrators do; of the tokens, users and passwords: those of others."""

WRITES = {
    "make_bundle", "export_bundle", "import_bundle", "activate_bundle", "activate_version", "roll_back", "govern_item",
    "move_item", "hide_item", "unhide_item", "move_step", "set_field", "set_overview_field", "attach_file",
    "attach_overview_file", "remove_file", "request_override", "subscribe", "unsubscribe",
}  # fmt: skip
"""What contributors do besides; of subscriptions: those of others."""

DECIDES = {"confirm_override", "review_override", "delegate", "end_delegation"}
"""What an approver, or who gives the place away, does."""

READS_EVERYTHING = {"export_audit"}
ANYBODY = {"log_in", "log_out"}

ADMINISTERS_BY_READING = {
    "list_users", "show_user", "list_groups", "show_group", "list_tokens", "verify_audit",
}  # fmt: skip
"""What only administrators see, or who reads everything."""

PLACES = {
    "project": "credit", "model": "fraud", "version": 2, "environment": "test", "item": 1, "user": "flora",
    "group": "office", "template": 1, "override": 1, "bundle": 1, "evaluation": "january", "file": 1, "delegation": 1,
    "step": "exploration", "person": "finn", "field": "notes", "action": "finish",
}  # fmt: skip
FILES = {
    "attach_file": "supporting_documents",
    "attach_overview_file": "attachments",
    "set_overview_field": "description",
}
OF_A_SIGN_OFF = {"delegate", "end_delegation", "subscribe", "unsubscribe"}


@dataclass
class Operation:
    """One operation of the API, with a request that is right."""

    method: str
    path: str
    name: str
    body: object = None
    query: dict = field(default_factory=dict)
    strings: tuple = ()
    options: dict = field(default_factory=dict)

    @property
    def address(self):
        return self.path.removeprefix("/api/v1").format(
            **{key: quote(str(one), safe="") for key, one in self.query.items()}
        )

    def __call__(self, api, *, by=None, headers=None, **changes):
        options = {**self.options, **changes}
        body = options.pop("body", self.body)
        headers = {**(headers or {}), **({"If-Match": "*"} if self.method in {"PUT", "PATCH", "DELETE"} else {})}
        return api(self.method, options.pop("address", self.address), body, by=by, headers=headers, **options)


def operations(api):
    """Every operation that the API describes, with a request that is right in a world that is filled."""
    document = api.client().get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    waiting = next(row.item_id for row in api.world.read(SignOff) if row.status is SignOffStatus.WAITING_FOR_FEEDBACK)
    role = next(row.id for row in api.world.read(Assignment) if row.person == "flora")
    (token,) = (row.id for row in api.world.read(ApiToken) if row.name == "of Flora")
    exported = api("POST", "/projects/credit/bundles/1/export", by="will").content
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            name = said["operationId"]
            places = PLACES | {"role": role, "token": token, "field": FILES.get(name, "notes")}
            if name.startswith("sign_off_") or name in OF_A_SIGN_OFF:
                places["item"] = waiting
            named = [one for one in said.get("parameters", []) if one["in"] == "path"]
            content = said.get("requestBody", {}).get("content", {})
            body, options = None, {}
            if "application/json" in content:
                body = dict(schemas[content["application/json"]["schema"]["$ref"].rpartition("/")[2]]["examples"][0])
                body |= BODIES.get(name, {})
            elif content:
                options = {"files": {"file": ("notes.txt", b"notes")}}
            if name == "import_bundle":
                options = {"files": {"file": ("bundle.zip", exported)}}
            query = [one for one in said.get("parameters", []) if one["in"] == "query"]
            yield Operation(
                method.upper(), path, name, body, {one["name"]: places.get(one["name"], 1) for one in named},
                tuple(one["name"] for one in query), options,
            )  # fmt: skip


BODIES = {
    "create_user": {"name": "eve", "full_name": "Eve", "email": ""},
    "draft_template": {
        "name": "ours",
        "source": (Path(items.__file__).parents[1] / "templates/standard.yaml").read_text(),
    },
    "make_bundle": {"files": {"project.yaml": CONFIGURATION}, "environment": "prod"},
    "activate_version": {"environment": "dev"},
    "activate_bundle": {"environment": "dev"},
    "roll_back": {"environment": "dev"},
    "request_override": {"version": 1},
    "subscribe": {"person": "flora"},
    "assign_role": {"person": "flora", "role": "administrator", "group": "", "project": None},
    "delegate": {"person": "flora", "to": "will"},
    "create_token": {"expires_at": "2026-12-01T00:00:00Z"},
}


@pytest.fixture
def filled(world):
    """An API on a world with one of everything, and with Rita, who reads, and Nora, who is nobody."""
    secret = fill(world)
    for name in ("rita", "nora"):
        with transaction(world.engine) as session:
            create_user(session, name, actor=ADA, at=world.now())
    api = Api(create_app(world.engine, settings_of(world), clock=world.now), world)
    assign(api, "rita", Role.READER)
    assign(api, "ada", Role.REVIEWER, group="risk")
    expires = (world.now() + timedelta(days=200)).isoformat()
    api.post("/users/flora/tokens", {"name": "of Flora", "scope": ["read"], "expires_at": expires}, by="flora")
    api.secrets["ada"] = secret
    for version in world.read(ModelVersion)[:2]:
        api.post(activating(version), {"environment": "dev"})
    return api


REFUSED_TO = {
    "nora": ADMINISTERS | WRITES | DECIDES | READS_EVERYTHING,
    "rita": ADMINISTERS | WRITES | DECIDES | READS_EVERYTHING,
    "rosa": ADMINISTERS | WRITES | DECIDES | READS_EVERYTHING,
    "will": ADMINISTERS | DECIDES | READS_EVERYTHING,
    "robot": ADMINISTERS | DECIDES | READS_EVERYTHING,
    "finn": (ADMINISTERS | WRITES | READS_EVERYTHING) - {"unsubscribe"},
    None: ADMINISTERS | WRITES | DECIDES | READS_EVERYTHING,
}
"""What each of them must not: nobody at all, who is nobody here, reader, reviewer, contributor, service, approver."""


@pytest.mark.parametrize("who", REFUSED_TO)
def test_every_route_that_is_for_others_is_refused(filled, who):
    known = list(operations(filled))
    acts = {one.name for one in known if one.method != "GET"}
    signs = {name for name in acts if name.startswith("sign_off_")}
    assert acts == ADMINISTERS | WRITES | DECIDES | READS_EVERYTHING | ANYBODY | signs, "each route is for somebody"
    if who == "robot":
        expires = (filled.world.now() + timedelta(days=200)).isoformat()
        body = {"name": "ci", "scope": ["read", "write"], "expires_at": expires}
        filled.secrets["robot"] = filled.post("/users/robot/tokens", body, by="ada")["secret"]
    elif who is not None:
        filled.secret_of(who)
    wanted = REFUSED_TO[who] | signs | ADMINISTERS_BY_READING
    if who in {"will", "rosa", "finn", "robot"}:
        wanted -= signs
    if who is not None:  # the first use of a token is noted
        filled.get("/me", by=who)
    lines = len(filled.world.trail())
    with nothing_changes(filled.world, *REFUSALS_ARE_KEPT, *(["api_token"] if who == "robot" else [])):
        answers = {one.name: one(filled, by=who) for one in known if one.name in wanted}
    of_who_has_a_part = "confirm_override" in wanted and who in {"rosa", "will", "robot"}
    assert [tag for tag, _ in filled.world.trail()[lines:]] == ["version:activation_refused"] * of_who_has_a_part
    assert answers.keys() == wanted
    statuses = {401} if who is None else {403, 404}
    for name, answer in answers.items():
        role = name in signs | DECIDES and who is not None and "item" not in answer.json()["detail"]
        assert answer.status_code in statuses | ({409} if role else set()), (name, answer.text)
        assert len(answer.json()["detail"]) > 20
    if who in {"will", "robot"}:
        plain = {name for name in ADMINISTERS if answers[name].status_code == 403}
        assert plain >= {"create_user", "create_group", "draft_template", "set_policy", "assign_role"}
        assert (
            f"{who} may not administer on the whole installation: that takes" in answers["create_user"].json()["detail"]
        )


def test_the_same_requests_are_right_when_they_come_from_who_may(filled):
    """Else what others are refused would say nothing."""
    known = {one.name: one for one in operations(filled)}
    last = (
        "archive_template",
        "remove_from_group",
        "take_role_away",
        "revoke_token",
        "deactivate_user",
        "reactivate_user",
    )
    wrong = {}
    for name in [*sorted((ADMINISTERS | WRITES) - {*last}), *last, *sorted(ADMINISTERS_BY_READING)]:
        answer = known[name](filled, by="ada")
        if answer.status_code in {400, 401, 403, 404, 422, 428} or answer.status_code >= 500:
            wrong[name] = answer.text
    assert wrong == {}
    assert known["create_token"](filled, by="ada").status_code == 409


# Requests that somebody else's page has a browser send.

FORM = "application/x-www-form-urlencoded"
CROSS_SITE = {
    "no token": ({}, "X-CSRF-Token"),
    "an empty token": ({"X-CSRF-Token": ""}, "X-CSRF-Token"),
    "a guessed token": ({"X-CSRF-Token": "0" * 64}, "X-CSRF-Token"),
    "a token of another log-in": ({"X-CSRF-Token": "other"}, "X-CSRF-Token"),
    "another origin": ({"X-CSRF-Token": "own", "Origin": "https://evil.example"}, "Another site has sent this request"),
    "an origin that begins alike": (
        {"X-CSRF-Token": "own", "Origin": "http://testserver.evil.example"},
        "Another site has sent this request",
    ),
    "no origin at all": ({"X-CSRF-Token": "own", "Origin": "null"}, "Another site has sent this request"),
    "another site, as the browser says": (
        {"X-CSRF-Token": "own", "Sec-Fetch-Site": "cross-site"},
        "Another site has sent this request",
    ),
    "a neighbour, as the browser says": (
        {"X-CSRF-Token": "own", "Sec-Fetch-Site": "same-site"},
        "Another site has sent this request",
    ),
}


def test_a_form_on_another_site_approves_nothing(api, waiting):
    with transaction(api.world.engine) as session:
        set_password(session, find_user(session, "finn"), PASSWORD, actor=ADA, at=api.world.now())
    browser, other = api.client(), api.client()
    sent = {"name": "finn", "password": PASSWORD, "cookie": True}
    tokens = {
        whose: page.post("/api/v1/log-in", json=sent).json()["csrf_token"]
        for whose, page in (("own", browser), ("other", other))
    }
    path = f"/api/v1{signing(api, waiting, 'approve')}"
    for how, (headers, says) in CROSS_SITE.items():
        for kind, content in (("application/json", "{}"), (FORM, "comment=yes"), ("text/plain", '{"comment": "yes"}')):
            shown = {name: tokens.get(value, value) for name, value in headers.items()}
            with nothing_changes(api.world):
                answer = browser.post(path, content=content, headers=shown | {"Content-Type": kind})
            if kind == "application/json":
                assert (answer.status_code, says in answer.json()["detail"]) == (403, True), (how, answer.text)
            else:
                assert answer.status_code in {403, 422}, (how, answer.text)
    ours = {"X-CSRF-Token": tokens["own"], "Origin": "http://testserver"}
    assert browser.post(path, json={}, headers=ours).status_code == 201, "our own page may"


# Names that would lead elsewhere.

TRAVERSALS = [
    "../../../evil", "..", ".", "/etc/passwd", "..\\..\\evil", "a/../../b", "a\tb",
    "evil\u202etxt.exe", "\u200b", " ", "x" * 300, "a\x7fb",
]  # fmt: skip
LABELS = [
    "evil.html",
    "..evil..",
    "a;b=c",
    'quo"te',
    "％2e％2e％2f",
    "．．／evil",
    "ﬁle",
    "naïve ☃.txt",
    "%2e%2e%2fevil",
    "%0d%0aX-Evil: 1",
]
"""Names that look like it and are none: they are kept as they are, and lead nowhere."""


def uploading(api, name):
    item = api.item("credit")["id"]
    escaped = name.encode("utf-8", "surrogatepass").replace(b'"', b"%22")
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + escaped + b'"\r\n\r\nbytes\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Authorization": f"Bearer {api.secret_of('will')}"}
    return api.client().post(f"/api/v1/items/{item}/overview/attachments/files", content=body, headers=headers)


@pytest.fixture
def governed(api):
    with transaction(api.world.engine) as session:
        items.install_templates(session, api.world.now())
    api.post(f"/items/{api.item('credit')['id']}/govern", {"template": "standard", "children": True})
    return api


def test_a_file_whose_name_leads_elsewhere_is_not_taken(governed):
    uploading(governed, "fine.txt")
    for name in TRAVERSALS:
        before = everything(governed.world)
        answer = uploading(governed, name)
        assert 400 <= answer.status_code < 500, (name, answer.text)
        assert everything(governed.world) == before
        assert len(answer.json()["detail"]) > 20


def test_a_file_is_never_kept_or_sent_under_a_name_that_does_anything(governed, tmp_path):
    item = governed.item("credit")["id"]
    for name in LABELS:
        answer = uploading(governed, name)
        assert answer.status_code == 201, (name, answer.text)
        sent = governed("GET", f"/items/{item}/files/{answer.json()['id']}")
        assert sent.content == b"bytes"
        assert "X-Evil" not in sent.headers
        assert re.fullmatch(r"attachment; filename\*=UTF-8''[A-Za-z0-9%._~-]+", sent.headers["content-disposition"])
        assert sent.headers["content-type"] == "application/octet-stream"
    stored = [
        one.relative_to(tmp_path) for one in tmp_path.rglob("*") if one.is_file() and one.read_bytes() == b"bytes"
    ]
    sha256 = hashlib.sha256(b"bytes").hexdigest()
    assert [str(one) for one in stored] == [f"artifacts/files/{sha256[:2]}/{sha256}"]


MEMBERS = [
    "../evil", "../../../../var/evil", "/var/evil", "configuration/../../evil", "configuration\\..\\evil", "C:evil",
    "configuration/./evil", "configuration//evil", "configuration/evil\x00.txt", "configuration/\u202eevil",
]  # fmt: skip


def test_an_archive_whose_members_lead_elsewhere_is_not_brought_in(filled, tmp_path):
    exported = filled("POST", "/projects/credit/bundles/1/export", by="will")
    assert exported.status_code == 200
    whole = zipfile.ZipFile(io.BytesIO(exported.content))
    filled.get("/me", by="ada")
    outside = sorted(tmp_path.rglob("*"))
    for name in MEMBERS:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for member in whole.infolist():
                archive.writestr(member, whole.read(member))
            extra = zipfile.ZipInfo("x" * len(name))
            archive.writestr(extra, b"evil")
        content = packed.getvalue().replace(b"x" * len(name), name.encode()) if name.isascii() else packed.getvalue()
        files = {"file": ("bundle.zip", content)}
        with nothing_changes(filled.world):
            answer = filled("POST", "/bundles", by="ada", files=files)
        assert answer.status_code == 422, (name, answer.text)
        assert "the file" in answer.json()["detail"] and str(tmp_path) not in answer.text
    assert [one for one in sorted(tmp_path.rglob("*")) if "evil" in one.name] == []
    assert {one.name for one in tmp_path.iterdir()} == {one.name for one in outside if one.parent == tmp_path}


def test_a_configuration_whose_names_lead_elsewhere_is_not_packed(filled):
    filled.get("/me", by="will")
    for name in MEMBERS:
        files = {"project.yaml": CONFIGURATION, name: "evil"}
        with nothing_changes(filled.world):
            body = {"environment": "prod", "code_revision": "1", "files": files}
            answer = filled("POST", "/projects/credit/bundles", body, by="will")
        assert answer.status_code == 422, (name, answer.text)


# Text that would be taken for something else.

INJECTIONS = [
    "'; DROP TABLE audit_event; --",
    '" OR 1=1; DELETE FROM "user" WHERE "a"="a',
    "{{7919*7907}}${7919*7907}#{7919*7907}<%= 7919*7907 %>{7919*7907}%(name)s{0.__class__}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\u202eevil\u2066\u200f",
    "a\x00b",
    "half \ud83d",
    "line\r\nSet-Cookie: driftgate=evil",
    "x" * 30_000,
    "!!python/object/apply:os.system ['true']",
    "../../../../etc/passwd",
]
PRODUCT = str(7919 * 7907)


def texts_of(value, place=()):
    """Where in a body there is text."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from texts_of(one, (*place, name))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from texts_of(one, (*place, number))


def put(value, place, text):
    if not place:
        return text
    changed = list(value) if isinstance(value, list) else dict(value)
    changed[place[0]] = put(changed[place[0]], place[1:], text)
    return changed


def found_at(value, place):
    for one in place:
        if not isinstance(value, dict | list) or (isinstance(value, dict) and one not in value):
            return None
        value = value[one]
    return value


WHOLE = {
    "sign_off": {"comment": "", "group": "risk", "notify": ["rosa"], "verdict": "APPROVED"},
    "create_user": {"password": "a long enough password", "subject": "issuer subject", "kind": "person"},
    "change_user": {"full_name": "Eve", "subject": "issuer subject"},
    "delegate": {"group": ""},
    "make_bundle": {"packages": {"numpy": "1"}},
}
"""Fields that the examples leave out."""


def test_text_is_kept_as_it_is_or_refused_and_never_carried_out(filled):
    tables = set(inspect(filled.world.engine).get_table_names())
    counted = {"fields": 0, "kept": 0, "refused": 0}
    half = (
        filled.world.engine.dialect.name == "postgresql"
    )  # of the texts for a field; the other database has the other
    client = filled.client()
    with client:
        for operation in list(operations(filled)):
            if operation.body is None or operation.name == "set_password":
                continue
            kind = "sign_off" if operation.name.startswith("sign_off_") else operation.name
            body = operation.body | WHOLE.get(kind, {})
            for place in texts_of(body):
                counted["fields"] += 1
                for text in INJECTIONS[(counted["fields"] + half) % 2 :: 2]:
                    content = json.dumps(put(body, place, text))
                    headers = {"Content-Type": "application/json", **with_secret(filled.secrets["ada"])}
                    if operation.method in {"PUT", "PATCH"}:
                        headers["If-Match"] = "*"
                    answer = client.request(
                        operation.method, f"/api/v1{operation.address}", content=content, headers=headers
                    )
                    where = (operation.name, place, text[:40], answer.text[:500])
                    assert answer.status_code < 500, where
                    assert PRODUCT not in answer.text, where
                    assert "set-cookie" not in answer.headers or operation.name == "log_in", where
                    counted["kept" if answer.is_success else "refused"] += 1
                    if answer.is_success:
                        assert answer.headers["content-type"] == "application/json"
                        told = found_at(answer.json(), place)
                        assert told is None or isinstance(told, dict | list) or told == text.strip(), where
    assert counted["fields"] > 60 and counted["kept"] > 25 and counted["refused"] > 200, counted
    assert set(inspect(filled.world.engine).get_table_names()) == tables
    assert trail_holds(filled)


def test_text_in_an_address_is_looked_for_or_refused_and_never_carried_out(filled):
    texts = [text for text in INJECTIONS if text.isascii() and len(text) < 200] + [
        "\u202eevil",
        "%ff",
        "id; --",
        "-id,(select 1)",
    ]
    known = [one for one in operations(filled) if one.method == "GET" and not one.name.endswith("outside_log_in")]
    before = everything(filled.world)
    client, asked = filled.client(), 0
    headers = with_secret(filled.secrets["ada"])
    with client:
        places_of = [(one, name) for one in known for name in (*one.strings, *one.query)]
        for turn, (operation, name) in enumerate(places_of):
            for text in texts[turn % 3 :: 3]:  # each text in every third place
                asked += 1
                spelled = "%ff" if text == "%ff" else quote(text, safe="")
                if name in operation.query:
                    places = operation.query | {name: "PLACE"}
                    other = Operation("GET", operation.path, operation.name, query=places)
                    address = other.address.replace("PLACE", spelled)
                else:
                    address = f"{operation.address}?{name}={spelled}"
                answer = client.get(f"/api/v1{address}", headers=headers)
                where = (address, answer.text[:500])
                assert answer.status_code < 500, where
                assert PRODUCT not in answer.text, where
                if answer.is_success and name in operation.strings:
                    assert answer.json()["items"] == [], where
                elif not answer.is_success:
                    assert answer.headers["content-type"] == "application/problem+json", where
    assert asked > 350
    after = everything(filled.world)
    assert {name for name in before if before[name] != after[name]} <= {"api_token"}, "its use is noted"


# The clock is moved back.


def test_nothing_is_done_by_a_clock_that_was_moved_back(api, waiting):
    clock, moved = at_a_time(api)
    moved.secret_of("finn")
    clock.at -= timedelta(hours=1)
    says = "set the clock of this machine right"
    said = approval_refused(moved, waiting, says)
    assert said["detail"].startswith(f"The clock says {clock.at.isoformat()}, but the last line of the audit trail")
    body = {"name": "office"}
    refused(moved, "POST", "/groups", body, by="ada", status=409, says=says, besides=())
    refused(moved, "POST", signing(api, waiting, "back_to_feedback"), {}, by="will", status=409, says=says)
    assert trail_holds(api)


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(minutes=4)], ids=["an hour", "a little"])
def test_an_expired_approval_does_not_hold_again_when_the_clock_is_moved_back(regulated, back):
    version = asked_for(regulated)
    regulated.post(signing(regulated, version, "approve"), {}, by="finn")
    until = regulated.world.sign_off(version).approved_until
    clock, moved = at_a_time(regulated)
    clock.at = until + timedelta(minutes=3)
    moved.secrets.clear()
    regulated.world.acts = int((clock.at - NOON) / timedelta(minutes=1))
    body = {"environment": "prod"}
    says = f"the approval expired on {until:%Y-%m-%d %H:%M} UTC"
    refused(moved, "POST", activating(version), body, by="will", status=409, says=says, besides=REFUSALS_ARE_KEPT)
    clock.at -= back
    assert clock.at < until
    with nothing_changes(regulated.world, *REFUSALS_ARE_KEPT):
        answer = moved("POST", activating(version), body)
    assert answer.status_code == 409, answer.text
    assert (
        moved.get("/projects/credit/models/fraud/versions/1/verdicts")["environments"]["prod"]["decision"] == "REFUSED"
    )
    assert regulated.world.read(Activation) == []


def test_a_token_that_expired_is_none_again_when_the_clock_is_moved_back(api, waiting):
    token = token_of(api, "finn", ["read", "approve"], days=1)
    clock, moved = at_a_time(api)
    clock.at += timedelta(days=2)
    moved.secrets.clear()
    api.world.acts += 2 * 24 * 60
    moved.secret_of("will")  # writes a line
    clock.at -= timedelta(days=2)
    headers = with_secret(token["secret"])
    approval_refused(moved, waiting, "the token of finn expired on ", by=None, status=401, headers=headers)


# Passwords are guessed.


def logging_in(api, name, password, **headers):
    return api.client().post("/api/v1/log-in", json={"name": name, "password": password}, headers=headers)


def test_after_many_wrong_passwords_the_right_one_waits_and_a_clock_moved_back_makes_it_wait_longer(api):
    clock, moved = at_a_time(api)
    assert [logging_in(moved, "ada", "not it").status_code for _ in range(5)] == [401] * 5
    with nothing_changes(api.world):
        answer = logging_in(moved, "ada", PASSWORD, **{"X-Forwarded-For": "10.0.0.1"})
    assert answer.status_code == 429
    seconds = int(answer.headers["retry-after"])
    assert f"try again in {seconds} seconds" in answer.json()["detail"]
    clock.at -= timedelta(hours=1)
    with nothing_changes(api.world):
        answer = logging_in(moved, "ada", PASSWORD)
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) == 900
    clock.at += timedelta(hours=1, seconds=seconds)
    assert logging_in(moved, "ada", PASSWORD).status_code == 200


def test_many_wrong_passwords_for_nobody_are_refused_in_the_same_words(api):
    with transaction(api.world.engine) as session:
        deactivate_user(session, find_user(session, "otto"), actor=ADA, at=api.world.now())
    answers = {}
    for name in ("ada", "nobody", "otto", "robot"):
        _, moved = at_a_time(api)
        answers[name] = []
        for _ in range(6):
            answer = logging_in(moved, name, "not it")
            answers[name].append((answer.status_code, answer.json(), answer.headers.get("retry-after")))
            if len(api.world.read(LogInAttempt)) % 18 == 0:
                api.world.acts += 20
    assert all(one == answers["ada"] for one in answers.values()), answers
    assert [status for status, *_ in answers["ada"]] == [401] * 5 + [429]


# What must be nowhere.


def test_no_secret_is_in_the_trail_in_an_answer_in_the_description_or_in_the_log(api, waiting, caplog):
    secrets = {"password": PASSWORD, "another": "four other random words", "wrong": "hunter2 hunter2 hunter2"}
    with caplog.at_level(logging.DEBUG):
        page = api.client()
        known = page.post("/api/v1/log-in", json={"name": "ada", "password": PASSWORD, "cookie": True}).json()
        secrets["csrf"], secrets["cookie"] = known["csrf_token"], page.cookies["driftgate"]
        secrets["bearer"] = logging_in(api, "ada", PASSWORD).json()["secret"]
        answers = [logging_in(api, "ada", secrets["wrong"])]
        body = {"name": "eve", "password": secrets["another"]}
        api.post("/users", body, by="ada")
        answers.append(api("POST", "/users", body, by="ada"))
        answers.append(api("POST", "/users", body | {"name": 7, "nmae": 1}, by="ada"))
        answers.append(api("POST", "/users", body | {"name": "mallory", "email": "@"}, by="ada"))
        change = {"password": secrets["another"], "current": secrets["wrong"]}
        answers.append(api("PUT", "/users/ada/password", change, by="ada", headers={"If-Match": "*"}))
        token = token_of(api, "ada", ["read", "administer"])
        secrets["token"] = token["secret"]
        headers = with_secret(token["secret"])
        answers.append(api("POST", "/users/ada/tokens", {"name": "x"}, by=None, headers=headers))
        answers.append(api("GET", "/nowhere", by=None, headers=headers))
        page.post("/api/v1/groups", json={"name": "office"}, headers={"X-CSRF-Token": known["csrf_token"]})
        answers.append(page.post("/api/v1/groups", json={"name": "office"}, headers={"X-CSRF-Token": "x"}))
        answers.append(
            page.post("/api/v1/groups", json={"name": "office"}, headers={"X-CSRF-Token": known["csrf_token"]})
        )
        page.post("/api/v1/log-out", headers={"X-CSRF-Token": known["csrf_token"]})
        answers.append(page.get("/api/v1/me", headers=with_secret(secrets["cookie"])))
        key = {"Idempotency-Key": "token-1"}
        expires = (api.world.now() + timedelta(days=1)).isoformat()
        body = {"name": "once", "scope": ["read"], "expires_at": expires}
        secrets["once"] = api.post("/users/will/tokens", body, by="will", headers=key)["secret"]
        again = api("POST", "/users/will/tokens", body, by="will", headers=key)
        assert again.json()["secret"] is None and again.headers["idempotency-replayed"] == "true"
        answers.append(again)
    assert all(not answer.is_success for answer in answers[:-1])
    places = {
        "a table": json.dumps(everything(api.world)),
        "the export": api("POST", "/audit/export", by="ada").text,
        "an answer": "\n".join(f"{answer.url} {answer.text} {answer.headers}" for answer in answers),
        "a list": json.dumps([api.get(path, by="ada") for path in ("/audit", "/users", "/users/ada/tokens", "/me")]),
        "the description": api.client().get("/api/v1/openapi.json").text.replace(PASSWORD, "", 1),  # its example
        "the log": caplog.text,
    }
    assert len(places["the log"]) > 100
    for place, text in places.items():
        assert [name for name, secret in secrets.items() if secret in text] == [], place
