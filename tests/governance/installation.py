"""A world whose installation knows its people: users, so that names alone give nobody anything."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import select

from governance.database import transaction
from governance.tables import Assignment, User
from governance.vocabulary import Role, UserKind
from tests.governance.world import NOON, World

PEOPLE = ("will", "rosa", "raul", "ines", "finn", "flora", "otto", "root")
"""Those of the project file, Otto, who is a reader, and an administrator."""


def close(world: World, people: Iterable[str] = PEOPLE, services: Iterable[str] = ("bot",)) -> None:
    """Make users of people and services; from now on rights come from assignments."""
    with transaction(world.engine) as session:
        for name in people:
            session.add(User(name=name, email=f"{name}@mail.test", created_at=NOON))
        for name in services:
            session.add(User(name=name, kind=UserKind.SERVICE, created_at=NOON))
        session.add(Assignment(project_id=None, person="root", role=Role.ADMINISTRATOR))
        session.add(Assignment(project_id=None, person="otto", role=Role.READER))


def assign(world: World, person: str, role: Role, group: str = "") -> None:
    """Give somebody a role everywhere."""
    with transaction(world.engine) as session:
        session.add(Assignment(project_id=None, person=person, role=role, group=group))


def take_away(world: World, person: str) -> None:
    """Take every role from somebody."""
    with transaction(world.engine) as session:
        for row in session.exec(select(Assignment).where(Assignment.person == person)):
            session.delete(row)


def deactivate(world: World, person: str) -> None:
    with transaction(world.engine) as session:
        row = session.exec(select(User).where(User.name == person)).one()
        row.active = False
        session.add(row)


def template_rules(world: World, **rules: object) -> None:
    """Every sign-off has these rules, as if it had begun under a template."""
    from governance.tables import SignOff

    with transaction(world.engine) as session:
        for row in session.exec(select(SignOff)):
            row.configuration = dict(rules)
            row.revision += 1
            session.add(row)
