"""A bundle in this installation: its folder, then the row that points to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlmodel import Session, col, func, select

from governance.artifacts import copy_verified, digest, file_sha256, flush, put_in_place, temporary_folder
from governance.audit import Actor, Tag, note
from governance.content import recorded
from governance.errors import ActRefused, UnreadableFile
from governance.items import appear
from governance.tables import Bundle, Item, ProjectRow
from governance.tables.columns import key_of

Opening = Callable[[str], AbstractContextManager[IO[bytes]]]
"""Opens a file of a bundle by its name."""


def folder_of(project: str, manifest_digest: str) -> str:
    """Folder of a bundle, relative to the artifacts folder: the same content is in the same place."""
    return f"bundles/{project}/{manifest_digest}"


def require_new(session: Session, manifest_digest: str, action: str) -> None:
    """Refuse what is there already. Raises: ActRefused."""
    there = session.exec(
        select(Item.path)
        .join(Bundle, col(Item.bundle_id) == Bundle.id)
        .where(Bundle.manifest_digest == manifest_digest)
    ).first()
    if there is not None:
        raise ActRefused(there, action, ("it is there already",))


@contextmanager
def filled_folder(root: Path, relative: str, files: Mapping[str, str], opening: Opening) -> Iterator[Path]:
    """A folder with files of a bundle, under a temporary name; gone when the block ends, if it is not in place by then.

    All of the copying and hashing is done here, so that nobody waits for it: it needs no transaction.

    Args:
        root: Folder of the artifact store.
        relative: Final name inside it.
        files: Name and SHA-256 of each file.
        opening: Where they come from.

    Raises:
        ContentAltered: a file is not what was announced.
    """
    with temporary_folder(root, relative) as folder:
        for name, sha256 in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with opening(name) as stream:
                copy_verified(stream, folder / name, sha256, subject=relative)
        flush(folder)
        yield folder


@contextmanager
def folder_in_place(root: Path, relative: str, files: Mapping[str, str], filled: Path) -> Iterator[Path]:
    """Put a filled folder in place when the block ends well.

    A folder that is there already was left by a run that was killed before its record was kept: it is used, if it is
    what it has to be.

    Args:
        root: Folder of the artifact store.
        relative: Final name inside it.
        files: Name and SHA-256 of each file.
        filled: From :func:`filled_folder`.

    Yields:
        Where the files are now; they are there as a whole.

    Raises:
        UnreadableFile: another folder has that name.
    """
    target = root / relative
    if target.exists():
        found = {
            path.relative_to(target).as_posix(): file_sha256(path) for path in target.rglob("*") if not path.is_dir()
        }
        if found != dict(files):
            problem = "the folder is there already, with something else in it"
            raise UnreadableFile(target, problem, "see what it is, and move it away: nothing on record points to it")
        yield target
        return
    yield filled
    put_in_place(filled, target)


def record_bundle(
    session: Session,
    project: ProjectRow,
    manifest: Mapping[str, Any],
    *,
    tag: Tag,
    about: Mapping[str, Any],
    actor: Actor,
    at: datetime,
) -> Bundle:
    """Add a bundle under the next number, with a sign-off that has not started.

    Args:
        session: Of the act, which has locked the project.
        project: Whose.
        manifest: As JSON has it.
        tag: Whether it was made or imported.
        about: What the audit trail keeps besides.
        actor: Who answers for it.
        at: When.
    """
    manifest_digest = digest(manifest)
    bundle = Bundle(
        project_id=key_of(project),
        number=_next_number(session, project),
        folder=folder_of(project.name, manifest_digest),
        manifest=dict(manifest),
        manifest_digest=manifest_digest,
        made_by=actor.name,
        made_at=at,
        imported=tag is Tag.BUNDLE_IMPORTED,
    )
    session.add(bundle)
    session.flush()
    item = appear(session, bundle, at=at)
    note(session, tag, item.path, actor=actor, at=at, after={**recorded(bundle), **about})
    return bundle


def _next_number(session: Session, project: ProjectRow) -> int:
    highest = session.exec(select(func.max(Bundle.number)).where(Bundle.project_id == project.id)).one()
    number: int = (highest or 0) + 1
    # A model of an earlier driftgate may be called bundle-1.
    while session.exec(select(Item.id).where(Item.path == f"{project.name}/bundle-{number}")).first() is not None:
        number += 1
    return number
