"""``driftgate serve``: a Prefect server, a worker and every deployment, in one command, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from filelock import FileLock

from deployments.schedules import POOL, PREFECT_FILE, ROOT, deploy_scenarios, retire_tutorial, tutorial_folders
from deployments.servers.address import serving
from deployments.servers.api import address_of, api_server, require_free
from deployments.servers.environment import LOCAL_HOSTS, applied, own_environment, server_environment
from deployments.servers.first_start import close, token_of_runner
from deployments.servers.password import OWN, keep_password, password_file
from deployments.servers.pool import RUNS_AT_ONCE, make_pool, mark_crashed, mark_dead_runs
from deployments.servers.processes import (
    PrefectProcess,
    new_log,
    port_is_free,
    start_prefect,
    wait_until_healthy,
)
from deployments.triggers.automations import apply_on_approval
from governance.errors import ServerUnavailable
from governance.project_file import load_project
from governance.settings import Settings

if TYPE_CHECKING:
    from governance.project_file import Project

HEARTBEAT_SECONDS = 30
LOOK_EVERY_SECONDS = 0.5
DEPLOYING_TIMEOUT_SECONDS = 180.0

Say = Callable[[str], None]
"""Takes one line for people."""


class _ToldToStop(BaseException):
    """SIGTERM or SIGINT arrived. Not an Exception: nothing on the way may swallow it."""


def serve(
    settings: Settings,
    *,
    projects: Sequence[Path] = (),
    host: str = "127.0.0.1",
    port: int = 4200,
    api_port: int = 4300,
    trusting: bool = False,
    say: Say,
    start_timeout_seconds: float = 180.0,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop everything and return.

    Deploys all of ``prefect.yaml`` and the scenarios of ``projects``, whose triggers and approvals it watches; with
    projects other than the tutorial, its schedule is left out. What a killed predecessor left needs no
    clearing: its server and worker ended with it, and its lock is free.

    Args:
        settings: where home is; commands of the same home use this server while it runs.
        projects: folders or files of project.yaml files whose scenarios are scheduled too.
        host: address to listen on.
        port: TCP port of Prefect's pages and API.
        api_port: TCP port of the API of driftgate, on the same address.
        trusting: make no administrator where nobody is known yet: everybody goes on being taken at their word.
        say: is told the addresses, and what is deployed.
        start_timeout_seconds: patience with the server.

    Raises:
        ServerUnavailable: others could reach it without a password, the port is taken, the address is not of this machine, this home is served already, or a process ended by itself.
        ProjectFileError: one of ``projects`` can't be read.
    """
    loaded = [load_project(project) for project in projects]
    reachable = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104  compared, not bound
    url = f"http://{reachable}:{port}/api"
    if host not in LOCAL_HOSTS and not os.environ.get(OWN):
        raise ServerUnavailable(
            url,
            f"on {host} others could reach it, and whoever reaches it can run flows",
            "set PREFECT_SERVER_API_AUTH_STRING to user:password, or listen on 127.0.0.1",
        )
    if not port_is_free(host, port):
        raise ServerUnavailable(url, f"port {port} is taken", "stop what listens there, or choose another with --port")
    require_free(host, api_port)
    with _stopping_on_signals(), ExitStack() as stack:
        stack.enter_context(serving(settings, url))
        _take_ours(settings.prefect_folder)
        password = keep_password(settings)
        if not trusting:
            close(settings, say)
        api = stack.enter_context(api_server(settings, host=host, port=api_port))
        server = _start_server(settings, stack, url, password, host, port, start_timeout_seconds, say)
        say(f"Prefect: {url.removesuffix('/api')}")
        say(f"API: {url}")
        say(f"driftgate: {address_of(host, api_port)}")
        say(f"Prefect's pages ask for a password: it is {_where_it_is(settings)}")
        make_pool(settings)
        mark_crashed(url, "the driftgate serve that ran it was killed")
        mark_dead_runs()
        environment = own_environment(settings, url, password) | {
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)
        }
        token = token_of_runner(settings)
        stack.callback(mark_crashed, url, "driftgate serve was stopped while it ran")
        worker = start_prefect(
            ["worker", "start", "--pool", POOL, "--type", "process", "--limit", str(RUNS_AT_ONCE)],
            environment | ({} if token is None else {"DRIFTGATE_TOKEN": token}),
            new_log(settings.prefect_folder / "logs", "worker"),
            ROOT,
        )
        stack.callback(worker.stop)
        _deploy_prefect_file(settings, environment, url)
        if loaded and not any(project.folder in tutorial_folders() for project in loaded):
            retire_tutorial()
        for name in deploy_scenarios(loaded):
            say(f"deployed {name}")
        apply_on_approval(loaded)
        watched = loaded or [load_project(folder) for folder in sorted(tutorial_folders())]
        watcher = stack.enter_context(_triggers_watched(watched, say, token))
        say("Ready. Stop with Ctrl-C.")
        _watch({"server": server, "worker": worker}, url, {"API of driftgate": api, "watcher of triggers": watcher})


def _start_server(
    settings: Settings,
    stack: ExitStack,
    url: str,
    password: str,
    host: str,
    port: int,
    timeout_seconds: float,
    say: Say,
) -> PrefectProcess:
    folder = settings.prefect_folder
    say("Starting the Prefect server …")
    with FileLock(folder / "migration.lock"):
        server = start_prefect(
            ["server", "start", "--host", host, "--port", str(port)],
            server_environment(settings, url, password, lasting=True),
            new_log(folder / "logs", "serve"),
            folder,
        )
        stack.callback(server.stop)
        stack.enter_context(applied(own_environment(settings, url, password)))
        wait_until_healthy(server, url, timeout_seconds, lambda _sentence: None)
    return server


def _where_it_is(settings: Settings) -> str:
    return f"that of {OWN}" if os.environ.get(OWN) else f"the whole text of {password_file(settings)}"


def _take_ours(folder: Path) -> None:
    """Let nobody else into the folder of Prefect's data, also where an earlier driftgate did."""
    found = folder.stat()
    if found.st_uid == os.getuid() and found.st_mode & 0o077:
        folder.chmod(0o700)


def _deploy_prefect_file(settings: Settings, environment: Mapping[str, str], url: str) -> None:
    deploying = start_prefect(
        ["--no-prompt", "deploy", "--all", "--prefect-file", str(PREFECT_FILE)],
        environment,
        new_log(settings.prefect_folder / "logs", "deploy"),
        ROOT,
    )
    try:
        deadline = time.monotonic() + DEPLOYING_TIMEOUT_SECONDS
        while deploying.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        deploying.stop()
    if deploying.process.returncode != 0:
        raise ServerUnavailable(
            url, f"{PREFECT_FILE.name} was not deployed: {deploying.end_of_log()}", f"read {deploying.log}"
        )


def _watch(processes: Mapping[str, PrefectProcess], url: str, threads: Mapping[str, Thread]) -> None:
    """Return never: a signal ends the wait, and so does a process or a thread that ended by itself."""
    while True:
        for name, thread in threads.items():
            if not thread.is_alive():
                raise ServerUnavailable(url, f"the {name} ended by itself", "start again")
        for name, process in processes.items():
            if process.process.poll() is not None:
                raise ServerUnavailable(
                    url,
                    f"the {name} ended by itself with code {process.process.returncode}: {process.end_of_log()}",
                    f"read {process.log}, then start again",
                )
        time.sleep(LOOK_EVERY_SECONDS)


@contextmanager
def _triggers_watched(projects: Sequence[Project], say: Say, secret: str | None) -> Iterator[Thread]:
    """While the block lasts, a thread watches, which is given."""
    stop = Event()

    def watch_until_stopped() -> None:
        from deployments.triggers.watching import watch  # in the thread: nobody waits until it is imported

        watch(projects, stop, say, secret=secret)

    thread = Thread(target=watch_until_stopped, name="triggers", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()


@contextmanager
def _stopping_on_signals() -> Iterator[None]:
    """The first SIGTERM or SIGINT unwinds the block and is no error; what is then being stopped is not disturbed."""

    def stop(_number: int, _frame: object) -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)
        raise _ToldToStop

    handled = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, stop) for number in handled}
    try:
        yield
    except _ToldToStop:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
