"""Every command that shows what is on record asks who looks; in an installation that knows its people nobody is nobody."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import typer
from sqlalchemy import text
from sqlmodel import SQLModel, select

from deployments.cli.main import app
from governance.tables import AuditEvent, Template
from governance.templates import shipped_source
from governance.vocabulary import Role
from tasks import edge
from tests.governance.http_receiver import http_receiver
from tests.workplace import Driftgate, Outcome

PASSWORD = "correct horse battery"

READS = {
    "audit list": (),
    "audit verify": (),
    "audit export": ("trail.jsonl",),
    "bundle list": (),
    "bundle show": (1,),
    "channel reports": (),
    "compare": ("drift",),
    "environment list": (),
    "evidently report": ("20130501T060000-1f2e3d4c", "--output", "report.html"),
    "evidently ui": ("--port", 45871),
    "group list": (),
    "item file": ("loans", 1, "--output", "plan.pdf"),
    "item list": (),
    "item show": ("loans",),
    "metrics export": (),
    "notices list": (),
    "override list": (),
    "project list": (),
    "project show": (),
    "role list": (),
    "scenario last-runs": (),
    "sign-off show": (1,),
    "template list": (),
    "template show": ("standard",),
    "token list": (),
    "user list": (),
    "user show": ("ben",),
    "version document": (1, "--output", "version.html"),
    "version list": (),
    "version show": (1,),
    "who-am-i": (),
}
"""With arguments that find something, if anybody may look."""

OF_FILES = {"audit check-export", "channel list", "drift", "project validate", "template validate"}
"""They look at files that are handed to them, and at nothing on record."""

OTHERS = {
    "abort", "activate", "add", "approve", "archive", "assign", "attach", "back-to-feedback", "backfill", "abandon", "cancel-abandon",
    "change", "check", "confirm", "create", "create-admin", "deactivate", "delegate", "delete-approval",
    "delete-feedback", "demo", "draft", "edit-approval", "edit-feedback", "end-delegation", "evaluate", "feedback",
    "finish", "govern", "hide", "import", "init", "log-in", "log-out", "make", "move", "policy", "reactivate",
    "recur", "reject", "remove", "remove-file", "reopen", "request", "request-approval", "request-feedback", "reset",
    "review", "revoke", "rollback", "run", "score", "send", "serve", "set", "set-password", "skip", "subscribe",
    "take-away", "test", "train", "unhide", "unsubscribe", "watch",
}  # fmt: skip
"""The verbs that write; the services ask for them. ``bundle export`` writes a line of the trail besides."""

TEMPLATES_SEEN = ("regulated", "standard")


def commands(group: typer.Typer = app, before: str = "") -> Iterator[str]:
    """Every command that there is, as people type it."""
    for command in group.registered_commands:
        yield f"{before}{command.name}"
    for nested in group.registered_groups:
        assert nested.typer_instance is not None
        yield from commands(nested.typer_instance, f"{before}{nested.typer_instance.info.name} ")


def test_every_command_is_known_to_read_or_to_write() -> None:
    strangers = set(commands()) - READS.keys() - OF_FILES - {"bundle export"}
    assert {name for name in strangers if name.rpartition(" ")[2] not in OTHERS} == set()
    assert set(READS) | OF_FILES <= set(commands())


@pytest.fixture
def house(driftgate: Driftgate, trained: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> Driftgate:
    """An installation with a version on record, a reader of its project, and an administrator who has logged out."""
    from argon2 import PasswordHasher

    from governance import people

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("governance.people.passwords._hasher", lambda: hasher)
    trained()
    with edge.transaction() as session:
        actor, at = edge.acting("root"), edge.now()
        people.create_administrator(session, "root", password=PASSWORD, actor=actor, at=at)
        for name in ("ben", "gus", "otto"):
            people.create_user(session, name, password=PASSWORD, actor=actor, at=at)
        people.assign_role(session, "otto", Role.READER, project_id=1, actor=actor, at=at)
    return driftgate


def on_record() -> dict[str, list[str]]:
    """All that is in the database."""
    with edge.reading() as session:
        return {
            name: sorted(map(repr, session.connection().execute(text(f'SELECT * FROM "{name}"'))))
            for name in SQLModel.metadata.tables
        }


def test_who_is_not_logged_in_sees_nothing_and_writes_nothing(house: Driftgate, home: Path) -> None:
    before, files = on_record(), set(home.iterdir())
    for command, arguments in READS.items():
        refused = house(*command.split(), *arguments, "--json")
        assert (refused.code, error_of(refused)) == (1, "NotLoggedIn"), command
        assert set(home.iterdir()) == files, command
    assert on_record() == before


def test_what_is_everybody_s_is_not_for_a_reader_of_one_project(house: Driftgate) -> None:
    with logged_in("otto"):
        for command in (
            "user list",
            "user show ben",
            "group list",
            "audit verify",
            "audit export x",
            "token list --for ben",
        ):
            refused = house(*command.split(), "--json")
            assert (refused.code, error_of(refused)) == (1, "NotAllowed"), command
        assert house("user", "show", "otto", "--json").document["email"] == ""
        assert house("bundle", "list").code == 0
    with logged_in("gus"):
        assert "gus may not read on project 'loans'" in house("bundle", "list").words
        assert "gus may not read on project 'loans'" in house("bundle", "show", "1").words


def test_who_may_only_read_a_project_sends_no_test_through_its_channels(
    house: Driftgate, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write_text(project.read_text() + "channels: {team: {url_variable: TEAM_URL}}\n")
    with http_receiver() as hook:
        monkeypatch.setenv("TEAM_URL", hook.url)
        with logged_in("otto"):
            refused = house("channel", "test", "team", "--json")
    assert (refused.code, error_of(refused)) == (1, "NotAllowed")
    assert hook.titles == []


def test_templates_that_come_with_driftgate_are_seen_before_they_are_used(house: Driftgate) -> None:
    with logged_in("otto"):
        before = on_record()
        listed = house("template", "list", "--json").document["templates"]
        assert [(one["template"], one["number"], one["state"]) for one in listed] == [
            (name, 1, "ACTIVE") for name in TEMPLATES_SEEN
        ]
        assert house("template", "show", "standard", "--json").document["source"] == shipped_source("standard")
        assert house("template", "show", "standard", "--number", "2").code == 2
        assert on_record() == before
    with logged_in("root"):
        assert house("item", "govern", "loans", "--template", "standard").code == 0
        after = house("template", "list", "--json").document["templates"]
    assert sorted(one["template"] for one in after) == list(TEMPLATES_SEEN)
    with edge.reading() as session:
        assert len(session.exec(select(Template)).all()) == 2
        assert len(session.exec(select(AuditEvent).where(AuditEvent.tag == "template:activated")).all()) == 2


def error_of(refused: Outcome) -> str:
    """Which error a command answered with."""
    found: str = json.loads(refused.out or refused.err)["error"]["type"]
    return found


def logged_in(name: str) -> AbstractContextManager[None]:
    """Inside, this user acts."""
    from deployments.cli.log_in import proved

    return edge.known_by(proved(name, PASSWORD).secret)
