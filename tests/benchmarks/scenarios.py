"""What our engine adds to the work of a scenario: per step, and to the tutorial's whole scenario.

``python tests/benchmarks/scenarios.py --steps 50 --rounds 5`` measures against a real Prefect server, heartbeats off:

* a scenario of many steps that do next to nothing, beside the same functions called plainly, and beside a flow of as many
  empty Prefect tasks: what is left is the condition, the expressions, the record and the signs of life;
* the tutorial's scenario, beside its steps called as plain functions and a flow of as many empty tasks. The target is at
  most 1.2 times the two together.

Each round measures all of them, one after the other, so that what else the machine does meets all alike; medians count.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # when it is run as a script

import yaml
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

TARGET: Final = 1.2
TUTORIAL: Final = Path(__file__).resolve().parents[2] / "deployments/projects/credit_card_fraud/project.yaml"
FUNCTION: Final = "def work(number: int) -> dict:\n    return {'sum': sum(range(1000)) + number}\n"

Timed = dict[str, list[float]]


def seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def many_steps(folder: Path, steps: int) -> str:
    """A project whose scenario has so many steps that do next to nothing."""
    folder.mkdir()
    (folder / "working.py").write_text(FUNCTION)
    (folder / "rows.csv").write_text("amount\n1\n")
    one = {"kind": "python", "function": "working.py:work", "run_if": {"condition": "outcome == 'SUCCESS'"}}
    names = [f"Step {number}" for number in range(steps)]
    (folder / "project.yaml").write_text(
        yaml.safe_dump(
            {
                "project": "many_steps",
                "data": {"rows": {"path": "rows.csv"}},
                "stores": {"watch": {"data": "rows", "standalone": {"prediction_type": "regression"}}},
                "scenarios": {
                    "many": {
                        "name": "Many",
                        "steps": [{"name": name, **one, "arguments": {"number": "${run}"}} for name in names],
                    }
                },
            }
        )
    )
    return str(folder)


def measure_steps(project: str, steps: int, timed: Timed) -> None:
    """One round of the many steps: ours, plainly, and empty tasks."""
    from flows.scenario import run_scenario
    from tasks.functions import load_function

    def plainly() -> None:
        work = load_function("working.py:work", Path(project), "the step's function")
        for number in range(steps):
            work(number)

    ours = seconds(lambda: run_scenario(project, "many", actor="ada"))
    timed.setdefault("ours", []).append(ours)
    timed.setdefault("plain", []).append(seconds(plainly))
    timed.setdefault("empty", []).append(seconds(lambda: empty_flow(steps)))


def empty_flow(tasks: int) -> None:
    """What Prefect takes for itself: a flow of so many tasks that do nothing."""
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE

    @task(cache_policy=NO_CACHE)
    def nothing() -> None:
        """Nothing."""

    @flow(name="nothing")
    def shape() -> None:
        for _ in range(tasks):
            nothing()

    shape()


def tutorial(folder: Path, rows: int) -> str:
    """The tutorial with version 1 trained, signed and active."""
    from deployments.projects.credit_card_fraud.generate import generate
    from flows.activate import activate
    from flows.train import train
    from governance import registry, signoff
    from governance.audit import Actor
    from governance.items import item_of
    from governance.project_file import load_project
    from governance.settings import settings
    from governance.vocabulary import SignOffAction
    from tasks import edge

    generate(folder / "data", rows_per_month=rows)
    declared = yaml.safe_load(TUTORIAL.read_text())
    for model in declared["models"].values():
        model["same_data"] = "allow"  # round after round
    (folder / "project.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    train(str(folder), actor="ada")
    project = load_project(folder)
    with edge.transaction() as session:
        row = registry.find_version(session, registry.find_model(session, project.project, "authorization"), 1)
        for actor, action in (("ada", SignOffAction.REQUEST_APPROVAL), ("hana", SignOffAction.APPROVE)):
            request = signoff.Request(item_of(session, row), action, Actor(actor))
            signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())
    activate(str(folder), "1", actor="ada")
    return str(folder)


def measure_tutorial(project: str, timed: Timed) -> None:
    """One round: ours, the same work as plain functions, and a flow of as many empty tasks as ours has."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    from flows.scenario import run_scenario

    ended: dict[str, Any] = {}
    timed.setdefault("ours", []).append(
        seconds(lambda: ended.update(state=run_scenario(project, data="monthly:06", actor="ada", return_state=True)))
    )
    with get_client(sync_client=True) as client:
        own = FlowRunFilter(id=FlowRunFilterId(any_=[ended["state"].state_details.flow_run_id]))
        tasks, seen = -1, 0
        while tasks != seen or not seen:  # recording is asynchronous
            tasks, seen = seen, len(client.read_task_runs(flow_run_filter=own))
            time.sleep(1.5)
    timed.setdefault("plain", []).append(seconds(lambda: plain_tutorial(project)))
    timed.setdefault("empty", []).append(seconds(lambda: empty_flow(seen)))


def plain_tutorial(project: str) -> None:
    """The steps of the tutorial's scenario without Prefect: every task as the function that it is."""
    from contextlib import ExitStack
    from unittest.mock import patch

    from prefect.logging import disable_run_logger
    from prefect.tasks import Task

    import flows.evaluate
    import flows.train
    import tasks.check

    with ExitStack() as stack:
        stack.enter_context(disable_run_logger())
        called = lambda task, *details, **named: task.fn(*details, **named)  # noqa: E731  a method of one line
        stack.enter_context(patch.object(Task, "__call__", called))
        stack.enter_context(patch.object(Task, "submit", lambda *of, **named: Done(called(*of, **named))))
        flows.evaluate.evaluate.fn(project, "mes_for_input_drift", "monthly:06", "active", "ada")
        tasks.check.run_checks.fn(project, "mes_for_input_drift", "ada")
        flows.train.train.fn(project, "authorization", "training + monthly:06", "ada")


class Done:
    """The future of a task that was called plainly."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def result(self, **_: Any) -> Any:
        return self._result


def main(arguments: list[str] | None = None) -> int:
    """Measure, tell; 1 when the tutorial's scenario takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows-per-month", type=int, default=20_000, help="of the tutorial")
    options = parser.parse_args(arguments)
    from deployments.servers.short_lived import prefect_server
    from governance.settings import settings

    screen = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="driftgate-benchmark-") as name, Progress(console=screen) as progress:
        os.environ |= {"DRIFTGATE_HOME": f"{name}/home", "PREFECT_LOGGING_LEVEL": "ERROR"}
        settings.cache_clear()
        bar = progress.add_task("measuring", total=2 * (options.rounds + 1))
        steps: Timed = {}
        whole: Timed = {}
        with prefect_server(settings()):
            project = many_steps(Path(name) / "many", options.steps)
            for number in range(options.rounds + 1):
                measure_steps(project, options.steps, steps if number else {})  # the first one warms up
                progress.advance(bar)
            project = tutorial(Path(name) / "tutorial", options.rows_per_month)
            for number in range(options.rounds + 1):
                measure_tutorial(project, whole if number else {})
                progress.advance(bar)
    return show(screen, steps, whole, options.steps)


def show(screen: Console, steps: Timed, whole: Timed, count: int) -> int:
    """The table."""
    of_step = {name: 1000 * median(found) / count for name, found in steps.items()}
    of_all = {name: median(found) for name, found in whole.items()}
    floor = of_all["plain"] + of_all["empty"]
    table = Table("", f"one of {count} small steps", "the tutorial's scenario")
    for title, name in (("plain calls", "plain"), ("as many empty Prefect tasks", "empty"), ("our scenario", "ours")):
        table.add_row(title, f"{of_step[name]:.1f} ms", f"{of_all[name]:.2f} s")
    added = of_step["ours"] - of_step["plain"] - of_step["empty"]
    ratio = of_all["ours"] / floor
    table.add_row("what our engine adds", f"{added:.1f} ms", f"{ratio:.2f} times (at most {TARGET})")
    screen.print(table)
    return int(ratio > TARGET)


if __name__ == "__main__":
    sys.exit(main())
