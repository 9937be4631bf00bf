"""Where the work meets the world: clock, settings, database, and who acts. Nothing heavy is imported before it is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from governance.vocabulary import Origin

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project
    from governance.tables import ModelVersion


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def acting(name: str | None, origin: Origin = Origin.FLOW) -> Actor:
    """Who acts: the person named, else the user of the settings."""
    from governance.audit import Actor
    from governance.settings import settings

    return Actor(name or settings().user, origin)


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction on the database of the settings: commit at the end, roll back on any exception."""
    from governance import database
    from governance.settings import settings

    with database.transaction(_engine(settings().database)) as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """One look at the database of the settings; it keeps nobody waiting, and it can't write."""
    from governance import database
    from governance.settings import settings

    with database.reading(_engine(settings().database)) as session:
        yield session


@cache
def _engine(url: str) -> Engine:
    from governance import database

    return database.open_database(url)


@contextmanager
def known(project: Project, actor: Actor) -> Iterator[Session]:
    """One transaction, for an act, on a database that knows the project as its file says now."""
    from governance import registry

    with transaction() as session:
        registry.register_project(session, project, actor=actor, at=now())
        yield session


def find_version(
    session: Session, project: Project, model: str, reference: str, environment: str | None = None
) -> ModelVersion:
    """The version that a number, ``latest``, or ``active`` in an environment means; by default the monitored one.

    Raises:
        NotFound: with the remedy.
    """
    from governance import registry

    registry.find_project(session, project.project)
    where = environment or project.monitored_environment
    place = registry.find_environment(session, project.project, where) if reference == "active" else None
    return registry.find_version(session, registry.find_model(session, project.project, model), reference, place)
