"""Every error has one status, and is told as problem details."""

import json

import pytest
from starlette.requests import Request

from governance import errors
from governance.web.problems import CARRIED, REFUSALS, STATUSES, Problem, Refusal, problem_of
from tests.house.test_errors import every_error, made

RAISED = [error for error in every_error() if not error.__subclasses__() or "__init__" in vars(error)]


def request(**headers):
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "path": "/api/v1/x", "headers": sent, "query_string": b"", "server": ("h", 1)})


def told(error, **headers):
    answer = problem_of(request(**headers), error)
    return answer, json.loads(answer.body)


def test_every_error_that_can_be_raised_has_a_status():
    assert set(STATUSES) == set(RAISED)


def test_every_refusal_that_is_about_http_has_a_status():
    assert set(REFUSALS) == set(Refusal)


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.__name__)
def test_it_is_told_with_its_sentence_and_all_that_a_machine_may_want(error):
    refusal = made(error)
    answer, document = told(refusal)
    assert answer.media_type == "application/problem+json"
    assert Problem.model_validate(document).model_dump(exclude_none=True)
    assert document["detail"] == str(refusal)
    assert document["status"] == answer.status_code == STATUSES[error]
    assert document["type"].endswith(f":{error.__name__}")
    assert document["title"]
    assert document["instance"] == "/api/v1/x"
    for name in CARRIED:
        if hasattr(refusal, name):
            value = getattr(refusal, name)
            assert document[name] == (list(value) if isinstance(value, tuple) else str(value))


def test_who_is_not_known_is_told_how_to_be():
    answer, _ = told(errors.NotLoggedIn("nobody", "log in"))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="driftgate"')


def test_who_has_to_wait_is_told_how_long():
    answer, _ = told(errors.TooManyAttempts(7))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize(("headers", "status"), [({}, 409), ({"if_match": '"3"'}, 412)])
def test_who_said_what_they_had_seen_is_told_that_the_precondition_failed(headers, status):
    assert told(errors.ChangedMeanwhile("it", "3", "4"), **headers)[0].status_code == status
