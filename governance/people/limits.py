"""How long the next log-in must wait, after many that failed. Failures are rows, so a restart forgets none.

Who fails to log in as somebody soon waits, and nobody else does: what others fail to guess, from wherever they are, does
not keep people out of a place from which they have logged in before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, select

from governance.audit import Tag
from governance.errors import ActRefused, NotLoggedIn, TooManyAttempts
from governance.people.turns import Turn, wait_for_turn
from governance.tables import AuditEvent, LogInAttempt

WINDOW: Final = timedelta(minutes=15)
"""How long a failure counts."""

FREE_OF_A_NAME: Final = 5
FREE_OF_AN_ADDRESS: Final = 20
FREE_FROM_EVERYWHERE: Final = 50
"""How many failures there may be before the next log-in has to wait: as one name from one address; from one address,
behind which there may be many people; and as one name from all addresses that are new to it."""

LONGEST_WAIT_SECONDS: Final = 900


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody: the name or the password is wrong, or too many were. Which of the two is wrong nobody is told.

    Args:
        wait_seconds: How long the next one must wait; 0: it was looked at and is wrong.
        of: Whose password was to be another, and the one they have now is wrong; none: it was a log-in.
    """

    wait_seconds: int = 0
    of: str | None = None

    def error(self) -> NotLoggedIn | TooManyAttempts | ActRefused:
        """What the edge raises, after the transaction has kept the failure."""
        if self.wait_seconds:
            return TooManyAttempts(self.wait_seconds)
        if self.of is not None:
            return ActRefused(self.of, "set password", ["the current password is wrong, or was not given"])
        return NotLoggedIn("the name or the password is wrong", "try again, or ask an administrator for a new password")


def seconds_after(failures: int, free: int) -> int:
    """How long to wait after so many failures: nothing at first, then twice as long each time.

    Example:
        >>> [seconds_after(failures, 5) for failures in (4, 5, 6, 7, 20)]
        [0, 1, 2, 4, 900]
    """
    return 0 if failures < free else min(2 ** min(failures - free, 20), LONGEST_WAIT_SECONDS)


def seconds_to_wait(session: Session, name: str, address: str, *, at: datetime) -> int:
    """How long who comes from an address and names somebody must wait; 0: not at all.

    Log-ins of one name, or from one address, go on one at a time from here to the end of the transaction: otherwise
    many at once would all find few failures.

    Args:
        session: Of the log-in.
        name: As it was typed.
        address: Where it comes from.
        at: When. A clock moved back waits longer, not shorter.
    """
    wait_for_turn(session, Turn.LOG_INS_OF_A_NAME, name)
    wait_for_turn(session, Turn.LOG_INS_FROM_AN_ADDRESS, address)
    named, here = col(LogInAttempt.name) == name, col(LogInAttempt.address) == address
    nearby = max(_wait(session, and_(named, here), FREE_OF_A_NAME, at), _wait(session, here, FREE_OF_AN_ADDRESS, at))
    everywhere = _wait(session, named, FREE_FROM_EVERYWHERE, at)
    return everywhere if everywhere > nearby and not _was_here(session, name, address) else nearby


def count_failure(session: Session, name: str, address: str, *, at: datetime) -> None:
    """Remember a log-in that failed."""
    session.add(LogInAttempt(name=name, address=address, at=at))
    session.flush()


def _wait(session: Session, whose: ColumnElement[bool], free: int, at: datetime) -> int:
    failures, last = session.exec(
        select(func.count(), func.max(LogInAttempt.at)).where(whose, col(LogInAttempt.at) > at - WINDOW)
    ).one()
    if not failures or not (seconds := seconds_after(failures, free)):
        return 0
    left = math.ceil((last - at).total_seconds() + seconds)
    return max(0, min(left, LONGEST_WAIT_SECONDS))


def _was_here(session: Session, name: str, address: str) -> bool:
    """Whether somebody of that name has ever logged in from an address."""
    query = select(AuditEvent.id).where(
        AuditEvent.project == f"user:{name}",
        AuditEvent.tag == Tag.USER_LOGGED_IN,
        col(AuditEvent.after)["address"].as_string() == address,
    )
    return session.exec(query.limit(1)).first() is not None
