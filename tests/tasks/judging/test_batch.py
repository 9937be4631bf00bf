from __future__ import annotations

import hashlib
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from governance.errors import NoUsableTarget, SchemaMismatch, UnreadableFile
from governance.project_file import Sampling
from governance.vocabulary import Handling
from tasks.data.schema import Column
from tasks.drift.tallies import CurrentColumns
from tasks.judging.batch import counted_rows, judge_rows, with_correctness
from tasks.judging.brought import Brought, from_skipped_scoring
from tasks.learning.prediction import predict
from tests.tasks.judging.conftest import loans

METHODS = [
    {"method": "full"},
    {"method": "head", "rows": 300},
    {"method": "random", "rows": 300},
    {"method": "ratio", "ratio": 0.4},
    {"method": "class_rebalance", "column": "region", "rows": 300},
]


def judged(source, yardstick, sampling=None, profile=None, **options):
    return judge_rows(source, yardstick, sampling or Sampling(), profile, tell=lambda *_: None, **options)


def tallied(columns):
    tallies = {**columns.columns, **columns.predictions}
    return {
        name: tally.sorted_values().tolist() if hasattr(tally, "sorted_values") else tally.known.tolist()
        for name, tally in tallies.items()
    }


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m["method"])
def test_nothing_depends_on_the_size_of_the_chunks(written, yardstick, profile, method):
    source = written(loans(1_000, seed=2))
    sampling = Sampling(**method, kept_rows=150, where=[{"column": "kind", "none_of": ["trip"]}])
    whole = judged(source, yardstick(), sampling, profile)
    for chunk_rows in (7, 333):
        again = judged(source, yardstick(), sampling, profile, chunk_rows=chunk_rows)
        assert_frame_equal(again.sample, whole.sample)
        assert_frame_equal(again.outcomes, whole.outcomes)
        assert tallied(again.columns) == tallied(whole.columns)
        assert counted_rows(again) == counted_rows(whole)
    assert whole.columns.rows == whole.judged_rows == len(whole.outcomes)
    assert len(whole.sample) == min(150, whole.judged_rows)
    assert set(whole.sample["kind"]) == {"car", "house"}


def test_no_column_is_counted_by_the_thread_that_reads(written, yardstick, profile, monkeypatch):
    counted_by = set()
    add = CurrentColumns.add
    monkeypatch.setattr(
        CurrentColumns, "add", lambda self, rows: (counted_by.add(threading.current_thread()), add(self, rows))
    )
    batch = judged(written(loans(1_000)), yardstick(), profile=profile, chunk_rows=50)
    assert threading.current_thread() not in counted_by
    assert batch.columns.rows == 1_000


def test_outcomes_are_those_of_every_judged_row(written, yardstick, trained):
    rows = loans(500, seed=2)
    rows.loc[3, "repaid"] = None
    rows.loc[4, "region"] = None
    batch = judged(written(rows), yardstick(), Sampling(method="full", kept_rows=100))
    outcomes = batch.outcomes
    assert set(outcomes) == {
        "region", "amount", "target", "weight", "time", "prediction", "proba_no", "proba_yes",
    }  # fmt: skip
    typed = rows.assign(day=pd.to_datetime(rows["day"], utc=True))
    expected = predict(trained.fitted, typed)
    assert outcomes["prediction"].astype("str").tolist() == expected["prediction"].tolist()
    assert np.array_equal(outcomes["proba_yes"], expected["proba_yes"])
    assert outcomes["target"].isna().tolist() == [row == 3 for row in range(500)]
    assert outcomes["target"].dropna().tolist() == rows["repaid"].dropna().tolist()
    assert outcomes["region"].isna().tolist() == [row == 4 for row in range(500)]
    assert outcomes["weight"].tolist() == rows["size"].tolist()
    assert outcomes["time"].tolist() == typed["day"].tolist()
    assert (batch.judged_rows, batch.labelled_rows, len(batch.sample)) == (500, 499, 100)


def test_the_kept_rows_know_whether_they_were_predicted_rightly(written, yardstick):
    rows = loans(100, seed=2)
    rows.loc[3, "repaid"] = None
    kept = with_correctness(judged(written(rows), yardstick()).sample, yardstick())
    assert kept["prediction_correct"].isna().tolist() == [row == 3 for row in range(100)]
    known = kept.drop(index=3)
    assert known["prediction_correct"].tolist() == (known["prediction"] == known["repaid"]).tolist()
    assert "prediction_correct" not in with_correctness(
        kept.drop(columns="prediction_correct"), yardstick(labelled=False)
    )


def test_the_fingerprint_is_of_the_bytes_that_were_read(written, yardstick):
    source = written(loans(100))
    expected = hashlib.sha256(source.path.read_bytes()).hexdigest()
    assert judged(source, yardstick()).fingerprint == expected


def test_a_file_that_changes_meanwhile_is_refused(written, yardstick):
    source = written(loans(2_000))

    def meddle(_sentence: str, _share: float | None = None) -> None:
        with source.path.open("a") as file:
            file.write("2024-01-01,1,car,north,1,yes\n")

    with pytest.raises(UnreadableFile, match="it changed while it was read"):
        judge_rows(source, yardstick(), Sampling(method="full"), None, tell=meddle, chunk_rows=500)


def test_all_judged_rows_are_handed_on(written, yardstick):
    handed = []
    judged(written(loans(500)), yardstick(), Sampling(method="full", kept_rows=100), take=handed.append, chunk_rows=99)
    assert sum(map(len, handed)) == 500
    assert {"prediction", "proba_yes", "amount"} <= set(handed[0])


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (lambda rows: rows.drop(columns="kind"), SchemaMismatch, "column 'kind': there is no such column"),
        (lambda rows: rows.drop(columns="repaid"), NoUsableTarget, "set performance: false"),
        (lambda rows: rows.assign(repaid=None), NoUsableTarget, "none of 100 rows has a label"),
        (lambda rows: rows.assign(repaid="perhaps"), SchemaMismatch, "training never knew"),
        (lambda rows: rows.drop(columns="size"), SchemaMismatch, "column 'size': there is no such column"),
        (lambda rows: rows.assign(size=-1), SchemaMismatch, "row 1: the weight -1 is negative"),
        (lambda rows: rows.assign(size=None), SchemaMismatch, "row 1: the weight is missing"),
        (lambda rows: rows.assign(size=1e308), SchemaMismatch, r"row 1: the weight 1e\+308 is more than 1e\+100"),
    ],
)
def test_what_can_not_be_judged_is_refused(written, yardstick, spoil, error, sentence):
    with pytest.raises(error, match=sentence):
        judged(written(spoil(loans(100))), yardstick())


def test_rows_outside_of_the_conditions_may_have_labels_that_nobody_knows(written, yardstick):
    rows = loans(100)
    rows.loc[rows["kind"] == "trip", "repaid"] = "perhaps"
    sampling = Sampling(where=[{"column": "kind", "one_of": ["car", "house"]}])
    assert judged(written(rows), yardstick(), sampling).judged_rows == (rows["kind"] != "trip").sum()


# Predictions that the data bring.


def scored(rows: int = 200) -> pd.DataFrame:
    frame = loans(rows, seed=5)
    probability = np.random.default_rng(1).random(rows).round(3)
    return frame.assign(prediction=np.where(probability >= 0.5, "yes", "no"), proba_yes=probability)


def bringing(yardstick, trained, threshold=None, **changes):
    brought = changes.pop("brought", from_skipped_scoring(trained.schema, list(scored())))
    return yardstick(model=None, brought=brought, threshold=threshold, **changes)


def test_brought_predictions_are_taken_as_they_are(written, yardstick, trained, profile):
    frame = scored()
    batch = judged(written(frame), bringing(yardstick, trained), profile=profile)
    assert batch.outcomes["prediction"].tolist() == frame["prediction"].tolist()
    assert batch.outcomes["proba_yes"].tolist() == frame["proba_yes"].tolist()
    assert batch.outcomes["proba_no"].tolist() == (1 - frame["proba_yes"]).tolist()
    assert list(batch.sample.columns).count("prediction") == 1
    assert batch.columns.predictions["proba_yes"].rows == 200


def test_another_threshold_decides_by_the_probabilities(written, yardstick, trained):
    frame = scored()
    batch = judged(written(frame), bringing(yardstick, trained, threshold=0.8))
    assert (batch.outcomes["prediction"] == "yes").tolist() == (frame["proba_yes"] >= 0.8).tolist()


def test_columns_of_other_names_are_brought_under_ours(written, yardstick, trained):
    frame = scored().rename(columns={"prediction": "guess", "proba_yes": "score"})
    brought = Brought("guess", {"yes": "score"})
    batch = judged(written(frame), bringing(yardstick, trained, brought=brought))
    assert batch.outcomes["prediction"].tolist() == frame["guess"].tolist()
    assert not {"guess", "score"} & set(batch.sample)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda rows: rows.drop(columns="prediction"), "column 'prediction': there is no such column"),
        (lambda rows: rows.assign(prediction=None), "row 1: the prediction is missing"),
        (lambda rows: rows.assign(prediction="perhaps"), "none of the classes no, yes"),
        (lambda rows: rows.assign(proba_yes=1.5), r"row 1: the probability is not between 0 and 1 \(1.5\)"),
        (lambda rows: rows.assign(proba_yes=None), "row 1: the probability is not between 0 and 1"),
    ],
)
def test_what_is_no_prediction_is_refused(written, yardstick, trained, spoil, sentence):
    with pytest.raises(SchemaMismatch, match=sentence):
        judged(written(spoil(scored())), bringing(yardstick, trained))


def test_probabilities_of_all_classes_are_1_together(written, yardstick, trained):
    frame = scored().assign(proba_no=lambda rows: 1 - rows["proba_yes"])
    brought = from_skipped_scoring(trained.schema, list(frame))
    frame.loc[2, "proba_no"] += 0.0009
    assert judged(written(frame), bringing(yardstick, trained, brought=brought)).judged_rows == 200
    frame.loc[3, ["proba_no", "proba_yes"]] = [0.75, 0.95]
    with pytest.raises(SchemaMismatch, match=r"row 4: the probabilities of all classes do not add up to 1 \(1.7\)"):
        judged(written(frame), bringing(yardstick, trained, brought=brought))


def test_a_threshold_without_probabilities_is_refused(written, yardstick, trained):
    with pytest.raises(SchemaMismatch, match=r"column 'proba_yes': the threshold 0\.8 decides from probabilities"):
        judged(written(scored()), bringing(yardstick, trained, threshold=0.8, brought=Brought("prediction", {})))


@pytest.mark.parametrize(
    "sampling",
    [{"where": [{"column": "prediction", "equals": "yes"}]}, {"method": "class_rebalance", "column": "prediction"}],
)
def test_rows_are_chosen_by_predictions_that_are_in_the_file_and_predicted_anew(written, yardstick, sampling):
    frame = scored().assign(prediction_correct=True)
    batch = judged(written(frame), yardstick(watched={"prediction": Handling.CATEGORICAL}), Sampling(**sampling))
    ours = judged(written(frame.drop(columns="prediction")), yardstick()).sample["prediction"]
    assert 0 < batch.judged_rows <= 200
    assert batch.sample["prediction"].tolist() == ours[batch.sample.index].tolist()
    assert batch.outcomes["prediction"].tolist() == batch.sample["prediction"].tolist()


def test_a_feature_must_not_be_called_as_what_is_written_beside_it(written, yardstick, trained):
    schema = replace(trained.schema, features=(Column("prediction_correct", Handling.NUMERICAL),))
    frame = scored().assign(prediction_correct=1)
    with pytest.raises(SchemaMismatch, match="column 'prediction_correct': the column is named as an outcome"):
        judged(written(frame), bringing(yardstick, trained, schema=schema))


def test_a_watched_column_must_not_be_called_as_an_outcome(written, yardstick):
    with pytest.raises(SchemaMismatch, match="column 'weight': the column is named as an outcome"):
        judged(written(loans(100)), yardstick(watched={"weight": Handling.CATEGORICAL}))
