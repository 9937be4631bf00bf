"""Who has to be told: the people behind a role."""

from __future__ import annotations

from sqlmodel import Session, col, or_, select

from governance.tables import Assignment, Membership, User, UserGroup
from governance.vocabulary import Role


def holders_of(session: Session, project_id: int, role: Role) -> list[str]:
    """Names of the active people who have a role on a project, by themselves or in a group, in alphabetical order.

    In an installation without users: everybody who is assigned.
    """
    where = or_(col(Assignment.project_id).is_(None), col(Assignment.project_id) == project_id)
    assigned = set(session.exec(select(Assignment.person).where(where, col(Assignment.role) == role)))
    groups = [name.removeprefix("@") for name in assigned if name.startswith("@")]
    members = select(User.name).join(Membership).join(UserGroup).where(col(UserGroup.name).in_(groups))
    names = {name for name in assigned if not name.startswith("@")} | set(session.exec(members))
    users = dict(session.exec(select(User.name, User.active).where(col(User.name).in_(names))).all())
    if session.exec(select(User.id).limit(1)).first() is None:
        return sorted(names)
    return sorted(name for name in names if users.get(name, False))
