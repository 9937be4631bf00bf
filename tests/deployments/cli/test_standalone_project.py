"""A project that watches models it does not keep: every command that only looks copes with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from deployments.cli import record
from deployments.schedules import scenario_deployments
from governance import evaluations
from governance.project_file import load_project
from governance.settings import settings
from governance.vocabulary import Measurement
from tasks import edge

ELSEWHERE = """\
project: elsewhere
data:
  scored: {path: scored.csv}
  sales: {query: SELECT * FROM sales, url_variable: SALES_DATABASE_URL}
stores:
  arrivals:
    data: scored
    standalone:
      prediction_type: binary
      target: arrived
      custom_metrics: {profit: "profit.py:profit"}
    checks:
      - {name: Good enough, metric: roc_auc, minimum: 0.7}
scenarios:
  weekly:
    name: Weekly
    schedule: {cron: 0 6 * * 1, time_zone: Europe/London}
    steps:
      - {name: Judge, kind: build_evaluation, store: arrivals}
      - {name: Check, kind: run_checks, store: arrivals}
"""


@pytest.fixture
def elsewhere(home: Path) -> Path:
    file = home / "project.yaml"
    file.write_text(ELSEWHERE)
    return file


@pytest.fixture
def evaluated(elsewhere: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One evaluation, on SQLite and on PostgreSQL."""
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", database_url)
    settings.cache_clear()
    actor = record.acting(None)
    with edge.known(record.find_project(None), actor) as session:
        evaluations.record_evaluation(
            session, evaluations.find_store(session, "elsewhere", "arrivals"), None, id="e1", name="e1", data="scored",
            data_fingerprint="0" * 64, rows=10, sampled_rows=10, labelled_rows=10, labels={}, warnings=[],
            folder="evaluations/e1", files={}, measurements=[Measurement("roc_auc", 0.8)], actor=actor,
            at=datetime.now(UTC),
        )  # fmt: skip


def test_it_is_right_and_what_is_not_there_yet_is_said(driftgate, elsewhere, monkeypatch) -> None:
    found = driftgate("project", "validate", "--json")
    assert found.code == 0
    assert found.document["models"] == []
    assert [warning.partition(";")[0] for warning in found.document["warnings"]] == [
        f"data source 'scored': there is no file scored.csv in {elsewhere.parent} yet",
        "data source 'sales': the environment variable SALES_DATABASE_URL is not set here",
        f"custom metric 'profit' of store 'arrivals': there is no file profit.py in {elsewhere.parent} yet",
    ]
    assert f"driftgate evaluate arrivals --project {elsewhere.parent}" in driftgate("project", "validate").words
    monkeypatch.setenv("SALES_DATABASE_URL", "sqlite://")
    assert "SALES_DATABASE_URL" not in driftgate("project", "validate").words


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        ("rmse", "a binary model has no rmse"),
        ("data_drift", "data_drift needs a reference, which the standalone store does not name"),
        ("roc_auc_drift", "roc_auc_drift needs a reference"),
        ("column_drift.age.psi", "needs a reference"),
        ("cost_gain", "cost_gain needs a cost_matrix"),
        ("custom.margin", "needs a function 'margin' under custom_metrics"),
        ("segment.region.north.accuracy", "needs its column under segments"),
        ("fairness.sex.demographic_parity_ratio", "needs its attribute under fairness"),
    ],
)
def test_a_check_that_would_be_empty_for_ever_is_named(driftgate, elsewhere, metric: str, why: str) -> None:
    elsewhere.write_text(ELSEWHERE.replace("metric: roc_auc", f"metric: {metric}"))
    assert why in driftgate("project", "validate").words


@pytest.mark.parametrize("metric", ["roc_auc", "custom.profit"])
def test_a_check_that_will_have_a_value_is_not(driftgate, elsewhere, metric: str) -> None:
    elsewhere.write_text(ELSEWHERE.replace("metric: roc_auc", f"metric: {metric}"))
    assert "Good enough" not in driftgate("project", "validate").words


def test_a_check_that_needs_labels_where_no_target_is_named_is(driftgate, elsewhere) -> None:
    elsewhere.write_text(ELSEWHERE.replace("      target: arrived\n", ""))
    assert "roc_auc needs labels, and the store names no target" in driftgate("project", "validate").words


def test_it_is_shown_without_models(driftgate, evaluated) -> None:
    found = driftgate("project", "show", "--json").document
    (store,) = found["stores"]
    assert (found["models"], store["model"], store["standalone"], store["latest"]["id"]) == ([], None, True, "e1")
    words = driftgate("project", "show").words
    assert "standalone, binary" in words
    assert "driftgate train" not in words


def test_its_check_holds_and_its_metrics_are_exported(driftgate, evaluated, home) -> None:
    import pyarrow.parquet as pq

    assert driftgate("check", "--json").document["outcome"] == "SUCCESS"
    driftgate("metrics", "export", "-o", "metrics.parquet")
    table = pq.read_table(home / "metrics.parquet")
    assert {"model": "string", "version": "int64", "lower": "double", "store": "string"}.items() <= {
        column.name: str(column.type) for column in table.schema
    }.items()
    assert table.to_pylist()[0]["project"] == "elsewhere"


def test_its_scenarios_are_scheduled_like_any_other(elsewhere) -> None:
    (deployment,) = scenario_deployments(load_project(elsewhere))
    assert (deployment.name, deployment.scenario) == ("elsewhere", "weekly")


@pytest.mark.parametrize("command", [("train",), ("version", "list"), ("version", "show"), ("sign-off", "show")])
def test_what_needs_a_model_says_where_models_are_declared(driftgate, elsewhere, command: tuple[str, ...]) -> None:
    done = driftgate(*command, "--json")
    assert done.code == 2
    assert "no model 'default'; declare one under models in project.yaml" in done.document["error"]["message"]
