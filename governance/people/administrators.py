"""Who administers everything: there is always somebody. And the order in which acts on people go."""

from __future__ import annotations

from sqlmodel import Session, col, select

from governance.errors import ActRefused
from governance.tables import Assignment, AuditHead, Membership, User, UserGroup
from governance.vocabulary import Role, UserKind


def one_at_a_time(session: Session) -> None:
    """Wait until nobody else acts on people, and keep others waiting until the transaction ends.

    Two acts that each leave one administrator could leave none together; a log-in could outlive the password it was
    made with. What is locked is the end of the audit trail, which every act needs at its own end anyway.
    """
    session.exec(select(AuditHead).with_for_update()).one()


def administrators(
    session: Session,
    *,
    without_user: int | None = None,
    without_assignment: int | None = None,
    without_membership: tuple[int, int] | None = None,
) -> set[str]:
    """Names of the active people who administer everything, by themselves or in a group.

    Args:
        session: To read with.
        without_user: Key of a user who is thought away.
        without_assignment: Key of an assignment that is thought away.
        without_membership: Keys of group and user of a membership that is thought away.
    """
    overall = select(Assignment).where(
        col(Assignment.project_id).is_(None), Assignment.role == Role.ADMINISTRATOR, Assignment.id != without_assignment
    )
    named = {row.person for row in session.exec(overall)}
    people = {
        user.id: user.name
        for user in session.exec(select(User).where(col(User.active), User.kind == UserKind.PERSON))
        if user.id != without_user
    }
    found = {name for name in people.values() if name in named}
    memberships = session.exec(
        select(Membership).join(UserGroup).where(col(UserGroup.name).in_([name.removeprefix("@") for name in named]))
    )
    groups = {group.id: f"@{group.name}" for group in session.exec(select(UserGroup))}
    for row in memberships:
        if (row.group_id, row.user_id) != without_membership and groups[row.group_id] in named:
            found |= {people[row.user_id]} if row.user_id in people else set()
    return found


def require_somebody(
    session: Session,
    subject: str,
    action: str,
    *,
    without_user: int | None = None,
    without_assignment: int | None = None,
    without_membership: tuple[int, int] | None = None,
) -> None:
    """Refuse what would leave nobody who administers everything.

    Raises:
        ActRefused: there is somebody now, and there would be nobody.
    """
    left = administrators(
        session,
        without_user=without_user,
        without_assignment=without_assignment,
        without_membership=without_membership,
    )
    if not left and administrators(session):
        raise ActRefused(subject, action, ["nobody would be left who administers everything: name another one first"])
