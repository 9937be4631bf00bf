"""``driftgate serve``: a Prefect server, a worker and every deployment, in one command, until it is told to stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Thread

from filelock import FileLock

from deployments.schedules import POOL, PREFECT_FILE, ROOT, deploy_scenarios, retire_tutorial, tutorial_folders
from deployments.servers.address import is_healthy, serving
from deployments.servers.api import address_of, api_server, require_free
from deployments.servers.environment import LOCAL_HOSTS, applied, own_environment, server_environment
from deployments.servers.first_start import close, token_of_runner
from deployments.servers.password import OWN, keep_password, password_file
from deployments.servers.processes import (
    PrefectProcess,
    new_log,
    port_is_free,
    start_prefect,
    wait_until_healthy,
)
from governance.errors import ServerUnavailable
from governance.project_file import load_project
from governance.settings import Settings

HEARTBEAT_SECONDS = 30
DEAD_AFTER_SECONDS = 90
"""Three heartbeats missed: the run and everything that could have reported its end are dead."""

DEAD_RUNS = "Mark dead runs as crashed"
"""Name of the automation; there is one of it however often we start."""

RUNS_AT_ONCE = 4
"""More than this at once make SQLite say that it is locked."""

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

    Deploys all of ``prefect.yaml`` and the scenarios of ``projects``; with projects other than the tutorial, its
    schedule is left out. What a killed predecessor left needs no
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
        _make_pool()
        _mark_crashed(url, "the driftgate serve that ran it was killed")
        _make_automation()
        environment = own_environment(settings, url, password) | {
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS)
        }
        token = token_of_runner(settings)
        stack.callback(_mark_crashed, url, "driftgate serve was stopped while it ran")
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
        say("Ready. Stop with Ctrl-C.")
        _watch({"server": server, "worker": worker}, url, api)


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


def _make_pool() -> None:
    """The work pool, whose runs work in the checkout: the paths in prefect.yaml are relative to it.

    What else a run could choose, the command and its environment, is out of its hands: with them whoever starts one
    could have the token that the worker gives to flows.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.workers.process import ProcessWorker

    template = ProcessWorker.get_default_base_job_template()
    for fixed in ("command", "env", "working_dir"):
        del template["variables"]["properties"][fixed], template["job_configuration"][fixed]
    template["job_configuration"]["working_dir"] = str(ROOT)
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template), overwrite=True)


def _mark_crashed(url: str, why: str) -> None:
    """End the runs of our pool that nobody performs: a worker takes its runs with it and can't say so.

    Called only while our worker is not there. What else may be on record of a run is for the next run to mend.
    """
    if not is_healthy(url):
        return
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import filters
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    unfinished = filters.FlowRunFilter(
        state=filters.FlowRunFilterState(
            type=filters.FlowRunFilterStateType(any_=[StateType.RUNNING, StateType.PENDING, StateType.CANCELLING])
        )
    )
    of_our_pool = filters.WorkPoolFilter(name=filters.WorkPoolFilterName(any_=[POOL]))
    with get_client(sync_client=True) as client:
        for run in client.read_flow_runs(flow_run_filter=unfinished, work_pool_filter=of_our_pool):
            client.set_flow_run_state(run.id, Crashed(message=why))


def _make_automation() -> None:
    """A run whose process and worker were both killed would be Running for ever: silence makes it Crashed."""
    from datetime import timedelta

    from prefect.automations import AutomationCore, EventTrigger
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import Posture

    ends = {f"prefect.flow-run.{state}" for state in ("Completed", "Failed", "Cancelled", "Crashed")}
    automation = AutomationCore(
        name=DEAD_RUNS,
        trigger=EventTrigger(
            posture=Posture.Proactive,
            match={"prefect.resource.id": ["prefect.flow-run.*"]},
            for_each={"prefect.resource.id"},
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.heartbeat"} | ends,
            threshold=1,
            within=timedelta(seconds=DEAD_AFTER_SECONDS),
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED, message=f"no sign of life for {DEAD_AFTER_SECONDS} s: the process is dead"
            )
        ],
    )
    with get_client(sync_client=True) as client:
        known = client.read_automations_by_name(DEAD_RUNS)
        for duplicate in known[1:]:
            client.delete_automation(duplicate.id)
        if known:
            client.update_automation(known[0].id, automation)
        else:
            client.create_automation(automation)


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


def _watch(processes: Mapping[str, PrefectProcess], url: str, api: Thread) -> None:
    """Return never: a signal ends the wait, and so does a process, or the API, that ended by itself."""
    while True:
        if not api.is_alive():
            raise ServerUnavailable(url, "the API of driftgate ended by itself", "start again")
        for name, process in processes.items():
            if process.process.poll() is not None:
                raise ServerUnavailable(
                    url,
                    f"the {name} ended by itself with code {process.process.returncode}: {process.end_of_log()}",
                    f"read {process.log}, then start again",
                )
        time.sleep(LOOK_EVERY_SECONDS)


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
