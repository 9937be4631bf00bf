"""Which data the steps of a run read when the latest part of a series is named."""

import pytest
import yaml

from governance.errors import NotFound
from governance.project_file import load_project
from tasks.scenarios.reading import read_by, steps_reading


@pytest.fixture
def project(tmp_path):
    """Two series, a store on each, and a scenario that judges both and trains on one."""
    (tmp_path / "project.yaml").write_text(
        yaml.safe_dump({
            "project": "two",
            "data": {"q1": {"path": "q1.csv"}, "cards": {"path": "cards_*.csv"}, "loans": {"path": "loans_*.csv"}},
            "models": {"m": {"target": "y", "prediction_type": "binary", "train_on": "q1"}},
            "stores": {"on_cards": {"model": "m", "data": "cards"}, "on_loans": {"model": "m", "data": "loans"}},
            "scenarios": {
                "s": {
                    "name": "S",
                    "steps": [
                        {"name": "a", "kind": "build_evaluation", "store": "on_cards"},
                        {"name": "b", "kind": "build_evaluation", "store": "on_loans", "data": "loans:latest"},
                        {"name": "c", "kind": "run_checks", "store": "on_loans"},
                        {"name": "d", "kind": "train", "model": "m", "data": "q1 + cards"},
                        {"name": "e", "kind": "train", "model": "m"},
                    ],
                }
            },
        })
    )  # fmt: skip
    for name in ("q1", "cards_1", "cards_2", "loans_1", "other"):
        (tmp_path / f"{name}.csv").write_text("y\n1\n")
    return load_project(tmp_path)


def read(project, data):
    steps = steps_reading(project, project.scenarios["s"].steps, data)
    return [read_by(step) for step in steps if step.name != "c"]


def test_every_step_says_what_it_reads(project):
    assert read(project, None) == ["cards", "loans:latest", "q1 + cards", "q1"]


def test_a_part_is_the_latest_of_its_own_series_and_of_no_other(project):
    assert read(project, "cards:1") == ["cards:1", "loans:latest", "q1 + cards:1", "q1"]
    assert read(project, "loans:1") == ["cards", "loans:1", "q1 + cards", "q1"]


def test_the_path_of_a_part_is_that_part(project):
    assert read(project, str(project.folder / "cards_1.csv"))[0] == "cards:1"


def test_a_file_of_no_series_is_judged_by_every_evaluation_and_never_learned_from(project):
    path = str(project.folder / "other.csv")
    assert read(project, path) == [path, path, "q1 + cards", "q1"]


def test_data_that_no_step_would_read_are_refused(project):
    project.scenarios["s"].steps.pop(1)
    with pytest.raises(NotFound, match="There is no step that reads 'loans:1'"):
        read(project, "loans:1")
