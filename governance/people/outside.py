"""People whom an OpenID Connect provider knows: the user of a subject, found or made."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session, col, func, select

from governance.audit import Tag, note
from governance.authorisation import has_users
from governance.errors import ActRefused, UnusableValue
from governance.people.naming import USER_NAME_LENGTH, printable, usable_address
from governance.people.turns import one_at_a_time
from governance.people.users import add_user, facts_of, subject_of
from governance.tables import Assignment, AuditEvent, Delegation, User
from governance.vocabulary import SYSTEM, Actor, Origin


def outside_subject(issuer: str, subject: str) -> str:
    """Issuer and subject as one; only together they are somebody.

    Example:
        >>> outside_subject("https://id.example.org/", "24400320")
        'https://id.example.org 24400320'
    """
    return f"{issuer.rstrip('/')} {subject}"


def user_of_subject(
    session: Session, subject: str, *, name: str, full_name: str = "", email: str = "", at: datetime
) -> User:
    """The user whom a provider means; one without roles is made for a subject that nobody has yet.

    Only the subject counts: a provider may give a name or an address of e-mail to somebody else tomorrow. So a new user
    never gets a name under which anybody has acted or may act; if it is taken, a number is put behind it.

    Args:
        session: Of the log-in.
        subject: As :func:`outside_subject` says it.
        name: What the provider calls them.
        full_name: For people to read.
        email: Where notices go.
        at: When.

    Raises:
        ActRefused: nobody is known here yet: the first user is an administrator.
        UnusableValue: the subject can't be one.
    """
    found = session.exec(select(User).where(User.subject == subject).execution_options(populate_existing=True)).first()
    if found is not None:
        return found
    if not subject.strip() or len(subject) > 400:
        raise UnusableValue("subject", "it is empty or too long", "see to the OpenID Connect provider")
    one_at_a_time(session)
    again = session.exec(select(User).where(User.subject == subject)).first()
    if again is not None:
        return again
    if not has_users(session):
        reason = "the first user of an installation is its administrator: 'driftgate user create-admin'"
        raise ActRefused("log-in", "create user", [reason])
    user = add_user(
        session,
        _free_name(session, name),
        full_name=printable(full_name, 200),
        email=_address(email),
        subject=subject,
        at=at,
    )
    after = facts_of(user)
    note(session, Tag.USER_CREATED, subject_of(user), actor=Actor(SYSTEM.name, Origin.PAGE), at=at, after=after)
    return user


def _free_name(session: Session, name: str) -> str:
    """A name like the one wished for, that nobody has, had or was promised."""
    wished = re.sub(r"[^a-zA-Z0-9._@-]+", "-", name).strip("-.@_")[: USER_NAME_LENGTH - 8] or "somebody"
    number = 1
    while _is_spoken_of(session, candidate := wished if number == 1 else f"{wished}-{number}"):
        number += 1
    return candidate


def _is_spoken_of(session: Session, name: str) -> bool:
    if name.casefold() == SYSTEM.name:
        return True
    places = (
        select(User.id).where(func.lower(User.name) == name.lower()),
        select(Assignment.id).where(col(Assignment.person) == name),
        select(Delegation.id).where((col(Delegation.person) == name) | (col(Delegation.delegate) == name)),
        select(AuditEvent.id).where(col(AuditEvent.actor) == name),
    )
    return any(session.exec(query.limit(1)).first() is not None for query in places)


def _address(email: str) -> str:
    try:
        return usable_address(email)
    except UnusableValue:  # a log-in does not fail for that: notices go nowhere
        return ""
