"""Users, groups, roles, tokens and log-ins on the command line, and who acts through it."""

from __future__ import annotations

import io
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import select

from deployments.cli import cast
from deployments.servers import first_start
from governance import people
from governance.errors import ActRefused, NotAllowed, NotLoggedIn
from governance.settings import settings
from governance.tables import AuditEvent
from governance.vocabulary import Origin, Right, UserKind
from tasks import edge
from tests.workplace import Driftgate, Outcome

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr("governance.people.passwords._hasher", lambda: hasher)


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch, driftgate: Driftgate) -> Callable[..., Outcome]:
    """Call ``driftgate`` with lines on its standard input."""

    def call(lines: str, *arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        return driftgate(*arguments)

    return call


@pytest.fixture
def closed(typing: Callable[..., Outcome]) -> Callable[[str], None]:
    """An installation with an administrator ada, logged in; gives a way to make others, and log in as one."""
    made = typing(f"{PASSWORD}\n", "user", "create-admin", "ada", "--password-stdin", "--json")
    assert made.document["logged_in"]

    def become(name: str) -> None:
        assert typing(f"{PASSWORD}\n", "log-in", name, "--password-stdin").code == 0

    for name in ("ben", "cleo", "hana", "otto"):
        assert typing(f"{PASSWORD}\n", "user", "create", name, "--password-stdin").code == 0
    return become


def test_where_nobody_is_known_everybody_is_taken_at_their_word(
    driftgate: Driftgate, trained: Callable[[], int]
) -> None:
    trained()
    assert driftgate("who-am-i", "--json").document == {
        "user": "ada", "known_by": None, "scope": None, "roles": [], "rights": None,
    }  # fmt: skip
    assert driftgate("sign-off", "request-approval", "1", "--as", "ada").code == 0
    refused = driftgate("log-in", "ada")
    assert refused.code == 1
    assert (
        "has no users, and takes everybody at their word; make the first with 'driftgate user create-admin'"
        in refused.words
    )


def test_with_the_first_administrator_people_act_in_their_own_name_only(
    driftgate: Driftgate, trained: Callable[[], int], closed: Callable[[str], None]
) -> None:
    trained()
    assert driftgate("sign-off", "request-approval", "1").code == 0, "ada writes here, by project.yaml"
    refused = driftgate("sign-off", "approve", "1", "--as", "hana")
    assert refused.code == 1
    assert "--as hana: you are logged in as ada; log in as hana with 'driftgate log-in hana'" in refused.words
    refused = driftgate("sign-off", "approve", "1")
    assert "ada is not a final approver" in refused.words
    closed("hana")
    assert driftgate("sign-off", "approve", "1", "--as", "hana").code == 0
    assert driftgate("sign-off", "show", "1", "--json").document["final_approval"]["author"] == "hana"


def test_nobody_who_has_logged_out_acts_or_sees(
    driftgate: Driftgate, trained: Callable[[], int], closed: Callable[[str], None]
) -> None:
    trained()
    assert driftgate("log-out", "--json").document == {"logged_out": True}
    assert driftgate("log-out", "--json").document == {"logged_out": False}
    for command in (
        ("train",),
        ("sign-off", "approve", "1"),
        ("sign-off", "approve", "1", "--as", "hana"),
        ("version", "list"),
        ("version", "show", "1"),
        ("version", "activate", "1"),
        ("project", "list"),
        ("project", "show"),
        ("metrics", "export"),
        ("compare", "drift"),
        ("sign-off", "show", "1"),
        ("scenario", "last-runs"),
        ("user", "list"),
        ("user", "create", "eve", "--generate"),
        ("group", "list"),
        ("role", "list"),
        ("token", "list"),
        ("who-am-i",),
    ):
        refused = driftgate(*command)
        assert refused.code == 1, command
        assert "nobody said who acts; log in with 'driftgate log-in NAME', or set DRIFTGATE_TOKEN" in refused.words


def test_people_see_the_projects_they_have_a_role_on(
    driftgate: Driftgate, trained: Callable[[], int], closed: Callable[[str], None]
) -> None:
    trained()
    closed("otto")
    for command in (
        ("version", "list"),
        ("version", "show", "1"),
        ("project", "show"),
        ("metrics", "export"),
        ("sign-off", "show", "1"),
        ("scenario", "last-runs"),
        ("role", "list"),
        ("sign-off", "request-feedback", "1"),
    ):
        refused = driftgate(*command)
        assert refused.code == 1, command
        assert "otto may not read on project 'loans'" in refused.words
    names = [one["project"] for one in driftgate("project", "list", "--json").document["projects"]]
    assert "loans" not in names
    closed("ben")
    names = [one["project"] for one in driftgate("project", "list", "--json").document["projects"]]
    assert "loans" in names
    assert driftgate("version", "list", "--json").document["versions"][0]["version"] == 1
    closed("ada")
    assert driftgate("role", "assign", "otto", "reader").code == 0
    closed("otto")
    assert driftgate("version", "list").code == 0
    refused = driftgate("sign-off", "request-feedback", "1")
    assert "otto is not a writer" in refused.words


def test_a_user_is_made_changed_and_deactivated(
    driftgate: Driftgate, typing: Callable[..., Outcome], closed: Callable[[str], None]
) -> None:
    made = driftgate("user", "create", "dana", "--full-name", "Dana D.", "--generate", "--json").document
    assert len(made["password"]) == 24
    assert typing(f"{made['password']}\n", "log-in", "dana", "--password-stdin").code == 0
    assert driftgate("user", "list").code == 1, "the list is for administrators"
    assert driftgate("user", "show", "dana", "--json").document["full_name"] == "Dana D."
    assert driftgate("user", "show", "ada").code == 1
    assert driftgate("user", "create", "eve", "--generate").code == 1
    closed("ada")
    assert driftgate("user", "change", "dana", "--email", "dana@example.org").code == 0
    assert driftgate("user", "show", "dana", "--json").document["email"] == "dana@example.org"
    assert driftgate("user", "deactivate", "dana").code == 0
    refused = typing(f"{made['password']}\n", "log-in", "dana", "--password-stdin")
    assert "the name or the password is wrong" in refused.words
    assert driftgate("user", "reactivate", "dana").code == 0
    assert typing(f"{made['password']}\n", "log-in", "dana", "--password-stdin").code == 0


def test_people_set_their_own_password_and_stay_logged_in(
    driftgate: Driftgate, typing: Callable[..., Outcome], closed: Callable[[str], None]
) -> None:
    closed("ben")
    refused = typing("wrong\nanother good password\n", "user", "set-password", "--password-stdin")
    assert "the current password is wrong" in refused.words
    done = typing(f"{PASSWORD}\nanother good password\n", "user", "set-password", "--password-stdin")
    assert done.code == 0, done.words
    assert driftgate("who-am-i", "--json").document["user"] == "ben"
    closed("ada")
    assert driftgate("user", "set-password", "ben", "--generate").code == 0
    assert typing("another good password\n", "log-in", "ben", "--password-stdin").code == 1


def test_a_password_is_never_asked_where_nobody_can_answer(typing: Callable[..., Outcome]) -> None:
    refused = typing("", "user", "create-admin", "ada")
    assert refused.code == 2
    assert "there is no terminal to ask at; add --password-stdin" in refused.words


def test_a_password_is_typed_twice(driftgate: Driftgate, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter([PASSWORD, PASSWORD + "!", PASSWORD, PASSWORD])
    monkeypatch.setattr("deployments.cli.asking.getpass", lambda *_, **__: next(typed))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert "the second is not the first" in driftgate("user", "create-admin", "ada").words
    assert driftgate("user", "create-admin", "ada").code == 0


def test_groups_and_roles(driftgate: Driftgate, trained: Callable[[], int], closed: Callable[[str], None]) -> None:
    trained()
    assert driftgate("group", "create", "team").code == 0
    assert driftgate("group", "add", "team", "otto", "--json").document["members"] == ["otto"]
    assert driftgate("role", "assign", "@team", "reviewer", "--group", "risk").code == 0
    found = driftgate("user", "show", "otto", "--json").document
    assert found["groups"] == ["team"]
    assert found["roles"] == [{"project": "loans", "role": "reviewer", "group": "risk", "through": "@team"}]
    assert driftgate("sign-off", "request-feedback", "1").code == 0
    closed("otto")
    assert driftgate("sign-off", "feedback", "1", "--verdict", "approved").code == 0
    closed("ada")
    assert driftgate("role", "take-away", "@team", "reviewer", "--group", "risk").code == 0
    assert driftgate("group", "remove", "team", "otto", "--json").document["members"] == []
    closed("otto")
    assert driftgate("sign-off", "feedback", "1", "--verdict", "approved").code == 1
    closed("ada")
    assert driftgate("role", "assign", "otto", "approver", "--everywhere", "-p", "loans").code == 2
    assert driftgate("role", "assign", "otto", "approver", "--everywhere").code == 0
    roles = driftgate("role", "list", "--everywhere", "--json").document["roles"]
    assert {(one["person"], one["role"]) for one in roles} == {("ada", "administrator"), ("otto", "approver")}
    refused = driftgate("role", "take-away", "ada", "administrator", "--everywhere")
    assert "nobody would be left who administers everything" in refused.words


def test_a_token_acts_for_its_user_as_far_as_it_reaches(
    driftgate: Driftgate, trained: Callable[[], int], closed: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained()
    made = driftgate("token", "create", "--name", "n", "--right", "read", "--days", "9", "--json").document
    driftgate("log-out")
    monkeypatch.setenv("DRIFTGATE_TOKEN", made["secret"])
    settings.cache_clear()
    assert driftgate("who-am-i", "--json").document["scope"] == ["read"]
    assert driftgate("version", "list").code == 0
    refused = driftgate("sign-off", "request-feedback", "1")
    assert refused.code == 1
    assert driftgate("token", "create", "--name", "more", "--right", "write").code == 1
    monkeypatch.delenv("DRIFTGATE_TOKEN")
    settings.cache_clear()
    closed("ada")
    (listed,) = driftgate("token", "list", "--json").document["tokens"]
    assert listed["used_at"] is not None
    assert "secret" not in listed
    assert driftgate("token", "revoke", listed["token"]).code == 0
    monkeypatch.setenv("DRIFTGATE_TOKEN", made["secret"])
    settings.cache_clear()
    assert "the token of ada was ended" in driftgate("version", "list").words


def test_the_log_in_is_kept_for_its_owner_only_and_refused_when_others_can_read_it(
    driftgate: Driftgate, closed: Callable[[str], None]
) -> None:
    file = settings().log_in_file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    refused = driftgate("who-am-i")
    assert refused.code == 1
    assert "others can read or change" in refused.words
    assert driftgate("log-out", "--json").document == {"logged_out": True}
    closed("ben")
    assert driftgate("who-am-i", "--json").document["user"] == "ben"


def test_no_secret_is_in_what_is_printed_but_once(driftgate: Driftgate, closed: Callable[[str], None]) -> None:
    secret = settings().secret
    assert secret is not None
    for command in (("who-am-i",), ("user", "list"), ("user", "show", "ada"), ("token", "list")):
        for form in ((), ("--json",)):
            said = driftgate(*command, *form).words
            assert secret not in said
            assert "argon2" not in said


def test_init_names_who_is_logged_in(driftgate: Driftgate, home: Path, closed: Callable[[str], None]) -> None:
    closed("ben")
    rows = "\n".join(f"{i},{i % 7},{i % 2}" for i in range(60))
    (home / "rows.csv").write_text(f"a,b,repaid\n{rows}\n")
    assert driftgate("init", "rows.csv", "--target", "repaid").code == 0
    assert "writers: [ben]" in (home / "project.yaml").read_text()


# The first start of a server.


def test_the_first_start_makes_an_administrator_who_is_logged_in(driftgate: Driftgate) -> None:
    told: list[str] = []
    first_start.close(settings(), told.append)
    assert driftgate("who-am-i", "--json").document["roles"] == ["administrator"]
    first_start.close(settings(), pytest.fail)
    password = told[-1].removeprefix("Password, shown this one time: ")
    with edge.transaction() as session:
        said = people.log_in(session, "ada", password, address="here", at=edge.now())
    assert isinstance(said, people.LoggedIn)


def test_flows_run_as_a_service_account_with_a_token_of_this_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first_start.token_of_runner(settings()) is None, "where nobody is known, nobody has to say who acts"
    first_start.close(settings(), lambda _line: None)
    first, second = first_start.token_of_runner(settings()), first_start.token_of_runner(settings())
    assert first
    assert second
    with edge.reading() as session:
        found = people.identify(session, second, origin=Origin.FLOW, at=edge.now())
        assert (found.name, found.scope) == ("runner", {Right.READ, Right.WRITE})
        with pytest.raises(NotLoggedIn, match="was ended"):
            people.identify(session, first, origin=Origin.FLOW, at=edge.now())
        assert [row.role for row in people.list_assignments(session, None, person="runner")] == ["contributor"]
        assert people.find_user(session, "runner").kind is UserKind.SERVICE
        said = str(session.exec(select(AuditEvent.after)).all())
    assert first not in said
    assert second not in said
    monkeypatch.setenv("DRIFTGATE_TOKEN", second)
    settings.cache_clear()
    assert edge.acting(None).name == "runner"
    with pytest.raises(NotLoggedIn, match="--as hana: you are logged in as runner"):
        edge.acting("hana")


def test_a_person_called_like_the_service_account_is_not_made_one(closed: Callable[[str], None]) -> None:
    actor = edge.acting(None)
    with edge.transaction() as session:
        people.create_user(session, "runner", actor=actor, at=edge.now())
    with pytest.raises(ActRefused, match="a person has that name"):
        first_start.token_of_runner(settings())


# The people of the demo.


def test_the_demo_makes_its_people_once_and_leaves_the_administrator_logged_in(driftgate: Driftgate) -> None:
    made = cast.gather(["ben", "hana"])
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600
    assert set(made.passwords) == {"ada", "ben", "hana"}
    for name in ("ben", "hana", made.administrator):
        with made.acting(name):
            assert edge.acting(None).name == name
    assert driftgate("who-am-i", "--json").document["user"] == "ada"
    driftgate("log-out")
    again = cast.gather(["ben", "hana"])
    assert (again.administrator, again.passwords) == ("ada", made.passwords)
    assert driftgate("who-am-i", "--json").document["user"] == "ada"


def test_the_demo_goes_on_where_it_was_killed_before_anybody_was_made(home: Path) -> None:
    file = settings().home / cast.FILE_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# people\nada {PASSWORD.replace(' ', '-')}\n")
    made = cast.gather(["ben"])
    assert made.passwords["ada"] == PASSWORD.replace(" ", "-")
    with made.acting("ada"):
        assert edge.acting(None).name == "ada"


def test_where_others_are_known_already_the_administrator_who_is_logged_in_makes_the_people_of_the_demo(
    closed: Callable[[str], None], driftgate: Driftgate
) -> None:
    made = cast.gather(["dana", "ben"])
    assert made.administrator is None
    with made.acting("dana"):
        assert edge.acting(None).name == "dana"
    with (
        pytest.raises(NotLoggedIn, match=r"ben, who is a user already, .*; run it in a home of its own"),
        made.acting("ben"),
    ):
        pass
    closed("otto")
    with pytest.raises(NotAllowed):
        cast.gather(["gus"])
    driftgate("log-out")
    with pytest.raises(NotLoggedIn):
        cast.gather(["fay"])
