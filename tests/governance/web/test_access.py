"""No route is a way around the rights: whoever may only read writes nowhere, and sees nothing that is not theirs."""

import pytest
from sqlmodel import select

from governance.database import reading
from governance.tables import AuditEvent
from governance.web import create_app
from tests.governance.web.conftest import Api, settings_of
from tests.governance.web.filled import fill

NUMBERS = {"version": "1", "item": "3", "template": "1", "override": "1", "bundle": "1", "role": "1", "token": "1",
           "file": "1", "delegation": "1"}  # fmt: skip
NAMES = {"project": "credit", "model": "fraud", "environment": "prod", "user": "ada", "group": "office", "person": "will",
         "evaluation": "january", "step": "development", "field": "notes", "action": "finish"}  # fmt: skip

OWN = {"/log-out", "/log-in"}
"""Writes that are about nobody but who asks."""


@pytest.fixture
def api(world):
    fill(world)
    return Api(create_app(world.engine, settings_of(world), clock=world.now), world)


def routes(api, *, writing):
    """Every route with an address of something that is there, and a body that is right."""
    document = api.app.openapi()
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if (method != "get") is not writing or operation.get("security") == []:
                continue
            content = operation.get("requestBody", {}).get("content", {})
            options = {}
            if "application/json" in content:
                name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
                options["body"] = schemas[name]["examples"][0]
            elif content:
                options["files"] = {"file": ("a.txt", b"text")}
            yield method.upper(), path.removeprefix("/api/v1").format(**NUMBERS, **NAMES), options


def lines(api):
    with reading(api.world.engine) as session:
        return len(session.exec(select(AuditEvent)).all())


def test_nobody_reaches_anything(api):
    for writing in (False, True):
        for method, path, options in routes(api, writing=writing):
            assert api(method, path, by=None, headers={"If-Match": "*"}, **options).status_code == 401, (method, path)


def test_who_may_only_read_writes_nowhere(api):
    api.secret_of("otto")
    before = lines(api)
    for method, path, options in routes(api, writing=True):
        if path not in OWN:
            status = api(method, path, by="otto", headers={"If-Match": "*"}, **options).status_code
            assert status in {403, 404, 409, 422}, (method, path, status)
    assert lines(api) == before


def test_who_is_nothing_on_a_project_sees_nothing_of_it(api):
    with_role = {path: api("GET", path, by="will").status_code for _, path, _ in routes(api, writing=False)}
    assert sum(status == 200 for status in with_role.values()) > 25
    for path, status in with_role.items():
        answer = api("GET", path, by="stranger")
        seen = answer.json().get("items") if answer.status_code == 200 and "items" in answer.json() else None
        if path in {"/me", "/templates", "/templates/1"}:
            assert answer.status_code == 200
        elif path == "/audit":
            assert {line["subject"] for line in seen} <= {"user:stranger"}, "of themselves only"
        elif seen is not None:
            assert seen == [], path
        else:
            assert answer.status_code in {403, 404}, (path, status)


def test_a_contributor_administers_nothing(api):
    for method, path, options in [
        ("POST", "/users", {"body": {"name": "mallory"}}),
        ("POST", "/groups", {"body": {"name": "gang"}}),
        ("POST", "/roles", {"body": {"person": "will", "role": "approver", "project": "credit"}}),
        ("POST", "/roles", {"body": {"person": "will", "role": "administrator"}}),
        ("PUT", "/projects/credit/environments/prod/policy", {"body": {"policy": "always"}}),
        ("POST", "/templates", {"body": {"name": "lax", "source": "title: Lax"}}),
        ("POST", "/audit/export", {}),
        ("GET", "/users", {}),
        ("GET", "/audit/verification", {}),
    ]:
        answer = api(method, path, by="will", headers={"If-Match": "*"}, **options)
        assert answer.status_code == 403, (path, answer.text)
        assert answer.json()["title"] == "The roles of who acts don't give the right"


def test_a_service_account_approves_nothing(api):
    number = api.item("credit/fraud/2")["id"]
    api.post(f"/items/{number}/sign-off/request_approval", {})
    answer = api("POST", "/roles", {"person": "robot", "role": "approver", "project": "credit"}, by="ada")
    assert answer.status_code == 409
    assert "service account" in answer.json()["detail"]
