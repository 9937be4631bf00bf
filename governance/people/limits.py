"""How long the next log-in must wait, after many that failed. Failures are rows, so a restart forgets none."""

from __future__ import annotations

import math
import zlib
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, text
from sqlmodel import Session, col, func, select

from governance.tables import LogInAttempt

WINDOW: Final = timedelta(minutes=15)
"""How long a failure counts."""

FREE_OF_A_NAME: Final = 5
FREE_OF_AN_ADDRESS: Final = 20
"""How many failures there may be before the next log-in has to wait: behind one address there may be many people."""

LONGEST_WAIT_SECONDS: Final = 900

_CLASS: Final = 0x6467
"""First half of the keys of PostgreSQL's advisory locks that log-ins hold."""


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
    if session.get_bind().dialect.name == "postgresql":  # on SQLite there is one transaction that writes at a time
        for kind, word in ((0, name), (1, address)):
            key = zlib.crc32(word.encode()) - 2**31
            session.execute(text("SELECT pg_advisory_xact_lock(:kind, :key)"), {"kind": _CLASS + kind, "key": key})
    return max(
        _wait(session, col(LogInAttempt.name) == name, FREE_OF_A_NAME, at),
        _wait(session, col(LogInAttempt.address) == address, FREE_OF_AN_ADDRESS, at),
    )


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
