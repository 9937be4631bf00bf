"""Who may do what: the whole table of rights, of people and services, with and without tokens, here and everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from governance.audit import SYSTEM, Actor, Tag, note
from governance.authorisation import holders, may, may_hold, require, require_act, standing_of, visible_projects
from governance.database import transaction
from governance.errors import NotAllowed
from governance.tables import Assignment, Membership, ProjectRow, User, UserGroup
from governance.tables.columns import key_of
from governance.vocabulary import Origin, Right, Role, UserKind
from tests.governance.world import NOON

READ, WRITE, REVIEW, APPROVE, ADMINISTER = Right
GIVEN = {
    Role.READER: {READ},
    Role.CONTRIBUTOR: {READ, WRITE},
    Role.REVIEWER: {READ, REVIEW},
    Role.APPROVER: {READ, APPROVE},
    Role.ADMINISTRATOR: {READ, WRITE, ADMINISTER},
}
NEEDED = {
    Role.READER: {READ},
    Role.CONTRIBUTOR: {WRITE},
    Role.REVIEWER: {REVIEW},
    Role.APPROVER: {APPROVE},
    Role.ADMINISTRATOR: {WRITE, ADMINISTER},
}
"""Written down again on purpose: a change of the table of rights is a change of what people may do."""

SCOPES = [None, *(frozenset(some) for size in range(6) for some in combinations(Right, size))]


@pytest.fixture
def session(database: Engine) -> Iterator[Session]:
    with transaction(database) as session:
        yield session


def add(session: Session, *rows: object) -> None:
    session.add_all(rows)
    session.flush()


def user(name: str, kind: UserKind = UserKind.PERSON, *, active: bool = True) -> User:
    return User(name=name, kind=kind, active=active, created_at=NOON)


def projects(session: Session) -> tuple[int, int]:
    here, there = (ProjectRow(name=name, folder="/", created_at=NOON) for name in ("here", "there"))
    add(session, here, there)
    return key_of(here), key_of(there)


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("kind", UserKind)
@pytest.mark.parametrize("in_group", [False, True])
def test_a_role_gives_its_rights_where_it_holds_as_far_as_the_token_and_the_kind_of_user_let_it(
    session: Session, kind: UserKind, in_group: bool, active: bool
) -> None:
    here, there = projects(session)
    for role, everywhere in product(Role, (False, True)):
        name = f"{role}-{everywhere}"
        holder, team = user(name, kind, active=active), UserGroup(name=f"team-{name}")
        add(session, holder, team)
        if in_group:
            add(session, Membership(group_id=key_of(team), user_id=key_of(holder)))
        add(
            session,
            Assignment(
                project_id=None if everywhere else here,
                person=f"@team-{name}" if in_group else name,
                role=role,
                group="risk" if role is Role.REVIEWER else "",
            ),
        )
        for scope, place in product(SCOPES, (here, there, None)):
            rights = GIVEN[role] & (set(Right) if scope is None else scope)
            if kind is UserKind.SERVICE:
                rights -= {REVIEW, APPROVE, ADMINISTER}
            if not active or not (everywhere or place == here):
                rights = set()
            held = rights >= NEEDED[role]
            found = standing_of(session, place, Actor(name, Origin.API, scope))
            case = (role, everywhere, scope, place)
            assert found.rights == rights, case
            assert found.roles == ({role} if held else set()), case
            assert found.groups == ({"risk"} if held and role is Role.REVIEWER else set()), case


def test_whether_somebody_may_is_what_they_are(session: Session) -> None:
    here, there = projects(session)
    add(session, user("hana"), Assignment(project_id=here, person="hana", role=Role.APPROVER))
    hana = Actor("hana")
    assert {right for right in Right if may(session, hana, right, here)} == {READ, APPROVE}
    assert not any(may(session, hana, right, place) for right in Right for place in (there, None))


def test_roles_add_up(session: Session) -> None:
    here, _ = projects(session)
    team = UserGroup(name="team")
    dana = user("dana")
    add(session, dana, team)
    add(
        session,
        Membership(group_id=key_of(team), user_id=key_of(dana)),
        Assignment(project_id=None, person="dana", role=Role.CONTRIBUTOR),
        Assignment(project_id=here, person="@team", role=Role.REVIEWER, group="risk"),
        Assignment(project_id=here, person="dana", role=Role.REVIEWER, group="it"),
    )
    standing = standing_of(session, here, Actor("dana"))
    assert standing.rights == {READ, WRITE, REVIEW}
    assert standing.roles == {Role.CONTRIBUTOR, Role.REVIEWER}
    assert standing.groups == {"risk", "it"}


def test_a_service_in_a_group_of_approvers_approves_nothing(session: Session) -> None:
    here, _ = projects(session)
    team, bot = UserGroup(name="approvers"), user("bot", UserKind.SERVICE)
    add(session, team, bot)
    add(
        session,
        Membership(group_id=key_of(team), user_id=key_of(bot)),
        Assignment(project_id=here, person="@approvers", role=Role.APPROVER),
    )
    standing = standing_of(session, here, Actor("bot"))
    assert standing.roles == set()
    assert standing.rights == {READ}


def test_a_group_of_the_name_of_a_user_is_somebody_else(session: Session) -> None:
    here, _ = projects(session)
    add(session, user("ada"), user("ben"), UserGroup(name="ada"))
    add(session, Assignment(project_id=here, person="@ada", role=Role.APPROVER))
    assert standing_of(session, here, Actor("ada")).rights == set()


def test_without_users_everybody_may_everything_and_a_role_is_what_a_file_says(session: Session) -> None:
    here, there = projects(session)
    add(session, Assignment(project_id=here, person="ada", role=Role.APPROVER))
    assert all(may(session, Actor("otto"), right, place) for right in Right for place in (here, there, None))
    assert standing_of(session, here, Actor("ada")).roles == {Role.APPROVER}
    assert standing_of(session, here, Actor("otto")).roles == set()
    assert may_hold(session, Actor("otto"), Role.APPROVER)
    assert visible_projects(session, Actor("otto")) is None


def test_with_the_first_user_a_name_is_no_longer_enough(session: Session) -> None:
    here, _ = projects(session)
    add(session, Assignment(project_id=here, person="ada", role=Role.APPROVER))
    add(session, Assignment(project_id=None, person="ada", role=Role.ADMINISTRATOR), user("somebody"))
    ada = Actor("ada")
    assert not any(may(session, ada, right, place) for right in Right for place in (here, None))
    assert standing_of(session, here, ada).roles == set()
    assert not may_hold(session, ada, Role.READER)
    assert visible_projects(session, ada) == []


def test_the_system_may_everything_and_nobody_is_the_system_by_name(session: Session) -> None:
    here, _ = projects(session)
    add(session, user("somebody"))
    assert all(may(session, SYSTEM, right, here) for right in Right)
    assert not any(may(session, Actor(SYSTEM.name, origin), READ, here) for origin in Origin if origin != "system")


@pytest.mark.parametrize("role", Role)
def test_a_role_can_be_held_by_an_active_person_and_a_service_can_only_read_and_write(
    session: Session, role: Role
) -> None:
    add(session, user("ada"), user("gone", active=False), user("bot", UserKind.SERVICE))
    assert may_hold(session, Actor("ada"), role)
    assert not may_hold(session, Actor("gone"), role)
    assert not may_hold(session, Actor("otto"), role)
    assert may_hold(session, Actor("bot"), role) is (role in {Role.READER, Role.CONTRIBUTOR})
    assert may_hold(session, Actor("ada", scope=frozenset({READ})), role) is (role is Role.READER)


def test_who_may_not_is_told_which_role_it_takes_and_where(session: Session) -> None:
    here, _ = projects(session)
    add(session, user("ada"), Assignment(project_id=here, person="ada", role=Role.READER))
    with pytest.raises(NotAllowed) as refused:
        require(session, Actor("ada"), WRITE, here)
    assert str(refused.value) == (
        "ada may not write on project 'here': that takes the role contributor or administrator; ask an administrator."
    )
    with pytest.raises(NotAllowed, match="on the whole installation: that takes the role administrator;"):
        require(session, Actor("ada"), ADMINISTER, None)


def test_a_token_that_does_not_reach_as_far_is_told_apart_from_a_role_that_is_missing(session: Session) -> None:
    here, _ = projects(session)
    add(session, user("ada"), Assignment(project_id=here, person="ada", role=Role.CONTRIBUTOR))
    with pytest.raises(NotAllowed, match="the token is only for read;"):
        require(session, Actor("ada", scope=frozenset({READ})), WRITE, here)
    with pytest.raises(NotAllowed, match="the token is only for nothing;"):
        require(session, Actor("ada", scope=frozenset()), READ, here)
    with pytest.raises(NotAllowed, match="that takes the role approver;"):
        require(session, Actor("ada", scope=frozenset({READ})), APPROVE, here)


def test_people_see_the_projects_they_have_a_role_on(session: Session) -> None:
    here, there = projects(session)
    team = UserGroup(name="team")
    everybody = [user(name) for name in ("ada", "ben", "cleo", "dana")]
    add(session, team, *everybody, user("gone", active=False))
    add(
        session,
        Membership(group_id=key_of(team), user_id=key_of(everybody[1])),
        Assignment(project_id=here, person="ada", role=Role.CONTRIBUTOR),
        Assignment(project_id=here, person="ada", role=Role.APPROVER),
        Assignment(project_id=there, person="@team", role=Role.REVIEWER, group="risk"),
        Assignment(project_id=here, person="gone", role=Role.READER),
        Assignment(project_id=None, person="cleo", role=Role.READER),
    )
    assert visible_projects(session, Actor("ada")) == [here]
    assert visible_projects(session, Actor("ada", scope=frozenset({WRITE}))) == []
    assert visible_projects(session, Actor("ben")) == [there]
    assert visible_projects(session, Actor("cleo")) is None
    assert visible_projects(session, Actor("cleo", scope=frozenset({WRITE}))) == []
    assert visible_projects(session, Actor("dana")) == []
    assert visible_projects(session, Actor("gone")) == []


def test_who_holds_a_role_is_everybody_of_whom_that_is_said_one_by_one(session: Session) -> None:
    here, there = projects(session)
    active, gone, bot = user("ann"), user("gone", active=False), user("bot", UserKind.SERVICE)
    member, nobody = user("max"), user("nobody")
    team = UserGroup(name="team")
    add(session, active, gone, bot, member, nobody, team)
    add(session, *(Membership(group_id=key_of(team), user_id=key_of(one)) for one in (member, gone, bot)))
    for place, person, role in product((here, there, None), ("ann", "gone", "bot", "stranger", "@team"), Role):
        assignment = Assignment(project_id=place, person=person, role=role)
        add(session, assignment)
        for where in (here, there, None):
            expected = [
                one.name
                for one in (active, gone, member, nobody)
                if role in standing_of(session, where, Actor(one.name)).roles
            ]
            assert holders(session, role, where) == sorted(expected), (place, person, role, where)
            assert holders(session, role, where, without=assignment) == []
        session.delete(assignment)
        session.flush()


def test_a_member_or_a_user_can_be_thought_away(session: Session) -> None:
    ann, max_, team = user("ann"), user("max"), UserGroup(name="team")
    add(session, ann, max_, team)
    membership = Membership(group_id=key_of(team), user_id=key_of(max_))
    add(
        session,
        membership,
        Assignment(person="@team", role=Role.APPROVER),
        Assignment(person="ann", role=Role.APPROVER),
    )
    assert holders(session, Role.APPROVER, None) == ["ann", "max"]
    assert holders(session, Role.APPROVER, None, without=membership) == ["ann"]
    assert holders(session, Role.APPROVER, None, without=ann) == ["max"]


def test_without_users_whoever_is_assigned_holds_a_role(session: Session) -> None:
    here, there = projects(session)
    add(session, Assignment(project_id=here, person="finn", role=Role.APPROVER))
    assert holders(session, Role.APPROVER, here) == ["finn"]
    assert holders(session, Role.APPROVER, there) == []


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_that_is_for_reading_only_leaves_no_line(session: Session, scope: frozenset[Right] | None) -> None:
    actor = Actor("ann", scope=scope)
    if scope is None or scope - {READ}:
        require_act(actor, "credit")
        note(session, Tag.DATA_SCORED, "credit", actor=actor, at=NOON)
        return
    with pytest.raises(NotAllowed, match=f"the token is only for {'read' if scope else 'nothing'}"):
        note(session, Tag.DATA_SCORED, "credit", actor=actor, at=NOON)
