"""Whole files or none, and the marker that vouches for them."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

MARKER: Final = ".generated.json"


@dataclass(frozen=True, slots=True)
class Marker:
    """What made the files of a folder, and what they were then.

    Args:
        code: SHA-256 of the generator's code.
        seed: Of the data.
        rows_per_month: About how many rows a month has.
        files: Name of each file: its SHA-256.
    """

    code: str
    seed: int
    rows_per_month: int
    files: dict[str, str]

    def made_like(self, other: Marker) -> bool:
        """Whether both stand for the same code, seed and number of rows."""
        return (self.code, self.seed, self.rows_per_month) == (other.code, other.seed, other.rows_per_month)

    def write(self, folder: Path) -> None:
        """Put it beside the files."""
        replace_file(folder / MARKER, json.dumps(asdict(self), indent=1, sort_keys=True).encode())


def read_marker(folder: Path) -> Marker | None:
    """The marker of a folder; ``None`` when there is none that can be read."""
    try:
        marker = Marker(**json.loads((folder / MARKER).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return marker if isinstance(marker.files, dict) else None


def sha256(file: Path) -> str | None:
    """SHA-256 of a file's bytes, in hex; ``None`` when there is no such file."""
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def replace_file(file: Path, content: bytes) -> None:
    """Put content in place of a file: readers see the old file or the new one, never a part."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
