"""The world of the governance tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.governance.world import World


@pytest.fixture
def world(database: Engine, tmp_path: Path) -> World:
    """A registered project, on both databases."""
    found = World(database, tmp_path / "artifacts")
    found.register()
    return found
