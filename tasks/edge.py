"""Where the work meets the world: clock, settings, database, and who acts. Nothing heavy is imported before it is used."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from governance.vocabulary import Actor, Origin, Right

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from governance.notices import Sent
    from governance.project_file import Project
    from governance.tables import ModelVersion
    from tasks.data.telling import Progress


PROGRESS: Final = logging.getLogger("driftgate.progress")
"""Whoever runs work in this process can listen to how far it has come."""

_QUIET_SECONDS: Final = 2.0

_SECRET: ContextVar[str | None] = ContextVar("_SECRET", default=None)
"""By what who acts is known, if not by the settings."""


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def acting(name: str | None, origin: Origin = Origin.FLOW) -> Actor:
    """Who acts. Every command and every flow asks here, and nowhere else.

    An installation without users takes people at their word: it is the person named, else the user of the settings.
    Otherwise it is who stands behind the token of the settings, or behind the log-in that is kept in the home folder.

    Args:
        name: Who is said to act; none: whoever it is.
        origin: From where.

    Raises:
        NotLoggedIn: nobody is logged in, or somebody else than is named.
    """
    from governance import authorisation, people
    from governance.errors import NotLoggedIn
    from governance.settings import settings

    with reading() as session:
        if not authorisation.has_users(session):
            return Actor(name or settings().user, origin)
        secret = _SECRET.get() or settings().secret
        if not secret:
            remedy = "log in with 'driftgate log-in NAME', or set DRIFTGATE_TOKEN"
            raise NotLoggedIn("this installation knows its people, and nobody said who acts", remedy)
        found = people.identify(session, secret, origin=origin, at=now())
    if name not in {None, found.name}:
        problem = f"--as {name}: you are logged in as {found.name}"
        raise NotLoggedIn(problem, f"log in as {name} with 'driftgate log-in {name}'")
    if found.scope is not None:
        _note_use(secret)
    return found


@contextmanager
def known_by(secret: str) -> Iterator[None]:
    """Inside, who acts is known by this secret, whatever the settings say."""
    token = _SECRET.set(secret)
    try:
        yield
    finally:
        _SECRET.reset(token)


@cache
def _note_use(secret: str) -> None:
    """Once in a process, which is soon enough; at first, when no transaction of ours is in the way."""
    from governance import people

    with transaction() as session:
        people.note_use(session, secret, at=now())


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


@contextmanager
def looking_at(project: Project, actor: Actor | None = None) -> Iterator[Session]:
    """One look at what is recorded of a project, by somebody who may see it.

    Raises:
        NotAllowed: they may not read it.
        NotLoggedIn: as for :func:`acting`.
    """
    from governance import authorisation, registry
    from governance.errors import NotFound

    who = actor or acting(None, Origin.COMMAND)
    with reading() as session:
        with suppress(NotFound):  # of what is not recorded yet there is nothing to see
            row = registry.find_project(session, project.project)
            authorisation.require(session, who, Right.READ, row.id)
        yield session


@cache
def _engine(url: str) -> Engine:
    from governance import database
    from governance.settings import settings

    found = settings()
    pause = timedelta(days=found.longest_pause_days)
    return database.open_database(url, audit_key=found.audit_key_bytes, longest_pause=pause)


@contextmanager
def writing(project: Project, actor: Actor) -> Iterator[Session]:
    """As :func:`known`, by somebody who may write there: asked before the work, not when it is to be recorded."""
    from governance import authorisation, registry

    with known(project, actor) as session:
        authorisation.require(session, actor, Right.WRITE, registry.find_project(session, project.project).id)
        yield session


def send_notices() -> Sent | None:
    """Send the notices whose time has come; none: there is no mail server."""
    from governance import notices
    from governance.settings import settings

    url = settings().mail_url
    if url is None:
        return None
    return notices.send_due(_engine(settings().database), url.get_secret_value(), now=now())


@contextmanager
def known(project: Project, actor: Actor) -> Iterator[Session]:
    """One transaction, for an act, on a database that knows the project as its file says now.

    Raises:
        NotAllowed: the actor may not even read there, or may not make known what the file says now.
    """
    from governance import authorisation, registry

    with transaction() as session:
        row = registry.register_project(session, project, actor=actor, at=now())
        authorisation.require(session, actor, Right.READ, row.id)
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
