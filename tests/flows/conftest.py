"""A small tutorial project of each test's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlmodel import Session

from deployments.projects.credit_card_fraud.generate import generate
from flows.activate import activate
from flows.train import train
from governance import database, registry, signoff
from governance.audit import Actor
from governance.items import item_of
from governance.project_file import load_project
from governance.settings import settings
from governance.vocabulary import SignOffAction
from tasks import edge
from tests.workplace import at_home

TUTORIAL = Path(__file__).parents[2] / "deployments/projects/credit_card_fraud/project.yaml"


@pytest.fixture(scope="session")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tutorial's files with a tenth of the rows."""
    folder = tmp_path_factory.mktemp("tutorial") / "data"
    generate(folder, rows_per_month=2_000)
    return folder


class Workplace:
    """A project folder with a home of its own, and people who act in it."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "data").symlink_to(data)
        self.change(lambda project: None)

    @property
    def project(self) -> str:
        return str(self.folder)

    def change(self, edit: Callable[[dict[str, Any]], object]) -> None:
        """Edit the tutorial's project.yaml."""
        declared = yaml.safe_load(TUTORIAL.read_text())
        edit(declared)
        (self.folder / "project.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))

    def approve(self, version: int | str) -> None:
        """Take a version through its sign-off."""
        with edge.transaction() as session:
            declared = load_project(self.folder)
            registry.register_project(session, declared, actor=Actor("ada"), at=edge.now())
            model = registry.find_model(session, declared.project, "authorization")
            row = registry.find_version(session, model, version)
            for actor, action in (("ada", SignOffAction.REQUEST_APPROVAL), ("hana", SignOffAction.APPROVE)):
                request = signoff.Request(item_of(session, row), action, Actor(actor))
                signoff.sign(session, request, artifacts=settings().artifacts_folder, at=edge.now())

    def record(self) -> Session:
        """A session that only looks."""
        return Session(database.open_database(settings().database, audit_key=settings().audit_key_bytes))


@pytest.fixture(scope="session")
def home_with_a_live_version(prefect_api: str, small_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home to copy: version 1 is trained, signed and active in prod."""
    folder = tmp_path_factory.mktemp("live")
    place = Workplace(folder / "project", small_data)
    with at_home(folder / "home", PREFECT_API_URL=prefect_api):
        train(place.project, actor="ada")
        place.approve(1)
        activate(place.project, "1", actor="ada")
    (place.folder / "project.yaml").unlink()  # a project has one folder; this one has moved to each of the copies
    return folder / "home"


@pytest.fixture
def workplace(prefect_api: str, small_data: Path, tmp_path: Path) -> Iterator[Workplace]:
    """The tutorial in a home without a version."""
    with at_home(tmp_path / "home", PREFECT_API_URL=prefect_api):
        yield Workplace(tmp_path / "project", small_data)


@pytest.fixture
def live(workplace: Workplace, home_with_a_live_version: Path, tmp_path: Path) -> Workplace:
    """The tutorial; version 1 is trained, signed and active in prod."""
    shutil.copytree(home_with_a_live_version, tmp_path / "home")
    return workplace
