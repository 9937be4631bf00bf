"""The artifact store: folders and files that appear as a whole or not at all, and the digests that prove what is in them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, TypedDict

from governance.errors import ContentAltered
from governance.processes import is_alive

_TEMPORARY: Final = re.compile(r"\.(?P<name>.+)~(?P<host>[^~]+)~(?P<process>\d+)~[^~]+\.partial")

_PIECE_BYTES: Final = 1 << 20

_ONLY_A_FILE: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
"""No link is followed, and nobody waits for whoever may write into a pipe; where the platform knows such words."""

_NO_REGULAR_FILE: Final = "not a regular file"


class _Beside(TypedDict):
    prefix: str
    suffix: str
    dir: Path


@contextmanager
def write_folder(root: Path, relative: str) -> Iterator[Path]:
    """A new folder of the store, written under a temporary name and put in place at the end.

    Whoever looks at the final name sees nothing, or everything, on disk. After an exception nothing remains; after a
    power cut or a kill a temporary remains that :func:`sweep` removes.

    Args:
        root: Folder of the store.
        relative: Final name inside it, with ``/``.

    Yields:
        The folder to write into.

    Raises:
        FileExistsError: the final name is taken; what is there stays as it is.
    """
    target = root / relative
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    with temporary_folder(root, relative) as temporary:
        yield temporary
        put_in_place(temporary, target)


@contextmanager
def temporary_folder(root: Path, relative: str) -> Iterator[Path]:
    """A new folder of the store, for :func:`put_in_place`; gone when the block ends, if it is still there.

    Args:
        root: Folder of the store.
        relative: Name inside it that the folder is to have.
    """
    temporary = Path(tempfile.mkdtemp(**_beside(root / relative)))
    try:
        temporary.chmod(0o755)  # mkdtemp lets nobody else in, but a server may run as somebody else
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def put_in_place(temporary: Path, target: Path) -> None:
    """Give a folder its final name, once everything in it is on the disk. Raises: OSError when the name is taken."""
    flush(temporary)
    temporary.rename(target)
    _flush_one(target.parent)


def write_file(root: Path, relative: str, content: bytes) -> Path:
    """A file of the store, there as a whole or not at all; one of that name is replaced.

    What remains of a writer that was killed is removed by :func:`sweep`.

    Args:
        root: Folder of the store.
        relative: Name inside it, with ``/``.
        content: Its bytes.

    Returns:
        The file.
    """
    target = root / relative
    handle, name = tempfile.mkstemp(**_beside(target))
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)  # mkstemp lets nobody else in, but a server may run as somebody else
            os.fsync(stream.fileno())
        temporary.replace(target)
        _flush_one(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return target


def _beside(target: Path) -> _Beside:
    """How what will be in a place is called until then; :data:`_TEMPORARY` knows it again."""
    target.parent.mkdir(parents=True, exist_ok=True)
    writer = f"{socket.gethostname()}~{os.getpid()}"
    return {"prefix": f".{target.name}~{writer}~", "suffix": ".partial", "dir": target.parent}


def sweep(root: Path) -> list[Path]:
    """Remove the temporaries of this machine's writers that died; return what was removed."""
    removed = []
    for left in sorted(root.rglob(".*.partial")) if root.is_dir() else []:
        found = _TEMPORARY.fullmatch(left.name)
        if found is None or found["host"] != socket.gethostname():
            continue
        try:
            touched = datetime.fromtimestamp(left.stat().st_mtime, tz=UTC)
        except FileNotFoundError:
            continue  # put in place meanwhile
        if not is_alive(int(found["process"]), since=touched):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
            removed.append(left)
    return removed


def file_sha256(file: Path) -> str:
    """SHA-256 of the bytes of a file, in hex, read in pieces. Raises: OSError, also for what is no regular file."""
    with _open_regular(file) as stream:
        found = hashlib.sha256()
        while piece := stream.read(_PIECE_BYTES):
            found.update(piece)
        return found.hexdigest()


def read_verified(file: Path, sha256: str) -> bytes:
    """The bytes of a file, read once, if they are what was recorded.

    Raises:
        ContentAltered: the file is absent, or its hash is another.
    """
    try:
        with _open_regular(file) as stream:
            content = stream.read()
    except OSError as error:
        raise ContentAltered(str(file.parent), file.name, sha256, error.strerror or "nothing") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ContentAltered(str(file.parent), file.name, sha256, found)
    return content


def open_recorded(file: Path, sha256: str) -> BinaryIO:
    """Open a file that was recorded, to read it. Raises: ContentAltered when there is none; its hash is for later."""
    try:
        return _open_regular(file)
    except OSError as error:
        raise ContentAltered(str(file.parent), file.name, sha256, error.strerror or "nothing") from error


def _open_regular(file: Path) -> BinaryIO:
    """Open a file of the store to read it; a link, a pipe or a device was never put there by us. Raises: OSError."""
    try:
        handle = os.open(file, _ONLY_A_FILE)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link, or a socket
            raise OSError(errno.EINVAL, _NO_REGULAR_FILE, str(file)) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, _NO_REGULAR_FILE, str(file))
    return os.fdopen(handle, "rb")


def copy_stream(source: IO[bytes], target: IO[bytes]) -> str:
    """Copy bytes from where they are read to where they are written, in pieces; return their SHA-256 in hex."""
    found = hashlib.sha256()
    while piece := source.read(_PIECE_BYTES):
        found.update(piece)
        target.write(piece)
    return found.hexdigest()


def copy_verified(source: IO[bytes], target: Path, sha256: str, *, subject: str) -> None:
    """Write a new file, if the bytes are those that were announced.

    Raises:
        ContentAltered: their hash is another; what was written is for the caller to remove.
        FileExistsError: the file is there.
    """
    with target.open("xb") as stream:
        found = copy_stream(source, stream)
    if found != sha256:
        raise ContentAltered(subject, target.name, sha256, found)


def canonical_json(content: Any) -> bytes:
    """JSON with one spelling only: keys in order, no spaces, UTF-8, no NaN.

    Raises:
        ValueError: a number in it is not finite.

    Example:
        >>> canonical_json({"b": 1, "a": [True, None, "é"]}).decode()
        '{"a":[true,null,"é"],"b":1}'
        >>> canonical_json({10: "x", 9: "y"}) == canonical_json({"10": "x", "9": "y"})
        True
    """
    # Once through JSON first: keys become text before they are put in order, as they will be after the database.
    plain = json.loads(json.dumps(content, allow_nan=False))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(content: Any) -> str:
    """SHA-256 in hex of the canonical JSON of something.

    Example:
        >>> digest({"a": 1})[:8]
        '015abd7f'
    """
    return hashlib.sha256(canonical_json(content)).hexdigest()


def flush(folder: Path) -> None:
    """Have everything below a folder on the disk, not only on its way there."""
    for inner in folder.rglob("*"):
        _flush_one(inner)
    _flush_one(folder)


def _flush_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
