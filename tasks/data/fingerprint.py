"""By which data a version is known to have been trained on, and whether they stayed the same while they were read."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import BinaryIO, Final, Self

from governance.errors import UnreadableFile
from tasks.data.batches import iterate_tables
from tasks.data.queries import Digest
from tasks.data.sources import Source, read_header, require_file

_ROWS: Final = 65_536
_STRETCH_BYTES: Final = 1 << 20


def fingerprint(source: Source) -> str:
    """SHA-256 of the bytes of a file, or of the rows of a query, as 64 hexadecimal digits; it is streamed.

    Raises:
        UnreadableFile: the file is absent or empty, or can't be opened; or the database says no.
    """
    if source.query is None:
        with Watch(source) as watch:
            return watch.fingerprint()
    digest = hashlib.sha256()
    for _ in iterate_tables(source, read_header(source)[:1], _ROWS, digest):
        pass  # the digest has seen the rows
    return digest.hexdigest()


def of_its_time(fingerprint: str, source: Source) -> str:
    """The fingerprint of what was taken from a source: that of the source, or another one for each range of time.

    Example:
        >>> from pathlib import Path
        >>> of_its_time("1eb7", Source("rows", Path("rows.csv"), "csv"))
        '1eb7'
    """
    if source.between is None:
        return fingerprint
    return hashlib.sha256(f"{fingerprint} {source.between}".encode()).hexdigest()


class Watch:
    """Looks at a source while it is read: its fingerprint, beside the reading, and whether it changed meanwhile.

    The bytes of a file are hashed by a thread of their own. The rows of a query are hashed by whoever reads them:
    hand :attr:`digest` on.

    Args:
        source: What is read inside of ``with``.

    Raises:
        UnreadableFile: as :func:`fingerprint`, on entering.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "rows.csv")
        ...     _ = path.write_text("a,b")
        ...     with Watch(Source("rows", path, "csv")) as watch:
        ...         watch.fingerprint()[:8]
        '1eb7c54d'
    """

    digest: Digest | None

    def __init__(self, source: Source) -> None:
        self._source = source
        self._hash = hashlib.sha256()
        self.digest = None if source.query is None else self._hash

    def __enter__(self) -> Self:
        if self.digest is not None:
            return self
        require_file(self._source.path)
        self._file: BinaryIO = self._source.path.open("rb")
        self._before = _state(os.fstat(self._file.fileno()))
        self._given_up = threading.Event()
        self._thread = ThreadPoolExecutor(1)
        self._hashed: Future[str] = self._thread.submit(self._hash_file)
        return self

    def _hash_file(self) -> str:
        while not self._given_up.is_set() and (stretch := self._file.read(_STRETCH_BYTES)):
            self._hash.update(stretch)
        return self._hash.hexdigest()

    def fingerprint(self) -> str:
        """What :func:`fingerprint` gives, once everything has been read.

        Raises:
            UnreadableFile: the file is not the one that it was when the reading began.
        """
        if self.digest is not None:
            return self._hash.hexdigest()
        found = self._hashed.result()
        path = self._source.path
        try:
            # Under its name, too: another file may have been put there, and read.
            now = {_state(os.fstat(self._file.fileno())), _state(path.stat())}
        except FileNotFoundError:
            now = set()
        if now != {self._before}:
            raise UnreadableFile(path, "it changed while it was read", "try again once nobody writes it any more")
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.digest is None:
            self._given_up.set()
            self._thread.shutdown()
            self._file.close()


def _state(found: os.stat_result) -> tuple[int, ...]:
    # Whoever writes can set the second time back, but not the third.
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
