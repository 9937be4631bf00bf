"""The REST API of driftgate beside the Prefect server, in a thread of ``driftgate serve``."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from deployments.servers.processes import new_log, port_is_free
from governance.errors import ServerUnavailable
from governance.settings import Settings

START_TIMEOUT_SECONDS: Final = 30.0
LEAVE_WITHIN_SECONDS: Final = 5

CONNECTIONS: Final = 200
"""At the same time, at most; who comes next is told 503."""

_LOGGERS: Final = ("driftgate.web", "driftgate.triggers", "uvicorn.error")


@contextmanager
def api_server(settings: Settings, *, host: str, port: int) -> Iterator[threading.Thread]:
    """Answer under ``/api/v1`` while the block lasts, and do every minute what has to be done.

    Args:
        settings: Of the home.
        host: Address to listen on.
        port: TCP port.

    Yields:
        The thread that answers: it lives until the block ends.

    Raises:
        ServerUnavailable: the port is taken, or it does not answer in time.
    """
    import uvicorn

    from governance.database import open_database
    from governance.web import create_app
    from governance.web.background import every_minute

    require_free(host, port)
    pause = timedelta(days=settings.longest_pause_days)
    engine = open_database(settings.database, audit_key=settings.audit_key_bytes, longest_pause=pause)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(engine, settings, clock=_now),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            server_header=False,
            # Only what stands in front for TLS may say for whom it asks: others would choose their address themselves.
            proxy_headers=settings.public_url.startswith("https://"),
            timeout_graceful_shutdown=LEAVE_WITHIN_SECONDS,
            limit_concurrency=CONNECTIONS,
        )
    )
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    with _logged_to(new_log(settings.home.resolve() / "logs", "api")), every_minute(engine, settings, clock=_now):
        thread.start()
        try:
            _wait_until_started(server, thread, address_of(host, port))
            yield thread
        finally:
            server.should_exit = True
            thread.join(LEAVE_WITHIN_SECONDS + 1.0)
            engine.dispose()


def address_of(host: str, port: int) -> str:
    """Where people of this machine reach the API.

    Example:
        >>> address_of("0.0.0.0", 4300)
        'http://127.0.0.1:4300/api/v1'
    """
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    return f"http://{reachable}:{port}/api/v1"


def require_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on. Raises: ServerUnavailable."""
    if not port_is_free(host, port):
        problem = f"port {port} is taken"
        raise ServerUnavailable(
            address_of(host, port), problem, "stop what listens there, or choose another with --api-port"
        )


def _now() -> datetime:
    return datetime.now(UTC)


def _wait_until_started(server: object, thread: threading.Thread, address: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not getattr(server, "started", False):
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ServerUnavailable(address, "the API did not start", "read the log in the folder logs of the home")
        time.sleep(0.05)


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    """What the API has to say is kept in a file."""
    handler = logging.FileHandler(file, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
        handler.close()
