"""``driftgate bundle``: from one installation into another, each step by its command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deployments.cli.conftest import PROJECT
from tests.workplace import Driftgate, at_home

METRICS = "def gain(*arguments):\n    return 0.0\n"


@pytest.fixture
def active(driftgate: Driftgate, trained: Callable[[], int], project: Path) -> None:
    """Version 1 is active in dev; the project brings a metric of its own."""
    target = "    prediction_type: binary\n"
    project.write_text(PROJECT.replace(target, f"{target}    custom_metrics: {{gain: 'own/metrics.py:gain'}}\n"))
    (project.parent / "own").mkdir()
    (project.parent / "own/metrics.py").write_text(METRICS)
    trained()
    assert driftgate("version", "activate", 1, "--environment", "dev").code == 0


@pytest.fixture
def parcel(driftgate: Driftgate, active: None, home: Path) -> Path:
    assert driftgate("bundle", "make", "--environment", "dev").code == 0
    assert driftgate("bundle", "export", 1, "--output", "one.zip").code == 0
    return home / "one.zip"


def test_a_project_without_bundles_says_how_to_make_one(driftgate: Driftgate, project: Path) -> None:
    found = driftgate("bundle", "list")
    assert found.code == 0 and "No bundle yet. Next: driftgate bundle make" in found.words
    assert driftgate("bundle", "list", "--json").document == {"project": "loans", "bundles": []}


def test_without_an_active_version_there_is_nothing_to_make_a_bundle_of(
    driftgate: Driftgate, trained: Callable[[], int]
) -> None:
    trained()
    made = driftgate("bundle", "make")
    assert made.code == 1 and "no version is active in 'prod'" in made.err


def test_an_unknown_environment_is_answered_with_the_known_ones(driftgate: Driftgate, active: None) -> None:
    for arguments in (("make",), ("activate", 1)):
        made = driftgate("bundle", *arguments, "--environment", "stage")
        assert made.code == 2 and "known: dev, prod, test" in made.words


def test_an_unknown_bundle_is_answered_with_the_known_ones(driftgate: Driftgate, parcel: Path) -> None:
    for arguments in (("show", 7), ("export", 7, "--output", "x.zip"), ("activate", 7)):
        found = driftgate("bundle", *arguments)
        assert found.code == 2 and "There is no bundle of project 'loans' '7' (known: 1)" in found.words


def test_a_bundle_is_made_listed_and_shown(driftgate: Driftgate, active: None) -> None:
    made = driftgate("bundle", "make", "--environment", "dev", "--json").document
    assert (made["path"], made["versions"], made["imported"]) == ("loans/bundle-1", {"default": 1}, False)
    (listed,) = driftgate("bundle", "list", "--json").document["bundles"]
    assert listed == made
    assert "1 default 1 dev NOT_STARTED no ada" in driftgate("bundle", "list").words
    shown = driftgate("bundle", "show", 1, "--json").document
    assert {*shown["manifest"]["files"]} == {
        "configuration/own/metrics.py",
        "configuration/project.yaml",
        "versions/default/model.skops",
    }
    assert {place: said["decision"] for place, said in shown["gate"].items()} == {
        "dev": "ALLOWED",
        "test": "CONFIRMATION_NEEDED",
        "prod": "REFUSED",
    }
    words = driftgate("bundle", "show", 1).words
    assert "configuration/own/metrics.py" in words and "by ada" in words


def test_a_file_that_the_project_names_and_lacks_is_said(driftgate: Driftgate, active: None, home: Path) -> None:
    (home / "own/metrics.py").unlink()
    made = driftgate("bundle", "make", "--environment", "dev")
    assert made.code == 1 and "own/metrics.py: it can't be read" in made.words


def test_a_file_outside_of_the_project_is_refused(
    driftgate: Driftgate, active: None, home: Path, project: Path
) -> None:
    project.write_text(project.read_text().replace("own/metrics.py", "../metrics.py"))
    made = driftgate("bundle", "make", "--environment", "dev")
    assert made.code == 1 and "outside the project's folder" in made.words


def test_a_link_out_of_the_project_is_refused(driftgate: Driftgate, active: None, home: Path) -> None:
    (home / "own/metrics.py").unlink()
    (home / "own/metrics.py").symlink_to("/etc/hostname")
    made = driftgate("bundle", "make", "--environment", "dev")
    assert made.code == 1 and "outside the project's folder" in made.words


def test_a_bundle_is_exported_into_the_same_bytes_again(driftgate: Driftgate, parcel: Path, home: Path) -> None:
    exported = driftgate("bundle", "export", 1, "--output", "two.zip", "--json").document
    assert (home / "two.zip").read_bytes() == parcel.read_bytes()
    assert exported["bytes"] == parcel.stat().st_size
    nowhere = driftgate("bundle", "export", 1, "--output", "absent/two.zip")
    assert nowhere.code == 1 and "can't be written" in nowhere.words


def test_another_installation_takes_it_in_and_has_its_own_gate(
    driftgate: Driftgate, parcel: Path, tmp_path: Path
) -> None:
    digest = driftgate("bundle", "show", 1, "--json").document["digest"]
    (tmp_path / "elsewhere").mkdir()
    with at_home(tmp_path / "elsewhere/.driftgate", DRIFTGATE_USER="bea") as patch:
        patch.chdir(tmp_path / "elsewhere")
        came = driftgate("bundle", "import", parcel, "--json").document
        assert (came["path"], came["imported"], came["made_by"]) == ("loans/bundle-1", True, "bea")
        assert came["digest"] == digest and came["sign_off"] == "NOT_STARTED"
        assert (Path(came["folder"]) / "own/metrics.py").read_text() == METRICS
        twice = driftgate("bundle", "import", parcel)
        assert twice.code == 1 and "it is there already" in twice.words

        (version,) = driftgate("version", "list", "--project", "loans", "--json").document["versions"]
        assert (version["trained_by"], version["active_in"]) == ("bea", [])
        act = ("bundle", "activate", 1, "--project", "loans", "--environment")
        refused = driftgate(*act, "prod")
        assert refused.code == 1 and "loans/bundle-1 may not become active in 'prod'" in refused.words
        asked = driftgate(*act, "test")
        assert asked.code == 1 and "Say yes with --confirm." in asked.words
        done = driftgate(*act, "test", "--confirm")
        assert done.code == 0 and "default version 1 of loans/bundle-1 active in test" in done.words
        (version,) = driftgate("version", "list", "--project", "loans", "--json").document["versions"]
        assert version["active_in"] == ["test"]


def test_a_refused_activation_is_kept_in_the_audit_trail(driftgate: Driftgate, parcel: Path) -> None:
    from sqlmodel import select

    from governance.tables import AuditEvent
    from tasks import edge

    assert driftgate("bundle", "activate", 1, "--environment", "prod").code == 1
    with edge.reading() as session:
        lines = session.exec(select(AuditEvent).where(AuditEvent.tag == "bundle:activation_refused")).all()
    assert [line.subject for line in lines] == ["loans/bundle-1"]


def test_what_is_no_bundle_is_refused_in_one_sentence(driftgate: Driftgate, home: Path) -> None:
    (home / "x.zip").write_text("no archive")
    came = driftgate("bundle", "import", "x.zip")
    assert came.code == 1 and "x.zip: it is no ZIP archive" in came.words
    absent = driftgate("bundle", "import", "absent.zip")
    assert absent.code == 1 and "absent.zip: it can't be read" in absent.words
