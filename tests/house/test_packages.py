"""`flows`, `tasks` and `governance` are also distributions of others: what is imported must be ours."""

import importlib
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL = {
    "pyproject.toml", "README.md", "flows", "tasks", "governance", "deployments", "tests", "prefect.yaml",
    "uv.lock", "Makefile", "LICENSE",
}  # fmt: skip


@pytest.mark.parametrize("package", ["flows", "tasks", "governance", "deployments"])
def test_the_imported_package_is_ours(package):
    assert Path(importlib.import_module(package).__file__).parent == ROOT / package


def test_it_can_not_be_uploaded_by_accident():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "Private :: Do Not Upload" in project["project"]["classifiers"]
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [
        "flows",
        "tasks",
        "governance",
        "deployments",
    ]


def test_the_top_level_holds_what_was_agreed_and_nothing_else():
    import subprocess

    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    top = {name.split("/")[0] for name in tracked}
    assert {name for name in top if not name.startswith(".")} == TOP_LEVEL


def test_no_module_is_named_like_one_of_the_standard_library():
    import sys

    ours = {
        path.stem for room in ("flows", "tasks", "governance", "deployments") for path in (ROOT / room).glob("*.py")
    }
    assert not ours & (set(sys.stdlib_module_names) - {"__init__"})
