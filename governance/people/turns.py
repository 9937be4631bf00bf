"""Turns: what must not happen twice at once waits here, before it locks any row.

Whoever acts on people takes the turn of all of them first, then rows, and the end of the audit trail last, as every act
does. So two of them never wait for each other, and neither waits for somebody whose act is of something else.
"""

from __future__ import annotations

import zlib
from enum import IntEnum

from sqlalchemy import Integer, cast, func, select
from sqlmodel import Session


class Turn(IntEnum):
    """What goes on one at a time, in the order in which several are taken; first half of the keys of the locks."""

    LOG_INS_OF_A_NAME = 0x6467
    LOG_INS_FROM_AN_ADDRESS = 0x6468
    PEOPLE = 0x6469


def wait_for_turn(session: Session, turn: Turn, word: str = "", *, shared: bool = False) -> None:
    """Wait until no other transaction has this turn, and keep it until this one ends.

    Args:
        session: Of the act. On SQLite there is one transaction that writes at a time anyway.
        turn: Of what.
        word: Whose, of those that don't wait for each other; two whose words have the same checksum do.
        shared: Whether it is kept together with all others who share it, and only from those who don't.
    """
    if session.get_bind().dialect.name == "postgresql":
        key = zlib.crc32(word.encode()) - 2**31
        lock = func.pg_advisory_xact_lock_shared if shared else func.pg_advisory_xact_lock
        session.execute(select(lock(cast(int(turn), Integer), cast(key, Integer))))


def hold_people_still(session: Session) -> None:
    """Let nobody's roles change until the transaction ends: what is decided by them now must hold when it is written."""
    wait_for_turn(session, Turn.PEOPLE, shared=True)


def one_at_a_time(session: Session) -> None:
    """Wait until nobody else acts on people, and keep others waiting until the transaction ends.

    Two acts that each leave one administrator could leave none together; a log-in could outlive the password it was
    made with. The people whom a ``project.yaml`` names are the project's business: its row is locked for them.
    """
    wait_for_turn(session, Turn.PEOPLE)
