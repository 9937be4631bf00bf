from __future__ import annotations

import re
import subprocess

import pytest

from tasks.learning import environment
from tasks.learning.environment import code_revision, package_versions


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init")
    (tmp_path / "model.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_the_versions_are_those_that_are_installed():
    import sklearn

    versions = package_versions()
    assert versions["scikit-learn"] == sklearn.__version__
    assert all(versions.values())


def test_a_clean_tree_is_its_commit_even_with_files_that_git_does_not_track(repository):
    (repository / "data.csv").write_text("x\n")
    assert re.fullmatch(r"[0-9a-f]{40}", code_revision(repository))


def test_a_changed_file_is_said(repository):
    (repository / "model.py").write_text("a = 2\n")
    assert re.fullmatch(r"[0-9a-f]{40}\+changed", code_revision(repository))


def test_without_a_repository_a_commit_a_folder_or_git_the_revision_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert code_revision(tmp_path) == "unknown"
    assert code_revision(tmp_path / "absent") == "unknown"
    git(tmp_path, "init")
    assert code_revision(tmp_path) == "unknown"
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    assert code_revision(tmp_path) == "unknown"


def test_looking_at_a_repository_runs_nothing_that_its_configuration_names(repository):
    trap = repository / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repository}/sprung\n")
    trap.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(trap))
    code_revision(repository)
    assert not (repository / "sprung").exists()
