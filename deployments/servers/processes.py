"""Starting Prefect's processes so that they end with us, waiting until they answer, stopping them."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deployments.servers.address import is_healthy
from deployments.servers.environment import with_inherited
from governance.errors import ServerUnavailable
from governance.settings import make_for_owner

KEPT_LOGS = 10
LOOK_EVERY_SECONDS = 0.1

Progress = Callable[[str], None]
"""Takes one sentence about what is being waited for."""


@dataclass(frozen=True, slots=True)
class PrefectProcess:
    """A process of Prefect's command line, and the file it writes to."""

    process: subprocess.Popen[bytes]
    log: Path

    def end_of_log(self, lines: int = 4) -> str:
        """The last lines it wrote, in one line."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        written = [line.strip() for line in text.splitlines() if line.strip()]
        return " | ".join(written[-lines:]) or "it wrote nothing"

    def stop(self, patience_seconds: float = 10.0) -> None:
        """Ask it to end, then make it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def start_prefect(arguments: Sequence[str], environment: Mapping[str, str], log: Path, folder: Path) -> PrefectProcess:
    """Start ``prefect ARGUMENTS`` in ``folder``; it ends by itself when this process is gone.

    It has a session of its own: Ctrl-C in the terminal is for us, and we stop it in our order.
    """
    make_for_owner(log.parent)
    with log.open("wb") as written:
        process = subprocess.Popen(  # noqa: S603  our own interpreter, our own arguments
            [sys.executable, "-m", "deployments.servers.follower", str(os.getpid()), *arguments],
            env=with_inherited(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return PrefectProcess(process, log)


def wait_until_healthy(server: PrefectProcess, url: str, timeout_seconds: float, progress: Progress) -> None:
    """Return as soon as ``server`` answers at ``url``.

    Raises:
        ServerUnavailable: it ended, or was not well in time; the problem is the end of its log.
    """
    started = time.monotonic()
    while True:
        if server.process.poll() is not None:
            raise ServerUnavailable(
                url, f"it ended at its start: {server.end_of_log()}", f"read {server.log} and mend what it says"
            )
        if is_healthy(url):
            return
        waited = time.monotonic() - started
        if waited > timeout_seconds:
            raise ServerUnavailable(
                url,
                f"it was not ready after {timeout_seconds:.0f} s: {server.end_of_log()}",
                f"read {server.log}, or try again when the machine is less busy",
            )
        progress(f"waiting for the Prefect server, {waited:.0f} s")
        time.sleep(LOOK_EVERY_SECONDS)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(host: str, port: int) -> bool:
    """Whether nobody listens on ``port`` of ``host``.

    Raises:
        ServerUnavailable: this process could not listen there even so.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As the server will: connections of a predecessor that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            if isinstance(error, PermissionError):
                problem, remedy = f"this user may not listen on port {port}", "choose one above 1023 with --port"
            else:
                problem, remedy = f"{host} is no address of this machine", "name one that is with --host"
            raise ServerUnavailable(f"{host}:{port}", problem, remedy) from error
    return True


def new_log(folder: Path, name: str) -> Path:
    """A file for the log of a process, one per process of ours; the oldest of the same name make room."""
    make_for_owner(folder)
    for old in sorted(folder.glob(f"{name}-*.log"), key=_age, reverse=True)[KEPT_LOGS - 1 :]:
        old.unlink(missing_ok=True)
    return folder / f"{name}-{os.getpid()}.log"


def _age(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another command made room at the same moment
        return 0.0


@contextmanager
def unwound_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block as an exception would, so that what is open is closed; the exit code stays 143."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # only the main thread may; the caller's own handler is in force then
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
