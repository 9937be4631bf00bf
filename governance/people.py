"""Who may do what on a project, as its ``project.yaml`` assigns them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session, col, select

from governance.project_file import People
from governance.tables import Assignment, Role

Place = tuple[str, Role, str]
"""Person, role, feedback group (empty unless a reviewer)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is on a project.

    Args:
        roles: The roles that the person has.
        groups: The feedback groups that the person reviews for.
    """

    roles: frozenset[Role] = frozenset()
    groups: frozenset[str] = frozenset()


def declared_places(people: People) -> set[Place]:
    """Every place that the people section of a ``project.yaml`` gives to somebody."""
    return {
        *((person, Role.WRITER, "") for person in people.writers),
        *((person, Role.FINAL_APPROVER, "") for person in people.final_approvers),
        *((person, Role.REVIEWER, group) for group, members in people.reviewers.items() for person in members),
    }


def recorded_places(session: Session, project_id: int) -> set[Place]:
    """Every place that the database knows of."""
    rows = session.exec(select(Assignment).where(Assignment.project_id == project_id))
    return {(row.person, row.role, row.group) for row in rows}


def assign(session: Session, project_id: int, people: People) -> None:
    """Give and take places until the database says what the file says."""
    declared, recorded = declared_places(people), recorded_places(session, project_id)
    for person, role, group in recorded - declared:
        session.delete(session.get_one(Assignment, (project_id, person, role, group)))
    for person, role, group in declared - recorded:
        session.add(Assignment(project_id=project_id, person=person, role=role, group=group))
    session.flush()


def standing_of(session: Session, project_id: int, person: str) -> Standing:
    """What a person is on a project; nothing when nobody assigned them."""
    rows = session.exec(
        select(Assignment).where(Assignment.project_id == project_id, col(Assignment.person) == person)
    ).all()
    return Standing(
        roles=frozenset(row.role for row in rows),
        groups=frozenset(row.group for row in rows if row.role is Role.REVIEWER),
    )
