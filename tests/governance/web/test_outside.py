"""Logging in at an OpenID Connect provider: a real one, that listens on a port and signs its tokens."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from oidc_provider_mock import User as Outsider
from oidc_provider_mock import run_server_in_thread

from governance.database import transaction
from governance.people import create_user, find_user, outside_subject
from governance.tables import LogIn, User
from governance.web import create_app
from governance.web.outside import Provider
from tests.governance.web.conftest import ADA, Api, populate, settings_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

BEGIN = "/api/v1/oidc/log-in"


@pytest.fixture(scope="module")
def issuer():
    known = [
        Outsider(sub="4711", claims={"name": "Rosa Diaz", "preferred_username": "rosa", "email": "will@example.org"}),
        Outsider(sub="4712", claims={"name": "Will Foe", "preferred_username": "will", "email": "ada@example.org"}),
    ]
    with run_server_in_thread(require_nonce=True, user_claims=known) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def api(world, issuer):
    populate(world)
    settings = settings_of(
        world,
        oidc_issuer=f"{issuer}/",
        oidc_client_id="driftgate",
        oidc_client_secret="hush",
        public_url="http://testserver",
    )
    return Api(create_app(world.engine, settings, clock=world.now), world)


def at_the_provider(address, subject):
    """What the browser brings back: the address that the provider sends it to."""
    answer = httpx.post(address, data={"sub": subject}, trust_env=False)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def logged_in(api, subject):
    client = api.client()
    begun = client.get(BEGIN)
    assert begun.status_code == 302
    return client, client.get(at_the_provider(begun.headers["location"], subject))


def test_the_browser_is_sent_with_state_nonce_and_proof(api, issuer):
    begun = api.client().get(BEGIN)
    address = urlsplit(begun.headers["location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}" == issuer
    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "http://testserver/api/v1/oidc/callback"
    assert min(len(query[name]) for name in ("state", "nonce", "code_challenge")) >= 20
    cookie = begun.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "hush" not in cookie


def test_somebody_whom_nobody_knows_yet_becomes_a_user_without_roles_and_is_logged_in(api, issuer):
    client, answer = logged_in(api, "4711")
    assert answer.status_code == 200, answer.text
    me = client.get("/api/v1/me").json()
    assert me["name"] == "rosa-2", "the name is taken, and a provider's name is nobody's"
    assert me["rights_everywhere"] == []
    assert client.get("/api/v1/projects").json()["items"] == []
    (user,) = [row for row in api.world.read(User) if row.name == "rosa-2"]
    assert user.subject == outside_subject(issuer, "4711")


def test_the_same_subject_is_the_same_user_the_next_time(api):
    names = [logged_in(api, "4711")[1].json()["user"] for _ in range(2)]
    assert names == ["rosa-2", "rosa-2"]


def test_neither_a_name_nor_an_address_lets_anybody_be_somebody_else(api):
    client, answer = logged_in(api, "4712")
    assert answer.json()["user"] == "will-2"
    assert client.get("/api/v1/me").json()["email"] == "ada@example.org"
    with transaction(api.world.engine) as session:
        assert find_user(session, "ada").subject is None


def test_a_user_who_was_given_the_subject_beforehand_is_known_with_their_roles(api, issuer):
    with transaction(api.world.engine) as session:
        create_user(session, "rd", subject=outside_subject(issuer, "4711"), actor=ADA, at=api.world.now())
    assert logged_in(api, "4711")[1].json()["user"] == "rd"


def test_a_browser_that_did_not_begin_does_not_end(api):
    begun = api.client().get(BEGIN)
    brought = at_the_provider(begun.headers["location"], "4711")
    answer = api.client().get(brought)
    assert answer.status_code == 401
    assert "not begun here" in answer.json()["detail"]


def test_another_state_is_not_ours(api):
    client = api.client()
    brought = at_the_provider(client.get(BEGIN).headers["location"], "4711")
    state = parse_qs(urlsplit(brought).query)["state"][0]
    assert client.get(brought.replace(state, "x" * len(state))).status_code == 401


def test_what_the_browser_keeps_can_not_be_changed_there(api):
    client = api.client()
    brought = at_the_provider(client.get(BEGIN).headers["location"], "4711")
    kept = client.cookies["driftgate_oidc"].strip('"')
    for forged in ("A" + kept[1:], kept[:-1] + ("0" if kept[-1] != "0" else "1"), "x", ""):
        answer = api.client(cookies={"driftgate_oidc": forged}).get(brought)
        assert answer.status_code == 401


def test_it_has_to_be_ended_within_minutes(api):
    client = api.client()
    brought = at_the_provider(client.get(BEGIN).headers["location"], "4711")
    api.world.acts += 11
    assert client.get(brought).status_code == 401


def test_a_code_serves_once(api):
    client = api.client()
    brought = at_the_provider(client.get(BEGIN).headers["location"], "4711")
    kept = dict(client.cookies)
    assert client.get(brought).status_code == 200
    again = api.client(cookies=kept).get(brought)
    assert (again.status_code, again.json()["title"]) == (
        401,
        "Nobody, or nobody any more, stands behind a name, a password or a token",
    )


def test_a_token_with_another_nonce_is_of_another_log_in(api):
    provider = api.app.state.installation.provider
    first, second = provider.begin(), provider.begin()
    code = parse_qs(urlsplit(at_the_provider(first.address, "4711")).query)["code"][0]
    with pytest.raises(Exception, match="does not confirm this log-in"):
        provider.end(code, nonce=second.nonce, verifier=first.verifier)


def test_a_token_for_somebody_else_is_none_for_us(api, issuer):
    begun = Provider(issuer, "another", "hush", "http://testserver/api/v1/oidc/callback").begin()
    code = parse_qs(urlsplit(at_the_provider(begun.address, "4711")).query)["code"][0]
    ours = api.app.state.installation.provider
    with pytest.raises(Exception, match="does not confirm this log-in"):
        ours.end(code, nonce=begun.nonce, verifier=begun.verifier)


def test_who_denies_is_not_let_in(api):
    client = api.client()
    address = client.get(BEGIN).headers["location"]
    denied = httpx.post(address, data={"action": "deny"}, trust_env=False).headers["location"]
    state = parse_qs(urlsplit(address).query)["state"][0]
    answer = client.get(f"{denied}&state={state}" if "state=" not in denied else denied)
    assert answer.status_code == 401
    assert not [row for row in api.world.read(User) if row.subject]


def test_a_deactivated_user_stays_outside(api, issuer):
    with transaction(api.world.engine) as session:
        create_user(session, "rd", subject=outside_subject(issuer, "4711"), actor=ADA, at=api.world.now())
    api.post("/users/rd/deactivate", by="ada")
    before = len(api.world.read(LogIn))
    assert logged_in(api, "4711")[1].status_code == 401
    assert len(api.world.read(LogIn)) == before


def test_a_provider_that_does_not_answer_is_no_error_of_ours(world):
    populate(world)
    settings = settings_of(world, oidc_issuer="http://127.0.0.1:9", oidc_client_id="driftgate")
    answer = Api(create_app(world.engine, settings, clock=world.now), world).client().get(BEGIN)
    assert (answer.status_code, answer.json()["title"]) == (503, "The OpenID Connect provider does not answer")


def test_without_a_provider_there_is_none(open_api):
    answer = open_api.client().get(BEGIN)
    assert answer.status_code == 404
    assert "DRIFTGATE_OIDC_ISSUER" in answer.json()["detail"]
