"""What happens in the world starts a scenario, once: files, rows, other scenarios, approvals."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from deployments.schedules import POOL, deploy_scenarios, tutorial_folders
from deployments.servers.environment import applied
from deployments.servers.processes import free_port
from deployments.triggers.approvals import ApprovalWatch
from deployments.triggers.asking_prefect import asking_prefect
from deployments.triggers.dataset_change import DatasetLookout
from deployments.triggers.files import Place, files_at
from deployments.triggers.sql_change import ROWS
from deployments.triggers.watched import TriggerWatch, Watched
from deployments.triggers.watching import Chore, chores_of, lookout_for, watch
from governance import scenario_runs
from governance.database import open_database
from governance.errors import NotFound, UnreadableFile
from governance.processes import is_alive
from governance.project_file import DatasetChange, Project, load_project
from governance.registry import find_project
from governance.settings import settings
from governance.tables import ProjectRow, TriggerState
from governance.tables.columns import key_of
from governance.trigger_states import find_state
from governance.vocabulary import BACKFILL, ScenarioOutcome
from tasks import edge
from tests.governance.world import FINN, World, declaration
from tests.workplace import Driftgate, at_home

if TYPE_CHECKING:
    from prefect.events import Event

NUMBERS = count(1)
DATASET = {"kind": "dataset_change", "data": "monthly"}


class Site:
    """A project folder with a home of its own, on the server of the suite."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        (folder / "data").mkdir(parents=True)
        self.said: list[str] = []

    def declare(self, *triggers: dict[str, Any], **changes: Any) -> Project:
        """Write project.yaml with a scenario that these start, and deploy it."""
        steps = [{"name": "Judge", "kind": "build_evaluation", "store": "drift"}]
        declared = {
            "project": self.name,
            "data": {"monthly": {"path": "data/month_*.csv"}, "training": {"path": "data/training.csv"}},
            "models": {"price": {"target": "price", "prediction_type": "regression", "train_on": "training"}},
            "stores": {"drift": {"model": "price", "data": "monthly", "performance": False}},
            "scenarios": {
                "judge": {"name": "Judge", "triggers": list(triggers), "steps": steps},
                "first": {"name": "First", "steps": steps},
            },
            **changes,
        }
        (self.folder / "project.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
        project = load_project(self.folder)
        deploy_scenarios([project])
        return project

    def put(self, part: str, content: str = "price\n1\n") -> None:
        (self.folder / "data" / f"month_{part}.csv").write_text(content)

    def watcher(self, project: Project) -> Callable[[], None]:
        """One that has just been started; called, it looks once at everything."""
        chores = chores_of(project, self.said.append)

        def look() -> None:
            for chore in chores:
                chore.do()

        return look

    def runs(self, deployment: str | None = None) -> list[dict[str, Any]]:
        """What the runs of a deployment were told, in their order."""
        from prefect.client.schemas import filters
        from prefect.client.schemas.sorting import FlowRunSort

        with asking_prefect() as client:
            found = client.read_deployment_by_name(deployment or f"judge/{self.name}")
            one = filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[found.id]))
            runs = client.read_flow_runs(deployment_filter=one, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
        return [
            {name: value for name, value in run.parameters.items() if name not in {"project", "scenario"}}
            for run in runs
        ]


@pytest.fixture(scope="module")
def pool(prefect_api: str) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate

    with asking_prefect() as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)


@pytest.fixture
def place(pool: None, prefect_api: str, tmp_path: Path) -> Iterator[Site]:
    with at_home(tmp_path / "home", PREFECT_API_URL=prefect_api, DRIFTGATE_USER="ada"):
        yield Site(tmp_path / "project", f"project-{next(NUMBERS)}")


@contextmanager
def prefect_away() -> Iterator[None]:
    with applied({"PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}):
        yield


# Files.


@pytest.mark.prefect
def test_the_first_look_starts_nothing_and_neither_does_what_stays_as_it_is(place: Site) -> None:
    place.put("01")
    look = place.watcher(place.declare(DATASET))
    for _ in range(3):
        look()
    assert place.runs() == []
    assert place.said == []


@pytest.mark.prefect
def test_a_new_file_of_a_series_starts_one_run_on_that_file(place: Site) -> None:
    place.put("01")
    look = place.watcher(place.declare(DATASET))
    look()
    place.put("02")
    for _ in range(3):
        look()
    assert place.runs() == [{"trigger": "dataset_change monthly", "data": "monthly:02"}]
    (said,) = place.said
    assert said.startswith(f"{place.name}: dataset_change monthly starts judge (run ")


@pytest.mark.prefect
@pytest.mark.parametrize("change", ["two new files", "one is longer", "one is newer", "one is gone"])
def test_any_other_change_starts_a_run_that_is_told_no_file(place: Site, change: str) -> None:
    place.put("01")
    look = place.watcher(place.declare(DATASET))
    look()
    file = place.folder / "data" / "month_01.csv"
    match change:
        case "two new files":
            place.put("02")
            place.put("03")
        case "one is longer":
            place.put("01", "price\n1\n2\n")
        case "one is newer":
            os.utime(file, ns=(1, 1))
        case _:
            file.unlink()
    look()
    look()
    assert place.runs() == [{"trigger": "dataset_change monthly"}]


@pytest.mark.prefect
def test_with_a_marker_nothing_starts_until_the_marker_has_changed(place: Site) -> None:
    place.put("01")
    marker = place.folder / "data" / "_COMPLETE"
    look = place.watcher(place.declare(DATASET | {"marker": "data/_COMPLETE"}))
    look()
    place.put("02")
    look()
    assert place.runs() == []
    marker.write_text("yes")
    look()
    assert place.runs() == [{"trigger": "dataset_change monthly", "data": "monthly:02"}]
    place.put("03")
    look()
    os.utime(marker, ns=(5, 5))
    look()
    assert [run["data"] for run in place.runs()] == ["monthly:02", "monthly:03"]


@pytest.mark.prefect
def test_a_marker_of_a_delivery_with_nothing_new_does_not_complete_the_next_one(place: Site) -> None:
    place.put("01")
    marker = place.folder / "data" / "_COMPLETE"
    look = place.watcher(place.declare(DATASET | {"marker": "data/_COMPLETE"}))
    look()
    marker.write_text("nothing new")
    look()
    place.put("02")
    look()
    look()
    assert place.runs() == [], "half of the next delivery is there"
    place.put("03")
    os.utime(marker, ns=(5, 5))
    look()
    look()
    assert place.runs() == [{"trigger": "dataset_change monthly"}]


def test_while_files_still_change_nothing_is_due(tmp_path: Path) -> None:
    now = [0.0]
    project = declaration(data={"training": {"path": "t.csv"}, "current": {"path": "c.csv"}})
    project._file = tmp_path / "project.yaml"
    trigger = DatasetChange(kind="dataset_change", data="current", quiet_seconds=30)
    lookout = DatasetLookout(project, trigger, clock=lambda: now[0])
    (first,) = lookout.look(None)

    def due_after(seconds: float) -> bool:
        now[0] += seconds
        return any(sight.starts for sight in lookout.look(first.seen))

    (tmp_path / "c.csv").write_text("half")
    assert not due_after(60), "it was seen for the first time just now"
    (tmp_path / "c.csv").write_text("half and half")
    assert not due_after(20)
    assert not due_after(20)
    assert due_after(10)


@pytest.mark.prefect
def test_what_changed_while_nobody_watched_starts_one_run(place: Site) -> None:
    place.put("01")
    project = place.declare(DATASET)
    place.watcher(project)()
    place.put("02")
    place.watcher(project)()
    place.watcher(project)()
    assert [run["data"] for run in place.runs()] == ["monthly:02"]


@pytest.mark.prefect
def test_a_watcher_that_dies_when_prefect_has_taken_the_run_does_not_start_it_twice(place: Site) -> None:
    class Dying(Watched):
        def remember(self, *_arguments: Any, **_named: Any) -> TriggerState:
            raise KeyboardInterrupt

    place.put("01")
    project = place.declare(DATASET)
    place.watcher(project)()
    place.put("02")
    lookout = lookout_for(project, project.scenarios["judge"].triggers[0])
    dying = Dying(project, None, {("judge", lookout.key)})
    with pytest.raises(KeyboardInterrupt):
        TriggerWatch(dying, "judge", lookout, place.said.append)()
    assert len(place.runs()) == 1
    place.watcher(project)()
    assert len(place.runs()) == 1
    place.put("03")
    place.watcher(project)()
    assert [run["data"] for run in place.runs()] == ["monthly:02", "monthly:03"]


@pytest.mark.prefect
def test_what_was_there_before_and_comes_back_is_a_change_each_time(place: Site) -> None:
    look = place.watcher(place.declare(DATASET))
    file = place.folder / "data" / "month_01.csv"
    look()
    for _ in range(2):
        place.put("01")
        os.utime(file, ns=(7, 7))
        look()
        file.unlink()
        look()
    assert len(place.runs()) == 4


@pytest.mark.prefect
def test_while_prefect_is_away_it_is_said_once_and_afterwards_the_run_starts(place: Site) -> None:
    look = place.watcher(place.declare(DATASET))
    look()
    place.put("02")
    with prefect_away():
        for _ in range(3):
            look()
    (said,) = place.said
    assert said.startswith(f"{place.name}/judge, dataset_change monthly: Prefect server at http://127.0.0.1:")
    look()
    assert [run["data"] for run in place.runs()] == ["monthly:02"]
    assert place.said[-1] == f"{place.name}/judge, dataset_change monthly: works again"


@pytest.mark.prefect
def test_a_folder_that_is_away_is_no_series_that_lost_its_files(place: Site) -> None:
    place.put("01")
    look = place.watcher(place.declare(DATASET))
    look()
    (place.folder / "data").rename(place.folder / "elsewhere")
    look()
    look()
    assert len(place.said) == 1
    assert "there is no folder" in place.said[0] or "can't be looked at" in place.said[0]
    (place.folder / "elsewhere").rename(place.folder / "data")
    look()
    assert place.runs() == []


@pytest.mark.prefect
def test_a_trigger_that_was_taken_out_and_comes_back_begins_anew(place: Site) -> None:
    place.put("01")
    place.watcher(place.declare(DATASET))()
    place.watcher(place.declare())()
    place.put("02")
    place.watcher(place.declare(DATASET))()
    assert place.runs() == []


@pytest.mark.prefect
def test_who_may_not_make_a_project_known_is_told_so(place: Site) -> None:
    from governance import people
    from governance.vocabulary import SYSTEM

    look = place.watcher(place.declare(DATASET))
    with edge.transaction() as session:
        people.create_administrator(session, "root", password="long and secret", actor=SYSTEM, at=edge.now())
    look()
    look()
    (said,) = place.said
    assert "nobody said who acts" in said


# An object store.


class S3(BaseHTTPRequestHandler):
    """As much of it as a listing takes."""

    objects: ClassVar[dict[str, tuple[int, str]]] = {}

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        bucket, prefix = address.path.strip("/"), parse_qs(address.query).get("prefix", [""])[0]
        listed = "".join(
            f"<Contents><Key>{key.partition('/')[2]}</Key><LastModified>{at}</LastModified><Size>{size}</Size></Contents>"
            for key, (size, at) in self.objects.items()
            if key.startswith(f"{bucket}/{prefix}")
        )
        body = f"<ListBucketResult><Name>{bucket}</Name><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "known-here-alone")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    S3.objects = {
        "sales/in/month_01.csv": (8, "2026-01-02T03:04:05.000Z"),
        "sales/in/readme": (1, "2026-01-02T03:04:05.000Z"),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), S3)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"scheme=http&region=eu-west-2&endpoint_override=127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.prefect
def test_a_series_in_an_object_store_is_watched_like_one_on_this_machine(place: Site, s3: str) -> None:
    data = {"monthly": {"path": f"s3://sales/in/month_*.csv?{s3}", "format": "csv"}, "training": {"path": "t.csv"}}
    look = place.watcher(place.declare(DATASET, data=data))
    look()
    look()
    assert place.runs() == []
    S3.objects["sales/in/month_02.csv"] = (9, "2026-02-02T03:04:05.000Z")
    look()
    assert place.runs() == [{"trigger": "dataset_change monthly", "data": "monthly:02"}]
    assert place.said[1:] == []


def test_what_is_seen_of_an_object_store_is_name_size_and_time(s3: str, tmp_path: Path) -> None:
    at = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()) * 10**9
    assert files_at(Place(tmp_path, f"s3://sales/in/month_*.csv?{s3}")) == {"01": (8, at)}
    assert files_at(Place(tmp_path, f"s3://sales/out/month_*.csv?{s3}")) == {}


@pytest.mark.parametrize("address", ["s4://bucket/a_*.csv", "s3://bucket/a_*.csv?endpoint_overdrive=x"])
def test_an_address_that_nothing_answers_to_is_refused_without_what_may_be_secret_in_it(
    address: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableFile, match="can't be looked at"):
        files_at(Place(tmp_path, address))


# Rows.


@pytest.fixture
def loans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "loans.db", isolation_level=None)
    connection.execute("CREATE TABLE loan (id INTEGER)")
    monkeypatch.setenv("LOANS_URL", f"sqlite:///{tmp_path / 'loans.db'}")
    yield connection
    connection.close()


def rows(query: str = "SELECT max(id), count(*) FROM loan") -> dict[str, str]:
    return {"kind": "sql_change", "query": query, "url_variable": "LOANS_URL"}


@pytest.mark.prefect
def test_a_query_that_gives_other_rows_starts_one_run(place: Site, loans: sqlite3.Connection) -> None:
    look = place.watcher(place.declare(rows()))
    look()
    look()
    loans.execute("INSERT INTO loan VALUES (1)")
    look()
    look()
    assert place.runs() == [{"trigger": "sql_change LOANS_URL"}]


@pytest.mark.prefect
def test_without_the_address_of_the_database_it_is_said_once_and_goes_on(
    place: Site, loans: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = place.watcher(place.declare(rows()))
    look()
    loans.execute("INSERT INTO loan VALUES (1)")
    with monkeypatch.context() as without:
        without.delenv("LOANS_URL")
        for _ in range(3):
            look()
    assert [said for said in place.said if "LOANS_URL" in said] == [
        f"{place.name}/judge, sql_change LOANS_URL: {_no_variable()}"
    ]
    look()
    assert len(place.runs()) == 1


def _no_variable() -> NotFound:
    remedy = "set it to the SQLAlchemy URL of the database, and start the watcher again"
    return NotFound("environment variable", "LOANS_URL", (), remedy)


@pytest.mark.prefect
def test_a_query_that_gives_too_many_rows_is_not_watched(place: Site, loans: sqlite3.Connection) -> None:
    loans.execute("BEGIN")
    loans.executemany("INSERT INTO loan VALUES (?)", [(number,) for number in range(ROWS + 1)])
    loans.execute("COMMIT")
    look = place.watcher(place.declare(rows("SELECT id FROM loan")))
    look()
    look()
    assert len(place.said) == 1
    assert f"more than {ROWS:,} rows" in place.said[0]


# Another scenario.


def end_one(project: Project, outcome: ScenarioOutcome, trigger: str = "manual") -> None:
    with edge.transaction() as session:
        row = find_project(session, project.project)
        run = scenario_runs.open_run(
            session, row, "first", trigger=trigger, parameters={}, host="here", process_id=os.getpid(),
            is_alive=is_alive, actor=edge.acting(None), at=edge.now(),
        )  # fmt: skip
        scenario_runs.close_run(session, run, outcome, actor=edge.acting(None), at=edge.now())


@pytest.mark.prefect
def test_every_run_of_another_scenario_that_ends_as_wanted_starts_one(place: Site) -> None:
    after = {"kind": "after_scenario", "scenario": "first", "outcome_is": ["FAILED", "WARNING"]}
    project = place.declare(after)
    with edge.known(project, edge.acting(None)):
        pass
    end_one(project, ScenarioOutcome.FAILED)
    look = place.watcher(project)
    look()
    assert place.runs() == [], "that was before it was watched"
    end_one(project, ScenarioOutcome.SUCCESS)
    end_one(project, ScenarioOutcome.FAILED, trigger=BACKFILL)
    look()
    assert place.runs() == []
    end_one(project, ScenarioOutcome.FAILED)
    end_one(project, ScenarioOutcome.WARNING)
    look()
    place.watcher(project)()
    assert place.runs() == [{"trigger": "after_scenario first"}] * 2


# Approvals.


class Governed(World):
    """A project with an approved version in the home of this test."""

    def now(self) -> datetime:
        self.acts += 1
        return edge.now()

    def project(self, folder: Path) -> Project:
        project = declaration(
            environments={"dev": {"policy": "always"}, "prod": {"policy": "prevent", "on_approval": "activate"}}
        )
        project._file = folder / "project.yaml"
        return project


@pytest.fixture
def governed(place: Site) -> Governed:
    place.folder.mkdir(exist_ok=True)
    world = Governed(
        open_database(settings().database, audit_key=settings().audit_key_bytes), settings().artifacts_folder
    )
    world.register()
    deploy_scenarios([world.project(place.folder)])
    _forget_runs("activate/credit")
    return world


def _forget_runs(deployment: str) -> None:
    from prefect.client.schemas import filters

    with asking_prefect() as client:
        found = client.read_deployment_by_name(deployment)
        one = filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[found.id]))
        for run in client.read_flow_runs(deployment_filter=one):
            client.delete_flow_run(run.id)


def events_of(version: int) -> list[dict[str, Any]]:
    """The events of approvals of a version that Prefect has recorded."""
    body = {"filter": {"event": {"name": ["driftgate.version.approved"]}, "order": "ASC"}, "limit": 50}
    deadline = time.monotonic() + 15
    found: list[dict[str, Any]] = []
    while not found and time.monotonic() < deadline:
        with asking_prefect() as client:
            events = client.request("POST", "/events/filter", json=body).json()["events"]
        found = [one for one in events if one["payload"]["version"] == str(version)]
        time.sleep(0.2)
    return found


@pytest.mark.prefect
def test_an_approval_is_passed_on_as_an_event_and_started_from_here_when_nothing_follows(
    place: Site, governed: Governed
) -> None:
    now = [0.0]
    project = governed.project(place.folder)
    look = ApprovalWatch(Watched(project, None, [("", "approvals")]), place.said.append, clock=lambda: now[0])
    governed.approved_version()
    look()
    assert place.runs("activate/credit") == [], "that was before it was watched"

    version = governed.approved_version()
    look()
    look()
    assert version.number == 2
    (event,) = events_of(2)
    assert event["resource"]["prefect.resource.id"] == "driftgate.version.credit.fraud.2"
    assert event["resource"]["driftgate.on-approval.prod"] == "activate"
    assert "driftgate.on-approval.dev" not in event["resource"]
    assert event["payload"] == {
        "project": str(place.folder), "model": "fraud", "version": "2", "approved_by": "finn", "environments": ["prod"],
    }  # fmt: skip
    assert place.runs("activate/credit") == [], "the event has a minute to have its effect"

    now[0] = 61.0
    look()
    look()
    assert place.runs("activate/credit") == [{"version": "2", "model": "fraud", "environment": "prod"}]
    (said,) = place.said
    assert "fraud 2 was approved and nothing followed" in said


@pytest.mark.prefect
def test_looking_for_approvals_makes_no_project_known_and_misses_none_of_one_that_becomes_known(place: Site) -> None:
    place.folder.mkdir(exist_ok=True)
    engine = open_database(settings().database, audit_key=settings().audit_key_bytes)
    world = Governed(engine, settings().artifacts_folder)
    project = world.project(place.folder)
    deploy_scenarios([project])
    _forget_runs("activate/credit")
    look = ApprovalWatch(Watched(project, None, [("", "approvals")]), place.said.append, patience_seconds=0)
    look()
    assert world.read(ProjectRow) == []
    world.register()
    world.approved_version()
    look()
    assert place.runs("activate/credit") == [{"version": "1", "model": "fraud", "environment": "prod"}]


@pytest.mark.prefect
def test_a_watcher_that_dies_once_it_has_passed_its_first_approval_on_passes_on_the_same_event_again(
    place: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.folder.mkdir(exist_ok=True)
    engine = open_database(settings().database, audit_key=settings().audit_key_bytes)
    world = Governed(engine, settings().artifacts_folder)
    project = world.project(place.folder)
    passed_on: list[Event] = []

    def dies(event: Event) -> None:
        passed_on.append(event)
        raise KeyboardInterrupt

    watched = Watched(project, None, [("", "approvals")])
    look = ApprovalWatch(watched, place.said.append)
    look()
    world.register()
    world.approved_version()
    with monkeypatch.context() as first:
        first.setattr("deployments.triggers.approvals.pass_on", dies)
        with pytest.raises(KeyboardInterrupt):
            look()
    monkeypatch.setattr("deployments.triggers.approvals.pass_on", passed_on.append)
    ApprovalWatch(watched, place.said.append)()
    died, again = passed_on
    assert died.id == again.id
    assert died.payload["version"] == again.payload["version"] == "1"


@pytest.mark.prefect
def test_what_became_of_an_approval_is_left_alone(place: Site, governed: Governed) -> None:
    project = governed.project(place.folder)
    look = ApprovalWatch(Watched(project, None, [("", "approvals")]), place.said.append, patience_seconds=0)
    look()
    governed.activate(governed.approved_version(), actor=FINN)
    look()
    assert place.runs("activate/credit") == []


@pytest.mark.prefect
def test_an_activation_that_is_on_its_way_is_not_started_again_and_an_older_approval_not_at_all(
    place: Site, governed: Governed
) -> None:
    now = [0.0]
    project = governed.project(place.folder)
    look = ApprovalWatch(Watched(project, None, [("", "approvals")]), place.said.append, clock=lambda: now[0])
    look()
    governed.approved_version()
    governed.approved_version()
    look()
    wanted = {"version": "2", "model": "fraud", "environment": "prod"}
    with asking_prefect() as client:  # as the automation does
        client.create_flow_run_from_deployment(client.read_deployment_by_name("activate/credit").id, parameters=wanted)
    now[0] = 61.0
    look()
    assert place.runs("activate/credit") == [wanted]


# The watcher as a whole.


def test_one_chore_that_hangs_holds_up_no_other_and_one_that_fails_is_told_once() -> None:
    said: list[str] = []
    hanging, done = threading.Event(), threading.Semaphore(0)

    def fail() -> None:
        done.release()
        raise OSError(f"the share is away after {time.monotonic():.6f} s")

    chores = [Chore("hangs", 0, hanging.wait, said.append), Chore("fails", 0, fail, said.append)]
    for _ in range(3):
        for chore in chores:
            chore.begin_if_due()
        assert done.acquire(timeout=5)
        chores[1].wait(5)
    hanging.set()
    chores[0].wait(5)
    assert len(said) == 1
    assert said[0].startswith("fails: OSError: the share is away")


@pytest.mark.prefect
def test_the_watcher_starts_runs_until_it_is_told_to_stop(place: Site) -> None:
    project = place.declare(DATASET | {"every_seconds": 1}, rows() | {"every_seconds": 1})
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=([project], stop, place.said.append), daemon=True)
    thread.start()

    assert eventually(lambda: has_looked(project))
    place.put("02")
    assert eventually(lambda: bool(place.runs()))
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert [run["data"] for run in place.runs()] == ["monthly:02"]
    assert sum("LOANS_URL" in said for said in place.said) == 1


@pytest.mark.prefect
def test_the_command_deploys_watches_and_stops_when_told(place: Site, prefect_api: str) -> None:
    project = place.declare(DATASET | {"every_seconds": 1})
    with asking_prefect() as client:
        client.delete_deployment(client.read_deployment_by_name(f"judge/{place.name}").id)
    command = subprocess.Popen(
        [sys.executable, "-m", "deployments.cli.main", "watch", "--project", str(project.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert command.stdout is not None
        lines: list[str] = []
        while not (lines and lines[-1].startswith("Watching")):
            lines.append(command.stdout.readline().strip())
            assert command.poll() is None, lines
        assert lines == [
            f"deployed judge/{place.name}",
            f"deployed first/{place.name}",
            f"Watching {place.name}. Stop with Ctrl-C.",
        ]
        assert eventually(lambda: has_looked(project))
        place.put("02")
        assert f"{place.name}: dataset_change monthly starts judge" in command.stdout.readline()
        command.send_signal(signal.SIGTERM)
        assert command.wait(20) == 0
        assert [run["data"] for run in place.runs()] == ["monthly:02"]
    finally:
        command.kill()
        command.wait()


def test_without_a_server_the_command_says_how_to_get_one(
    driftgate: Driftgate, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    (folder,) = tutorial_folders()
    outcome = driftgate("watch", "--project", folder)
    assert outcome.code == 1
    assert "start one and set PREFECT_API_URL to it, or use 'driftgate serve'" in outcome.words


def test_the_tutorial_starts_no_deployment_that_is_not_in_prefect_yaml() -> None:
    from deployments.schedules import activation_deployment_of, deployment_of

    (folder,) = tutorial_folders()
    project = load_project(folder)
    assert [deployment_of(project, name) for name in project.scenarios] == ["retrain-model/weekly"]
    assert activation_deployment_of(project) == "activate/on-approval"


def has_looked(project: Project) -> bool:
    """Whether what a watcher saw of the files is kept."""
    lookout = lookout_for(project, project.scenarios["judge"].triggers[0])
    try:
        with edge.reading() as session:
            row = key_of(find_project(session, project.project))
            return find_state(session, row, "judge", lookout.key) is not None
    except NotFound:
        return False


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return condition()
