"""Projects as somebody asks for them, and metrics as other tools want them."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from deployments.cli import record
from governance import evaluations, registry
from governance.tables import AuditEvent
from governance.vocabulary import Measurement
from tasks import edge


@pytest.fixture
def evaluated(trained) -> None:
    number = trained()
    declared, actor = record.find_project(None), record.acting(None)
    with edge.known(declared, actor) as session:
        evaluations.record_evaluation(
            session,
            evaluations.find_store(session, "loans", "drift"),
            registry.find_version(session, registry.find_model(session, "loans", "default"), number),
            id="e1",
            name="e1",
            data="current",
            data_fingerprint="0" * 64,
            rows=100,
            sampled_rows=10,
            labelled_rows=None,
            labels={},
            warnings=[],
            folder="evaluations/e1",
            files={},
            measurements=[
                Measurement("data_drift", 0.5, rows=10),
                Measurement("data_drift_auc", None, reason="one class"),
            ],
            actor=actor,
            at=datetime.now(UTC),
        )


def test_a_right_file_is_said_to_be_right_with_what_may_disappoint(driftgate, project) -> None:
    project.write_text(project.read_text().replace("metric: data_drift", "metric: roc_auc"))
    found = driftgate("project", "validate", "--json")
    assert found.code == 0
    assert found.document["valid"] is True
    assert any("needs labels" in warning for warning in found.document["warnings"])
    assert any("no file train.csv" in warning for warning in found.document["warnings"])


def test_a_series_whose_star_stands_for_a_folder_is_found(driftgate, project, home) -> None:
    project.write_text(project.read_text().replace("path: current.csv", "path: months/*/rows.csv"))
    assert "'current': there is no file months/*/rows.csv" in driftgate("project", "validate").words
    (home / "months" / "06").mkdir(parents=True)
    (home / "months" / "06" / "rows.csv").write_text("a\n1\n")
    assert "'current'" not in driftgate("project", "validate").words


def test_a_metric_nobody_measures_is_named_with_one_that_is(driftgate, project) -> None:
    project.write_text(project.read_text().replace("metric: data_drift", "metric: data_drfit"))
    assert "data_drift" in driftgate("project", "validate").words


def test_every_problem_of_a_wrong_file_is_shown_at_once(driftgate, project) -> None:
    project.write_text(
        project.read_text().replace("target: repaid", "target: repaid\n    a: 1").replace("writers", "riters")
    )
    found = driftgate("project", "validate", project, "--json")
    assert found.code == 2
    assert set(found.document) == {"error"}
    assert [problem["field"] for problem in found.document["error"]["problems"]] == [
        "models.default.a",
        "people.riters",
    ]
    assert "2 problems" in driftgate("project", "validate").words


def test_a_project_is_known_by_its_name_once_it_was_used(
    driftgate, project, trained, tmp_path_factory, monkeypatch
) -> None:
    trained()
    monkeypatch.setenv("DRIFTGATE_HOME", str(project.parent / ".driftgate"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert driftgate("project", "show", "-p", "loans", "--json").document["folder"] == str(project.parent)
    assert "loans" in {one["project"] for one in driftgate("project", "list", "--json").document["projects"]}


READING = [
    ("project", "show"),
    ("version", "list"),
    ("version", "show"),
    ("sign-off", "show"),
    ("scenario", "last-runs"),
    ("metrics", "export"),
    ("compare",),
]


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_whoever_only_looks_writes_nothing(driftgate, evaluated, project, command: tuple[str, ...]) -> None:
    before = on_record()
    project.write_text(project.read_text().replace("writers: [ada]", "writers: [eve]").replace("prevent", "always"))
    assert driftgate(*command).code == 0
    assert on_record() == before


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_whoever_only_looks_waits_for_nobody(driftgate, evaluated, command: tuple[str, ...]) -> None:
    with edge.transaction():
        assert driftgate(*command).code == 0


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("project", "show"), 0, "mes"),
        (("version", "list"), 0, "No version yet."),
        (("version", "show"), 2, "no record of project 'loans'; train a version with 'driftgate train'"),
        (("sign-off", "show"), 2, "no record of project 'loans'; train a version with 'driftgate train'"),
        (("scenario", "last-runs"), 0, "No run yet."),
        (("metrics", "export"), 2, "make one with 'driftgate evaluate'"),
        (("compare",), 2, "make one with 'driftgate evaluate'"),
    ],
    ids=[" ".join(command) for command in READING],
)
def test_a_project_without_a_record_is_shown_as_such_and_gets_none(
    driftgate, project, command: tuple[str, ...], code: int, words: str
) -> None:
    project.write_text(project.read_text().replace("drift:", "mes:").replace("store: drift", "store: mes"))
    done = driftgate(*command)
    assert done.code == code
    assert words in done.words
    assert on_record() == []


def on_record() -> list[AuditEvent]:
    with edge.reading() as session:
        return list(session.exec(select(AuditEvent)))


def test_a_project_is_shown_with_what_is_on_record(driftgate, evaluated) -> None:
    found = driftgate("project", "show", "--json").document
    assert found["models"][0]["versions"] == 1
    assert found["stores"][0]["latest"]["data"] == "current"
    assert found["scenarios"] == [{"scenario": "retrain", "schedule": None, "last_outcome": None}]
    assert "drift" in driftgate("project", "show").out


def test_a_name_that_could_be_two_things_is_asked_for(driftgate, project) -> None:
    project.write_text(project.read_text().replace("stores:", "stores:\n  other: {model: default}"))
    done = driftgate("check", "--json")
    assert done.code == 2
    assert "known: drift, other" in done.document["error"]["message"]


def test_there_is_nothing_to_export_before_the_first_evaluation(driftgate, project) -> None:
    done = driftgate("metrics", "export")
    assert done.code == 2
    assert "driftgate evaluate" in done.words


def test_metrics_are_exported_in_long_form(driftgate, evaluated, home) -> None:
    rows = list(csv.DictReader(io.StringIO(driftgate("metrics", "export").out)))
    assert [(row["project"], row["store"], row["version"], row["metric"], row["value"]) for row in rows] == [
        ("loans", "drift", "1", "data_drift", "0.5"),
        ("loans", "drift", "1", "data_drift_auc", ""),
    ]
    assert json.loads(driftgate("metrics", "export", "--format", "json").out)[1]["reason"] == "one class"
    assert len(driftgate("metrics", "export", "--json").document["metrics"]) == 2


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_metrics_are_written_whole_into_a_file_of_any_format(driftgate, evaluated, home, ending: str) -> None:
    import pandas as pd

    output = home / "out" / f"metrics.{ending}"
    found = driftgate("metrics", "export", "-o", output, "--store", "drift", "--json").document
    assert (found["rows"], found["format"]) == (2, ending)
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[ending](output)
    assert read["value"].iloc[0] == 0.5
    assert [file.name for file in output.parent.iterdir()] == [output.name]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--format", "parquet"], "Parquet needs a file"),
        (["-o", "metrics.xls"], "ends in none of"),
        (["--format", "xml"], "xml"),
    ],
)
def test_a_format_that_can_not_be_is_wrong_usage(driftgate, evaluated, options: list[str], problem: str) -> None:
    done = driftgate("metrics", "export", *options, "--json")
    assert done.code == 2
    assert problem in done.document["error"]["message"]


def test_a_store_that_is_not_there_is_answered_with_those_that_are(driftgate, evaluated) -> None:
    assert "known: drift" in driftgate("metrics", "export", "--store", "x").words


def test_a_place_that_can_not_be_written_to_is_a_sentence(driftgate, evaluated, home) -> None:
    (home / "file").write_text("")
    done = driftgate("metrics", "export", "-o", home / "file" / "metrics.csv")
    assert done.code == 1
    assert "can't be written" in done.words


def test_a_check_that_holds_is_0_and_one_that_errs_is_1(driftgate, evaluated, project) -> None:
    held = driftgate("check", "--json")
    assert (held.code, held.document["outcome"]) == (0, "SUCCESS")
    project.write_text(project.read_text().replace("soft_maximum: 0.6, maximum: 0.75", "maximum: 0.4"))
    erred = driftgate("check", "--json")
    assert (erred.code, erred.document["outcome"]) == (1, "FAILED")
    assert "ERROR" in driftgate("check").out
