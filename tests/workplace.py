"""Where tests work: a home of their own, the command line called inside this process, one Prefect server for all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from governance.settings import Settings, settings

KEY = b"seals the audit trails of the tests"


@dataclass(frozen=True)
class Outcome:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one document on standard output; fails when there is anything else."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def words(self) -> str:
        """Both streams as one line, however they were wrapped."""
        return " ".join(f"{self.out} {self.err}".split())


Driftgate = Callable[..., Outcome]


@contextmanager
def at_home(folder: Path, **environment: str) -> Iterator[pytest.MonkeyPatch]:
    """The settings of this process point at a home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DRIFTGATE_HOME", str(folder))
        patch.setenv("DRIFTGATE_LONGEST_PAUSE_DAYS", "36500")  # some acts have invented times, others the real one
        for name in ("DRIFTGATE_DATABASE_URL", "DRIFTGATE_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in environment.items():
            patch.setenv(name, value)
        settings.cache_clear()
        yield patch
    settings.cache_clear()


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, which is the current one."""
    with at_home(tmp_path / ".driftgate", DRIFTGATE_USER="ada") as patch:
        patch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture
def home(new_home: Path, sqlite_template: Path) -> Path:
    """A folder, which is the current one, with a database in which nothing is."""
    file = new_home / ".driftgate" / "driftgate.db"
    file.parent.mkdir(mode=0o700)
    shutil.copy(sqlite_template, file)
    file.chmod(0o600)
    return new_home


@pytest.fixture
def driftgate(home: Path, capsys: pytest.CaptureFixture[str]) -> Driftgate:
    """Call ``driftgate`` with these arguments."""
    from deployments.cli.main import run

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server; heartbeats are off, so that a flow run takes a fifth of a second."""
    from deployments.servers.short_lived import prefect_server

    with prefect_server(Settings(home=tmp_path_factory.mktemp("prefect"))) as url:
        yield url
