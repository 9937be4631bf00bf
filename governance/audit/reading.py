"""The lines of the chain, one after the other, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select
from sqlmodel import Session

from governance.audit.checking import Line
from governance.chain import SAID
from governance.tables import AuditEvent

AT_ONCE: Final = 5_000
"""Lines that are in memory at once, and after which one is told how far it is."""

_EVENT: Final = AuditEvent.__table__  # type: ignore[attr-defined]


def lines_of(session: Session, *, until: int | None = None) -> Iterator[Line]:
    """The lines of the chain in the order of their numbers; until one, or all."""
    query = select(_EVENT).where(_EVENT.c.number.is_not(None)).order_by(_EVENT.c.number).limit(AT_ONCE)
    if until is not None:
        query = query.where(_EVENT.c.number <= until)
    some = session.connection().execute(query).mappings().all()
    while some:
        for row in some:
            said = {name: row[name] for name in (*SAID, "project")}
            yield Line(row["number"], row["digest"], row["seal"], said)
        some = session.connection().execute(query.where(_EVENT.c.number > some[-1]["number"])).mappings().all()
