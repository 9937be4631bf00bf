"""A Prefect server for the duration of a command, unless one runs already. Never Prefect's ephemeral one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock
from httpx import HTTPError

from deployments.servers.address import find_running, served_url
from deployments.servers.environment import applied, client_environment, own_environment, server_environment
from deployments.servers.password import credentials, new_password
from deployments.servers.processes import (
    PrefectProcess,
    Progress,
    free_port,
    new_log,
    start_prefect,
    unwound_by_sigterm,
    wait_until_healthy,
)
from deployments.servers.recording import send_pending, wait_until_recorded
from governance.settings import Settings, make_for_owner


def _silent(_sentence: str) -> None:
    """Progress that nobody wants to see."""


def _nothing() -> None:
    """Preparation that nobody needs."""


@contextmanager
def prefect_server(
    settings: Settings,
    *,
    progress: Progress = _silent,
    prepare: Callable[[], None] = _nothing,
    start_timeout_seconds: float = 180.0,
) -> Iterator[str]:
    """The API address of a Prefect server that this process's flows run against inside the block.

    It is the one of PREFECT_API_URL or of ``driftgate serve`` of the same home if that is healthy; else a real
    one is started in ``settings.prefect_folder`` and stopped at the end, also after an exception, SIGINT or
    SIGTERM, when everything the flows did is on record. Killed, this process takes the server with it.

    Args:
        settings: where home is.
        progress: is told in a sentence what is being waited for, several times a second.
        prepare: is called once, before Prefect is imported here, and while a server that has to be started starts.
        start_timeout_seconds: patience with a server that is started.

    Raises:
        ServerUnavailable: no server could be started; the problem is the end of its log.
    """
    running = find_running(settings)
    if running is not None:
        prepare()
        wanted = credentials(settings) if running == served_url(settings) else {}
        with applied(client_environment(settings, running) | wanted):
            try:
                yield running
            finally:
                send_pending()
        return
    if os.environ.get("PREFECT_API_URL"):
        progress(f"no Prefect server answers at {os.environ['PREFECT_API_URL']}; starting a server for this command")
    with unwound_by_sigterm(), ExitStack() as stack:
        url = _started(settings, stack, progress, prepare, start_timeout_seconds)
        since = datetime.now(UTC)
        # Nobody would see that the heart of a run has stopped, and each flow run would wait a second for it.
        from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

        stack.enter_context(temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}))
        try:
            yield url
        finally:
            progress("waiting until everything is on record")
            send_pending()
            try:
                wait_until_recorded(url, since=since)
            except HTTPError as lost:
                progress(f"the Prefect server is gone before everything was on record ({lost})")


def _started(
    settings: Settings, stack: ExitStack, progress: Progress, prepare: Callable[[], None], timeout_seconds: float
) -> str:
    """Start a server that ``stack`` stops, and point this process at it."""
    folder = settings.prefect_folder
    make_for_owner(folder)
    migrated = folder / "migrated"
    with ExitStack() as starting:
        if not _is_migrated(settings, migrated):
            progress("preparing the database of the Prefect server")
            starting.enter_context(FileLock(folder / "migration.lock"))
            if _is_migrated(settings, migrated):  # by the command that was waited for
                starting.close()
        port, password = free_port(), new_password()
        url = f"http://127.0.0.1:{port}/api"
        server = start_prefect(
            ["server", "start", "--host", "127.0.0.1", "--port", str(port)],
            server_environment(settings, url, password, lasting=False),
            new_log(folder / "logs", "server"),
            folder,
        )
        stack.callback(PrefectProcess.stop, server)
        prepare()
        # Prefect is imported here, while the server starts.
        without_pages = {"PREFECT_SERVER_UI_ENABLED": "false"}  # so that no report leads to pages that are gone
        stack.enter_context(applied(own_environment(settings, url, password) | without_pages))
        wait_until_healthy(server, url, timeout_seconds, progress)
        migrated.write_text(_stamp(settings), encoding="utf-8")
    return url


def _is_migrated(settings: Settings, stamp: Path) -> bool:
    """Whether a server of this version of Prefect was well with this very database: then two may start at once."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == _stamp(settings)


def _stamp(settings: Settings) -> str:
    database = settings.prefect_folder / "prefect.db"
    identity = database.stat().st_ino if database.exists() else "absent"
    elsewhere = "elsewhere " if "PREFECT_SERVER_DATABASE_CONNECTION_URL" in os.environ else ""
    return f"prefect {version('prefect')}, {elsewhere}database {identity}"
