"""Logging in and out, and knowing by a secret who somebody is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select, update

from governance.audit import Tag, note
from governance.errors import NotLoggedIn
from governance.people import passwords
from governance.people.limits import Refusal, count_failure, seconds_to_wait
from governance.people.naming import printable
from governance.people.secrecy import LOG_IN, TOKEN, hash_of_secret, moment_of, new_secret
from governance.people.turns import one_at_a_time
from governance.people.users import subject_of
from governance.tables import ApiToken, LogIn, User
from governance.tables.columns import key_of
from governance.vocabulary import SYSTEM, Actor, Origin, Right, UserKind

LIFE: Final = timedelta(hours=12)
"""How long a log-in lasts."""

USE_KEPT_FOR: Final = timedelta(minutes=5)
"""The last use of a token is known to within so much, so that not every request has to write."""

_AGAIN: Final = "log in again with 'driftgate log-in NAME', or set DRIFTGATE_TOKEN"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody who is known now.

    Args:
        user: Their name.
        secret: Stands for them; it is nowhere else, only a hash is kept.
        expires_at: When it ends by itself.
    """

    user: str
    secret: str = field(repr=False)
    expires_at: datetime


def log_in(
    session: Session, name: str, password: str, *, address: str, at: datetime, origin: Origin = Origin.PAGE
) -> LoggedIn | Refusal:
    """Know somebody by their password. Never raises for a wrong one, since the failure has to be kept.

    Args:
        session: Of the log-in; it has to be committed in any case.
        name: As it was typed.
        password: As it was typed.
        address: Where it comes from: that of a network, or ``terminal`` with the user of the system.
        at: When.
        origin: From where.
    """
    typed, address = printable(name), printable(address, 64)
    if wait := seconds_to_wait(session, typed, address, at=at):
        return Refusal(wait)
    user = session.exec(select(User).where(User.name == typed).execution_options(populate_existing=True)).first()
    known = user if user is not None and user.active and user.kind is UserKind.PERSON else None
    right = passwords.is_right(known.password_hash if known else None, password)
    if known is None or known.password_hash is None or not right:
        count_failure(session, typed, address, at=at)
        nobody = Actor(SYSTEM.name, origin)
        # What was typed for a name may be a password: it stays in the trail for ever only if somebody has that name.
        subject = subject_of(typed) if user is not None else "user:"
        note(session, Tag.USER_LOG_IN_FAILED, subject, actor=nobody, at=at, after={"address": address})
        return Refusal()
    one_at_a_time(session)
    verified = known.password_hash
    session.refresh(known)
    if known.password_hash != verified or not known.active:  # it was changed while it was looked at
        return Refusal()
    if passwords.is_outdated(verified):
        known.password_hash = passwords.kept_anew(password)
        session.add(known)
    return begin_log_in(session, known, address=address, at=at, origin=origin)


def begin_log_in(session: Session, user: User, *, address: str, at: datetime, origin: Origin) -> LoggedIn:
    """Let somebody in who was made sure of elsewhere: by the password, or by an OpenID Connect provider.

    Raises:
        NotLoggedIn: they are deactivated, or a service.
    """
    one_at_a_time(session)
    session.flush()
    found = session.get_one(User, user.id, populate_existing=True)
    if not found.active or found.kind is UserKind.SERVICE:
        problem = f"{found.name} is deactivated" if not found.active else f"{found.name} is a service account"
        raise NotLoggedIn(problem, "ask an administrator")
    secret, expires_at = new_secret(LOG_IN), at + LIFE
    session.add(LogIn(user_id=key_of(found), secret_hash=hash_of_secret(secret), began_at=at, expires_at=expires_at))
    session.flush()
    actor, after = Actor(found.name, origin), {"address": printable(address, 64)}
    note(session, Tag.USER_LOGGED_IN, subject_of(found), actor=actor, at=at, after=after)
    return LoggedIn(found.name, secret, expires_at)


def log_out(session: Session, secret: str, *, at: datetime, origin: Origin = Origin.PAGE) -> bool:
    """End a log-in. False when it had ended before, or was none."""
    one_at_a_time(session)
    row = _log_in(session, secret)
    if row is None:
        return False
    ended = session.exec(
        update(LogIn)
        .where(col(LogIn.id) == row.id, col(LogIn.ended_at).is_(None))
        .values(ended_at=at)
        .execution_options(synchronize_session=False)
    )
    if ended.rowcount != 1:
        return False
    user = session.get_one(User, row.user_id)
    note(session, Tag.USER_LOGGED_OUT, subject_of(user), actor=Actor(user.name, origin), at=at)
    return True


def identify(session: Session, secret: str, *, origin: Origin, at: datetime) -> Actor:
    """Who stands behind the secret of a log-in or of an API token. Only reads; see :func:`note_use`.

    Args:
        session: To read with.
        secret: As it was handed over.
        origin: From where the act comes.
        at: When. A clock moved back makes no secret valid again.

    Raises:
        NotLoggedIn: nobody, or nobody any more.
    """
    row, what = (
        (_log_in(session, secret), "log-in") if secret.startswith(LOG_IN) else (_token(session, secret), "token")
    )
    if row is None:
        raise NotLoggedIn(f"the {what} is none that is known here", _AGAIN)
    user = session.get_one(User, row.user_id, populate_existing=True)
    if not user.active:
        raise NotLoggedIn(f"{user.name} is deactivated", "ask an administrator")
    if (row.revoked_at if isinstance(row, ApiToken) else row.ended_at) is not None:
        raise NotLoggedIn(f"the {what} of {user.name} was ended", _AGAIN)
    if moment_of(session, at) >= row.expires_at:
        raise NotLoggedIn(f"the {what} of {user.name} expired on {row.expires_at:%Y-%m-%d %H:%M} UTC", _AGAIN)
    scope = frozenset(map(Right, row.scope)) if isinstance(row, ApiToken) else None
    return Actor(user.name, origin, scope)


def note_use(session: Session, secret: str, *, at: datetime) -> bool:
    """Remember that a token was used, if that is not known already. Whether there was anything to write.

    In a transaction of its own: an act that kept the row of its token locked would be in the way of those on people.
    """
    if not secret.startswith(TOKEN):
        return False
    used = session.exec(
        update(ApiToken)
        .where(
            col(ApiToken.secret_hash) == hash_of_secret(secret),
            col(ApiToken.used_at).is_(None) | (col(ApiToken.used_at) < at - USE_KEPT_FOR),
        )
        .values(used_at=at)
        .execution_options(synchronize_session=False)
    )
    return used.rowcount == 1


def _log_in(session: Session, secret: str) -> LogIn | None:
    query = select(LogIn).where(LogIn.secret_hash == hash_of_secret(secret))
    return session.exec(query.execution_options(populate_existing=True)).first()


def _token(session: Session, secret: str) -> ApiToken | None:
    query = select(ApiToken).where(ApiToken.secret_hash == hash_of_secret(secret))
    return session.exec(query.execution_options(populate_existing=True)).first()
