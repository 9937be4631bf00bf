"""An API on a world whose people are known, on both databases, spoken to as the people of the world."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from governance.audit import Actor
from governance.database import open_database, transaction
from governance.people import assign_role, begin_log_in, create_administrator, create_user, find_user
from governance.registry import find_project
from governance.settings import Settings
from governance.vocabulary import Origin, Role, UserKind
from governance.web import create_app
from tests.databases import Copies, Files, address, on_server
from tests.governance.world import World
from tests.workplace import KEY

ADA = Actor("ada")
"""Administers everything; nobody on the project."""

PASSWORD = "correct horse battery staple"

PEOPLE = ("will", "rosa", "raul", "ines", "finn", "flora", "otto", "stranger")
"""Users besides Ada; Otto and the stranger have no role."""


@dataclass
class Api:
    """The application, and requests to it as somebody."""

    app: FastAPI
    world: World
    secrets: dict[str, str] = field(default_factory=dict)

    def client(self, **options: Any) -> TestClient:
        """As a browser would: it keeps cookies."""
        return TestClient(self.app, raise_server_exceptions=False, follow_redirects=False, **options)

    def secret_of(self, name: str) -> str:
        if name not in self.secrets:
            with transaction(self.world.engine) as session:
                user = find_user(session, name)
                known = begin_log_in(session, user, address="test", at=self.world.now(), origin=Origin.API)
            self.secrets[name] = known.secret
        return self.secrets[name]

    def __call__(
        self, method: str, path: str, body: Any = None, *, by: str | None = "will", headers: Any = None, **options: Any
    ) -> Response:
        """One request below /api/v1, as somebody who is logged in."""
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {self.secret_of(by)}"
        if body is not None:
            options["json"] = body
        return self.client().request(method, f"/api/v1{path}", headers=sent, **options)

    def get(self, path: str, **options: Any) -> Any:
        """What a GET answers, which must succeed."""
        answer = self("GET", path, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """What a POST answers, which must succeed."""
        answer = self("POST", path, body, **options)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def item(self, path: str) -> dict[str, Any]:
        (found,) = self.get("/items", params={"path": path})["items"]
        return found


def settings_of(world: World, **changes: Any) -> Settings:
    """Settings of a home whose artifacts are those of the world."""
    return Settings(home=world.artifacts.parent, audit_key=KEY.decode(), **changes)


def populate(world: World) -> None:
    """Everybody whom the project names is a user, and so is an administrator."""
    with transaction(world.engine) as session:
        create_administrator(session, "ada", password=PASSWORD, actor=ADA, at=world.now())
    for name in PEOPLE:
        with transaction(world.engine) as session:
            create_user(session, name, full_name=name.title(), actor=ADA, at=world.now())
    with transaction(world.engine) as session:
        create_user(session, "robot", kind=UserKind.SERVICE, actor=ADA, at=world.now())
    with transaction(world.engine) as session:
        project = find_project(session, "credit")
        assign_role(session, "robot", Role.CONTRIBUTOR, project_id=project.id, actor=ADA, at=world.now())


@pytest.fixture
def open_api(world: World) -> Api:
    """On an installation that knows nobody yet."""
    return Api(create_app(world.engine, settings_of(world), clock=world.now), world)


@pytest.fixture(params=("sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)))
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """On an installation that knows its people."""
    copies, acts = request.getfixturevalue(f"peopled_{request.param}")
    with copies.fresh(tmp_path) as url, copies.opened(url) as engine:
        world = World(engine, tmp_path / "artifacts", acts)
        yield Api(create_app(engine, settings_of(world), clock=world.now), world)


@pytest.fixture(scope="session")
def peopled_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, int]:
    """Copies of a project whose people are users, and how many acts that took."""
    folder = tmp_path_factory.mktemp("peopled")
    file = Path(shutil.copy(sqlite_template, folder / "template.db"))
    return Files(file), _peopled(f"sqlite:///{file}")


@pytest.fixture(scope="session")
def peopled_postgresql(postgresql_server: str, postgresql_template: str) -> tuple[Copies, int]:
    """As :func:`peopled_sqlite`."""
    on_server(postgresql_server, f"CREATE DATABASE driftgate_peopled TEMPLATE {postgresql_template} STRATEGY FILE_COPY")
    acts = _peopled(address(postgresql_server, "driftgate_peopled"))
    return Copies(postgresql_server, "driftgate_peopled"), acts


def _peopled(url: str) -> int:
    world = World(open_database(url, audit_key=KEY), Path("nothing is kept here"))
    world.register()
    populate(world)
    world.engine.dispose()
    return world.acts
