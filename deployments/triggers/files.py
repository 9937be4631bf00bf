"""The files that a path means, on this machine or in an object store: name, size, and time of the last change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING, Final

from governance.errors import UnreadableFile

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo

_STORE: Final = re.compile(r"[a-z][a-z0-9+.-]+://")

Stamp = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path, or an address such as ``s3://bucket/folder/part_*.csv?region=eu-west-2``; one ``*`` makes it a series."""

    folder: Path
    written: str

    @property
    def in_a_store(self) -> bool:
        """Whether it is an address, and not a path."""
        return _STORE.match(self.written) is not None


def files_at(place: Place) -> dict[str, Stamp]:
    """Every file that there is, by the part that the ``*`` stands for; a single one by an empty name.

    Raises:
        UnreadableFile: the folder or the object store can't be reached. That there is no file is no error.
    """
    try:
        return _in_store(place) if place.in_a_store else _on_this_machine(place)
    except (OSError, ValueError) as error:
        problem = " ".join(str(getattr(error, "strerror", None) or error).split())[:300]
        raise UnreadableFile(
            place.written.partition("?")[0], f"it can't be looked at ({problem})", "see that it can be reached"
        ) from error


def _on_this_machine(place: Place) -> dict[str, Stamp]:
    before, star, after = str(place.folder / place.written).partition("*")
    folder = Path(before).parent
    if not folder.is_dir():
        # A share that is not mounted is no series that has lost its files.
        raise FileNotFoundError(2, f"there is no folder {folder}")
    # As data sources are read: hidden files are left out, since they may be half-written.
    names = glob(f"{escape(before)}*{escape(after)}") if star else [before]  # noqa: PTH207
    found: dict[str, Stamp] = {}
    for name in names:
        file = Path(name)
        if file.is_file():
            about = file.stat()
            found[name[len(before) : len(name) - len(after)]] = (about.st_size, about.st_mtime_ns)
    return found


def _in_store(place: Place) -> dict[str, Stamp]:
    from pyarrow.fs import FileSelector, FileSystem, FileType

    address, question, options = place.written.partition("?")
    before, star, after = address.partition("*")
    folder = before.rpartition("/")[0]
    store, path = FileSystem.from_uri(folder + question + options)
    prefix = path + before[len(folder) :]
    wanted = re.compile(re.escape(prefix) + ("([^/]*)" if star else "()") + re.escape(after))
    if star:
        listed = store.get_file_info(FileSelector(path, allow_not_found=True, recursive="/" in after))
    else:
        listed = [store.get_file_info(prefix)]
    return dict(_matching((one for one in listed if one.type == FileType.File), wanted))


def _matching(files: Iterable[FileInfo], wanted: re.Pattern[str]) -> Iterable[tuple[str, Stamp]]:
    for file in files:
        match = wanted.fullmatch(file.path)
        if match is not None and not match[1].startswith("."):
            yield match[1], (file.size, file.mtime_ns or 0)
