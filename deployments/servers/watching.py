"""``driftgate watch``: the triggers of projects whose Prefect server and worker somebody runs themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deployments.schedules import POOL, deploy_scenarios
from deployments.servers.address import find_running, served_url
from deployments.servers.environment import applied, client_environment
from deployments.servers.password import credentials
from deployments.servers.pool import make_pool
from deployments.triggers.asking_prefect import asking_prefect
from deployments.triggers.automations import apply_on_approval
from governance.errors import ServerUnavailable
from governance.project_file import load_project
from governance.settings import Settings

Say = Callable[[str], None]
"""Takes one line for people."""


def watch(settings: Settings, *, projects: Sequence[Path], say: Say) -> None:
    """Deploy the scenarios of projects and watch what starts them, until SIGTERM or SIGINT.

    The server is that of PREFECT_API_URL, or the ``driftgate serve`` of this home, which has deployed already. Other
    deployments that a ``project.yaml`` made go from it, as with ``driftgate serve``: one watcher watches all projects.

    Args:
        settings: Of the home.
        projects: Folders or files of project.yaml files.
        say: Is told, from several threads, what was deployed, what was started and what fails.

    Raises:
        ServerUnavailable: there is no server.
        ProjectFileError: one of ``projects`` can't be read.
    """
    from deployments.triggers import watching

    loaded = [load_project(project) for project in projects]
    url = find_running(settings)
    if url is None:
        remedy = "start one and set PREFECT_API_URL to it, or use 'driftgate serve', which watches as well"
        raise ServerUnavailable(os.environ.get("PREFECT_API_URL", "PREFECT_API_URL"), "no server answers there", remedy)
    ours = url == served_url(settings)
    with (
        _until_told_to_stop() as stop,
        applied(client_environment(settings, url) | (credentials(settings) if ours else {})),
    ):
        if not ours:
            _make_pool_if_there_is_none(settings, say)
            for name in deploy_scenarios(loaded):
                say(f"deployed {name}")
            apply_on_approval(loaded)
        say(f"Watching {', '.join(project.project for project in loaded)}. Stop with Ctrl-C.")
        watching.watch(loaded, stop, say)


def _make_pool_if_there_is_none(settings: Settings, say: Say) -> None:
    from prefect.exceptions import ObjectNotFound

    with asking_prefect() as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            make_pool(settings)
            say(f"made the work pool {POOL}: start a worker with 'prefect worker start --pool {POOL}'")


@contextmanager
def _until_told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda _number, _frame: stop.set()) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
