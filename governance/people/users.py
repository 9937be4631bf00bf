"""Users: who there is, and whether they may act. Nobody is ever removed, since the record speaks of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from governance.audit import Tag, note
from governance.authorisation import has_users, require
from governance.errors import ActRefused, NotFound, UnusableName, UnusableValue
from governance.people import passwords
from governance.people.administrators import one_at_a_time, require_somebody
from governance.people.changing import change, look_again
from governance.people.ending import end_secrets
from governance.people.naming import printable, usable_address, usable_line, usable_name
from governance.tables import Assignment, User
from governance.vocabulary import Actor, Right, Role, UserKind


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
        UnusableValue: a value that can't be one.
    """
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
    after = change(session, found, subject_of(user), **stored)
    was = {field: before[field] for field in changes}
    note(session, Tag.USER_CHANGED, subject_of(user), actor=actor, at=at, before=was, after=changes)
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
    require_somebody(session, subject_of(user), "deactivate", without_user=found.id)
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
    expected_revision: int | None = None,
) -> User:
    """Give somebody another password; every log-in and every token of theirs ends.

    Args:
        session: Of the act.
        user: A person.
        password: The new one.
        actor: The person, or an administrator of everything.
        at: When.
        current: The password they have now; asked of everybody who changes their own.
        expected_revision: Revision that the actor has looked at; none takes whatever is there.

    Raises:
        NotAllowed: the actor is neither, or has a token that does not reach as far.
        ActRefused: the current password is wrong, or a service is to have one.
        ChangedMeanwhile: somebody else changed it first; nothing was written.
        UnusableValue: it can't be a password.
    """
    one_at_a_time(session)
    found = look_again(session, user, expected_revision, subject_of(user))
    own = actor.name == found.name and actor.scope is None and found.active
    if not own:
        require(session, actor, Right.ADMINISTER, None)
    reasons = []
    if found.kind is UserKind.SERVICE:
        reasons.append("a service account has tokens, and no password")
    if actor.name == found.name and not passwords.is_right(found.password_hash, current or ""):
        reasons.append("the current password is wrong, or was not given")
    if reasons:
        raise ActRefused(subject_of(user), "set password", reasons)
    kept = passwords.hash_of(password, found.name)
    after = change(session, found, subject_of(user), password_hash=kept, password_changed_at=at)
    ended = end_secrets(session, after, at=at)
    note(session, Tag.USER_PASSWORD_SET, subject_of(user), actor=actor, at=at, after=ended)
    return after


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
        raise taken from None
    return user


def facts_of(user: User) -> dict[str, Any]:
    """A user as the audit trail keeps them: nothing secret."""
    facts: dict[str, Any] = user.model_dump(mode="json", include={"kind", "full_name", "email", "subject", "active"})
    return facts


def _like(session: Session, name: str) -> list[str]:
    """Names that may differ by nothing but capital letters; what is no ASCII the database does not lower."""
    if not name.isascii():
        return list(session.exec(select(User.name)))
    return list(session.exec(select(User.name).where(func.lower(User.name) == name.lower())))


def _require_free_subject(session: Session, subject: str) -> None:
    if session.exec(select(User.id).where(col(User.subject) == subject)).first() is not None:
        raise UnusableValue("subject", "another user has it", "look for that user in 'driftgate user list'")
