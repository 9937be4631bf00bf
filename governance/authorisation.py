"""Who may do what: one table of rights, and the one function that every service asks.

An installation without users takes names at their word: it is one person's, or a team's that trusts each other, and
only the rules of the sign-off hold. With the first user that ends, for every command, flow, page and request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, or_, select

from governance.errors import NotAllowed
from governance.tables import Assignment, Membership, ProjectRow, User, UserGroup
from governance.vocabulary import Actor, Origin, Right, Role, UserKind

RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.READER: frozenset({Right.READ}),
        Role.CONTRIBUTOR: frozenset({Right.READ, Right.WRITE}),
        Role.REVIEWER: frozenset({Right.READ, Right.REVIEW}),
        Role.APPROVER: frozenset({Right.READ, Right.APPROVE}),
        Role.ADMINISTRATOR: frozenset({Right.READ, Right.WRITE, Right.ADMINISTER}),
    }
)
"""What each role lets somebody do. Reviewing takes a feedback group besides; an administrator approves nothing."""

PROPER: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {role: rights - {Right.READ} or rights for role, rights in RIGHTS.items()}
)
"""The rights without which a role is none."""

NEVER_OF_A_SERVICE: Final = frozenset({Right.REVIEW, Right.APPROVE, Right.ADMINISTER})
"""Rights that no role gives to a service account."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is on a project.

    Args:
        roles: The roles that hold there, as far as the token lets them be used.
        groups: The feedback groups that the person reviews for.
        rights: What the roles add up to.
    """

    roles: frozenset[Role] = frozenset()
    groups: frozenset[str] = frozenset()
    rights: frozenset[Right] = frozenset()


def has_users(session: Session) -> bool:
    """Whether this installation knows its people, and takes nobody at their word."""
    return session.exec(select(User.id).limit(1)).first() is not None


def standing_of(session: Session, project_id: int | None, actor: Actor) -> Standing:
    """What somebody is on a project, or everywhere; nothing when nobody assigned them, or they are no user any more.

    Args:
        session: To read with.
        project_id: Which project; none: only what holds everywhere.
        actor: Who, with the scope of their token.
    """
    user = session.exec(select(User).where(User.name == actor.name).execution_options(populate_existing=True)).first()
    if user is None and has_users(session):
        return Standing()
    if user is not None and not user.active:
        return Standing()
    rows = session.exec(
        select(Assignment).where(_there(project_id), col(Assignment.person).in_(_names_of(session, user, actor)))
    ).all()
    held = [row for row in rows if _usable(row.role, user, actor.scope) >= PROPER[row.role]]
    return Standing(
        roles=frozenset(row.role for row in held),
        groups=frozenset(row.group for row in held if row.role is Role.REVIEWER and row.group),
        rights=frozenset().union(*(_usable(row.role, user, actor.scope) for row in rows)),
    )


def holders(
    session: Session, role: Role, project_id: int | None, *, without: User | Assignment | Membership | None = None
) -> list[str]:
    """Names of the active people who have a role, by themselves or in a group of users, in alphabetical order.

    A service account is nobody here: there is nobody to tell, or to ask. In an installation without users it is
    everybody who is assigned.

    Args:
        session: To read with.
        role: Which.
        project_id: On which project; none: only who has it everywhere.
        without: A row that is thought away.
    """
    assignments = select(Assignment).where(_there(project_id), Assignment.role == role)
    assigned = {row.person for row in session.exec(assignments) if row is not without}
    if not has_users(session):
        return sorted(name for name in assigned if not name.startswith("@"))
    groups = [name.removeprefix("@") for name in assigned if name.startswith("@")]
    memberships = select(Membership).join(UserGroup).where(col(UserGroup.name).in_(groups))
    members = {row.user_id for row in session.exec(memberships) if row is not without}
    people = select(User).where(
        col(User.active), User.kind == UserKind.PERSON, or_(col(User.name).in_(assigned), col(User.id).in_(members))
    )
    return sorted(user.name for user in session.exec(people) if user is not without)


def may_hold(session: Session, actor: Actor, role: Role) -> bool:
    """Whether somebody could have a role if it was given to them: an active person, with a token that reaches as far."""
    user = session.exec(select(User).where(User.name == actor.name).execution_options(populate_existing=True)).first()
    if user is None:
        return not has_users(session)
    return user.active and _usable(role, user, actor.scope) >= PROPER[role]


def _usable(role: Role, user: User | None, scope: frozenset[Right] | None) -> frozenset[Right]:
    """The rights of a role that are left to a user with a token."""
    withheld = NEVER_OF_A_SERVICE if user is not None and user.kind is UserKind.SERVICE else frozenset()
    return (RIGHTS[role] if scope is None else RIGHTS[role] & scope) - withheld


def may(session: Session, actor: Actor, right: Right, project_id: int | None) -> bool:
    """Whether somebody has a right on a project, or everywhere when none is named."""
    if actor.origin is Origin.SYSTEM or not has_users(session):
        return True
    return right in standing_of(session, project_id, actor).rights


def require(session: Session, actor: Actor, right: Right, project_id: int | None) -> None:
    """Go on only if somebody has a right.

    Every service that begins something asks it first, and so does one that ends a run of a scenario. What only ends what
    is one's own does not: a log-in is ended by who has its secret. Signing asks for what the table of its moves names
    instead.

    Args:
        session: Of the act.
        actor: Who acts. The system itself may do everything.
        right: Which.
        project_id: On which project; none: everywhere.

    Raises:
        NotAllowed: they don't have it; in an installation without users everybody has.
    """
    if may(session, actor, right, project_id):
        return
    subject = "the whole installation" if project_id is None else f"project {_name_of(session, project_id)!r}"
    roles = " or ".join(role for role, rights in RIGHTS.items() if right in rights)
    wider = Actor(actor.name, actor.origin)
    problem = f"that takes the role {roles}"
    if actor.scope is not None and may(session, wider, right, project_id):
        problem = _reach(actor.scope)
    raise NotAllowed(actor.name, right, subject, problem)


def require_act(actor: Actor, subject: str) -> None:
    """Go on only if somebody's token is for more than reading. Every line of the audit trail asks it.

    So a token to read writes nothing, though acts that touch nobody else, such as to subscribe to an item or to export
    the trail, take no more than the right to read.

    Args:
        actor: Who acts.
        subject: On what.

    Raises:
        NotAllowed: it is not.
    """
    if actor.scope is not None and actor.scope <= {Right.READ}:
        raise NotAllowed(actor.name, Right.WRITE, repr(subject), _reach(actor.scope))


def visible_projects(session: Session, actor: Actor) -> list[int] | None:
    """Keys of the projects that somebody may read; none: all of them."""
    if may(session, actor, Right.READ, None):
        return None
    user = session.exec(select(User).where(User.name == actor.name, col(User.active))).first()
    if user is None:
        return []
    rows = session.exec(select(Assignment).where(col(Assignment.person).in_(_names_of(session, user, actor)))).all()
    readable = (row.project_id for row in rows if Right.READ in _usable(row.role, user, actor.scope))
    return sorted({key for key in readable if key is not None})


def _there(project_id: int | None) -> ColumnElement[bool]:
    """Assignments that hold on a project, or everywhere when none is named."""
    everywhere = col(Assignment.project_id).is_(None)
    return everywhere if project_id is None else or_(everywhere, col(Assignment.project_id) == project_id)


def _reach(scope: Collection[Right]) -> str:
    """Why a token is not enough, in a clause."""
    return f"the token is only for {', '.join(sorted(scope)) or 'nothing'}"


def _names_of(session: Session, user: User | None, actor: Actor) -> list[str]:
    """The names under which somebody is assigned: their own, and those of their groups."""
    if user is None:
        return [actor.name]
    groups = session.exec(select(UserGroup.name).join(Membership).where(Membership.user_id == user.id)).all()
    return [actor.name, *(f"@{name}" for name in groups)]


def _name_of(session: Session, project_id: int) -> str:
    return session.get_one(ProjectRow, project_id).name
