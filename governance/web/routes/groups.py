"""Groups of users, who are given roles together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sqlmodel import col, select

from governance import people
from governance.authorisation import require
from governance.listing import Listing, Page
from governance.tables import UserGroup
from governance.vocabulary import Right
from governance.web.documents import Line, Sent, Told, example
from governance.web.parameters import Wanted
from governance.web.routing import Act, Routes
from governance.web.visible import Name

ROUTES: Final = Routes("groups", "Users who are given roles together; as '@name' in roles.")

GROUPS: Final = Listing(
    {"id": col(UserGroup.id), "name": col(UserGroup.name)}, key=col(UserGroup.id), default_sort="name"
)


class GroupTold(Told):
    """A group."""

    id: int
    name: str
    revision: int


class WholeGroupTold(GroupTold):
    """A group with its members."""

    members: list[str]


class GroupSent(Sent):
    """A new group."""

    model_config = example(name="risk-office")

    name: Line


@ROUTES.lists("/groups", GROUPS, GroupTold)
def list_groups(act: Act, wanted: Wanted) -> Page[UserGroup]:
    """Every group; for those who administer everything, as are the others."""
    require(act.session, act.actor, Right.ADMINISTER, None)
    return wanted.page(act.session, select(UserGroup), GROUPS)


@ROUTES.reads("/groups/{group}", WholeGroupTold)
def show_group(act: Act, group: Name) -> dict[str, Any]:
    """One group with its members."""
    return _told(act, _found(act, group))


@ROUTES.makes("/groups", WholeGroupTold)
def create_group(act: Act, body: GroupSent) -> dict[str, Any]:
    """Make a group without members."""
    return _told(act, people.create_group(act.session, body.name, actor=act.actor, at=act.at))


@ROUTES.changes("PUT", "/groups/{group}/members/{user}", WholeGroupTold)
def add_to_group(act: Act, group: Name, user: Name) -> dict[str, Any]:
    """Give a user everything that a group has."""
    return _changed(act, group, user, people.add_to_group)


@ROUTES.changes("DELETE", "/groups/{group}/members/{user}", WholeGroupTold)
def remove_from_group(act: Act, group: Name, user: Name) -> dict[str, Any]:
    """Take from a user what only the group had given."""
    return _changed(act, group, user, people.remove_from_group)


def _changed(act: Act, group: str, user: str, change: Callable[..., UserGroup]) -> dict[str, Any]:
    found, member = _found(act, group), people.find_user(act.session, user)
    revision = act.expected_revision
    return _told(act, change(act.session, found, member, actor=act.actor, at=act.at, expected_revision=revision))


def _found(act: Act, name: str) -> UserGroup:
    require(act.session, act.actor, Right.ADMINISTER, None)
    return people.find_group(act.session, name)


def _told(act: Act, group: UserGroup) -> dict[str, Any]:
    return group.model_dump() | {"members": people.members_of(act.session, group)}
