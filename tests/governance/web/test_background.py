"""What is done every minute while the API runs."""

import logging
import threading
from datetime import timedelta

from sqlmodel import Session, col, update

from governance.tables import RepeatedRequest, SignOff
from governance.vocabulary import SignOffStatus
from governance.web.background import duties, every_minute, perform
from governance.web.repeating import KEPT
from tests.governance.web.conftest import settings_of
from tests.governance.web.test_conditions import KEY


def test_an_approval_expires_and_old_answers_are_forgotten(api):
    api.post("/groups", {"name": "office"}, by="ada", headers=KEY)
    much_later = api.world.now() + KEPT + timedelta(days=1)
    perform(duties(api.world.engine, settings_of(api.world), lambda: much_later))
    assert api.world.read(RepeatedRequest) == []


def test_what_has_expired_begins_again(world):
    world.register(people={"writers": ["will"], "final_approvers": ["finn"], "reviewers": {}})
    version = world.approved_version()
    at = world.now()
    with Session(world.engine) as session:
        session.exec(update(SignOff).values(approved_until=at, revision=col(SignOff.revision) + 1))
        session.commit()
    perform(duties(world.engine, settings_of(world), lambda: at + timedelta(minutes=1)))
    assert version.number == 1
    assert [row.status for row in world.read(SignOff)] == [SignOffStatus.NOT_STARTED]


def test_what_fails_is_logged_and_holds_nothing_else_up(caplog):
    done = []

    def broken():
        raise OSError("no mail server")

    with caplog.at_level(logging.ERROR, logger="driftgate.web"):
        perform({"sending notices": broken, "the next": lambda: done.append(1)})
    assert done == [1]
    assert "sending notices has failed" in caplog.text
    assert "no mail server" in caplog.text


def test_it_goes_on_until_the_block_ends(api, monkeypatch):
    rounds = threading.Semaphore(0)
    monkeypatch.setattr("governance.web.background.perform", lambda _: rounds.release())
    with every_minute(api.world.engine, settings_of(api.world), clock=api.world.now, seconds=0.01) as thread:
        assert rounds.acquire(timeout=10)
        assert rounds.acquire(timeout=10)
    assert not thread.is_alive()
