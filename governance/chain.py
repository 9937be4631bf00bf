"""The chain of the audit trail: each line is digested with the digest of the line before, and sealed with a key.

Whoever holds the lines can check the digests with nothing but SHA-256; whoever holds the key can tell that nobody
without it has made them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select, update

from governance.artifacts import canonical_json
from governance.errors import ClockMovedBack
from governance.tables import AuditEvent, AuditHead

SAID: Final = ("at", "actor", "origin", "tag", "subject", "before", "after")
"""What of a line is digested, besides its number and the digest of the line before."""

CLOCKS_DIFFER: Final = timedelta(minutes=5)
"""How far the time of a line may lie before that of the line above it: machines differ, and long acts end late."""

_EVENT: Final = AuditEvent.__table__  # type: ignore[attr-defined]
_HEAD: Final = AuditHead.__table__  # type: ignore[attr-defined]


def digest_of_line(number: int, before: str, said: Mapping[str, Any]) -> str:
    """SHA-256, in hex, over a line and the digest of the line before.

    Args:
        number: Place of the line, from 1.
        before: Digest of the line before; empty for the first.
        said: The fields of :data:`SAID`; the time with its zone.
    """
    at: datetime = said["at"]
    line = {name: said[name] for name in SAID} | {"at": at.astimezone(UTC).isoformat(timespec="microseconds")}
    return hashlib.sha256(canonical_json({"number": number, "digest_before": before, **line})).hexdigest()


def seal_of(key: bytes, *parts: object) -> str:
    """HMAC-SHA256, in hex, over values in canonical JSON."""
    return hmac.new(key, canonical_json(list(parts)), hashlib.sha256).hexdigest()


def seal(connection: Connection, ids: Iterable[int], key: bytes) -> None:
    """Put the lines of an act at the end of the chain, in their order.

    Comes last in a transaction: it locks the end of the chain until the transaction ends.

    Args:
        connection: Of the act.
        ids: Of its lines; those that were undone meanwhile are left out.
        key: Of the seals.

    Raises:
        ClockMovedBack: a line is older than the last one by more than :data:`CLOCKS_DIFFER`.
    """
    wanted = sorted(ids)
    if not wanted:
        return
    head = connection.execute(select(_HEAD).with_for_update()).mappings().one()
    lines = (
        connection.execute(
            select(_EVENT).where(_EVENT.c.id.in_(wanted), _EVENT.c.number.is_(None)).order_by(_EVENT.c.id)
        )
        .mappings()
        .all()
    )
    if not lines:
        return
    number, digest, latest = head["number"], head["digest"], head["at"]
    sealed = []
    for line in lines:
        if latest is not None and line["at"] < latest - CLOCKS_DIFFER:
            raise ClockMovedBack(line["at"].isoformat(), latest.isoformat())
        latest = line["at"] if latest is None else max(latest, line["at"])
        number, digest = number + 1, digest_of_line(number + 1, digest, dict(line))
        sealed.append({"line": line["id"], "number": number, "digest": digest, "seal": seal_of(key, digest)})
    connection.execute(
        update(_EVENT)
        .where(_EVENT.c.id == bindparam("line"))
        .values(number=bindparam("number"), digest=bindparam("digest"), seal=bindparam("seal")),
        sealed,
    )
    connection.execute(update(_HEAD).values(number=number, digest=digest, seal=seal_of(key, number, digest), at=latest))


def seal_history(connection: Connection, key: bytes) -> None:
    """Put every line of a trail that was kept before there was a chain into one."""
    seal(connection, connection.execute(select(_EVENT.c.id)).scalars().all(), key)
