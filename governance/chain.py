"""The chain of the audit trail: each line is digested with the digest of the line before, and sealed with a key.

Whoever holds the lines can check the digests with nothing but SHA-256; whoever holds the key can tell that nobody
without it has made them.

Time goes forward: a line far behind the last one is refused (:data:`CLOCKS_DIFFER`). So a line far in the future would
keep everybody from acting until then, and nothing moves the end of the chain back. Where work is done, such a line is
refused as well: on PostgreSQL when it lies ahead of the server's clock, everywhere when it comes later after the last
one than an installation is ever left alone (``DRIFTGATE_LONGEST_PAUSE_DAYS``). What is not noticed: on SQLite, whose
only clock is that of the machine, one that is ahead by less than that; the first line of a trail; on PostgreSQL, a
clock of the server that is wrong together with that of who acts. Who was caught by it sets the clock right and restores
the database and the artifacts from a backup of before that line: it is the last one, and ``driftgate audit verify``
says of when.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from governance.artifacts import canonical_json
from governance.errors import ClockAhead, ClockMovedBack
from governance.tables import AuditEvent, AuditHead

SAID: Final = ("at", "actor", "origin", "tag", "subject", "before", "after")
"""What of a line is digested, besides its number and the digest of the line before."""

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the time of a line may lie before that of the line above it: machines differ, and long acts end late."""

_AT_ONCE: Final = 1_000
"""Lines that one statement handles; SQLite takes some thirty thousand values at most."""

_EVENT: Final = AuditEvent.__table__  # type: ignore[attr-defined]
_HEAD: Final = AuditHead.__table__  # type: ignore[attr-defined]


def digest_of_line(number: int, before: str, said: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over a line and the digest of the line before."""
    return hashlib.sha256(content_of_line(number, before, said)).hexdigest()


def content_of_line(number: int, before: str, said: Mapping[str, Any]) -> bytes:
    """What of a line is digested, in canonical JSON.

    Args:
        number: Place of the line, from 1.
        before: Digest of the line before; empty for the first.
        said: The fields of :data:`SAID`; the time with its zone.
    """
    at: datetime = said["at"]
    line = {name: said[name] for name in SAID} | {"at": at.astimezone(UTC).isoformat(timespec="microseconds")}
    return canonical_json({"number": number, "digest_before": before, **line})


def seal_of(key: bytes, *parts: object) -> str:
    """HMAC-SHA256, in hex, over values in canonical JSON."""
    return hmac.new(key, canonical_json(list(parts)), hashlib.sha256).hexdigest()


def seal(connection: Connection, ids: Iterable[int], key: bytes, *, longest_pause: timedelta | None = None) -> None:
    """Put the lines of an act at the end of the chain, in the order in which they were written.

    Comes last in a transaction: it locks the end of the chain until the transaction ends. Whoever holds that lock waits
    for no other, so that acts which end at once queue up and never block each other.

    Args:
        connection: Of the act.
        ids: Of its lines; those that were undone meanwhile are left out.
        key: Of the seals.
        longest_pause: Between the last line and the next; none: clocks are not asked whether a line lies ahead.

    Raises:
        ClockMovedBack: a line is older than the last one by more than :data:`CLOCKS_DIFFER`.
        ClockAhead: a line lies ahead of what can be.
    """
    wanted = sorted(set(ids))
    if wanted:
        end = _lock_end(connection)
        last, now = end.at, None if longest_pause is None else _clock_of_server(connection)
        for start in range(0, len(wanted), _AT_ONCE):
            lines = _unsealed(connection, _EVENT.c.id.in_(wanted[start : start + _AT_ONCE]))
            for line in lines:
                if end.at is not None and line["at"] < end.at - CLOCKS_DIFFER:
                    raise ClockMovedBack(line["at"].isoformat(), end.at.isoformat())
                if longest_pause is not None:
                    _require_not_ahead(line["at"], last, now, longest_pause)
                end.append(line)
            _write(connection, end, key)


def _clock_of_server(connection: Connection) -> datetime | None:
    """What another clock than ours says; none: the database has no other."""
    if connection.dialect.name != "postgresql":
        return None
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


def _require_not_ahead(at: datetime, last: datetime | None, now: datetime | None, longest_pause: timedelta) -> None:
    if now is not None and at > now + CLOCKS_DIFFER:
        known = f"that of the database server says {now.isoformat()}"
        raise ClockAhead(at.isoformat(), known, "set the clocks of both machines right")
    if last is not None and at > last + longest_pause:
        known = f"the last line of the audit trail was written at {last.isoformat()}"
        remedy = (
            f"set the clock of this machine right; if it is right, set DRIFTGATE_LONGEST_PAUSE_DAYS to "
            f"{(at - last).days + 1} or more for this one act"
        )
        raise ClockAhead(at.isoformat(), known, remedy)


def seal_history(connection: Connection, key: bytes) -> None:
    """Put every line of a trail that was kept before there was a chain into one.

    Its clocks are not judged: nobody did when it was written.
    """
    end = _lock_end(connection)
    reached = 0
    while lines := _unsealed(connection, _EVENT.c.id > reached):
        for line in lines:
            end.append(line)
        reached = lines[-1]["id"]
        _write(connection, end, key)


@dataclass(slots=True)
class _End:
    """The end of the chain while lines are put to it."""

    number: int
    digest: str
    at: datetime | None
    appended: list[dict[str, Any]] = field(default_factory=list)

    def append(self, line: Mapping[str, Any]) -> None:
        self.number, self.digest = self.number + 1, digest_of_line(self.number + 1, self.digest, line)
        self.at = line["at"] if self.at is None else max(self.at, line["at"])
        self.appended.append({"line": line["id"], "number": self.number, "digest": self.digest})


def _lock_end(connection: Connection) -> _End:
    head = connection.execute(select(_HEAD).with_for_update()).mappings().one()
    return _End(head["number"], head["digest"], head["at"])


def _unsealed(connection: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(_EVENT).where(which, _EVENT.c.number.is_(None)).order_by(_EVENT.c.id).limit(_AT_ONCE)
    return [dict(line) for line in connection.execute(query).mappings()]


def _write(connection: Connection, end: _End, key: bytes) -> None:
    """Write what was put to the end, then where the end is now."""
    if not end.appended:
        return
    connection.execute(
        update(_EVENT)
        .where(_EVENT.c.id == bindparam("line"))
        .values(number=bindparam("number"), digest=bindparam("digest"), seal=bindparam("seal")),
        [line | {"seal": seal_of(key, line["digest"])} for line in end.appended],
    )
    end.appended.clear()
    sealed = seal_of(key, end.number, end.digest)
    connection.execute(update(_HEAD).values(number=end.number, digest=end.digest, seal=sealed, at=end.at))
