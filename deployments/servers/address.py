"""Which Prefect server runs already: the one of PREFECT_API_URL, or ``driftgate serve`` of the same home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
from filelock import FileLock, Timeout

from deployments.servers.environment import LOCAL_HOSTS
from governance.errors import ServerUnavailable
from governance.settings import Settings, make_for_owner

_PASSWORD_WANTED: Final = frozenset({401, 403})


def connect(url: str, *, timeout_seconds: float = 10.0) -> httpx.Client:
    """A plain client of the API at ``url``, with the credentials of the environment and past any proxy if local."""
    key, pair = os.environ.get("PREFECT_API_KEY"), os.environ.get("PREFECT_API_AUTH_STRING")
    user, _, password = (pair or "").partition(":")
    return httpx.Client(
        base_url=url,
        timeout=timeout_seconds,
        trust_env=httpx.URL(url).host not in LOCAL_HOSTS,
        headers={"Authorization": f"Bearer {key}"} if key else None,
        auth=(user, password) if pair else None,
    )


def is_healthy(url: str) -> bool:
    """Whether a Prefect server answers at ``url`` and says that it is well."""
    try:
        with connect(url, timeout_seconds=3.0) as client:
            return client.get("/health").is_success and _is_prefect(client.get("/admin/version"))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def _is_prefect(answer: httpx.Response) -> bool:
    """Whether it told its version, or wants a password first. Anything may answer to /health."""
    return answer.status_code in _PASSWORD_WANTED or (answer.is_success and isinstance(answer.json(), str))


def find_running(settings: Settings) -> str | None:
    """The API address of a healthy server that may be used: PREFECT_API_URL first, then ``driftgate serve``."""
    for url in (os.environ.get("PREFECT_API_URL"), served_url(settings)):
        if url and is_healthy(url):
            return url
    return None


def served_url(settings: Settings) -> str | None:
    """The API address of the ``driftgate serve`` of this home, if one lives; it need not be healthy yet.

    The living one holds a lock, which the system takes back however the process ends: a process id may belong
    to somebody else by now, a lock can't.
    """
    lock = _lock(settings)
    if not Path(lock.lock_file).exists():
        return None
    try:
        with lock.acquire(blocking=False):
            return None
    except Timeout:
        try:
            return _record(settings).read_text(encoding="utf-8").strip() or None
        except FileNotFoundError:
            return None


@contextmanager
def serving(settings: Settings, url: str) -> Iterator[None]:
    """While this lives, commands of the same home find ``url``.

    Raises:
        ServerUnavailable: this home is served already.
    """
    make_for_owner(settings.prefect_folder)
    lock = _lock(settings)
    try:
        lock.acquire(timeout=1)
    except Timeout as held:
        raise ServerUnavailable(
            served_url(settings) or url,
            f"another 'driftgate serve' of {settings.home.resolve()} is running",
            "use it or stop it first, or name another home in DRIFTGATE_HOME",
        ) from held
    record = _record(settings)
    try:
        temporary = record.with_suffix(".new")
        temporary.write_text(url, encoding="utf-8")
        temporary.replace(record)
        yield
    finally:
        record.unlink(missing_ok=True)
        lock.release()


def _lock(settings: Settings) -> FileLock:
    return FileLock(settings.prefect_folder / "serve.lock")


def _record(settings: Settings) -> Path:
    return settings.prefect_folder / "serve.address"
