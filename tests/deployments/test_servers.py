"""The Prefect server of a command: there for its flows, gone with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from filelock import FileLock

from deployments.servers.address import connect, find_running, is_healthy, served_url, serving
from deployments.servers.environment import ORIGINS, client_environment, server_environment
from deployments.servers.password import OWN, WANTED, credentials, keep_password, new_password, password_file
from deployments.servers.processes import KEPT_LOGS, PrefectProcess, free_port, new_log, port_is_free
from deployments.servers.short_lived import prefect_server
from governance.errors import ServerUnavailable
from governance.settings import Settings

COMMAND = """
import sys, time
from pathlib import Path
from deployments.servers.short_lived import prefect_server
from governance.settings import Settings
with prefect_server(Settings(home=Path(sys.argv[1]))) as url:
    print(url, flush=True)
    time.sleep(120)
"""


@pytest.fixture(autouse=True)
def _no_server_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_URL", OWN, WANTED):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which one command ran one flow with many tasks on a server of its own."""
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE

    @task(cache_policy=NO_CACHE)
    def work(number: int) -> int:
        return number

    @flow(name="many-tasks")
    def many_tasks() -> int:
        return sum(work(number) for number in range(40))

    home = tmp_path_factory.mktemp("used")
    outside = {name: os.environ.pop(name) for name in ("PREFECT_API_URL",) if name in os.environ}
    with prefect_server(Settings(home=home)) as url:
        assert many_tasks() == sum(range(40))
        (home / "url").write_text(url)
    os.environ.update(outside)
    yield home


def copied(home: Path, to: Path) -> Path:
    """A home of its own with a database that needs no migration."""
    (to / "prefect").mkdir(parents=True)
    shutil.copy(home / "prefect" / "prefect.db", to / "prefect" / "prefect.db")
    return to


def eventually(condition, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())


@contextmanager
def something_that_says_it_is_healthy(version: str = '"3.0"') -> Iterator[str]:
    answers = {"/api/health": "true", "/api/admin/version": version}

    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if answers.get(self.path) else 404)
            self.end_headers()
            self.wfile.write(answers.get(self.path, "").encode())

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Healthy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.prefect
def test_preparations_are_made_while_the_server_starts(used_home, tmp_path) -> None:
    home = copied(used_home, tmp_path / "home")
    logs: list[list[Path]] = []
    with prefect_server(Settings(home=home), prepare=lambda: logs.append([*(home / "prefect" / "logs").iterdir()])):
        assert [len(found) for found in logs] == [1], "its process was there already"


@pytest.mark.prefect
def test_every_task_run_is_on_record_when_the_command_ends(used_home: Path) -> None:
    with sqlite3.connect(used_home / "prefect" / "prefect.db") as database:
        task_runs = database.execute("select state_type, count(*) from task_run group by 1").fetchall()
        flow_runs = database.execute("select state_type from flow_run").fetchall()
    assert task_runs == [("COMPLETED", 40)]
    assert flow_runs == [("COMPLETED",)]


@pytest.mark.prefect
def test_the_server_of_a_command_is_gone_afterwards_and_so_is_what_was_set(used_home: Path) -> None:
    from prefect.settings import PREFECT_API_URL

    url = (used_home / "url").read_text()
    assert not is_healthy(url)
    assert url != PREFECT_API_URL.value()
    assert os.environ.get("PREFECT_API_URL") is None


@pytest.mark.prefect
def test_the_log_of_a_server_names_no_error_even_without_a_network(used_home: Path) -> None:
    (log,) = (used_home / "prefect" / "logs").glob("server-*.log")
    text = log.read_text()
    assert "Check out" in text or "disabled" in text
    assert not [line for line in text.splitlines() if "ERROR" in line or "Traceback" in line]


@pytest.mark.prefect
def test_two_commands_at_once_have_a_server_each_which_ends_with_its_command(used_home: Path, tmp_path: Path) -> None:
    home = copied(used_home, tmp_path / "home")
    commands = [
        subprocess.Popen([sys.executable, "-c", COMMAND, str(home)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        killed, told = commands
        urls = [command.stdout.readline().strip() for command in commands]
        assert len(set(urls)) == 2
        assert all(is_healthy(url) for url in urls)

        killed.kill()
        told.send_signal(signal.SIGTERM)

        assert told.wait(30) == 128 + signal.SIGTERM
        assert not is_healthy(urls[1])
        assert eventually(lambda: not is_healthy(urls[0]), seconds=10), "the server outlived its killed command"
    finally:
        for command in commands:
            command.kill()
            command.wait()
            command.stdout.close()


@pytest.mark.prefect
def test_a_server_that_can_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "nonsense+driver://nowhere/at/all")
    with pytest.raises(ServerUnavailable) as refused, prefect_server(Settings(home=tmp_path)):
        pytest.fail("there can be no server")
    assert "nonsense" in refused.value.problem or "driver" in refused.value.problem
    assert str(tmp_path / "prefect" / "logs") in refused.value.remedy
    assert os.environ.get("PREFECT_API_URL") is None


def test_the_server_of_the_environment_is_used_while_it_is_healthy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with something_that_says_it_is_healthy() as url:
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert find_running(Settings(home=tmp_path)) == url
    assert find_running(Settings(home=tmp_path)) is None


def test_commands_of_the_same_home_find_the_one_that_serves(tmp_path: Path) -> None:
    mine, other = Settings(home=tmp_path / "mine"), Settings(home=tmp_path / "other")
    with something_that_says_it_is_healthy() as url, serving(mine, url):
        assert find_running(mine) == url
        assert find_running(other) is None
    assert find_running(mine) is None


def test_what_a_killed_server_left_behind_is_not_believed(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.prefect_folder.mkdir(parents=True)
    (settings.prefect_folder / "serve.lock").touch()
    with something_that_says_it_is_healthy() as url:
        (settings.prefect_folder / "serve.address").write_text(url)
        assert served_url(settings) is None
        with serving(settings, url):
            assert served_url(settings) == url


def test_a_server_that_has_not_written_its_address_yet_is_not_waited_for(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    settings.prefect_folder.mkdir(parents=True)
    with FileLock(settings.prefect_folder / "serve.lock"):
        assert served_url(settings) is None


def test_a_home_is_served_once(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with (
        serving(settings, "http://127.0.0.1:1/api"),
        pytest.raises(ServerUnavailable, match="another 'driftgate serve'"),
        serving(settings, "http://127.0.0.1:2/api"),
    ):
        pytest.fail("two serve the same home")


def test_nothing_is_told_to_prefect_and_no_local_call_goes_through_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet")
    environment = server_environment(Settings(home=tmp_path), "http://127.0.0.1:1/api", "a:b", lasting=True)
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["DO_NOT_TRACK"] == "1"
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert "NO_PROXY" not in client_environment(Settings(home=tmp_path), "https://prefect.example/api")


def test_the_server_asks_for_the_password_and_its_clients_know_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ORIGINS:
        monkeypatch.delenv(name, raising=False)
    environment = server_environment(Settings(home=tmp_path), "http://10.0.0.1:4200/api", "a:b", lasting=True)
    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == environment["PREFECT_API_AUTH_STRING"] == "a:b"
    assert environment["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] == "http://10.0.0.1:4200"
    monkeypatch.setenv(ORIGINS[1], "https://prefect.example")
    assert ORIGINS[0] not in server_environment(
        Settings(home=tmp_path), "http://10.0.0.1:4200/api", "a:b", lasting=True
    )


def test_a_password_is_made_once_for_a_home_and_no_other_knows_it(tmp_path: Path) -> None:
    mine, other = Settings(home=tmp_path / "mine"), Settings(home=tmp_path / "other")
    assert credentials(mine) == {}
    made = keep_password(mine)
    assert re.fullmatch(r"driftgate:[\w-]{43}", made)
    assert keep_password(mine) == made
    assert credentials(mine) == {"PREFECT_API_AUTH_STRING": made}
    assert keep_password(other) != made
    assert stat.S_IMODE(password_file(mine).stat().st_mode) == 0o600
    assert stat.S_IMODE(mine.home.stat().st_mode) == stat.S_IMODE(mine.prefect_folder.stat().st_mode) == 0o700


def test_a_password_that_others_could_read_is_made_anew(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    made = keep_password(settings)
    password_file(settings).chmod(0o644)
    assert credentials(settings) == {}
    assert keep_password(settings) != made
    assert stat.S_IMODE(password_file(settings).stat().st_mode) == 0o600


def test_a_password_of_the_users_own_comes_first_and_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    made = keep_password(settings)
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "ada:her own")
    assert keep_password(settings) == new_password() == "ada:her own"
    assert credentials(settings) == {"PREFECT_API_AUTH_STRING": "ada:her own"}
    assert not password_file(settings).exists(), "the file is there only while it is what the server asks for"
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING")
    assert keep_password(settings) != made


def test_a_command_of_the_same_home_tells_the_one_that_serves_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "of:another server")
    settings = Settings(home=tmp_path)
    made = keep_password(settings)
    with something_that_says_it_is_healthy() as url:
        with serving(settings, url), prefect_server(settings) as found:
            assert (found, os.environ["PREFECT_API_AUTH_STRING"]) == (url, made)
        monkeypatch.setenv("PREFECT_API_URL", url)
        with prefect_server(settings) as found:
            assert (found, os.environ["PREFECT_API_AUTH_STRING"]) == (url, "of:another server")


@pytest.mark.prefect
def test_the_server_of_a_command_is_no_strangers_either(used_home: Path, tmp_path: Path) -> None:
    with prefect_server(Settings(home=copied(used_home, tmp_path / "home"))) as url:
        assert httpx.post(f"{url}/deployments/filter", json={}, trust_env=False).status_code == 401
        with connect(url) as client:
            assert client.post("/deployments/filter", json={}).status_code == 200


def test_only_a_server_that_stays_creates_scheduled_runs(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    lasting, short = (
        server_environment(settings, "http://127.0.0.1:1/api", "a:b", lasting=lasts) for lasts in (True, False)
    )
    assert short["PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED"] == "false"
    assert "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED" not in lasting


def test_the_names_of_switched_off_services_are_those_of_prefect(tmp_path: Path) -> None:
    from prefect.settings import Settings as PrefectSettings
    from prefect.settings.legacy import _get_settings_fields

    known = set(_get_settings_fields(PrefectSettings))
    environment = server_environment(Settings(home=tmp_path), "http://127.0.0.1:1/api", "a:b", lasting=False)
    ours = {name for name in environment if name.startswith("PREFECT_") and name != "PREFECT_PROFILE"}
    assert ours <= known


def test_the_end_of_a_log_is_its_last_lines_in_one(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\n\n  two\nthree\n")
    process = PrefectProcess(process=None, log=log)  # type: ignore[arg-type]
    assert process.end_of_log(2) == "two | three"
    log.write_text("")
    assert process.end_of_log() == "it wrote nothing"


def test_old_logs_make_room(tmp_path: Path) -> None:
    for number in range(KEPT_LOGS + 5):
        (tmp_path / f"server-{number}.log").touch()
    new_log(tmp_path, "server").touch()
    assert len(list(tmp_path.glob("server-*.log"))) == KEPT_LOGS


def test_a_port_that_is_listened_on_is_not_free() -> None:
    with something_that_says_it_is_healthy() as url:
        taken = int(url.split(":")[2].split("/")[0])
        assert not port_is_free("127.0.0.1", taken)
    assert port_is_free("127.0.0.1", free_port())


def test_a_port_that_can_not_be_listened_on_at_all_is_told_from_one_that_is_taken() -> None:
    with pytest.raises(ServerUnavailable, match=r"192\.0\.2\.1 is no address of this machine; name one that is"):
        port_is_free("192.0.2.1", 4200)
    with pytest.raises(ServerUnavailable, match="is no address of this machine"):
        port_is_free("no-such-host.invalid", 4200)


@pytest.mark.parametrize("version", ["", "{}", "<html>"])
def test_what_is_well_but_no_prefect_is_not_used(version: str) -> None:
    with something_that_says_it_is_healthy(version) as url:
        assert not is_healthy(url)
