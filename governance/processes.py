"""Whether the process that began something is still there to end it."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

_PROCESSES_OF_THE_MACHINE: Final = "pid:[4026531836]"
"""What Linux calls the numbers of processes outside of every container."""


@cache
def this_machine() -> str:
    """The name under which the processes of this machine, or of this container, are known.

    Two containers may have one name, and the same numbers for different processes: of a container, the name is followed
    by what tells its processes from those of any other. Machines of one name are told apart by nothing.

    Example:
        >>> this_machine().startswith(platform.node())
        True
    """
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:  # no Linux, or one that does not tell
        return platform.node()
    if numbers == _PROCESSES_OF_THE_MACHINE:
        return platform.node()
    return f"{platform.node()} (container {hashlib.sha256(f'{boot} {numbers}'.encode()).hexdigest()[:8]})"


def is_alive(process_id: int, *, since: datetime) -> bool:
    """Whether a process of this machine still runs, and is not a later one that got the same number.

    Args:
        process_id: Its number.
        since: A time at which the process was already running, with time zone. Where the system tells when a process
            started (Linux), one that started more than two seconds later is another.

    Example:
        >>> is_alive(os.getpid(), since=datetime.now(UTC))
        True
    """
    if sys.platform == "win32":
        return True  # os.kill would end it there instead of asking
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as somebody else
    started = _started_at(process_id)
    return started is None or (started - since).total_seconds() <= 2


def _started_at(process_id: int) -> datetime | None:
    """When a process started, to a second; none where the system does not tell."""
    try:
        fields = (
            Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        boot = next(
            int(line.split()[1]) for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime")
        )
    except (OSError, StopIteration):
        return None
    if fields[0] == "Z":
        return datetime.max.replace(tzinfo=UTC)  # dead, only not yet collected by its parent
    return datetime.fromtimestamp(boot + int(fields[19]) / os.sysconf("SC_CLK_TCK"), tz=UTC)
