"""``driftgate compare``: the last evaluations, or those that are named, side by side."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from deployments.cli import record
from governance import evaluations, registry
from governance.settings import settings
from governance.vocabulary import Measurement
from tasks import edge


@pytest.fixture
def on_both(home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is on SQLite, then on PostgreSQL."""
    monkeypatch.setenv("DRIFTGATE_DATABASE_URL", database_url)
    settings.cache_clear()


@pytest.fixture
def judged(on_both, trained, project) -> None:
    """Four evaluations of the store drift, a day apart, and one of a standalone store."""
    project.write_text(
        project.read_text().replace("stores:", "stores:\n  theirs: {standalone: {prediction_type: binary}}")
    )
    version, declared, actor = trained(), record.find_project(None), record.acting(None)
    with edge.known(declared, actor) as session:
        row = registry.find_version(session, registry.find_model(session, "loans", "default"), version)
        for day, (drift, auc) in enumerate([(0.5, 0.8), (0.6, 0.79), (0.7, None), (0.9, 0.7)], 1):
            evaluations.record_evaluation(
                session, evaluations.find_store(session, "loans", "drift"), row, id=f"e{day}", name=f"day {day}",
                data=f"daily:{day}", data_fingerprint="0" * 64, rows=100, sampled_rows=10, labelled_rows=None,
                labels={"week": str(10 - day)}, warnings=[], folder=f"evaluations/e{day}", files={},
                measurements=[
                    Measurement("roc_auc", auc, auc and auc - 0.03, auc and auc + 0.03, 10, "" if auc else "one class"),
                    Measurement("data_drift", drift, rows=10),
                    Measurement("column_drift.age.psi", drift / 10),
                ],
                actor=actor, at=edge.now() + timedelta(seconds=day),
            )  # fmt: skip
        evaluations.record_evaluation(
            session, evaluations.find_store(session, "loans", "theirs"), None, id="t1", name="theirs",
            data="scored", data_fingerprint="0" * 64, rows=100, sampled_rows=10, labelled_rows=10, labels={},
            warnings=[], folder="evaluations/t1", files={}, measurements=[Measurement("roc_auc", 0.85, 0.81, 0.89)],
            actor=actor, at=edge.now(),
        )  # fmt: skip


def test_the_last_evaluations_of_a_store_are_shown_oldest_first(driftgate, judged) -> None:
    found = driftgate("compare", "drift", "--last", 3, "--json").document
    assert [one["id"] for one in found["evaluations"]] == ["e2", "e3", "e4"]
    assert [one["metric"] for one in found["metrics"]] == ["roc_auc", "data_drift"]
    auc = found["metrics"][0]["values"]
    assert [one["value"] for one in auc] == [0.79, None, 0.7]
    assert (auc[1]["reason"], auc[0]["difference"]) == ("one class", None)
    assert (found["chart"], found["champion"]) == ("lines", None)
    words = driftgate("compare", "drift", "--last", 3).words
    assert "default 1" in words
    assert "0.7900 [0.7600…0.8200]" in words
    assert "▁▃█" in words, "data_drift rises from 0.6 over 0.7 to 0.9"


def test_one_store_may_be_compared_with_another_and_differences_are_to_the_champion(driftgate, judged) -> None:
    found = driftgate("compare", "--evaluation", "e1", "--evaluation", "theirs", "--champion", "e1", "--json").document
    assert [(one["id"], one["store"], one["model"]) for one in found["evaluations"]] == [
        ("t1", "theirs", None), ("e1", "drift", "default"),
    ]  # fmt: skip
    theirs, champion = found["metrics"][0]["values"]
    assert theirs["difference"] == {
        "value": pytest.approx(0.05), "lower": pytest.approx(0.0), "upper": pytest.approx(0.1), "rows": None, "reason": "",
    }  # fmt: skip
    assert champion["difference"] is None
    assert "value" not in found["metrics"][1]["values"][0], "a standalone store without a reference has no data_drift"
    shown = driftgate("compare", "--evaluation", "e1", "--evaluation", "theirs", "--champion", "e1")
    assert "+0.0500" in shown.words
    assert "…0.1000]" in shown.words
    assert "day 1 (champion)" in shown.words
    assert "standalone" in shown.words
    assert "█" * 12 in shown.out


def test_the_champion_need_not_be_among_the_last_ones(driftgate, judged) -> None:
    found = driftgate(
        "compare", "drift", "--last", 1, "--champion", "day 1", "--metric", "data_drift", "--json"
    ).document
    assert [one["id"] for one in found["evaluations"]] == ["e1", "e4"]
    assert found["metrics"][0]["values"][1]["difference"]["value"] == pytest.approx(0.4)


def test_a_label_is_the_axis(driftgate, judged) -> None:
    found = driftgate("compare", "drift", "--label", "week", "--json").document
    assert [(one["x"], one["id"]) for one in found["evaluations"]] == [
        ("6", "e4"),
        ("7", "e3"),
        ("8", "e2"),
        ("9", "e1"),
    ]
    assert "week" in driftgate("compare", "drift", "--label", "week").words


def test_any_metric_may_be_asked_for(driftgate, judged) -> None:
    found = driftgate("compare", "drift", "--metric", "column_drift.age.psi", "--json").document
    assert [one["metric"] for one in found["metrics"]] == ["column_drift.age.psi"]
    assert len(found["evaluations"]) == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "known: drift, theirs"),
        (("nonsense",), "no store 'nonsense'"),
        (("--evaluation", "e9"), "no evaluation 'e9' (known: e4, e3, e2, e1, t1)"),
        (("drift", "--evaluation", "t1"), "no evaluation 't1' (known: e4, e3, e2, e1)"),
        (("drift", "--champion", "e9"), "no evaluation 'e9'"),
        (("drift", "--metric", "roc_acu"), "(known: roc_auc)"),
        (("drift", "--label", "weak"), "no label of these evaluations 'weak' (known: week)"),
        (("drift", "--last", "0"), "--last"),
    ],
)
def test_a_name_that_nothing_answers_to_is_wrong_usage_with_those_there_are(
    driftgate, judged, arguments: tuple[str, ...], sentence: str
) -> None:
    done = driftgate("compare", *arguments, "--json")
    assert done.code == 2
    assert sentence in done.document["error"]["message"]


def test_before_the_first_evaluation_it_says_how_to_make_one(driftgate, project) -> None:
    done = driftgate("compare")
    assert done.code == 2
    assert "no evaluation in store 'drift'; make one with 'driftgate evaluate'" in done.words
