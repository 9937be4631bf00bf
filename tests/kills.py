"""Kill commands with SIGKILL at random moments and while they write, and look whether anything is left half-done.

``python tests/kills.py --kills 30 --seed 7`` trains, evaluates and activates in processes of their own and kills them. After each kill
the record and the store are examined, then the same command runs to its end. Ends with a table; exit code 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parents[1]
DRIFTGATE = Path(sys.executable).parent / "driftgate"
ROWS_PER_MONTH = 1_500
COMMANDS = {
    "train": ["train"],
    "evaluate": ["evaluate", "mes_for_ground_truth", "--data", "monthly:06", "--version", "latest"],
    "activate": ["version", "activate", "latest", "--environment", "dev"],
}


@dataclass
class Workplace:
    """A project with a home of its own."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def start(self, command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(DRIFTGATE), *COMMANDS[command], "--project", str(self.folder), "--as", "ada", "--json"],
            cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def run(self, command: str) -> float:
        """Run to the end; seconds it took. Raises when it fails."""
        begun = time.monotonic()
        process = self.start(command)
        out, err = process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}: {out[-500:]} {err[-1500:]}")
        json.loads(out)
        return time.monotonic() - begun


@dataclass(frozen=True)
class Kill:
    """One kill: what was running, how far it had come, and what was found afterwards."""

    command: str
    moment: str
    recorded: bool
    wrong: list[str]


@contextmanager
def workplace():
    """A small tutorial project, and one Prefect server that outlives the commands."""
    from deployments.projects.credit_card_fraud.generate import generate
    from deployments.servers.short_lived import prefect_server
    from governance.settings import Settings

    with tempfile.TemporaryDirectory(prefix="driftgate-kills-") as name:
        place = Workplace(Path(name))
        generate(place.folder / "data", rows_per_month=ROWS_PER_MONTH)
        tutorial = yaml.safe_load((ROOT / "deployments/projects/credit_card_fraud/project.yaml").read_text())
        (place.folder / "project.yaml").write_text(yaml.safe_dump(tutorial))
        with prefect_server(Settings(home=place.home)) as url:
            place.environment = os.environ | {"DRIFTGATE_HOME": str(place.home), "PREFECT_API_URL": url}
            yield place


def examine(home: Path) -> tuple[list[str], Counter[str]]:
    """What is wrong in the record and in the store, and how many acts of each kind are recorded."""
    from sqlmodel import Session, select, text

    from governance import artifacts, database
    from governance.items import item_of
    from governance.settings import Settings
    from governance.tables import Activation, ActiveVersion, AuditEvent, Evaluation, Metric, ModelVersion, SignOff

    own = Settings(home=home)
    wrong: list[str] = []
    with Session(database.open_database(own.database, audit_key=own.audit_key_bytes)) as session:
        if (found := session.execute(text("PRAGMA integrity_check")).scalar()) != "ok":
            wrong.append(f"the database is damaged: {found}")
        versions = session.exec(select(ModelVersion).order_by(ModelVersion.number)).all()
        if [v.number for v in versions] != list(range(1, len(versions) + 1)):
            wrong.append(f"version numbers {[v.number for v in versions]}")
        for version in versions:
            wrong += different(
                own.artifacts_folder / version.folder, version.manifest["files"], f"version {version.number}"
            )
            if artifacts.digest(version.manifest) != version.manifest_digest:
                wrong.append(f"version {version.number}: the manifest is not what its digest says")
            if session.get(SignOff, item_of(session, version).id) is None:
                wrong.append(f"version {version.number} has no sign-off")
        evaluations = session.exec(select(Evaluation)).all()
        for evaluation in evaluations:
            wrong += different(
                own.artifacts_folder / evaluation.folder, evaluation.files, f"evaluation {evaluation.id}"
            )
            if not session.exec(select(Metric).where(Metric.evaluation_id == evaluation.id)).first():
                wrong.append(f"evaluation {evaluation.id} has no metrics")
        activations = session.exec(select(Activation).order_by(Activation.id)).all()
        active = session.exec(select(ActiveVersion)).all()
        if [a.version_id for a in activations[-1:]] != [a.version_id for a in active]:
            wrong.append("what is active is not what was activated last")
        acts = Counter(train=len(versions), evaluate=len(evaluations), activate=len(activations))
        lines = Counter(event.tag for event in session.exec(select(AuditEvent)))
        told = Counter(
            train=lines["version:recorded"], evaluate=lines["evaluation:recorded"], activate=lines["version:activated"]
        )
        if told != acts:
            wrong.append(f"the audit trail tells {dict(told)}, the tables {dict(acts)}")
    return wrong, acts


def different(folder: Path, files: dict[str, str], subject: str) -> list[str]:
    """The files of a folder that are not what was recorded."""
    from governance.artifacts import file_sha256

    found = {file.name: file_sha256(file) for file in folder.iterdir()} if folder.is_dir() else {}
    return [] if found == files else [f"{subject}: files {sorted(found)} are not those recorded"]


def leftovers(home: Path) -> list[str]:
    """Temporary folders of processes that are dead."""
    return [f"left behind: {path.name}" for path in (home / "artifacts").rglob("*.partial")]


def kill(place: Workplace, command: str, usual_seconds: float, chance: random.Random, *, while_writing: bool) -> Kill:
    """Start a command, kill its whole session at a random moment, examine, and run it again to its end."""
    _, before = examine(place.home)
    begun, process = time.monotonic(), place.start(command)
    if while_writing:
        wait_until_it_writes(place.home, process)
        time.sleep(chance.uniform(0, 0.05))
    else:
        time.sleep(chance.uniform(0.1, 1) * usual_seconds)
    moment = f"{time.monotonic() - begun:.2f} s{', while it wrote' if while_writing else ''}"
    with suppress(ProcessLookupError):  # it was quicker than usual
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wrong, after = examine(place.home)
    place.run(command)
    worse, again = examine(place.home)
    wrong += worse
    if command != "activate" and again[command] != after[command] + 1:
        wrong.append(f"the next run recorded {again[command] - after[command]} of {command} instead of one")
    if command != "activate":
        wrong += leftovers(place.home)
    return Kill(command, moment, after != before, wrong)


def wait_until_it_writes(home: Path, process: subprocess.Popen[str]) -> None:
    """Until a new temporary folder is in the store, or the command is through."""
    old = set((home / "artifacts").rglob("*.partial"))
    while process.poll() is None and not set((home / "artifacts").rglob("*.partial")) - old:
        time.sleep(0.001)


def main(arguments: list[str] | None = None) -> int:
    """Kill, examine, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args(arguments)
    chance, screen = random.Random(options.seed), Console(stderr=True)
    with workplace() as place:
        place.run("train")
        usual = {command: place.run(command) for command in COMMANDS}
        # Every other round aims at the moment of writing; an activation writes no folder, only rows.
        plan = [(list(COMMANDS)[n % 3], n % 3 < 2 and n // 3 % 2 == 1) for n in range(options.kills)]
        kills = [
            kill(place, command, usual[command], chance, while_writing=aimed)
            for command, aimed in track(plan, "killing", console=screen)
        ]
    table = Table("command", "seconds", "kills", "before the record", "after it", "wrong")
    for command in COMMANDS:
        mine = [one for one in kills if one.command == command]
        late = sum(one.recorded for one in mine)
        wrong = sum(bool(one.wrong) for one in mine)
        table.add_row(command, f"{usual[command]:.1f}", str(len(mine)), str(len(mine) - late), str(late), str(wrong))
    screen.print(table)
    for one in kills:
        for sentence in one.wrong:
            screen.print(f"{one.command} killed after {one.moment}: {sentence}")
    return int(any(one.wrong for one in kills))


if __name__ == "__main__":
    sys.exit(main())
