"""Train, score, evaluate and run a scenario as somebody types it, on one real Prefect server."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.settings import settings

pytestmark = pytest.mark.prefect

ROWS = 400


@pytest.fixture
def server(home):
    from deployments.server import prefect_server

    with prefect_server(settings()) as url:
        yield url


@pytest.fixture
def data(home) -> None:
    random = np.random.default_rng(3)
    for month in (1, 2):
        amount = random.gamma(2, 50, ROWS)
        frame = pd.DataFrame({"amount": amount, "kind": random.choice(["a", "b"], ROWS)})
        frame["repaid"] = np.where(amount + random.normal(0, 40, ROWS) > 100, "yes", "no")
        frame.to_csv(home / f"loans_{month}.csv", index=False)


def test_from_a_file_to_a_watched_model(driftgate, data, server, home) -> None:
    assert driftgate("init", "loans_1.csv", "--target", "repaid").code == 0

    made = driftgate("train", "--json").document
    assert made["version"] == 1
    assert made["metrics"]["roc_auc"] > 0.7

    refused = driftgate("score", "current:2", "-o", "scored.csv")
    assert refused.code == 2
    assert refused.out == ""
    assert "active in environment 'prod'" in refused.words
    assert "Traceback" not in refused.err, "the original error, as one sentence"
    assert "Finished in state" not in refused.err, "Prefect's words are not ours"

    driftgate("sign-off", "request-approval", 1)
    driftgate("sign-off", "approve", 1)
    assert driftgate("version", "activate", 1).code == 0

    scored = driftgate("score", "current:2", "-o", "scored.csv", "--json").document
    assert scored["rows"] == ROWS
    assert {"prediction", "proba_yes", "proba_no"} <= set(pd.read_csv(home / "scored.csv").columns)
    assert driftgate("score", "current:2", "-o", "scored.xls").code == 2

    judged = driftgate("evaluate", "mes_for_ground_truth", "-d", "current:2", "--json").document
    assert judged["data"] == "current:2"
    assert judged["metrics"]["roc_auc"] > 0.7
    assert "data_drift" in driftgate("evaluate", "mes_for_input_drift").out

    unreadable = driftgate("evaluate", "mes_for_input_drift", "-d", "project.yaml", "--json")
    assert unreadable.code in {1, 2}
    assert set(unreadable.document) == {"error"}

    run = driftgate("scenario", "run", "--json")
    assert run.code == 0
    assert [step["outcome"] for step in run.document["steps"]] == ["SUCCESS", "SUCCESS", "SKIPPED"]
    assert driftgate("scenario", "last-runs", "--json").document["runs"][0]["run"] == run.document["run"]


def test_a_scenario_that_fails_makes_the_command_fail(driftgate, data, server, home) -> None:
    driftgate("init", "loans_1.csv", "--target", "repaid")
    file = home / "project.yaml"
    file.write_text(file.read_text().replace("        reset_failure: true\n", ""))
    done = driftgate("scenario", "run")
    assert done.code == 1
    assert "FAILED" in done.out
    assert "Traceback" not in done.words
