"""Where the work meets the world: clock, settings, database, and who acts. Nothing heavy is imported before it is used."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final

from governance.vocabulary import Origin

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from governance.audit import Actor
    from governance.project_file import Project
    from governance.tables import ModelVersion
    from tasks.data.telling import Progress


PROGRESS: Final = logging.getLogger("driftgate.progress")
"""Whoever runs work in this process can listen to how far it has come."""

_QUIET_SECONDS: Final = 2.0


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def acting(name: str | None, origin: Origin = Origin.FLOW) -> Actor:
    """Who acts: the person named, else the user of the settings."""
    from governance.audit import Actor
    from governance.settings import settings

    return Actor(name or settings().user, origin)


def progress() -> Progress:
    """Somebody to tell how far the work has come: a stage in words, and the share that is done, 0 to 1, if it is known.

    It is written to the log of the run, at most every two seconds, and to :data:`PROGRESS`. The first two seconds of
    the work are nobody's business.
    """
    from prefect import get_run_logger
    from prefect.exceptions import MissingContextError

    try:
        listeners: list[logging.Logger | logging.LoggerAdapter[logging.Logger]] = [PROGRESS, get_run_logger()]
    except MissingContextError:
        listeners = [PROGRESS]
    told = time.monotonic()

    def tell(stage: str, share: float | None = None) -> None:
        nonlocal told
        if time.monotonic() - told < _QUIET_SECONDS:
            return
        told = time.monotonic()
        sentence = stage if share is None else f"{stage}: {share:.0%}"
        for listener in listeners:
            listener.info("%s", sentence)

    return tell


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
    from governance.settings import settings

    return database.open_database(url, audit_key=settings().audit_key_bytes)


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
