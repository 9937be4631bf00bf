"""By which data a version is known to have been trained on."""

from __future__ import annotations

import hashlib

from tasks.data.sources import Source, require_file


def fingerprint(source: Source) -> str:
    """SHA-256 of the bytes of a file, as 64 hexadecimal digits; the file is streamed.

    Raises:
        UnreadableFile: the file is absent or empty, or can't be opened.
    """
    require_file(source.path)
    with source.path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
