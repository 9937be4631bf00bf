"""What holds for every request: who asks, how it may be refused, and what every answer carries."""

import errno
import hashlib
import json
import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep

import anyio
import pytest
from sqlalchemy import exc

from governance import registry
from governance.web.installation import WRITERS
from governance.web.precautions import DOCUMENT_BYTES, HEADERS, _Said


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


def orig(**words):
    return type("Said", (Exception,), words)()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exc.OperationalError("SELECT 1", {}, orig()), 503),
        (exc.InterfaceError("SELECT 1", {}, orig()), 503),
        (exc.TimeoutError("QueuePool limit reached"), 503),
        (exc.DBAPIError("SELECT 1", {}, orig(), connection_invalidated=True), 503),
        (exc.DBAPIError("SELECT 1", {}, orig()), 500),
        (exc.OperationalError("INSERT", {}, orig(sqlite_errorname="SQLITE_FULL")), 507),
        (exc.OperationalError("INSERT", {}, orig(sqlstate="53100")), 507),
        (OSError(errno.ENOSPC, "No space left on device", "/srv/secret"), 507),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/srv/secret"), 507),
        (PermissionError(errno.EACCES, "Permission denied", "/srv/secret"), 503),
        (TimeoutError("slow disk at /srv/secret"), 503),
    ],
    ids=str,
)
def test_what_is_busy_gone_or_full_is_told_apart_without_where_it_is(api, monkeypatch, caplog, error, status):
    def broken(*_):
        raise error

    monkeypatch.setattr(registry, "find_environment", broken)
    path = "/projects/credit/environments/prod"
    with caplog.at_level(logging.ERROR, logger="driftgate.web"):
        answer = api("GET", path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/srv" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503 and isinstance(error, exc.SQLAlchemyError))
    assert status == 503 or answer.json()["id"] in caplog.text
    assert caplog.records[0].exc_info[1] is error
    if status != 500:
        described = api.client().get("/api/v1/openapi.json").json()
        assert (
            str(status)
            in described["paths"]["/api/v1/projects/{project}/environments/{environment}"]["get"]["responses"]
        )


FILES = "/items/1/overview/attachments/files"
LARGE = b"x" * (DOCUMENT_BYTES + 1)


@pytest.mark.parametrize("path", [FILES, "/bundles", "/items/1/steps/a/fields/b/files"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nobody"}], ids=["nobody", "unknown"])
def test_of_nobody_who_is_not_known_a_file_is_taken(api, monkeypatch, path, headers):
    read = []
    monkeypatch.setattr("governance.web.precautions._Said.take", lambda _, piece: read.append(piece))
    answer = api("POST", path, by=None, files={"file": ("a", LARGE)}, headers=headers)
    assert (answer.status_code, read) == (401, [])
    assert answer.headers["connection"] == "close"
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize(
    ("path", "by"), [("/log-in", None), ("/log-in", "will"), ("/groups", "ada"), ("/nowhere", "ada")]
)
def test_a_form_that_is_sent_where_no_file_is_taken_is_no_larger_than_a_document(api, path, by):
    assert api("POST", path, by=by, files={"file": ("a", LARGE)}).status_code == 413


def test_a_file_of_somebody_who_is_known_is_taken_up_to_its_own_limit(api, monkeypatch):
    monkeypatch.setattr("governance.web.precautions.FILES_BYTES", DOCUMENT_BYTES + 5000)
    api.post("/items/1/govern", {"template": "standard"})
    api.post(FILES, files={"file": ("a", LARGE)})
    assert api("POST", FILES, files={"file": ("a", LARGE * 2)}).status_code == 413


@pytest.mark.parametrize("at", range(1, 12))
def test_the_digest_of_a_form_is_that_of_all_but_its_boundary_however_it_comes_in_pieces(at):
    body = b"--bbab\r\nbbabab\r\nbabbabbba--bbab--"
    said = _Said(b"bba")
    for start in range(0, len(body), at):
        said.take(body[start : start + at])
    assert said.hexdigest() == hashlib.sha256(body.replace(b"bba", b"")).hexdigest()


def test_a_body_that_does_not_arrive_is_not_waited_for(api, monkeypatch):
    monkeypatch.setattr("governance.web.precautions.DOCUMENT_SECONDS", 0.05)
    told = []

    async def never():
        await anyio.sleep(60)

    async def answered(message):
        told.append(message)

    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/api/v1/log-in", "raw_path": b"",
             "query_string": b"", "root_path": "", "scheme": "http", "server": ("h", 1), "headers": []}  # fmt: skip
    anyio.run(api.app, scope, never, answered)
    assert told[0]["status"] == 408
    assert json.loads(told[1]["body"])["type"].endswith(":TooSlow")


def test_whoever_reads_is_answered_while_another_process_writes_and_so_is_whoever_waits_in_vain(api):
    if api.world.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no lock that all who write wait for")
    end = (api.world.now() + timedelta(days=30)).isoformat()
    token = api.post("/users/will/tokens", {"name": "t", "scope": ["read"], "expires_at": end})["secret"]
    bearer = {"Authorization": f"Bearer {token}"}
    api.secret_of("ada")
    answers = []
    file = api.world.engine.url.database
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writers = [
            Thread(target=lambda n=n: answers.append(api("POST", "/groups", {"name": f"g{n}"}, by="ada").status_code))
            for n in range(WRITERS + 5)
        ]
        for writer in writers:
            writer.start()
        while len(answers) < 5:
            sleep(0.01)
        assert answers == [503] * 5  # the house is full
        began = monotonic()
        assert [api("GET", "/projects", by=None, headers=bearer).status_code for _ in range(3)] == [200] * 3
        assert monotonic() - began < 10
        other.execute("ROLLBACK")
    for writer in writers:
        writer.join()
    assert answers.count(503) == 5
    assert 201 in answers[5:]


def test_nobody_who_writes_nowhere_has_an_archive_looked_into(api, monkeypatch):
    looked = []
    monkeypatch.setattr("governance.bundles.unpacked", lambda *_, **__: looked.append(1))
    for name in ("otto", "stranger", "finn"):
        assert api("POST", "/bundles", files={"file": ("b.zip", b"PK")}, by=name).status_code == 403, name
    assert looked == []
