"""Write a file as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from governance.errors import UnreadableFile


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A temporary path beside a file, which takes the file's place when the block ends well.

    Raises:
        UnreadableFile: it can't be written there.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(file)
    except OSError as error:
        raise UnreadableFile(
            file, f"it can't be written ({error.strerror})", "name a place that you may write to"
        ) from error
    finally:
        with suppress(OSError):  # it took the place of the file, or never came to be
            temporary.unlink()
