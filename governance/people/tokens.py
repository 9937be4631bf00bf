"""API tokens: a user lets a program act for them, with some of their rights and for some time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlmodel import Session, col, select, update

from governance.audit import Tag, note
from governance.authorisation import NEVER_OF_A_SERVICE, require
from governance.errors import ActRefused, NotFound, UnusableValue
from governance.people.naming import usable_line
from governance.people.secrecy import TOKEN, hash_of_secret, new_secret
from governance.people.turns import one_at_a_time
from governance.people.users import subject_of
from governance.tables import ApiToken, User
from governance.tables.columns import key_of
from governance.vocabulary import Actor, Right, UserKind

LONGEST_LIFE: Final = timedelta(days=400)


def create_token(
    session: Session,
    user: User,
    *,
    name: str,
    scope: Collection[Right],
    expires_at: datetime,
    actor: Actor,
    at: datetime,
) -> tuple[ApiToken, str]:
    """Make a secret that stands for a user.

    Args:
        session: Of the act.
        user: Whom it stands for: the actor, or a service account. Nobody makes tokens for other people.
        name: What it is for, so that people know which to revoke.
        scope: What it may be used for, as far as the user has these rights at that moment.
        expires_at: When it ends by itself, at most 400 days ahead.
        actor: Who makes it; an administrator of everything, if it is for a service account.
        at: When.

    Returns:
        The token, and its secret, which is nowhere else: only a hash is kept.

    Raises:
        NotAllowed: it is for a service account, and the actor administers not everything.
        ActRefused: for another person, by a token, for somebody deactivated, or with rights a service never has.
        UnusableValue: no name, no right, or no such expiry.
    """
    one_at_a_time(session)
    found = session.get_one(User, user.id, populate_existing=True)
    service = found.kind is UserKind.SERVICE
    if service:
        require(session, actor, Right.ADMINISTER, None)
    reasons = []
    if not service and actor.name != found.name:
        reasons.append(f"a token for {found.name} would let others act in their name: only {found.name} makes one")
    if not service and actor.scope is not None:
        reasons.append("a token makes no other tokens: log in with your password")
    if not found.active:
        reasons.append(f"{found.name} is deactivated")
    if service and (never := NEVER_OF_A_SERVICE & set(scope)):
        reasons.append(f"a service account never has the right to {', '.join(sorted(never))}")
    if reasons:
        raise ActRefused(subject_of(found), "create token", reasons)
    token, secret = _new_token(found, name, scope, expires_at, at)
    session.add(token)
    session.flush()
    after = {"token": token.id, "name": token.name, "scope": token.scope, "expires_at": expires_at.isoformat()}
    note(session, Tag.TOKEN_CREATED, subject_of(found), actor=actor, at=at, after=after)
    return token, secret


def revoke_token(session: Session, token: ApiToken, *, actor: Actor, at: datetime) -> ApiToken:
    """Let a token stand for nobody any more. Its user may do that, and administrators of everything.

    Raises:
        NotAllowed: the actor is neither, or has a token that does not reach as far.
    """
    one_at_a_time(session)
    user = session.get_one(User, token.user_id, populate_existing=True)
    if actor.name != user.name or actor.scope is not None:
        require(session, actor, Right.ADMINISTER, None)
    ended = session.exec(
        update(ApiToken)
        .where(col(ApiToken.id) == token.id, col(ApiToken.revoked_at).is_(None))
        .values(revoked_at=at)
        .execution_options(synchronize_session=False)
    )
    found = session.get_one(ApiToken, token.id, populate_existing=True)
    if ended.rowcount == 1:
        before = {"token": found.id, "name": found.name}
        note(session, Tag.TOKEN_REVOKED, subject_of(user), actor=actor, at=at, before=before)
    return found


def find_token(session: Session, number: int) -> ApiToken:
    """The token of that number. Raises: NotFound."""
    found = session.get(ApiToken, number, populate_existing=True)
    if found is None:
        raise NotFound("token", str(number), (), "see 'driftgate token list'")
    return found


def list_tokens(session: Session, user: User) -> list[ApiToken]:
    """The tokens of a user, latest first; those that have ended too."""
    query = select(ApiToken).where(ApiToken.user_id == user.id).order_by(col(ApiToken.id).desc())
    return list(session.exec(query.execution_options(populate_existing=True)))


def _new_token(
    user: User, name: str, scope: Collection[Right], expires_at: datetime, at: datetime
) -> tuple[ApiToken, str]:
    name = usable_line("name of the token", name, 80)
    if not name:
        raise UnusableValue("name of the token", "it is empty", "say what the token is for")
    if not scope:
        raise UnusableValue("scope", "it is empty", f"name one or more of {', '.join(Right)}")
    if expires_at.tzinfo is None or not at < expires_at <= at + LONGEST_LIFE:
        problem = "it is not in the future" if expires_at.tzinfo and expires_at <= at else "it is too far, or no moment"
        raise UnusableValue("expiry", problem, f"name a time with its zone, at most {LONGEST_LIFE.days} days ahead")
    secret = new_secret(TOKEN)
    token = ApiToken(
        user_id=key_of(user),
        name=name,
        secret_hash=hash_of_secret(secret),
        scope=sorted(set(scope)),
        created_at=at,
        expires_at=expires_at,
    )
    return token, secret
