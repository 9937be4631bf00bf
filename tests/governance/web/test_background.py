"""What is done every minute while the API runs."""

import logging
import threading
from datetime import timedelta

from sqlmodel import Session, col, update

from governance.tables import RepeatedRequest, SignOff
from governance.vocabulary import SignOffStatus
from governance.web.background import SENDING_SECONDS, duties, every_minute, perform
from governance.web.repeating import KEPT
from tests.governance.web.conftest import settings_of
from tests.governance.web.test_conditions import KEY


def test_an_approval_expires_and_old_answers_are_forgotten(api):
    api.post("/groups", {"name": "office"}, by="ada", headers=KEY)
    much_later = api.world.now() + KEPT + timedelta(days=1)
    perform_all(duties(api.world.engine, settings_of(api.world), lambda: much_later))
    assert api.world.read(RepeatedRequest) == []


def test_what_has_expired_begins_again(world):
    world.register(people={"writers": ["will"], "final_approvers": ["finn"], "reviewers": {}})
    version = world.approved_version()
    at = world.now()
    with Session(world.engine) as session:
        session.exec(update(SignOff).values(approved_until=at, revision=col(SignOff.revision) + 1))
        session.commit()
    perform_all(duties(world.engine, settings_of(world), lambda: at + timedelta(minutes=1)))
    assert version.number == 1
    assert [row.status for row in world.read(SignOff)] == [SignOffStatus.NOT_STARTED]


def perform_all(wanted):
    for name, duty in wanted.items():
        perform(name, duty)


def test_what_fails_is_logged_and_is_done_again(api, monkeypatch, caplog):
    tried = threading.Semaphore(0)

    def broken():
        tried.release()
        raise OSError("no mail server")

    monkeypatch.setattr("governance.web.background.duties", lambda *_: {"sending notices": broken})
    with (
        caplog.at_level(logging.ERROR, logger="driftgate.web"),
        every_minute(api.world.engine, settings_of(api.world), clock=api.world.now, seconds=0.01),
    ):
        assert tried.acquire(timeout=10)
        assert tried.acquire(timeout=10)
    assert "sending notices has failed" in caplog.text
    assert "no mail server" in caplog.text


def test_a_duty_that_does_not_end_holds_no_other_up(api, monkeypatch):
    told, rounds = threading.Event(), threading.Semaphore(0)
    wanted = {"sending notices": lambda: told.wait(60), "letting approvals expire": rounds.release}
    monkeypatch.setattr("governance.web.background.duties", lambda *_: wanted)
    with every_minute(api.world.engine, settings_of(api.world), clock=api.world.now, seconds=0.01) as threads:
        assert all(rounds.acquire(timeout=10) for _ in range(3))
        told.set()
    assert [thread.is_alive() for thread in threads] == [False, False]


def test_no_notice_is_begun_after_the_time_for_a_round(world, monkeypatch):
    asked = []
    monkeypatch.setattr("governance.web.background.send_due", lambda *_, enough, **__: asked.append(enough()))
    moments = iter([0.0, SENDING_SECONDS - 1, 0.0, SENDING_SECONDS + 1])
    monkeypatch.setattr("governance.web.background.time.monotonic", lambda: next(moments))
    send = duties(world.engine, settings_of(world), world.now)["sending notices"]
    send()
    send()
    assert asked == [False, True]
