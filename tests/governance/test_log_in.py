"""Logging in: passwords, how long the next must wait, what a secret is good for, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from threading import Barrier
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine
from sqlmodel import Session, select

from governance import people
from governance.audit import Actor, Tag, note
from governance.database import reading, transaction
from governance.errors import NotLoggedIn, TooManyAttempts
from governance.people import LoggedIn, Refusal, passwords
from governance.people.limits import LONGEST_WAIT_SECONDS, seconds_after
from governance.tables import ApiToken, AuditEvent, LogIn, LogInAttempt, User
from governance.vocabulary import Origin, Right, UserKind
from tests.governance.world import NOON

PASSWORD = "correct horse battery"
ROOT = Actor("root")
WRONG = Refusal()


@dataclass
class Door:
    """A database with ada and root, and somebody who tries to get in."""

    engine: Engine

    def try_in(
        self, name: str = "ada", password: str = PASSWORD, *, after: float = 0, address: str = "192.0.2.7"
    ) -> LoggedIn | Refusal:
        with transaction(self.engine) as session:
            return people.log_in(session, name, password, address=address, at=NOON + timedelta(seconds=after))

    def let_in(self, name: str = "ada", *, after: float = 0) -> str:
        said = self.try_in(name, after=after)
        assert isinstance(said, LoggedIn)
        return said.secret

    def fail(self, times: int, **details: Any) -> None:
        for _ in range(times):
            assert self.try_in(password="wrong", **details) == WRONG

    def who(self, secret: str, *, after: float = 0) -> Actor:
        with reading(self.engine) as session:
            return people.identify(session, secret, origin=Origin.API, at=NOON + timedelta(seconds=after))

    def act(self, service: Callable[..., Any], name: str, /, **details: Any) -> Any:
        with transaction(self.engine) as session:
            usual = {"actor": ROOT, "at": NOON}
            return service(session, people.find_user(session, name), **(usual | details))

    def rows(self, kind: type[Any]) -> list[Any]:
        with Session(self.engine) as session:
            return list(session.exec(select(kind)))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed in no time, where how is not the question."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("governance.people.passwords._hasher", lambda: hasher)


@pytest.fixture
def door(database: Engine, cheap: None) -> Door:
    with transaction(database) as session:
        people.create_administrator(session, "root", password=PASSWORD, actor=ROOT, at=NOON)
        people.create_user(session, "ada", password=PASSWORD, actor=ROOT, at=NOON)
    return Door(database)


# Passwords.


def test_a_password_is_kept_as_argon2id_with_the_parameters_of_rfc_9106_for_little_memory() -> None:
    kept = passwords.hash_of(PASSWORD, "ada")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.is_right(kept, PASSWORD)
    assert not passwords.is_right(kept, PASSWORD + " ")
    assert passwords.hash_of(PASSWORD, "ada") != kept, "each has a salt of its own"


def test_a_password_is_the_same_however_its_letters_were_typed() -> None:
    kept = passwords.hash_of("caf\u00e9 caf\u00e9 caf\u00e9", "ada")
    assert passwords.is_right(kept, "cafe\u0301 cafe\u0301 cafe\u0301")


@pytest.mark.parametrize("password", ["", "x" * 5_000_000, "\ud800" * 12, PASSWORD])
def test_nothing_is_right_where_there_is_no_password(password: str) -> None:
    assert passwords.is_right(None, password) is False


def test_a_hash_that_is_broken_is_right_for_nobody() -> None:
    assert passwords.is_right("$argon2id$nonsense", PASSWORD) is False


def test_the_hash_that_is_checked_for_nobody_costs_as_much_as_any_other() -> None:
    assert not passwords.is_outdated(passwords.NOBODYS)


def test_a_wrong_name_takes_as_long_as_a_wrong_password(database: Engine) -> None:
    with transaction(database) as session:
        people.create_administrator(session, "root", password=PASSWORD, actor=ROOT, at=NOON)
    door = Door(database)

    def seconds(name: str, turn: int) -> float:
        began = time.process_time()
        door.try_in(name, "wrong wrong", after=turn * 3600, address=f"192.0.2.{turn}")
        return time.process_time() - began

    known = median(seconds("root", turn) for turn in range(5))
    unknown = median(seconds("nobody", turn) for turn in range(5, 10))
    assert 0.5 < known / unknown < 2


def test_passwords_that_are_made_up_differ_and_are_long_enough() -> None:
    made = {people.new_password() for _ in range(100)}
    assert len(made) == 100
    assert all(len(password) == 24 for password in made)


# Who gets in.


def test_who_knows_the_password_is_in_for_twelve_hours(door: Door) -> None:
    said = door.try_in()
    assert isinstance(said, LoggedIn)
    assert said.secret.startswith("dgs_")
    assert said.secret not in repr(said)
    assert door.who(said.secret, after=12 * 3600 - 1) == Actor("ada", Origin.API)
    with pytest.raises(NotLoggedIn, match="the log-in of ada expired on 2026-01-16 00:00 UTC"):
        door.who(said.secret, after=12 * 3600)


def test_what_is_kept_of_a_log_in_lets_nobody_in(door: Door) -> None:
    secret = door.let_in()
    (row,) = door.rows(LogIn)
    assert secret not in row.model_dump_json()
    with pytest.raises(NotLoggedIn):
        door.who("dgs_" + row.secret_hash)


def test_nobody_is_told_whether_the_name_or_the_password_is_wrong(door: Door) -> None:
    door.act(people.deactivate_user, "ada")
    with transaction(door.engine) as session:
        people.create_user(session, "bot", kind=UserKind.SERVICE, actor=ROOT, at=NOON)
        people.create_user(session, "elsewhere", subject="i 1", actor=ROOT, at=NOON)
    tries = [("root", "wrong"), ("nobody", PASSWORD), ("ada", PASSWORD), ("bot", PASSWORD), ("elsewhere", PASSWORD)]
    tries += [("root", ""), ("", ""), ("root\x00", PASSWORD), ("ROOT", PASSWORD), ("\ud800", "\ud800"), ("x" * 999, "")]
    for number, (name, password) in enumerate(tries):
        said = door.try_in(name, password, address=f"192.0.2.{number}", after=number * 3600)
        assert said == WRONG, name
        assert str(said.error()).startswith("Not logged in: the name or the password is wrong;")


def test_every_log_in_is_in_the_trail_and_no_password_is(door: Door) -> None:
    door.fail(1)
    door.try_in("<b>nobody\x00", "hunter2 hunter2")
    secret = door.let_in()
    with transaction(door.engine) as session:
        assert people.log_out(session, secret, at=NOON)
    lines = [line for line in door.rows(AuditEvent) if "log" in line.tag]
    assert [(line.tag, line.actor, line.subject, line.after) for line in lines] == [
        ("user:log_in_failed", "driftgate", "user:ada", {"address": "192.0.2.7"}),
        ("user:log_in_failed", "driftgate", "user:", {"address": "192.0.2.7"}),
        ("user:logged_in", "ada", "user:ada", {"address": "192.0.2.7"}),
        ("user:logged_out", "ada", "user:ada", None),
    ]
    assert all(line.number is not None for line in lines)


def test_who_logs_out_is_nobody_any_more(door: Door) -> None:
    secret, other = door.let_in(), door.let_in()
    for expected in (True, False):
        with transaction(door.engine) as session:
            assert people.log_out(session, secret, at=NOON) is expected
    with pytest.raises(NotLoggedIn, match="the log-in of ada was ended"):
        door.who(secret)
    assert door.who(other).name == "ada"


def test_a_password_that_was_kept_with_other_parameters_is_kept_anew(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {user.name: user.password_hash for user in door.rows(User)}["ada"]
    hasher = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr("governance.people.passwords._hasher", lambda: hasher)
    door.let_in()
    after = {user.name: user.password_hash for user in door.rows(User)}["ada"]
    assert "t=1" in before
    assert "t=2" in after
    door.let_in()


# What ends a secret.


ENDS: dict[str, Callable[[Door], object]] = {
    "deactivated": lambda door: door.act(people.deactivate_user, "ada"),
    "another password": lambda door: door.act(people.set_password, "ada", password="another good password"),
}


@pytest.mark.parametrize("end", ENDS)
def test_every_log_in_and_every_token_of_a_user_ends_at_once(door: Door, end: str) -> None:
    log_ins = [door.let_in(), door.let_in()]
    of_root = door.let_in("root")
    scope = {"scope": {Right.READ}, "expires_at": NOON + timedelta(days=9)}
    _, token = door.act(people.create_token, "ada", name="n", actor=Actor("ada"), **scope)
    assert door.who(token).scope == {Right.READ}
    ENDS[end](door)
    for secret in (*log_ins, token):
        with pytest.raises(NotLoggedIn):
            door.who(secret)
    assert door.who(of_root).name == "root"
    assert door.rows(AuditEvent)[-1].after == {"log_ins_ended": 2, "tokens_revoked": 1}
    if end == "deactivated":
        assert door.try_in() == WRONG
        door.act(people.reactivate_user, "ada")
        with pytest.raises(NotLoggedIn):
            door.who(token)
        door.let_in()
    else:
        assert door.try_in() == WRONG
        assert isinstance(door.try_in(password="another good password"), LoggedIn)


def test_a_token_ends_at_its_time_and_a_clock_moved_back_does_not_bring_it_back(door: Door) -> None:
    expiry = NOON + timedelta(days=1)
    _, token = door.act(people.create_token, "ada", name="n", scope={Right.READ}, expires_at=expiry, actor=Actor("ada"))
    assert door.who(token, after=86_399).name == "ada"
    with pytest.raises(NotLoggedIn, match="the token of ada expired on 2026-01-16 12:00 UTC"):
        door.who(token, after=86_400)
    with transaction(door.engine) as session:
        note(session, Tag.PROJECT_CHANGED, "credit", actor=ROOT, at=expiry)
    with pytest.raises(NotLoggedIn, match="expired"):
        door.who(token, after=60)


@pytest.mark.parametrize("secret", ["", "dg_", "dgs_", "dg_nobody's", "Bearer dg_x", "\x00", "\ud800", "x" * 100_000])
def test_what_is_no_secret_is_nobody(door: Door, secret: str) -> None:
    with pytest.raises(NotLoggedIn, match="is none that is known here"):
        door.who(secret)


def test_the_last_use_of_a_token_is_known_to_within_five_minutes(door: Door) -> None:
    _, token = door.act(
        people.create_token,
        "ada",
        name="n",
        scope={Right.READ},
        expires_at=NOON + timedelta(days=9),
        actor=Actor("ada"),
    )
    written = []
    for minutes in (0, 1, 4, 6, 12):
        with transaction(door.engine) as session:
            written.append(people.note_use(session, token, at=NOON + timedelta(minutes=minutes)))
    assert written == [True, False, False, True, True]
    assert door.rows(ApiToken)[0].used_at == NOON + timedelta(minutes=12)
    with transaction(door.engine) as session:
        assert not people.note_use(session, door_secret := "dgs_x", at=NOON), door_secret


# How long the next must wait.


def test_after_five_failures_a_name_waits_twice_as_long_each_time(door: Door) -> None:
    door.fail(5)
    assert door.try_in() == Refusal(1)
    assert isinstance(door.try_in(after=1), LoggedIn)
    door.fail(1, after=1)
    assert door.try_in(after=2.5) == Refusal(1)
    door.fail(1, after=3)
    assert door.try_in(after=3) == Refusal(4)
    assert isinstance(door.try_in("root", after=3), LoggedIn), "others are not kept waiting"


def test_nobody_locks_out_somebody_else(door: Door) -> None:
    door.fail(5, address="203.0.113.9")
    assert door.try_in(address="203.0.113.9") == Refusal(1)
    assert isinstance(door.try_in(), LoggedIn)


def test_after_fifty_failures_from_everywhere_a_name_waits_where_it_never_was(door: Door) -> None:
    door.let_in()
    with transaction(door.engine) as session:
        session.add_all(
            LogInAttempt(name=name, address=f"203.0.113.{number}", at=NOON)
            for name in ("ada", "nobody")
            for number in range(49)
        )
    door.fail(1, address="203.0.113.50")
    door.fail(1, name="nobody", address="203.0.113.50")
    for name in ("ada", "nobody"):
        assert door.try_in(name, address="198.51.100.1") == Refusal(1), "known or not"
    assert isinstance(door.try_in(), LoggedIn), "she was here before"
    assert isinstance(door.try_in("root", address="198.51.100.1"), LoggedIn)
    assert isinstance(door.try_in(address="198.51.100.1", after=1), LoggedIn)


def test_a_current_password_that_is_wrong_is_a_log_in_that_failed(door: Door) -> None:
    def change(current: str, *, after: float = 0) -> User | Refusal:
        about = {"actor": Actor("ada"), "address": "192.0.2.7", "at": NOON + timedelta(seconds=after)}
        said: User | Refusal = door.act(
            people.set_password, "ada", password="another good password", current=current, **about
        )
        return said

    for _ in range(5):
        said = change("wrong")
        assert isinstance(said, Refusal)
        assert str(said.error()) == (
            "user:ada: 'set password' is refused: the current password is wrong, or was not given."
        )
    line = door.rows(AuditEvent)[-1]
    assert (line.tag, line.subject, line.actor) == ("user:log_in_failed", "user:ada", "ada")
    assert line.after == {"address": "192.0.2.7", "for": "user:password_set"}
    assert change(PASSWORD) == Refusal(1), "even the right one is not looked at"
    assert door.try_in() == Refusal(1)
    assert len(door.rows(LogInAttempt)) == 5
    assert isinstance(change(PASSWORD, after=1), User)


def test_an_address_that_tries_many_names_waits_too(door: Door) -> None:
    for number in range(20):
        door.fail(1, name=f"name{number}")
    assert door.try_in("root") == Refusal(1)
    assert isinstance(door.try_in("root", address="198.51.100.1"), LoggedIn)


def test_while_somebody_waits_nothing_is_looked_at_and_nothing_counted(door: Door) -> None:
    door.fail(5)
    lines, attempts = len(door.rows(AuditEvent)), len(door.rows(LogInAttempt))
    assert door.try_in() == Refusal(1)
    error = Refusal(7).error()
    assert isinstance(error, TooManyAttempts)
    assert str(error) == "Too many log-ins have failed; try again in 7 seconds."
    assert (len(door.rows(AuditEvent)), len(door.rows(LogInAttempt))) == (lines, attempts)


def test_failures_are_forgotten_after_a_quarter_of_an_hour(door: Door) -> None:
    door.fail(5)
    assert isinstance(door.try_in(after=901), LoggedIn)


def test_a_clock_moved_back_does_not_shorten_the_wait(door: Door) -> None:
    door.fail(5, after=200)
    assert door.try_in(after=100) == Refusal(101)
    with transaction(door.engine) as session:
        session.add_all(LogInAttempt(name="root", address="192.0.2.7", at=NOON + timedelta(days=30)) for _ in range(5))
    assert door.try_in("root", after=200) == Refusal(LONGEST_WAIT_SECONDS)


def test_the_wait_grows_to_a_quarter_of_an_hour() -> None:
    waits = [seconds_after(failures, 5) for failures in range(30)]
    assert waits[:8] == [0, 0, 0, 0, 0, 1, 2, 4]
    assert waits == sorted(waits)
    assert waits[-1] == seconds_after(10**9, 5) == LONGEST_WAIT_SECONDS


def test_of_many_guesses_at_once_only_the_free_ones_are_looked_at(door: Door) -> None:
    barrier = Barrier(12)

    def guess(number: int) -> LoggedIn | Refusal:
        barrier.wait()
        return door.try_in(password=f"guess {number}")

    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(guess, range(12)))
    assert said.count(WRONG) == 5
    assert said.count(Refusal(1)) == 7
    assert len(door.rows(LogInAttempt)) == 5


def test_a_log_in_never_outlives_the_password_it_was_made_with(door: Door) -> None:
    barrier = Barrier(2)

    def change(turn: int) -> None:
        barrier.wait()
        door.act(people.set_password, "ada", password=f"good password {turn}")

    for turn in range(1, 9):
        before = PASSWORD if turn == 1 else f"good password {turn - 1}"
        with ThreadPoolExecutor(1) as pool:
            changing = pool.submit(change, turn)
            barrier.wait()
            said = door.try_in(password=before, address=f"192.0.2.{turn}", after=turn)
            changing.result()
        if isinstance(said, LoggedIn):
            with pytest.raises(NotLoggedIn):
                door.who(said.secret)
