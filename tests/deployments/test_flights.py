"""Real data from the first file to the evaluation: all departures from New York City in 2013, where the data are at hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.workplace import Driftgate

FLIGHTS = Path(__file__).parents[2].parent / "shared/data/nycflights13/flights_prepared.parquet"
pytestmark = [
    pytest.mark.prefect,
    pytest.mark.slow,
    pytest.mark.skipif(not FLIGHTS.exists(), reason="the flights are not at hand"),
]

MONTHS = {4: (28_330, 27_564, 0.6484), 11: (27_268, 26_971, 0.6607)}
"""Month: rows, rows with a label, and ROC AUC of another model, by another tool, on the same rows."""


def test_flights_are_watched_with_init_and_a_few_edited_lines(
    driftgate: Driftgate, home: Path, prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    flights = pd.read_parquet(FLIGHTS).drop(columns=["dep_delay", "arr_delay"])
    flights[flights["month"] <= 3].to_csv("train_2013_q1.csv", index=False)
    for month in MONTHS:
        flights[flights["month"] == month].to_csv(f"flights_prepared_2013_{month:02d}.csv", index=False)

    assert driftgate("init", "train_2013_q1.csv", "--target", "late15").code == 0
    file = home / "project.yaml"
    declared = yaml.safe_load(file.read_text())
    declared["data"]["current"]["path"] = "flights_prepared_2013_*.csv"
    declared["models"]["late15"]["features"]["exclude"] += ["month", "cancelled"]
    declared["stores"]["mes_for_ground_truth"]["sampling"] = {"method": "full"}
    file.write_text(yaml.safe_dump(declared, sort_keys=False))

    answer = driftgate("train", "--json")
    assert answer.code == 0, answer.words
    trained = answer.document
    assert trained["rows"]["dropped"] == 80_789 - 77_911, "flights without a label are counted, not turned into zeros"
    assert trained["metrics"]["roc_auc"] == pytest.approx(0.7537, abs=0.015)
    for month, (rows, labelled, peer_roc_auc) in MONTHS.items():
        data = ("--data", f"current:{month:02d}", "--version", "latest", "--json")
        truth = driftgate("evaluate", "mes_for_ground_truth", *data).document
        assert (truth["rows"], truth["sampled_rows"], truth["labelled_rows"]) == (rows, rows, labelled)
        assert truth["metrics"]["roc_auc"] == pytest.approx(peer_roc_auc, abs=0.02)
        drift = driftgate("evaluate", "mes_for_input_drift", *data).document
        assert (drift["sampled_rows"], drift["labelled_rows"]) == (rows, None)
        assert drift["metrics"]["data_drift"] > 0.9
