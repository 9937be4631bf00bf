"""The environment variables of a Prefect server and of the processes that talk to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from deployments.servers.password import OWN, WANTED
from governance.settings import Settings

LOCAL_HOSTS = ("127.0.0.1", "localhost")

ORIGINS = ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS")
"""Two names of one setting: whose pages may read answers of the server. Prefect's default is everybody's."""

SERVICES_OF_A_LASTING_SERVER = (
    "CANCELLATION_CLEANUP",
    "CLEANUP_RECONCILER",
    "DB_VACUUM",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "REPOSSESSOR",
    "SCHEDULER",
    "TRIGGERS",
)
"""What a server that lives as long as one command must not do: it would create scheduled runs nobody performs."""


def client_environment(settings: Settings, url: str) -> dict[str, str]:
    """What a process needs to talk to the server at ``url``, its API address, and to nobody else."""
    environment = {
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        # No statistics to Prefect; offline they would be one error line every ten minutes.
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # The default is a folder below the current one, and a flow run has a current folder of its own.
        "DRIFTGATE_HOME": str(settings.home.resolve()),
    }
    if any(f"//{host}:" in url for host in LOCAL_HOSTS):
        past_the_proxy = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy", ""), *LOCAL_HOSTS]
        environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(filter(None, past_the_proxy)))
    return environment


def own_environment(settings: Settings, url: str, password: str) -> dict[str, str]:
    """As :func:`client_environment`, of a server that driftgate started: Prefect's own files are in our folder."""
    return client_environment(settings, url) | {
        WANTED: password,
        "PREFECT_HOME": str(settings.prefect_folder),
        # One that always exists; the user's own is unknown in this home, and the default one is ephemeral.
        "PREFECT_PROFILE": "local",
    }


def server_environment(settings: Settings, url: str, password: str, *, lasting: bool) -> dict[str, str]:
    """What the server at ``url`` itself needs, ``lasting`` or for one command.

    The database is SQLite in our folder unless PREFECT_SERVER_DATABASE_CONNECTION_URL names another. Who knows the
    password comes in, and of other pages in a browser none reads an answer, unless the user lets them.
    """
    environment = own_environment(settings, url, password) | {
        OWN: password,
        **_who_may_ask(url),
        # Two commands at once write to one SQLite file.
        "PREFECT_SERVER_DATABASE_TIMEOUT": "60",
        # Whole seconds only: Prefect truncates, and 0 is a busy loop.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        # In memory, a lease outlives neither a restart nor the run that should give it back.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    if not lasting:
        environment |= {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in SERVICES_OF_A_LASTING_SERVER}
        environment["PREFECT_SERVER_UI_ENABLED"] = "false"
    return environment


def _who_may_ask(url: str) -> dict[str, str]:
    """The pages of the server itself, under each name of this machine; or whoever the user names."""
    if any(os.environ.get(name) for name in ORIGINS):
        return {}
    scheme_and_host, _, port = url.removesuffix("/api").rpartition(":")
    local = [f"http://{host}" for host in LOCAL_HOSTS]
    return {ORIGINS[0]: ",".join(f"{one}:{port}" for one in (local if scheme_and_host in local else [scheme_and_host]))}


def with_inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` over that of this process: what a child gets."""
    return dict(os.environ) | dict(environment)


@contextmanager
def applied(environment: Mapping[str, str]) -> Iterator[None]:
    """Set in this process, also when Prefect has read its settings already; afterwards it is as before."""
    with ExitStack() as stack:
        stack.enter_context(_environment_variables(environment))
        from prefect import context

        # The code inside uses the context that is entered; threads without a context fall back on the global one.
        context.refresh_global_settings_context()
        with context.root_settings_context():
            try:
                yield
            finally:
                stack.close()
                context.refresh_global_settings_context()


@contextmanager
def _environment_variables(environment: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
