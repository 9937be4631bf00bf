"""The demo holds from any earlier state, also from one in which it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

DRIFTGATE = Path(sys.executable).with_name("driftgate")


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "DRIFTGATE_HOME": str(home / ".driftgate"), "DRIFTGATE_USER": "somebody"}


def check_story(told: dict[str, Any]) -> None:
    assert told["project"] == "credit_card_fraud"
    first, second = told["gate"][0]["version"], told["gate"][1]["version"]
    assert [(one["version"], one["decision"]) for one in told["gate"]] == [
        (first, "ALLOWED"), (second, "REFUSED"), (second, "ALLOWED"), (first, "ALLOWED"),
    ]  # fmt: skip
    assert told["gate"][1]["reasons"] == ["the sign-off is NOT_STARTED, not APPROVED"]
    (run,) = told["scenario_runs"]
    assert run["outcome"] == "SUCCESS"
    assert [step["outcome"] for step in run["steps"]][1:] == ["FAILED", "SUCCESS"]
    assert [(one["data"], one["store"]) for one in told["evaluations"]] == [
        ("monthly:04", "mes_for_ground_truth"), ("monthly:04", "mes_for_input_drift"),
        ("monthly:05", "mes_for_ground_truth"), ("monthly:05", "mes_for_input_drift"),
        ("monthly:06", "mes_for_input_drift"),
    ]  # fmt: skip
    assert {one["version"] for one in told["versions"] if one["active_in"] == ["prod"]} == {first}
    assert all(one["metrics"]["roc_auc"] > 0.8 for one in told["versions"])


@pytest.mark.slow
@pytest.mark.prefect
def test_a_demo_that_is_killed_in_the_middle_of_its_scenario_ends_well_the_next_time(tmp_path: Path) -> None:
    command = [str(DRIFTGATE), "demo", "--json", "--folder", "demo"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert any("2017-05" in line for line in process.stderr), "it ended before May was judged"
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
    again = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    check_story(told)
    assert told["gate"][0]["version"] == 2, "versions go on counting"
    assert (tmp_path / "demo/data/scored_2017_12.parquet").is_file()
    assert "Traceback" not in again.stderr
