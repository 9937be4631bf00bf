"""A bundle as one file. Equal bundles give equal files, byte for byte."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sqlmodel import Session

from governance.artifacts import canonical_json, copy_stream, open_recorded
from governance.audit import Actor, Tag, note
from governance.authorisation import require
from governance.content import require_as_recorded
from governance.errors import ContentAltered, UnreadableFile
from governance.items import item_of
from governance.tables import Bundle
from governance.vocabulary import Right

MANIFEST: Final = "bundle.json"
"""Name of the manifest in an exported file."""

_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE: Final = 0o100644 << 16


@contextmanager
def export_bundle(session: Session, bundle: Bundle, artifacts: Path, target: Path, *, actor: Actor) -> Iterator[str]:
    """Write a bundle into one file, which takes its place as a whole when the block ends well, or not at all.

    Inside the block :func:`note_export` writes down that it was taken out. Nobody waits while the file is written.

    It is a ZIP archive without compression: what is large in it is compressed already, and a reader can tell the size
    of everything before it reads anything. Only its owner may read the file, since the references are rows of data.
    It carries no approval: the installation that imports it has its own gate.

    Args:
        session: To read with.
        bundle: Which.
        artifacts: Folder of the artifact store; every file is hashed again while it is copied.
        target: The file; one of that name is replaced.
        actor: Who takes it out.

    Yields:
        SHA-256 of the manifest, which the importing installation shows too.

    Raises:
        NotAllowed: the actor may not write on the project.
        ContentAltered: the bundle is not what was recorded; it names the part, and no file was written.
        UnreadableFile: it can't be written there.
    """
    require(session, actor, Right.WRITE, bundle.project_id)
    require_as_recorded(session, bundle)
    with _told_of(target):
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}~", suffix=".partial")
    try:
        with _told_of(target), os.fdopen(handle, "wb") as stream:
            _write(stream, bundle, artifacts / bundle.folder)
            stream.flush()
            os.fsync(stream.fileno())
        yield bundle.manifest_digest
        with _told_of(target):
            Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def note_export(session: Session, bundle: Bundle, file: str, *, actor: Actor, at: datetime) -> None:
    """Write down that a bundle was taken out, in a transaction of its own. Raises: NotAllowed.

    Args:
        session: Of the act.
        bundle: Which.
        file: Name of the file.
        actor: Who has taken it out.
        at: When.
    """
    require(session, actor, Right.WRITE, bundle.project_id)
    note(
        session,
        Tag.BUNDLE_EXPORTED,
        item_of(session, bundle).path,
        actor=actor,
        at=at,
        after={"file": file, "manifest_digest": bundle.manifest_digest},
    )


@contextmanager
def _told_of(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"it can't be written ({error.strerror or error})"
        raise UnreadableFile(target, problem, "name a place that you may write to") from error


def _write(stream: BinaryIO, bundle: Bundle, folder: Path) -> None:
    with ZipFile(stream, "w", ZIP_STORED) as archive:
        archive.writestr(_member(MANIFEST), canonical_json(bundle.manifest))
        for name, sha256 in sorted(bundle.manifest["files"].items()):
            with open_recorded(folder / name, sha256) as source:
                size = os.fstat(source.fileno()).st_size
                with archive.open(_member(name, size), "w") as packed:
                    found = copy_stream(source, packed)
            if found != sha256:
                raise ContentAltered(bundle.folder, name, sha256, found)


def _member(name: str, size: int = 0) -> ZipInfo:
    """A member that says nothing of when and where it was written."""
    member = ZipInfo(name, _EARLIEST)
    member.external_attr, member.create_system, member.file_size = _PLAIN_FILE, 3, size
    return member
