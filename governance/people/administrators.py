"""Who administers everything: there is always somebody."""

from __future__ import annotations

from sqlmodel import Session

from governance.authorisation import holders
from governance.errors import ActRefused
from governance.tables import Assignment, Membership, User
from governance.vocabulary import Role


def administrators(session: Session, *, without: User | Assignment | Membership | None = None) -> list[str]:
    """Names of the active people who administer everything, by themselves or in a group.

    Args:
        session: To read with.
        without: A row that is thought away.
    """
    return holders(session, Role.ADMINISTRATOR, None, without=without)


def require_somebody(session: Session, subject: str, action: str, *, without: User | Assignment | Membership) -> None:
    """Refuse what would leave nobody who administers everything.

    Raises:
        ActRefused: there is somebody now, and there would be nobody.
    """
    if not administrators(session, without=without) and administrators(session):
        raise ActRefused(subject, action, ["nobody would be left who administers everything: name another one first"])
