"""Groups of users, who are given roles together. In assignments a group has an @ in front."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from governance.audit import Tag, note
from governance.authorisation import require
from governance.errors import ActRefused, NotFound, UnusableName
from governance.people.administrators import require_somebody
from governance.people.changing import change, look_again
from governance.people.naming import GROUP_NAME_LENGTH, printable, usable_name
from governance.people.turns import one_at_a_time
from governance.tables import Membership, User, UserGroup
from governance.tables.columns import key_of
from governance.vocabulary import Actor, Right


def create_group(session: Session, name: str, *, actor: Actor, at: datetime) -> UserGroup:
    """Make a group without members.

    Raises:
        NotAllowed: only administrators of everything do that.
        UnusableName: it can't be a name, or another group has it.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    group = UserGroup(name=usable_name("group", name, GROUP_NAME_LENGTH))
    try:
        with session.begin_nested():
            session.add(group)
    except IntegrityError:
        raise UnusableName("group", name, "another group has that name", "choose another") from None
    note(session, Tag.GROUP_CREATED, f"group:{group.name}", actor=actor, at=at, after={"members": []})
    return group


def add_to_group(
    session: Session,
    group: UserGroup,
    user: User,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> UserGroup:
    """Give a user everything that a group has.

    Raises:
        NotAllowed: only administrators of everything do that.
        ActRefused: the user is deactivated.
        ChangedMeanwhile: somebody else changed the group first; nothing was written.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    subject = f"group:{group.name}"
    found = look_again(session, group, expected_revision, subject)
    if not session.get_one(User, user.id, populate_existing=True).active:
        raise ActRefused(subject, "add", [f"{user.name} is deactivated"])
    before = members_of(session, found)
    if user.name in before:
        return found
    after = change(session, found, subject)
    session.add(Membership(group_id=key_of(found), user_id=key_of(user)))
    session.flush()
    _note(session, after, before, actor=actor, at=at)
    return after


def remove_from_group(
    session: Session,
    group: UserGroup,
    user: User,
    *,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> UserGroup:
    """Take from a user what only the group had given.

    Raises:
        NotAllowed: only administrators of everything do that.
        NotFound: the user is not in the group.
        ActRefused: nobody would be left who administers everything.
        ChangedMeanwhile: somebody else changed the group first; nothing was written.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    subject = f"group:{group.name}"
    found = look_again(session, group, expected_revision, subject)
    before = members_of(session, found)
    if user.name not in before:
        raise NotFound(f"member of group {found.name!r}", user.name, before, "name one of them")
    row = session.get_one(Membership, (key_of(found), key_of(user)))
    require_somebody(session, subject, "remove", without=row)
    after = change(session, found, subject)
    session.delete(row)
    session.flush()
    _note(session, after, before, actor=actor, at=at)
    return after


def find_group(session: Session, name: str) -> UserGroup:
    """The group of that name, with or without the @ in front. Raises: NotFound."""
    plain = name.removeprefix("@")
    found = session.exec(
        select(UserGroup).where(UserGroup.name == plain).execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("group", printable(name), [group.name for group in list_groups(session)], "name one of them")
    return found


def list_groups(session: Session) -> list[UserGroup]:
    """Every group, by name."""
    return list(session.exec(select(UserGroup).order_by(UserGroup.name)))


def members_of(session: Session, group: UserGroup) -> list[str]:
    """Names of the users in a group, in order."""
    names = select(User.name).join(Membership).where(Membership.group_id == group.id)
    return list(session.exec(names.order_by(User.name)))


def _note(session: Session, group: UserGroup, before: list[str], *, actor: Actor, at: datetime) -> None:
    now = {"members": members_of(session, group)}
    was = {"members": before}
    note(session, Tag.GROUP_CHANGED, f"group:{group.name}", actor=actor, at=at, before=was, after=now)
