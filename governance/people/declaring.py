"""The people that a ``project.yaml`` names, brought into the assignments of its project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session, select

from governance.project_file import People
from governance.tables import Assignment, ProjectRow
from governance.tables.columns import key_of
from governance.vocabulary import Role

Place = tuple[str, Role, str]
"""Person, role, feedback group (empty unless a reviewer)."""


def declared_places(people: People) -> set[Place]:
    """Every place that the people section of a ``project.yaml`` gives to somebody."""
    return {
        *((person, Role.CONTRIBUTOR, "") for person in people.writers),
        *((person, Role.APPROVER, "") for person in people.final_approvers),
        *((person, Role.REVIEWER, group) for group, members in people.reviewers.items() for person in members),
    }


def recorded_places(session: Session, project_id: int) -> set[Place]:
    """Every place that the database knows of on a project."""
    rows = session.exec(select(Assignment).where(Assignment.project_id == project_id))
    return {(row.person, row.role, row.group) for row in rows}


def last_declared(project: ProjectRow) -> list[list[str]]:
    """The places that the file named when it was last looked at, in order."""
    found: list[list[str]] = (project.declared_people or {"places": []})["places"]
    return found


def bring_in(session: Session, project: ProjectRow, people: People) -> None:
    """Give and take the places that the file names now and did not name before, or the other way round.

    What others have assigned meanwhile stays.
    """
    declared = declared_places(people)
    before = {(person, Role(role), group) for person, role, group in last_declared(project)}
    recorded = {
        (row.person, row.role, row.group): row
        for row in session.exec(select(Assignment).where(Assignment.project_id == project.id))
    }
    for place in (before - declared) & recorded.keys():
        session.delete(recorded[place])
    for place in (declared - before) - recorded.keys():
        person, role, group = place
        session.add(Assignment(project_id=key_of(project), person=person, role=role, group=group))
    declare_only(session, project, people)


def declare_only(session: Session, project: ProjectRow, people: People) -> None:
    """Keep what the file names as known, and give nobody a place for it."""
    project.declared_people = {"places": in_order(declared_places(people))}
    session.add(project)
    session.flush()


def in_order(places: Iterable[tuple[str, Any, str]]) -> list[list[str]]:
    """Places as JSON has them."""
    return sorted([person, str(role), group] for person, role, group in places)
