"""Roles: given to a person or to a group of users, on one project or everywhere, and taken away again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from governance.audit import Tag, note
from governance.authorisation import has_users, may_hold, require
from governance.errors import ActRefused, NotFound, UnusableValue
from governance.people.administrators import require_somebody
from governance.people.groups import find_group
from governance.people.naming import GROUP_NAME_LENGTH, USER_NAME_LENGTH, printable, usable_line, usable_name
from governance.people.turns import one_at_a_time
from governance.people.users import find_user, subject_of
from governance.tables import Assignment, ProjectRow
from governance.vocabulary import Actor, Right, Role, UserKind


def assign_role(
    session: Session,
    person: str,
    role: Role,
    *,
    project_id: int | None,
    group: str = "",
    actor: Actor,
    at: datetime,
) -> Assignment:
    """Give somebody a role; when they have it, nothing is written.

    Args:
        session: Of the act.
        person: Name of a user, or @ and the name of a group of users.
        role: Which.
        project_id: On which project; none: everywhere.
        group: Feedback group, for a reviewer and for nobody else.
        actor: Who does it: an administrator of the project, or of everything for a role everywhere.
        at: When.

    Raises:
        NotAllowed: the actor does not administer that.
        NotFound: there is no such project, user or group.
        ActRefused: a service account never has that role, or the user is deactivated.
        UnusableValue: a reviewer without a feedback group, or somebody else with one.
    """
    one_at_a_time(session)
    subject = _subject(session, person, project_id)
    require(session, actor, Right.ADMINISTER, project_id)
    group = _feedback_group(role, group)
    _require_holder(session, person, role, subject)
    known = _find(session, person, role, project_id, group)
    if known is not None:
        return known
    row = Assignment(project_id=project_id, person=person, role=role, group=group)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # somebody else was faster
        found = _find(session, person, role, project_id, group)
        if found is None:
            raise
        return found
    note(session, Tag.ROLE_ASSIGNED, subject, actor=actor, at=at, after=_facts(row))
    return row


def take_role_away(
    session: Session,
    person: str,
    role: Role,
    *,
    project_id: int | None,
    group: str = "",
    actor: Actor,
    at: datetime,
) -> None:
    """Take a role away at once. What was done in it stays, and so does an approval that was given.

    Raises:
        NotAllowed: the actor does not administer that.
        NotFound: the person does not have the role there.
        ActRefused: nobody would be left who administers everything.
    """
    one_at_a_time(session)
    subject = _subject(session, person, project_id)
    require(session, actor, Right.ADMINISTER, project_id)
    row = _find(session, person, role, project_id, group)
    if row is None:
        known = [f"{one.role} {one.group}".strip() for one in list_assignments(session, project_id, person=person)]
        where = "everywhere" if project_id is None else f"on project {subject!r}"
        raise NotFound(f"role of {printable(person)} {where}", f"{role} {group}".strip(), known, "name one of them")
    if project_id is None:
        require_somebody(session, subject, "take away", without=row)
    before = _facts(row)
    session.delete(row)
    session.flush()
    note(session, Tag.ROLE_TAKEN_AWAY, subject, actor=actor, at=at, before=before)


def list_assignments(session: Session, project_id: int | None, *, person: str | None = None) -> list[Assignment]:
    """The roles on a project, or those everywhere, in order; of one person or group of users, or of all."""
    where = [col(Assignment.project_id) == project_id if project_id else col(Assignment.project_id).is_(None)]
    if person is not None:
        where.append(col(Assignment.person) == person)
    order = (Assignment.role, Assignment.group, Assignment.person)
    return list(session.exec(select(Assignment).where(*where).order_by(*order)))


def _subject(session: Session, person: str, project_id: int | None) -> str:
    """What an assignment is about: a project; or, where it holds everywhere, who gets it."""
    if project_id is None:
        return f"group:{printable(person[1:])}" if person.startswith("@") else subject_of(printable(person))
    project = session.get(ProjectRow, project_id)
    if project is None:
        raise NotFound("project", str(project_id))
    return project.name


def _feedback_group(role: Role, group: str) -> str:
    group = usable_line("feedback group", group, GROUP_NAME_LENGTH)
    if role is Role.REVIEWER and not group:
        raise UnusableValue("feedback group", "a reviewer speaks for one, and none is named", "name it")
    if role is not Role.REVIEWER and group:
        raise UnusableValue("feedback group", f"only reviewers have one, and not a {role}", "leave it out")
    return group


def _require_holder(session: Session, person: str, role: Role, subject: str) -> None:
    """The person can have the role. Where nobody is known yet, every name is somebody."""
    if person.startswith("@"):
        find_group(session, person)
        return
    if not has_users(session):
        usable_name("user", person, USER_NAME_LENGTH)
        return
    user = find_user(session, person)
    if not may_hold(session, Actor(person), role):
        service = user.kind is UserKind.SERVICE
        reason = f"{person} is a service account, and never a {role}" if service else f"{person} is deactivated"
        raise ActRefused(subject, "assign role", [reason])


def _find(session: Session, person: str, role: Role, project_id: int | None, group: str) -> Assignment | None:
    query = select(Assignment).filter_by(person=person, role=role, project_id=project_id, group=group)
    return session.exec(query).first()


def _facts(row: Assignment) -> dict[str, str]:
    facts = {"person": row.person, "role": row.role}
    return facts | ({"group": row.group} if row.group else {})
