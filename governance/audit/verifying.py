"""Whether anybody has touched the trail: every line is digested again, and every seal is made again."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session

from governance.audit.checking import Problem, Progress, Tampering, Verification, Walk, verdict
from governance.audit.exporting import Anchor
from governance.audit.reading import AT_ONCE, lines_of
from governance.audit.trail import project_of
from governance.authorisation import require
from governance.chain import seal_of
from governance.tables import AuditEvent, AuditHead
from governance.vocabulary import Actor, Right

_SHOWN: Final = 10

_EVENT: Final = AuditEvent.__table__  # type: ignore[attr-defined]
_HEAD: Final = AuditHead.__table__  # type: ignore[attr-defined]


def verify(
    session: Session, key: bytes, *, actor: Actor, anchor: Anchor | None = None, tell: Progress | None = None
) -> Verification:
    """Go along the whole chain, and say what was done to it.

    An edited, deleted, reordered, back-dated or inserted line is found and named. Somebody who removes the latest lines
    and puts back the end of the chain as it was before them is found by an anchor only: keep one where they can't go.

    Args:
        session: From :func:`governance.database.reading`: all of it must be of one moment.
        key: Of the seals; see ``Settings.audit_key_bytes``.
        actor: Who verifies: somebody who may read everywhere.
        anchor: Of an earlier export.
        tell: Is told how far it has come.

    Raises:
        NotAllowed: the actor may not read everywhere.
    """
    require(session, actor, Right.READ, None)
    head = session.connection().execute(select(_HEAD)).mappings().first()
    end = None if head is None else int(head["number"])
    walk = Walk(lambda line: line.digest is not None and _same(line.seal, seal_of(key, line.digest)))
    problems: list[Problem] = []
    anchored: str | None = None
    for line in lines_of(session):
        walk.step(line)
        if anchor is not None and line.number == anchor.number:
            anchored = line.digest
        if line.said["project"] != project_of(line.said["subject"]):
            sentence = f"Line {line.number:,}: edited (lists look for it under {line.said['project']!r})"
            problems.append(Problem(Tampering.EDITED, line.number, line.number, sentence))
        if tell is not None and walk.lines % AT_ONCE == 0:
            tell(walk.lines, end or walk.lines)
    if walk.lines and walk.unsealed == walk.lines and not walk.problems:
        sentence = "No line is sealed with this key: use the key of this installation (DRIFTGATE_AUDIT_KEY)"
        problem = Problem(Tampering.FORGED, 1, walk.number, sentence)
        return Verification(walk.lines, (problem, *walk.end(end)), f"{sentence}.")
    problems += walk.end(end)
    problems += _of_the_end(head, walk, key)
    problems += _outside(session)
    if anchor is not None:
        problems += _against(anchor, anchored, walk, key)
    return verdict(walk.lines, sorted(problems, key=lambda problem: problem.first), walk.at)


def _of_the_end(head: Any, walk: Walk, key: bytes) -> Iterator[Problem]:
    """Whether the row that says where the chain ends is ours, and says the truth."""
    last = walk.number
    if head is None:
        yield Problem(Tampering.END_MOVED, last, last, "The end of the trail is not recorded any more: deleted")
    elif head["number"] and not _same(head["seal"], seal_of(key, head["number"], head["digest"])):
        sentence = f"The end of the trail, at line {head['number']:,}: moved by somebody without the key"
        yield Problem(Tampering.END_MOVED, last, last, sentence)
    elif head["number"] == last and head["digest"] != (walk.digest or ""):
        sentence = f"Line {last:,}: replaced (the end of the trail is of another line)"
        yield Problem(Tampering.REPLACED, last, last, sentence)
    elif head["number"] == last and head["at"] != walk.at:
        sentence = f"The end of the trail, at line {last:,}: edited (its time is not that of the latest line)"
        yield Problem(Tampering.END_MOVED, last, last, sentence)


def _outside(session: Session) -> Iterator[Problem]:
    """Lines that no act of driftgate has written: it seals them before it ends."""
    unsealed = select(_EVENT).where(_EVENT.c.number.is_(None)).order_by(_EVENT.c.id)
    count = session.connection().execute(select(func.count()).select_from(unsealed.subquery())).scalar_one()
    for row in session.connection().execute(unsealed.limit(_SHOWN)).mappings():
        more = f", one of {count:,}" if count > 1 else ""
        what = f"{row['tag']} on {row['subject']} by {row['actor']}{more}"
        yield Problem(Tampering.INSERTED, 0, 0, f"A line outside the chain (row {row['id']}): inserted ({what})")


def _against(anchor: Anchor, digest: str | None, walk: Walk, key: bytes) -> Iterator[Problem]:
    """Whether the trail still holds what an anchor says of it."""
    number = anchor.number
    if not anchor.sealed_with(key):
        yield Problem(Tampering.FORGED, number, number, "The anchor was not made with this key")
    elif number and walk.number < number:
        first = walk.number + 1
        sentence = (
            f"The trail ends at line {walk.number:,}, but had {number:,} on {anchor.at:%Y-%m-%d}: the rest is deleted"
        )
        yield Problem(Tampering.DELETED, first, number, sentence)
    elif number and digest != anchor.digest:
        sentence = f"Line {number:,}: replaced (it is not the line that was last on {anchor.at:%Y-%m-%d})"
        yield Problem(Tampering.REPLACED, number, number, sentence)


def _same(found: str | None, made: str) -> bool:
    return found is not None and hmac.compare_digest(found.encode(), made.encode())
