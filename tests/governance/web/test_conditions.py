"""Two people at once, and one request twice: what was seen is compared, what was done is done once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from governance.tables import Item, RepeatedRequest, SignOff, User
from governance.web.repeating import KEPT, forget
from tests.governance.web.test_sessions import make_token, with_secret

KEY = {"Idempotency-Key": "7d1c0d5e-5f0e-4d3c-9d36-0c1b8d3c9b10"}


def policy(api, etag, policy="warn", by="ada"):
    headers = {} if etag is None else {"If-Match": etag}
    return api("PUT", "/projects/credit/environments/prod/policy", {"policy": policy}, by=by, headers=headers)


def test_what_is_read_says_its_revision_and_a_write_that_names_it_is_taken(api):
    seen = api("GET", "/projects/credit/environments/prod")
    assert seen.headers["etag"] == f'"{seen.json()["revision"]}"'
    changed = policy(api, seen.headers["etag"])
    assert changed.status_code == 200
    assert changed.headers["etag"] == f'"{seen.json()["revision"] + 1}"'


def test_a_write_that_has_seen_something_older_is_refused(api):
    seen = api("GET", "/projects/credit/environments/prod").headers["etag"]
    policy(api, seen)
    late = policy(api, seen, "always")
    assert late.status_code == 412
    assert "look at it again" in late.json()["detail"]
    assert api.get("/projects/credit/environments/prod")["policy"] == "warn"


def test_a_write_that_does_not_say_what_it_has_seen_is_refused(api):
    answer = policy(api, None)
    assert (answer.status_code, answer.json()["title"]) == (428, "A precondition is missing")


@pytest.mark.parametrize("etag", ["7", 'W/"7"', '"x"', '"99999999999999999999"'])
def test_what_is_no_revision_is_no_precondition(api, etag):
    assert policy(api, etag).status_code == 422


def test_a_star_takes_whatever_is_there(api):
    assert policy(api, "*").status_code == 200


def test_an_action_heeds_what_its_actor_has_seen(api):
    api.world.version()
    path = f"/items/{api.item('credit/fraud/1')['id']}/sign-off"
    seen = api("GET", path).headers["etag"]
    assert api("POST", f"{path}/request_feedback", {}, headers={"If-Match": seen}).status_code == 201
    late = api("POST", f"{path}/request_approval", {}, headers={"If-Match": seen})
    assert late.status_code == 412
    assert api("POST", f"{path}/back_to_feedback", {}).status_code == 409


def test_a_request_sent_again_is_answered_again_and_not_carried_out_again(api):
    first, again = (api("POST", "/groups", {"name": "office"}, by="ada", headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["etag"] == again.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(api.get("/audit", by="ada", params={"tag": "group:created"})["items"]) == 1


def test_a_key_is_for_one_request(api):
    api("POST", "/groups", {"name": "office"}, by="ada", headers=KEY)
    other = api("POST", "/groups", {"name": "bank"}, by="ada", headers=KEY)
    assert (other.status_code, other.json()["title"]) == (422, "The idempotency key was used for another request")
    assert [one["name"] for one in api.get("/groups", by="ada")["items"]] == ["office"]


def test_a_key_belongs_to_one_user(api):
    api.world.version()
    path = f"/items/{api.item('credit/fraud/1')['id']}/subscriptions"
    answers = [api("POST", path, {}, by=by, headers=KEY).json()["person"] for by in ("will", "rosa")]
    assert answers == ["will", "rosa"]


def test_what_was_refused_may_be_sent_again_with_the_same_key(api):
    api.world.version()
    path = f"/items/{api.item('credit/fraud/1')['id']}/sign-off/add_feedback"
    body = {"verdict": "APPROVED"}
    assert api("POST", path, body, by="rosa", headers=KEY).status_code == 409
    api.post(f"/items/{api.item('credit/fraud/1')['id']}/sign-off/request_feedback", {})
    assert api("POST", path, body, by="rosa", headers=KEY).status_code == 201


def test_a_narrower_token_is_not_told_what_a_wider_one_was_answered(api):
    wide, narrow = (make_token(api, scope=scope)["secret"] for scope in (["read", "write"], ["read"]))
    api.world.version()
    path = f"/items/{api.item('credit/fraud/1')['id']}/sign-off/request_feedback"
    assert api("POST", path, {}, by=None, headers={**KEY, **with_secret(wide)}).status_code == 201
    assert api("POST", path, {}, by=None, headers={**KEY, **with_secret(narrow)}).status_code == 422


def test_a_secret_is_not_kept_to_be_told_again(api):
    body = {"name": "ci", "scope": ["read"], "expires_at": "2026-06-01T00:00:00Z"}
    first, again = (api("POST", "/users/will/tokens", body, headers=KEY).json() for _ in range(2))
    assert first["secret"].startswith("dg_")
    assert again == {**first, "secret": None}
    (row,) = api.world.read(RepeatedRequest)
    assert first["secret"] not in str(row.model_dump())


def test_a_file_sent_again_is_attached_once_though_its_form_is_put_together_anew(api):
    api.post("/items/1/govern", {"template": "standard"})
    path, headers = file_place(api), KEY
    answers = [api("POST", path, files={"file": ("a.txt", b"text")}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    other = api("POST", path, files={"file": ("a.txt", b"other")}, headers=headers)
    assert other.status_code == 422


def file_place(api):
    workflow = api.get("/items/1/workflow")
    places = [("overview", field) for field in workflow["overview"]]
    places += [(f"steps/{step['key']}/fields", field) for step in workflow["steps"] for field in step["fields"]]
    return next(f"/items/1/{place}/{field['key']}/files" for place, field in places if field["kind"] == "file")


def test_of_many_that_send_the_same_at_the_same_time_one_acts_and_all_are_told(api):
    api.world.version()
    path = f"/items/{api.item('credit/fraud/1')['id']}/sign-off/request_feedback"
    api.secret_of("will")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: api("POST", path, {"comment": "now"}, headers=KEY), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    (sign_off,) = api.world.read(SignOff)
    assert sign_off.revision == 1


def test_of_many_that_have_seen_the_same_one_wins(api):
    seen = api("GET", "/projects/credit/environments/prod").headers["etag"]
    api.secret_of("ada")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: policy(api, seen).status_code, range(8)))
    assert sorted(answers) == [200] + [412] * 7


def test_an_answer_is_forgotten_after_some_days(api):
    from governance.database import transaction

    api("POST", "/groups", {"name": "office"}, by="ada", headers=KEY)
    (row,) = api.world.read(RepeatedRequest)
    for late, left in [(KEPT, 1), (KEPT * 2, 0)]:
        with transaction(api.world.engine) as session:
            forget(session, at=row.created_at + late)
        assert len(api.world.read(RepeatedRequest)) == left


def test_a_commit_that_fails_is_no_success(api, monkeypatch):
    from governance import chain

    def broken(*_):
        raise RuntimeError("the disk is full")

    api.secret_of("ada")
    monkeypatch.setattr(chain, "seal", broken)
    before = len(api.world.read(User))
    assert api("POST", "/users", {"name": "new"}, by="ada", headers=KEY).status_code == 500
    assert len(api.world.read(User)) == before
    assert not api.world.read(RepeatedRequest)
    assert api.world.read(Item)
