"""Where the work meets the world: clock, settings, database, and who acts. Nothing heavy is imported before it is used."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from governance.vocabulary import Actor, Origin, Right

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlmodel import Session

    from governance.notices import Sent
    from governance.project_file import Project
    from governance.scenario_runs import Planned
    from governance.tables import ModelVersion
    from tasks.data.telling import Progress


Written = TypeVar("Written")

PROGRESS: Final = logging.getLogger("driftgate.progress")
"""Whoever runs work in this process can listen to how far it has come."""

_QUIET_SECONDS: Final = 2.0

_SECRET: ContextVar[str | None] = ContextVar("_SECRET", default=None)
"""By what who acts is known, if not by the settings."""

RUN_PATIENCE_SECONDS: Final = 120.0
"""How long the work of a scenario waits for a database that is away or locked; nobody sits there waiting."""

LOOK_AGAIN_SECONDS: Final = 1.0

_PATIENCE: ContextVar[float] = ContextVar("_PATIENCE", default=0.0)
"""Seconds to go on asking for a database that does not answer."""


class TookTooLong(TimeoutError):
    """An attempt at a step was stopped. Not one of ours: no user sees it but as the message of the step."""


@dataclass(slots=True)
class _Step:
    """The step of a scenario that is going on, and what it had done when its run was interrupted."""

    run: int
    root: int
    position: int
    planned: Planned
    inside: _Step | None
    done_before: dict[str, Any] | None
    taken_over: bool = False


_STEP: ContextVar[_Step | None] = ContextVar("_STEP", default=None)

_OVER_THE_PAST: ContextVar[bool] = ContextVar("_OVER_THE_PAST", default=False)


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

    with ExitStack() as stack:
        yield _begun(stack, lambda: database.transaction(_engine(settings().database)))


@contextmanager
def reading() -> Iterator[Session]:
    """One look at the database of the settings; it keeps nobody waiting, and it can't write."""
    from governance import database
    from governance.settings import settings

    with ExitStack() as stack:
        yield _begun(stack, lambda: database.reading(_engine(settings().database)))


@contextmanager
def patiently(seconds: float = RUN_PATIENCE_SECONDS) -> Iterator[None]:
    """Inside, a transaction waits for a database that is away or locked, and only then gives up.

    What has begun is not begun again: only the beginning is waited for.
    """
    token = _PATIENCE.set(seconds)
    try:
        yield
    finally:
        _PATIENCE.reset(token)


def persistently(what: str, write: Callable[[Session], Written]) -> Written:
    """One transaction, tried again as a whole for a while when the database fails in it: it is away, locked or full.

    Args:
        what: Is written, as the subject of a sentence.
        write: Writes; the second time it must find out by itself whether the first was kept after all.

    Raises:
        UnreadableFile: nothing could be written for :data:`RUN_PATIENCE_SECONDS`.
    """
    from sqlalchemy.exc import InterfaceError, OperationalError

    from governance.errors import UnreadableFile

    give_up_at = time.monotonic() + RUN_PATIENCE_SECONDS
    while True:
        try:
            with transaction() as session:
                return write(session)
        except (OperationalError, InterfaceError, UnreadableFile) as error:
            problem = " ".join(str(getattr(error, "orig", None) or error).split())
            if time.monotonic() > give_up_at:
                remedy = (
                    "make room on its disk, or see to its server, then go on with 'driftgate scenario run --continue'"
                )
                raise UnreadableFile("the database", f"{what} can't be recorded there ({problem})", remedy) from error
            logging.getLogger("driftgate").warning("%s can't be recorded, it is tried again: %s", what, problem)
            time.sleep(LOOK_AGAIN_SECONDS)


def _begun(stack: ExitStack, begin: Callable[[], AbstractContextManager[Session]]) -> Session:
    from sqlalchemy.exc import OperationalError

    from governance.errors import UnreadableFile

    give_up_at = time.monotonic() + _PATIENCE.get()
    while True:
        try:
            return stack.enter_context(begin())
        except (OperationalError, UnreadableFile) as error:
            if time.monotonic() > give_up_at:
                raise
            logging.getLogger("driftgate").warning("The database does not answer; it is asked again (%s)", error)
            time.sleep(LOOK_AGAIN_SECONDS)


@contextmanager
def in_step(
    run: int, root: int, position: int, planned: Planned, done_before: Mapping[str, Any] | None = None
) -> Iterator[None]:
    """Inside, a step of a scenario goes on, and :func:`keep` writes down what it has done.

    Args:
        run: Number of the run.
        root: Number of the run that it goes on with, or its own.
        position: Of the step, from 0.
        planned: What the step is, and is asked.
        done_before: What the step had kept already when its run was interrupted.
    """
    before = None if done_before is None else dict(done_before)
    token = _STEP.set(_Step(run, root, position, planned, _STEP.get(), before))
    try:
        yield
    finally:
        _STEP.reset(token)


def enclosing_runs() -> list[int]:
    """Numbers of the runs whose step this is done for, the innermost first; none outside of a step.

    Example:
        >>> with in_step(5, 5, 0, ("Retrain", "run_scenario", "")), in_step(6, 6, 2, ("Train", "train", "")):
        ...     enclosing_runs()
        [6, 5]
    """
    found, step = [], _STEP.get()
    while step is not None:
        found.append(step.run)
        step = step.inside
    return found


@contextmanager
def over_the_past(does: bool = True) -> Iterator[None]:
    """Inside, runs of scenarios are those of a backfill. Nobody else's word is taken for that."""
    token = _OVER_THE_PAST.set(does)
    try:
        yield
    finally:
        _OVER_THE_PAST.reset(token)


def is_over_the_past() -> bool:
    """Whether this is done for a backfill.

    Example:
        >>> with over_the_past():
        ...     is_over_the_past()
        True
        >>> is_over_the_past()
        False
    """
    return _OVER_THE_PAST.get()


def once(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the step that is going on has done: what it kept before it was interrupted, or else what ``work`` gives.

    A story calls its work through this, so that a run that goes on after a failure does nothing twice. What comes after,
    such as the outcome and the message of the step, is made again from what was kept.

    Args:
        work: Does something and gives what it made; somewhere inside it calls :func:`keep`.

    Example:
        >>> once(lambda: {"version": 2})
        {'version': 2}
        >>> with in_step(5, 4, 0, ("Train", "train", ""), {"version": 2}):
        ...     once(lambda: {"version": 3})
        {'version': 2}
    """
    kept = kept_before()
    return work() if kept is None else kept


def kept_before() -> dict[str, Any] | None:
    """What the step that is going on has kept so far, in this run or before it was interrupted; none: nothing.

    A story that does two things, one after the other, sees by it which of them is done.
    """
    step = _STEP.get()
    if step is None or step.done_before is None:
        return None
    step.taken_over = True
    return dict(step.done_before)


def keep(session: Session, result: Mapping[str, Any]) -> None:
    """Write down, in the transaction that does it, what the step that is going on has done. Outside of a step: nothing.

    A step that does two things, one after the other, calls it in both transactions: what is kept grows.

    Args:
        session: Of the act.
        result: What the story of the step needs to end again as it would have; must fit into JSON.

    Raises:
        ChangedMeanwhile: the run of the step has ended meanwhile, or the step had done this before and did not ask
            :func:`once` or :func:`kept_before`; nothing is written then, nor what the transaction was for.
    """
    from governance import scenario_runs
    from governance.errors import ChangedMeanwhile

    step = _STEP.get()
    if step is None:
        return
    if step.done_before is not None and not step.taken_over:
        subject = f"step {step.position} of run {step.run}"
        raise ChangedMeanwhile(subject, "nothing done yet", "what it did before it was interrupted")
    kept = {**(step.done_before or {}), **result}
    scenario_runs.keep_effect(
        session, step.run, root=step.root, position=step.position, step=step.planned, result=kept, at=now()
    )
    step.done_before, step.taken_over = kept, True  # only now: what the database refused is not done


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


def send_reports(*, within: float, round_seconds: float) -> Sent:
    """Send the reports whose time has come, each within so many seconds; none is begun after the seconds of a round."""
    import os

    from governance import reports
    from governance.settings import settings

    end = time.monotonic() + round_seconds
    engine = _engine(settings().database)
    return reports.send_due(engine, os.environ.get, now=now(), within=within, enough=lambda: time.monotonic() > end)


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
