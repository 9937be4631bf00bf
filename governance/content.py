"""What was recorded of a version or a bundle, part by part, and whether its row still says the same.

The row can be edited by whoever can write to the database, and its digest with it. The line of the audit trail that was
written with it can't without breaking the chain: so the line keeps a digest of every part, and names the part that
differs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlmodel import Session, col, select

from governance.artifacts import digest
from governance.audit import Tag
from governance.errors import ContentAltered
from governance.items import item_of
from governance.tables import AuditEvent, Bundle, ModelVersion

RECORDING: Final = (Tag.VERSION_RECORDED, Tag.BUNDLE_MADE, Tag.BUNDLE_IMPORTED)
"""The acts that write the rows which are signed."""


@dataclass(frozen=True, slots=True)
class Altered:
    """A row that is not what was recorded.

    Args:
        parts: What of the manifest differs, in words; empty when the recording named no parts, as older ones.
        expected: Digest of the manifest as it was recorded.
        found: Digest of the manifest that is there now; or, when that is right, the one that stands beside it.
    """

    parts: tuple[str, ...]
    expected: str
    found: str

    @property
    def clause(self) -> str:
        """As the gate says it."""
        where = f": {', '.join(self.parts)}" if self.parts else ""
        return f"the manifest is not what was recorded{where} (expected {self.expected}, found {self.found})"


def parts_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The digest of every part of a manifest: files by their names, everything else in words.

    Example:
        >>> sorted(parts_of({"files": {"model.skops": "ab"}, "code_revision": "c0ffee", "parameters": {}}))
        ['model.skops', 'the code revision', 'the parameters']
    """
    others = {f"the {key.replace('_', ' ')}": digest(value) for key, value in manifest.items() if key != "files"}
    return {**manifest.get("files", {}), **others}


def recorded(row: ModelVersion | Bundle) -> dict[str, Any]:
    """What the line of the audit trail keeps of a row that was just recorded."""
    return {"manifest_digest": row.manifest_digest, "folder": row.folder, "parts": parts_of(row.manifest)}


def altered(session: Session, row: ModelVersion | Bundle) -> Altered | None:
    """How a row differs from what was recorded; none when it does not.

    Args:
        session: To read with.
        row: As it is now.
    """
    line = session.exec(
        select(AuditEvent.after)
        .where(AuditEvent.subject == item_of(session, row).path, col(AuditEvent.tag).in_(RECORDING))
        .order_by(col(AuditEvent.id))
        .limit(1)
    ).first()
    said: Mapping[str, Any] = line or {}
    expected: str = said.get("manifest_digest", row.manifest_digest)
    found = digest(row.manifest)
    if found == expected == row.manifest_digest:
        return None
    before, now = said.get("parts", {}), parts_of(row.manifest)
    parts = sorted(part for part in before | now if before.get(part) != now.get(part)) if before else []
    return Altered(tuple(parts), expected, row.manifest_digest if found == expected else found)


def differing_copies(row: ModelVersion | Bundle) -> tuple[str, ...]:
    """What stands beside the manifest of a version, for lists, and is not what the manifest says."""
    if isinstance(row, Bundle):
        return ()
    beside = (("metrics", row.metrics), ("diagnostics", row.diagnostics))
    return tuple(part for part, copy in beside if copy != row.manifest.get(part))


def require_as_recorded(session: Session, row: ModelVersion | Bundle) -> None:
    """Go on only with a row that is what was recorded: whoever loads a version begins with it. Files come after it.

    Raises:
        ContentAltered: it names the part that differs.
    """
    path = item_of(session, row).path
    found = altered(session, row)
    if found is not None:
        part = f"the manifest ({', '.join(found.parts)})" if found.parts else "the manifest"
        raise ContentAltered(path, part, found.expected, found.found)
    for part in differing_copies(row):
        raise ContentAltered(path, f"the copy of the {part}", "those of its manifest", "others")
