"""Fifty requests at once to a real server, on both databases: one wins, the others are told why, one line is written."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
import uvicorn

from governance.tables import Activation, ActiveVersion, AuditEvent, FinalApproval, UserGroup
from governance.vocabulary import SignOffAction
from governance.web import create_app
from tests.governance.web.conftest import Api, settings_of
from tests.governance.world import WILL

AT_ONCE = 50

BUSY = 503
"""So many write at once that the next is told to come again; nothing was looked at."""


def require_one_winner(answers: list[httpx.Response], late: int) -> None:
    """One was carried out; every other one is told that it came too late, or to come again."""
    told = Counter(answer.status_code for answer in answers)
    assert told[201] == 1
    assert told[late] + told[BUSY] == AT_ONCE - 1, told
    assert told[late] > 0


Ask = Callable[[int], httpx.Response]


@pytest.fixture
def server(api: Api) -> Iterator[str]:
    """The API behind a real port; its clock stands still, since who comes first is not known."""
    for name in ("will", "finn", "flora", "ada"):
        api.secret_of(name)
    at = api.world.now() + timedelta(hours=1)
    app = create_app(api.world.engine, settings_of(api.world), clock=lambda: at)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2 * AT_ONCE)
    running = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
    running.should_exit = True
    thread.join(timeout=20)
    listening.close()
    assert not thread.is_alive()


def all_at_once(ask: Ask) -> list[httpx.Response]:
    """Fifty threads wait for each other, and then ask."""
    barrier = threading.Barrier(AT_ONCE)

    def one(number: int) -> httpx.Response:
        barrier.wait()
        return ask(number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


def post(server: str, path: str, body: Any, secret: str, **headers: str) -> httpx.Response:
    headers |= {"Authorization": f"Bearer {secret}"}
    return httpx.post(f"{server}{path}", json=body, headers=headers, timeout=120)


def lines(api: Api, *tags: str) -> list[AuditEvent]:
    return [line for line in api.world.read(AuditEvent) if line.tag in tags]


def require_whole_trail(api: Api) -> None:
    assert api.get("/audit/verification", by="ada")["problems"] == []


@pytest.mark.parametrize("seen", [{}, {"If-Match": '"1"'}], ids=["whatever is there", "with the revision they saw"])
def test_of_fifty_approvals_at_once_one_is_given(api: Api, server: str, seen: dict[str, str]) -> None:
    version = api.world.version()
    api.world.sign(version, SignOffAction.REQUEST_APPROVAL, WILL)
    path = f"/items/{api.world.item(version).id}/sign-off/approve"
    approvers = [api.secrets[name] for name in ("finn", "flora")]

    answers = all_at_once(lambda number: post(server, path, {}, approvers[number % 2], **seen))

    require_one_winner(answers, 412 if seen else 409)
    for answer in answers:
        if not answer.is_success and answer.status_code != BUSY:
            said = answer.json()["detail"]
            assert "is not possible while the sign-off is APPROVED" in said or "was changed meanwhile" in said
    (winner,) = (answer.json()["final_approval"]["author"] for answer in answers if answer.is_success)
    (approval,) = api.world.read(FinalApproval)
    (line,) = lines(api, "sign_off:approve")
    assert approval.author == line.actor == winner
    assert api.world.sign_off(version).revision == 2
    require_whole_trail(api)


@pytest.mark.parametrize("before", [0, 1], ids=["the first ever", "a later one"])
def test_of_fifty_activations_of_two_versions_at_once_one_is_made(api: Api, server: str, before: int) -> None:
    versions = [api.world.approved_version() for _ in range(3)]
    seen = {"If-Match": f'"{before}"'}
    paths = [f"/projects/credit/models/fraud/versions/{one.number}/activate" for one in versions]
    if before:
        api.post(paths[2], {"environment": "prod"})

    answers = all_at_once(
        lambda number: post(server, paths[number % 2], {"environment": "prod"}, api.secrets["will"], **seen)
    )

    require_one_winner(answers, 412)
    for answer in answers:
        assert (
            answer.is_success
            or answer.status_code == BUSY
            or "was changed meanwhile: expected activation number" in answer.json()["detail"]
        )
    (winner,) = (answer.json()["version"] for answer in answers if answer.is_success)
    assert len(api.world.read(Activation)) == 1 + before
    (active,) = api.world.read(ActiveVersion)
    assert (active.version_id, active.revision) == (versions[winner - 1].id, 1 + before)
    assert len(lines(api, "version:activated")) == 1 + before
    late = [answer for answer in answers if answer.status_code == 412]
    assert len(lines(api, "version:activation_refused")) == len(late), "and each who came too late has a line"
    require_whole_trail(api)


def test_fifty_requests_with_one_key_are_one_act(api: Api, server: str) -> None:
    answers = all_at_once(
        lambda _: post(server, "/groups", {"name": "office"}, api.secrets["ada"], **{"Idempotency-Key": "one"})
    )

    told = Counter(answer.status_code for answer in answers)
    assert told[201] + told[BUSY] == AT_ONCE and told[201] > 1, told
    carried = [answer for answer in answers if answer.is_success]
    assert len({answer.text for answer in carried}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in carried) == 1
    assert len(api.world.read(UserGroup)) == len(lines(api, "group:created")) == 1
    require_whole_trail(api)


def test_fifty_requests_without_a_key_make_one_thing_of_one_name(api: Api, server: str) -> None:
    answers = all_at_once(lambda _: post(server, "/groups", {"name": "office"}, api.secrets["ada"]))

    assert Counter(answer.status_code for answer in answers)[201] == 1
    assert all(a.is_success or a.status_code in {*range(400, 500), BUSY} for a in answers), {a.text for a in answers}
    assert len(api.world.read(UserGroup)) == len(lines(api, "group:created")) == 1
    require_whole_trail(api)


def test_of_fifty_guesses_at_once_only_the_first_few_are_looked_at(api: Api, server: str) -> None:
    def guess(number: int) -> httpx.Response:
        return httpx.post(f"{server}/log-in", json={"name": "ada", "password": f"guess {number}"}, timeout=120)

    answers = all_at_once(guess)

    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: AT_ONCE - 5}
    assert len(lines(api, "user:log_in_failed")) == 5
