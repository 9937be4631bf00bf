"""Schemathesis over the whole description of the API: no 5xx, no undocumented status, every answer as described."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import create_engine

from governance.database import open_database
from governance.settings import Settings
from governance.web import create_app
from tests.governance.web.conftest import settings_of
from tests.governance.web.filled import fill
from tests.governance.world import World
from tests.workplace import KEY

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
"""For each operation; a longer run takes more."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

KNOWN = {
    "project": ["credit"], "model": ["fraud"], "version": [1, 2, 3], "environment": ["dev", "test", "prod"],
    "item": [1, 2, 3, 4, 5, 6], "user": ["ada", "will", "robot"], "group": ["office"], "template": [1, 2], "override": [1],
    "bundle": [1], "evaluation": ["january"], "role": [1, 9, 10], "token": [7], "file": [1], "delegation": [1],
    "step": ["exploration", "development"], "field": ["notes"], "person": ["finn"],
}  # fmt: skip
"""What is there, by the name of the parameter: an address of nothing shows nothing but 404."""

SENT = {
    "project": "credit", "model": "fraud", "version": 3, "environment": "dev", "template": "standard", "person": "will",
    "to": "otto", "feedback": 1, "verdict": "MINOR_ISSUE", "number": 1, "notify": ["finn"],
    "expires_at": "2026-12-01T00:00:00Z", "password": "four random words here", "group": "risk",
}  # fmt: skip
"""What is there, by the name of a field of a body."""


@pytest.fixture(scope="module")
def filled_api(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemathesis")
    file = folder / "driftgate.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), file)
    world = World(open_database(f"sqlite:///{file}", audit_key=KEY), folder / "artifacts")
    world.register()
    secret = fill(world)
    app = create_app(world.engine, settings_of(world), clock=lambda: world.now() + timedelta(days=1))
    yield app, secret
    world.engine.dispose()


@pytest.fixture(scope="module")
def described(filled_api):
    app, secret = filled_api
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)

    @schema.hook
    def map_path_parameters(context, parameters):
        return {name: known_or(name, value) for name, value in (parameters or {}).items()}

    @schema.hook
    def map_headers(context, headers):
        """Most people have seen what is there; else hardly a write would get as far as its service."""
        return {
            name: "*" if name == "If-Match" and len(value) % 3 else value for name, value in (headers or {}).items()
        }

    @schema.hook
    def map_body(context, body):
        if isinstance(body, dict):
            return {name: SENT[name] if known_body(name, value) else value for name, value in body.items()}
        return body

    return schema, {"Authorization": f"Bearer {secret}"}


def known_or(name, value):
    """What is there in the place of what was made up, mostly."""
    drawn = crc32(repr(value).encode())
    return KNOWN[name][drawn % len(KNOWN[name])] if name in KNOWN and drawn % 5 else value


def known_body(name, value):
    """Whether to send what is there in the place of what was made up: mostly, if it has the right type at all."""
    return name in SENT and type(value) is type(SENT[name]) and crc32(repr(value).encode()) % 4


def operations():
    """Method and path of every route; the description needs no database."""
    app = create_app(create_engine("sqlite://"), Settings(home=Path("nowhere")), clock=datetime.now)
    return [(path, method) for path, methods in app.openapi()["paths"].items() for method in methods]


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("path", "method"), operations())
def test_every_operation_answers_as_it_is_described(path, method, mode, described):
    schema, headers = described

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(schema[path][method].as_strategy(generation_mode=mode))
    def answers(case):
        case.call_and_validate(headers=headers, checks=CHECKS)

    try:
        answers()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "some requests are right"
