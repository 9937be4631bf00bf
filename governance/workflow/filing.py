"""Files in the fields of an item: their bytes are stored once, named after their hash; their names are only labels."""

from __future__ import annotations

import hashlib
import unicodedata
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlmodel import Session

from governance.artifacts import file_sha256, read_verified, write_file
from governance.audit import Actor, Tag, note
from governance.errors import ActRefused, NotFound, UnusableName, UnusableValue
from governance.items import write
from governance.tables import Attachment, Item
from governance.tables.columns import key_of
from governance.vocabulary import FieldKind
from governance.workflow.filling import refuse_to_empty
from governance.workflow.state import attachments_of, course_to_act_on, values_of

LARGEST_FILE_BYTES: Final = 25_000_000
"""So large may a file be."""

LONGEST_NAME: Final = 200
"""Characters of the name of a file."""


def attach_file(
    session: Session,
    item: Item,
    step: str,
    field: str,
    *,
    name: str,
    content: bytes,
    artifacts: Path,
    actor: Actor,
    at: datetime,
    expected_revision: int | None = None,
) -> Attachment:
    """Put a file into a field. A field takes several; of one name too.

    Args:
        session: Of the act.
        item: A governed one.
        step: Key of the step; empty for a field of the overview.
        field: Key of a field of kind file.
        name: As it is shown and downloaded; never a path.
        content: Any bytes, up to 25 MB.
        artifacts: Folder of the artifact store.
        actor: A writer of the project.
        at: When.
        expected_revision: Revision of the item that the actor has looked at; none takes whatever is there.

    Raises:
        NotAllowed: the actor does not write on the project.
        NotFound: the workflow has no such step or field.
        UnusableName: the name can't be one.
        UnusableValue: the field takes no files, or the file is too large.
        ActRefused: the item is locked.
        ChangedMeanwhile: somebody else changed the item first; nothing was written.
    """
    course = course_to_act_on(session, item, "attach", actor, expected_revision)
    declared = course.workflow.field(step, field)
    if declared.kind is not FieldKind.FILE:
        raise UnusableValue(declared.name, f"a field of kind {declared.kind} takes no file", "set its value instead")
    require_name(name)
    if len(content) > LARGEST_FILE_BYTES:
        problem = f"the file has {len(content):,} bytes"
        raise UnusableValue(declared.name, problem, f"keep to {LARGEST_FILE_BYTES:,}, or attach where it can be found")
    write(session, [course.item])
    sha256 = store(artifacts, content)
    row = Attachment(
        item_id=key_of(course.item),
        step=step,
        field=field,
        name=name,
        sha256=sha256,
        bytes=len(content),
        attached_by=actor.name,
        attached_at=at,
    )
    session.add(row)
    session.flush()
    note(session, Tag.FILE_ATTACHED, course.item.path, actor=actor, at=at, after=_facts(row))
    return row


def remove_file(
    session: Session, attachment: Attachment, *, actor: Actor, at: datetime, expected_revision: int | None = None
) -> Attachment:
    """Take a file out of its field. Its bytes stay, as history.

    Raises:
        NotAllowed: the actor does not write on the project.
        ActRefused: it was removed before, the item is locked, or a step that is done requires it.
        ChangedMeanwhile: somebody else changed the item first; nothing was written.
    """
    item = session.get_one(Item, attachment.item_id)
    course = course_to_act_on(session, item, "remove file", actor, expected_revision)
    row = session.get_one(Attachment, key_of(attachment), populate_existing=True)
    if row.removed_at is not None:
        raise ActRefused(course.item.path, "remove file", (f"{row.name!r} was removed on {row.removed_at:%Y-%m-%d}",))
    with suppress(NotFound):  # a field that the template has no more requires nothing
        left = values_of(session, course.item, row.step)[row.field]
        declared = course.workflow.field(row.step, row.field)
        if left == [row.name]:
            refuse_to_empty(course, row.step, declared, "remove file")
    write(session, [course.item])
    before = _facts(row)
    row.removed_at = at
    session.add(row)
    session.flush()
    note(session, Tag.FILE_REMOVED, course.item.path, actor=actor, at=at, before=before)
    return row


def find_attachment(session: Session, item: Item, number: int) -> Attachment:
    """A file of an item, also one that was removed. Raises :class:`NotFound` with the known numbers."""
    known = attachments_of(session, item)
    for file in known:
        if file.id == number:
            return file
    raise NotFound(f"file of {item.path}", str(number), [f"{file.id} ({file.name})" for file in known])


def read_file(session: Session, attachment: Attachment, artifacts: Path) -> bytes:
    """The bytes of a file, if they are those that were attached.

    Raises:
        ContentAltered: they are absent, or others.
    """
    row = session.get_one(Attachment, key_of(attachment), populate_existing=True)
    return read_verified(place_of(artifacts, row.sha256), row.sha256)


def require_name(name: str) -> None:
    """Refuse a name that could be taken for more than a label. Raises: UnusableName."""
    problem = None
    if not name.strip(" ."):
        problem = "it is no name"
    elif len(name) > LONGEST_NAME:
        problem = f"it has {len(name)} characters"
    elif "/" in name or "\\" in name:
        problem = "it is a path"
    elif any(unicodedata.category(letter) in {"Cc", "Cf", "Cs"} for letter in name):
        problem = "it has control characters in it"
    if problem is not None:
        remedy = f"name it with up to {LONGEST_NAME} letters, without / and \\"
        raise UnusableName("file", name[:LONGEST_NAME], problem, remedy)


def store(artifacts: Path, content: bytes) -> str:
    """Keep bytes once, under their hash; they are there as a whole or not at all.

    Returns:
        SHA-256 in hex.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    target = place_of(artifacts, sha256)
    with suppress(OSError):  # there is none, or something else is in its place
        if file_sha256(target) == sha256:
            return sha256
    write_file(artifacts, target.relative_to(artifacts).as_posix(), content)
    return sha256


def place_of(artifacts: Path, sha256: str) -> Path:
    """Where bytes of that hash are kept."""
    return artifacts / "files" / sha256[:2] / sha256


def _facts(row: Attachment) -> dict[str, object]:
    return row.model_dump(mode="json", include={"id", "step", "field", "name", "sha256", "bytes"})
