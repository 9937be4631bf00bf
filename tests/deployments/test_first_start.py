"""The first start: nobody is ever locked out by it, and whoever owns the home folder gets in again."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from deployments.servers.first_start import close
from governance import authorisation, people
from governance.audit import list_events
from governance.database import open_database, transaction
from governance.settings import Settings
from governance.vocabulary import SYSTEM, Origin
from tests.workplace import Driftgate, Outcome


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("governance.people.passwords._hasher", lambda: hasher)


def looking(settings: Settings, ask: Callable[[Session], Any]) -> Any:
    engine = open_database(settings.database, audit_key=settings.audit_key_bytes)
    try:
        with transaction(engine) as session:
            return ask(session)
    finally:
        engine.dispose()


def test_the_first_start_makes_an_administrator_who_is_logged_in_and_can_log_in(tmp_path: Path) -> None:
    settings, said = Settings(home=tmp_path, user="ada"), []
    close(settings, said.append)
    assert said[0] == "The administrator is ada, logged in at this home."
    password = said[1].removeprefix("Password, shown this one time: ")
    now, secret = datetime.now(UTC), settings.secret
    assert secret is not None
    actor = looking(settings, lambda session: people.identify(session, secret, origin=Origin.COMMAND, at=now))
    assert actor.name == "ada"
    proof = looking(
        settings, lambda session: people.log_in(session, "ada", password, address="", at=now, origin=Origin.COMMAND)
    )
    assert isinstance(proof, people.LoggedIn)

    close(settings, said.append)
    assert len(said) == 2, "there is an administrator already"
    assert settings.secret == secret


def test_a_log_in_that_can_not_be_kept_leaves_the_installation_open(tmp_path: Path) -> None:
    settings, said = Settings(home=tmp_path, user="ada"), []
    settings.log_in_file.mkdir()
    with pytest.raises(OSError, match="log-in"):
        close(settings, said.append)
    assert said == []
    assert not looking(settings, authorisation.has_users)
    assert not list(tmp_path.glob("tmp*")), "a half-written secret was left behind"

    settings.log_in_file.rmdir()
    close(settings, said.append)
    assert looking(settings, authorisation.has_users)


@pytest.mark.parametrize("failing", ["The administrator", "Password"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_password_that_nobody_was_told_is_nobodys(tmp_path: Path, failing: str, error: BaseException) -> None:
    settings = Settings(home=tmp_path, user="ada")

    def full(line: str) -> None:
        if line.startswith(failing):
            raise error

    with pytest.raises(type(error)):
        close(settings, full)
    assert not looking(settings, authorisation.has_users)
    assert settings.secret is None


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch, driftgate: Driftgate) -> Callable[..., Outcome]:
    """Call ``driftgate`` with lines on its standard input."""

    def call(lines: str, *arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return driftgate(*arguments)

    return call


RECOVER = ("user", "set-password", "ada", "--recover")


def test_who_owns_the_home_gets_in_again_and_the_trail_says_so(
    driftgate: Driftgate, typing: Callable[..., Outcome], home: Path
) -> None:
    assert driftgate("user", "create-admin", "ada", "--generate").code == 0
    assert driftgate("log-out").code == 0
    assert driftgate("user", "set-password", "ada", "--generate").code == 1, "nobody is logged in"

    made = driftgate(*RECOVER, "--generate", "--json")
    assert made.code == 0, made.words
    assert not made.document["logged_in"]
    assert typing(f"{made.document['password']}\n", "log-in", "ada", "--password-stdin").code == 0

    settings = Settings(home=home / ".driftgate")
    lines = looking(
        settings,
        lambda session: [(row.actor, row.subject, row.after) for row in list_events(session, actor=SYSTEM).rows],
    )
    ((actor, subject, after),) = [line for line in lines if "because" in (line[2] or {})]
    assert (actor, subject) == ("driftgate", "user:ada")
    assert after["because"].startswith("recovered by the owner of the home, terminal of user ")
    assert driftgate("audit", "verify").code == 0


def test_nobody_else_recovers_a_password(driftgate: Driftgate, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    shutil.rmtree(home / ".driftgate")
    assert "you are not the user of this machine who owns" in driftgate(*RECOVER, "--generate").words
    assert not (home / ".driftgate").exists(), "a home that is new has nobody to recover"
    assert driftgate("user", "create-admin", "ada", "--generate").code == 0
    monkeypatch.setattr(os, "getuid", lambda: (home / ".driftgate").stat().st_uid + 1)
    refused = driftgate(*RECOVER, "--generate")
    assert refused.code == 1
    assert f"you are not the user of this machine who owns {home / '.driftgate'}" in refused.words


def test_whose_password_is_recovered_is_said(driftgate: Driftgate) -> None:
    assert driftgate("user", "create-admin", "ada", "--generate").code == 0
    refused = driftgate("user", "set-password", "--recover", "--generate")
    assert (refused.code, "add the name of the user" in refused.words) == (2, True)
