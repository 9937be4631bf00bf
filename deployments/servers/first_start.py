"""Who acts when ``driftgate serve`` runs: an administrator from the first start on, and a service account for flows."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import Session

from governance import authorisation, people
from governance.database import open_database, transaction
from governance.errors import ActRefused, NotFound
from governance.settings import Settings
from governance.tables import User
from governance.vocabulary import SYSTEM, Origin, Right, Role, UserKind

RUNNER: Final = "runner"
"""Name of the service account that flows run as, when a schedule or a page starts them."""

LIFE: Final = timedelta(days=400)
"""How long its token holds; every start makes a new one."""

SCOPE: Final = frozenset(Right) - authorisation.NEVER_OF_A_SERVICE


def close(settings: Settings, say: Callable[[str], None]) -> None:
    """Where nobody is known yet, make an administrator of the user of the settings, and log them in at this home.

    The installation is closed last: when their log-in is kept, and their password, which is nowhere else, was said.
    Whatever goes wrong before leaves it open.

    Args:
        settings: Of the home.
        say: Is told who the administrator is, and the password.
    """
    with ExitStack() as undoing, _transaction(settings) as session:
        people.one_at_a_time(session)
        if authorisation.has_users(session):
            return
        at, password = datetime.now(UTC), people.new_password()
        user = people.create_administrator(session, settings.user, password=password, actor=SYSTEM, at=at)
        logged_in = people.begin_log_in(session, user, address=platform.node(), at=at, origin=Origin.COMMAND)
        settings.keep_secret(logged_in.secret)
        undoing.push(lambda kind, _error, _traceback: settings.keep_secret(None) if kind is not None else None)
        say(f"The administrator is {settings.user}, logged in at this home.")
        say(f"Password, shown this one time: {password}")


def token_of_runner(settings: Settings) -> str | None:
    """A fresh token for the flows that this home runs; the one of an earlier start ends.

    Returns:
        Its secret, for the environment of the worker and for nothing else; none: nobody is known here, so flows need
        none.

    Raises:
        ActRefused: a person has the name of the service account.
    """
    with _transaction(settings) as session:
        if not authorisation.has_users(session):
            return None
        at, name = datetime.now(UTC), f"{platform.node()}:{settings.home.resolve()}"[-80:]
        user = _runner(session)
        for token in people.list_tokens(session, user):
            if token.name == name and token.revoked_at is None:
                people.revoke_token(session, token, actor=SYSTEM, at=at)
        _, secret = people.create_token(
            session, user, name=name, scope=SCOPE, expires_at=at + LIFE, actor=SYSTEM, at=at
        )
    return secret


@contextmanager
def _transaction(settings: Settings) -> Iterator[Session]:
    engine = open_database(settings.database, audit_key=settings.audit_key_bytes)
    try:
        with transaction(engine) as session:
            yield session
    finally:
        engine.dispose()


def _runner(session: Session) -> User:
    """The service account, made or found. A role that an administrator has taken from it stays taken."""
    at = datetime.now(UTC)
    try:
        user = people.find_user(session, RUNNER)
    except NotFound:
        user = people.create_user(session, RUNNER, kind=UserKind.SERVICE, actor=SYSTEM, at=at)
        people.assign_role(session, RUNNER, Role.CONTRIBUTOR, project_id=None, actor=SYSTEM, at=at)
    if user.kind is not UserKind.SERVICE:
        reason = f"flows run as the service account {RUNNER!r}, and a person has that name: users keep their names"
        raise ActRefused(f"user:{RUNNER}", "serve", [reason])
    return user
