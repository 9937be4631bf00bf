"""What holds for every request: who asks, how it may be refused, and what every answer carries."""

import json
import logging

import pytest

from governance import registry
from governance.web.precautions import DOCUMENT_BYTES, HEADERS


def test_it_answers_to_nobody_whether_it_is_well(open_api):
    answer = open_api("GET", "/health", by=None)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/projects"), ("POST", "/users"), ("POST", "/log-in")])
def test_an_installation_without_users_answers_nobody_and_says_what_to_do(open_api, method, path):
    answer = open_api(method, path, {"name": "ada", "password": "x"} if method == "POST" else None, by=None)
    assert answer.status_code == 401
    assert "driftgate user create-admin" in answer.json()["detail"]


def test_what_is_not_there_is_told_in_problem_details(api):
    answer = api("GET", "/projects/debit")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:driftgate:problem:NotFound", "title": "A name that nothing answers to", "status": 404,
        "detail": "There is no project 'debit'.", "instance": "/api/v1/projects/debit",
    }  # fmt: skip


def test_what_may_not_be_seen_is_not_there_in_the_same_words(api):
    hidden, absent = (api("GET", f"/projects/{name}", by="otto") for name in ("credit", "debit"))
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json()["detail"].replace("credit", "debit") == absent.json()["detail"]
    assert hidden.json().keys() == absent.json().keys()


def test_what_is_no_json_is_malformed_and_what_does_not_fit_is_unusable_with_every_field(api):
    malformed = api("POST", "/users", by="ada", content=b"{", headers={"Content-Type": "application/json"})
    assert (malformed.status_code, malformed.json()["title"]) == (400, "The request is malformed")
    unusable = api("POST", "/users", {"nmae": "x", "email": 7}, by="ada")
    assert unusable.status_code == 422
    assert [one["field"] for one in unusable.json()["errors"]] == ["body.name", "body.email", "body.nmae"]


@pytest.mark.parametrize("text", ["a\x00b", "half \ud83d"], ids=["nul", "surrogate"])
def test_what_no_database_takes_is_refused_with_its_place(api, text):
    content = json.dumps({"name": "x", "full_name": text}).encode()
    answer = api("POST", "/users", by="ada", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "body.full_name" in answer.json()["detail"]


def test_an_address_with_a_nul_in_it_is_malformed(api):
    assert api("GET", "/projects/a%00b").status_code == 400
    assert api("GET", "/projects?name=a%00b").status_code == 400


@pytest.mark.parametrize(("extra", "status"), [(-100, 422), (1, 413)], ids=["just fits", "too large"])
def test_a_body_is_taken_up_to_a_limit(api, extra, status):
    content = b'{"name": "' + b"x" * (DOCUMENT_BYTES + extra) + b'"}'
    answer = api("POST", "/users", by="ada", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status


def test_deep_json_is_refused_and_harms_nobody(api):
    content = b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    answer = api("PUT", "/items/1/overview/description", content=content, headers=headers)
    assert 400 <= answer.status_code < 500
    assert api.get("/me")["name"] == "will"


@pytest.mark.parametrize("path", ["/health", "/projects", "/nowhere", "/projects?name=%00"])
def test_every_answer_keeps_browsers_from_guessing_and_keeping(api, path):
    answer = api("GET", path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_another_method_is_told_which_there_is(api):
    answer = api("PUT", "/projects")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_error_that_nobody_foresaw_leaves_its_traceback_in_the_log_and_nothing_in_the_answer(
    api, monkeypatch, caplog
):
    def broken(*_):
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(registry, "find_environment", broken)
    with caplog.at_level(logging.ERROR, logger="driftgate.web"):
        answer = api("GET", "/projects/credit/environments/prod")
    assert answer.status_code == 500
    assert "swordfish" not in answer.text
    assert answer.json()["id"] in caplog.text
    assert "swordfish" in caplog.text


def test_the_description_loads_nothing_from_elsewhere_and_every_body_has_an_example(api):
    document = api.client().get("/api/v1/openapi.json").json()
    assert api.client().get("/docs").status_code == 404
    assert api.client().get("/api/v1/docs").status_code == 404
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if body is not None:
                name = body["schema"]["$ref"].rpartition("/")[2]
                assert document["components"]["schemas"][name]["examples"], name
