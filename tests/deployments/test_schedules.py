"""Deployments: what prefect.yaml and project.yaml say, and what Prefect makes of it."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

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
    _apply,
    deploy_scenarios,
    parameter_form,
    prefect_schedule,
    retire_tutorial,
    scenario_deployments,
    tutorial_folders,
)
from deployments.servers.address import find_running, is_healthy
from deployments.servers.environment import applied, client_environment
from deployments.servers.password import credentials, password_file
from deployments.servers.pool import RUNS_AT_ONCE
from deployments.servers.processes import free_port
from deployments.servers.serving import serve
from deployments.triggers.asking_prefect import pass_on
from deployments.triggers.automations import apply_on_approval
from deployments.triggers.events import APPROVED, ON_APPROVAL, VERSION, WITH_THE_EVENT, approved
from governance.errors import ProjectFileError, ServerUnavailable
from governance.project_file import EnvironmentSettings, Project, Schedule, load_project
from governance.settings import Settings
from governance.trigger_states import Approval

PREFECT_YAML = yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8"))
DECLARED = PREFECT_YAML["deployments"]
IDS = [f"{declared['entrypoint'].rsplit('.')[-1]}/{declared['name']}" for declared in DECLARED]

OF_THE_TUTORIAL = {
    "retrain-model/weekly",
    "retrain-model/manual",
    "evaluate/manual",
    "train/manual",
    "score/manual",
    "activate/manual",
    "activate/on-approval",
}

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
    collision: skip
    variables: {{bound: 0.5, rows: 100, month: "06", strict: true, note: null}}
    steps: [{{name: Judge, kind: build_evaluation, store: drift}}]
environments: {{dev: {{policy: always}}, prod: {{on_approval: activate}}}}
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
    assert set(names) == OF_THE_TUTORIAL
    assert len(names) == len(OF_THE_TUTORIAL)


def test_prefect_yaml_schedules_what_project_yaml_schedules() -> None:
    in_prefect_yaml = {
        ((ROOT / declared["parameters"]["project"]).resolve(), declared["parameters"]["scenario"]): [
            (schedule["cron"], schedule["timezone"], schedule["slug"], schedule["parameters"])
            for schedule in declared["schedules"]
        ]
        for declared in DECLARED
        if "schedules" in declared
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


def test_prefect_yaml_activates_on_approval_wherever_project_yaml_may_ask_for_it() -> None:
    (folder,) = tutorial_folders()
    (on_approval,) = [declared for declared in DECLARED if declared["name"] == "on-approval"]
    project = load_project(folder)
    triggers = {trigger["parameters"]["environment"]: trigger for trigger in on_approval["triggers"]}
    assert set(triggers) == set(project.environments)
    for environment, trigger in triggers.items():
        assert trigger["expect"] == [APPROVED]
        assert trigger["match"] == {
            "prefect.resource.id": f"{VERSION}.{project.project}.*",
            f"{ON_APPROVAL}.{environment}": "activate",
        }
        assert trigger["parameters"] == {**WITH_THE_EVENT, "environment": environment}


# Days on which clocks change.

CHANGES = {
    "Europe/London": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
}
"""The eves of the days, at midnight."""


def dues_of(schedule: str, time_zone: str, eve: str) -> list[datetime]:
    """When Prefect makes runs in the three days from an eve on, looking again and again as its scheduler does."""
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule

    found = prefect_schedule(Schedule.model_validate(yaml.safe_load(schedule) | {"time_zone": time_zone}))
    kind: Any = CronSchedule if hasattr(found, "cron") else IntervalSchedule
    due = kind(**found.model_dump())
    begin = datetime.fromisoformat(eve).replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    end = begin + timedelta(days=2, hours=20)
    looks = [begin + timedelta(minutes=20 * number) for number in range(3 * 24 * 3)]
    seen = {
        datetime.fromtimestamp(one.timestamp(), UTC)
        for look in looks
        for one in due._get_dates_generator(n=3, start=look)
    }
    return sorted(one for one in seen if begin <= one < end)


@pytest.mark.parametrize("time_zone", CHANGES)
@pytest.mark.parametrize("change", [0, 1], ids=["spring", "autumn"])
@pytest.mark.parametrize("cron", ["30 1 * * *", "30 2 * * *", "0 1 * * *", "0 2 * * *", "0 0 * * *", "0 6 * * *"])
def test_a_daily_time_runs_once_a_day_also_if_it_exists_twice_or_not_at_all(
    cron: str, change: int, time_zone: str
) -> None:
    dues = dues_of(f"cron: '{cron}'", time_zone, CHANGES[time_zone][change])
    dues = [due.astimezone(ZoneInfo(time_zone)) for due in dues]
    eve = datetime.fromisoformat(CHANGES[time_zone][change])
    assert [due.date() for due in dues] == [(eve + timedelta(days=day)).date() for day in range(3)]
    minute, hour = map(int, cron.split()[:2])
    as_written = [(due.hour, due.minute) == (hour, minute) for due in dues]
    night = eve + timedelta(days=1, hours=hour, minutes=minute)
    exists = night.replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC).astimezone(ZoneInfo(time_zone))
    assert as_written == [True, exists.replace(tzinfo=None) == night, True]


def test_of_a_time_that_exists_twice_the_first_is_meant() -> None:
    (_, due, _) = dues_of("cron: 30 1 * * *", "Europe/London", CHANGES["Europe/London"][1])
    assert due == datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "01:30 in summer time, an hour before 01:30 in winter time"


@pytest.mark.parametrize("time_zone", CHANGES)
def test_monday_at_six_stays_six_for_a_whole_year(time_zone: str) -> None:
    from prefect.server.schemas.schedules import CronSchedule

    schedule = prefect_schedule(Schedule(cron="0 6 * * 1", time_zone=time_zone))
    place = ZoneInfo(time_zone)
    dues = CronSchedule(**schedule.model_dump())._get_dates_generator(n=52, start=datetime(2026, 1, 1, tzinfo=place))  # type: ignore[attr-defined]
    assert {(due.weekday(), due.astimezone(place).hour) for due in dues} == {(0, 6)}


@pytest.mark.parametrize("time_zone", CHANGES)
@pytest.mark.parametrize("change", [0, 1], ids=["spring", "autumn"])
@pytest.mark.parametrize("minutes", [7.7, 60, 90, 1440])
def test_an_interval_is_time_that_passes_whatever_clocks_do(minutes: float, change: int, time_zone: str) -> None:
    dues = dues_of(f"every_minutes: {minutes}", time_zone, CHANGES[time_zone][change])
    assert {later - earlier for earlier, later in pairwise(dues)} == {timedelta(minutes=minutes)}


def test_an_interval_is_counted_from_midnight_on_a_monday_where_people_are() -> None:
    found = prefect_schedule(Schedule(every_minutes=7 * 24 * 60, time_zone="Asia/Tokyo"))
    assert found.anchor_date.astimezone(ZoneInfo("Asia/Tokyo")).isoformat() == "2024-01-01T00:00:00+09:00"  # type: ignore[union-attr]
    assert found.anchor_date.weekday() == 6  # type: ignore[union-attr]


# Forms.


def fits(variables: dict[str, Any], given: dict[str, Any]) -> bool:
    """Whether Prefect takes parameters for a scenario with these variables."""
    from prefect.utilities.schema_tools.validation import ValidationError, validate

    parameters = {"project": "p", "parameters": given}
    try:
        validate(parameters, parameter_form(variables), raise_on_error=True, ignore_required=True)
    except ValidationError:
        return False
    return True


def test_the_form_asks_for_the_variables_by_their_types_and_shows_what_they_are() -> None:
    form = parameter_form({"bound": 0.5, "rows": 100, "month": "06", "strict": True})
    fields = form["properties"]["parameters"]["properties"]
    assert {name: (field["type"], field["default"]) for name, field in fields.items()} == {
        "bound": ("number", 0.5),
        "rows": ("integer", 100),
        "month": ("string", "06"),
        "strict": ("boolean", True),
    }
    assert parameter_form({})["properties"].keys() == form["properties"].keys()


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"bound": 0.7}, True),
        ({"bound": 1}, True),
        ({"bound": "high"}, False),
        ({"rows": 2.5}, False),
        ({"note": None}, True),
        ({"note": "x"}, True),
        ({"said_by_a_trigger": 3}, True),
        ({"said_by_a_trigger": [3]}, False),
    ],
)
def test_what_is_not_of_the_type_of_its_variable_is_refused_before_there_is_a_run(
    given: dict[str, Any], taken: bool
) -> None:
    assert fits({"bound": 0.5, "rows": 100, "note": None}, given) is taken


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
        self.settings, self.projects = Settings(home=home), projects
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
    assert set(known(client)) == OF_THE_TUTORIAL | {
        "watch/house-prices",
        "by-hand/house-prices",
        "activate/house-prices",
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
def test_prefect_deploy_and_serve_give_the_same_deployment(served: Served, client: Any) -> None:
    from prefect.flows import load_flow_from_entrypoint

    (folder,) = tutorial_folders()
    (wanted,) = scenario_deployments(load_project(folder))
    weekly = known(client)["retrain-model/weekly"].model_dump(mode="json")
    # By what serve does with the scenarios of any project; those of the tutorial it leaves to prefect.yaml.
    made = client.read_deployment(_apply(client, wanted)).model_dump(mode="json")
    try:
        theirs_alone = {name for name in weekly if weekly[name] != made[name]}
        assert theirs_alone <= {
            *("id", "created", "updated", "last_polled", "status", "version_id", "concurrency_limit_id"),
            *("name", "tags", "description", "version", "entrypoint"),  # for people, and by which path it is imported
            *("parameters", "schedules", "global_concurrency_limit"),  # looked at below
        }
        assert weekly["parameters"] | {"project": str(folder)} == made["parameters"]
        times = [{**one, "id": "", "created": "", "updated": "", "deployment_id": ""} for one in weekly["schedules"]]
        assert times == [
            {**one, "id": "", "created": "", "updated": "", "deployment_id": ""} for one in made["schedules"]
        ]
        limits = [one["global_concurrency_limit"] for one in (weekly, made)]
        assert [(one["limit"], one["active"]) for one in limits] == [(1, True)] * 2
        flows = [load_flow_from_entrypoint(one["entrypoint"]) for one in (weekly, made)]
        assert flows[0].fn is flows[1].fn
    finally:
        client.delete_deployment(made["id"])


@pytest.mark.prefect
def test_where_runs_are_skipped_that_would_collide_they_may_begin_to_find_that_out(served: Served, client: Any) -> None:
    assert known(client)["watch/house-prices"].global_concurrency_limit.limit == 1
    assert known(client)["by-hand/house-prices"].global_concurrency_limit is None


@pytest.mark.prefect
def test_all_workers_of_the_pool_together_run_no_more_than_sqlite_bears(served: Served, client: Any) -> None:
    assert client.read_work_pool(POOL).concurrency_limit == RUNS_AT_ONCE


@pytest.mark.prefect
@pytest.mark.parametrize(
    ("environments", "started"),
    [
        (["prod"], [{"model": "price", "version": "7", "environment": "prod"}]),
        (["dev"], []),
        ([], []),
    ],
)
def test_an_approval_that_prefect_hears_of_starts_the_activation_where_the_project_wants_it(
    served: Served, client: Any, project_folder: Path, environments: list[str], started: list[dict[str, str]]
) -> None:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    project = load_project(project_folder)
    places = {
        name: EnvironmentSettings(on_approval="activate" if name in environments else "nothing")
        for name in project.environments
    }
    number = 10 + len(environments) + environments.count("dev")
    approval = Approval(number, "price", 7, "hana")
    one = DeploymentFilter(id=DeploymentFilterId(any_=[known(client)["activate/house-prices"].id]))

    def runs() -> list[dict[str, str]]:
        told = [run.parameters for run in client.read_flow_runs(deployment_filter=one)]
        return [{name: run[name] for name in ("model", "version", "environment")} for run in told]

    before = len(runs())
    pass_on(approved(project.model_copy(update={"environments": places}), approval, "test"))
    deadline = time.monotonic() + (20 if started else 4)
    while len(runs()) - before < max(len(started), 1) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert runs()[before:] == started


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
def test_there_is_one_automation_for_dead_runs_and_one_for_each_place_where_approval_may_activate(
    served: Served, client: Any
) -> None:
    apply_on_approval([load_project(served.projects[0])])
    assert sorted(automation.name for automation in client.read_automations()) == [
        "Activate what is approved: credit_card_fraud in dev",
        "Activate what is approved: credit_card_fraud in prod",
        "Activate what is approved: credit_card_fraud in test",
        "Activate what is approved: house-prices in prod",
        "Mark dead runs as crashed",
    ]


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
    assert {name for name in known(client) if name.endswith("/a")} == {"watch/a", "by-hand/a", "activate/a"}

    deploy_scenarios([project_in(tmp_path / "a", name="a", schedule="")])

    ours = {name: d for name, d in known(client).items() if FROM_PROJECT_FILE in d.tags}
    assert set(ours) == {"watch/a", "by-hand/a", "activate/a"}
    assert ours["watch/a"].schedules == []


@pytest.mark.prefect
def test_the_tutorial_named_as_a_project_is_not_deployed_twice(served: Served, client: Any) -> None:
    assert deploy_scenarios([load_project(folder) for folder in tutorial_folders()]) == []


@pytest.mark.prefect
def test_who_serves_only_projects_of_their_own_is_spared_the_runs_of_the_tutorial(served: Served, client: Any) -> None:
    assert "retrain-model/weekly" in known(client)
    retire_tutorial()
    assert {name for name in known(client) if TUTORIAL in known(client)[name].tags} == OF_THE_TUTORIAL - {
        "retrain-model/weekly"
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
