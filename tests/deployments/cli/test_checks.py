"""``driftgate check`` with every kind of check, on evaluations that nobody had to compute."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from deployments.cli import record
from governance import evaluations
from governance.settings import settings
from governance.tables import CheckResult
from governance.vocabulary import Measurement
from tasks import edge

PROJECT = """\
project: elsewhere
data:
  scored: {path: scored.csv}
stores:
  arrivals:
    data: scored
    standalone: {prediction_type: binary, target: arrived, reference: scored}
    checks:
      - {name: Range, metric: roc_auc, minimum: 0.7}
      - {name: Set, type: in_set, metric: drifted_columns, values: [0, 1]}
      - {name: Before, type: compare, metric: roc_auc, operator: ">=", compared_with: previous, margin: -0.02}
      - {name: Since, type: compare, metric: roc_auc, operator: ">=", compared_with: reference, margin: -0.05}
      - {name: Usual, type: typical_range, metric: roc_auc, learning_runs: 3, lookback: 5}
      - {name: Mine, type: python, function: "checks.py:mine"}
"""
CODE = """\
def mine(latest, history):
    return "WARNING", f"{latest['roc_auc']} after {len(history)}"
"""


@pytest.fixture
def elsewhere(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    (home / "project.yaml").write_text(PROJECT)
    (home / "checks.py").write_text(CODE)
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", database_url)
    settings.cache_clear()
    return home


def evaluated(*values: float) -> None:
    actor = record.acting(None)
    with edge.known(record.find_project(None), actor) as session:
        store = evaluations.find_store(session, "elsewhere", "arrivals")
        for number, value in enumerate(values):
            evaluations.record_evaluation(
                session, store, None, id=f"e{number}", name=f"e{number}", data="scored", data_fingerprint="0" * 64, rows=10,
                sampled_rows=10, labelled_rows=10, labels={}, warnings=[], folder=f"evaluations/e{number}", files={},
                measurements=[
                    Measurement("roc_auc", value), Measurement("roc_auc_drift", value - 0.9), Measurement("drifted_columns", 0.0),
                ],
                actor=actor, at=datetime.now(UTC),
            )  # fmt: skip


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {check["name"]: check["outcome"] for check in found["checks"]}


def test_every_kind_is_run_shown_and_kept(driftgate, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    evaluated(0.91, 0.90, 0.92, 0.91, 0.80)
    found = driftgate("check", "arrivals", "--json")
    assert found.code == 1
    assert outcomes(found.document) == {
        "Range": "OK", "Set": "OK", "Before": "ERROR", "Since": "ERROR", "Usual": "ERROR", "Mine": "WARNING",
    }  # fmt: skip
    words = driftgate("check", "arrivals").words
    for said in (
        "operator >=",
        "compared with previous",
        "other 0.91",
        "values 0 or 1",
        "0.8 after 4",
        "function checks.py:mine",
    ):
        assert said in words
    with edge.reading() as session:
        kept = {row.name: row for row in session.exec(select(CheckResult))}
        assert kept["Before"].bounds == {"operator": ">=", "compared_with": "previous", "other": 0.91, "margin": -0.02}
        assert kept["Usual"].bounds["learned_from"] == 4
        assert (kept["Mine"].metric, kept["Mine"].value, kept["Mine"].outcome) == ("", None, "WARNING")


def test_what_has_nothing_to_look_back_at_is_empty_and_warns(driftgate, elsewhere: Path) -> None:
    evaluated(0.91)
    found = driftgate("check", "arrivals", "--json")
    assert (found.code, found.document["outcome"]) == (0, "WARNING")
    empty = {check["name"]: check["message"] for check in found.document["checks"] if check["outcome"] == "EMPTY"}
    assert empty == {
        "Before": "roc_auc of the evaluation before has no value: there is no evaluation before this one",
        "Usual": (
            "roc_auc is 0.91; what is typical is still to learn: 3 more evaluations with a value, 0 of 3 are there"
        ),
    }


def test_a_check_can_use_the_database_itself(driftgate, elsewhere: Path) -> None:
    """The record is not locked while functions of the project run."""
    (elsewhere / "checks.py").write_text(
        "from tasks import edge\n"
        "def mine(latest, history):\n"
        "    with edge.transaction() as session:\n"
        "        session.connection().exec_driver_sql('UPDATE store SET performance = performance')\n"
        "    return 'OK'\n"
    )
    evaluated(0.91)
    assert outcomes(driftgate("check", "arrivals", "--json").document)["Mine"] == "OK"


def test_validate_doubts_what_can_never_be(driftgate, elsewhere: Path) -> None:
    text = PROJECT.replace("metric: drifted_columns, values", "metric: rmse, values")
    text = text.replace("metric: roc_auc, operator: \">=\", compared_with: reference", "metric: data_drift, operator: \">=\", compared_with: reference")  # fmt: skip
    text = text.replace("checks.py", "gone.py").replace("compared_with: previous", "other_metric: rocauc")
    (elsewhere / "project.yaml").write_text(text)
    warnings = " ".join(driftgate("project", "validate", "--json").document["warnings"])
    assert "check 'Set' of store 'arrivals': a binary model has no rmse" in warnings
    assert "check 'Since' of store 'arrivals': data_drift is not measured on the reference" in warnings
    assert "check 'Before' of store 'arrivals': There is no metric 'rocauc'" in warnings
    assert "check 'Mine' of store 'arrivals': there is no file gone.py" in warnings
