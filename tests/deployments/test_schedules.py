"""Deployments: what prefect.yaml and project.yaml say, and what Prefect makes of it."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from deployments.schedules import (
    FROM_PROJECT_FILE,
    POOL,
    PREFECT_FILE,
    ROOT,
    SLUG,
    TUTORIAL,
    deploy_scenarios,
    retire_tutorial,
    scenario_deployments,
    tutorial_folders,
)
from deployments.servers.address import find_running, is_healthy
from deployments.servers.environment import applied, client_environment
from deployments.servers.password import credentials, password_file
from deployments.servers.processes import free_port
from deployments.servers.serving import serve
from governance.errors import ProjectFileError, ServerUnavailable
from governance.project_file import Project, load_project
from governance.settings import Settings

PREFECT_YAML = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
DECLARED = PREFECT_YAML["deployments"]
IDS = [f"{declared['entrypoint'].rsplit('.')[-1]}/{declared['name']}" for declared in DECLARED]

SERVE = """
import sys
from pathlib import Path
from deployments.servers.processes import free_port
from deployments.servers.serving import serve
from governance.settings import Settings
serve(Settings(home=Path(sys.argv[1])), port=int(sys.argv[2]), projects=[Path(p) for p in sys.argv[3:]],
      api_port=free_port(), trusting=True, say=lambda line: print(line, flush=True))
"""

PROJECT_YAML = """
project: {name}
data: {{training: {{path: training.csv}}, current: {{path: current.csv}}}}
models: {{price: {{target: price, prediction_type: regression}}}}
stores: {{drift: {{model: price, performance: false}}}}
scenarios:
  watch:
    name: Watch
    {schedule}
    steps: [{{name: Judge, kind: build_evaluation, store: drift}}]
  by-hand:
    name: By hand
    steps: [{{name: Judge, kind: build_evaluation, store: drift}}]
"""
EVERY_MINUTE = "schedule: {cron: '* * * * *', time_zone: Asia/Tokyo}"


def project_in(folder: Path, *, name: str = "house-prices", schedule: str = EVERY_MINUTE) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "project.yaml").write_text(PROJECT_YAML.format(name=name, schedule=schedule))
    return load_project(folder)


# What the files say: no server needed.


@pytest.mark.parametrize("declared", DECLARED, ids=IDS)
def test_the_entrypoint_is_a_flow_that_takes_these_parameters(declared: dict[str, Any]) -> None:
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    flow = load_flow_from_entrypoint(declared["entrypoint"], use_placeholder_flow=False)
    schema = parameter_schema(flow).model_dump()
    assert set(declared["parameters"]) <= set(schema["properties"])
    asked_for = {name: "out.csv" for name in schema.get("required", []) if name not in declared["parameters"]}
    flow.validate_parameters({**asked_for, **declared["parameters"]})


@pytest.mark.parametrize("declared", DECLARED, ids=IDS)
def test_every_parameter_has_a_title_and_a_description_in_the_form(declared: dict[str, Any]) -> None:
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(load_flow_from_entrypoint(declared["entrypoint"])).model_dump()
    bare = [name for name, field in schema["properties"].items() if not (field["title"] and field.get("description"))]
    assert not bare


@pytest.mark.parametrize("declared", DECLARED, ids=IDS)
def test_the_parameters_name_what_the_tutorial_project_has(declared: dict[str, Any]) -> None:
    parameters = declared["parameters"]
    project = load_project(ROOT / parameters["project"])
    assert parameters.get("scenario", next(iter(project.scenarios))) in project.scenarios
    assert parameters.get("store", next(iter(project.stores))) in project.stores


@pytest.mark.parametrize("declared", DECLARED, ids=IDS)
def test_the_work_pool_is_the_one_that_serve_makes(declared: dict[str, Any]) -> None:
    assert declared["work_pool"]["name"] == POOL


def test_prefect_calls_the_deployments_by_these_names() -> None:
    from prefect.flows import load_flow_from_entrypoint

    names = [f"{load_flow_from_entrypoint(declared['entrypoint']).name}/{declared['name']}" for declared in DECLARED]
    assert names == ["retrain-model/weekly", "evaluate/manual", "train/manual", "score/manual", "activate/manual"]


def test_prefect_yaml_schedules_what_project_yaml_schedules() -> None:
    in_prefect_yaml = {
        ((ROOT / declared["parameters"]["project"]).resolve(), declared["parameters"]["scenario"]): [
            (schedule["cron"], schedule["timezone"], schedule["slug"], schedule["parameters"])
            for schedule in declared.get("schedules", [])
        ]
        for declared in DECLARED
        if "scenario" in declared["parameters"]
    }
    in_project_yaml = {
        (deployment.project, deployment.scenario): [
            (deployment.schedule.cron, deployment.schedule.time_zone, SLUG, {"trigger": "schedule"})
        ]
        for folder in tutorial_folders()
        for deployment in scenario_deployments(load_project(folder))
        if deployment.schedule is not None
    }
    assert in_prefect_yaml == in_project_yaml


def test_the_weekly_run_is_due_on_mondays_at_six_in_london_in_summer_and_winter() -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from prefect.client.schemas.schedules import CronSchedule
    from prefect.server.schemas.schedules import CronSchedule as Due

    declared = DECLARED[0]["schedules"][0]
    schedule = CronSchedule(cron=declared["cron"], timezone=declared["timezone"])
    london = ZoneInfo("Europe/London")
    dues = list(
        Due(**schedule.model_dump())._get_dates_generator(n=52, start=datetime(2026, 1, 1, tzinfo=london))  # type: ignore[attr-defined]
    )
    assert {(due.weekday(), due.astimezone(london).hour) for due in dues} == {(0, 6)}


def test_a_scenario_becomes_a_deployment_called_after_it_and_its_project(tmp_path: Path) -> None:
    watch, by_hand = scenario_deployments(project_in(tmp_path))
    assert (watch.flow, watch.name, by_hand.flow, by_hand.name) == ("watch", "house-prices", "by-hand", "house-prices")
    assert watch.parameters == {"project": str(tmp_path), "scenario": "watch"}
    assert watch.schedule is not None
    assert by_hand.schedule is None


@pytest.mark.parametrize(
    "cron", ["0 6 * * 1", "*/5 0-6/2 1,15 JAN-mar *", "59 23 31 12 7", "0 0 * * mon-fri", "5/10 * 1/7 * 5-7"]
)
def test_a_schedule_that_a_project_file_may_have_is_one_for_prefect(cron: str, tmp_path: Path) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    watch, _ = scenario_deployments(project_in(tmp_path, schedule=f"schedule: {{cron: '{cron}'}}"))
    assert watch.schedule is not None
    assert CronSchedule(cron=watch.schedule.cron, timezone=watch.schedule.time_zone).cron == cron


def test_two_projects_of_one_name_are_refused_before_anything_is_deployed(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="house-prices"):
        deploy_scenarios([project_in(tmp_path / "a"), project_in(tmp_path / "b")])


def test_serve_refuses_a_port_that_is_taken_before_it_starts_anything(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServerUnavailable, match="is taken"):
            serve(Settings(home=tmp_path / "home"), port=other.getsockname()[1], say=pytest.fail)
    assert not (tmp_path / "home").exists()


def test_serve_refuses_to_be_reachable_by_others_without_a_password(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    with pytest.raises(ServerUnavailable, match="set PREFECT_SERVER_API_AUTH_STRING"):
        serve(Settings(home=tmp_path / "home"), host="0.0.0.0", say=pytest.fail)  # noqa: S104
    assert not (tmp_path / "home").exists()


# What Prefect makes of them: one 'driftgate serve', killed and started again.


class Served:
    """A ``driftgate serve`` in a process of its own."""

    def __init__(self, home: Path, *projects: Path) -> None:
        self.settings = Settings(home=home)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(home), str(self.port), *map(str, projects)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if line.startswith("Ready"):
                return
        pytest.fail("\n".join(self.lines))

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def project_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_in(tmp_path_factory.mktemp("projects") / "house-prices").folder


@pytest.fixture(scope="module")
def served(home: Path, project_folder: Path) -> Iterator[Served]:
    served = Served(home, project_folder, *tutorial_folders())
    yield served
    served.close()


def environment_of(served: Served) -> dict[str, str]:
    """What a command of the same home puts into force."""
    return client_environment(served.settings, served.url) | credentials(served.settings)


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    from prefect.client.orchestration import get_client

    with applied(environment_of(served)), get_client(sync_client=True) as client:
        yield client


def known(client: Any) -> dict[str, Any]:
    flows = {flow.id: flow.name for flow in client.read_flows()}
    return {f"{flows[each.flow_id]}/{each.name}": each for each in client.read_deployments()}


@pytest.mark.prefect
def test_serve_deploys_prefect_yaml_and_the_projects_it_is_given(served: Served, client: Any) -> None:
    assert set(known(client)) == {
        "retrain-model/weekly",
        "evaluate/manual",
        "train/manual",
        "score/manual",
        "activate/manual",
        "watch/house-prices",
        "by-hand/house-prices",
    }
    assert served.lines[1:3] == [f"Prefect: http://127.0.0.1:{served.port}", f"API: {served.url}"]
    asked = f"Prefect's pages ask for a password: it is the whole text of {password_file(served.settings)}"
    assert asked in served.lines
    assert password_file(served.settings).read_text() not in "\n".join(served.lines)


@pytest.mark.prefect
@pytest.mark.parametrize("password", [None, ("driftgate", ""), ("driftgate", "guess")])
def test_nobody_runs_anything_without_the_password(
    served: Served, client: Any, password: tuple[str, str] | None
) -> None:
    deployment = known(client)["train/manual"].id
    body = {"job_variables": {"command": "id", "env": {"A": "b"}}}
    with httpx.Client(base_url=served.url, auth=password, trust_env=False) as stranger:
        assert stranger.post(f"/deployments/{deployment}/create_flow_run", json=body).status_code == 401
        assert stranger.post("/deployments/filter", json={}).status_code == 401


@pytest.mark.prefect
def test_no_other_page_in_a_browser_may_read_what_the_server_answers(served: Served) -> None:
    def allowed(origin: str) -> str | None:
        asking = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        with httpx.Client(base_url=served.url, trust_env=False) as browser:
            return browser.options("/deployments/filter", headers=asking).headers.get("access-control-allow-origin")

    own = [f"http://{host}:{served.port}" for host in ("127.0.0.1", "localhost")]
    others = ["https://evil.example", f"http://evil.example:{served.port}", "null"]
    assert [allowed(origin) for origin in own] == own
    assert [allowed(origin) for origin in others] == [None, None, None]


@pytest.mark.prefect
def test_what_is_kept_of_prefect_is_its_owners_alone(served: Served) -> None:
    folder = served.settings.prefect_folder
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "logs", folder / "password")}
    assert modes == {folder: 0o700, folder / "logs": 0o700, folder / "password": 0o600}


@pytest.mark.prefect
def test_a_run_chooses_neither_its_command_nor_its_environment_and_runs_all_the_same(
    served: Served, client: Any, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    chosen = {"command": f"touch {mark}", "env": {"DRIFTGATE_HOME": str(tmp_path)}, "working_dir": str(tmp_path)}
    run = client.create_flow_run_from_deployment(
        known(client)["by-hand/house-prices"].id, parameters={"trigger": "manual"}, job_variables=chosen
    )
    deadline = time.monotonic() + 90
    while not (state := client.read_flow_run(run.id).state).is_final() and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not mark.exists()
    assert state.is_failed(), f"its data is not there, which nobody but the flow itself finds out: {state}"
    assert state.message == "FAILED: Judge"
    assert not (tmp_path / "driftgate.db").exists()


@pytest.mark.prefect
def test_the_weekly_deployment_waits_for_its_predecessor(served: Served, client: Any) -> None:
    weekly = known(client)["retrain-model/weekly"]
    assert weekly.global_concurrency_limit.limit == 1
    assert weekly.concurrency_options.collision_strategy.value == "ENQUEUE"
    assert [(s.schedule.cron, s.schedule.timezone, s.slug) for s in weekly.schedules] == [
        ("0 6 * * 1", "Europe/London", SLUG)
    ]


@pytest.mark.prefect
def test_a_schedule_really_creates_a_run(served: Served, client: Any) -> None:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    for name in ("retrain-model/weekly", "watch/house-prices"):
        one = DeploymentFilter(id=DeploymentFilterId(any_=[known(client)[name].id]))
        deadline = time.monotonic() + 30
        while not (runs := client.read_flow_runs(deployment_filter=one)) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert runs, f"the scheduler made no run of {name}: are the pins right?"
        assert {run.parameters["trigger"] for run in runs} == {"schedule"}


@pytest.mark.prefect
def test_commands_of_this_home_find_the_server(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)  # that of the session's own server, which would come first
    assert find_running(served.settings) == served.url


@pytest.mark.prefect
def test_there_is_one_automation_for_dead_runs(served: Served, client: Any) -> None:
    assert [automation.name for automation in client.read_automations()] == ["Mark dead runs as crashed"]


@pytest.mark.prefect
def test_deploying_again_keeps_a_pause_and_doubles_nothing(served: Served, client: Any, project_folder: Path) -> None:
    watch = known(client)["watch/house-prices"]
    client.update_deployment_schedule(watch.id, watch.schedules[0].id, active=False)

    deploy_scenarios([load_project(project_folder)])

    (schedule,) = known(client)["watch/house-prices"].schedules
    assert (schedule.active, schedule.slug) == (False, SLUG)


@pytest.mark.prefect
def test_what_is_gone_from_the_files_is_gone_from_prefect(served: Served, client: Any, tmp_path: Path) -> None:
    both = [project_in(tmp_path / "a", name="a"), project_in(tmp_path / "b", name="b")]
    deploy_scenarios(both)
    assert {name for name in known(client) if "/a" in name} == {"watch/a", "by-hand/a"}

    deploy_scenarios([project_in(tmp_path / "a", name="a", schedule="")])

    ours = {name: d for name, d in known(client).items() if FROM_PROJECT_FILE in d.tags}
    assert set(ours) == {"watch/a", "by-hand/a"}
    assert ours["watch/a"].schedules == []


@pytest.mark.prefect
def test_the_tutorial_named_as_a_project_is_not_deployed_twice(served: Served, client: Any) -> None:
    assert deploy_scenarios([load_project(folder) for folder in tutorial_folders()]) == []


@pytest.mark.prefect
def test_who_serves_only_projects_of_their_own_is_spared_the_runs_of_the_tutorial(served: Served, client: Any) -> None:
    assert "retrain-model/weekly" in known(client)
    retire_tutorial()
    assert {name for name in known(client) if TUTORIAL in known(client)[name].tags} == {
        "evaluate/manual",
        "train/manual",
        "score/manual",
        "activate/manual",
    }


@pytest.mark.prefect
def test_serve_starts_over_the_leftovers_of_a_killed_one_and_stops_when_told(
    served: Served, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Running

    cut_off = client.create_flow_run_from_deployment(known(client)["train/manual"].id, state=Running())
    served.process.kill()
    served.process.wait()
    deadline = time.monotonic() + 15
    while is_healthy(served.url) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_healthy(served.url), "the server outlived its killed parent"
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert find_running(served.settings) is None

    again = Served(served.settings.home)
    try:
        assert find_running(served.settings) == again.url
        with applied(environment_of(again)), get_client(sync_client=True) as anew:
            assert anew.read_flow_run(cut_off.id).state.is_crashed()
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(40) == 0
        assert not is_healthy(again.url)
        assert find_running(served.settings) is None
    finally:
        again.close()
