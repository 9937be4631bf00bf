"""Who stands behind a request: a log-in, its cookie, an API token; and who does not any more."""

from datetime import timedelta

import pytest

from governance.database import transaction
from governance.people import deactivate_user, find_user, set_password
from governance.tables import ApiToken, LogIn, User
from governance.web import create_app
from tests.governance.web.conftest import ADA, PASSWORD, Api, settings_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def log_in(client, name="ada", password=PASSWORD, *, cookie=False, **headers):
    body = {"name": name, "password": password, "cookie": cookie}
    return client.post("/api/v1/log-in", json=body, headers=headers)


def with_secret(secret):
    return {"Authorization": f"Bearer {secret}"}


def test_a_password_gives_a_secret_that_is_shown_once_and_kept_nowhere(api):
    answer = log_in(api.client())
    assert answer.status_code == 200
    secret = answer.json()["secret"]
    assert api("GET", "/me", by=None, headers=with_secret(secret)).json()["name"] == "ada"
    assert "set-cookie" not in answer.headers
    (row,) = api.world.read(LogIn)
    assert secret not in str(row.model_dump())
    assert all(secret not in str(event) for event in api.get("/audit", by="ada")["items"])


def test_a_wrong_password_and_a_wrong_name_are_refused_alike_and_counted(api):
    wrong = [log_in(api.client(), name, "not it") for name in ("ada", "nobody")]
    assert [answer.status_code for answer in wrong] == [401, 401]
    assert wrong[0].json() == wrong[1].json()
    tags = [event["tag"] for event in api.get("/audit", by="ada", params={"tag": "user:log_in_failed"})["items"]]
    assert len(tags) == 2


def test_after_many_wrong_ones_the_next_must_wait(api, monkeypatch):
    at = api.world.now()
    app = create_app(api.world.engine, settings_of(api.world), clock=lambda: at)  # they come all at once
    client = Api(app, api.world).client()
    answers = [log_in(client, password="not it") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert log_in(client).status_code == 429, "the right one has to wait too"


def test_a_cookie_can_be_read_by_no_script_and_goes_nowhere_else(api):
    answer = log_in(api.client(), cookie=True)
    assert answer.json()["secret"] is None
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("driftgate=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie


def test_over_tls_the_cookie_goes_no_other_way(api):
    app = create_app(api.world.engine, settings_of(api.world, public_url="https://gate.test"), clock=api.world.now)
    client = Api(app, api.world).client(base_url="https://gate.test")
    cookie = log_in(client, cookie=True).headers["set-cookie"]
    assert cookie.startswith("__Host-driftgate=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie
    assert client.get("/api/v1/me").json()["name"] == "ada"


def test_a_write_with_a_cookie_needs_what_only_our_pages_know(api):
    client = api.client()
    csrf = log_in(client, cookie=True).json()["csrf_token"]
    assert client.get("/api/v1/me").json()["csrf_token"] == csrf
    for headers in ({}, {"X-CSRF-Token": "x" * 64}, {"X-CSRF-Token": csrf, "Origin": "https://evil.example"},
                    {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site"}):  # fmt: skip
        answer = client.post("/api/v1/groups", json={"name": "office"}, headers=headers)
        assert answer.status_code == 403, headers
        assert answer.json()["title"] == "The request did not come from these pages"
    ours = {"X-CSRF-Token": csrf, "Origin": "http://testserver"}
    assert client.post("/api/v1/groups", json={"name": "office"}, headers=ours).status_code == 201


def test_the_token_of_one_log_in_is_none_for_another(api):
    first, second = api.client(), api.client()
    csrf = log_in(first, cookie=True).json()["csrf_token"]
    log_in(second, cookie=True)
    answer = second.post("/api/v1/groups", json={"name": "office"}, headers={"X-CSRF-Token": csrf})
    assert answer.status_code == 403


def test_a_form_on_another_site_does_nothing(api):
    client = api.client()
    log_in(client, cookie=True)
    before = len(api.world.read(User))
    for content, headers in [("name=evil", FORM), ('{"name": "evil"}', {"Content-Type": "text/plain"})]:
        answer = client.post("/api/v1/users", content=content, headers={**headers, "Origin": "https://evil.example"})
        assert answer.status_code in {403, 422}
    assert len(api.world.read(User)) == before
    foreign = log_in(api.client(), Origin="https://evil.example")
    assert foreign.status_code == 403, "nor does it log anybody in"


def test_a_bearer_needs_no_token_of_a_page(api):
    assert api("POST", "/groups", {"name": "office"}, by="ada").status_code == 201


def test_who_has_logged_out_is_nobody_any_more(api):
    client = api.client()
    csrf = log_in(client, cookie=True).json()["csrf_token"]
    cookie = dict(client.cookies)
    assert client.post("/api/v1/log-out", headers={"X-CSRF-Token": csrf}).status_code == 204
    assert not client.cookies
    assert api.client(cookies=cookie).get("/api/v1/me").status_code == 401


def make_token(api, by="will", scope=("read", "write"), days=30):
    expires = (api.world.now() + timedelta(days=days)).isoformat()
    return api.post(f"/users/{by}/tokens", {"name": "ci", "scope": list(scope), "expires_at": expires}, by=by)


def test_a_token_stands_for_its_user_as_far_as_its_scope_reaches(api):
    token = make_token(api, scope=["read"])
    me = api("GET", "/me", by=None, headers=with_secret(token["secret"])).json()
    assert (me["name"], me["scope"]) == ("will", ["read"])
    api.world.version()
    number = api.item("credit/fraud/1")["id"]
    path = f"/items/{number}/sign-off/request_feedback"
    refused = api("POST", path, {}, by=None, headers=with_secret(token["secret"]))
    assert refused.status_code == 409
    assert api("POST", path, {}).status_code == 201


def test_its_secret_is_shown_once(api):
    token = make_token(api)
    (listed,) = api.get("/users/will/tokens")["items"]
    assert "secret" not in listed
    (row,) = api.world.read(ApiToken)
    assert token["secret"] not in str(row.model_dump())


def test_a_token_says_when_it_was_last_used(api):
    token = make_token(api)
    api("GET", "/me", by=None, headers=with_secret(token["secret"]))
    (listed,) = api.get("/users/will/tokens")["items"]
    assert listed["used_at"] is not None


def expire(api, token):
    api.world.acts += 31 * 24 * 60


def revoke(api, token):
    assert api("DELETE", f"/tokens/{token['id']}").status_code == 200


def deactivate(api, token):
    with transaction(api.world.engine) as session:
        deactivate_user(session, find_user(session, "will"), actor=ADA, at=api.world.now())


def change_password(api, token):
    with transaction(api.world.engine) as session:
        user = find_user(session, "will")
        set_password(session, user, "another four random words", actor=ADA, at=api.world.now())


@pytest.mark.parametrize("end", [expire, revoke, deactivate, change_password])
def test_a_token_ends(api, end):
    token = make_token(api)
    end(api, token)
    answer = api("GET", "/me", by=None, headers=with_secret(token["secret"]))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("secret", ["nonsense", "dg_x", "dgs_x", "é", "x" * 5000])
def test_a_secret_that_nobody_has_given_is_none(api, secret):
    answer = api("GET", "/me", by=None, headers={"Authorization": b"Bearer " + secret.encode()})
    assert answer.status_code == 401


def test_what_somebody_does_is_theirs_and_came_by_the_api(api):
    api.post("/groups", {"name": "office"}, by="ada")
    (event,) = api.get("/audit", by="ada", params={"tag": "group:created"})["items"]
    assert (event["actor"], event["origin"]) == ("ada", "api")


def test_the_keys_of_the_web_tell_nothing_of_the_key_of_the_trail(api):
    house = api.app.state.installation
    keys = {house.key_for("cross-site requests"), house.key_for("log-ins outside"), house.settings.audit_key_bytes}
    assert len(keys) == 3


def test_nobody_is_known_by_the_name_alone(api):
    assert api("GET", "/me", by=None, headers={"Authorization": "Bearer ada", "X-User": "ada"}).status_code == 401
