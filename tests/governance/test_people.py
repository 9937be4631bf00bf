"""Users, groups, roles and tokens: who may make and change them, what is refused, and what the trail says."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from governance import people
from governance.audit import SYSTEM, Actor, Tag, note
from governance.authorisation import standing_of
from governance.database import reading, transaction
from governance.errors import (
    ActRefused,
    ChangedMeanwhile,
    DriftgateError,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    UnusableName,
    UnusableValue,
)
from governance.people.naming import usable_name
from governance.tables import Assignment, AuditEvent, ProjectRow, User, UserGroup
from governance.tables.columns import key_of
from governance.vocabulary import Origin, Right, Role, UserKind
from tests.governance.world import NOON

ROOT = Actor("root")
PASSWORD = "correct horse battery"


@dataclass
class Installation:
    """A database and a clock; every act is a transaction."""

    engine: Engine
    minutes: int = 0

    def now(self) -> datetime:
        self.minutes += 1
        return NOON + timedelta(minutes=self.minutes)

    def act(self, service: Callable[..., Any], *arguments: Any, actor: Actor = ROOT, **details: Any) -> Any:
        with transaction(self.engine) as session:
            found = [self._again(session, argument) for argument in arguments]
            return service(session, *found, actor=actor, at=self.now(), **details)

    def _again(self, session: Session, argument: Any) -> Any:
        return session.get_one(type(argument), argument.id) if isinstance(argument, User | UserGroup) else argument

    def user(self, name: str, **details: Any) -> User:
        user: User = self.act(people.create_user, name, **details)
        return user

    def project(self) -> int:
        with transaction(self.engine) as session:
            row = ProjectRow(name="credit", folder="/", created_at=NOON)
            session.add(row)
            session.flush()
            return key_of(row)

    def trail(self) -> list[AuditEvent]:
        with reading(self.engine) as session:
            return list(session.exec(select(AuditEvent).order_by(AuditEvent.id)))

    def rights(self, name: str, project_id: int | None = None) -> set[str]:
        with reading(self.engine) as session:
            return set(standing_of(session, project_id, Actor(name)).rights)


@pytest.fixture
def empty(database: Engine) -> Installation:
    return Installation(database)


@pytest.fixture
def closed(empty: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation with an administrator; passwords are hashed cheaply, which their own tests do not."""
    from argon2 import PasswordHasher

    monkeypatch.setattr(
        "governance.people.passwords._hasher", lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    empty.act(people.create_administrator, "root", password=PASSWORD)
    return empty


# Users.


def test_the_first_user_is_an_administrator_and_nobody_else(empty: Installation) -> None:
    with pytest.raises(ActRefused, match="the first user of an installation is its administrator"):
        empty.user("ada")
    assert empty.trail() == []
    user = empty.act(people.create_administrator, "root", password=PASSWORD)
    assert user.password_hash.startswith("$argon2id$")
    assert empty.rights("root") == {Right.READ, Right.WRITE, Right.ADMINISTER}


def test_the_second_administrator_is_made_by_the_first(closed: Installation) -> None:
    with pytest.raises(NotAllowed):
        closed.act(people.create_administrator, "eve", password=PASSWORD, actor=Actor("eve"))
    closed.act(people.create_administrator, "vera", password=PASSWORD)
    assert Right.ADMINISTER in closed.rights("vera")


def test_an_act_is_one_line_of_the_trail_without_anything_secret(closed: Installation) -> None:
    before = len(closed.trail())
    ada = closed.user("ada", full_name="Ada L.", email="ada@example.org", password=PASSWORD)
    private = {"email": "ada@example.com", "subject": "https://id.example.org 24400320"}
    closed.act(people.change_user, ada, full_name="Ada Lovelace", **private)
    closed.act(people.deactivate_user, ada)
    closed.act(people.reactivate_user, ada)
    closed.act(people.set_password, ada, "another good password")
    team = closed.act(people.create_group, "team")
    closed.act(people.add_to_group, team, ada)
    closed.act(people.remove_from_group, team, ada)
    closed.act(people.assign_role, "ada", Role.READER, project_id=None)
    closed.act(people.take_role_away, "ada", Role.READER, project_id=None)
    token, secret = closed.act(
        people.create_token, ada, name="nightly", scope={Right.READ}, expires_at=NOON + timedelta(days=9),
        actor=Actor("ada"),
    )  # fmt: skip
    closed.act(people.revoke_token, token)
    lines = closed.trail()[before:]
    assert [(line.tag, line.subject) for line in lines] == [
        ("user:created", "user:ada"),
        ("user:changed", "user:ada"),
        ("user:deactivated", "user:ada"),
        ("user:reactivated", "user:ada"),
        ("user:password_set", "user:ada"),
        ("group:created", "group:team"),
        ("group:changed", "group:team"),
        ("group:changed", "group:team"),
        ("role:assigned", "user:ada"),
        ("role:taken_away", "user:ada"),
        ("token:created", "user:ada"),
        ("token:revoked", "user:ada"),
    ]
    assert lines[1].before == {"full_name": "Ada L."}
    assert lines[1].after == {"full_name": "Ada Lovelace", "private": ["email", "subject"]}
    assert lines[6].before == {"members": []}
    assert lines[6].after == {"members": ["ada"]}
    said = json.dumps([[line.before, line.after] for line in lines])
    for hidden in (
        "ada@example.org",
        "example.com",
        "24400320",
        PASSWORD,
        "another good",
        "argon2",
        secret,
        token.secret_hash,
    ):
        assert hidden not in said


def test_what_changes_nothing_writes_nothing(closed: Installation) -> None:
    ada = closed.user("ada", full_name="Ada")
    team = closed.act(people.create_group, "team")
    closed.act(people.add_to_group, team, ada)
    closed.act(people.assign_role, "ada", Role.READER, project_id=None)
    before = len(closed.trail())
    closed.act(people.change_user, ada, full_name="Ada", email="")
    closed.act(people.reactivate_user, ada)
    closed.act(people.add_to_group, team, ada)
    closed.act(people.assign_role, "ada", Role.READER, project_id=None)
    assert len(closed.trail()) == before


@pytest.mark.parametrize("name", ["a", "ada.l_2-b", "ada@example.org", "_apt", "7", "jörg", "x" * 120])
def test_a_name_is_letters_digits_and_some_signs(name: str) -> None:
    assert usable_name("user", name) == name


@pytest.mark.parametrize(
    "name",
    ["", "@ada", "-ada", ".ada", "ada l", "ada/l", "ada\n", "ada\x00", "<b>", "a'--", "x" * 121, "\ud800", "\ufb01nn",
     "driftgate", "DriftGate", "ada\u202e", "{{7*7}}"],
)  # fmt: skip
def test_a_name_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(UnusableName):
        usable_name("user", name)


def test_a_user_has_a_usable_name(closed: Installation) -> None:
    with pytest.raises(UnusableName):
        closed.user("ada\x00")


def test_two_users_never_differ_by_capital_letters_only(closed: Installation) -> None:
    for name, taken in (("Ada", "ada"), ("ben", "BEN"), ("cleo", "cleo"), ("Jörg", "JÖRG")):
        closed.user(name)
        with pytest.raises(UnusableName, match="somebody has that name"):
            closed.user(taken)


UNUSABLE: list[dict[str, Any]] = [
    {"email": "nobody"},
    {"email": "a@b\nBcc: c@d"},
    {"email": "a@b, c@d"},
    {"email": f"{'x' * 250}@b.org"},
    {"full_name": "x" * 201},
    {"full_name": "Ada\nBcc: x"},
    {"full_name": "\x1b[2J"},
    {"password": "short"},
    {"password": "x" * 12},
    {"password": "y" * 5 + "x" * 996},
    {"password": "\ud800 is no text at all"},
    {"password": "ADA@example.ORG"},
    {"kind": UserKind.SERVICE, "password": PASSWORD},
    {"subject": "x" * 401},
]


def test_a_value_that_can_not_be_one_is_refused(closed: Installation) -> None:
    for details in UNUSABLE:
        with pytest.raises(UnusableValue):
            closed.user("ada@example.org", **details)
    with reading(closed.engine) as session:
        assert [user.name for user in people.list_users(session)] == ["root"]


def test_who_changes_what_somebody_else_has_changed_looks_again(closed: Installation) -> None:
    ada = closed.user("ada")
    closed.act(people.change_user, ada, full_name="Ada", expected_revision=0)
    for service, details in (
        (people.change_user, {"full_name": "Other"}),
        (people.deactivate_user, {}),
        (people.set_password, {"password": PASSWORD}),
    ):
        with pytest.raises(ChangedMeanwhile, match="user:ada was changed meanwhile: expected revision 0, found"):
            closed.act(service, ada, expected_revision=0, **details)


ADMINISTERING: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = [
    (people.create_user, ("new",), {}),
    (people.create_administrator, ("new",), {"password": PASSWORD}),
    (people.change_user, ("ben",), {"email": "b@example.org"}),
    (people.deactivate_user, ("ben",), {}),
    (people.reactivate_user, ("ben",), {}),
    (people.set_password, ("ben", PASSWORD), {}),
    (people.create_group, ("new",), {}),
    (people.add_to_group, ("@team", "ben"), {}),
    (people.remove_from_group, ("@team", "ben"), {}),
    (people.assign_role, ("ben", Role.READER), {"project_id": None}),
    (people.take_role_away, ("ben", Role.READER), {"project_id": None}),
    (people.create_token, ("bot",), {"name": "n", "scope": {Right.READ}, "expires_at": NOON + timedelta(days=9)}),
]


STRANGERS = {
    "contributor": Actor("ada"),
    "nobody": Actor("otto"),
    "administrator of one project": Actor("local"),
    "service": Actor("bot"),
    "deactivated": Actor("gone"),
    "token that may not": Actor("root", scope=frozenset({Right.READ, Right.WRITE})),
}


@pytest.mark.parametrize("who", STRANGERS)
def test_people_are_administered_by_administrators_of_everything(closed: Installation, who: str) -> None:
    project_id = closed.project()
    known: dict[str, Any] = {name: closed.user(name) for name in ("ada", "ben", "local", "gone")}
    known["bot"] = closed.user("bot", kind=UserKind.SERVICE)
    known["@team"] = closed.act(people.create_group, "team")
    for name in ("ada", "bot"):
        closed.act(people.assign_role, name, Role.CONTRIBUTOR, project_id=None)
    closed.act(people.assign_role, "gone", Role.ADMINISTRATOR, project_id=None)
    closed.act(people.assign_role, "local", Role.ADMINISTRATOR, project_id=project_id)
    closed.act(people.deactivate_user, known["gone"])
    before = len(closed.trail())
    for service, arguments, details in ADMINISTERING:
        by_name = service in {people.assign_role, people.take_role_away}
        rows = arguments if by_name else tuple(known.get(argument, argument) for argument in arguments)
        with pytest.raises(NotAllowed):
            closed.act(service, *rows, actor=STRANGERS[who], **details)
    assert len(closed.trail()) == before


# Passwords.


def test_people_change_their_own_password_if_they_know_the_one_they_have(closed: Installation) -> None:
    ada = closed.user("ada", password=PASSWORD)
    own = Actor("ada")
    for current in (None, "", "wrong wrong wrong"):
        said = closed.act(people.set_password, ada, "another good password", actor=own, current=current)
        assert said == people.Refusal(of="user:ada")
    root = closed.act(lambda session, actor, at: people.find_user(session, "root"))
    said = closed.act(people.set_password, root, "another good password")
    assert said == people.Refusal(of="user:root"), "administrators prove their own too"
    closed.act(people.set_password, ada, "another good password", actor=own, current=PASSWORD)
    with pytest.raises(NotAllowed):
        scoped = Actor("ada", scope=frozenset(Right))
        closed.act(people.set_password, ada, PASSWORD, actor=scoped, current="another good password")


def test_a_service_has_no_password(closed: Installation) -> None:
    bot = closed.user("bot", kind=UserKind.SERVICE)
    with pytest.raises(ActRefused, match="a service account has tokens, and no password"):
        closed.act(people.set_password, bot, PASSWORD)


# Roles.


def test_a_service_account_is_a_reader_or_a_contributor(closed: Installation) -> None:
    closed.user("bot", kind=UserKind.SERVICE)
    for role in (Role.READER, Role.CONTRIBUTOR):
        assert closed.act(people.assign_role, "bot", role, project_id=None).role is role
    for role, group in ((Role.REVIEWER, "risk"), (Role.APPROVER, ""), (Role.ADMINISTRATOR, "")):
        with pytest.raises(ActRefused, match=f"bot is a service account, and never a {role}"):
            closed.act(people.assign_role, "bot", role, project_id=None, group=group)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_reviewer_speaks_for_a_group_and_nobody_else_does(closed: Installation, everywhere: bool) -> None:
    closed.user("ada")
    project_id = None if everywhere else closed.project()
    for role in Role:
        wrong, right = ("", "risk") if role is Role.REVIEWER else ("risk", "")
        with pytest.raises(UnusableValue, match="feedback group"):
            closed.act(people.assign_role, "ada", role, project_id=project_id, group=wrong)
        row = closed.act(people.assign_role, "ada", role, project_id=project_id, group=right)
        assert (row.person, row.role, row.group, row.project_id) == ("ada", role, right, project_id)
        closed.act(people.take_role_away, "ada", role, project_id=project_id, group=right)
        assert closed.rights("ada", project_id) == set()


def test_a_role_is_given_to_somebody_who_is_known(closed: Installation) -> None:
    gone = closed.user("gone")
    closed.act(people.deactivate_user, gone)
    for person in ("otto", "@nobody", "", "@"):
        with pytest.raises(NotFound):
            closed.act(people.assign_role, person, Role.READER, project_id=None)
    with pytest.raises(ActRefused, match="gone is deactivated"):
        closed.act(people.assign_role, "gone", Role.READER, project_id=None)
    with pytest.raises(NotFound, match="project"):
        closed.act(people.assign_role, "root", Role.READER, project_id=77)


def test_without_users_a_role_is_given_to_a_name(empty: Installation) -> None:
    project_id = empty.project()
    empty.act(people.assign_role, "otto", Role.APPROVER, project_id=project_id, actor=Actor("anybody"))
    assert Right.APPROVE in empty.rights("otto", project_id)
    with pytest.raises(UnusableName):
        empty.act(people.assign_role, "<b>", Role.READER, project_id=project_id)


def test_an_administrator_of_a_project_gives_roles_there_and_nowhere_else(closed: Installation) -> None:
    project_id = closed.project()
    closed.user("local"), closed.user("ada")
    closed.act(people.assign_role, "local", Role.ADMINISTRATOR, project_id=project_id)
    closed.act(people.assign_role, "ada", Role.APPROVER, project_id=project_id, actor=Actor("local"))
    assert closed.rights("ada", project_id) == {Right.READ, Right.APPROVE}
    line = closed.trail()[-1]
    assert (line.subject, line.after) == ("credit", {"person": "ada", "role": "approver"})
    with pytest.raises(NotAllowed):
        closed.act(people.assign_role, "ada", Role.APPROVER, project_id=None, actor=Actor("local"))


def test_what_a_group_has_its_members_have_until_they_leave(closed: Installation) -> None:
    dana = closed.user("dana")
    team = closed.act(people.create_group, "risk-team")
    closed.act(people.assign_role, "@risk-team", Role.CONTRIBUTOR, project_id=None)
    assert closed.rights("dana") == set()
    closed.act(people.add_to_group, team, dana)
    assert closed.rights("dana") == {Right.READ, Right.WRITE}
    closed.act(people.remove_from_group, team, dana)
    assert closed.rights("dana") == set()
    with pytest.raises(NotFound):
        closed.act(people.remove_from_group, team, dana)
    with pytest.raises(UnusableName, match="another group has that name"):
        closed.act(people.create_group, "risk-team")
    with pytest.raises(UnusableName):
        closed.act(people.create_group, "@team")
    closed.act(people.deactivate_user, dana)
    with pytest.raises(ActRefused, match="dana is deactivated"):
        closed.act(people.add_to_group, team, dana)


def test_a_role_that_nobody_has_can_not_be_taken_away(closed: Installation) -> None:
    closed.user("ada")
    closed.act(people.assign_role, "ada", Role.REVIEWER, group="risk", project_id=None)
    with pytest.raises(NotFound, match=r"known: reviewer risk"):
        closed.act(people.take_role_away, "ada", Role.REVIEWER, project_id=None)


# Somebody administers.


def test_the_last_administrator_stays_one(closed: Installation) -> None:
    root = closed.act(lambda session, actor, at: people.find_user(session, "root"))
    nobody = "nobody would be left who administers everything"
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.deactivate_user, root)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.take_role_away, "root", Role.ADMINISTRATOR, project_id=None)
    vera = closed.act(people.create_administrator, "vera", password=PASSWORD)
    closed.act(people.deactivate_user, vera)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.deactivate_user, root)
    closed.act(people.reactivate_user, vera)
    closed.act(people.deactivate_user, root)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.deactivate_user, vera, actor=Actor("vera"))


def test_the_last_administrator_through_a_group_stays_one(closed: Installation) -> None:
    nobody = "nobody would be left who administers everything"
    team = closed.act(people.create_group, "admins")
    vera = closed.user("vera")
    closed.act(people.add_to_group, team, vera)
    closed.act(people.assign_role, "@admins", Role.ADMINISTRATOR, project_id=None)
    closed.act(people.take_role_away, "root", Role.ADMINISTRATOR, project_id=None)
    own = Actor("vera")
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.remove_from_group, team, vera, actor=own)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.take_role_away, "@admins", Role.ADMINISTRATOR, project_id=None, actor=own)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.deactivate_user, vera, actor=own)
    bot = closed.act(people.create_user, "bot", kind=UserKind.SERVICE, actor=own)
    closed.act(people.add_to_group, team, bot, actor=own)
    with pytest.raises(ActRefused, match=nobody):
        closed.act(people.deactivate_user, vera, actor=own)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What came of acts that begin at the same moment: ``done``, or the name of the error."""
    barrier = Barrier(len(acts))

    def one(act: Callable[[], object]) -> str:
        barrier.wait()
        try:
            act()
        except DriftgateError as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(one, acts))


@pytest.mark.parametrize("way", ["deactivate", "take away"])
def test_two_administrators_who_remove_each_other_at_once_leave_one(closed: Installation, way: str) -> None:
    root = closed.act(lambda session, actor, at: people.find_user(session, "root"))
    vera = closed.act(people.create_administrator, "vera", password=PASSWORD)

    def remove(user: User, by: str) -> object:
        if way == "deactivate":
            return closed.act(people.deactivate_user, user, actor=Actor(by))
        return closed.act(people.take_role_away, user.name, Role.ADMINISTRATOR, project_id=None, actor=Actor(by))

    outcomes = at_once(lambda: remove(root, "vera"), lambda: remove(vera, "root"))
    assert outcomes[1] == "done"
    assert outcomes[0] in {"ActRefused", "NotAllowed"}
    with reading(closed.engine) as session:
        assert len(people.administrators(session)) == 1


def test_of_many_who_want_to_be_the_first_administrator_at_once_one_is(empty: Installation) -> None:
    def become(name: str) -> object:
        return empty.act(people.create_administrator, name, password=PASSWORD, actor=Actor(name))

    outcomes = at_once(*(lambda name=name: become(name) for name in ("a", "b", "c", "d")))
    assert outcomes == ["NotAllowed"] * 3 + ["done"]


Act = tuple[Callable[..., Any], str, dict[str, Any]]

DEACTIVATE: Act = (people.deactivate_user, "ada", {})
RENAME: Act = (people.change_user, "ada", {"full_name": "Ada L."})
PASSWORD_SET: Act = (people.set_password, "ada", {"password": "another good password"})


@pytest.mark.parametrize(
    ("first", "second"),
    [(DEACTIVATE, RENAME), (RENAME, DEACTIVATE), (DEACTIVATE, PASSWORD_SET), (PASSWORD_SET, DEACTIVATE)],
)
def test_acts_on_one_user_that_meet_follow_each_other(closed: Installation, first: Act, second: Act) -> None:
    closed.user("ada", password=PASSWORD)
    assert meeting(closed, first, second) == ["done", "done"]


@pytest.mark.parametrize("revoked_first", [True, False])
def test_a_token_is_revoked_while_a_password_is_set(closed: Installation, revoked_first: bool) -> None:
    made, _ = token(closed, closed.user("ada", password=PASSWORD))

    def revoke(session: Session, user: User, **about: Any) -> object:
        return people.revoke_token(session, people.find_token(session, made.id), **about)

    acts: list[Act] = [(revoke, "ada", {}), PASSWORD_SET]
    assert meeting(closed, *(acts if revoked_first else acts[::-1])) == ["done", "done"]
    with reading(closed.engine) as session:
        assert people.find_token(session, made.id).revoked_at is not None


def meeting(closed: Installation, first: Act, second: Act) -> list[str]:
    """What came of two acts on a user, of which the second begins when the first has done all but end."""
    outcomes: list[str] = []

    def act(what: Act, before_the_end: Callable[[], object]) -> None:
        service, name, details = what
        try:
            with transaction(closed.engine) as session:
                service(session, people.find_user(session, name), actor=ROOT, at=closed.now(), **details)
                before_the_end()
        except Exception as error:
            outcomes.append(type(error).__name__)
        else:
            outcomes.append("done")

    late = Thread(target=act, args=(second, lambda: None))

    def meet() -> None:
        late.start()
        late.join(timeout=0.5)
        assert late.is_alive(), "it waits for the first"

    act(first, meet)
    late.join()
    return outcomes


def test_whoever_acts_on_people_does_not_hold_up_those_who_act_on_something_else(closed: Installation) -> None:
    if closed.engine.dialect.name == "sqlite":
        pytest.skip("one transaction writes at a time")
    ada = closed.user("ada")
    with transaction(closed.engine) as session:
        people.deactivate_user(session, session.get_one(User, ada.id), actor=ROOT, at=closed.now())
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write_a_line, closed).result(timeout=10)


def write_a_line(closed: Installation) -> None:
    with transaction(closed.engine) as session:
        note(session, Tag.PROJECT_CHANGED, "credit", actor=ROOT, at=closed.now())


def test_two_users_who_get_one_subject_at_once_do_not_both(closed: Installation) -> None:
    ben, cleo = closed.user("ben"), closed.user("cleo")

    def give(user: User) -> object:
        return closed.act(people.change_user, user, subject="https://id.example.org 7")

    assert at_once(lambda: give(ben), lambda: give(cleo)) == ["UnusableValue", "done"]


def test_a_subject_that_the_database_refuses_is_said_like_one_that_is_looked_up(
    closed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed.user("ben", subject="https://id.example.org 7")
    cleo = closed.user("cleo")
    monkeypatch.setattr("governance.people.users._require_free_subject", lambda session, subject: None)
    with pytest.raises(UnusableValue, match="another user has it"):
        closed.act(people.change_user, cleo, subject="https://id.example.org 7")


# Tokens.


def token(closed: Installation, user: User, **details: Any) -> Any:
    usual = {"name": "n", "scope": {Right.READ}, "expires_at": NOON + timedelta(days=30), "actor": Actor(user.name)}
    return closed.act(people.create_token, user, **(usual | details))


def test_a_token_is_shown_once_and_kept_as_a_hash(closed: Installation) -> None:
    ada = closed.user("ada")
    made, secret = token(closed, ada, scope=[Right.WRITE, Right.READ, Right.READ])
    assert secret.startswith("dg_")
    assert len(secret) >= 46
    assert made.scope == [Right.READ, Right.WRITE]
    assert secret not in repr(made)
    assert token(closed, ada)[1] != secret
    with reading(closed.engine) as session:
        assert people.identify(session, secret, origin=Origin.API, at=NOON) == Actor(
            "ada", Origin.API, frozenset({Right.READ, Right.WRITE})
        )


def test_nobody_makes_tokens_for_somebody_else(closed: Installation) -> None:
    ada = closed.user("ada")
    with pytest.raises(ActRefused, match="a token for ada would let others act in their name"):
        token(closed, ada, actor=ROOT)


def test_a_token_makes_no_other_tokens(closed: Installation) -> None:
    ada = closed.user("ada")
    with pytest.raises(ActRefused, match="a token makes no other tokens"):
        token(closed, ada, actor=Actor("ada", scope=frozenset(Right)))


def test_a_service_gets_tokens_to_read_and_write(closed: Installation) -> None:
    bot = closed.user("bot", kind=UserKind.SERVICE)
    for right in (Right.READ, Right.WRITE):
        assert token(closed, bot, scope={right}, actor=ROOT)[0].scope == [right]
    for right in (Right.REVIEW, Right.APPROVE, Right.ADMINISTER):
        with pytest.raises(ActRefused, match=f"a service account never has the right to {right}"):
            token(closed, bot, scope={Right.READ, right}, actor=ROOT)


WRONG: list[dict[str, Any]] = [
    {"name": " "},
    {"name": "x" * 81},
    {"name": "a\nb"},
    {"scope": []},
    {"expires_at": NOON},
    {"expires_at": NOON + timedelta(days=401)},
    {"expires_at": datetime(2026, 2, 1)},  # noqa: DTZ001
]


def test_a_token_has_a_name_a_right_and_an_end(closed: Installation) -> None:
    ada = closed.user("ada")
    for wrong in WRONG:
        with pytest.raises(UnusableValue):
            token(closed, ada, **wrong)


def test_a_token_holds_for_400_days_at_most(closed: Installation) -> None:
    ada = closed.user("ada")
    closed.minutes = 99
    assert token(closed, ada, expires_at=NOON + timedelta(minutes=100, days=400))[0].expires_at.year == 2027


def test_tokens_end_when_they_are_revoked_by_their_user_or_an_administrator(closed: Installation) -> None:
    ada, _ = closed.user("ada"), closed.user("ben")
    made, secret = token(closed, ada)
    for stranger in (Actor("ben"), Actor("ada", scope=frozenset({Right.READ}))):
        with pytest.raises(NotAllowed):
            closed.act(people.revoke_token, made, actor=stranger)
    closed.act(people.revoke_token, made, actor=Actor("ada"))
    with reading(closed.engine) as session, pytest.raises(NotLoggedIn, match="the token of ada was ended"):
        people.identify(session, secret, origin=Origin.API, at=closed.now())
    lines = len(closed.trail())
    closed.act(people.revoke_token, made)
    assert len(closed.trail()) == lines, "it had ended before"


def test_a_deactivated_user_gets_no_token(closed: Installation) -> None:
    bot = closed.user("bot", kind=UserKind.SERVICE)
    closed.act(people.deactivate_user, bot)
    with pytest.raises(ActRefused, match="bot is deactivated"):
        token(closed, bot, actor=ROOT)


# People whom a provider knows.


def outside(closed: Installation, subject: str, name: str, **details: Any) -> User:
    with transaction(closed.engine) as session:
        return people.user_of_subject(session, subject, name=name, at=closed.now(), **details)


def test_a_subject_is_one_user_whatever_it_is_called_today(closed: Installation) -> None:
    subject = people.outside_subject("https://id.example.org", "77")
    ada = outside(closed, subject, "ada", email="ada@example.org")
    assert (ada.name, ada.kind, ada.password_hash) == ("ada", UserKind.PERSON, None)
    assert closed.rights("ada") == set()
    again = outside(closed, subject, "root", email="root@example.org")
    assert (again.id, again.name, again.email) == (ada.id, "ada", "ada@example.org")


def test_an_address_or_a_name_makes_nobody_somebody_else(closed: Installation) -> None:
    vera = closed.user("vera", email="vera@example.org")
    found = outside(closed, "https://evil.example.org 1", "VERA", email="vera@example.org")
    assert found.id != vera.id
    assert found.name == "VERA-2"


def test_a_new_user_from_outside_never_gets_a_name_that_was_promised_or_has_acted(closed: Installation) -> None:
    with transaction(closed.engine) as session:
        session.add(Assignment(project_id=None, person="hana", role=Role.APPROVER))
    assert outside(closed, "i 1", "hana").name == "hana-2"
    assert closed.rights("hana-2") == set()
    assert outside(closed, "i 2", "driftgate").name == "driftgate-2"
    assert outside(closed, "i 3", "root").name == "root-2"
    assert outside(closed, "i 4", "<script>").name == "script"
    assert outside(closed, "i 5", "\u202e").name == "somebody"
    assert len(outside(closed, "i 6", "x" * 500, full_name="y" * 500, email="no address").name) <= 120


def test_an_administrator_can_say_beforehand_who_a_subject_is(closed: Installation) -> None:
    hana = closed.user("hana", subject="https://id.example.org 5")
    assert outside(closed, "https://id.example.org 5", "whoever").id == hana.id
    with pytest.raises(UnusableValue, match="another user has it"):
        closed.user("eve", subject="https://id.example.org 5")
    ben = closed.user("ben")
    closed.act(people.change_user, ben, subject="https://id.example.org 6")
    assert outside(closed, "https://id.example.org 6", "whoever").id == ben.id


def test_the_first_user_does_not_come_from_outside(empty: Installation) -> None:
    with pytest.raises(ActRefused, match="the first user of an installation is its administrator"):
        outside(empty, "i 1", "ada")


def test_the_system_may_make_users_too(closed: Installation) -> None:
    assert closed.act(people.create_user, "bot", kind=UserKind.SERVICE, actor=SYSTEM).name == "bot"
