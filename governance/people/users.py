"""Users: who there is, and whether they may act. Nobody is ever removed, since the record speaks of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from governance.audit import Tag, note
from governance.authorisation import has_users, require
from governance.errors import ActRefused, NotFound, UnusableName, UnusableValue
from governance.people import passwords
from governance.people.administrators import require_somebody
from governance.people.changing import change, look_again
from governance.people.ending import end_secrets
from governance.people.limits import Refusal, count_failure, seconds_to_wait
from governance.people.naming import printable, usable_address, usable_line, usable_name
from governance.people.turns import one_at_a_time
from governance.tables import Assignment, User
from governance.vocabulary import Actor, Right, Role, UserKind

PRIVATE: Final = ("email", "subject")
"""Fields of a user that can be corrected and taken away, so that the audit trail, which never changes, has none."""


def subject_of(user: User | str) -> str:
    """A user as the audit trail names them; no project has such a name."""
    return f"user:{user if isinstance(user, str) else user.name}"


def create_user(
    session: Session,
    name: str,
    *,
    kind: UserKind = UserKind.PERSON,
    full_name: str = "",
    email: str = "",
    password: str | None = None,
    subject: str | None = None,
    actor: Actor,
    at: datetime,
) -> User:
    """Let somebody, or a service, be known. What they may do is assigned afterwards.

    Args:
        session: Of the act.
        name: Under which they act; never changed.
        kind: A person, or a service account, which has no password and only ever reads and writes.
        full_name: For people to read.
        email: Where notices go; possibly nowhere.
        password: None for who logs in elsewhere, and for services.
        subject: Issuer and subject at the OpenID Connect provider; see :func:`governance.people.outside_subject`.
        actor: Who does it: an administrator of everything.
        at: When.

    Raises:
        NotAllowed: the actor administers not everything.
        ActRefused: there is no user yet: the first is an administrator; see :func:`create_administrator`.
        UnusableName: it can't be a name, or somebody has it.
        UnusableValue: the password, the address or the full name can't be one.
    """
    one_at_a_time(session)
    if not has_users(session):
        reason = "the first user of an installation is its administrator: 'driftgate user create-admin'"
        raise ActRefused(subject_of(printable(name)), "create", [reason])
    require(session, actor, Right.ADMINISTER, None)
    user = add_user(
        session, name, kind=kind, full_name=full_name, email=email, password=password, subject=subject, at=at
    )
    note(session, Tag.USER_CREATED, subject_of(user), actor=actor, at=at, after=facts_of(user))
    return user


def create_administrator(
    session: Session,
    name: str,
    *,
    password: str,
    full_name: str = "",
    email: str = "",
    actor: Actor,
    at: datetime,
) -> User:
    """Let somebody be known who administers everything. The first one closes the installation for everybody else.

    Raises:
        NotAllowed: there are users already, and the actor administers not everything.
        UnusableName: as for :func:`create_user`, as is the other.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    user = add_user(session, name, full_name=full_name, email=email, password=password, at=at)
    session.add(Assignment(project_id=None, person=user.name, role=Role.ADMINISTRATOR))
    session.flush()
    after = facts_of(user) | {"role": Role.ADMINISTRATOR}
    note(session, Tag.USER_CREATED, subject_of(user), actor=actor, at=at, after=after)
    return user


def change_user(
    session: Session,
    user: User,
    *,
    full_name: str | None = None,
    email: str | None = None,
    subject: str | None = None,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> User:
    """Correct what is known of somebody; what is None stays, what is empty is taken away.

    Raises:
        NotAllowed: only administrators of everything do that.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
        UnusableValue: a value that can't be one, or a subject that another user has.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    found = look_again(session, user, expected_revision, subject_of(user))
    wanted: dict[str, Any] = {
        "full_name": None if full_name is None else usable_line("full name", full_name, 200),
        "email": None if email is None else usable_address(email),
        "subject": None if subject is None else usable_line("subject", subject, 400),
    }
    before = {field: getattr(found, field) or "" for field in wanted}
    changes = {field: value for field, value in wanted.items() if value not in {None, before[field]}}
    if not changes:
        return found
    if changes.get("subject"):
        _require_free_subject(session, changes["subject"])
    stored = {field: value or None if field == "subject" else value for field, value in changes.items()}
    try:
        with session.begin_nested():
            after = change(session, found, subject_of(user), **stored)
    except IntegrityError:  # only a subject can be somebody else's
        raise _taken_subject() from None
    was = {field: before[field] for field in changes if field not in PRIVATE}
    now: dict[str, Any] = {field: changes[field] for field in was}
    if private := [field for field in PRIVATE if field in changes]:
        now |= {"private": private}
    note(session, Tag.USER_CHANGED, subject_of(user), actor=actor, at=at, before=was, after=now)
    return after


def deactivate_user(
    session: Session, user: User, *, actor: Actor, at: datetime, expected_revision: int | None = None
) -> User:
    """Let somebody act no longer, at once: every log-in and every token ends. What they did stays.

    Raises:
        NotAllowed: only administrators of everything do that.
        ActRefused: nobody would be left who administers everything.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    found = look_again(session, user, expected_revision, subject_of(user))
    if not found.active:
        return found
    require_somebody(session, subject_of(user), "deactivate", without=found)
    after = change(session, found, subject_of(user), active=False)
    ended = end_secrets(session, after, at=at)
    note(session, Tag.USER_DEACTIVATED, subject_of(user), actor=actor, at=at, before={"active": True}, after=ended)
    return after


def reactivate_user(
    session: Session, user: User, *, actor: Actor, at: datetime, expected_revision: int | None = None
) -> User:
    """Let somebody act again, with the roles and the password they had; they log in anew.

    Raises:
        NotAllowed: only administrators of everything do that.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
    """
    one_at_a_time(session)
    require(session, actor, Right.ADMINISTER, None)
    found = look_again(session, user, expected_revision, subject_of(user))
    if found.active:
        return found
    after = change(session, found, subject_of(user), active=True)
    note(session, Tag.USER_REACTIVATED, subject_of(user), actor=actor, at=at, after={"active": True})
    return after


def set_password(
    session: Session,
    user: User,
    password: str,
    *,
    actor: Actor,
    at: datetime,
    current: str | None = None,
    address: str = "",
    because: str = "",
    expected_revision: int | None = None,
) -> User | Refusal:
    """Give somebody another password; every log-in and every token of theirs ends.

    Never raises for a current one that is wrong: that is a log-in that failed, which has to be kept, and after many of
    them nobody looks.

    Args:
        session: Of the act; it has to be committed for a refusal too.
        user: A person.
        password: The new one.
        actor: The person, or an administrator of everything.
        at: When.
        current: The password they have now; asked of everybody who changes their own.
        address: Where it comes from, as for a log-in.
        because: Why, for the audit trail; needs no saying when somebody changes their own.
        expected_revision: Revision that the actor has looked at; none takes whatever is there.

    Returns:
        The user; or a refusal, whose error the edge raises.

    Raises:
        NotAllowed: the actor is neither, or has a token that does not reach as far.
        ActRefused: a service is to have one.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
        UnusableValue: it can't be a password.
    """
    themselves, address = actor.name == user.name, printable(address, 64)
    if themselves and (wait := seconds_to_wait(session, user.name, address, at=at)):
        return Refusal(wait)
    one_at_a_time(session)
    found = look_again(session, user, expected_revision, subject_of(user))
    if not (themselves and actor.scope is None and found.active):
        require(session, actor, Right.ADMINISTER, None)
    if found.kind is UserKind.SERVICE:
        raise ActRefused(subject_of(user), "set password", ["a service account has tokens, and no password"])
    kept = passwords.hash_of(password, found.name)
    if themselves and not passwords.is_right(found.password_hash, current or ""):
        count_failure(session, found.name, address, at=at)
        where = {"address": address, "for": Tag.USER_PASSWORD_SET}
        note(session, Tag.USER_LOG_IN_FAILED, subject_of(user), actor=actor, at=at, after=where)
        return Refusal(of=subject_of(user))
    changed = change(session, found, subject_of(user), password_hash=kept, password_changed_at=at)
    ended = end_secrets(session, changed, at=at)
    after = ended | ({"because": because} if because else {})
    note(session, Tag.USER_PASSWORD_SET, subject_of(user), actor=actor, at=at, after=after)
    return changed


def find_user(session: Session, name: str) -> User:
    """The user of that name. Raises: NotFound."""
    found = session.exec(select(User).where(User.name == name).execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("user", printable(name), (), "see 'driftgate user list'")
    return found


def list_users(session: Session) -> list[User]:
    """Everybody, by name."""
    return list(session.exec(select(User).order_by(User.name)))


def add_user(
    session: Session,
    name: str,
    *,
    kind: UserKind = UserKind.PERSON,
    full_name: str = "",
    email: str = "",
    password: str | None = None,
    subject: str | None = None,
    at: datetime,
) -> User:
    """Put a new user into the database; whoever calls it has asked whether that may be, and writes the audit line."""
    name = usable_name("user", name)
    if kind is UserKind.SERVICE and password is not None:
        raise UnusableValue("password", "a service account has none", "create a token for it")
    user = User(
        name=name,
        kind=kind,
        full_name=usable_line("full name", full_name, 200),
        email=usable_address(email),
        password_hash=None if password is None else passwords.hash_of(password, name),
        subject=None if subject is None else usable_line("subject", subject, 400),
        created_at=at,
        password_changed_at=None if password is None else at,
    )
    if user.subject is not None:
        _require_free_subject(session, user.subject)
    taken = UnusableName("user", name, "somebody has that name", "choose another")
    if name.casefold() in {known.casefold() for known in _like(session, name)}:
        raise taken
    try:
        with session.begin_nested():
            session.add(user)
    except IntegrityError:  # somebody else was faster
        if user.subject is not None:
            _require_free_subject(session, user.subject)
        raise taken from None
    return user


def facts_of(user: User) -> dict[str, Any]:
    """A user as the audit trail keeps them for ever: nothing secret, and of what is private only that it is there."""
    facts: dict[str, Any] = user.model_dump(mode="json", include={"kind", "full_name", "active"})
    return facts | {"private": [field for field in PRIVATE if getattr(user, field)]}


def _like(session: Session, name: str) -> list[str]:
    """Names that may differ by nothing but capital letters; what is no ASCII the database does not lower."""
    if not name.isascii():
        return list(session.exec(select(User.name)))
    return list(session.exec(select(User.name).where(func.lower(User.name) == name.lower())))


def _require_free_subject(session: Session, subject: str) -> None:
    if session.exec(select(User.id).where(col(User.subject) == subject)).first() is not None:
        raise _taken_subject()


def _taken_subject() -> UnusableValue:
    return UnusableValue("subject", "another user has it", "look for that user in 'driftgate user list'")
