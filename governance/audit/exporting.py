"""The trail as a file that somebody else can keep and check, with an anchor that says where it ended.

The file is JSON Lines, one line of the trail each, in their order, UTF-8::

    {"digest":"…","line":{…},"seal":"…"}

``line`` holds ``number`` (from 1, without a gap), ``digest_before`` (of the line before; empty for the first), ``at``
(UTC, with microseconds), ``actor``, ``origin``, ``tag``, ``subject``, ``before`` and ``after``. It is written in the
spelling that was digested: keys in order, no spaces, characters as they are. So ``digest`` is the SHA-256 of the very
bytes between ``"line":`` and ``,"seal":``, in hex, and nothing else is needed to check that no line was changed, left
out or moved. ``seal`` is the HMAC-SHA256 of ``["<digest>"]``, for who has the key.

The anchor is one JSON object: ``lines``, ``number`` and ``digest`` of the last line, ``at`` (when it was exported),
``sha256`` of the file, and ``seal`` (HMAC-SHA256 of all of these). Kept where nobody who can write to the database can
write, it proves later that the trail has only grown.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from sqlmodel import Session, select

from governance.artifacts import canonical_json
from governance.audit.checking import Line, Problem, Progress, Tampering, Verification, Walk, verdict
from governance.audit.reading import AT_ONCE, lines_of
from governance.audit.trail import Tag, note
from governance.authorisation import require, require_act
from governance.chain import SAID, content_of_line, seal_of
from governance.errors import UnreadableFile
from governance.tables import AuditHead
from governance.vocabulary import Actor, Right

_KEYS = frozenset({"digest", "line", "seal"})
_FIELDS = frozenset({"number", "digest_before", *SAID})


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the trail ended when it was exported.

    Args:
        lines: How many there were.
        number: Of the last line.
        digest: Of the last line.
        at: When it was exported.
        sha256: Of the exported file.
        seal: HMAC-SHA256 of the others.
    """

    lines: int
    number: int
    digest: str
    at: datetime
    sha256: str
    seal: str = ""

    def sealed_with(self, key: bytes) -> bool:
        """Whether it was made with a key."""
        return hmac.compare_digest(self.seal.encode(), self._sealed(key).encode())

    def sealed(self, key: bytes) -> Anchor:
        """The same with a seal."""
        return Anchor(self.lines, self.number, self.digest, self.at, self.sha256, self._sealed(key))

    def as_json(self) -> str:
        """One JSON object, for people to read too."""
        return json.dumps(asdict(self) | {"at": self.at.astimezone(UTC).isoformat()}, indent=2) + "\n"

    def _sealed(self, key: bytes) -> str:
        at = self.at.astimezone(UTC).isoformat(timespec="microseconds")
        return seal_of(key, self.lines, self.number, self.digest, at, self.sha256)


def read_anchor(text: str, name: str) -> Anchor:
    """An anchor from its JSON.

    Args:
        text: What the file holds.
        name: Of the file, for the sentence.

    Raises:
        UnreadableFile: it is no anchor.
    """
    kinds = {"lines": int, "number": int, "digest": str, "at": str, "sha256": str, "seal": str}
    try:
        found = json.loads(text)
        if set(found) != set(kinds) or not all(type(found[field]) is kind for field, kind in kinds.items()):
            raise ValueError(text)  # noqa: TRY301
        at = datetime.fromisoformat(found["at"])
        return Anchor(**found | {"at": at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)})
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UnreadableFile(
            name, "it is no anchor of an audit trail", "name the file that came with an export"
        ) from error


def export(
    session: Session, key: bytes, stream: BinaryIO, *, at: datetime, actor: Actor, tell: Progress | None = None
) -> Anchor:
    """Write every line of the trail, as it is, and say where it ends.

    Nobody waits for it, however long it takes. That it was exported :func:`note_export` writes down, before anybody
    gets to see what was written.

    Args:
        session: From :func:`governance.database.reading`: all of it must be of one moment.
        key: Of the seals.
        stream: To write into.
        at: When it begins.
        actor: Who exports: somebody who may read everywhere.
        tell: Is told how far it has come.

    Raises:
        NotAllowed: the actor may not read everywhere, or has a token to read only.
    """
    require(session, actor, Right.READ, None)
    require_act(actor, "audit trail")
    head = session.exec(select(AuditHead).execution_options(populate_existing=True)).one()
    sha256, lines, number, before = hashlib.sha256(), 0, 0, ""
    for line in lines_of(session, until=head.number):
        content = content_of_line(line.number, before, line.said)
        rest = canonical_json({"digest": line.digest})[:-1], canonical_json({"seal": line.seal})[1:]
        written = b'%s,"line":%s,%s\n' % (rest[0], content, rest[1])
        stream.write(written)
        sha256.update(written)
        lines, number, before = lines + 1, line.number, line.digest or ""
        if tell is not None and lines % AT_ONCE == 0:
            tell(lines, head.number)
    return Anchor(lines, number, before, at, sha256.hexdigest()).sealed(key)


def note_export(session: Session, anchor: Anchor, *, actor: Actor, at: datetime) -> None:
    """Write down that the trail was exported.

    Args:
        session: Of an act of its own, after the export.
        anchor: Of the export.
        actor: Who has exported.
        at: When it was ready; ``anchor.at`` is when it began.

    Raises:
        NotAllowed: the actor may not read all of it any more; what was written is for the caller to remove.
    """
    require(session, actor, Right.READ, None)
    after = {"lines": anchor.lines, "number": anchor.number, "digest": anchor.digest, "sha256": anchor.sha256}
    note(session, Tag.AUDIT_EXPORTED, "audit trail", actor=actor, at=at, after=after)


def check_export(
    lines: Iterable[bytes], anchor: Anchor, *, earlier: Anchor | None = None, tell: Progress | None = None
) -> Verification:
    """Check an exported file without the key: nothing is needed but the file and its anchor.

    Args:
        lines: Of the file, with their ends.
        anchor: That came with the file, or better, that was kept elsewhere.
        earlier: Anchor of an earlier export: whether this one continues that one.
        tell: Is told how far it has come.
    """
    walk, sha256 = Walk(), hashlib.sha256()
    found: dict[int, str | None] = {}
    wanted = {each.number for each in (anchor, earlier) if each is not None}
    unreadable: list[Problem] = []
    for place, line in enumerate(_read(lines, sha256.update), start=1):
        if line is None:
            sentence = f"Line {place:,} of the file: edited (it is no line of an export)"
            unreadable.append(Problem(Tampering.EDITED, place, place, sentence))
            break
        walk.step(line)
        if line.number in wanted:
            found[line.number] = line.digest
        if tell is not None and walk.lines % AT_ONCE == 0:
            tell(walk.lines, anchor.lines)
    problems = unreadable or walk.end(anchor.number)
    if not problems and anchor.lines and found.get(anchor.number) != anchor.digest:
        problems.append(_replaced(anchor))
    if not problems and sha256.hexdigest() != anchor.sha256:
        sentence = "The file is not the one that the anchor is of, though every line of it fits"
        problems.append(Problem(Tampering.REPLACED, 1, walk.number, sentence))
    if earlier is not None and earlier.lines and found.get(earlier.number) != earlier.digest and not problems:
        problems.append(_replaced(earlier))
    return verdict(walk.lines, problems, walk.at)


def _replaced(anchor: Anchor) -> Problem:
    sentence = f"Line {anchor.number:,}: replaced (it is not the line that was last on {anchor.at:%Y-%m-%d})"
    return Problem(Tampering.REPLACED, anchor.number, anchor.number, sentence)


def _read(lines: Iterable[bytes], update: Any) -> Iterator[Line | None]:
    for raw in lines:
        update(raw)
        yield _line(raw)


def _line(raw: bytes) -> Line | None:
    """A line of an export; none: it is not one, or is spelled otherwise than it was written."""
    try:
        found = json.loads(raw)
        said = found["line"]
        if set(found) != _KEYS or set(said) != _FIELDS or canonical_json(found) + b"\n" != raw:
            return None
        at = datetime.fromisoformat(said["at"])
        if type(said["number"]) is not int or at.utcoffset() is None:
            return None
        return Line(said["number"], found["digest"], found["seal"], said | {"at": at}, said["digest_before"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
